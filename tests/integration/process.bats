#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# process.bats: the mode process: whole containers are mergeable, by PR_SET_MEMORY_MERGE before their programs start; through the
# wrapper, through the hook alone, and with oci-ksm run.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load hostside

# What a program says of itself: is it mergeable as a whole, and is anything of ours around it?
WHOLE='grep merge_any /proc/self/ksm_stat; echo "$LD_PRELOAD"; grep -cE "^[0-9]+ [0-9]+ [^ ]+ [^ ]+ [^ ]*ksm" /proc/self/mountinfo; true'
YES=$'ksm_merge_any: yes\n\n0'

# Where the kernel's part is forced off (see lib.bash), preload takes its place: why, and what the same program says then.
INSTEAD="process is not possible: this kernel lacks $(lacking), so preload takes its place"
# said IMAGE [hook]: a hook cannot reach an image without glibc; shims that are loaded may make the process mergeable themselves.
said() {
  local shim='/dev/oci-ksm/not-libasan.so/$LIB/libksm_preload.so' no=${YES/yes/no}
  if as_a_whole; then
    echo "$YES"
  elif [ "$*" = 'busybox hook' ]; then
    echo "$no"
  else
    if [ "$1" = glibc ] && by_the_shim; then no=$YES; fi
    if [ "${2:-}" = hook ]; then shim=''; fi
    printf '%s\n%s\n1\n' "${no%%$'\n'*}" "$shim"
  fi
}
# logged IMAGE [hook]: the line of the log
logged() {
  if as_a_whole; then
    echo 'info: merging by process: process was asked for$'
  elif [ "$*" = 'busybox hook' ]; then
    echo "warning: $INSTEAD: this image has no glibc .*; the container starts without merging$"
  else
    echo "warning: merging by preload: $INSTEAD$"
  fi
}

# whole PID / not_whole PID: is that process mergeable as a whole?
whole() { grep -q 'merge_any: yes' "/proc/$1/ksm_stat"; }
not_whole() { grep -q 'merge_any: no' "/proc/$1/ksm_stat"; }

# process_bundle ARGS...: such a container at $T/b
process_bundle() { bundle "$T/b" "$T/r" -a oci-ksm/mode=process -- "$@"; }

# ---- the wrapper ----

wrapped() {
  local pid
  image busybox
  process_bundle sh -c "$WHOLE; sleep 1000 & wait"
  jq -cS 'del(.hooks)' "$T/b/config.json" > "$T/before"
  oci_start "wrapper-$1" "$T/b"
  pid=$(oci_pid "$1")
  wait_for 30 grep -q '^[01]$' "$T/$(cid).out"
  assert_equal "$(cat "$T/$(cid).out")" "$(said busybox)"
  assert_log_lines 1 "$(logged busybox)"
  if as_a_whole; then
    whole "$pid"
    # Of the document only the hook that ends the record.
    jq -cS 'del(.hooks, ."oci-ksm-edits")' "$T/b/config.json" > "$T/after"
    assert_same "$T/before" "$T/after"
    assert_equal "$(jq -c '[.mode, .shim_target]' "$STATE/containers/$(cid).json")" '["process",null]'
  else
    not_whole "$pid"
    assert_equal "$(jq -c '[.mode, .shim_target]' "$STATE/containers/$(cid).json")" '["preload","/dev/oci-ksm"]'
  fi
  run -0 "$BIN/oci-ksm" status --noheadings -o id,mode,procs,mergeable
  assert_match "$output" "^$(cid) +$(mode) +2 +$(if as_a_whole; then echo 2; else echo 0; fi)$"
  run -0 oci "wrapper-$1" exec "$(cid)" sh -c "$WHOLE"
  assert_output "$(said busybox)"
  # The wrapper did that: without it a session has nothing.
  run -0 oci "$1" exec "$(cid)" sh -c "$WHOLE"
  assert_output "$(said busybox | sed s/yes/no/)"
  oci_stop "$1"
  assert_no_traces
}

@test "wrapper: program, children and exec sessions; no mount, no environment: crun" { wrapped crun; }
@test "wrapper: program, children and exec sessions; no mount, no environment: runc" { wrapped runc; }

@test "wrapper: create, run and exec alone carry it to the runtime" {
  printf '#!/bin/sh\nexec grep merge_any /proc/self/ksm_stat\n' > "$T/spy"
  chmod +x "$T/spy"
  settings '.runtimes = [$p]' --arg p "$T/spy"
  image busybox
  process_bundle true
  yes="ksm_merge_any: $(if as_a_whole; then echo yes; else echo no; fi)"
  for command in "create --bundle $T/b c" "run --bundle $T/b c" 'exec c true'; do
    # shellcheck disable=SC2086 # words
    run -0 "$BIN/oci-ksm-runtime" $command
    assert_output "$yes"
  done
  for command in 'start c' 'kill c KILL' 'state c' 'features' 'exec d true' 'delete c' 'exec c true'; do
    # shellcheck disable=SC2086
    run -0 "$BIN/oci-ksm-runtime" $command
    assert_output 'ksm_merge_any: no'
  done
  # Another mode, and one that cannot be written down.
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload -- true
  run -0 "$BIN/oci-ksm-runtime" run --bundle "$T/b" c
  assert_output 'ksm_merge_any: no'
  bundle "$T/b" "$T/r" -a oci-ksm/mode=process,preload -- true
  run -0 "$BIN/oci-ksm-runtime" run --bundle "$T/b" c
  assert_output "$yes"
  mount --bind "$T/b" "$T/b"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=process,preload -- true
  mount -o remount,bind,ro "$T/b"
  run -0 "$BIN/oci-ksm-runtime" run --bundle "$T/b" c
  assert_output 'ksm_merge_any: no'
  assert_log_lines 1 'Read-only file system; the container starts without merging'
}

# As when an engine dies without a delete, and starts that container again.
@test "wrapper: a record of an earlier container of that name does not make sessions merge" {
  image busybox
  process_bundle sleep 1000
  oci wrapper-crun create --bundle "$T/b" --pid-file "$T/pid" "$(cid)" > "$T/out" 2>&1 < /dev/null 3>&-
  oci wrapper-crun start "$(cid)" 3>&-
  run -0 oci wrapper-crun exec "$(cid)" grep merge_any /proc/self/ksm_stat
  assert_output "ksm_merge_any: $(if as_a_whole; then echo yes; else echo no; fi)"
  oci crun delete --force "$(cid)"
  assert_equal "$(state_files)" "$STATE/containers/$(cid).json"
  bundle_edit "$T/b" '.annotations["oci-ksm/mode"] = "off"'
  oci wrapper-crun create --bundle "$T/b" --pid-file "$T/pid" "$(cid)" > "$T/out" 2>&1 < /dev/null 3>&-
  oci wrapper-crun start "$(cid)" 3>&-
  run -0 oci wrapper-crun exec "$(cid)" grep merge_any /proc/self/ksm_stat
  assert_output 'ksm_merge_any: no'
  oci wrapper-crun delete --force "$(cid)"
  assert_equal "$(state_files)" ''
}

@test "wrapper: an engine's container needs no edit, so config.json may be read-only" {
  image busybox
  process_bundle sh -c "$WHOLE"
  cp "$T/b/config.json" "$T/before"
  mount --bind "$T/b" "$T/b"
  mount -o remount,bind,ro "$T/b"
  oci wrapper-crun create --bundle "$T/b" "$(cid)" > "$T/out" 2>&1 < /dev/null 3>&-
  assert_same "$T/before" "$T/b/config.json"
  oci wrapper-crun start "$(cid)" 3>&-
  wait_for 30 grep -q '^0$' "$T/out"
  if as_a_whole; then
    assert_equal "$(cat "$T/out")" "$YES"
  else # preload would need the edit
    assert_equal "$(cat "$T/out")" "${YES/yes/no}"
    assert_log_lines 1 'Read-only file system; the container starts without merging'
  fi
  oci wrapper-crun delete --force "$(cid)"
  assert_equal "$(state_files)" ''
}

# ---- the hook alone ----

hooked() {
  local rt=$1 image=$2
  shift
  image "$1"
  process_bundle sh -c "$WHOLE; sleep 1000 & wait"
  shift
  for stage; do bundle_hooks "$T/b" "$stage"; done
  oci_start "$rt" "$T/b"
  wait_for 30 grep -q '^[01]$' "$T/$(cid).out"
  assert_equal "$(cat "$T/$(cid).out" "$T/$(cid).err")" "$(said "$image" hook)"
  pid=$(oci_pid "$rt")
  assert_log_lines 1
  assert_log_lines 1 "$(logged "$image" hook)"
  if as_a_whole; then
    whole "$pid"
    assert_equal "$(jq -c '[.mode, .source, .pid, .shim_target]' "$STATE/containers/$(cid).json")" "[\"process\",\"hook\",$pid,null]"
  elif [ "$image" = glibc ]; then
    assert_shim "$pid"
    assert_equal "$(jq -c '[.mode, .source, .pid, .shim_target]' "$STATE/containers/$(cid).json")" "[\"preload\",\"hook\",$pid,\"/dev/oci-ksm\"]"
  else
    not_whole "$pid"
    assert_equal "$(state_files)" ''
  fi
  oci_stop "$rt"
  assert_no_traces
}

@test "hook: a static image, crun" { hooked crun busybox prestart; }
@test "hook: a static image, runc" { hooked runc busybox prestart; }
@test "hook: glibc, both stages: crun" { hooked crun glibc prestart createRuntime; }
@test "hook: glibc, createRuntime: runc" { hooked runc glibc createRuntime; }

@test "hook: musl and python programs" {
  rootfs_host "$T/r"
  echo 'int main(void) { return 0; }' | musl-gcc -x c - -o "$T/r/none"
  cp "$TOP/tests/workloads/table.c" "$T/r/"
  musl-gcc -o "$T/r/table" "$T/r/table.c"
  for program in /table /usr/bin/python3\ /python; do
    cp "$TOP/tests/workloads/python" "$T/r/python"
    # shellcheck disable=SC2086 # words
    process_bundle $program
    bundle_hooks "$T/b"
    oci_start runc "$T/b"
    wait_for 30 grep -q '^ready$' "$T/$(cid).out"
    if as_a_whole; then
      whole "$(oci_pid runc)"
    elif [ "$program" = /table ]; then # musl's loader reads no /etc/ld.so.preload
      refute_shim "$(oci_pid runc)"
    else
      assert_shim "$(oci_pid runc)"
    fi
    oci_stop runc
  done
}

user_namespace() {
  user_image
  process_bundle sh -c "$WHOLE"
  bundle_hooks "$T/b"
  bundle_edit "$T/b" '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  run -0 oci_run "$1" "$T/b"
  assert_output "$(said glibc hook)"
  assert_log_lines 1 "$(logged glibc hook)"
  assert_equal "$(state_files)" ''
}
@test "hook: user namespace, crun" { user_namespace crun; }
@test "hook: user namespace, runc" { user_namespace runc; }

@test "hook: rootless, in the user namespace of an engine" {
  user_bundle sh -c "$WHOLE"
  bundle_hooks "$T/b"
  bundle_edit "$T/b" ".hooks[][].env += [\"XDG_RUNTIME_DIR=$T/xdg\"] | .annotations.\"oci-ksm/mode\" = \"process\""
  run -0 as_user unshare --user --map-root-user --mount crun --cgroup-manager=disabled --root "$T/xdg/crun" run --bundle "$T/b" "$(cid)"
  assert_output "$(said glibc hook)"
  LOG=$T/xdg/oci-ksm/log
  assert_log_lines 1 "$(logged glibc hook)"
}

@test "hook: a process that is none of the runtime's is left alone" {
  image glibc
  process_bundle true
  # Somebody else's: its parent is no ancestor of the hook's.
  background sh -c 'sleep 1000 & wait'
  wait_for 30 pgrep -P "$BACKGROUND_PID" sleep
  pid=$(pgrep -P "$BACKGROUND_PID" sleep)
  echo "$pid" >> "$T/background"
  for init in "$pid" 1 "$PPID" 0 -1 4194304; do
    run -0 "$BIN/oci-ksm-hook" prestart < <(jq -n --argjson pid "$init" --arg b "$T/b" '{ociVersion: "1.0.0", id: "c", status: "created", pid: $pid, bundle: $b}')
    assert_output ''
    assert_log_lines 1 'starts without merging'
    assert_match "$(cat "$LOG")" "$(if as_a_whole; then echo 'process failed'; else echo "$INSTEAD: "; fi)|pid"
    rm "$LOG"
  done
  bundle "$T/b" "$T/r" -a oci-ksm/mode=process -a oci-ksm/required=true -- true
  run -1 "$BIN/oci-ksm-hook" prestart < <(jq -n --argjson pid "$pid" --arg b "$T/b" '{ociVersion: "1.0.0", id: "c", status: "created", pid: $pid, bundle: $b}')
  assert_contains "$output" "$(if as_a_whole; then echo "process failed: process $pid is none of the runtime's that calls this hook"; else echo "$INSTEAD"; fi)"
  not_whole "$pid"
  not_whole 1
  not_whole "$PPID"
  refute_exists "$STATE/containers/c.json"
}

@test "hook: with preload in an image that it cannot reach" {
  image busybox
  bundle "$T/b" "$T/r" -a oci-ksm/mode=process,preload -- sh -c "$WHOLE; sleep 1000"
  bundle_hooks "$T/b"
  oci_start crun "$T/b"
  wait_for 30 grep -q '^0$' "$T/$(cid).out"
  assert_equal "$(cat "$T/$(cid).out")" "$(said busybox hook)"
  assert_log_lines 1
  if as_a_whole; then
    assert_log_lines 1 'warning: merging by process: preload,process was asked for, but preload failed: this image has no glibc'
    assert_equal "$(jq -c '[.mode, .shim_target]' "$STATE/containers/$(cid).json")" '["process",null]'
  else
    assert_log_lines 1 "$(logged busybox hook)"
    assert_equal "$(state_files)" ''
  fi
  oci_stop crun
  assert_no_traces
}

# ---- where it cannot be had ----

# without FEATURES RUNTIME: this container by the wrapper or the hook, on a kernel that lacks them.
without() {
  case $2 in
    wrapper-*) OCI_KSM_NO=$(off "$1") oci_run "$2" "$T/b" ;;
    *)
      OCI_KSM_NO=$(off "$1") bundle_hooks "$T/b"
      oci_run "$2" "$T/b"
      ;;
  esac
}

@test "without the kernel's part another mode takes its place, and the log says why" {
  image glibc
  for way in crun wrapper-runc; do
    for feature in prctl exec_inherit vma_merge; do
      rm -f "$LOG"
      process_bundle sh -c "$LOOK"
      run -0 without "$feature" "$way"
      assert_match "$output" $'^[1-9]\n[1-9]\n'
      assert_log_lines 1
      assert_log_lines 1 "warning: merging by preload: process is not possible: this kernel lacks $(lacking "$feature"), so preload takes its place$"
    done
  done
  assert_no_traces
}

# below_filter CMD...: with a seccomp filter under which the prctl of the mode process fails (EPERM).
below_filter() {
  /usr/bin/python3 -c 'import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 3, 157), (0x20, 0, 0, 16), (0x15, 0, 1, 67), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
prog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 6, ctypes.addressof(code)))
assert ctypes.CDLL(None).prctl(22, 2, prog, 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])' "$@" < /dev/null 3>&-
}

@test "below a filter that refuses the call, whatever was found at boot" {
  image busybox
  for way in crun "$T/link/oci-ksm-runtime-crun"; do
    process_bundle sh -c "$WHOLE"
    [ "$way" != crun ] || bundle_hooks "$T/b"
    run -0 below_filter "$way" --root "$T/rt-crun" run --bundle "$T/b" "$(cid)"
    assert_match "$output" '^ksm_merge_any: no'
  done
  assert_log_lines 2
  assert_log_lines 2 'warning: .*process is not possible: this kernel lacks prctl, .*so preload takes its place'
}

@test "required: without it the container does not start" {
  image glibc
  for way in crun wrapper-crun; do
    for feature in '' exec_inherit; do
      bundle "$T/b" "$T/r" -a oci-ksm/mode=process -a oci-ksm/required=true -- sh -c "$WHOLE"
      run without "$feature" "$way"
      if [ -z "$feature" ] && as_a_whole; then
        assert_status 0
        assert_output "$YES"
      else
        [ "$status" -ne 0 ]
        refute_contains "$output" merge_any
      fi
    done
  done
  assert_log_lines "$(if as_a_whole; then echo 2; else echo 4; fi)" 'error: .*this kernel lacks [a-z_, ]*.*merging is required'
  assert_no_traces
}
