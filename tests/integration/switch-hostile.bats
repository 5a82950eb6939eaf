#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# switch-hostile.bats: what tenants try against oci-ksm enable and disable.
load lib

setup() { test_begin; }
teardown() { test_end; }

@test "memory whose reader nobody can kill: that process is left behind, and others are switched meanwhile" {
  local other
  if lacks madvise; then return; fi
  background sleep 1000
  other=$BACKGROUND_PID
  mkdir "$T/fuse"
  background "$BUILD/tests/workloads/hostile" library "$T/fuse"
  wait_for 10 grep -q ready "$T/background.out"
  run --separate-stderr -1 timeout -k 1 60 "$BIN/oci-ksm" enable --json "$BACKGROUND_PID"
  assert_equal "$(jq -c '.containers[0] | [.processes, .left_alone.stuck]' <<< "$output")" '[0,1]'
  # The one who waits has none of our locks.
  run -0 timeout -k 1 5 "$BIN/oci-ksm" enable "$other"
  # A server that is gone is no server.
  kill -KILL "$BACKGROUND_PID"
  none_waits() { ! grep -ls '^State:.D' /proc/[0-9]*/status | xargs -r dirname | xargs -rI@ grep -lsz oci-ksm @/cmdline | grep -q .; }
  wait_for 10 none_waits
}

@test "a cgroup's name cannot steer a terminal" {
  local group=/sys/fs/cgroup/cpuacct
  [ -d "$group" ] || group=/sys/fs/cgroup
  group=$group/oci-ksm-test-$$-$'\e[31m'
  mkdir "$group"
  background sh -c 'echo 0 > "$0/cgroup.procs"; exec sleep 1000' "$group"
  in_group() { [ -n "$(cat "$group/cgroup.procs")" ]; }
  wait_for 10 in_group
  if ! lacks madvise; then
    run "$BIN/oci-ksm" enable "$group"
    assert_contains "$output" '\x1b[31m'
    refute_contains "$output" $'\e'
  fi
  kill -KILL "$BACKGROUND_PID"
  wait_for 10 rmdir "$group"
  run -1 "$BIN/oci-ksm" disable "$group"
  assert_contains "$output" '\x1b[31m: No such process'
  refute_contains "$output" $'\e'
}
