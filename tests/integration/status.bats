#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# status.bats: oci-ksm status, of runs and of real containers.
load lib

status_of() { "$BIN/oci-ksm" status --json | jq -r ".containers[] | select(.id == \"$1\") | .$2"; }

# row ID: the container's row for people
row() { "$BIN/oci-ksm" status --noheadings | grep "^$1 "; }
has_row() { row "$1" > /dev/null; }
processes() { [ "$(status_of "$1" processes)" = "$2" ]; }

@test "nothing to show: the headings, and an empty list" {
  run --separate-stderr -0 "$BIN/oci-ksm" status
  assert_output 'ID  MODE  PROCS  ANON  MERGED  SAVED'
  run -0 "$BIN/oci-ksm" status --noheadings
  assert_output ''
  assert_equal "$("$BIN/oci-ksm" status --json | jq -c .)" '{"version":1,"containers":[]}'
}

@test "a run: its processes and memory" {
  background "$BIN/oci-ksm" run -- /usr/bin/python3 -c 'import os, signal
data = b"x" * (50 << 20)
if os.fork() == 0:
    os.write(2, b"two\n")
signal.pause()'
  wait_for 30 processes "run-$BACKGROUND_PID" 2
  pgrep -P "$BACKGROUND_PID" >> "$T/background"
  assert_equal "$(status_of "run-$BACKGROUND_PID" '| [.mode, .source, .command, .mergeable_processes] | @csv')" '"preload","run","python3",2'
  # Both map the 50 MiB, and each has a little of its own.
  anonymous=$(status_of "run-$BACKGROUND_PID" anonymous)
  [ "$anonymous" -gt $((100 << 20)) ] && [ "$anonymous" -lt $((130 << 20)) ]
  assert_match "$(row "run-$BACKGROUND_PID")" "^run-$BACKGROUND_PID  preload +2 +1[0-2][0-9]\.[0-9]M +[0-9.BKM]+ +[-0-9.BKM]+\$"
}

@test "columns of one's choice" {
  background "$BIN/oci-ksm" run --mode=auto -- sleep 1000
  wait_for 30 has_row "run-$BACKGROUND_PID"
  run -0 "$BIN/oci-ksm" status -o command,source,PROCS
  assert_output $'COMMAND  SOURCE  PROCS\nsleep    run         1'
  run -0 "$BIN/oci-ksm" status -v -n
  assert_match "$output" ' auto: (process|preload), because [a-z ,:_]+$'
  run -0 "$BIN/oci-ksm" status --bytes --noheadings --output anon
  assert_match "$output" '^ *[0-9]+$'
  run -2 "$BIN/oci-ksm" status -o id,nix
  assert_contains "$output" nix
}

@test "a run that has ended is not shown and leaves no record, nor does one whose pid was used again" {
  "$BIN/oci-ksm" run -- true
  assert_exists "$STATE"/containers/run-*.json
  run -0 "$BIN/oci-ksm" status -n
  assert_output ''
  assert_empty_dir "$STATE/containers"

  background sleep 1000
  jq -n --argjson pid "$BACKGROUND_PID" '{id: "run-\($pid)", source: "run", mode: "preload", pid: $pid, start_time: 1}' \
    > "$STATE/containers/run-$BACKGROUND_PID.json"
  run -0 "$BIN/oci-ksm" status -n
  assert_output ''
  assert_empty_dir "$STATE/containers"
}

@test "records of containers that have ended are not ours to remove" {
  mkdir -m 700 "$STATE" "$STATE/containers"
  echo '{"id":"gone","source":"hook","mode":"preload","pid":1,"start_time":1}' > "$STATE/containers/gone.json"
  run -0 "$BIN/oci-ksm" status -n
  assert_output ''
  assert_exists "$STATE/containers/gone.json"
}

@test "a record that cannot be read: one line, and the others are shown" {
  background "$BIN/oci-ksm" run -- sleep 1000
  wait_for 30 has_row "run-$BACKGROUND_PID"
  echo '{' > "$STATE/containers/broken.json"
  echo '{}' > "$STATE/containers/broken.tmp"
  run --separate-stderr -0 "$BIN/oci-ksm" status -n -o id
  assert_output "run-$BACKGROUND_PID"
  assert_equal "$(wc -l <<< "$stderr")" 1
  assert_contains "$stderr" broken
}

@test "containers of crun and runc, by hook and wrapper, with their sessions; gone when they are deleted" {
  rootfs_busybox "$T/root"
  bundle "$T/plain" "$T/root" -- sleep 1000
  bundle "$T/wrapped" "$T/root" -a oci-ksm/mode=preload -- sleep 1000
  rootfs_host "$T/host" # a hook alone needs glibc's /etc/ld.so.preload
  bundle "$T/hooked" "$T/host" -a oci-ksm/mode=preload -- sleep 1000
  bundle_hooks "$T/hooked"
  for rt in crun runc; do
    oci_start "$rt" "$T/plain" "$(cid plain)"
    oci_start "$rt" "$T/hooked" "$(cid hooked)"
    oci_start "wrapper-$rt" "$T/wrapped" "$(cid wrapped)"
    assert_equal "$("$BIN/oci-ksm" status -n -o id,source,procs | tr -s ' ')" "$(cid hooked) hook 1"$'\n'"$(cid wrapped) runtime 1"
    oci "$rt" exec --detach "$(cid hooked)" sleep 1000
    wait_for 30 processes "$(cid hooked)" 2
    for name in plain hooked wrapped; do
      oci_stop "$rt" "$(cid "$name")"
    done
    run -0 "$BIN/oci-ksm" status -n
    assert_output ''
  done
}

@test "merged and saved are the kernel's own figures" {
  ksm_begin
  background "$BIN/oci-ksm" run -- /usr/bin/python3 -c 'import os, signal
data = b"".join(b"%04095d\n" % (i // 4) for i in range(4000))
signal.pause()'
  pid=$BACKGROUND_PID
  merges() { [ "$(status_of "run-$pid" merged)" -ge $((4000 * 4096)) ]; }
  wait_for 60 merges
  ksm_set run 0
  sleep 0.1
  assert_equal "$(status_of "run-$pid" merged)" "$(awk '/^ksm_(merging_pages|zero_pages)/ { n += $2 } END { print n * 4096 }' "/proc/$pid/ksm_stat")"
  assert_equal "$(status_of "run-$pid" saved)" "$(awk '/^ksm_process_profit/ { print $2 }' "/proc/$pid/ksm_stat")"
}

@test "on a terminal it says if ksmd does not scan, and nowhere else" {
  mount -t tmpfs ksm /sys/kernel/mm/ksm
  echo 0 > /sys/kernel/mm/ksm/run
  run script -qec "'$BIN/oci-ksm' status" /dev/null
  assert_contains "$output" 'ksmd does not scan'
  run -0 "$BIN/oci-ksm" status
  refute_contains "$output" ksmd
  echo 1 > /sys/kernel/mm/ksm/run
  run script -qec "'$BIN/oci-ksm' status" /dev/null
  refute_contains "$output" ksmd
  umount /sys/kernel/mm/ksm
}
