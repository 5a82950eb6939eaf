#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# failopen.bats: whatever fails of ours, the container runs, and one log line says why; with oci-ksm/required=true it does not
# start, and the engine is told.
load lib
load hostside

setup() {
  test_begin
  image busybox
  mkdir "$T/lower/lib64"
  : > "$T/lower/lib64/ld-linux-x86-64.so.2"
  CONTAINER=(-a oci-ksm/mode=preload -- sh -c 'echo ran')
}

# What some tests mount over the machine's own, for all that runs in this namespace.
COVERED=(/sys/kernel/mm/ksm /run /var/log)
teardown() {
  local path
  if [ -c /dev/log ]; then umount /dev/log; fi
  for path in "${COVERED[@]}"; do
    if grep -qE "^[^ ]+ [^ ]+ [^ ]+ [^ ]+ $path [^-]* - tmpfs failopen" /proc/self/mountinfo; then umount "$path"; fi
  done
  test_end
}
# cover PATH: an empty tmpfs over it, once
cover() { grep -qE " $1 [^-]* - tmpfs failopen" /proc/self/mountinfo || mount -t tmpfs -o mode=0755 failopen "$1"; }

# ways BREAK REGEX [WAY]...: the container at $T/b runs in each way; the one log line matches REGEX. Then the same container,
# but merging is required: it fails, with a message that matches REGEX. MERGES=yes: it merges all the same.
ways() {
  local break=$1 regex=$2 way
  shift 2
  [ $# -gt 0 ] || set -- hook-crun hook-runc wrapper-crun wrapper-runc
  for way; do
    attempt "$way" "$break"
    assert_status 0
    assert_output ran
    assert_log_lines 1
    assert_log_lines 1 "$regex"
    attempt "$way" "$break" -a oci-ksm/required=true
    if [ "${MERGES:-}" = yes ]; then
      assert_status 0
    else
      [ "$status" -ne 0 ] || fail "$way started, though merging is required"
      refute_contains "$output" ran
      # crun does not show what its hooks say.
      [ "$way" = hook-crun ] || assert_match "$stderr" "$regex"
      assert_log_lines 1 "error: .*$regex"
    fi
  done
}

# attempt WAY BREAK [bundle's options]
attempt() {
  local way=$1 break=$2 rt=${1#*-}
  shift 2
  rm -rf "$T/b" "$LOG"
  bundle "$T/b" "$T/r" "$@" "${CONTAINER[@]}"
  case $way in hook-*) bundle_hooks "$T/b" ;; wrapper-*) rt=$way ;; esac
  "$break"
  run --separate-stderr oci_run "$rt" "$T/b"
}

shim_missing() { settings '.preload_dir = "/nonexistent"'; }
@test "the shim is missing" { ways shim_missing 'find the shim /nonexistent/libksm_preload.so: No such file'; }

# A folder that is not whole: nothing for ld.so to load, or no list to mount over /etc/ld.so.preload.
shim_damaged() {
  rm -rf "$T/preload"
  cp -a "$PRELOAD_DIR" "$T/preload"
  rm "$T/preload/$1"
  settings '.preload_dir = $p' --arg p "$T/preload"
}
# shellcheck disable=SC2016 # a folder of that name
shim_unreachable() { shim_damaged 'not-libasan.so/$LIB/libksm_preload.so'; }
@test "a part of the shim's folder is missing" { ways shim_unreachable 'find the shim .*/libksm_preload.so: No such file'; }

list_missing() { shim_damaged ld.so.preload; }
@test "the list for /etc/ld.so.preload is missing" {
  ways list_missing 'list .*/ld.so.preload: No such file' hook-crun hook-runc
  MERGES=yes ways list_missing 'list .*/ld.so.preload: No such file or directory; programs that drop' wrapper-crun wrapper-runc
}

ksm_absent() { cover /sys/kernel/mm/ksm; }
@test "the kernel has no KSM" { ways ksm_absent 'this kernel has no KSM'; }

no_tmpfs() {
  bundle_edit "$T/b" '.mounts |= map(select(.destination | startswith("/dev") | not)) +
    [{destination: "/dev", type: "bind", source: "/dev", options: ["rbind"]}]'
}
@test "no place for the shim's folder that leaves no trace" { ways no_tmpfs 'neither /dev nor /run nor /tmp is a tmpfs'; }

tmpfs_full() { bundle_edit "$T/b" '(.mounts[] | select(.destination == "/dev").options) |= map(select(startswith("size=") | not)) + ["nr_inodes=40"] |
  .hooks.prestart = [{path: "/bin/sh", args: ["sh", "-c", $s]}] + .hooks.prestart' \
  --arg s "nsenter --mount=/proc/\$(jq .pid)/ns/mnt sh -c 'i=0; while mkdir $T/r/dev/\$i; do i=\$((i + 1)); done' 2> /dev/null"; }
@test "no space in the container's /dev" { ways tmpfs_full 'make /dev/oci-ksm in the container: No space left' hook-crun hook-runc; }

# ---- /etc/ld.so.preload cannot be made: for a hook without an edited environment that is all there is ----

read_only() { mount -o remount,ro "$T/r"; }
@test "a read-only file system: the hook does nothing" {
  ways read_only 'make /etc/ld.so.preload in the image: Read-only file system' hook-crun hook-runc
}
@test "a read-only file system: the wrapper has the environment" {
  MERGES=yes ways read_only 'make /etc/ld.so.preload in the image: Read-only file system; programs that drop' wrapper-crun wrapper-runc
}

# An image on a full tmpfs of its own.
full() {
  umount "$T/r"
  mount -t tmpfs -o size=4M full "$T/r"
  cp -a "$T/lower/." "$T/r/"
  # Once full of content, then of names: a folder's entry takes an inode.
  mount -o "remount,nr_inodes=$(df --output=iused "$T/r" | tail -n 1 | tr -d ' ')" "$T/r"
}
@test "no space in the image's file system: the hook does nothing" {
  ways full 'make /etc/ld.so.preload in the image: No space left' hook-crun hook-runc
}
@test "no space in the image's file system: the wrapper has the environment" {
  MERGES=yes ways full 'make /etc/ld.so.preload in the image: No space left.*; programs that drop' wrapper-crun wrapper-runc
}

# ---- the settings and the state ----

# Without settings the log goes to syslog or the default file, and the state to /run: here both are the test's own.
settings_fault() {
  cover /run
  cover /var/log
  # Nobody listens: it is no socket.
  if [ -S /dev/log ]; then mount --bind /dev/null /dev/log; fi
  LOG=/var/log/oci-ksm.log
  rm -f "$LOG"
}
settings_garbage() { settings_fault && echo '{"mode": }' > "$OCI_KSM_SETTINGS"; }
@test "broken settings" { MERGES=yes ways settings_garbage 'settings, proceeding with the defaults: '; }

settings_folder() { settings_fault && rm -rf "$OCI_KSM_SETTINGS" && mkdir "$OCI_KSM_SETTINGS"; }
@test "unreadable settings" { MERGES=yes ways settings_folder 'settings, proceeding with the defaults: .*not a regular file'; }

settings_unknown() { settings '.mode = "fast"'; }
@test "a value of the settings that there is not" { MERGES=yes ways settings_unknown 'settings: mode: .*fast.*, using the default'; }

state_file() { rm -rf "$STATE" && echo file > "$STATE"; }
@test "the state folder is a file: the hook does nothing" { ways state_file 'state.*: (Not a directory|File exists)' hook-crun hook-runc; }
@test "the state folder is a file: the wrapper has the environment" {
  MERGES=yes ways state_file 'state.*: Not a directory; programs that drop' wrapper-crun wrapper-runc
}

state_read_only() { mkdir -p "$STATE" && { mountpoint -q "$STATE" || mount -t tmpfs -o ro,mode=0700 state "$STATE"; }; }
@test "the state folder is read-only" {
  ways state_read_only 'Read-only file system' hook-crun hook-runc
  MERGES=yes ways state_read_only 'Read-only file system; programs that drop' wrapper-crun wrapper-runc
}

state_full() { mkdir -p "$STATE" && { mountpoint -q "$STATE" || mount -t tmpfs -o nr_inodes=3,mode=0700 state "$STATE"; }; }
@test "the state folder is full" {
  ways state_full 'No space left' hook-crun hook-runc
  MERGES=yes ways state_full 'No space left.*; programs that drop' wrapper-crun wrapper-runc
  refute_exists "$T/r/etc/ld.so.preload"
}

# ---- rights ----

# Our hook as user 0 without a single capability.
powerless() {
  bundle_edit "$T/b" '.hooks.prestart |= map(.args = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", .path, "prestart"] | .path = "/usr/bin/setpriv")'
}
@test "a hook without capabilities" { ways powerless 'Operation not permitted|Permission denied' hook-crun hook-runc; }

# A wrapper that stands alone: there is no oci-ksm-hook beside it.
@test "the hook is missing beside the wrapper" {
  mkdir "$T/alone"
  cp "$BIN/oci-ksm-runtime" "$T/alone/oci-ksm-runtime-crun"
  bundle "$T/b" "$T/r" "${CONTAINER[@]}"
  run -0 "$T/alone/oci-ksm-runtime-crun" --root "$T/rt-crun" run --bundle "$T/b" "$(cid)"
  assert_output ran
  assert_log_lines 1 'find the program .*/alone/oci-ksm-hook: No such file or directory; programs that drop'
  refute_exists "$T/r/etc/ld.so.preload"
}

@test "a real runtime that is missing is said in its log, as JSON and as text" {
  settings '.runtimes = ["nonexistent"]'
  run -127 --separate-stderr "$BIN/oci-ksm-runtime" --log "$T/rt.log" --log-format json create --bundle "$T" x
  assert_contains "$stderr" 'find OCI runtime'
  run -0 jq -r '.level + " " + .msg' "$T/rt.log"
  assert_match "$output" '^error oci-ksm: find OCI runtime'
  rm "$T/rt.log"
  run -127 "$BIN/oci-ksm-runtime" --log="$T/rt.log" state x
  assert_match "$(cat "$T/rt.log")" '^time=".*" level=error msg="oci-ksm: find OCI runtime'
}

@test "what is required and cannot be had stands in the runtime's log" {
  bundle "$T/b" "$T/r" -a oci-ksm/required=true "${CONTAINER[@]}"
  shim_missing
  run -1 "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" --log "$T/rt.log" --log-format json run --bundle "$T/b" "$(cid)"
  run -0 jq -r '.level + " " + .msg' "$T/rt.log"
  assert_match "$output" '^error oci-ksm: .*find the shim'
}

@test "what is asked for and cannot be had: preload takes its place, or required=true fails" {
  MERGES=no
  notify() { bundle_edit "$T/b" '.annotations["oci-ksm/mode"] = "notify"'; }
  ways notify 'notify is not possible'
}

@test "annotations that say nothing: the default, or required=true fails" {
  nonsense() { bundle_edit "$T/b" '.annotations["oci-ksm/min-size"] = "many"'; }
  ways nonsense 'min-size'
}
