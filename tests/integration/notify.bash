# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# notify.bash: oci-ksmd in tests (see lib.bash): one with the socket, state and log of the test's own settings.

NOTIFY_TOOL=$TOP/tests/tools/notify

# notify_begin [NAME=VALUE]...: starts it with these in its environment and waits until it answers. $SOCKET is its socket. What
# `make check-probes` forces off comes on top of an OCI_KSM_NO. Without notify it refuses to serve.
# shellcheck disable=SC2120 # test files pass them
notify_begin() {
  local -a off=()
  SOCKET=$STATE/notify.sock
  if lacks notify; then
    unserved
    return
  fi
  case ${OCI_KSM_NO:+$*} in *OCI_KSM_NO=*) off=("OCI_KSM_NO=$OCI_KSM_NO,${*#*OCI_KSM_NO=}") ;; esac
  # A process group of its own: its processes replace each other. HELPER_UNDER starts it.
  env "$@" "${off[@]}" setsid ${HELPER_UNDER:+"$HELPER_UNDER"} "$BIN/oci-ksmd" < /dev/null > "$T/oci-ksmd.out" 2>&1 3>&- &
  NOTIFY_GROUP=$!
  notify_hello > /dev/null || fail "oci-ksmd does not serve:" "$(cat "$T/oci-ksmd.out")"
}

# unserved: for tests that have nothing else to say where notify is forced off: oci-ksmd refuses to serve, and what asks for it runs all the same,
# at once; where it is `listener`, the latter only.
unserved() {
  local why='this kernel lacks notify'
  if lacks listener; then why='another seccomp listener is in force here'; fi
  if lacks notify; then
    run --separate-stderr -1 "$BIN/oci-ksmd" --socket="$T/unserved.sock"
    assert_equal "$stderr" 'oci-ksmd: seccomp listeners: Operation not supported'
    refute_exists "$T/unserved.sock"
    rm -f "$LOG"
  fi
  run --separate-stderr -0 "$BIN/oci-ksm" run --mode=notify -- sh -c 'echo runs; exit 0'
  assert_output runs
  assert_match "$stderr" "^oci-ksm: notify is not possible: $why.*, so preload takes its place\$"
  run --separate-stderr -125 "$BIN/oci-ksm" run --mode=notify --required -- touch "$T/ran"
  assert_match "$stderr" "notify is not possible: $why"
  refute_exists "$T/ran"
}
# unnotified: the same where containers cannot have it (notifies): they start with the shim, and the log says why, unless they must not.
unnotified() {
  local why='another seccomp listener is in force here' rt
  if lacks notify; then
    unserved
    why='connect to .*: No such file'
  elif [ -z "${NOTIFY_GROUP:-}" ]; then
    # shellcheck disable=SC2119
    notify_begin
  fi
  rootfs_busybox "$T/unnotified.r"
  for rt in crun runc; do
    rm -f "$LOG"
    bundle "$T/unnotified.b" "$T/unnotified.r" -a oci-ksm/mode=notify -- echo runs
    run --separate-stderr -0 oci_run "wrapper-$rt" "$T/unnotified.b"
    assert_output runs
    assert_equal "$stderr" ''
    assert_log_lines 1 "warning: merging by preload: notify is not possible: $why.*, so preload takes its place"
    assert_equal "$(jq .linux.seccomp.listenerPath "$T/unnotified.b/config.json")" null
    bundle "$T/unnotified.b" "$T/unnotified.r" -a oci-ksm/mode=notify -a oci-ksm/required=true -- echo runs
    run -1 oci_run "wrapper-$rt" "$T/unnotified.b"
    assert_match "$output" "notify is not possible: $why"
  done
}

# notify_hello [MEMBER]: what it says of itself.
notify_hello() { "$NOTIFY_TOOL" hello "$SOCKET" | jq -r ".${1:-}"; }
# notify_serves N: it holds N listeners.
notify_serves() { [ "$(notify_hello containers)" -eq "$1" ]; }

# notify_end: ends it as an administrator does, once nobody needs it; fails if it does not end then. First the containers have to go.
notify_end() {
  local end=$((SECONDS + 20))
  [ -n "${NOTIFY_GROUP:-}" ] || return 0
  while pgrep -g "$NOTIFY_GROUP" > /dev/null && [ "$SECONDS" -lt "$end" ]; do
    pkill -TERM -g "$NOTIFY_GROUP" || true
    sleep 0.1
  done
  if pgrep -a -g "$NOTIFY_GROUP"; then
    # They start each other again.
    while pkill -KILL -g "$NOTIFY_GROUP"; do sleep 0.01; done
    fail "oci-ksmd does not end" || return 1
  fi
  unset NOTIFY_GROUP
}

# notify_containers_end: deletes all containers of the test and ends what runs in the background.
notify_containers_end() {
  local rt id pid
  for rt in crun runc; do
    for id in "$T/rt-$rt"/*/; do
      [ ! -d "$id" ] || oci "$rt" delete -f "$(basename "$id")" || true
    done
  done
  while read -r pid; do
    kill -KILL "$pid" 2> /dev/null || true
  done < "$T/background"
}

# Of files whose tests begin no more than oci-ksmd and containers.
teardown() {
  notify_containers_end
  notify_end
  test_end
}

# all_marked SIZE PID...: ksmd may merge all private anonymous regions of that size and more of these processes, or the whole of them.
# Of what has ended nothing is marked.
all_marked() {
  local left
  left=$("$NOTIFY_TOOL" unmarked "$@" 2> /dev/null) && [ -z "$left" ]
}
# assert_all_marked SIZE PID...: within 30 s, or MARKED_WITHIN.
assert_all_marked() {
  local end=$((${EPOCHREALTIME/./} + ${MARKED_WITHIN:-30} * 1000000))
  until all_marked "$@"; do
    [ "${EPOCHREALTIME/./}" -lt "$end" ] || fail "not marked (pid, start, size):" "$("$NOTIFY_TOOL" unmarked "$@" 2>&1)" || return 1
  done
}

# container_pids RUNTIME ID: all processes in it.
container_pids() { pgrep --ns "$(oci_pid "$1" "$2")" --nslist pid; }
