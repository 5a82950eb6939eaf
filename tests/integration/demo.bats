#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# demo.bats: the demo shows what it promises, quickly, and leaves nothing behind, not even when it is interrupted.
# bats file_tags=alone
load lib

# What it could leave in this mount namespace and on the machine.
traces() {
  grep -s . "$KSM"/{run,sleep_millisecs,smart_scan,advisor_mode,use_zero_pages}
  # An advisor changes this one all the time.
  grep -qs '\[scan-time\]' "$KSM/advisor_mode" || cat "$KSM/pages_to_scan"
  awk '{ print $5 }' /proc/self/mountinfo
  find "$OCI_KSM_PRIVATE" -maxdepth 1 -name 'demo.*'
  pgrep -r R,S,D -f 'copy-[0-9]+-python|/workloads/python|oci-ksmd --socket=[^ ]*/demo\.' || true
  find /sys/fs/cgroup/memory /sys/fs/cgroup -maxdepth 1 -name 'copy-*' 2> /dev/null
}

# Other tests use KSM as well.
quiet() { exec {KSM_LOCK_FD}> "$KSM_LOCK" && flock "$KSM_LOCK_FD"; }
free() { flock -u "$KSM_LOCK_FD"; }

@test "none and four modes: nothing merged without us, nearly everything in each mode, within a minute" {
  quiet
  traces > "$T/before"
  free
  run --separate-stderr -0 "$TOP/tests/demo/run"
  printf '%s\n' "$output" | sed 's/^/# /' >&3
  assert_equal "$(awk '{ print $1 }' <<< "$output" | xargs)" 'mode none preload notify process auto'
  read -r _ anonymous _ duplicates _ merged _ share _ left _ <<< "${lines[1]}"
  assert_equal "${lines[1]%% *} $merged $share $left" "none 0 0 $anonymous"
  for line in "${lines[@]:2}"; do
    read -r _ anonymous _ duplicates _ merged _ share _ left _ <<< "$line"
    [ "${share%.*}" -ge 95 ]
    [ "$merged" -ge $((duplicates * 95 / 100)) ]
    [ "$left" -le $((anonymous - merged + 10)) ]
  done
  # Without the time that it waited for others who use KSM.
  assert_match "$stderr" 'All of it in ([0-9]+) s. What auto is here: [a-z,]+: auto: '
  [ "${BASH_REMATCH[1]}" -lt 60 ]
  quiet
  traces > "$T/after"
  free
  assert_same "$T/before" "$T/after"
}

@test "interrupted in the middle" {
  quiet
  traces > "$T/before"
  free
  for how in preload:INT:130 notify:TERM:143; do
    IFS=: read -r mode signal expected <<< "$how"
    background setsid env --default-signal=INT OCI_KSM_COPIES=4 "$TOP/tests/demo/run"
    scanning() { [ "$(cat "$KSM/run")" = 1 ] && grep -q "$mode: merging" "$T/background.out"; }
    wait_for 300 scanning
    kill -s "$signal" -- "-$BACKGROUND_PID"
    status=0
    wait "$BACKGROUND_PID" || status=$?
    assert_status "$expected"
    quiet
    traces > "$T/after"
    free
    assert_same "$T/before" "$T/after"
  done
}
