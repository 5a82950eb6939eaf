# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ksm.bash: /sys/kernel/mm/ksm in tests (see lib.bash). It is the whole machine's: one test at a time may have it, and puts it back.

KSM=/sys/kernel/mm/ksm
KSM_LOCK=/run/lock/oci-ksm-test.lock
KSM_TUNABLES='advisor_mode advisor_target_scan_time advisor_max_cpu pages_to_scan sleep_millisecs smart_scan use_zero_pages'

# ksm_begin: waits for the lock, saves the values, starts a fast ksmd (about 2 GB/s, every page looked at in every scan).
ksm_begin() {
  local name
  exec {KSM_FD}> "$KSM_LOCK"
  flock "$KSM_FD"
  mkdir "$T/ksm"
  for name in run $KSM_TUNABLES; do
    [ ! -e "$KSM/$name" ] || cat "$KSM/$name" > "$T/ksm/$name"
  done
  ksm_set advisor_mode none
  ksm_set smart_scan 0
  ksm_set pages_to_scan 10000
  ksm_set sleep_millisecs 20
  ksm_set run 1
  # ksmd counts no scans while no process is registered: this one always is.
  /usr/bin/python3 -c 'import mmap, signal; m = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); m.madvise(12); signal.pause()' \
    > /dev/null 2>&1 < /dev/null 3>&- {KSM_FD}>&- &
  KSM_PID=$!
}

# ksm_set NAME VALUE: kernels lack some of them.
ksm_set() { [ ! -e "$KSM/$1" ] || echo "$2" > "$KSM/$1"; }

# ksm_end: the old values; gives the lock back. Nothing if this test has not begun. What is merged of other programs stays merged.
ksm_end() {
  local name
  [ -n "${KSM_FD:-}" ] || return 0
  kill -KILL "$KSM_PID" 2> /dev/null || true
  wait "$KSM_PID" || true
  for name in $KSM_TUNABLES run; do
    [ ! -e "$T/ksm/$name" ] || ksm_set "$name" "$(KSM=$T/ksm knob "$name")"
  done
  # Unlocked explicitly: programs that the test started may hold the descriptor too.
  flock -u "$KSM_FD"
  exec {KSM_FD}>&-
  unset KSM_FD
}

# knob NAME: its value, of several the chosen one. knobs: those of $KNOBS that this kernel has, a line each
knob() { sed 's/.*\[\(.*\)\].*/\1/' "$KSM/$1"; }
knobs() {
  local name
  for name in $KNOBS; do
    [ ! -e "$KSM/$name" ] || echo "$name $(knob "$name")"
  done
}

# wait_scans N: until ksmd has done N whole scans from now on. The scan that is under way does not count.
wait_scans() {
  local goal=$(($(cat "$KSM/full_scans") + 1 + $1)) end=$((SECONDS + 120))
  while [ "$(cat "$KSM/full_scans")" -lt "$goal" ]; do
    [ "$SECONDS" -lt "$end" ] || fail "ksmd does not get on: full_scans $(cat "$KSM/full_scans"), wanted $goal" || return 1
    sleep 0.05
  done
}
