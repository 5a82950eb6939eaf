#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# boost.bats: what oci-ksmd's steward does with the host's KSM, and that it puts it back: boost after containers start, pressure.
# bats file_tags=alone
load lib
load notify
load copies

KNOBS='run advisor_mode advisor_target_scan_time advisor_max_cpu pages_to_scan sleep_millisecs smart_scan'
are() { [ "$(knobs)" = "$1" ]; }

# begin FILTER [PAGES]: ksmd at the kernel's default speed (or this one), whose values are then in $BEFORE; oci-ksmd with these settings.
begin() {
  ksm_begin
  ksm_set pages_to_scan "${2:-100}"
  BEFORE=$(knobs)
  settings "$1"
  notify_begin
  wait_for 20 watches
}
steward() { pgrep -g "$NOTIFY_GROUP" -x oci-ksm-steward; }
watches() { readlink "/proc/$(steward)"/fd/* | grep -q inotify; }
is_boosted() { [ "$(knob pages_to_scan)" -ge 1000 ]; }
log_has() { grep -qE "$1" "$LOG"; }
# start NAME: a container
start() {
  [ -d "$T/r" ] || rootfs_busybox "$T/r"
  bundle "$T/b-$1" "$T/r" -a oci-ksm/mode=process -- /bin/sleep 1000
  oci_start wrapper-crun "$T/b-$1" "$(cid "$1")"
}
have_ended() { ! pgrep -g "$NOTIFY_GROUP" -r D,R,S,T,t > /dev/null; }
# Stopped first, as they start each other again.
kill_all() {
  pkill -STOP -g "$NOTIFY_GROUP"
  pkill -KILL -g "$NOTIFY_GROUP"
  # As long as a steward ends it counts as there, and its wishes hold.
  wait_for 20 have_ended
  unset NOTIFY_GROUP
}
scanned() { cat "$KSM/pages_scanned" 2> /dev/null || echo 0; }
duplicates() { "$BUILD/tools/ksm-census" "$@" | jq .now.duplicates; }
# spared BYTES: so much has been merged away since $SHARING pages were.
spared() { [ $((($(cat "$KSM/pages_sharing") - SHARING) * 4096)) -ge "$1" ]; }

teardown() {
  [ -z "${COPIES+set}" ] || copies_stop
  notify_end
  test_end
}

# boosted WORKLOAD: 8 copies of it, with the default speed but for the boost; prints how long it takes until 90 % of what is equal is merged.
boosted() {
  if lacks notify; then unserved; return; fi
  local pids before scans pages seconds after
  begin '.'
  # Nothing is merged before the clock runs.
  ksm_set run 0
  COPIES=()
  copies_start 8 "$1" wrapper-crun -a oci-ksm/mode=process
  mapfile -t pids < <(copies_pids)
  before=$(duplicates "${pids[@]}") SHARING=$(cat "$KSM/pages_sharing")
  settings '.boost = true'
  ksm_set run 1
  start 9
  scans=$(cat "$KSM/full_scans") pages=$(scanned) seconds=$SECONDS
  wait_for 20 is_boosted
  assert_equal "$(knob advisor_mode 2> /dev/null || echo none) $(knob sleep_millisecs)" 'none 20'
  wait_for 60 spared $((before * 9 / 10))
  scans=$(($(cat "$KSM/full_scans") - scans)) pages=$(($(scanned) - pages)) seconds=$((SECONDS - seconds))
  echo "# $1: 90 % of $((before >> 20)) MiB merged in $seconds s, $scans scans, $pages pages, which take $((pages / 5000)) s at the default speed" >&3
  # The one under way and two whole ones.
  [ "$scans" -le 4 ]
  wait_for 90 are "$BEFORE"
  log_has 'boost: over after'
  ksm_set run 0
  after=$(duplicates "${pids[@]}")
  [ "$after" -lt $((before / 10)) ] || fail "too little is merged when it is over: $after of $before bytes are duplicates still"
}
@test "boost: 8 copies of python3 are merged after two scans, at a multiple of the default speed, and then it is over" { boosted python; }
# OCI_KSM_BOOSTED=java, or another of tests/workloads, by hand.
@test "boost: so are 8 copies of node, which have little in common" { boosted "${OCI_KSM_BOOSTED:-node}"; }

@test "boost: killed, its successor puts the old values back; so does the next oci-ksmd, and tune --restore" {
  if lacks notify; then unserved; return; fi
  local pid
  begin '.boost = {seconds: 600}'
  start 1
  wait_for 20 is_boosted
  pid=$(steward)
  kill -KILL "$pid"
  wait_for 20 are "$BEFORE"
  start 2
  wait_for 20 is_boosted
  kill_all
  is_boosted
  notify_begin
  wait_for 20 are "$BEFORE"
  wait_for 20 watches
  start 3
  wait_for 20 is_boosted
  kill_all
  is_boosted
  run -0 "$BIN/oci-ksm" tune --restore
  assert_contains "$output" '-> 100'
  assert_equal "$(knobs)" "$BEFORE"
  # The end of oci-ksmd is the end of its boost.
  notify_begin
  wait_for 20 watches
  start 4
  wait_for 20 is_boosted
  notify_end
  assert_equal "$(knobs)" "$BEFORE"
  [ ! -e "$STATE/tune.json" ]
}

@test "boost: not where ksmd does not scan, nor without the setting; and what others write meanwhile stays" {
  if lacks notify; then unserved; return; fi
  begin '.'
  start 1
  sleep 1.5
  assert_equal "$(knobs)" "$BEFORE"
  settings '.boost = {seconds: 600}'
  ksm_set run 0
  start 2
  sleep 1.5
  assert_equal "$(knob pages_to_scan)" 100
  ksm_set run 1
  wait_for 20 is_boosted
  "$BIN/oci-ksm" tune > "$T/tuned"
  is_boosted
  ksm_set pages_to_scan 4321
  ksm_set smart_scan 1
  settings '.boost = false'
  if [ -e "$KSM/advisor_mode" ]; then
    wait_for 20 log_has 'advisor_mode: none -> scan-time'
    assert_equal "$(knob advisor_mode)" scan-time
  fi
  wait_for 20 log_has 'smart_scan: left at 1'
}

# fill: no file can be made in the folder of state any more; empty: they can again.
fill() { while mkdir "$STATE/fill-$((FILLED++))" 2> /dev/null; do :; done; }
empty() { rmdir "$STATE"/fill-*; }
is_tuned() { [ "$(knob pages_to_scan)" = 321 ]; }
@test "boost: put back though the folder of state is full; where a file is needed for it, as soon as there is room" {
  if lacks notify; then unserved; return; fi
  local FILLED=0
  mkdir -m 0700 "$STATE"
  mount -t tmpfs -o nr_inodes=60,mode=0700 state "$STATE"
  begin '.boost = {seconds: 600}'
  start 1
  wait_for 20 is_boosted
  fill
  settings '.boost = false'
  wait_for 20 are "$BEFORE"
  empty
  settings '.ksm = {pages_to_scan: 321}'
  run -0 "$BIN/oci-ksm" tune
  settings '.boost = {seconds: 600}'
  wait_for 20 log_has 'settings read again'
  start 2
  wait_for 20 is_boosted
  fill
  settings '.boost = false'
  wait_for 20 log_has "ksmd, trying again: $STATE: .*No space left"
  is_boosted
  empty
  wait_for 20 is_tuned
  run -0 "$BIN/oci-ksm" tune --restore
  assert_equal "$(knobs)" "$BEFORE"
}

@test "pressure: ksmd scans while memory is short, and rests before and after" {
  if lacks notify; then unserved; return; fi
  local total available threshold
  # It does not rest before two whole scans.
  begin '.pressure = {available: 1}' 10000
  wait_for 20 are "${BEFORE/run 1/run 0}"
  total=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo) available=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
  # 16 % of memory are taken; the threshold is about half way, and 5 % beyond it that ends it.
  threshold=$((available * 100 / total - 9))
  settings ".pressure = {available: $threshold, stall: 100}"
  sleep 3
  assert_equal "$(knob run)" 0
  background /usr/bin/python3 -c "import signal; data = b'x' * ($total * 1024 // 100 * 16); signal.pause()"
  wait_for 60 are "$BEFORE"
  kill -KILL "$BACKGROUND_PID"
  wait_for 60 are "${BEFORE/run 1/run 0}"
  log_has "pressure: .* % of memory available, .* % waiting: ksmd scans"
  # Whatever an administrator writes is left alone, as long as it lasts.
  ksm_set run 1
  settings '.pressure = {available: 2}'
  sleep 3
  assert_equal "$(knob run)" 1
  settings 'del(.pressure)'
  sleep 1
  are "$BEFORE"
  [ ! -e "$STATE/tune.json" ]
}
