#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Injected calls change nothing in the process: victims (tests/inject) notice by themselves, whatever comes in between.
load lib

# victim ARGS...: starts one and waits until it may be injected into: PIDS.
victim() {
  OUTPUT=$(mktemp "$T/victim.XXXX")
  "$BUILD/tools/inject-victim" "$@" > "$OUTPUT" 2>&1 < /dev/null 3>&- &
  VICTIM=$!
  echo "$VICTIM" >> "$T/background"
  wait_for 30 grep -q '^ready' "$OUTPUT"
  read -r -a PIDS <<< "$(sed -n 's/^ready//p' "$OUTPUT")"
}
spy() { run -0 timeout 120 "$BUILD/tools/inject-spy" "$@"; }
# unharmed [PID]: the victim ends with 0, by itself or as it is told to, and nobody traces it until then.
unharmed() {
  if [ "${1:-}" ]; then
    assert_match "$(cat "/proc/$1/status")" $'\nTracerPid:\t0\n'
    kill -TERM "$1"
  fi
  wait "$VICTIM" || fail "victim: $(cat "$OUTPUT")"
  assert_contains "$(cat "$OUTPUT")" unharmed
}

@test "registers, flags and the red zone stay" {
  victim registers
  spy -n 1000 "${PIDS[@]}"
  assert_match "$output" '^1000 injections, .* 0 refused, 0 gone, 0 not let go$'
  unharmed "$VICTIM"
}

@test "threads with locks, pipes, memory and timers compute the same" {
  victim busy
  spy -n 5000 -t 15000 "${PIDS[@]}"
  assert_match "$output" ' 0 gone, 0 not let go'
  unharmed "$VICTIM"
}

# bats test_tags=alone
@test "calls that block give what they would have given, when they would have" {
  victim calls 1000
  spy -t 500 -e 10000 "${PIDS[@]}"
  unharmed
}

@test "signals come once each and in order, and interrupt what they have to" {
  victim signals 30000
  spy "${PIDS[@]}"
  unharmed
}

@test "a process that executes itself, by whichever thread" {
  victim exec 60
  spy "${PIDS[@]}"
  assert_match "$output" ' 1 gone, 0 not let go'
  unharmed
}

@test "the one that injects can be killed at any moment" {
  local mode
  for mode in registers busy 'signals 5000' 'calls 1500'; do
    # shellcheck disable=SC2086 # a mode and its number
    VICTIM_FORGIVES=1 victim $mode
    spy -k 100 "${PIDS[@]}"
    case $mode in
      *\ *) unharmed ;;
      *) unharmed "$VICTIM" ;;
    esac
  done
}

@test "a process that is killed meanwhile is gone, and nothing of it stays" {
  local i
  for i in {1..20}; do
    victim busy
    "$BUILD/tools/inject-spy" "$VICTIM" > "$T/spy" &
    sleep "0.0$((RANDOM % 100))"
    kill -KILL "$VICTIM"
    wait "$VICTIM" || true
    wait $! || [ $? -eq 2 ] # not one injection was made
    assert_match "$(cat "$T/spy")" ' 1 gone, 0 not let go'
  done
}

@test "stopping and continuing goes its own way" {
  victim registers
  "$BUILD/tools/inject-spy" -t 3000 "$VICTIM" > "$T/spy" &
  local i spy=$!
  for i in {1..300}; do
    kill -STOP "$VICTIM"
    kill -CONT "$VICTIM"
  done
  kill -STOP "$VICTIM"
  wait_for 30 grep -q '^State:.T (stopped)' "/proc/$VICTIM/status"
  kill -CONT "$VICTIM"
  wait_for 30 grep -q '^State:.[RS]' "/proc/$VICTIM/status"
  wait "$spy"
  unharmed "$VICTIM"
}

@test "a 32-bit program is refused, and goes on" {
  printf '#include <unistd.h>\nint main(void) { pause(); return 0; }\n' > "$T/pause.c"
  gcc -m32 -o "$T/pause" "$T/pause.c"
  background "$T/pause"
  wait_for 30 grep -q '^29 ' "/proc/$BACKGROUND_PID/syscall"
  run -2 "$BUILD/tools/inject-spy" -n 10 "$BACKGROUND_PID"
  assert_contains "$output" 'does not run 64-bit code'
  wait_for 30 grep -q '^29 ' "/proc/$BACKGROUND_PID/syscall"
}
