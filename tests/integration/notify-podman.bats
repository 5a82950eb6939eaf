#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-podman.bats: podman's precreate hook makes containers notify oci-ksmd; they can be stopped and started again.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
# bats file_tags=podman
load lib
load notify

setup_file() {
  podman_begin
  rootfs_busybox "$P/busybox"
  podman_load busybox "$P/busybox"
  podman_install
}
teardown_file() { podman_end; }

setup() { podman_test_begin; }
teardown() {
  podman rm --all --force --time 0 > /dev/null
  notify_end
  LOG=$P/log/oci-ksm
  test_end
}

# config NAME FILTER: of the config.json that the runtime got.
config() { jq -c "$2" "$(podman inspect --format '{{.OCIConfigPath}}' "$1")"; }

@test "precreate, stop, start and exec" {
  notify_begin
  if ! notifies; then
    podman run -d --name ours --annotation oci-ksm/mode=notify busybox sleep 1000
    assert_equal "$(config ours .linux.seccomp.listenerPath)" null
    assert_log_lines 1 'warning: merging by preload: notify is not possible: '
    podman stop --time 0 ours
    podman start ours
    assert_log_lines 2 'warning: merging by preload: notify is not possible: '
    assert_log_lines 2
    run -126 podman run --rm --annotation oci-ksm/mode=notify --annotation oci-ksm/required=true busybox true
    return
  fi
  podman run -d --name ours --annotation oci-ksm/mode=notify busybox sleep 1000
  assert_equal "$(config ours '[.linux.seccomp.listenerPath, .linux.seccomp.listenerMetadata]')" "[\"$SOCKET\",\"oci-ksm min-size=65536\"]"
  # podman parses what the hook gives it and writes it anew.
  assert_equal "$(config ours '."oci-ksm-edits"')" null
  assert_log_lines 1 'info: merging by notify: notify was asked for'
  assert_equal "$(notify_hello containers)" 1
  run -0 podman exec ours sh -c 'echo hello'
  assert_output hello
  wait_for 30 notify_serves 1
  podman stop --time 0 ours
  wait_for 30 notify_serves 0
  podman start ours
  assert_equal "$(config ours '[.linux.seccomp.syscalls[] | select(.action == "SCMP_ACT_NOTIFY")] | length')" 1
  assert_log_lines 2 'merging by notify'
  assert_log_lines 2
  assert_equal "$(notify_hello containers)" 1
}

@test "without the helper a container starts with the shim, and one that must not, does not" {
  podman run -d --name ours --annotation oci-ksm/mode=notify busybox sleep 1000
  assert_equal "$(config ours .linux.seccomp.listenerPath)" null
  assert_log_lines 1 'merging by preload: notify is not possible: connect to'
  assert_log_lines 1
  run -126 podman run --rm --annotation oci-ksm/mode=notify --annotation oci-ksm/required=true busybox true
}

@test "a container that was notified starts again when the helper has gone" {
  notify_begin
  podman run -d --name ours --annotation oci-ksm/mode=notify busybox sleep 1000
  podman stop --time 0 ours
  if ! lacks notify; then wait_for 30 notify_serves 0; fi
  notify_end
  rm -f "$LOG"
  podman start ours
  assert_equal "$(config ours .linux.seccomp.listenerPath)" null
  assert_log_lines 1 'merging by preload: notify is not possible'
}
