#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-hostile.bats: programs that attack the helper which marks their memory, and through it their neighbours.
load lib
load notify

setup() {
  HOSTILE=$BUILD/tests/workloads/hostile
  test_begin
  notify_begin OCI_KSM_NO=prctl
}
# hostile ARGS...: under notify, in the background.
hostile() {
  background "$BIN/oci-ksm" run --mode=notify --required -- "$HOSTILE" "$@"
  wait_for 30 grep -q ready "$T/background.out"
}
# neighbour_is_marked SECONDS: what another program maps meanwhile.
neighbour_is_marked() {
  background "$BIN/oci-ksm" run --mode=notify --required -- "$BUILD/tests/workloads/static"
  wait_for 30 grep -q ready "$T/background.out"
  MARKED_WITHIN=$1 assert_all_marked 65536 "$BACKGROUND_PID"
}

@test "no thread is ever without its filters" {
  if ! notifies; then unserved; return; fi
  run timeout 20 "$BIN/oci-ksm" run --mode=notify --required -- "$HOSTILE" filter 8
  assert_output 0
}

# bats test_tags=alone
@test "memory that nobody ever provides holds up its own container only" {
  if ! notifies; then unserved; return; fi
  hostile hang
  neighbour_is_marked 6
  # It is left alone for a while.
  neighbour_is_marked 1
  neighbour_is_marked 1
  assert_equal "$(grep -c 'held the marker up' "$LOG")" 1
}

# bats test_tags=alone
@test "threads that never stop are not the others' concern" {
  if ! notifies; then unserved; return; fi
  hostile deaf 20
  neighbour_is_marked 2
  neighbour_is_marked 2
}

@test "another program in the cgroup, with a filter of its own, is not taken for the container's" {
  if ! notifies; then unserved; return; fi
  local group=/sys/fs/cgroup/cpuacct pid
  [ -d "$group" ] || group=/sys/fs/cgroup
  group=$group/oci-ksm-test-$$
  mkdir "$group"
  background sh -c "echo 0 > $group/cgroup.procs; exec '$HOSTILE' sandbox"
  pid=$BACKGROUND_PID
  wait_for 30 grep -q ready "$T/background.out"
  background sh -c "echo 0 > $group/cgroup.procs; exec '$BIN/oci-ksm' run --mode=notify --required -- '$BUILD/tests/workloads/static'"
  wait_for 30 grep -q ready "$T/background.out"
  assert_all_marked 65536 "$BACKGROUND_PID"
  sleep 1.5 # all members are looked at twice a second
  refute_equal "$("$NOTIFY_TOOL" unmarked 67108864 "$pid")" ''
  kill -KILL "$pid" "$BACKGROUND_PID"
  wait_for 30 rmdir "$group"
}

# marker_ticks: of CPU that the marker has used.
marker_ticks() {
  local pid
  for pid in $(pgrep -g "$NOTIFY_GROUP"); do
    [ "$(cat "/proc/$pid/comm")" != oci-ksmd-marker ] || awk '{ print $14 + $15 }' "/proc/$pid/stat"
  done
}
# marker_share LIMIT: percent of one CPU, in 4 s. Whatever else runs on the machine only adds: the best of three counts.
marker_share() {
  local before used
  for _ in 1 2 3; do
    before=$(marker_ticks)
    sleep 4
    used=$(($(marker_ticks) - before))
    echo "# the marker used $used ticks in 4 s" >&3
    if [ "$used" -le $((4 * $1)) ]; then return; fi
  done
  fail "more than $1 % of a CPU"
}

# bats test_tags=alone
@test "a container with many large processes gets a quarter of the marker's time" {
  if ! notifies; then unserved; return; fi
  hostile regions 6
  for ((i = 0; i < 3; i++)); do neighbour_is_marked 1; done
  marker_share 40
}

# bats test_tags=alone
@test "large processes that cannot be marked cost little" {
  if ! notifies; then unserved; return; fi
  hostile stopped 6
  neighbour_is_marked 1
  marker_share 25
}

@test "a process that executes a program just when it is to be stopped is marked, and let go" {
  if ! notifies; then unnotified; return; fi
  local i round pid
  notify_end
  notify_begin
  rootfs_host "$T/r"
  mkdir "$T/r/out"
  cp "$BUILD/tests/workloads/static" "$T/r/out/"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -- /out/static
  for round in 1 2; do
    for i in 1 2 3 4 5 6 7 8; do oci_start wrapper-runc "$T/b" "$(cid "$round$i")"; done
    for i in 1 2 3 4 5 6 7 8; do
      wait_for 30 grep -q ready "$T/$(cid "$round$i").out"
      pid=$(oci_pid runc "$(cid "$round$i")")
      assert_all_marked 65536 "$pid"
      wait_for 30 grep -q $'TracerPid:\t0' "/proc/$pid/status"
      oci_stop runc "$(cid "$round$i")"
    done
  done
}

# All roots count together, those in containers without a user namespace, too: one of them can take all that there is.
@test "where root has no epoll watches and no inotify left, nobody is lost, and what is switched off stays so" {
  if ! notifies; then unnotified; return; fi
  local pid
  notify_end
  HELPER_UNDER=$BUILD/tests/notify/no_watches notify_begin OCI_KSM_NO=prctl
  rootfs_host "$T/r"
  mkdir "$T/r/out"
  cp "$BUILD/tests/workloads/calls" "$T/r/out/"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -- /out/calls
  oci_start wrapper-crun "$T/b" "$(cid)"
  run -0 timeout 60 "$BIN/oci-ksm" run --mode=notify --required --sync -- "$BUILD/tests/notify/own"
  # Not all are held up until they are marked, if that takes long.
  assert_match "$output" '^200 calls, '
  # Each process of the helper begins with what it had.
  "$NOTIFY_TOOL" kill "$SOCKET" 2 worker
  "$NOTIFY_TOOL" kill "$SOCKET" 2 keeper
  pid=$(oci_pid crun "$(cid)")
  run -0 "$BIN/oci-ksm" disable "$(cid)"
  sleep 2 # the marker looks once a second
  kill -USR1 "$pid"
  wait_for 30 grep -q '^resting' "$T/$(cid).out"
  assert_match "$(cat "$T/$(cid).out")" '^resting: [1-9][0-9]* calls, 0 wrong$'
  neighbour_is_marked 10
  refute_equal "$("$NOTIFY_TOOL" unmarked 65536 "$pid")" ''
  if lacks madvise; then
    refused_without_ksm "$BIN/oci-ksm" enable "$(cid)"
  else
    run -0 "$BIN/oci-ksm" enable "$(cid)"
    assert_all_marked 65536 "$pid"
  fi
  assert_contains "$(cat "$LOG")" "container $(cid): warning: the kernel has no room for another watch (fs.epoll.max_user_watches)"
  oci_stop crun "$(cid)"
  wait_for 30 notify_serves 1 # the neighbour
}
