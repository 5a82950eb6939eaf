# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# keeper.bash: what keeper.bats and upgrade.bats share: an oci-ksmd of the test's own, and programs with listeners (tests/notify).

PEER=$TOP/tests/notify/peer
LISTENER=$BUILD/tools/notify-listener

# shellcheck source=tests/integration/notify.bash
source "$TOP/tests/integration/notify.bash"

# keeper_begin [option...]: starts it with its socket at $SOCKET, and waits until it serves. Nothing where notify is forced off.
keeper_begin() {
  SOCKET=$T/notify.sock
  if lacks notify; then return; fi
  keeper_start "$@"
}
keeper_start() {
  background setsid "$BIN/oci-ksmd" --socket="$SOCKET" "$@"
  KEEPER_GROUP=$BACKGROUND_PID
  wait_for 30 keeper_serves
}
# keeper_end: no process of it is left. All at once: one after the other they would replace each other.
keeper_end() {
  [ -z "${KEEPER_GROUP:-}" ] || ! kill -KILL -- "-$KEEPER_GROUP" 2> /dev/null || wait_for 30 keeper_ended
}
keeper_ended() { ! pgrep -g "$KEEPER_GROUP" --runstates DRSTI > /dev/null; }
hello() { "$PEER" send "$SOCKET" '{"oci-ksm":"hello"}' 2> /dev/null; }
# said MEMBER: of its hello
said() { hello | jq -r ".$1"; }
keeper_serves() { [ "$(said '"oci-ksm"')" = hello ]; }
# holds N: so many listeners
holds() { [ "$(said containers)" = "$1" ]; }
# listener [option...]: a program with a listener; in the background its output is in $T/listener.out
listener() { "$LISTENER" "$SOCKET" "$@" 3>&-; }
listener_begin() {
  "$LISTENER" "$SOCKET" "$@" > "$T/listener.out" 2>&1 < /dev/null 3>&- &
  LISTENER_PID=$!
  echo "$LISTENER_PID" >> "$T/background"
}
# listener_end: ends it (`loop`) or waits for it; none of its calls may have failed
listener_end() {
  kill "$LISTENER_PID" 2> /dev/null || true
  wait "$LISTENER_PID" || fail "listener: $(cat "$T/listener.out")" || return 1
  assert_match "$(cat "$T/listener.out")" '^calls [1-9][0-9]* failed 0$'
}
