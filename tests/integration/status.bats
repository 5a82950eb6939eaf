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
  assert_output 'ID  MODE  PROCS  ANON  MERGED  SAVED  RATIO  SHARE  NAME'
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
  [ "$anonymous" -gt $((100 << 20)) ]
  [ "$anonymous" -lt $((130 << 20)) ]
  assert_match "$(row "run-$BACKGROUND_PID")" "^run-$BACKGROUND_PID  preload +2 +1[0-2][0-9]\.[0-9]M +[0-9.BKM]+ +[-0-9.BKM]+ +([0-9.]+|inf) +[0-9.]+% +-\$"
}

# As one does that keeps the lock of its memory, which the kernel takes to tell of it (since 6.14).
@test "a program that holds up who asks for its figures: it has a row, and the others have their figures" {
  local held other
  background "$BIN/oci-ksm" run -- /usr/bin/sleep 1000
  other=run-$BACKGROUND_PID
  background "$BIN/oci-ksm" run -- /usr/bin/sleep 1000
  held=run-$BACKGROUND_PID
  wait_for 10 has_row "$other"
  wait_for 10 has_row "$held"
  mkfifo "$T/fifo"
  mount --bind "$T/fifo" "/proc/$BACKGROUND_PID/ksm_stat"
  run --separate-stderr -0 timeout -k 1 30 "$BIN/oci-ksm" status --output=id,procs,saved --noheadings
  assert_equal "$(tr -s ' ' <<< "$output" | grep "$held")" "$held 1 ?"
  assert_match "$(tr -s ' ' <<< "$output" | grep "$other")" "^$other 1 -?[0-9]"
  assert_equal "$stderr" "oci-ksm: $held: a process of it holds up who asks for its figures: they are not known"
  run --separate-stderr -0 timeout -k 1 30 "$BIN/oci-ksm" metrics
  assert_contains "$output" "oci_ksm_container_processes{id=\"$held\"} 1"
  umount "/proc/$BACKGROUND_PID/ksm_stat"
}

@test "some of them: by their IDs, or the beginnings of these" {
  background "$BIN/oci-ksm" run -- sleep 1000
  one=run-$BACKGROUND_PID
  background "$BIN/oci-ksm" run -- sleep 1000
  wait_for 30 has_row "run-$BACKGROUND_PID"
  wait_for 30 has_row "$one"
  run -0 "$BIN/oci-ksm" status -n -o id "$one"
  assert_output "$one"
  assert_equal "$("$BIN/oci-ksm" status --json "$one" "run-$BACKGROUND_PID" | jq '.containers | length')" 2
  run -1 "$BIN/oci-ksm" status run-
  assert_output "oci-ksm: run- stands for several containers: $(printf '%s (-)\n' "$one" "run-$BACKGROUND_PID" | sort | paste -sd, | sed 's/,/, /')"
  run -1 "$BIN/oci-ksm" status "$one" nix
  assert_contains "$output" 'container nix'
}

# engine_start ID NAME: a container that an engine calls NAME: its parent stands in the bundle, as engines' shims do
engine_start() {
  [ -d "$T/root" ] || rootfs_busybox "$T/root"
  bundle "$T/$1" "$T/root" -a oci-ksm/mode=preload -a "nerdctl/name=$2" -- sleep 1000
  background env -C "$T/$1" "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" run --bundle "$T/$1" "$1"
  wait_for 30 processes "$1" 1
}
ids_of() { "$BIN/oci-ksm" status --json "$@" | jq -c '[.containers[].id]'; }

@test "by what its engine calls it, a beginning, a process, a cgroup; several are an error that names them" {
  local one two three web pid
  one=$(sha256sum <<< "$T one" | cut -c 1-64) two=$(sha256sum <<< "$T two" | cut -c 1-64) three=$(sha256sum <<< "$T three" | cut -c 1-64)
  web=web$'\033''[2J"x'
  engine_start "$one" "$web"
  engine_start "$two" twin
  engine_start "$three" twin
  background "$BIN/oci-ksm" run -- sleep 1000
  wait_for 30 has_row "run-$BACKGROUND_PID"
  pid=$(oci_pid crun "$one")
  for target in "$web" "${one:0:12}" "$pid" "/$(awk -F/ -v id="$one" 'index($0, id) { print $NF; exit }' "/proc/$pid/cgroup")"; do
    assert_equal "$(ids_of "$target")" "[\"$one\"]"
  done
  assert_equal "$(ids_of "$pid" "$two" "$web")" "$(printf '%s\n' "$one" "$two" | sort | jq -ncR '[inputs]')"
  assert_equal "$("$BIN/oci-ksm" status --json "$one" "run-$BACKGROUND_PID" | jq -c '[.containers[].name]')" '["web\\x1b[2J\"x",null]'
  run -1 "$BIN/oci-ksm" status twin
  assert_output "oci-ksm: twin stands for several containers: $(printf '%.12s (twin)\n' "$two" "$three" | sort | paste -sd, | sed 's/,/, /')"
  run -1 "$BIN/oci-ksm" status $$
  assert_output "oci-ksm: $$: it has not asked to be merged, nor was it enabled"
  # On a terminal IDs are short, and no name steers it.
  run -0 script -qec "'$BIN/oci-ksm' status ${one:0:12}" /dev/null
  assert_match "$output" "(^|"$'\n'")${one:0:12} .*% +web\\\\x1b\\[2J\"x"
  refute_contains "$output" "$one"
  assert_match "$("$BIN/oci-ksm" status -n "$one")" "^$one .*% +web"
  run -0 "$BIN/oci-ksm" metrics
  assert_equal "$(promtool check metrics <<< "$output" 2>&1)" ''
  assert_contains "$output" "oci_ksm_container_info{id=\"$one\",name=\"web\\\\x1b[2J\\\"x\",mode=\"preload\",source=\"runtime\",command=\"sleep\"} 1"
  # top reads the files of engines once, and goes on with what it has found. Others' containers may be there, too.
  reads() { strace -f -y -e trace=openat -o "$T/strace" "$BIN/oci-ksm" top "$@" > "$T/top" && grep -c "<$T/[^>]*>, \"config.json\"" "$T/strace"; }
  assert_equal "$(reads --json -d 0.1 -n 1 "$web") $(reads --json -d 0.1 -n 4 "$web")" '3 3'
  assert_equal "$(jq -sc 'map(.containers | map(.name)) | unique' "$T/top")" '[["web\\x1b[2J\"x"]]'
}

@test "what a kernel does not tell is unknown, not zero" {
  background "$BIN/oci-ksm" run -- sleep 1000
  wait_for 30 has_row "run-$BACKGROUND_PID"
  : > "$T/empty"
  for name in ksm_stat ksm_merging_pages; do
    [ ! -e "/proc/$BACKGROUND_PID/$name" ] || mount --bind "$T/empty" "/proc/$BACKGROUND_PID/$name"
  done
  assert_equal "$("$BIN/oci-ksm" status --json | jq -c '.containers[0] | [.processes, .anonymous > 0, .mergeable_processes, .merged, .zero, .scanned, .saved, .ratio, .share, .frames]')" \
    '[1,true,null,null,null,null,null,null,null,null]'
  assert_match "$(row "run-$BACKGROUND_PID")" ' +[?] +[?] +[?] +[?] +-$'
}

# switched ID JQ-ARGS...: the file in which it stands how a container was switched while it runs
switched() {
  (umask 077 && mkdir -p "$STATE/switched")
  jq -n --arg id "$1" '{version: 1, id: $id, since: 1700000000, retry_at: 0} + $ARGS.named' "${@:2}" > "$STATE/switched/$1.json"
}
started() { awk '{ print $22 }' "/proc/$1/stat"; }

@test "switched while it runs: off, and by whom; what has no record has a row as well" {
  background "$BIN/oci-ksm" run -- sleep 1000
  off=$BACKGROUND_PID
  wait_for 30 has_row "run-$off"
  switched "run-$off" --argjson pid "$off" --argjson start_time "$(started "$off")" --argjson merging false --arg by guard --arg reason 'does not pay: 1 of 100 pages' \
    --argjson retry_at 1700000600
  background sleep 1000
  alone=$BACKGROUND_PID
  switched "pid-$alone" --argjson pid "$alone" --argjson start_time "$(started "$alone")" --argjson alone true --argjson merging true --arg by operator --arg reason asked
  # One that has ended, and another process that has its pid.
  switched gone --argjson pid "$alone" --argjson start_time 1 --argjson merging true --arg by operator --arg reason asked
  rootfs_busybox "$T/root"
  bundle "$T/b" "$T/root" -- sh -c 'sleep 1000 & exec sleep 1000'
  oci_start crun "$T/b"
  pid=$(oci_pid crun)
  folder=$(awk -F: -v id="$(cid)" 'index($3, id) { sub("name=", "", $2); print "/sys/fs/cgroup/" $2 $3; exit }' "/proc/$pid/cgroup")
  switched "$(cid)" --arg cgroup "$folder" --argjson pid "$pid" --argjson start_time "$(started "$pid")" --argjson merging true --arg by operator --arg reason asked
  # A process in it that was switched on its own is counted once.
  child=$(pgrep -P "$pid")
  switched "pid-$child" --argjson pid "$child" --argjson start_time "$(started "$child")" --argjson alone true --argjson merging true --arg by operator --arg reason asked
  assert_equal "$("$BIN/oci-ksm" status --json | jq -c '.containers[] | [.id, .mode, .by, .source, .processes, .switched_at, .retry_at, .reason]' | sort)" \
    "$(sort << ROWS
["run-$off","off","guard","run",1,1700000000,1700000600,"does not pay: 1 of 100 pages"]
["pid-$alone","enabled","operator","",1,1700000000,null,"asked"]
["$(cid)","enabled","operator","",2,1700000000,null,"asked"]
ROWS
)"
  assert_match "$("$BIN/oci-ksm" status --output=since,retry "run-$off")" $'\n2023-11-14T22:13:20Z  2023-11-14T22:23:20Z$'
  refute_exists "$STATE/switched/gone.json"
  run -0 "$BIN/oci-ksm" metrics
  assert_equal "$(promtool check metrics <<< "$output" 2>&1)" ''
  assert_contains "$output" "oci_ksm_container_switched{id=\"run-$off\",by=\"guard\"} 0"
  assert_contains "$output" "oci_ksm_container_switched{id=\"$(cid)\",by=\"operator\"} 1"
}

@test "columns of one's choice" {
  background "$BIN/oci-ksm" run --mode=auto -- sleep 1000
  wait_for 30 has_row "run-$BACKGROUND_PID"
  run -0 "$BIN/oci-ksm" status -o command,source,PROCS
  assert_output $'COMMAND  SOURCE  PROCS\nsleep    run         1'
  run -0 "$BIN/oci-ksm" status -v -n
  assert_match "$output" ' auto: (process|preload), because [a-z ,:_]+$'
  for both in -fv -vf; do assert_match "$("$BIN/oci-ksm" status "$both" | head -n 1)" ' NAME +FRAMES +COUNTED +REASON$'; done
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
    # A container makes cgroups below its own.
    session=$(pgrep -f '^sleep 1000$' | while read -r pid; do grep -q "$(cid hooked)" "/proc/$pid/cgroup" && echo "$pid"; done | tail -n 1)
    below=$(awk -F: -v id="$(cid hooked)" 'index($3, id) { sub("name=", "", $2); print "/sys/fs/cgroup/" $2 $3; exit }' "/proc/$session/cgroup")
    mkdir "$below/web"
    echo "$session" > "$below/web/cgroup.procs"
    assert_equal "$(status_of "$(cid hooked)" processes)" 2
    echo "$session" > "$below/cgroup.procs"
    rmdir "$below/web"
    for name in plain hooked wrapped; do
      oci_stop "$rt" "$(cid "$name")"
    done
    run -0 "$BIN/oci-ksm" status -n
    assert_output ''
  done
}

# has_merged PID PAGES
has_merged() { [ "$(status_of "run-$1" merged)" -ge $(($2 * 4096)) ]; }

@test "merged and saved are the kernel's own figures" {
  ksm_begin
  background "$BIN/oci-ksm" run -- /usr/bin/python3 -c 'import os, signal
data = b"".join(b"%04095d\n" % (i // 4) for i in range(4000))
signal.pause()'
  pid=$BACKGROUND_PID
  wait_for 60 has_merged "$pid" 4000
  ksm_set run 0
  sleep 0.1
  assert_equal "$(status_of "run-$pid" merged)" "$(awk '/^ksm_(merging_pages|zero_pages)/ { n += $2 } END { print n * 4096 }' "/proc/$pid/ksm_stat")"
  assert_equal "$(status_of "run-$pid" saved)" "$(awk '/^ksm_process_profit/ { print $2 }' "/proc/$pid/ksm_stat")"
}

@test "frames: what fork shares is not counted as saved" {
  ksm_begin
  # 4000 pages, each four times, and a child that has them by fork.
  background "$BIN/oci-ksm" run -- /usr/bin/python3 -c 'import os, signal
data = b"".join(b"%04095d\n" % (i // 4) for i in range(4000))
os.fork()
signal.pause()'
  pid=$BACKGROUND_PID
  wait_for 60 has_merged "$pid" 8000
  pgrep -P "$pid" >> "$T/background"
  wait_scans 2
  ksm_set run 0
  run -0 "$BIN/oci-ksm" status --frames --json
  row=$(jq -c '.containers[0]' <<< "$output")
  echo "# $row" >&3
  # 3000 pages, and what the interpreter has; by the kernel's reckoning twice as many.
  assert_equal "$(jq '.counted >= 3000 * 4096 and .counted < 3000 * 4096 * 1.5 and .saved >= 7000 * 4096 and .ratio >= 1 and .ratio < 64' <<< "$row")" true
  # The frames are those that the census finds.
  census=$("$BUILD/tools/ksm-census" "$pid" "$(pgrep -P "$pid")" | jq .now.frames)
  assert_equal "$(jq --argjson census "$census" '.frames == $census' <<< "$row")" true
}

@test "frames: without forks, what is counted as saved is what is gone" {
  local i gone pids=()
  ksm_begin
  ksm_set run 0
  for i in 1 2 3 4; do
    background "$BIN/oci-ksm" run -- /usr/bin/python3 -c 'import signal, sys
data = [str(i) * 20 for i in range(100000)]
open(sys.argv[1], "w").close()
signal.pause()' "$T/ready-$i"
    pids+=("$BACKGROUND_PID")
  done
  for i in 1 2 3 4; do wait_for 60 test -e "$T/ready-$i"; done
  gone=$("$BUILD/tools/ksm-census" "${pids[@]}" | jq .now.frames)
  ksm_set run 1
  wait_scans 4
  ksm_set run 0
  gone=$((gone - $("$BUILD/tools/ksm-census" "${pids[@]}" | jq .now.frames)))
  run -0 "$BIN/oci-ksm" status --frames --json
  counted=$(jq '[.containers[].counted] | add' <<< "$output")
  echo "# counted $counted, gone $gone" >&3
  [ "$gone" -gt $((16 << 20)) ]
  awk -v a="$counted" -v b="$gone" 'BEGIN { exit !(a > b * 0.99 && a < b * 1.01) }'
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

@test "a user without a place for records (no /run/user/UID): there are none, and what needs none works" {
  as_user() { setpriv --reuid 54321 --regid 54321 --clear-groups env -i PATH="$PATH" OCI_KSM_SETTINGS=/none "$@"; }
  chmod 711 "$OCI_KSM_PRIVATE" "$T"
  refute_exists /run/user/54321
  run --separate-stderr -0 as_user "$BIN/oci-ksm" status --noheadings
  assert_equal "$output$stderr" ''
  setpriv --reuid 54321 --regid 54321 --clear-groups sleep 100 < /dev/null > /dev/null 2>&1 3>&- &
  pid=$!
  echo "$pid" >> "$T/background"
  sleeps() { [ "$(cat "/proc/$pid/comm")" = sleep ]; }
  wait_for 10 sleeps
  run --separate-stderr -0 as_user "$BIN/oci-ksm" estimate --json --interval=0 "$pid"
  assert_equal "$(jq .together.processes <<< "$output")" 1
}
