#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# estimate.bats: oci-ksm estimate, against what ksmd then really merges, and on programs that do not keep still.
load lib
load copies

teardown() {
  copies_end
  test_end
}

estimate() { "$BIN/oci-ksm" estimate "$@"; }
# blind ARGS...: the same by who cannot see the numbers of frames, but may read memory.
blind() { setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$BIN/oci-ksm" estimate "$@"; }
# assert_blind SAVED COUNTED GUESSED: two estimates agree within 1 % (what merging would save: of SAVED bytes), and the second promises no more.
assert_blind() {
  assert_equal "$(jq -nc --argjson saved "$1" --argjson counted "$2" --argjson guessed "$3" 'def near($a; $b; $all): ($a - $b | fabs) <= 0.01 * $all;
    $counted.together as $c | $guessed.together as $g | [$counted.frames, $guessed.frames, $g.processes == $c.processes, near($g.mapped; $c.mapped; $c.mapped),
    near($g.anonymous; $c.anonymous; $c.anonymous), near($g.saved; $c.saved; $saved), $g.saved <= $c.saved, near($g.zero; $c.zero; $c.anonymous), $g.unread == 0]')" \
    '["counted","guessed",true,true,true,true,true,true,true]' || fail "$(jq -c .together <<< "$2")" "$(jq -c .together <<< "$3")"
}
# agree COUNTED GUESSED PIDS...: both were estimated before ksmd had merged these processes.
agree() {
  local counted=$1 guessed=$2 saved
  shift 2
  saved=$(jq .together.saved <<< "$counted")
  assert_blind "$saved" "$counted" "$guessed"
  assert_blind "$saved" "$(estimate --json --interval=0 "$@")" "$(blind --json --interval=0 "$@")"
}
# truth WORKLOAD: 4 copies, not merged yet; what estimate says, and what ksmd does. They are stopped, so that both see the same memory.
# What estimate says without seeing frames is the same, before and after it.
truth() {
  local workload=$1 said merged guessed
  local -a pids
  copies_begin
  copies_start 4 "$workload" wrapper-crun -a oci-ksm/mode=preload
  mapfile -t pids < <(copies_pids)
  kill -STOP "${pids[@]}"
  said=$(estimate --json --interval=0.1 "${pids[@]}")
  guessed=$(blind --json --interval=0.1 "${pids[@]}")
  merged=$(copies_merge)
  jq -nr --arg w "$workload" --argjson said "$said" --argjson truth "$merged" 'def mib: . / 104857.6 | round / 10;
    "# \($w): estimated \($said.together.saved | mib) MiB (\($said.together.within | mib) within, \($said.together.across | mib) across," +
    " \($said.together.zero | mib) of zeros), saved \($truth.merged_away | mib) MiB of \($truth.before.frames | mib)"' >&3
  assert_equal "$(jq -nc --argjson said "$said" --argjson truth "$merged" '$said.together.saved as $s | $truth.merged_away as $m |
    [$truth.settled, $said.together.processes, $said.together.anonymous == $truth.before.frames, ($s - $m | fabs) <= 0.05 * $m]')" '[true,4,true,true]'
  agree "$said" "$guessed" "${pids[@]}"
}

@test "python3: what is estimated is what is saved" { truth python; }
@test "node: what is estimated is what is saved" { truth node; }
@test "java: what is estimated is what is saved" { truth java; }
@test "Go: what is estimated is what is saved" { truth prometheus; }
@test "redis: what is estimated is what is saved" { truth redis; }

# program STATEMENT: a python program with 20 MiB, of whose pages half are equal, is then $PID; in an endless loop it does STATEMENT.
program() {
  background /usr/bin/python3 -c "import mmap, os, time
m = mmap.mmap(-1, 20 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(5120):
    m[page << 12:(page << 12) + 8] = b'%08d' % (page if page % 2 else 1)
i = 0
print('ready', flush=True)
while True:
    i += 1
    $1"
  PID=$BACKGROUND_PID
  wait_for 10 grep -q ready "$T/background.out"
}
# holds FILTER: is it true of the JSON in $output?
holds() { [ "$(jq "$1" <<< "$output")" = true ] || fail "not true: $1" "$output"; }
MIB='def mib: . / 1048576;'

@test "two programs with the same: within, across, together, and what it costs; twice asked for is once counted" {
  program 'time.sleep(100)'
  one=$PID
  program 'time.sleep(100)'
  run -0 estimate --json "$one" "$PID" "$one"
  # 10 MiB of equal pages in each; the other 10 MiB, and a little of python's own, are common to both: half of it for each.
  holds "$MIB [.targets[].processes] == [1, 1, 0] and ([.targets[:2][] | (.within | mib) >= 9.9 and (.within | mib) < 11 and (.across | mib) >= 5 and (.across | mib) < 8] | all)"
  holds '.together | .saved == .within + .across and .processes == 2 and .unread == 0'
  holds '.version == 1 and .ksmd.memory == .ksmd.pages * 64'
  # For people.
  run --separate-stderr -0 estimate "$one" "$PID"
  assert_match "${lines[0]}" '^TARGET +NAME +PROCS +ANON +WITHIN +ACROSS +SAVED +ZERO +CHANGING$'
  assert_match "${lines[3]}" '^together +- +2 +[45][0-9]\.[0-9]M +[0-9.]+M +[0-9.]+M +3[0-9]\.[0-9]M '
  assert_match "$output" 'ksmd would scan [0-9]+ pages, and its books of them would take [0-9.]+K'
  assert_equal "$stderr" ''
  run -0 estimate --noheadings --bytes --output=target,mapped "$one"
  assert_match "$output" "^$one  [0-9]{8}\$"
  # On a terminal, with a bar.
  run -0 script -qec "'$BIN/oci-ksm' estimate $PID" /dev/null
  assert_match "$output" '\[#+ *\] +[0-9]+ %  [0-9.]+M'
}

@test "what fork shares counts once, and pages that change are no saving" {
  program 'os.fork() if i == 1 else time.sleep(100)'
  children() { pgrep -P "$PID" > "$T/child"; }
  wait_for 10 children
  cat "$T/child" >> "$T/background"
  run -0 estimate --json "$PID" "$(cat "$T/child")"
  holds "$MIB (.together.anonymous | mib) < 35 and (.together.mapped | mib) > 45 and (.together.within | mib) < 12"
  program 'm[(i % 200) << 12:((i % 200) << 12) + 8] = b"%08d" % i'
  run -0 estimate --json --interval=1.5 "$PID"
  holds '.together.changing >= 200 * 4096 and .together.changing < 800 * 4096 and .together.saved <= 5120 / 2 * 4096'
  run -0 estimate --json --interval=0 "$PID"
  holds '.together.changing == 0'
}

@test "what forks of two programs share, merged or not, is estimated without seeing frames" {
  copies_begin
  for _ in 1 2; do
    # Children share most of it; each has a copy of its own of some pages, equal to its sisters'.
    background "$BIN/oci-ksm" run --mode=process,preload -- /usr/bin/python3 -c "import mmap, os, time
m = mmap.mmap(-1, 20 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(5120):
    m[page << 12:(page << 12) + 8] = b'%08d' % (page if page % 2 else 1)
if any(os.fork() == 0 for _ in range(3)):
    for page in range(0, 1000, 3):
        m[page << 12:(page << 12) + 8] = b'own %04d' % page
time.sleep(100)"
    parent=$BACKGROUND_PID
    children() { [ "$(pgrep -c -P "$parent")" = 3 ]; }
    wait_for 10 children
    pgrep -P "$parent" >> "$T/background"
    # Until all have their copies: the kernel counts what each has alone.
    copied() { [ "$(for pid in $(pgrep -P "$parent"); do awk '/^Private_Dirty/ && $2 >= 333 * 4' "/proc/$pid/smaps_rollup"; done | wc -l)" = 3 ]; }
    wait_for 10 copied
  done
  mapfile -t pids < "$T/background"
  kill -STOP "${pids[@]}"
  counted=$(estimate --json --interval=0.1 "${pids[@]}") guessed=$(blind --json --interval=0.1 "${pids[@]}")
  # 40 MiB of both programs, and 2.6 MiB of each child: half of the first is equal, the other is twice there.
  assert_equal "$(jq '.together | .processes == 8 and (.mapped | . > 160 * 1048576) and (.anonymous | . < 90 * 1048576)' <<< "$counted")" true
  assert_equal "$("$BUILD/tools/ksm-census" --merge "${pids[@]}" | jq .settled)" true
  agree "$counted" "$guessed" "${pids[@]}"
}

@test "processes that end, begin and grow meanwhile are no error" {
  # shellcheck disable=SC2016 # the shell below
  background "$BIN/oci-ksm" run -- sh -c 'while :; do for i in 1 2 3; do timeout 0.$i python3 -c "x = []
while True: x.append(bytearray(b\"x\" * 100000))" & done; wait; done'
  id=run-$BACKGROUND_PID
  wait_for 5 test -e "$STATE/containers/$id.json"
  seen=0
  for _ in {1..10}; do
    run --separate-stderr -0 estimate --json --interval=0.05 "$id"
    assert_equal "$stderr" ''
    seen=$((seen + $(jq '.together.changing > 0 | if . then 1 else 0 end' <<< "$output")))
  done
  # Some of them had ended, or changed, before the second look.
  [ "$seen" -gt 0 ]
}

@test "memory that comes and goes under userfaultfd is never waited for, by us and by them" {
  background "$BUILD/tests/workloads/hostile" flicker
  PID=$BACKGROUND_PID
  wait_for 10 grep -q ready "$T/background.out"
  for _ in {1..5}; do
    run --separate-stderr -0 estimate --interval=0 "$PID"
    assert_equal "$stderr" ''
  done
  # It would say "held" if anybody had waited for a page that is not there.
  assert_equal "$(cat "$T/background.out")" ready
}

@test "a process that holds up who reads it is left after seconds, and the others are counted" {
  program 'time.sleep(100)'
  mkfifo "$T/fifo"
  background sleep 1000
  # Opening this waits for ever.
  mount --bind "$T/fifo" "/proc/$BACKGROUND_PID/maps"
  run --separate-stderr -0 timeout -k 1 60 "$BIN/oci-ksm" estimate --json "$BACKGROUND_PID" "$PID"
  assert_equal "$stderr" "oci-ksm: process $BACKGROUND_PID: holds up who reads its memory, seen in part"
  holds "[.targets[] | .processes] == [0, 1] and .targets[1].within >= 2500 * 4096"
  umount "/proc/$BACKGROUND_PID/maps"
}

@test "containers by ID, its beginning, cgroup and --all, with and without oci-ksm" {
  hex=$(printf '%s-%s' "$$" "$BATS_TEST_NUMBER" | sha256sum | cut -d' ' -f1)
  rootfs_busybox "$T/root"
  bundle "$T/ours" "$T/root" -a oci-ksm/mode=preload -- sleep 1000
  bundle "$T/podmans" "$T/root" -- sleep 1000
  bundle_edit "$T/podmans" '.linux.cgroupsPath = $path' --arg path "/libpod-$hex"
  oci_start wrapper-crun "$T/ours" "$(cid ours)"
  oci_start crun "$T/podmans" "$(cid podmans)"
  oci_start crun "$T/podmans" "$(cid podmans-2)" # in the same cgroup
  path=/sys/fs/cgroup$(sed -n "s/^[0-9]*:\(pids\|\):\(.*libpod-.*\)/\2/p" "/proc/$(oci_pid crun "$(cid podmans)")/cgroup" | head -n 1)
  [ -e "$path" ] || path=/sys/fs/cgroup/pids${path#/sys/fs/cgroup}
  run -0 estimate --json --interval=0 "$(cid ours)" "${hex:0:12}" "$path"
  holds "[.targets[] | [.target, .processes]] == [[\"$(cid ours)\", 1], [\"$hex\", 2], [\"$path\", 0]]"
  run -0 estimate --json --interval=0 --all
  holds "[.targets[] | select(.target == \"$hex\" or .target == \"$(cid ours)\") | .processes] | sort == [1, 2]"
  # By the name of its cgroup alone.
  oci_stop crun "$(cid podmans-2)"
  bundle "$T/plain" "$T/root" -- sleep 1000
  oci_start runc "$T/plain" "$(cid plain)"
  run -0 estimate --json --interval=0 "$(cid plain)"
  holds '.together.processes == 1 and .together.anonymous > 0'
  oci_start wrapper-crun "$T/ours" "$(cid ours-2)"
  run -1 estimate "$(cid our)"
  assert_contains "$output" "stands for several containers: $(cid ours) (-), $(cid ours-2) (-)"
}

@test "what it says of targets that are not there, wrong usage, and missing rights" {
  run --separate-stderr -0 unshare --pid --fork --mount-proc "$BIN/oci-ksm" estimate --all
  assert_equal "$output,$stderr" ',oci-ksm: no container is to be seen from here'
  run -0 unshare --pid --fork --mount-proc "$BIN/oci-ksm" estimate --all --json
  assert_equal "$(jq -c .targets <<< "$output")" '[]'
  run -1 estimate nix
  assert_contains "$output" 'container nix: No such process'
  run -1 estimate 999999999
  assert_contains "$output" 'process 999999999: No such process'
  run -1 estimate /sys/fs/cgroup/nix
  assert_contains "$output" 'cgroup /sys/fs/cgroup/nix: No such process'
  run -2 estimate
  run -2 estimate --all 1
  run -2 estimate --interval=x 1
  run -2 estimate --output=nix 1
  run --separate-stderr -1 setpriv --bounding-set=-all --inh-caps=-all "$BIN/oci-ksm" estimate $$
  assert_equal "$output$stderr" "oci-ksm: process $$: its memory may not be read, leaving it out
oci-ksm: none of these processes may be read: Permission denied"
  run -0 blind --interval=0 $$
  assert_contains "$output" 'Without CAP_SYS_ADMIN frames cannot be seen'
  refute_contains "$(estimate --interval=0 $$)" CAP_SYS_ADMIN
}
