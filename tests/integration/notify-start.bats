#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-start.bats: many containers start under notify, 8 at a time: none hangs, none fails. runc installs the filter in its
# own Go process before it hands the listener over. OCI_KSM_STARTS says how many of each runtime.
load lib
load notify

STARTS=${OCI_KSM_STARTS:-100}
SLOTS=8

setup() {
  test_begin
  rootfs_busybox "$T/r"
  for ((slot = 1; slot <= SLOTS; slot++)); do
    bundle "$T/b-$slot" "$T/r" -a oci-ksm/mode=notify -- /bin/true
    cp "$T/b-$slot/config.json" "$T/config-$slot.json"
  done
}
# start_in SLOT RUNTIME COUNT: one after another; each failure is a line in $T/failed.
start_in() {
  local i status id
  for ((i = 0; i < $3; i++)); do
    id=$(cid "$1-$i")
    cp "$T/config-$1.json" "$T/b-$1/config.json"
    status=0
    timeout --signal=KILL 20 "$T/link/oci-ksm-runtime-$2" --root "$T/rt-$2" run --bundle "$T/b-$1" "$id" \
      < /dev/null > "$T/out-$1" 2>&1 3>&- || status=$?
    if [ "$status" -ne 0 ] || [ -s "$T/out-$1" ]; then
      echo "$2 start $i in slot $1: status $status: $(cat "$T/out-$1")" >> "$T/failed"
    fi
    echo >> "$T/done"
  done
}

# starts RUNTIME: all of them; each must have been served, and let go.
starts() {
  local slot pids=() before
  if ! notifies; then unnotified; return; fi
  notify_begin
  before=$(date +%s%N)
  : > "$T/failed"
  for ((slot = 1; slot <= SLOTS; slot++)); do
    start_in "$slot" "$1" $(((STARTS + SLOTS - 1) / SLOTS)) &
    pids+=($!)
  done
  wait "${pids[@]}"
  echo "# $1: $(wc -l < "$T/done") starts, $(wc -l < "$T/failed") failed, $((($(date +%s%N) - before) / 1000000)) ms in all" >&3
  assert_equal "$(cat "$T/failed")" ''
  [ "$(wc -l < "$T/done")" -ge "$STARTS" ]
  assert_log_lines "$(wc -l < "$T/done")" 'merging.*notify'
  wait_for 30 notify_serves 0
}

@test "crun" { starts crun; }
@test "runc" { starts runc; }
