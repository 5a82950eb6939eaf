#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-cost.bats: what the helper costs: memory, CPU when nothing happens, and (roughly, as the machine is not the test's alone: the
# exact limits are checked by `make bench`) the calls and programs.
# bats file_tags=alone
load lib
load notify

# containers_start FROM TO: containers that sleep, with one root file system.
containers_start() {
  local i
  for ((i = $1; i <= $2; i++)); do
    oci_start wrapper-crun "$T/b" "$(cid "$i")"
  done
  wait_for 30 notify_serves "$2"
}
# at_most VALUE LIMIT WHAT
at_most() {
  echo "# $3: $1 (at most $2)" >&3
  awk -v v="$1" -v l="$2" 'BEGIN { exit !(v != "" && v <= l) }' || fail "$3: $1, more than $2"
}

# idle_cost TICKS [NAME=VALUE]: memory with 1 and with 100 (OCI_KSM_MANY) listeners: 3 MiB and 16 KiB a container (PSS: RSS counts the pages of
# the program itself once for each of the four processes); CPU while nothing happens: none with 1, TICKS in 20 s (OCI_KSM_IDLE_SECONDS) with so many.
MANY=${OCI_KSM_MANY:-100}
IDLE_SECONDS=${OCI_KSM_IDLE_SECONDS:-6}
idle_cost() {
  local pss rss ticks before used count n try limit=$((($1 * IDLE_SECONDS + 19) / 20))
  shift
  if ! notifies; then unnotified; return; fi
  notify_begin "$@"
  rootfs_busybox "$T/r"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -- /bin/sleep 1000
  for n in 1 "$MANY"; do
    containers_start "$((n == 1 ? 1 : 2))" "$n"
    sleep 2 # what the starts have caused is done by then
    read -r pss rss before count <<< "$("$NOTIFY_TOOL" memory "$SOCKET")"
    at_most "$pss" $((3072 + 16 * n)) "KiB (PSS) of $count processes, $n listeners, $*"
    echo "# KiB (RSS): $rss" >&3
    # A tick in which anything of it ran at all counts as one of it: the best of three.
    for try in 1 2 3; do
      sleep "$IDLE_SECONDS"
      read -r pss rss ticks count <<< "$("$NOTIFY_TOOL" memory "$SOCKET")"
      used=$((ticks - before)) before=$ticks
      [ "$used" -gt $((n == 1 ? 0 : limit)) ] || break
    done
    at_most "$used" $((n == 1 ? 0 : limit)) "ticks of CPU in $IDLE_SECONDS s, $n listeners, $*"
  done
}
# By marks, each container's CPU time is read twice a second: some us.
@test "memory and idle CPU, by marks" { idle_cost 10 OCI_KSM_NO=prctl; }
@test "memory and idle CPU, whole processes" { idle_cost "$(if as_a_whole; then echo 0; else echo 10; fi)"; }

# ratio LIMIT ARGS...: of tests/bench/notify. Two processes take turns here: whatever else runs on the machine only adds, so the
# best of three counts.
ratio() {
  local limit=$1 middle rest try
  shift
  for try in 1 2 3; do
    read -r middle rest <<< "$(PAIRS=9 "$TOP/tests/bench/notify" "$@")"
    echo "# $*, try $try, quartiles and native $rest: $middle (at most $limit)" >&3
    awk -v v="$middle" -v l="$limit" 'BEGIN { exit !(v != "" && v <= l) }' && return
  done
  fail "$*: $middle, more than $limit"
}
@test "mappings: 64 KiB, which are notified, and 32 KiB, which are not" {
  if ! notifies; then unserved; return; fi
  notify_begin
  ratio 1.5 mapping 65536
  ratio 1.05 mapping 32768
}
