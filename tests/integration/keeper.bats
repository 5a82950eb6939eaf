#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keeper.bats: oci-ksmd's keeper takes whatever comes on its socket, says clearly what is wrong, and loses no listener: a program
# whose listener is lost gets ENOSYS from mmap, so tests/notify/listener finds out. How it is upgraded and killed: upgrade.bats.
load lib
load keeper

setup() {
  test_begin
  keeper_begin
}
teardown() {
  keeper_end
  test_end
}

state() { jq -nc --arg id "$1" '{ociVersion: "1.0.2", fds: ["seccompFd"], pid: 1, metadata: "oci-ksm", state: {ociVersion: "1.0.2", id: $id, status: "creating", pid: 1, bundle: "/"}}'; }
keeper_fds() { find "/proc/$(said keeper)/fd" -mindepth 1 | wc -l; }

@test "it serves: calls are answered, listeners are held until their last process has ended" {
  if lacks notify; then unserved; return; fi
  run listener calls=100
  assert_output 'calls 100 failed 0'
  listener_begin keep
  wait_for 30 holds 1
  kill "$LISTENER_PID"
  wait_for 30 holds 0
  assert_equal "$(said version)" "$("$BIN/oci-ksmd" --version | cut -d' ' -f2)"
  assert_log_lines 0
  assert_log_lines 1 "info: oci-ksmd $(said version) serves at $SOCKET: 0 listeners, marking (whole processes at once|region by region)"
  assert_log_lines 2 'container [^ ]+: info: serving it, process [0-9]+: marking '
  assert_log_lines 2 'container [^ ]+: info: serving it no longer: its processes have ended'
}

@test "a log that was rotated is opened again" {
  if lacks notify; then unserved; return; fi
  mv "$LOG" "$LOG.1"
  run listener calls=1
  wait_for 30 holds 0
  assert_log_lines 1 'serving it, process'
  assert_equal "$(wc -l < "$LOG.1")" 1
}

@test "a message in pieces of one byte; a runtime that keeps the connection open" {
  if lacks notify; then unserved; return; fi
  run listener pieces=1 hold calls=3
  assert_output 'calls 3 failed 0'
  assert_log_lines 0
}

@test "garbage, and what says nothing about a listener, is one log line each" {
  if lacks notify; then unserved; return; fi
  for text in nonsense '{' '[]' '{}' "$(state id)" '{"oci-ksm":"what"}' '{"oci-ksm":7}' '{"oci-ksm"}' $'\x01\xff' "$(head -c 100000 /dev/zero | tr '\0' '{')"; do
    run "$PEER" send "$SOCKET" "$text"
    assert_status 0
  done
  assert_log_lines 7 'sent [0-9]+ bytes and no descriptor'
  assert_log_lines 3 'this is not JSON'
  head -c 1100000 /dev/zero | tr '\0' ' ' > "$T/long"
  run /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(open(sys.argv[2], "rb").read())' "$SOCKET" "$T/long"
  wait_for 30 assert_log_lines 1 'the message is too long'
  keeper_serves
}

@test "requests that there are not get an answer" {
  if lacks notify; then unserved; return; fi
  assert_equal "$("$PEER" send "$SOCKET" '{"oci-ksm":"what"}')" '{"oci-ksm":"error","message":"there is no such request"}'
  assert_contains "$("$PEER" send "$SOCKET" '{"oci-ksm":7}')" '"oci-ksm":"error"'
  assert_contains "$("$PEER" send "$SOCKET" '{"oci-ksm":"replace"}')" 'has to come with the request'
}

@test "a listener is held whatever came with it" {
  if lacks notify; then unserved; return; fi
  for text in nonsense '{}' "$(state ..)" "$(state "$(printf '%0300d' 1)")" "$(state two | jq -c '.fds += ["other"]')" "$(state x | jq -c '.metadata = "oci-ksm min-size=x"')"; do
    run listener text="$text" calls=10
    assert_output 'calls 10 failed 0'
  done
  assert_log_lines 6 'holding a listener as container unknown-0: .+'
  : > "$LOG"
  run listener cut=40 calls=10
  assert_output 'calls 10 failed 0'
  assert_log_lines 1 'unknown-0: the connection ended in the middle of the message'
  # Two descriptors, one named: which is it?
  run listener more=1 calls=10
  assert_output 'calls 10 failed 0'
  assert_log_lines 1 'unknown-0: 2 descriptors came, 1 are named'
  wait_for 30 holds 0
}

@test "half a message, then silence: after 10 s the listener is held all the same" {
  if lacks notify; then unserved; return; fi
  run listener cut=40 hold calls=10
  assert_output 'calls 10 failed 0'
  assert_log_lines 1 'unknown-0: it said no more for too long'
}

@test "wrong descriptors, none of which stays open" {
  if lacks notify; then unserved; return; fi
  run "$PEER" send "$SOCKET" "$(state id)" /dev/null
  open=$(keeper_fds)
  assert_log_lines 1 'sent no seccomp listener: what it names seccompFd is no seccomp listener'
  run "$PEER" send "$SOCKET" "$(state id)" /dev/null /dev/zero /etc/passwd
  assert_log_lines 1 'sent no seccomp listener: 3 descriptors came, 1 are named'
  run "$PEER" send "$SOCKET" "$(state id)" /dev/{null,null,null,null,null,zero,zero,zero,zero}
  assert_log_lines 1 'too many descriptors came'
  holds 0
  assert_equal "$(keeper_fds)" "$open"
}

@test "10,000 connections that say nothing do not keep a container out" {
  if lacks notify; then unserved; return; fi
  background "$PEER" many "$SOCKET" 10000
  wait_for 30 grep -q open "$T/background.out"
  run listener calls=100
  assert_output 'calls 100 failed 0'
  keeper_serves
  assert_log_lines 20 'dropping a silent one of process'
  kill "$BACKGROUND_PID"
  wait_for 30 holds 0
}

@test "nobody but root and its own user may use it" {
  if lacks notify; then unserved; return; fi
  run setpriv --reuid 65534 --clear-groups "$PEER" refused "$SOCKET"
  assert_output 'Permission denied'
  # Even where somebody has opened the doors.
  chmod 711 "$T" "$OCI_KSM_PRIVATE"
  run setpriv --reuid 65534 --clear-groups "$PEER" refused "$SOCKET"
  assert_output 'Permission denied'
  chmod 666 "$SOCKET"
  run setpriv --reuid 65534 --clear-groups "$PEER" refused "$SOCKET"
  assert_output closed
  assert_log_lines 1 'refusing a connection of user 65534, process [0-9]+'
  keeper_serves
}

@test "what it may do on the host is little" {
  if lacks notify; then unserved; return; fi
  for pid in $(pgrep -g "$KEEPER_GROUP"); do
    # DAC_READ_SEARCH, SYS_PTRACE, SYS_ADMIN; SYS_NICE
    few=$((1 << 2 | 1 << 19 | 1 << 21)) all=$((1 << 2 | 1 << 19 | 1 << 21 | 1 << 23))
    [ "$(cat "/proc/$pid/comm")" = oci-ksm-steward ] || few=$all
    for set in CapPrm CapEff; do
      assert_equal "$(sed -n "s/^$set:\s*//p" "/proc/$pid/status")" "$(printf %016x "$few")"
    done
    assert_equal "$(sed -n 's/^CapBnd:\s*//p' "/proc/$pid/status")" "$(printf %016x "$all")"
    assert_equal "$(sed -n 's/^NoNewPrivs:\s*//p' "/proc/$pid/status")" 1
  done
  assert_equal "$(stat -c %a "$SOCKET")" 600
}

@test "with these rights it marks the memory of programs of other users" {
  if lacks notify; then unserved; return; fi
  chmod 711 "$T" "$OCI_KSM_PRIVATE"
  cp "$BUILD/tests/notify/grow" "$T/grow"
  mkfifo "$T/in"
  "$BUILD/tools/notify-notified" "$SOCKET" other 'oci-ksm min-size=65536 regions' setpriv --reuid 65534 --regid 65534 --clear-groups \
    --bounding-set=-all --no-new-privs "$T/grow" < "$T/in" > "$T/grow.out" 2>&1 3>&- &
  pid=$!
  echo "$pid" >> "$T/background"
  exec {in}> "$T/in"
  wait_for 30 grep -q ready "$T/grow.out"
  all_marked() { [ -z "$("$TOP/tests/tools/notify" unmarked 65536 "$pid")" ]; }
  wait_for 30 all_marked
  exec {in}>&-
  wait "$pid"
  assert_log_lines 0
}

@test "one socket has one helper; what a dead one left is no hindrance" {
  if lacks notify; then unserved; return; fi
  run "$BIN/oci-ksmd" --socket="$SOCKET"
  assert_status 1
  assert_contains "$output" "already served by process $(said keeper) (oci-ksmd --replace upgrades it)"
  keeper_end
  assert_exists "$SOCKET"
  keeper_start
  kill "$KEEPER_GROUP"
  wait_for 30 keeper_ended
  refute_exists "$SOCKET"
  touch "$T/file"
  run "$BIN/oci-ksmd" --socket="$T/file"
  assert_status 1
  assert_contains "$output" 'is no socket'
  assert_exists "$T/file"
}

@test "a socket file that was deleted: the next one makes it again, and the first takes it not away" {
  if lacks notify; then unserved; return; fi
  local first=$KEEPER_GROUP
  rm "$SOCKET"
  keeper_start
  kill "$first"
  wait_for 30 assert_gone "$first"
  assert_exists "$SOCKET"
  keeper_serves
}

@test "SIGTERM while containers are served: it ends when the last has gone" {
  if lacks notify; then unserved; return; fi
  listener_begin keep
  wait_for 30 holds 1
  kill "$KEEPER_GROUP"
  kill -INT "$KEEPER_GROUP"
  wait_for 30 grep -q 'serving 1 listeners, whose containers would not survive; ending when the last is gone' "$LOG"
  assert_log_lines 1
  # The wrapper is told, so no new container comes; exec sessions of what is served may.
  assert_contains "$(hello)" 'it is ending'
  run listener calls=10
  assert_output 'calls 10 failed 0'
  kill "$LISTENER_PID"
  wait_for 30 keeper_ended
  refute_exists "$SOCKET"
}

@test "--once: it ends with the last container that it served, or when none comes" {
  if lacks notify; then unserved; return; fi
  keeper_end
  keeper_start --once
  listener_begin keep
  wait_for 30 holds 1
  run listener calls=10
  assert_output 'calls 10 failed 0'
  kill "$LISTENER_PID"
  wait_for 30 keeper_ended
  refute_exists "$SOCKET"
  keeper_start --once
  wait_for 30 keeper_ended
  assert_log_lines 1 'nobody came within 10 s'
}

@test "no place is left: new containers are told so, and one that comes all the same waits" {
  if lacks notify; then unserved; return; fi
  keeper_end
  prlimit --nofile=320:320 "$BASH" -c 'exec setsid "$@"' - "$BIN/oci-ksmd" --socket="$SOCKET" > "$T/background.out" 2>&1 3>&- &
  KEEPER_GROUP=$!
  wait_for 30 keeper_serves
  # 320 numbers: 64 for itself, 9 for each of 17 connections.
  for ((i = 0; i < 103; i++)); do
    "$LISTENER" "$SOCKET" keep > "$T/out.$i" 2>&1 < /dev/null 3>&- &
    echo $! >> "$T/background"
  done
  wait_for 30 grep -q ready "$T/out.102"
  assert_contains "$(hello)" 'cannot take more'
  listener_begin loop
  wait_for 30 grep -q 'all 103 places are taken' "$LOG"
  kill -0 "$LISTENER_PID"
  assert_contains "$(hello)" 'it serves 103 containers'
  kill "$(head -n 5 "$T/background" | tail -n 1)"
  listener_end
}

@test "the user's own, without any right: it serves his programs" {
  if lacks notify; then unserved; return; fi
  keeper_end
  chmod 711 "$T" "$OCI_KSM_PRIVATE"
  mkdir -m 700 "$T/run"
  chown 65534 "$T/run"
  SOCKET=$T/run/oci-ksm/notify.sock
  user() { env -u OCI_KSM_SETTINGS XDG_RUNTIME_DIR="$T/run" setpriv --reuid 65534 --regid 65534 --clear-groups "$@" 3>&-; }
  background user setsid "$BIN/oci-ksmd" --log=stderr
  KEEPER_GROUP=$(pgrep -P "$BACKGROUND_PID" || echo "$BACKGROUND_PID")
  hello() { user "$PEER" send "$SOCKET" '{"oci-ksm":"hello"}' 2> /dev/null; }
  wait_for 30 keeper_serves
  run user "$LISTENER" "$SOCKET" calls=100
  assert_output 'calls 100 failed 0'
  wait_for 30 holds 0
  # Root may look, too.
  assert_contains "$("$PEER" send "$SOCKET" '{"oci-ksm":"hello"}')" '"containers":0'
  user pkill -TERM -g "$KEEPER_GROUP"
  wait_for 30 keeper_ended
}

@test "it is small: all its processes together have at most 3 MiB" {
  if lacks notify; then unserved; return; fi
  for ((i = 0; i < 20; i++)); do
    "$LISTENER" "$SOCKET" keep > "$T/out.$i" 2>&1 < /dev/null 3>&- &
    echo $! >> "$T/background"
  done
  wait_for 30 holds 20
  pss=$(pgrep -g "$KEEPER_GROUP" | while read -r pid; do sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$pid/smaps_rollup"; done | awk '{ sum += $1 } END { print sum }')
  echo "# PSS of $(pgrep -c -g "$KEEPER_GROUP") processes with 20 listeners: $pss KiB" >&3
  [ "$pss" -le $((3072 + 20 * 16)) ] || fail "$pss KiB"
}

@test "options: help, version, and what it does not take" {
  if lacks notify; then unserved; return; fi
  run "$BIN/oci-ksmd" --help
  assert_status 0
  assert_contains "$output" 'Usage:'
  run "$BIN/oci-ksmd" --nonsense
  assert_status 2
  run "$BIN/oci-ksmd" argument
  assert_status 2
  assert_contains "$output" "Try 'oci-ksmd --help'"
  run "$BIN/oci-ksmd" --socket=relative
  assert_status 1
  assert_contains "$output" 'not an absolute path'
  run "$BIN/oci-ksmd" --socket="$T/missing/notify.sock"
  assert_status 1
  assert_contains "$output" 'No such file'
  chmod 777 "$STATE"
  run "$BIN/oci-ksmd"
  assert_status 1
  assert_contains "$output" 'which others may write to'
  run env OCI_KSM_NO=notify "$BIN/oci-ksmd" --socket="$T/other.sock"
  assert_status 1
  assert_contains "$output" 'seccomp listeners: Operation not supported'
  refute_exists "$T/other.sock"
}
