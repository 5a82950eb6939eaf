#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# auto.bats: the mode auto: what it takes for which program, with all that this kernel can do and with parts of it forced off; why, and
# where that is to be read; and that the memory is marked then.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load hostside
load notify

setup() {
  test_begin
  settings '.mode = "auto"'
  ALREADY_OFF=${OCI_KSM_NO:-}
  rootfs_host "$T/r"
  mkdir "$T/r/w"
  cp "$BUILD/tests/workloads/static" "$BUILD/tests/workloads/musl" "$TOP/tests/workloads/python" /bin/busybox "$T/r/w/"
  printf '#!/bin/sh\n/w/musl &\nwait\n' > "$T/r/w/script"
  chmod +x "$T/r/w/script"
}
NO_PROCESS='process is not possible: this kernel lacks'

# forced_off LIST: from here on all of oci-ksm does without these features, the shim in the containers, too.
forced_off() { export OCI_KSM_NO=$1${ALREADY_OFF:+,$ALREADY_OFF}; }

# chooses RUNTIME PROGRAM MODES REASON [hook]: the container of that program starts, by those modes, for that reason (a regex).
chooses() {
  local rt=$1 program=$2 modes=$3 reason=$4 id
  id=$(cid "$program")
  rm -f "$LOG"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -- "/w/$program"
  [ "${5:-}" != hook ] || bundle_hooks "$T/b"
  oci_start "$rt" "$T/b" "$id"
  assert_log_lines 1
  assert_log_lines 1 "merging by $modes: auto: $reason"
  assert_match "$(jq -r '.mode + ": " + .reason' "$STATE/containers/$id.json")" "^$modes: auto: $reason"
  wait_for 20 grep -q '^ready$' "$T/$id.out"
}

# percent_marked RUNTIME PROGRAM: of the anonymous memory of its container, how much is in mappings that have the mark "mg"?
percent_marked() {
  local pid
  for pid in $(container_pids "${1#wrapper-}" "$(cid "$2")"); do cat "/proc/$pid/smaps"; done |
    awk '/^Anonymous:/ { kib = $2; all += kib } /^VmFlags:/ && / mg( |$)/ { sum += kib } END { print int(100 * sum / all) }'
}
is_marked() { [ "$(percent_marked "$@")" -ge 90 ]; }
# marked RUNTIME PROGRAM / unmarked RUNTIME PROGRAM: can nearly all of its memory be merged, or nothing? Ends it.
marked() {
  wait_for 5 is_marked "$@" || fail "$(percent_marked "$@") % are marked"
  oci "$1" delete -f "$(cid "$2")"
}
unmarked() {
  assert_equal "$(percent_marked "$@")" 0
  oci "$1" delete -f "$(cid "$2")"
}

# chooses_next PROGRAM [hook]: what auto takes where process cannot be had. Where a static program cannot have notify, either, nothing is merged.
chooses_next() {
  local rt=${2:+crun} why
  : "${rt:=wrapper-crun}"
  why="$NO_PROCESS $(lacking)\$"
  case $1 in
    static) ;;
    musl) chooses "$rt" musl preload "preload, because the program is dynamically linked, and $why" "${@:2}" ;;
    *) chooses "$rt" "$1" preload "preload, because the program is a script of a dynamically linked .*, and $why" "${@:2}" ;;
  esac
  if [ "$1" != static ]; then
    marked "$rt" "$1"
  elif [ $# -eq 1 ] && [ -n "${NOTIFY_GROUP:-}" ] && notifies; then
    chooses "$rt" static notify "notify, because the program is statically linked, and $why"
    marked "$rt" static
  else
    chooses "$rt" static preload "preload, which does not reach the program, because .*, and notify is not possible: .*, and $why" "${@:2}"
    assert_log_lines 1 'warning: '
    unmarked "$rt" static
  fi
}

@test "what costs nothing, where this kernel has it: through the wrapper and by the hook alone" {
  if ! as_a_whole; then
    for program in static musl python script; do
      chooses_next "$program"
    done
    chooses_next static hook
    return
  fi
  for program in static musl python script; do
    chooses wrapper-crun "$program" process 'process, because it reaches all programs at no cost$'
    marked wrapper-crun "$program"
  done
  for rt in crun runc; do
    chooses $rt static process 'process, because it reaches all programs at no cost$' hook
    marked $rt static
  done
}

@test "without one of its three parts: notify for static programs, preload for others" {
  notify_begin OCI_KSM_NO=prctl
  for feature in prctl exec_inherit vma_merge; do
    forced_off "$feature"
    chooses_next static
  done
  forced_off prctl
  if notifies; then
    chooses wrapper-runc static notify "notify, because the program is statically linked, and $NO_PROCESS $(lacking)\$"
    marked wrapper-runc static
  fi
  for program in musl script python; do
    chooses_next "$program"
  done
  # With a volume over it, it may be anything.
  cp -r "$T/r/w" "$T/w"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -- /w/static
  bundle_edit "$T/b" '.mounts += [{destination: "/w", type: "bind", source: $w, options: ["bind"]}]' --arg w "$T/w"
  oci_start wrapper-crun "$T/b"
  assert_log_lines 1 "merging by $(by_notify): auto: $(by_notify), because it is not known how the program is linked, and"
}

@test "without a helper: preload, and a warning where that does not reach the program" {
  forced_off vma_merge
  chooses_next musl
  chooses wrapper-crun static preload "preload, which does not reach the program, because .*, and notify is not possible: oci-ksmd is not there"
  assert_log_lines 1 'warning: '
  unmarked wrapper-crun static
  bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -a oci-ksm/required=true -- /w/static
  run -1 oci_run wrapper-crun "$T/b"
  assert_contains "$output" 'does not reach the program'
  # The hook alone comes too late for notify.
  notify_begin OCI_KSM_NO=vma_merge
  chooses crun static preload 'preload, which does not reach the program, because .*, and notify is not possible: '"$(if lacks notify; then echo 'oci-ksmd is not there'; elif notifies; then echo 'a hook comes too late'; else echo 'another seccomp listener'; fi)" hook
  unmarked crun static
  chooses runc python preload "preload, because the program is a script of .*, and $NO_PROCESS $(lacking)\$" hook
  marked runc python
}

@test "another listener in the way: no notify, and the container starts" {
  notify_begin
  if lacks notify; then
    forced_off vma_merge,listener
    chooses_next static
    return
  fi
  forced_off vma_merge,listener
  chooses wrapper-crun static preload 'preload, which does not .* notify is not possible: another seccomp listener is in force here, and'
  # In earnest: a runtime below a listener could not have another. (Where that feature is forced off, there is no such listener.)
  ! lacks listener || return 0
  forced_off vma_merge
  rm -f "$LOG"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -- /w/busybox echo runs
  run -0 --separate-stderr "$BIN/oci-ksm" run --mode=notify --required -- "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" run --bundle "$T/b" "$(cid)" < /dev/null 3>&-
  assert_output runs
  assert_log_lines 1 'preload, which does not .* notify is not possible: another seccomp listener is in force here, and'
}

@test "where the hook cannot make the process mergeable after all, auto takes the next best" {
  # From a process that is none of the runtime's: whose state it brings cannot be known.
  cat > "$T/stranger" << 'PY'
#!/usr/bin/python3
import os, subprocess, sys
state = sys.stdin.buffer.read()
done, told = os.pipe()
parent = os.fork()
if parent == 0:
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent:
            os.sched_yield()
        os.write(told, bytes([subprocess.run([sys.argv[1], "prestart"], input=state).returncode]))
    os._exit(0)
os.waitpid(parent, 0)
sys.exit(os.read(done, 1)[0])
PY
  chmod +x "$T/stranger"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -- /w/python
  bundle_hooks "$T/b"
  bundle_edit "$T/b" '.hooks.prestart[0] += {path: $path, args: ["stranger", .hooks.prestart[0].path]}' --arg path "$T/stranger"
  oci_start crun "$T/b" "$(cid python)"
  assert_log_lines 1
  assert_log_lines 1 "merging by preload: auto: preload, because the program is a script of .*, and process is not possible: $(if as_a_whole; then echo "process $(oci_pid crun "$(cid python)") is none of the runtime's"; else echo "this kernel lacks $(lacking)"; fi)"
  marked crun python
}

@test "a min-size is for regions: process is not taken" {
  bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -a oci-ksm/min-size=1M -- /w/python
  oci_start wrapper-crun "$T/b"
  assert_log_lines 1 "merging by preload: auto: preload, because the program is a script of .*, and process $(if as_a_whole; then echo 'knows no min-size'; else echo "(knows no min-size|is not possible: this kernel lacks $(lacking))"; fi)\$"
}

@test "status says why" {
  why='process: auto: process, because it reaches all programs at no cost'
  as_a_whole || why="preload: auto: preload, which does not reach the program, because the program is statically linked, and notify is not possible: oci-ksmd is not there, and $NO_PROCESS $(lacking)"
  chooses wrapper-crun static "$(mode)" "${why#*: auto: }"
  run -0 "$BIN/oci-ksm" status --verbose --noheadings
  assert_match "$output" "^$(cid static) .* ${why#*: }\$"
  run -0 "$BIN/oci-ksm" status --json
  assert_equal "$(jq -r '.containers[0] | .mode + ": " + .reason' <<< "$output")" "$why"
}

@test "oci-ksm run looks at its program as well" {
  notify_begin OCI_KSM_NO=prctl
  forced_off prctl
  for program in static musl; do
    background "$BIN/oci-ksm" run --mode=auto -- "$T/r/w/$program"
    wait_for 20 grep -q '^ready$' "$T/background.out"
    run -0 jq -r .mode "$STATE/containers/run-$BACKGROUND_PID.json"
    assert_output "$(if [ $program = static ]; then by_notify; else echo preload; fi)"
    # But for what the loader maps, and the stack.
    if [ "$program" = musl ] || notifies; then
      MARKED_WITHIN=5 assert_all_marked 262144 "$BACKGROUND_PID"
    else
      refute_equal "$("$NOTIFY_TOOL" unmarked 262144 "$BACKGROUND_PID")" ''
    fi
  done
}

@test "what was found is kept: no process is started for it, forced off is not written, and others' files are not believed" {
  local cache=$STATE/probes-admin.json
  settings '.runtimes = ["/bin/true"]'
  bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -- /w/static
  if ! as_a_whole; then
    "$BIN/oci-ksm-runtime" run --bundle "$T/b" "$(cid)"
    assert_log_lines 1 "$NO_PROCESS $(lacking)\$"
    # The other two only: 2, 4 and 8 are prctl, exec_inherit and vma_merge.
    case $(lacking) in prctl) kept=12 ;; exec_inherit) kept=10 ;; vma_merge) kept=6 ;; esac
    assert_equal "$(jq -c '[.known, .found]' "$cache")" "[$kept,$kept]"
    rm "$cache" "$LOG"
  fi
  unset OCI_KSM_NO
  OCI_KSM_NO=prctl "$BIN/oci-ksm-runtime" run --bundle "$T/b" "$(cid)"
  assert_log_lines 1 "$NO_PROCESS prctl\$"
  strace -f -qq -e trace=clone,clone3,fork,vfork -o "$T/first" "$BIN/oci-ksm-runtime" run --bundle "$T/b" "$(cid)"
  assert_log_lines 1 'merging by process'
  [ -s "$T/first" ]
  assert_equal "$(jq -c '[.known, .found]' "$cache")" '[14,14]'
  strace -f -qq -e trace=clone,clone3,fork,vfork -o "$T/second" "$BIN/oci-ksm-runtime" run --bundle "$T/b" "$(cid)"
  assert_equal "$(cat "$T/second")" ''
  assert_log_lines 2 'merging by process'
  # It is believed, as long as nobody else can have written it.
  jq -c '.found = 2' "$cache" > "$T/cache"
  cat "$T/cache" > "$cache"
  "$BIN/oci-ksm-runtime" run --bundle "$T/b" "$(cid)"
  assert_log_lines 1 "$NO_PROCESS exec_inherit, vma_merge\$"
  chmod 0666 "$cache"
  "$BIN/oci-ksm-runtime" run --bundle "$T/b" "$(cid)"
  assert_log_lines 3 'merging by process'
  assert_equal "$(stat -c %a "$cache")" 600
}

@test "without root it is kept in XDG_RUNTIME_DIR" {
  chmod 0711 "$OCI_KSM_PRIVATE" "$T"
  cp -r "$BIN" "$BUILD/lib" "$T/"
  mkdir -m 0700 "$T/xdg"
  chown 1234:1234 "$T/xdg"
  as_user() { setpriv --reuid 1234 --regid 1234 --clear-groups env -i PATH="$PATH" XDG_RUNTIME_DIR="$T/xdg" OCI_KSM_SETTINGS=/none \
    ${OCI_KSM_NO:+"OCI_KSM_NO=$OCI_KSM_NO"} "$@" < /dev/null 3>&-; }
  run -0 as_user "$T/bin/oci-ksm" run --mode=auto -- grep merge_any /proc/self/ksm_stat
  assert_output "ksm_merge_any: $(if by_the_shim; then echo yes; else echo no; fi)"
  assert_equal "$(stat -c '%u %a' "$T/xdg/oci-ksm/probes.json")" '1234 600'
  strace -f -qq -e trace=clone,clone3,fork,vfork -o "$T/second" setpriv --reuid 1234 --regid 1234 --clear-groups \
    env -i PATH="$PATH" XDG_RUNTIME_DIR="$T/xdg" OCI_KSM_SETTINGS=/none ${OCI_KSM_NO:+"OCI_KSM_NO=$OCI_KSM_NO"} \
    "$T/bin/oci-ksm" run --mode=auto -- true
  assert_equal "$(cat "$T/second")" ''
}
