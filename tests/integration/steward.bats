#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# steward.bats: oci-ksmd's steward, the process that does the slow chores: it costs nothing while there are none, and is started again
# when it is killed; containers that were enabled while running stay so as a whole.
# bats file_tags=alone
load lib
load notify

teardown() {
  notify_containers_end
  notify_end
  test_end
}

# stewards [KEEPER]: children of the keeper that are one; fails if there is none.
stewards() {
  local pid
  for pid in $(xargs -n 1 < "/proc/${1:-$NOTIFY_GROUP}/task/${1:-$NOTIFY_GROUP}/children"); do
    if [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = oci-ksm-steward ]; then echo "$pid"; fi
  done | grep .
}
# steward [KEEPER]: its pid, when there is one
steward() { wait_for 10 stewards "$@" > /dev/null && stewards "$@"; }
# works PID: it watches files, so its turn has come; and sleeps PID: it has done what there was.
works() { readlink "/proc/$1"/fd/* | grep -q inotify; }
sleeps() { works "$1" && grep -q '^State:\sS' "/proc/$1/status"; }
switches() { awk '/^voluntary_ctxt_switches|^nonvoluntary/ { n += $2 } END { print n }' "/proc/$1/status"; }

@test "with nothing to do it does not wake up, holds no listener, and has fewer rights than the others" {
  local pid before
  notify_begin
  rootfs_busybox "$T/r"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -- /bin/sleep 1000
  oci_start wrapper-crun "$T/b" "$(cid 1)"
  wait_for 30 notify_serves 1
  kill -KILL "$(steward)"
  pid=$(steward)
  wait_for 10 sleeps "$pid"
  run readlink "/proc/$pid"/fd/*
  assert_equal "$(grep -E '^anon_inode|^/memfd|^socket' <<< "$output" | sed 's/\[.*//' | sort)" 'anon_inode:inotify
socket:'
  # DAC_READ_SEARCH, SYS_PTRACE, SYS_ADMIN
  assert_equal "$(sed -n 's/^CapPrm:\s*//p' "/proc/$pid/status")" "$(printf %016x $((1 << 2 | 1 << 19 | 1 << 21)))"
  assert_equal "$(cat "/proc/$pid/oom_score_adj")" 0
  before=$(switches "$pid")
  sleep 5
  assert_equal "$(switches "$pid")" "$before"
}

@test "killed 20 times it comes back, alone, and it ends with the others" {
  local i pid last
  notify_begin
  pid=$(steward)
  for ((i = 0; i < 20; i++)); do
    last=$pid
    kill -KILL "$last"
    wait_for 10 assert_gone "$last"
    pid=$(steward)
  done
  wait_for 10 works "$pid"
  assert_log_lines 20 'the steward was killed by signal 9: starting another'
  for ((i = 0; i < 3; i++)); do
    last=$pid
    timeout 20 "$BIN/oci-ksmd" --replace
    wait_for 10 assert_gone "$last"
    pid=$(steward)
  done
  wait_for 10 works "$pid"
  # The worker becomes keeper.
  kill -KILL "$NOTIFY_GROUP"
  wait_for 10 assert_gone "$pid"
  wait_for 10 works "$(steward "$(notify_hello keeper)")"
  assert_log_lines 20 'the steward'
}

@test "two oci-ksmd with one folder of state: one steward works, the other takes over" {
  local first second keeper
  notify_begin
  first=$(steward)
  wait_for 10 works "$first"
  background "$BIN/oci-ksmd" --socket="$T/other.sock" --log=stderr
  keeper=$BACKGROUND_PID
  second=$(steward "$keeper")
  sleep 0.5
  if works "$second"; then fail 'both work'; fi
  kill -TERM "$NOTIFY_GROUP"
  wait_for 10 works "$second"
  kill -TERM "$keeper"
  wait_for 10 assert_gone "$second"
  # One that waits ends, too.
  notify_end
}
