#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-run.bats: oci-ksm run --mode=notify, with the host's helper and with one of its own.
# probes: prctl exec_inherit vma_merge process_madvise sync_wake_up wait_killable suspend_seccomp
load lib
load notify

ksm() { "$BIN/oci-ksm" run --mode=notify --required "$@"; }
# helper_pids: the helpers that runs have started for themselves
helpers() { pgrep -f "oci-ksmd --once --socket=$STATE/run-"; }
no_helpers() { ! helpers; }

@test "with the host's helper: the memory of a static program and of its children is marked" {
  if ! notifies; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  background "$BIN/oci-ksm" run --mode=notify --required -- /bin/sh -c "'$BUILD/tests/workloads/static' & wait"
  wait_for 30 grep -q ready "$T/background.out"
  pid=$(pgrep -P "$BACKGROUND_PID" static)
  echo "$pid" >> "$T/background"
  notify_serves 1
  refute_shim "$pid"
  assert_all_marked 65536 "$pid"
  no_helpers
}

@test "whole processes, where the kernel can; else by marks" {
  if ! notifies; then unserved; return; fi
  notify_begin
  background "$BIN/oci-ksm" run --mode=notify --required -- "$BUILD/tests/workloads/static"
  wait_for 30 grep -q ready "$T/background.out"
  assert_all_marked 65536 "$BACKGROUND_PID"
  assert_equal "$(grep merge_any "/proc/$BACKGROUND_PID/ksm_stat")" "ksm_merge_any: $(if lacks prctl exec_inherit vma_merge; then echo no; else echo yes; fi)"
}

@test "arguments, output, status and signal are the program's own" {
  if ! notifies; then unserved; return; fi
  notify_begin
  run --separate-stderr -3 ksm -- sh -c 'echo "$@"; cat; exit 3' sh -a --help 'b c' <<< input
  assert_output $'-a --help b c\ninput'
  assert_equal "$stderr" ''
  run -143 ksm -- sh -c 'kill -TERM $$'
  run -127 ksm -- "$T/nix"
  run -126 ksm -- "$T/settings.json"
  wait_for 30 notify_serves 0
}

@test "without a helper one is started for it, and ends with it" {
  if ! notifies; then unserved; return; fi
  run --separate-stderr -3 ksm -- /usr/bin/python3 -c 'import sys; x = bytearray(50 << 20); print(len(x)); sys.exit(3)'
  assert_output 52428800
  assert_equal "$stderr" ''
  wait_for 30 no_helpers
  background "$BIN/oci-ksm" run --mode=notify --required -- "$BUILD/tests/workloads/static"
  wait_for 30 grep -q ready "$T/background.out"
  refute_equal "$(helpers)" ''
  assert_all_marked 65536 "$BACKGROUND_PID"
  # Nothing of the program's is open in it: whoever reads its output sees its end.
  for pid in $(helpers); do
    assert_equal "$(find "/proc/$pid/fd" -lname "$T/background.out")" ''
  done
  kill "$BACKGROUND_PID"
  wait_for 30 no_helpers
  assert_equal "$(find "$STATE" -name 'run-*.sock')" ''
}

# bats test_tags=alone
@test "--sync: what is mapped is marked when the program goes on" {
  if ! notifies; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  # The best of three: see notify-marks.bats.
  for try in 1 2 3; do
    sync_marks
    [ "$output" != 20 ] || break
  done
  assert_output 20
  run -2 "$BIN/oci-ksm" run --mode=preload --sync -- true
}
# sync_marks: how many of 20 mappings of a program had the mark at once.
sync_marks() {
  run -0 ksm --sync -- /usr/bin/python3 -c 'import mmap, re
flags = []
for i in range(20):
    m = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    smaps = open("/proc/self/smaps").read()
    import ctypes
    at = ctypes.addressof(ctypes.c_char.from_buffer(m))
    inside = [r for r in re.findall(r"(?m)^([0-9a-f]+)-([0-9a-f]+) [\s\S]*?VmFlags:(.*)", smaps) if int(r[0], 16) <= at < int(r[1], 16)]
    flags.append(" mg" in inside[0][2])
print(flags.count(True))'
}

@test "the smallest region" {
  if ! notifies; then unserved; return; fi
  notify_begin
  background "$BIN/oci-ksm" run --mode=notify --min-size=1M --required -- /usr/bin/python3 -c 'import mmap, time
small = [mmap.mmap(-1, 256 << 10, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ if i % 2 else 3) for i in range(10)]
big = mmap.mmap(-1, 8 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
print("ready", flush=True)
time.sleep(1000)'
  wait_for 30 grep -q ready "$T/background.out"
  assert_all_marked 1048576 "$BACKGROUND_PID"
  # The process as a whole is not mergeable then.
  assert_equal "$(grep merge_any "/proc/$BACKGROUND_PID/ksm_stat")" 'ksm_merge_any: no'
  refute_equal "$("$NOTIFY_TOOL" unmarked 65536 "$BACKGROUND_PID")" ''
}

@test "with the shim: both" {
  if ! notifies; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  run -0 "$BIN/oci-ksm" run --mode=preload,notify --required -- sh -c 'echo "$LD_PRELOAD"; exec grep Seccomp_filters /proc/self/status'
  assert_contains "$output" libksm_preload.so
  assert_match "$output" $'Seccomp_filters:\t[1-9]'
  run -0 "$BIN/oci-ksm" status --help
}

@test "where there is a listener already preload takes its place; required fails" {
  if ! notifies; then unserved; return; fi
  notify_begin
  run --separate-stderr -0 ksm -- "$BIN/oci-ksm" run --mode=notify -- sh -c 'echo "$LD_PRELOAD"'
  assert_output "$PRELOAD_DIR/not-libasan.so/\$LIB/libksm_preload.so"
  assert_match "$stderr" '^oci-ksm: notify is not possible: another seccomp listener is in force here, [^,]*, so preload takes its place$'
  run --separate-stderr -125 ksm -- "$BIN/oci-ksm" run --mode=notify --required -- touch "$T/ran"
  refute_exists "$T/ran"
}

@test "32-bit programs live" {
  if ! notifies; then unserved; return; fi
  notify_begin
  run -3 ksm -- "$BUILD/tests/shim/32/plain"
  assert_output allocated
}

@test "status shows it" {
  if ! notifies; then unserved; return; fi
  notify_begin
  background "$BIN/oci-ksm" run --mode=notify --required -- sleep 1000
  wait_for 30 runs_sleep
  run -0 "$BIN/oci-ksm" status --noheadings -o mode,procs
  assert_output 'notify  1'
}
runs_sleep() { [ "$(cat "/proc/$BACKGROUND_PID/comm")" = sleep ]; }

@test "no helper to be had: the program runs all the same; required fails" {
  settings '.state_dir = $file' --arg file "$T/file"
  touch "$T/file"
  run --separate-stderr -0 "$BIN/oci-ksm" run --mode=notify -- echo runs
  assert_output runs
  assert_equal "$(wc -l <<< "$stderr")" 1
  run -125 ksm -- touch "$T/ran"
  refute_exists "$T/ran"
}

@test "doctor: no helper is a warning with what to do, a helper is shown with what it can do" {
  if ! notifies; then unserved; return; fi
  run "$BIN/oci-ksm" doctor
  assert_match "$output" 'warn  Does the helper[^>]*no: '
  if [ -e /run/systemd/system ]; then
    assert_contains "$output" 'systemctl enable --now oci-ksmd.socket'
  else
    assert_contains "$output" 'oci-ksmd &'
  fi
  notify_begin OCI_KSM_NO=prctl,sync_wake_up
  run "$BIN/oci-ksm" doctor
  assert_match "$output" "ok    Does the helper[^>]*$SOCKET"
  assert_match "$output" "$(if lacks madvise; then echo 'it cannot'; else echo 'region by region'; fi)[^>]*prctl[^>]*sync_wake_up"
  assert_equal "$("$BIN/oci-ksm" doctor --json | jq -r '.probes[] | select(.id == "notify" or .id == "notify_ways") | .verdict' | xargs)" \
    "ok $(if lacks madvise || lacks suspend_seccomp; then echo warn; else echo ok; fi)"
}

@test "signals without SA_RESTART change no brk, as that is not notified; where it is, glibc's heap breaks" {
  if ! notifies; then unserved; return; fi
  notify_begin
  run -0 ksm -- "$BUILD/tests/notify/interrupted" 20000
  assert_match "$output" '^[0-9]+ signals$'
  settings '.notify_brk = true'
  run ! ksm -- "$BUILD/tests/notify/interrupted" 200000
  assert_match "$output" 'the break is at 0xfffffffffffffffc instead'
}
