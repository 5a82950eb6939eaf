#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# steward.bats: oci-ksmd's steward, the process that does the slow chores: it costs nothing while there are none, and is started again
# when it is killed; containers that were switched while running stay so as a whole; those that do not pay are switched off for a while.
# bats file_tags=alone
load lib
load notify

# stewards [KEEPER]: children of the keeper that are one; fails if there is none.
stewards() {
  local pid
  for pid in $(xargs -n 1 < "/proc/${1:-$NOTIFY_GROUP}/task/${1:-$NOTIFY_GROUP}/children"); do
    if [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = oci-ksm-steward ]; then echo "$pid"; fi
  done | grep .
}
# steward [KEEPER]: its pid, when there is one
steward() { wait_for 10 stewards "$@" > /dev/null && stewards "$@"; }
# works PID: it watches files, so its turn has come; and sleeps PID: it has done what there was.
works() { readlink "/proc/$1"/fd/* | grep -q inotify; }
sleeps() { works "$1" && grep -q '^State:\sS' "/proc/$1/status"; }
switches() { awk '/^voluntary_ctxt_switches|^nonvoluntary/ { n += $2 } END { print n }' "/proc/$1/status"; }

@test "with nothing to do it does not wake up, holds no listener, and has fewer rights than the others" {
  if ! notifies; then unserved; return; fi
  local pid before
  notify_begin
  rootfs_busybox "$T/r"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -- /bin/sleep 1000
  oci_start wrapper-crun "$T/b" "$(cid 1)"
  wait_for 30 notify_serves 1
  kill -KILL "$(steward)"
  pid=$(steward)
  wait_for 10 sleeps "$pid"
  run readlink "/proc/$pid"/fd/*
  assert_equal "$(grep -E '^anon_inode|^/memfd|^socket' <<< "$output" | sed 's/\[.*//' | sort)" 'anon_inode:inotify
socket:'
  # DAC_READ_SEARCH, SYS_PTRACE, SYS_ADMIN
  assert_equal "$(sed -n 's/^CapPrm:\s*//p' "/proc/$pid/status")" "$(printf %016x $((1 << 2 | 1 << 19 | 1 << 21)))"
  assert_equal "$(cat "/proc/$pid/oom_score_adj")" 0
  before=$(switches "$pid")
  sleep 3
  assert_equal "$(switches "$pid")" "$before"
}

@test "where the folder of state cannot be used it says so, once, and works as soon as it can" {
  if ! notifies; then unserved; return; fi
  notify_begin
  wait_for 10 works "$(steward)"
  chown 1234 "$STATE"
  kill -KILL "$(steward)"
  wait_for 20 grep -q 'steward, which does nothing therefore: use folder .*, which belongs to user 1234' "$LOG"
  chown 0 "$STATE"
  wait_for 20 grep -q 'steward: works again' "$LOG"
  works "$(steward)"
  assert_log_lines 1 'does nothing therefore'
}

@test "killed 20 times it comes back, alone, and it ends with the others" {
  if lacks notify; then unserved; return; fi
  local i pid last
  notify_begin
  pid=$(steward)
  for ((i = 0; i < 20; i++)); do
    last=$pid
    kill -KILL "$last"
    wait_for 10 assert_gone "$last"
    pid=$(steward)
  done
  wait_for 10 works "$pid"
  assert_log_lines 20 'the steward was killed by signal 9: starting another'
  for ((i = 0; i < 3; i++)); do
    last=$pid
    timeout 20 "$BIN/oci-ksmd" --replace
    wait_for 10 assert_gone "$last"
    pid=$(steward)
  done
  wait_for 10 works "$pid"
  # The worker becomes keeper.
  kill -KILL "$NOTIFY_GROUP"
  wait_for 10 assert_gone "$pid"
  wait_for 10 works "$(steward "$(notify_hello keeper)")"
  assert_log_lines 20 'the steward'
}

@test "two oci-ksmd with one folder of state: one steward works, the other takes over" {
  if lacks notify; then unserved; return; fi
  local first second keeper
  notify_begin
  first=$(steward)
  wait_for 10 works "$first"
  background "$BIN/oci-ksmd" --socket="$T/other.sock" --log=stderr
  keeper=$BACKGROUND_PID
  second=$(steward "$keeper")
  sleep 0.5
  if works "$second"; then fail 'both work'; fi
  kill -TERM "$NOTIFY_GROUP"
  wait_for 10 works "$second"
  kill -TERM "$keeper"
  wait_for 10 assert_gone "$second"
  # One that waits ends, too.
  notify_end
}

# pages ID MIB: a container with so much memory in pages that are all different, and written to again and again.
pages() {
  [ -d "$T/r" ] || { rootfs_busybox "$T/r" && cp "$BUILD/tests/workloads/pages" "$T/r/bin/"; }
  bundle "$T/b$1" "$T/r" -a "oci-ksm/mode=$(if as_a_whole; then echo process; else echo notify; fi)" "${@:3}" -- /bin/pages "$2"
  oci_start wrapper-crun "$T/b$1" "$(cid "$1")"
  wait_for 30 grep -q ready "$T/$(cid "$1").out"
}
# is ID FILTER: what was switched says so. reads ID: as it stands.
is() { jq -e "$2" "$STATE/switched/$(cid "$1").json" > /dev/null 2>&1; }
# whole PID, not_whole PID: is all of it mergeable, as a whole or, where that is forced off, by its regions?
whole() { if as_a_whole; then grep -q 'merge_any: yes' "/proc/$1/ksm_stat"; else all_marked 65536 "$1"; fi; }
not_whole() { if as_a_whole; then grep -q 'merge_any: no' "/proc/$1/ksm_stat"; else [ -n "$("$NOTIFY_TOOL" unmarked 65536 "$1")" ]; fi; }
# pause_ends ID: it was to be tried again some time ago.
pause_ends() { jq '.retry_at = 1' "$STATE/switched/$(cid "$1").json" > "$T/ended" && mv "$T/ended" "$STATE/switched/$(cid "$1").json"; }
logged() { grep -qE "container $(cid "$1"): $2" "$LOG"; }

@test "the profit guard switches off what does not pay, tries it again, each time later, and keeps what pays" {
  if lacks notify; then unserved; return; fi
  local bad good required
  ksm_begin
  notify_begin
  pages bad 16
  pages good 16
  pages required 4 -a oci-ksm/required=true
  bad=$(oci_pid crun "$(cid bad)") good=$(oci_pid crun "$(cid good)") required=$(oci_pid crun "$(cid required)")
  kill -USR1 "$good"
  wait_scans 4
  # It learns of changed settings by itself.
  settings '.profit_guard = {enable: true, scans: 2, pause: 1, pause_max: 1000}'
  wait_for 30 is bad '.merging == false and .by == "guard" and (.reason | test("does not pay: after [0-9]+ scans [0-9]+ pages watched"))'
  wait_for 10 not_whole "$bad"
  is bad '.retry_at - .since == 1'
  run "$BIN/oci-ksm" status --noheadings -o id,mode,by,reason "$(cid bad)"
  assert_match "$output" "^$(cid bad) +off +guard +merging does not pay: after "
  logged bad 'info: profit guard: merging does not pay: after [0-9]+ scans 4[0-9]{3} pages watched \(.* of books\), [0-9]+ of them merged .*; switched off, to be tried again in 1 s'
  # A second later, then after two more; by then it pays.
  wait_for 30 logged bad 'info: profit guard: merging is tried again after a pause of 1 s'
  wait_for 30 logged bad 'info: profit guard: .* to be tried again in 2 s'
  kill -USR1 "$bad"
  wait_for 30 logged bad 'info: profit guard: merging pays: '
  is bad '.merging and .by == "guard" and (.reason | test("^merging pays: .* 4[0-9]{3} of them merged"))'
  whole "$bad"
  # A steward that is killed has forgotten nothing that counts.
  kill -KILL "$(steward)"
  wait_for 30 logged required 'warning: profit guard: merging does not pay, but is left on, as it requires merging: '
  whole "$required"
  whole "$good"
  refute_exists "$STATE/switched/$(cid good).json"
  kill -0 "$good" && kill -0 "$required" && kill -0 "$bad"
}

@test "it tries nothing again while another trust domain merges; without the setting nothing is judged" {
  if lacks notify; then unserved; return; fi
  ksm_begin
  notify_begin
  pages bad 8 -a oci-ksm/domain=shop
  wait_scans 4
  sleep 1.5
  assert_log_lines 0 'profit guard'
  settings '.profit_guard = {enable: true, scans: 1, pause: 1000}'
  wait_for 30 is bad '.merging == false'
  pages other 1 -a oci-ksm/domain=bank
  wait_for 10 whole "$(oci_pid crun "$(cid other)")"
  pause_ends bad
  wait_for 30 logged bad 'info: profit guard: merging is not tried again for 1000 s: .*shop'
  not_whole "$(oci_pid crun "$(cid bad)")"
  oci wrapper-crun delete -f "$(cid other)"
  pause_ends bad
  wait_for 30 logged bad 'info: profit guard: merging is tried again'
}

# session COMMAND: the pid of what `exec` started with it, in the container of process $pid.
in_container() { pgrep -f "^$1\$" --ns "$pid" --nslist pid; }
session() { wait_for 10 in_container "$1" > /dev/null && in_container "$1"; }

@test "containers in mode notify that were disabled are left alone by the marker, until they are enabled again" {
  if ! notifies; then unserved; return; fi
  local pid session
  notify_begin OCI_KSM_NO=prctl
  rootfs_busybox "$T/r"
  cp "$BUILD/tests/workloads/pages" "$T/r/bin/"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=notify -- /bin/pages 4
  oci_start wrapper-crun "$T/b"
  pid=$(oci_pid crun)
  assert_all_marked 65536 "$pid"
  run -0 "$BIN/oci-ksm" disable "$(cid)"
  marked() { "$NOTIFY_TOOL" unmarked 65536 "$pid" | grep -q . && return 1 || return 0; }
  if marked; then fail 'it is not unmarked'; fi
  # It is watched as long as it uses the CPU, twice a second; and a session is notified.
  oci crun exec -d "$(cid)" /bin/pages 5
  session=$(session '/bin/pages 5')
  sleep 2
  if marked || [ -z "$("$NOTIFY_TOOL" unmarked 65536 "$session")" ]; then fail 'it is marked again'; fi
  if lacks madvise; then
    refused_without_ksm "$BIN/oci-ksm" enable "$(cid)"
    return
  fi
  run -0 "$BIN/oci-ksm" enable "$(cid)"
  assert_all_marked 65536 "$pid" "$session"
}

@test "sessions in a container that was enabled merge, within seconds; in one that was disabled they do not" {
  if lacks notify; then unserved; return; fi
  local pid session
  notify_begin
  rootfs_busybox "$T/r"
  cp "$BUILD/tests/workloads/pages" "$T/r/bin/"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=off -- /bin/pages 1
  oci_start crun "$T/b"
  pid=$(oci_pid crun)
  if lacks madvise; then
    refused_without_ksm "$BIN/oci-ksm" enable "$(cid)"
    not_whole "$pid"
    return
  fi
  run -0 "$BIN/oci-ksm" enable "$(cid)"
  whole "$pid"
  oci crun exec -d "$(cid)" /bin/pages 2
  session=$(session '/bin/pages 2')
  wait_for 10 whole "$session"
  run -0 "$BIN/oci-ksm" disable "$(cid)"
  wait_for 10 not_whole "$session"
  not_whole "$pid"
  as_a_whole || return 0
  # What merges all the same, as its parent does, does not for long.
  "$BIN/oci-ksm" run --mode=process -- crun --root="$T/rt-crun" exec -d "$(cid)" /bin/sleep 1002
  session=$(session '/bin/sleep 1002')
  wait_for 20 not_whole "$session"
}

@test "a container that holds up who looks at it is not the others' concern" {
  if lacks notify; then unserved; return; fi
  local pid session name held steward
  notify_begin
  rootfs_busybox "$T/r"
  cp "$BUILD/tests/workloads/pages" "$T/r/bin/"
  for name in 1 2; do
    bundle "$T/b$name" "$T/r" -a oci-ksm/mode=off -- /bin/pages 1
    oci_start crun "$T/b$name" "$(cid "$name")"
    if lacks madvise; then
      refused_without_ksm "$BIN/oci-ksm" enable "$(cid "$name")"
      return
    fi
    run -0 "$BIN/oci-ksm" enable "$(cid "$name")"
  done
  steward=$(steward)
  oci crun exec -d "$(cid 1)" /bin/sleep 1001
  pid=$(oci_pid crun "$(cid 1)")
  held=$(session '/bin/sleep 1001')
  mkfifo "$T/fifo"
  # Whoever opens it waits for ever: it keeps the lock of its memory, so to say.
  mount --bind "$T/fifo" "/proc/$held/ksm_stat"
  oci crun exec -d "$(cid 2)" /bin/pages 2
  pid=$(oci_pid crun "$(cid 2)")
  session=$(session '/bin/pages 2')
  # Region by region all of the container is looked at again, ever less often, and who holds up is waited for each time.
  wait_for "$(if as_a_whole; then echo 25; else echo 90; fi)" whole "$session"
  assert_equal "$(steward)" "$steward"
  # It is left alone, and does not keep its fellows from being switched off.
  run --separate-stderr -0 timeout -k 1 60 "$BIN/oci-ksm" disable --json "$(cid 1)"
  assert_equal "$(jq -c '.containers[0] | [.merging, .processes, .left_alone.stuck]' <<< "$output")" '[false,1,1]'
  umount "/proc/$held/ksm_stat"
}
