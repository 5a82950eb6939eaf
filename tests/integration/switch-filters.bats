#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# switch-filters.bats: oci-ksm enable and disable by who cannot hide calls from a container's seccomp filters. What podman's containers of
# ordinary users get is in podman-rootless.bats.
load lib

# marked PID: so many of its mappings have the mark.
marked() { grep -c '^VmFlags:.* mg' "/proc/$1/smaps" || true; }
# judge: enable and disable by who may not suspend filters, on container $id
judge() { OCI_KSM_NO=$(off suspend_seccomp) run "-$1" "$BIN/oci-ksm" "$2" "$id"; }

@test "where filters cannot be suspended, a profile that nobody has changed since is trusted, and the container's own processes only" {
  local stranger
  id=$(cid)
  rootfs_busybox "$T/root"
  cp "$BUILD/tests/workloads/pages" "$T/root/bin/"
  bundle "$T/c" "$T/root" -a oci-ksm/mode=preload -- /bin/pages 4
  bundle_edit "$T/c" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], syscalls: [{names: ["getppid"], action: "SCMP_ACT_KILL_PROCESS"}]}'
  oci_start wrapper-crun "$T/c" "$id"
  PID=$(oci_pid crun "$id")
  wait_for 20 grep -q ready "$T/$id.out"
  judge 0 disable
  assert_equal "$(marked "$PID")" 0
  if lacks madvise; then
    judge 1 enable
    assert_contains "$output" 'this kernel has no KSM (CONFIG_KSM)'
    return
  fi
  judge 0 enable
  [ "$(marked "$PID")" -gt 0 ]
  # As many filters, in its cgroup, but not of the container.
  background "$BUILD/tests/workloads/hostile" strict
  stranger=$BACKGROUND_PID
  wait_for 10 grep -q ready "$T/background.out"
  echo "$stranger" > "$(jq -r .cgroup "$STATE/switched/$id.json")/cgroup.procs"
  judge 0 enable
  assert_contains "$output" "1 process left alone: seccomp filters that we cannot pass ($stranger)"
  assert_contains "$output" "merging on: 1 process"
  kill -0 "$stranger"
  kill -KILL "$stranger"
  wait_for 10 assert_gone "$stranger"
  judge 0 disable
  # A file that others may write to; one that was written later than the container began.
  chmod o+w "$T/c/config.json"
  judge 1 enable
  assert_contains "$output" "$id: of these filters: config.json of its bundle can be changed by others: Operation not permitted"
  chmod o-w "$T/c/config.json"
  judge 1 enable
  assert_contains "$output" "$id: of these filters: config.json of its bundle has changed since it started"
  assert_equal "$(marked "$PID")" 0
  mv "$T/c/config.json" "$T/c/other.json"
  ln -s other.json "$T/c/config.json"
  judge 1 enable
  assert_contains "$output" "$id: of these filters: config.json of its bundle: Too many levels of symbolic links"
  # Who may suspend them needs no profile.
  if lacks suspend_seccomp; then return; fi
  run -0 "$BIN/oci-ksm" enable "$id"
  [ "$(marked "$PID")" -gt 0 ]
}
