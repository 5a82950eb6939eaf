#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-rootless.bats: a helper that an ordinary user runs serves that user's podman containers, and oci-ksm run.
load lib
load notify

# as_user CMD...: user 1234, who may have podman; settings are the defaults, as a user has them.
as_user() {
  setpriv --reuid 1234 --regid 1234 --clear-groups env -i PATH="$PATH" HOME="$P/home" XDG_RUNTIME_DIR="$P/xdg" TMPDIR="$P/xdg" \
    CONTAINERS_CONF="$P/containers.conf" CONTAINERS_STORAGE_CONF="$P/storage.conf" "$@" < /dev/null 3>&-
}

# In this mount namespace only: a user with subordinate ids.
user_accounts() {
  mkdir "$P/etc.upper" "$P/etc.work"
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$P/etc.upper,workdir=$P/etc.work" /etc
  echo "ksmt:x:1234:1234::$P/home:/bin/sh" >> /etc/passwd
  echo 'ksmt:x:1234:' >> /etc/group
  echo 'ksmt:200000:65536' | tee /etc/subuid > /etc/subgid
}

user_podman() {
  local stage
  cat > "$P/containers.conf" << CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
cgroups = "disabled"
log_driver = "k8s-file"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "none"
hooks_dir = ["$P/hooks"]
CONF
  printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/home/storage"\nrunroot = "%s/xdg/storage"\n' "$P" "$P" > "$P/storage.conf"
  mkdir "$P/hooks"
  for stage in precreate prestart poststop; do
    jq '.hook.path = $path | .hook.args[1] = $stage | .stages = [$stage] | .hook.env = ["XDG_RUNTIME_DIR=" + $xdg]' --arg path "$P/bin/oci-ksm-hook" \
      --arg stage "$stage" --arg xdg "$P/xdg" "$TOP/packaging/podman/oci-ksm.json" > "$P/hooks/oci-ksm-$stage.json"
  done
  as_user podman system migrate
  as_user podman load --quiet --input "$P/image.tar"
}

setup_file() {
  P=$(mktemp -d "$OCI_KSM_PRIVATE/rootless.XXXXXX")
  export P
  chmod 0711 "$OCI_KSM_PRIVATE"
  chmod 0755 "$P"
  mkdir -p "$P/bin" "$P/lib/oci-ksm"
  cp "$BIN"/oci-ksm* "$P/bin/"
  cp -a "$PRELOAD_DIR" "$P/lib/oci-ksm/"
  cp "$BUILD/tests/workloads/static" "$P/bin/"
  mkdir -m 0700 "$P/home" "$P/xdg"
  chown 1234:1234 "$P/home" "$P/xdg"
  user_accounts
  rootfs_busybox "$P/busybox"
  cp "$BUILD/tests/workloads/static" "$P/busybox/bin/"
  "$TOP/tests/images/rootfs" archive busybox "$P/busybox" "$P/image.tar"
  cd "$P/home" || return
  user_podman
}
teardown_file() {
  cd "$P/home" || return
  as_user podman rm --all --force --time 0 > /dev/null
  as_user podman system migrate # ends its pause process
  umount -l /etc
  rm -rf --one-file-system "$P"
}

setup() {
  test_begin
  unset OCI_KSM_SETTINGS
  LOG=$P/xdg/oci-ksm/log SOCKET=$P/xdg/oci-ksm/notify.sock
  rm -f "$LOG"
  cd "$P/home" || return
}
teardown() {
  as_user podman rm --all --force --time 0 > /dev/null
  pkill -KILL -u 1234 -x static || true
  notify_containers_end
  notify_end
  test_end
}

# user_helper [NAME=VALUE]...
user_helper() {
  as_user "$@" setsid "$P/bin/oci-ksmd" > "$T/oci-ksmd.out" 2>&1 &
  notify_hello > /dev/null || fail "oci-ksmd does not serve:" "$(cat "$T/oci-ksmd.out")" || return 1
  NOTIFY_GROUP=$(ps -o pgid= -p "$(notify_hello keeper)" | tr -d ' ')
  assert_equal "$(stat -c %u "/proc/$(notify_hello keeper)")" 1234
}
container_ready() { as_user podman logs "$1" | grep -q ready; }

@test "podman: a static program's memory is marked, region by region" {
  user_helper OCI_KSM_NO=prctl
  as_user podman run -d --name x --annotation oci-ksm/mode=notify busybox /bin/static
  wait_for 30 container_ready x
  pid=$(as_user podman inspect --format '{{.State.Pid}}' x)
  assert_all_marked 65536 "$pid"
  assert_equal "$(grep -c 'merge_any: no' "/proc/$pid/ksm_stat")" 1
  notify_serves 1
  as_user podman stop --time 0 x
  wait_for 30 notify_serves 0
}

@test "podman: whole processes, also of another user of the container, and exec sessions" {
  user_helper
  as_user podman run -d --name x --user 1000 --annotation oci-ksm/mode=notify busybox /bin/static
  wait_for 30 container_ready x
  pid=$(as_user podman inspect --format '{{.State.Pid}}' x)
  assert_equal "$(stat -c %u "/proc/$pid")" 200999
  assert_all_marked 65536 "$pid"
  run -0 as_user podman exec x /bin/busybox sh -c 'head -c 1000000 /dev/zero | wc -c'
  assert_output 1000000
}

@test "podman: no helper: the container runs, and the log says why" {
  as_user podman run -d --name x --annotation oci-ksm/mode=notify busybox /bin/static
  wait_for 30 container_ready x
  assert_match "$(cat "$LOG")" 'notify is not possible'
}

@test "oci-ksm run, with the user's helper and without one" {
  user_helper OCI_KSM_NO=prctl
  as_user "$P/bin/oci-ksm" run --mode=notify --required -- "$P/bin/static" > "$T/out" 2>&1 &
  echo "$!" >> "$T/background"
  wait_for 30 grep -q ready "$T/out"
  notify_serves 1
  assert_all_marked 65536 "$(pgrep -u 1234 -x static)"
  pkill -u 1234 -x static
  wait_for 30 notify_serves 0
  notify_end
  as_user OCI_KSM_NO=prctl "$P/bin/oci-ksm" run --mode=notify --required -- "$P/bin/static" > "$T/out" 2>&1 &
  echo "$!" >> "$T/background"
  wait_for 30 grep -q ready "$T/out"
  assert_all_marked 65536 "$(pgrep -u 1234 -x static)"
  pkill -u 1234 -x static
  # The helper that was started for it goes with it.
  wait_for 30 eval '! pgrep -u 1234 -f "oci-ksmd --once"'
}
