#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-marks.bats: what oci-ksmd's worker and marker do to programs: within a second all memory is marked, however the program got
# it, process-wide and region by region; and what must be left alone is. The programs are in tests/notify.
# probes: wait_killable
load lib
load notify

PROGRAMS=$BUILD/tests/notify
# Region by region, as on kernels before 6.4, and as a whole.
REGIONS='oci-ksm min-size=65536 regions'
WHOLE='oci-ksm min-size=65536'

setup() {
  test_begin
  STARTED=() COUNT=0
}
teardown() {
  end_started
  notify_end
  test_end
}

# notified ID METADATA CMD...
notified() { timeout 120 "$BUILD/tools/notify-notified" "$SOCKET" "$@"; }
# start METADATA CMD...: in the background, until its input ends; its pid is in $PID. Output: $T/ID.out
start() {
  local id="started$COUNT" metadata=$1
  shift
  COUNT=$((COUNT + 1))
  mkfifo "$T/$id.in"
  sleep infinity > "$T/$id.in" 3>&- &
  STARTED+=($!)
  "$BUILD/tools/notify-notified" "$SOCKET" "$id" "$metadata" "$@" < "$T/$id.in" > "$T/$id.out" 2>&1 3>&- &
  PID=$!
  OUT=$T/$id.out
  echo "$PID" >> "$T/background"
}
end_started() {
  [ ${#STARTED[@]} -eq 0 ] || kill "${STARTED[@]}" || true
  STARTED=()
}
# family PID: it and its descendants
family() {
  local child
  echo "$1"
  for child in $(pgrep -P "$1"); do family "$child"; done
}
is_ready() { grep -q '^ready' "$OUT"; }
# ended_well: the program that was started last
ended_well() {
  end_started
  wait "$PID" || fail "it ended with $?: $(cat "$OUT")"
}

# bats test_tags=alone
@test "all memory of a static program, its threads and its children is marked within a second" {
  if lacks notify; then unserved; return; fi
  for no in none prctl; do
    notify_begin OCI_KSM_NO=$no
    for metadata in "$WHOLE" "$REGIONS"; do
      start "$metadata" "$PROGRAMS/grow"
      wait_for 30 is_ready
      # shellcheck disable=SC2046
      MARKED_WITHIN=1 assert_all_marked 65536 $(family "$PID")
      ended_well
    done
    notify_end
  done
}

@test "without process_madvise, sync_wake_up and suspend_seccomp it works, too" {
  if lacks notify; then unserved; return; fi
  for no in prctl,process_madvise prctl,sync_wake_up,suspend_seccomp suspend_seccomp; do
    notify_begin "OCI_KSM_NO=$no"
    start "$WHOLE" "$PROGRAMS/grow"
    wait_for 30 is_ready
    # shellcheck disable=SC2046
    assert_all_marked 65536 $(family "$PID")
    ended_well
    notify_end
  done
}

@test "a program that makes no notified call is found all the same" {
  if lacks notify; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  start "$WHOLE" "$PROGRAMS/grow" exec
  wait_for 30 is_ready
  # shellcheck disable=SC2046
  assert_all_marked 65536 $(family "$PID")
  ended_well
}

@test "python: process-wide and region by region" {
  if lacks notify; then unserved; return; fi
  notify_begin
  for metadata in "$WHOLE" "$REGIONS"; do
    start "$metadata" /usr/bin/python3 -c 'import sys; x = [str(i) for i in range(300000)]; print("ready", flush=True); sys.stdin.read()'
    wait_for 30 is_ready
    assert_all_marked 65536 "$PID"
    ended_well
  done
}

@test "more threads at once than the helper has places for" {
  if lacks notify; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  start "$WHOLE" "$PROGRAMS/crowd"
  wait_for 30 is_ready
  assert_all_marked 65536 "$PID"
  ended_well
}

# bats test_tags=alone
@test "sync: the mark is there before the next instruction" {
  if lacks notify; then unserved; return; fi
  for no in none prctl prctl,suspend_seccomp; do
    notify_begin "OCI_KSM_NO=$no"
    # A machine that lets a thread wait for a quarter of a second makes the helper go on without: so the best of three.
    for try in 1 2 3; do
      run notified "sync$try" "$WHOLE sync brk" "$PROGRAMS/own"
      [ "$output" != '200 calls, 0 unmarked' ] || break
    done
    assert_output '200 calls, 0 unmarked'
    notify_end
  done
}

# left_to_the_tracer METADATA TRACER... GROW: the program runs, and that is who traces it
left_to_the_tracer() {
  local metadata=$1 tracer
  shift
  start "$metadata" "$@"
  wait_for 30 is_ready
  tracer=$(pgrep -P "$PID" -x grow | head -n 1)
  refute_equal "$(awk '/^TracerPid/ { print $2 }' "/proc/$tracer/status")" 0
}

@test "a program that strace traces is left to it, and its calls are answered" {
  if lacks notify; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  for sync in '' ' sync'; do
    left_to_the_tracer "$WHOLE$sync" strace -I 2 -f -o "$T/trace" "$PROGRAMS/grow"
    grep -qE 'mmap\(NULL, 2097152, .*MAP_ANONYMOUS.*( = 0x|<unfinished)' "$T/trace" || fail "no mmap in: $(cat "$T/trace")"
    if grep -qE 'mmap.* = -1' "$T/trace"; then fail "one failed: $(cat "$T/trace")"; fi
    sleep 1.2
    [ -n "$("$NOTIFY_TOOL" unmarked 65536 "$(pgrep -P "$PID" -x grow)")" ] || fail 'it was stopped under strace'
    # strace lets go of them when it is told to end.
    pids=$(pgrep -P "$PID" -x grow; pgrep -P "$(pgrep -P "$PID" -x grow)" -x grow)
    kill -INT "$PID"
    # shellcheck disable=SC2086
    wait_for 30 all_marked 65536 $pids
    end_started
    # shellcheck disable=SC2086
    wait_for 30 has_ended $pids
  done
  assert_equal "$(log_lines)" ''
}
has_ended() { ! kill -0 "$@" 2> /dev/null; }

@test "a program under gdb" {
  if lacks notify; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  for metadata in "$WHOLE" "$WHOLE sync"; do
    printf '%s\n' 'set pagination off' 'set breakpoint pending on' 'break sbrk' 'ignore 1 5' 'run < /dev/null' 'info registers rip' 'continue 100' quit > "$T/commands"
    run notified gdb "$metadata" gdb -q -batch -x "$T/commands" "$PROGRAMS/grow" < /dev/null
    assert_contains "$output" 'Breakpoint 1,'
    assert_contains "$output" 'ready'
    assert_match "$output" 'exited normally'
  done
  assert_equal "$(log_lines)" ''
}

@test "a stopped program stays stopped, and is marked when it goes on" {
  if lacks notify; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  start "$WHOLE" /bin/sh -c 'kill -STOP $$; exec "$0" "$@"' "$PROGRAMS/grow"
  wait_for 30 grep -q '^State:.*stopped' "/proc/$PID/status"
  sleep 1
  grep -q '^State:.*stopped' "/proc/$PID/status"
  kill -CONT "$PID"
  wait_for 30 is_ready
  # shellcheck disable=SC2046
  assert_all_marked 65536 $(family "$PID")
  kill -STOP "$PID"
  sleep 0.7
  grep -q '^State:.*stopped' "/proc/$PID/status"
  kill -CONT "$PID"
  ended_well
}

@test "a 32-bit program is left alone, without a word a second" {
  if lacks notify; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  run notified narrow "$REGIONS" "$PROGRAMS/narrow"
  assert_status 0
  [ "$(log_lines | wc -l)" -le 1 ]
}

@test "processes that end at once" {
  if lacks notify; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  run notified short "$REGIONS" /bin/sh -c 'for i in $(seq 300); do /bin/true; done; echo done'
  assert_output 'done'
  assert_equal "$(log_lines)" ''
  wait_for 30 notify_serves 0
}

# percentile ID METADATA: the 99th of what an mmap takes, in us
percentile() { notified "$@" "$PROGRAMS/rate" 400; }

# bats test_tags=alone
@test "one that floods does not delay the others' answers by a millisecond" {
  if lacks notify; then unserved; return; fi
  notify_begin
  for metadata in "$WHOLE" "$REGIONS"; do
    start "$metadata" "$PROGRAMS/rate" flood 4
    flood=$PID best='' times=()
    for i in 1 2 3; do
      beside=$(percentile "beside$i" "$metadata")
      kill -STOP "$flood"
      alone=$(percentile "alone$i" "$metadata")
      # What the flood takes of the CPU, it takes with or without us.
      "$PROGRAMS/rate" flood 4 > /dev/null 2>&1 < /dev/null 3>&- &
      native=$!
      echo "$native" >> "$T/background"
      other=$(percentile "other$i" "$metadata")
      kill "$native"
      wait "$native" || true
      kill -CONT "$flood"
      times+=("$beside ($alone, $other)")
      by=$((beside - (alone > other ? alone : other)))
      if [ -z "$best" ] || [ "$by" -lt "$best" ]; then best=$by; fi
    done
    kill "$flood"
    wait "$flood" || true
    echo "# $metadata: 99th percentile of an mmap beside a flood (alone, beside the same flood without a helper), us: ${times[*]}" >&3
    [ "$best" -le 1000 ]
  done
}

@test "when the worker or the marker is killed nothing is lost" {
  if lacks notify; then unserved; return; fi
  notify_begin OCI_KSM_NO=prctl
  for metadata in "$WHOLE" "$WHOLE sync"; do
    start "$metadata" "$BUILD/tests/workloads/calls"
    keeper=$(notify_hello keeper)
    for i in $(seq 60); do
      pkill -KILL -P "$keeper"
      sleep "0.0$((RANDOM % 9))"
      wait_for 30 notify_hello > /dev/null
    done
    kill -USR1 "$PID"
    wait_for 30 grep -q '^resting' "$OUT"
    assert_match "$(cat "$OUT")" '^resting: [1-9][0-9]* calls, 0 wrong$'
    # What is killed again and again is started later and later.
    # shellcheck disable=SC2046
    wait_for 30 all_marked 65536 $(family "$PID")
    kill -TERM "$PID"
    wait "$PID"
  done
}

# bats test_tags=alone
@test "nothing to do, nothing done; and a few MiB for all of it" {
  if lacks notify; then unserved; return; fi
  notify_begin
  for i in 1 2 3; do
    start "$WHOLE" "$PROGRAMS/grow"
    wait_for 30 is_ready
  done
  # shellcheck disable=SC2046
  assert_all_marked 65536 $(family "$PID")
  # A tick in which anything of it ran at all counts as one of it: the best of three.
  for try in 1 2 3; do
    sleep 1
    before=$("$NOTIFY_TOOL" memory "$SOCKET")
    sleep 2
    after=$("$NOTIFY_TOOL" memory "$SOCKET")
    [ "$(awk '{ print $3 }' <<< "$after")" != "$(awk '{ print $3 }' <<< "$before")" ] || break
  done
  echo "# PSS and RSS in KiB, ticks, processes: $after" >&3
  assert_equal "$(awk '{ print $3 }' <<< "$after")" "$(awk '{ print $3 }' <<< "$before")"
  [ "$(awk '{ print $1 }' <<< "$after")" -lt 3072 ]
}
