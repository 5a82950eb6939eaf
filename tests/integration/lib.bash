# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib.bash: what the integration tests share. A test file starts with:
#
#     #!/usr/bin/env bats
#     # SPDX-License-Identifier: Apache-2.0
#     load lib
#
# and gets setup() and teardown() from here; a file with its own calls test_begin and test_end in them. Tests run by
# `make check-integration [FILES=tests/integration/x.bats]`, inside tests/integration/private.
#
# Variables
#   TOP BIN PRELOAD_DIR   the source tree, the built programs, the built shim's folder
#   T                     this test's own folder (a tmpfs; test_end removes it and what is mounted in it)
#   LOG STATE             log file and state folder named in the settings that test_begin wrote
#   OCI_KSM_SETTINGS      that settings file, exported; its mode is preload, so that what auto takes here does not matter
# This file: test_begin test_end settings background two_runs wait_for cid; assert_* refute_*; what a kernel may lack: lacks off lacking as_a_whole by_the_shim notifies refused_without_ksm mode by_notify.
# containers.bash: rootfs_busybox rootfs_host rootfs_debian upper_of bundle bundle_edit bundle_hooks oci oci_run oci_start
#   oci_pid oci_stop.   ksm.bash: ksm_begin ksm_end ksm_set knob knobs wait_scans.   podman.bash: podman_begin podman_end podman_load podman
#   podman_install podman_test_begin podman_test_end.
# To be loaded: engines.bash, what is asked of every container engine.   readme.bash: the commands in README.md.   copies.bash: many
#   containers of one program.   hostside.bash: what the tests of hook and wrapper share.   notify.bash: oci-ksmd; it has a teardown of its own.

bats_require_minimum_version 1.5.0
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${BUILD:=$TOP/build}"
case $BUILD in /*) ;; *) BUILD=$TOP/$BUILD ;; esac
BIN=$BUILD/bin
PRELOAD_DIR=$BUILD/lib/oci-ksm/preload
export TOP BUILD BIN PRELOAD_DIR LC_ALL=C.UTF-8
# What `make` tells a make below it is not for those that tests start.
unset MAKEFLAGS MAKELEVEL MFLAGS
# The system's python3, jq and friends, not some other installation in a user's PATH.
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin

# shellcheck source=tests/integration/containers.bash
source "$TOP/tests/integration/containers.bash"
# shellcheck source=tests/integration/ksm.bash
source "$TOP/tests/integration/ksm.bash"
# shellcheck source=tests/integration/podman.bash
source "$TOP/tests/integration/podman.bash"

setup() { test_begin; }
teardown() { test_end; }

# ---- the life of a test ----

# Makes T, the settings and the links by which the wrapper picks its runtime.
test_begin() {
  [ -n "${OCI_KSM_PRIVATE:-}" ] || fail "not in a private mount namespace; use: make check-integration FILES=${BATS_TEST_FILENAME#"$TOP"/}"
  T=$(mktemp -d "$OCI_KSM_PRIVATE/t.XXXX")
  LOG=$T/log STATE=$T/state
  awk '{ print $1 }' /proc/self/mountinfo > "$T/mounts"
  mkdir "$T/link"
  ln -s "$BIN/oci-ksm-runtime" "$T/link/oci-ksm-runtime-crun"
  ln -s "$BIN/oci-ksm-runtime" "$T/link/oci-ksm-runtime-runc"
  : > "$T/background"
  jq -n --arg p "$PRELOAD_DIR" --arg s "$STATE" --arg l "file:$LOG" \
    '{mode: "preload", preload_dir: $p, state_dir: $s, log: $l, runtimes: ["crun", "runc"]}' > "$T/settings.json"
  export OCI_KSM_SETTINGS=$T/settings.json
}

# Ends the containers and processes that the test left running, unmounts, puts KSM back, removes T.
test_end() {
  local pid rt id
  [ -n "${T:-}" ] || return 0
  if [ -e "$LOG" ]; then sed 's/^/# log: /' "$LOG"; fi # bats shows it when the test failed
  for rt in crun runc; do
    for id in "$T/rt-$rt"/*/; do
      id=$(basename "$id")
      [ "$id" = '*' ] || oci "$rt" delete -f "$id" || true
    done
  done
  while read -r pid; do
    kill -KILL "$pid" 2> /dev/null || true
  done < "$T/background"
  ksm_end
  wait
  # All that the test has mounted, wherever: the others share this namespace.
  awk 'NR == FNR { old[$1]; next } !($1 in old) { print $5 }' "$T/mounts" /proc/self/mountinfo | unmount_all
  rm -rf --one-file-system "$T"
  unset T
}

# unmount_all: the mount points on stdin, the last one first.
unmount_all() {
  local point
  tac | while read -r point; do
    umount "$point" || umount -l "$point"
  done
}

# settings JQ-FILTER [jq options]: changes the settings file: settings '.enable = "all"'
settings() {
  local filter=$1
  shift
  jq "$@" "$filter" "$OCI_KSM_SETTINGS" > "$T/settings.tmp"
  mv "$T/settings.tmp" "$OCI_KSM_SETTINGS"
}

# background CMD...: starts CMD, whose pid is then in $BACKGROUND_PID; its output goes to $T/background.out. Killed by test_end.
background() {
  "$@" > "$T/background.out" 2>&1 < /dev/null 3>&- &
  BACKGROUND_PID=$!
  echo "$BACKGROUND_PID" >> "$T/background"
}
# two_runs NAME: the ids of two runs are then in ONE, which has much memory, and TWO, whose program is called NAME
two_runs() {
  background "$BIN/oci-ksm" run -- /usr/bin/python3 -c 'import signal; data = b"x" * (30 << 20); signal.pause()'
  ONE=run-$BACKGROUND_PID
  cp /usr/bin/sleep "$T/$1"
  background "$BIN/oci-ksm" run -- "$T/$1" 1000
  TWO=run-$BACKGROUND_PID
}

# wait_for SECONDS CMD...: until CMD succeeds, at most that long.
wait_for() {
  local seconds=$1 end
  shift
  end=$((SECONDS + seconds))
  until "$@"; do
    # Returns by itself: where the caller looks at the status, bash's errexit is off in here.
    [ "$SECONDS" -lt "$end" ] || fail "still not after $seconds s: $*" "$(tail -n 20 "$T/background.out" 2> /dev/null)" || return 1
    sleep 0.05
  done
}

# cid [SUFFIX]: a container name that no other test has.
# shellcheck disable=SC2120 # test files pass one
cid() { printf 'ksmt-%s-%s%s' "$$" "${BATS_TEST_NUMBER:-0}" "${1:+-$1}"; }

# ---- features of the kernel that are forced off (make check-probes): a test then asserts what takes their place ----

# lacks FEATURE...: is one of them forced off? A file with the line `# probes: FEATURE...` is among those that CI runs without these.
lacks() {
  local feature
  for feature; do
    case ,${OCI_KSM_NO:-}, in *,"$feature",*) return 0 ;; esac
  done
  return 1
}
# off FEATURE[,FEATURE...]: these and what is forced off anyway: OCI_KSM_NO=$(off prctl) CMD...
off() { echo "$1${OCI_KSM_NO:+,$OCI_KSM_NO}"; }
# lacking [FEATURE...]: these and what is forced off, of what the mode process needs, as our programs name it.
lacking() {
  local feature list=''
  for feature in prctl exec_inherit vma_merge; do
    case " $* " in *" $feature "*) ;; *) lacks "$feature" || continue ;; esac
    list+=${list:+, }$feature
  done
  echo "$list"
}
# as_a_whole: can containers and what programs start be mergeable as a whole (the mode process)? by_the_shim: a process that has the
# shim? It needs nothing that is inherited.
as_a_whole() { ! lacks prctl exec_inherit vma_merge; }
by_the_shim() { ! lacks prctl vma_merge; }
# notifies: can containers, and what oci-ksm run starts, notify oci-ksmd?
notifies() { ! lacks notify listener; }
# refused_without_ksm CMD...: fails, and says that it is the kernel that lacks something: madvise is forced off.
refused_without_ksm() {
  run --separate-stderr -1 "$@"
  assert_match "$stderr" '^oci-ksm: .*this kernel has no KSM'
  assert_equal "$output" ''
}
# mode, by_notify: which comes of the wish for process, for notify
mode() { if as_a_whole; then echo process; else echo preload; fi; }
by_notify() { if notifies; then echo notify; else echo preload; fi; }

# ---- assertions: each says what it found ----

fail() {
  printf 'FAILED: %s\n' "$@" >&2
  return 1
}

# After `run`: assert_status 0
assert_status() { [ "$status" -eq "$1" ] || fail "status is $status, not $1; output:" "$output" "${stderr:+stderr: $stderr}"; }
# After `run`: the whole output
assert_output() { assert_equal "$output" "$1"; }
assert_equal() { [ "$1" = "$2" ] || fail "is:        $1" "should be: $2"; }
refute_equal() { [ "$1" != "$2" ] || fail "both are: $1"; }
# assert_contains TEXT PART
assert_contains() { case $1 in *"$2"*) ;; *) fail "no '$2' in:" "$1" ;; esac; }
refute_contains() { case $1 in *"$2"*) fail "there is '$2' in:" "$1" ;; esac; }
# assert_match TEXT REGEX (extended, as bash's =~)
assert_match() { [[ $1 =~ $2 ]] || fail "nothing matches '$2' in:" "$1"; }
assert_exists() { [ -e "$1" ] || [ -L "$1" ] || fail "missing: $1"; }
refute_exists() { if [ -e "$1" ] || [ -L "$1" ]; then fail "is there: $(ls -ld "$1")"; fi; }
# assert_same FILE FILE: byte for byte
assert_same() { cmp -- "$1" "$2" || fail "differ: $1 $2" "$(diff -- "$1" "$2" | head -n 20)"; }
# assert_empty_dir DIR: nothing at all in it
assert_empty_dir() { [ -z "$(find "$1" -mindepth 1 -print -quit)" ] || fail "not empty: $1:" "$(find "$1" -mindepth 1 -ls)"; }
# state_files: what is in the state folder, without what was found out about the machine
state_files() { [ ! -d "$STATE" ] || find "$STATE" -type f ! -name 'probes*.json'; }
# log_lines: without what oci-ksmd says of each start and each container
log_lines() { [ ! -e "$LOG" ] || grep -vE 'oci-ksmd\[[0-9]+\]: (container [^ ]+: )?info: ' "$LOG" || true; }
# assert_log_lines N [REGEX]: the log has exactly N lines that match REGEX, or N that log_lines has
assert_log_lines() {
  local n
  n=$(if [ $# -gt 1 ] && [ -e "$LOG" ]; then grep -cE -- "$2" "$LOG" || true; else log_lines | wc -l; fi)
  [ "$n" -eq "$1" ] || fail "$n log lines${2:+ match $2}, not $1:" "$(cat "$LOG" 2> /dev/null)"
}
# assert_shim PID / refute_shim PID: is the shim mapped in that process?
assert_shim() { grep -q libksm_preload.so "/proc/$1/maps" || fail "no shim in process $1: $(tr '\0' ' ' < "/proc/$1/cmdline")"; }
refute_shim() { ! grep -q libksm_preload.so "/proc/$1/maps" || fail "shim in process $1: $(tr '\0' ' ' < "/proc/$1/cmdline")"; }
# assert_gone PID: it has ended (init may take a second to reap it)
assert_gone() { ! grep -qs '^State:\s[^ZX]' "/proc/$1/status" || fail "process $1 is there: $(tr '\0' ' ' < "/proc/$1/cmdline")"; }
