#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# vanish.bats: commands while the containers that they look at begin, and are killed.
load lib

# churn_begin: one loop starts containers by our wrapper, one as podman does, without us; each runs for a moment, and is killed. Their processes
# come and go, too.
churn_begin() {
  local busy='for i in 1 2 3; do while :; do sleep 0.01; done & done; wait'
  HEX=$(printf '%s-%s' "$$" "$BATS_TEST_NUMBER" | sha256sum | cut -d' ' -f1)
  rootfs_busybox "$T/root"
  bundle "$T/ours" "$T/root" -a oci-ksm/mode=process -- sh -c "$busy"
  bundle "$T/podmans" "$T/root" -- sh -c "$busy"
  bundle_edit "$T/podmans" '.linux.cgroupsPath = $path' --arg path "/libpod-$HEX"
  bundle "$T/lasting" "$T/root" -a oci-ksm/mode=off -- sh -c "$busy"
  # It begins nothing any more once there is $T/stop; killed, it would leave a runtime behind that works on.
  cat > "$T/churn" << 'END'
runtime=$1 bundle=$2 id=$3
until [ -e "$T/stop" ]; do
  "$runtime" --root "$T/rt-crun" run --detach --bundle "$bundle" "$id" < /dev/null > /dev/null 2>> "$T/churn.err" && echo "$id" >> "$T/churned"
  sleep 0.1
  crun --root "$T/rt-crun" kill "$id" KILL
  until crun --root "$T/rt-crun" delete "$id"; do sleep 0.01; done 2> /dev/null
done
END
  export T
  bash "$T/churn" "$T/link/oci-ksm-runtime-crun" "$T/ours" "$(cid ours)" < /dev/null > /dev/null 2>&1 3>&- &
  CHURN=($!)
  bash "$T/churn" crun "$T/podmans" "$(cid podmans)" < /dev/null > /dev/null 2>&1 3>&- &
  CHURN+=($!)
  wait_for 10 test -s "$T/churned"
}
teardown() {
  touch "$T/stop"
  [ -z "${CHURN:-}" ] || wait "${CHURN[@]}"
  test_end
}

# often FILTER COMMAND...: 6 times, and on until FILTER is true of the JSON for once; never an error or a word on stderr; what it says is sane.
often() {
  local filter=$1 round seen=0
  shift
  for ((round = 0; round < 6 || (seen == 0 && round < 200); round++)); do
    run --separate-stderr -0 "$BIN/oci-ksm" "$@"
    assert_equal "$stderr" ''
    assert_equal "$(jq -c '[.. | objects | to_entries[] | select((.value | type) == "number" and .value < 0 and .key != "saved")]' <<< "$output")" '[]'
    [ "$(jq "$filter" <<< "$output")" != true ] || seen=1
  done
  [ "$seen" -eq 1 ] || fail "never: $filter" "$output"
}

@test "status, metrics and estimate: no error, and what they say is sane" {
  churn_begin
  often "[.containers[] | select(.id == \"$(cid ours)\" and .processes > 0)] != []" status --json
  often "[.containers[] | select(.id == \"$(cid ours)\" and .processes > 0 and .frames > 0)] != []" status --json --frames
  often "[.targets[] | select(.processes > 0) | .target] | index(\"$HEX\") != null" estimate --all --json --interval=0.02
  for _ in {1..6}; do
    run --separate-stderr -0 "$BIN/oci-ksm" metrics
    assert_equal "$stderr" ''
    assert_equal "$(grep -cvE '^(# (HELP|TYPE|UNIT) |oci_ksm_[a-z_]+(\{.*\})? -?[0-9.e+]+$)' <<< "$output")" 0
  done
  [ "$(wc -l < "$T/churned")" -gt 10 ]
  assert_equal "$(grep -v 'cannot find cgroup' "$T/churn.err")" ''
}

@test "enable and disable: what goes meanwhile is no error, and who stays goes on" {
  local nothing='No such process|: 0 processes'
  if lacks madvise; then nothing+='|no KSM'; fi
  churn_begin
  oci_start crun "$T/lasting" "$(cid lasting)"
  for _ in {1..3}; do
    if lacks madvise; then
      refused_without_ksm "$BIN/oci-ksm" enable "$(cid lasting)"
    else
      run --separate-stderr -0 "$BIN/oci-ksm" enable "$(cid lasting)"
      assert_match "$output" 'merging on: [1-9]'
    fi
    run --separate-stderr -0 "$BIN/oci-ksm" disable "$(cid lasting)"
    assert_match "$output" 'merging off: [1-9]'
    # It may have gone before anything was done.
    for id in "$(cid ours)" "$HEX"; do
      for command in enable disable; do
        run --separate-stderr "$BIN/oci-ksm" "$command" "$id"
        [ "$status" -eq 0 ] || assert_match "$output$stderr" "$nothing"
      done
    done
  done
  assert_equal "$(oci crun state "$(cid lasting)" | jq -r .status)" running
}
