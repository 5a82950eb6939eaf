#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-config.bats: how containers come to notify oci-ksmd: the edit of their seccomp profile by the wrapper, and what becomes of
# them when it cannot be had.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load notify

setup() {
  test_begin
  SOCKET=$STATE/notify.sock
  rootfs_busybox "$T/r"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -- sh -c 'echo hello; exit 7'
}
# profile FILTER: of linux.seccomp in the bundle.
profile() { jq -c ".linux.seccomp | $1" "$T/b/config.json"; }
# profile_of CASE: gives the bundle the profile of a golden case.
profile_of() { bundle_edit "$T/b" '.linux.seccomp = $s[0].linux.seccomp' --slurpfile s "$TOP/tests/golden/$1/in.json"; }

@test "a profile is edited, and taken back when the bundle is started without us" {
  if ! notifies; then unnotified; return; fi
  notify_begin
  for name in podman docker containerd-cri-container odd-seccomp-blocklist none; do
    for rt in crun runc; do
      echo "$name $rt"
      bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -- sh -c 'echo hello; exit 7'
      case $name in
        none) bundle_edit "$T/b" 'del(.linux.seccomp)' ;;
        *) profile_of "$name" ;;
      esac
      jq -c . "$T/b/config.json" > "$T/before"
      rm -f "$LOG"
      run -7 --separate-stderr oci_run "wrapper-$rt" "$T/b"
      assert_output hello
      assert_equal "$stderr" ''
      assert_log_lines 1
      assert_log_lines 1 'info: merging by notify: notify was asked for'
      assert_equal "$(profile '[.listenerPath, .listenerMetadata]')" "[\"$SOCKET\",\"oci-ksm min-size=65536\"]"
      run -7 oci_run "wrapper-$rt" "$T/b"
      bundle_edit "$T/b" '.annotations["oci-ksm/mode"] = "off"'
      run -7 oci_run "wrapper-$rt" "$T/b"
      bundle_edit "$T/b" '.annotations["oci-ksm/mode"] = "notify"'
      jq -c . "$T/b/config.json" > "$T/after"
      assert_same "$T/before" "$T/after"
    done
  done
  wait_for 30 notify_serves 0
}

@test "the container is recorded, and what it asks for travels with the listener" {
  if ! notifies; then unnotified; return; fi
  notify_begin
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -a oci-ksm/min-size=1M -- sleep 1000
  settings '.notify_brk = true'
  oci_start wrapper-crun "$T/b"
  assert_equal "$(profile .listenerMetadata)" '"oci-ksm min-size=1048576 regions brk"'
  assert_equal "$(profile '[.syscalls[] | select(.action == "SCMP_ACT_NOTIFY") | .names[0]]')" '["mmap","brk"]'
  run -0 jq -c '[.mode, .shim_target, .min_size]' "$STATE/containers/$(cid).json"
  assert_output '["notify",null,1048576]'
  assert_equal "$(notify_hello containers)" 1
  refute_shim "$(oci_pid crun)"
  oci wrapper-crun exec "$(cid)" true
}

@test "preload and notify together" {
  if ! notifies; then unnotified; return; fi
  notify_begin
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload,notify -- sh -c 'echo $LD_PRELOAD'
  for rt in crun runc; do
    run -0 --separate-stderr oci_run "wrapper-$rt" "$T/b"
    assert_contains "$output" libksm_preload.so
    assert_log_lines 1 'merging by preload,notify'
    rm -f "$LOG"
  done
}

@test "auto takes notify where the shim has no place" {
  notify_begin
  bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -- echo hello
  bundle_edit "$T/b" '.mounts |= map(select(.destination | startswith("/dev") | not))'
  OCI_KSM_NO=$(off prctl) run -0 oci_run wrapper-crun "$T/b"
  assert_output hello
  if notifies; then
    assert_log_lines 1 "info: merging by notify: auto: notify, because the program is statically linked, and process is not possible: this kernel lacks $(lacking prctl)"
  else
    assert_log_lines 1 'warning: .*the container starts without merging'
  fi
}

@test "a helper that is not there: the container starts with the shim, or fails if it must not" {
  for rt in crun runc; do
    rm -f "$LOG"
    run -7 --separate-stderr oci_run "wrapper-$rt" "$T/b"
    assert_output hello
    assert_equal "$(profile .listenerPath)" null
    assert_log_lines 1
    assert_log_lines 1 'warning: merging by preload: notify is not possible: connect to .*/notify.sock: No such file'
  done
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -a oci-ksm/required=true -- true
  cp "$T/b/config.json" "$T/before"
  for rt in crun runc; do
    run -1 --separate-stderr oci_run "wrapper-$rt" "$T/b"
    assert_contains "$stderr" 'notify is not possible: connect to'
    assert_same "$T/before" "$T/b/config.json"
  done
}

@test "a helper that does not answer costs a second, not the container" {
  settings '.notify_socket = $s' --arg s "$SOCKET.mute"
  mkdir -p "$STATE"
  background python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(60)' "$SOCKET.mute"
  wait_for 30 test -S "$SOCKET.mute"
  run -7 timeout 5 "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" run --bundle "$T/b" "$(cid)"
  assert_log_lines 1 'merging by preload: notify is not possible: .*timed out'
}

@test "another listener, and a profile that kills, are left alone" {
  notify_begin
  bundle_edit "$T/b" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["madvise"], action: "SCMP_ACT_KILL"}]}'
  run -7 oci_run wrapper-crun "$T/b"
  assert_log_lines 1 "seccomp profile: it kills who calls madvise"
  rm -f "$LOG"
  bundle_edit "$T/b" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x", syscalls: []} | .annotations["oci-ksm/required"] = "true"'
  run -1 oci_run wrapper-crun "$T/b"
  assert_log_lines 1 "notify is not possible: the container's seccomp profile: it has another listener, /x"
}

@test "a hook comes too late, unless config.json has it" {
  if ! notifies; then unnotified; return; fi
  notify_begin
  bundle_hooks "$T/b"
  run -7 oci_run crun "$T/b"
  assert_log_lines 1 'notify is not possible: a hook comes too late for the seccomp profile; use the precreate.*this image has no glibc'
  rm -f "$LOG"
  "$BIN/oci-ksm-hook" precreate < "$T/b/config.json" > "$T/edited"
  mv "$T/edited" "$T/b/config.json"
  assert_log_lines 0
  run -7 oci_run crun "$T/b"
  assert_log_lines 1 'info: merging by notify: notify was asked for'
}

@test "what the runtime can do is asked once" {
  if ! notifies; then unnotified; return; fi
  notify_begin
  mkdir "$T/rt"
  cat > "$T/rt/crun" << 'SH'
#!/bin/sh
echo "$1" >> "${0%/*}/calls"
[ "$1" = features ] || exec crun "$@"
cat "${0%/*}/features"
SH
  chmod +x "$T/rt/crun"
  settings '.runtimes = [$r]' --arg r "$T/rt/crun"
  flags='SECCOMP_FILTER_FLAG_SPEC_ALLOW SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'
  jq -n --arg f "$flags" '{linux: {seccomp: {enabled: true, actions: ["SCMP_ACT_NOTIFY"], supportedFlags: ($f / " ")}}}' > "$T/rt/features"
  for _ in 1 2 3; do
    # crun 1.8.1 does not know the flag; what counts is that it was told.
    run "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" run --bundle "$T/b" "$(cid)"
  done
  assert_equal "$(grep -c features "$T/rt/calls")" 1
  # With none named the runtime has its own.
  if lacks wait_killable; then assert_equal "$(profile .flags)" null; else assert_equal "$(profile '.flags | join(" ")')" "\"$flags\""; fi
  sleep 0.01
  jq -n '{linux: {seccomp: {enabled: true, actions: ["SCMP_ACT_ALLOW"]}}}' > "$T/rt/features"
  touch "$T/rt/crun"
  rm -f "$LOG"
  run -7 "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" run --bundle "$T/b" "$(cid)"
  assert_log_lines 1 "notify is not possible: $T/rt/crun has no seccomp notification"
  assert_equal "$(profile '[.listenerPath, .flags]')" '[null,null]'
}

@test "who does not wish notify does not wait for the helper" {
  mkdir -p "$STATE"
  background python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(60)' "$SOCKET"
  wait_for 30 test -S "$SOCKET"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload -- true
  start=$(date +%s%N)
  run -0 oci_run wrapper-crun "$T/b"
  [ $((($(date +%s%N) - start) / 1000000)) -lt 900 ]
}
