#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# scale.bats: 300 containers of 10 processes: what status and top cost. Compared is CPU time, with that of a plain reading of the same files.
# bats file_tags=alone
load lib

CONTAINERS=300
PROCESSES=10

# cpu CMD...: its CPU time in milliseconds, the least of three times; its wall time goes to $T/wall.
cpu() {
  /usr/bin/python3 - "$T/wall" "$@" << 'PY'
import resource, subprocess, sys, time
def spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
def once():
    before, start = spent(), time.monotonic()
    subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return spent() - before, time.monotonic() - start
times = [once() for _ in range(3)]
open(sys.argv[1], "w").write(f"{min(wall for _, wall in times) * 1000:.0f}")
print(f"{min(cpu for cpu, _ in times) * 1000:.1f}")
PY
}

# at_most WHAT VALUE LIMIT
at_most() { awk -v v="$2" -v l="$3" 'BEGIN { exit !(v != "" && v <= l) }' || fail "$1: $2, more than $3"; }
# ratio A B: nothing, which at_most refuses, if there is no A
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a > 0) printf "%.2f", a / b }'; }

# opened ARGS...: how many files oci-ksm ARGS opens
opened() { strace -f -c -e trace=openat "$BIN/oci-ksm" "$@" 2>&1 > /dev/null | awk '$NF == "openat" { print $4 }'; }

start_all() {
  local i
  settings '.log = "stderr"'
  rootfs_busybox "$T/root"
  bundle "$T/b" "$T/root" -a oci-ksm/mode=preload -- sh -c "i=1; while [ \$i -lt $PROCESSES ]; do sleep 100000 & i=\$((i + 1)); done; exec sleep 100000"
  for ((i = 0; i < CONTAINERS; i++)); do printf '%064x\n' $((0xabc0000 + i)); done > "$T/ids"
  # Each has a bundle of its own, which the wrapper edits.
  # shellcheck disable=SC2016 # the shell below
  xargs -P 4 -n 10 sh -ec 'for id; do mkdir "$T/b-$id"; cp "$T/b/config.json" "$T/b-$id/"
    "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" run --detach --pid-file "$T/b-$id/pid" --bundle "$T/b-$id" "$id" > /dev/null 2>> "$T/errors"; done' sh < "$T/ids" 3>&-
}
all_there() { [ "$("$BIN/oci-ksm" status --json | jq -c '[(.containers | length), ([.containers[].processes] | add)]')" = "[$CONTAINERS,$((CONTAINERS * PROCESSES))]" ]; }
# delete_all: test_end would do it one by one.
delete_all() {
  # shellcheck disable=SC2016 # the shell below
  xargs -P 4 -n 10 sh -c 'for id; do crun --root "$T/rt-crun" delete -f "$id"; done' sh < "$T/ids" 3>&-
}

@test "300 containers, 3000 processes: status and a look of top cost no more than reading the files twice" {
  export T
  start_all || fail "$(cat "$T/errors")"
  wait_for 60 all_there
  # What there is to know of all: two files a process.
  pgrep -f '^sleep 100000$' | sed 's|.*|/proc/&/statm /proc/&/ksm_stat|' | tr ' ' '\n' > "$T/files"
  [ "$(wc -l < "$T/files")" -ge $((CONTAINERS * PROCESSES * 2)) ]
  mapfile -t files < "$T/files"
  reading=$(cpu cat "${files[@]}")
  status=$(cpu "$BIN/oci-ksm" status --json)
  wall=$(cat "$T/wall")
  one=$(cpu "$BIN/oci-ksm" top --batch -n 1)
  eleven=$(cpu "$BIN/oci-ksm" top --batch -n 11 -d 0.1)
  look=$(awk -v a="$one" -v b="$eleven" 'BEGIN { printf "%.1f", (b - a) / 10 }')
  echo "# $CONTAINERS containers, $((CONTAINERS * PROCESSES)) processes: the files take $reading ms of CPU time, status $status ms ($wall ms by the clock), each look of top $look ms, of 3000" >&3
  at_most 'status / reading' "$(ratio "$status" "$reading")" 2
  at_most 'a look of top / reading' "$(ratio "$look" "$reading")" 2
  at_most 'CPU time of status in ms' "$status" 500
  at_most 'CPU time of a look of top in ms' "$look" 150
  # Besides, of each container: record, file with the pid, cgroup, its folder and processes, name of the first process; and five to find that
  # no engine has a name for it.
  at_most 'files opened a process' "$(ratio "$(opened status --json)" $((CONTAINERS * PROCESSES)))" 3.3
  # Where no file has the pid, all processes are looked at; by top only once.
  rm "$T"/b-*/pid
  one=$(opened top --batch -n 1)
  three=$(opened top --batch -n 3 -d 0.1)
  at_most 'files opened a process, by another look of top' "$(ratio $(((three - one) / 2)) $((CONTAINERS * PROCESSES)))" 2.8
  # Some go meanwhile.
  "$BIN/oci-ksm" top --json -n 8 -d 0.2 > "$T/top.json" 3>&- &
  top=$!
  delete_all
  wait "$top"
  assert_equal "$(jq -s 'map(.containers | length) | length == 8 and (. == (sort | reverse)) and .[0] > 0' "$T/top.json")" true
  assert_equal "$("$BIN/oci-ksm" status --json | jq -c .containers)" '[]'
}
