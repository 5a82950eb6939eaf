#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# upgrade.bats: processes of oci-ksmd are killed, replaced and restarted while a program makes notified calls without a pause. None
# of its calls may fail, and it must not stay waiting.
load lib
load keeper

teardown() {
  keeper_end
  if [ -n "${MANAGER:-}" ]; then
    kill "$MANAGER" 2> /dev/null || true
    wait_for 30 manager_ended
  fi
  test_end
}

worker_is_other() { [ "$(said worker)" != "$1" ] && keeper_serves; }
keeper_is_other() { [ "$(said keeper)" != "$1" ] && keeper_serves; }
# Keeper, worker, marker and steward; no old one of them is left.
has_four() { [ "$(pgrep -c -g "$KEEPER_GROUP" --runstates DRST)" -eq 4 ]; }
replace() { timeout 30 "$BIN/oci-ksmd" --replace --socket="$SOCKET"; }
# fake CODE: a program at $T/fake that does CODE. argv[1] says what for.
fake() {
  printf '#include <stdio.h>\n#include <string.h>\n#include <unistd.h>\nint main(int argc, char **argv) { (void)argc; %s }\n' "$1" |
    gcc -x c -o "$T/fake" -
}

@test "killed workers: the next one answers what was in flight" {
  if lacks notify; then unserved; return; fi
  keeper_begin
  listener_begin loop
  for ((i = 0; i < 40; i++)); do
    worker=$(said worker)
    kill -KILL "$worker"
    wait_for 30 worker_is_other "$worker"
  done
  listener_end
  assert_log_lines 0 'unknown'
}

@test "killed keepers: the worker becomes keeper, with the same socket" {
  if lacks notify; then unserved; return; fi
  keeper_begin --sync
  listener_begin loop
  for ((i = 0; i < 10; i++)); do
    keeper=$(said keeper)
    kill -KILL "$keeper"
    wait_for 30 keeper_is_other "$keeper"
    holds 1
    run listener calls=10
    assert_output 'calls 10 failed 0'
    wait_for 30 has_four
  done
  assert_log_lines 10 'the keeper is gone: its worker takes over, with 1 listeners'
  listener_end
  assert_equal "$(ps -o comm= -p "$(said keeper)")" oci-ksmd
  # It is a keeper as any other: it ends when it should.
  wait_for 30 holds 0
  kill "$(said keeper)"
  wait_for 30 keeper_ended
  refute_exists "$SOCKET"
}

@test "--replace: the same process goes on as the new program, with the same options" {
  if lacks notify; then unserved; return; fi
  keeper_begin --sync
  keeper=$(said keeper)
  open=$(find "/proc/$keeper/fd" -mindepth 1 | wc -l)
  listener_begin loop
  cp "$BIN/oci-ksmd" "$T/oci-ksmd"
  for ((i = 0; i < 20; i++)); do
    worker=$(said worker)
    if ((i % 2)); then replace; else timeout 30 "$T/oci-ksmd" --replace --socket="$SOCKET"; fi
    assert_equal "$(said keeper)" "$keeper"
    refute_equal "$(said worker)" "$worker"
    holds 1
  done
  assert_equal "$(readlink "/proc/$keeper/exe")" "$BIN/oci-ksmd"
  assert_equal "$(ps -o comm= -p "$keeper")" oci-ksmd
  assert_equal "$(tr '\0' ' ' < "/proc/$keeper/cmdline" | sed 's/ --take-over=[^ ]*//')" "$BIN/oci-ksmd --socket=$SOCKET --sync "
  # And the same rights.
  assert_equal "$(sed -n 's/^CapEff:\s*//p' "/proc/$keeper/status")" 0000000000a80004
  listener_end
  wait_for 30 has_four
  # No descriptor was left open by any of them.
  wait_for 30 holds 0
  assert_equal "$(find "/proc/$keeper/fd" -mindepth 1 | wc -l)" "$open"
}

@test "--replace while containers start" {
  if lacks notify; then unserved; return; fi
  keeper_begin
  for ((i = 0; i < 60; i++)); do
    "$LISTENER" "$SOCKET" calls=200 hold pieces=50 > "$T/out.$i" 2>&1 3>&- &
    pids+=($!)
    if ((i % 6 == 5)); then replace; fi
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  assert_equal "$(cat "$T"/out.* | sort -u)" 'calls 200 failed 0'
  assert_log_lines 10 'becoming the new program'
  assert_log_lines 0 'unknown'
}

@test "--replace with somebody in the middle of a message: it waits until he is given up" {
  if lacks notify; then unserved; return; fi
  keeper_begin
  background /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"{"); print("half", flush=True); s.recv(1)' "$SOCKET"
  wait_for 30 grep -q half "$T/background.out"
  start=$SECONDS
  replace
  # 10 s after his last word he is given up.
  [ $((SECONDS - start)) -ge 8 ] || fail "after $((SECONDS - start)) s"
}

@test "a new program that is none is refused" {
  if lacks notify; then unserved; return; fi
  keeper_begin
  keeper=$(said keeper) worker=$(said worker)
  listener_begin loop
  fake 'printf("oci-ksmd understands this state, features 511\n"); fflush(stdout); return 1;'
  cp "$T/fake" "$T/fails"
  fake 'printf("oci-ksmd understands this state, features 511"); return 0;'
  chmod 644 "$T/fake"
  cp "$T/fake" "$T/no-program"
  printf '#!/bin/sh\necho oci-ksmd understands this state, features 511\n' > "$T/script"
  chmod 755 "$T/script" "$T/fake"
  for program in /bin/false /bin/true /bin/echo "$T/script" "$T/fails" "$T/fake" "$T/no-program" /etc/passwd /dev/null /; do
    answer=$("$PEER" send "$SOCKET" '{"oci-ksm":"replace"}' "$program")
    assert_contains "$answer" '"oci-ksm":"error"'
  done
  assert_log_lines 10 'not replaced: '
  assert_equal "$(said keeper) $(said worker)" "$keeper $worker"
  listener_end
}

@test "a new program that never gets ready is given up" {
  if lacks notify; then unserved; return; fi
  keeper_begin
  fake 'return pause();'
  assert_contains "$("$PEER" send "$SOCKET" '{"oci-ksm":"replace"}' "$T/fake")" 'does not get ready'
  keeper_serves
  wait_for 30 has_four
}

@test "a new program that passes the trial and then falls over: the worker goes on as keeper" {
  if lacks notify; then unserved; return; fi
  keeper_begin
  keeper=$(said keeper)
  listener_begin loop
  fake 'if (strstr(argv[1], "--check-state") == 0) return 3; puts("oci-ksmd understands this state, features 511"); return 0;'
  run "$PEER" send "$SOCKET" '{"oci-ksm":"replace"}' "$T/fake"
  wait_for 30 keeper_is_other "$keeper"
  assert_log_lines 1 'the keeper is gone: its worker takes over, with 1 listeners'
  listener_end
}

# ---- with a service manager ----

manager_begin() {
  mkdir "$T/manager"
  SOCKET=$T/manager/notify.sock
  background "$TOP/tests/notify/manager" "$T/manager" "$BIN/oci-ksmd"
  MANAGER=$BACKGROUND_PID
  wait_for 30 keeper_serves
}
manager_ended() { ! kill -0 "$MANAGER" 2> /dev/null; }
manager_log() { grep -c "$1" "$T/manager/log"; }

@test "a service manager starts it when somebody comes, and is told when it serves" {
  if lacks notify; then unserved; return; fi
  manager_begin
  assert_equal "$(manager_log '^told READY=1')" 1
  listener_begin keep
  wait_for 30 holds 1
  assert_equal "$(manager_log '^told FDSTORE=1 FDNAME=journal')" 1
  assert_equal "$(manager_log '^told FDSTORE=1 FDNAME=listener-0 STATUS=serving 1 listeners')" 1
  wait_for 30 grep -q ready "$T/listener.out"
  kill "$LISTENER_PID"
  wait_for 30 holds 0
  assert_equal "$(manager_log '^told FDSTOREREMOVE=1 FDNAME=listener-0 STATUS=serving 0 listeners')" 1
}

@test "restarts by the service manager: what it has kept is served again" {
  if lacks notify; then unserved; return; fi
  manager_begin
  listener_begin loop
  wait_for 30 holds 1
  for ((i = 0; i < 8; i++)); do
    keeper=$(said keeper)
    kill -HUP "$MANAGER"
    wait_for 30 keeper_is_other "$keeper"
    holds 1
  done
  listener_end
  assert_equal "$(manager_log '^started .* with oci-ksmd.socket journal listener-0$')" 8
  wait_for 30 holds 0
  # Nothing is kept that nobody needs.
  kill -HUP "$MANAGER"
  wait_for 30 grep -q '^started .* with oci-ksmd.socket journal$' "$T/manager/log"
}

@test "all its processes killed at once, again and again: what was in flight is answered" {
  if lacks notify; then unserved; return; fi
  manager_begin
  listener_begin loop
  wait_for 30 holds 1
  for ((i = 0; i < 15; i++)); do
    keeper=$(said keeper)
    kill -KILL -- "-$keeper"
    wait_for 30 keeper_is_other "$keeper"
  done
  listener_end
  assert_log_lines 0 'unknown'
}

@test "the keeper is killed under a service manager: its worker, or the next one, goes on" {
  if lacks notify; then unserved; return; fi
  manager_begin
  listener_begin loop
  wait_for 30 holds 1
  for ((i = 0; i < 8; i++)); do
    keeper=$(said keeper)
    kill -KILL "$keeper"
    wait_for 30 keeper_is_other "$keeper"
  done
  listener_end
}

@test "kept listeners without a journal are served all the same" {
  if lacks notify; then unserved; return; fi
  manager_begin
  listener_begin loop
  wait_for 30 holds 1
  keeper=$(said keeper)
  touch "$T/manager/forget-journal"
  kill -HUP "$MANAGER"
  wait_for 30 keeper_is_other "$keeper"
  assert_log_lines 1 'holding a listener as container unknown-0: the journal does not know it'
  assert_equal "$(manager_log '^told FDSTOREREMOVE=1 FDNAME=listener-0')" 1
}
