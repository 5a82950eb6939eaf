#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# demo.bats: the demo shows what it promises, quickly, and leaves nothing behind, not even when it is interrupted.
# bats file_tags=alone
load lib

# What it could leave in this mount namespace and on the machine.
traces() {
  grep -s . "$KSM"/{run,pages_to_scan,sleep_millisecs,smart_scan,advisor_mode,use_zero_pages}
  awk '{ print $5 }' /proc/self/mountinfo
  find "$OCI_KSM_PRIVATE" -maxdepth 1 -name 'demo.*'
  pgrep -r R,S,D -f 'copy-[0-9]+-python|/workloads/python' || true
  find /sys/fs/cgroup/memory /sys/fs/cgroup -maxdepth 1 -name 'copy-*' 2> /dev/null
}

# Other tests use KSM as well.
quiet() { exec {KSM_LOCK_FD}> "$KSM_LOCK" && flock "$KSM_LOCK_FD"; }
free() { flock -u "$KSM_LOCK_FD"; }

@test "two rows: nothing merged without us, nearly everything with us, within a minute" {
  quiet
  traces > "$T/before"
  free
  start=$SECONDS
  run --separate-stderr -0 "$TOP/tests/demo/run"
  printf '%s\n' "$output" | sed 's/^/# /' >&3
  assert_equal "${#lines[@]}" 3
  read -r _ anonymous _ duplicates _ merged _ share _ left _ <<< "${lines[1]}"
  assert_equal "${lines[1]%% *} $merged $share $left" "none 0 0 $anonymous"
  read -r _ anonymous _ duplicates _ merged _ share _ left _ <<< "${lines[2]}"
  assert_equal "${lines[2]%% *}" preload
  [ "${share%.*}" -ge 95 ]
  [ "$merged" -ge $((duplicates * 95 / 100)) ]
  [ "$left" -le $((anonymous - merged + 10)) ]
  [ $((SECONDS - start)) -lt 60 ] || fail "it took $((SECONDS - start)) s"
  quiet
  traces > "$T/after"
  free
  assert_same "$T/before" "$T/after"
}

@test "interrupted in the middle" {
  quiet
  traces > "$T/before"
  free
  for signal in INT:130 TERM:143; do
    background setsid env --default-signal=INT "$TOP/tests/demo/run"
    scanning() { [ "$(cat "$KSM/run")" = 1 ] && grep -q 'preload: merging' "$T/background.out"; }
    wait_for 60 scanning
    kill -s "${signal%:*}" -- "-$BACKGROUND_PID"
    status=0
    wait "$BACKGROUND_PID" || status=$?
    assert_status "${signal#*:}"
    quiet
    traces > "$T/after"
    free
    assert_same "$T/before" "$T/after"
  done
}
