# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# notify.bash: oci-ksmd in tests (see lib.bash): one with the socket, state and log of the test's own settings.

NOTIFY_TOOL=$TOP/tests/tools/notify

# notify_begin [NAME=VALUE]...: starts it with these in its environment and waits until it answers. $SOCKET is its socket. What
# `make check-probes` forces off comes on top of an OCI_KSM_NO.
notify_begin() {
  local -a off=()
  SOCKET=$STATE/notify.sock
  case ${OCI_KSM_NO:+$*} in *OCI_KSM_NO=*) off=("OCI_KSM_NO=$OCI_KSM_NO,${*#*OCI_KSM_NO=}") ;; esac
  # A process group of its own: its processes replace each other.
  env "$@" "${off[@]}" setsid "$BIN/oci-ksmd" < /dev/null > "$T/oci-ksmd.out" 2>&1 3>&- &
  NOTIFY_GROUP=$!
  notify_hello > /dev/null || fail "oci-ksmd does not serve:" "$(cat "$T/oci-ksmd.out")"
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

# all_marked SIZE PID...: ksmd may merge all private anonymous regions of that size and more of these processes, or the whole of them.
all_marked() { [ -z "$("$NOTIFY_TOOL" unmarked "$@")" ]; }
# assert_all_marked SIZE PID...: within 30 s, or MARKED_WITHIN.
assert_all_marked() {
  local end=$((${EPOCHREALTIME/./} + ${MARKED_WITHIN:-30} * 1000000))
  until all_marked "$@"; do
    [ "${EPOCHREALTIME/./}" -lt "$end" ] || fail "not marked (pid, start, size):" "$("$NOTIFY_TOOL" unmarked "$@")" || return 1
  done
}

# container_pids RUNTIME ID: all processes in it.
container_pids() { pgrep --ns "$(oci_pid "$1" "$2")" --nslist pid; }
