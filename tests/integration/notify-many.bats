#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-many.bats: 200 programs on one helper at once, of which one floods it: the others' answers come as fast as before.
load lib
load notify

COUNT=${OCI_KSM_MANY:-200}
MEASURED=8
MAPPING=$BUILD/tests/bench/mapping

start() {
  "$@" > /dev/null 2>&1 < /dev/null 3>&- &
  echo "$!" >> "$T/background"
}
RUN=("$BIN/oci-ksm" run --mode=notify --required --)

# latency: the median of what several notified programs at once measure as the 99th percentile of their mmaps' times, in us.
latency() {
  local i pids=()
  for ((i = 0; i < MEASURED; i++)); do
    "${RUN[@]}" "$MAPPING" latency 400 2000 > "$T/latency-$i" 2> "$T/latency.err" < /dev/null 3>&- &
    pids+=($!)
  done
  wait "${pids[@]}"
  cat "$T"/latency-[0-9]* | sort -n -k 2 | awk '{ v[NR] = $2 } END { printf "%.0f\n", v[int((NR + 1) / 2)] / 1000 }'
}
# flooded CMD...: latency while CMD runs
flooded() {
  local pid
  "$@" > /dev/null 2>&1 < /dev/null 3>&- &
  pid=$!
  echo "$pid" >> "$T/background"
  latency
  kill -KILL "$pid"
  wait "$pid" || true
}

# bats test_tags=alone
@test "200 at once, and one that floods delays nobody by 1 ms at the 99th percentile" {
  if ! notifies; then unserved; return; fi
  local i quiet flood native
  notify_begin OCI_KSM_NO=prctl
  for ((i = 0; i < COUNT - MEASURED - 1; i++)); do
    start "${RUN[@]}" sleep 1000
  done
  wait_for 30 notify_serves $((COUNT - MEASURED - 1))
  for round in 1 2 3; do
    quiet=$(latency)
    native=$(flooded "$MAPPING" flood 4)
    flood=$(flooded "${RUN[@]}" "$MAPPING" flood 4)
    echo "# round $round: 99th percentile of mmap: $quiet us; while one floods the helper $flood us; the same flood without a helper $native us" >&3
    echo "$quiet $flood $native" >> "$T/rounds"
  done
  # What the flooder takes of the CPU, it takes with or without us.
  awk '{ by = $2 - ($1 > $3 ? $1 : $3); if (NR == 1 || by < best) best = by } END { exit !(best <= 1000) }' "$T/rounds"
}

@test "containers: 16 with one root file system, on one helper" {
  if ! notifies; then unnotified; return; fi
  local i
  notify_begin OCI_KSM_NO=prctl
  rootfs_busybox "$T/r"
  cp "$BUILD/tests/workloads/static" "$T/r/bin/"
  for ((i = 1; i <= 16; i++)); do
    bundle "$T/b$i" "$T/r" -a oci-ksm/mode=notify -- /bin/static
    oci_start wrapper-crun "$T/b$i" "$(cid "$i")"
  done
  notify_serves 16
  for ((i = 1; i <= 16; i++)); do
    wait_for 30 grep -q ready "$T/$(cid "$i").out"
    assert_all_marked 65536 "$(oci_pid crun "$(cid "$i")")"
  done
}
