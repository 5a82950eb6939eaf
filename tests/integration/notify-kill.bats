#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-kill.bats: parts of oci-ksmd are killed or replaced at random moments while 8 containers map, grow and shrink memory in
# tight loops: no call fails or has another result, nothing hangs, and in the end everything is marked.
# OCI_KSM_KILLS: how often the working process is killed, OCI_KSM_REPLACEMENTS: upgrades, OCI_KSM_KEEPER_KILLS: the keeper.
load lib
load notify

KILLS=${OCI_KSM_KILLS:-60}
REPLACEMENTS=${OCI_KSM_REPLACEMENTS:-12}
KEEPER_KILLS=${OCI_KSM_KEEPER_KILLS:-12}
CONTAINERS=8
# brk grows its heap until it may no more.
STRESS='ulimit -d 131072; stress-ng --temp-path /tmp --timeout 3600 --verify --mmap 1 --mmap-bytes 8M --brk 1 --malloc 1 --malloc-bytes 8M
  --mremap 1 --mremap-bytes 8M --fork 1'

setup() {
  test_begin
  notifies || return 0
  notify_begin OCI_KSM_NO=prctl
  for ((i = 1; i <= CONTAINERS; i++)); do
    rootfs_host "$T/r$i"
    mkdir "$T/r$i/out"
    cp "$BUILD/tests/workloads/calls" "$T/r$i/out/"
    bundle "$T/b$i" "$T/r$i" -a oci-ksm/mode=notify -- /bin/sh -c \
      "(${STRESS//$'\n'/ } > /out/stress.log 2>&1; echo \$? > /out/status) & exec /out/calls"
    oci_start wrapper-crun "$T/b$i" "$(cid "$i")"
  done
  notify_serves "$CONTAINERS"
}
calls_rest() { grep -q '^resting' "$T/$(cid "$1").out"; }
stress_ended() { [ -s "$T/r$1/out/status" ]; }
stress_pid() { container_pids crun "$(cid "$1")" | xargs ps -o pid=,ppid=,comm= -p | awk '$3 == "stress-ng" { print $1; exit }'; }

# Ends the work in all containers and looks at what it says, and at its memory.
assert_unharmed() {
  local i pid calls=0
  for ((i = 1; i <= CONTAINERS; i++)); do
    pid=$(oci_pid crun "$(cid "$i")")
    kill -INT "$(stress_pid "$i")" || fail "no stress-ng in container $i: $(cat "$T/r$i/out/stress.log")" || return 1
    kill -USR1 "$pid"
  done
  for ((i = 1; i <= CONTAINERS; i++)); do
    wait_for 30 calls_rest "$i"
    wait_for 30 stress_ended "$i"
  done
  for ((i = 1; i <= CONTAINERS; i++)); do
    assert_all_marked 65536 "$(oci_pid crun "$(cid "$i")")"
    assert_equal "$(cat "$T/$(cid "$i").err")" ''
    assert_match "$(cat "$T/$(cid "$i").out")" '^resting: [1-9][0-9]* calls, 0 wrong$'
    assert_equal "$(cat "$T/r$i/out/status")" 0
    assert_equal "$(grep -vE ' (info|metrc): ' "$T/r$i/out/stress.log")" ''
    calls=$((calls + $(grep -oE '[0-9]+ calls' "$T/$(cid "$i").out" | cut -d' ' -f1)))
  done
  echo "# $* while 8 containers made $calls checked calls, and stress-ng's: none failed" >&3
}

@test "SIGKILL of the working process" {
  if ! notifies; then unnotified; return; fi
  "$NOTIFY_TOOL" kill "$SOCKET" "$KILLS" worker
  assert_unharmed "$KILLS kills of the worker"
}

@test "upgrades of the running helper" {
  if ! notifies; then unnotified; return; fi
  local i
  for ((i = 0; i < REPLACEMENTS; i++)); do
    timeout 20 "$BIN/oci-ksmd" --replace
    notify_serves "$CONTAINERS"
  done
  assert_unharmed "$REPLACEMENTS upgrades"
}

@test "SIGKILL of the keeper" {
  if ! notifies; then unnotified; return; fi
  "$NOTIFY_TOOL" kill "$SOCKET" "$KEEPER_KILLS" keeper
  assert_unharmed "$KEEPER_KILLS kills of the keeper"
}

@test "SIGKILL of keeper and worker in turn, and upgrades between" {
  if ! notifies; then unnotified; return; fi
  local i
  for ((i = 0; i < 5; i++)); do
    "$NOTIFY_TOOL" kill "$SOCKET" 3 worker
    "$NOTIFY_TOOL" kill "$SOCKET" 1 keeper
    timeout 20 "$BIN/oci-ksmd" --replace
  done
  assert_unharmed "15 kills of the worker, 5 of the keeper, 5 upgrades"
}
