#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-rootless.bats: a helper that an ordinary user runs serves that user's podman containers, and oci-ksm run.
# bats file_tags=podman
load lib
load notify
load podman-user

setup_file() {
  user_begin
  rootfs_busybox "$P/busybox"
  cp "$BUILD/tests/workloads/static" "$P/busybox/bin/"
  cp "$BUILD/tests/workloads/static" /usr/local/bin/
  podman_load busybox "$P/busybox"
}
teardown_file() { user_end; }

setup() {
  test_begin
  unset OCI_KSM_SETTINGS
  LOG=$USER_RUN/oci-ksm/log SOCKET=$USER_RUN/oci-ksm/notify.sock
  rm -f "$LOG"
}
teardown() {
  podman rm --all --force --time 0 > /dev/null
  pkill -KILL -u 1234 -x static || true
  notify_containers_end
  notify_end
  test_end
}

container_ready() { podman logs "$1" | grep -q ready; }

@test "podman: a static program's memory is marked, region by region, whichever user of the container it has" {
  user_helper "OCI_KSM_NO=$(off prctl)"
  # What /proc shows of another user's process is less.
  podman run -d --name other --user 1000 --annotation oci-ksm/mode=notify busybox /bin/static
  wait_for 30 container_ready other
  if notifies; then assert_all_marked 65536 "$(podman inspect --format '{{.State.Pid}}' other)"; fi
  podman rm --force --time 0 other
  rm -f "$LOG"
  podman run -d --name x --annotation oci-ksm/mode=notify busybox /bin/static
  wait_for 30 container_ready x
  pid=$(podman inspect --format '{{.State.Pid}}' x)
  if ! notifies; then
    assert_log_lines 1 'warning: merging by preload: notify is not possible: '
    refute_equal "$("$NOTIFY_TOOL" unmarked 65536 "$pid")" ''
    return
  fi
  assert_all_marked 65536 "$pid"
  assert_equal "$(grep -c 'merge_any: no' "/proc/$pid/ksm_stat")" 1
  notify_serves 1
  podman stop --time 0 x
  wait_for 30 notify_serves 0
}

@test "podman: whole processes, also of another user of the container, and exec sessions" {
  user_helper
  podman run -d --name x --user 1000 --annotation oci-ksm/mode=notify busybox /bin/static
  wait_for 30 container_ready x
  pid=$(podman inspect --format '{{.State.Pid}}' x)
  assert_equal "$(stat -c %u "/proc/$pid")" 200999
  if notifies; then
    assert_all_marked 65536 "$pid"
  else
    refute_equal "$("$NOTIFY_TOOL" unmarked 65536 "$pid")" ''
  fi
  run -0 podman exec x /bin/busybox sh -c 'head -c 1000000 /dev/zero | wc -c'
  assert_output 1000000
}

@test "podman: no helper: the container runs, and the log says why" {
  podman run -d --name x --annotation oci-ksm/mode=notify busybox /bin/static
  wait_for 30 container_ready x
  assert_match "$(cat "$LOG")" 'notify is not possible'
}

@test "oci-ksm run, with the user's helper and without one" {
  user_helper "OCI_KSM_NO=$(off prctl)"
  if ! notifies; then
    run -125 as_user oci-ksm run --mode=notify --required -- static
    assert_match "$output" 'notify is not possible: '
    return
  fi
  as_user oci-ksm run --mode=notify --required -- static > "$T/out" 2>&1 &
  echo "$!" >> "$T/background"
  wait_for 30 grep -q ready "$T/out"
  notify_serves 1
  assert_all_marked 65536 "$(pgrep -u 1234 -x static)"
  pkill -u 1234 -x static
  wait_for 30 notify_serves 0
  notify_end
  as_user OCI_KSM_NO="$(off prctl)" oci-ksm run --mode=notify --required -- static > "$T/again" 2>&1 &
  echo "$!" >> "$T/background"
  wait_for 30 grep -q ready "$T/again"
  assert_all_marked 65536 "$(pgrep -u 1234 -x static)"
  pkill -u 1234 -x static
  # The helper that was started for it goes with it.
  wait_for 30 eval '! pgrep -u 1234 -f "oci-ksmd --once"'
}
