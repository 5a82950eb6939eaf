#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# probes: prctl madvise
# switch.bats: oci-ksm enable and disable: for containers that run, and that know nothing of it.
load lib
load notify
load switch

@test "large mappings are separated in parts, and never cut: mremap of a busy program does not fail" {
  ksm_begin
  start c "$(program 100 'm.resize((100 << 20) + (i % 2 << 16))')"
  id=$(cid c)
  if lacks madvise; then
    unmergeable "$id"
    return
  fi
  run -0 enable "$id"
  wait_for 30 merged_at_least "$PID" 20000
  run --separate-stderr disable --json "$id"
  [ "$status" -eq 0 ] || fail "$output" "$stderr" "$(cat "$T/$id.err")"
  holds '.processes == 1 and .merged == 0 and (.left_alone | add) == 0'
  assert_equal "$(oci crun state "$id" | jq -r .status)" running
  refute_contains "$(cat "$T/$id.err")" Error
}

@test "a memory limit that cannot take it: nothing is done, nothing is killed" {
  ksm_begin
  start c "$(program 64)"
  id=$(cid c)
  if lacks madvise; then
    unmergeable "$id"
    return
  fi
  run -0 enable "$id"
  wait_scans 2
  wait_for 30 merged_at_least "$PID" 16000
  cgroup=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' "/proc/$PID/cgroup")
  limit=memory.limit_in_bytes
  if [ ! -e "$cgroup/$limit" ]; then cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$PID/cgroup") limit=memory.max; fi
  echo $((40 << 20)) > "$cgroup/$limit"
  before=$(merged "$PID")
  run --separate-stderr -1 disable "$id"
  assert_equal "$output" ''
  assert_match "$stderr" "oci-ksm: $id: 6[0-9] MiB more do not fit in $cgroup, where $limit is 40 MiB and [0-9]+ MiB are used: raise it, or free memory there"
  assert_match "$stderr" "$id: 6[0-9](\.[0-9])?M are merged still and stay so \(0B are separate again\)\. It goes on unharmed; when there is room, repeat 'oci-ksm disable $id'"
  assert_equal "$(merged "$PID")" "$before"
  assert_equal "$(jq .merging "$STATE/switched/$id.json")" true
  if as_a_whole; then grep -q 'merge_any: yes' "/proc/$PID/ksm_stat"; fi
  run -1 disable --json "$id"
  holds ".merging and .merged >= 64 * 1048576 and .separated == 0 and (.error | contains(\"$limit\"))"
  assert_equal "$(oci crun state "$id" | jq -r .status)" running
  if [ -e "$cgroup/memory.events" ]; then
    assert_equal "$(sed -n 's/^oom_kill //p' "$cgroup/memory.events")" 0
  else
    assert_equal "$(sed -n 's/^oom_kill //p' "$cgroup/memory.oom_control")" 0
  fi
  echo $((256 << 20)) > "$cgroup/$limit"
  run -0 disable --json "$id"
  holds '(.merging | not) and .merged == 0 and .separated >= 64 * 1048576'
}

# bats test_tags=alone
@test "under load, on and off again and again: not one request fails" {
  rootfs_host "$T/root"
  bundle "$T/redis" "$T/root" -- /usr/bin/redis-server --port 0 --unixsocket /tmp/redis.sock --save '' --dir /tmp
  bundle "$T/stress" "$T/root" -- /usr/bin/stress-ng --vm 1 --vm-bytes 16M --mmap 1 --mmap-bytes 8M --mremap 1 --mremap-bytes 8M --verify --temp-path /tmp
  redis=$(cid redis) stress=$(cid stress) socket=$T/root/tmp/redis.sock
  served() { [ "$(redis-cli -s "$socket" ping 2> /dev/null)" = PONG ]; }
  ksm_begin
  oci_start crun "$T/redis" "$redis"
  oci_start crun "$T/stress" "$stress"
  wait_for 10 served
  if lacks madvise; then
    PID=$(oci_pid crun "$redis")
    unmergeable "$redis"
    served
    return
  fi
  stdbuf -oL redis-benchmark -s "$socket" -t set,get -d 512 -r 20000 -n 10000 -P 4 -l --csv > "$T/benchmark" 2> "$T/benchmark.err" < /dev/null 3>&- {KSM_FD}>&- &
  benchmark=$!
  echo "$benchmark" >> "$T/background"
  for _ in 1 2 3; do
    run enable "$redis" "$stress"
    assert_status 0
    wait_scans 0
    run disable --json "$redis" "$stress"
    assert_status 0
    assert_equal "$(jq -c '[.containers[] | .merging]' <<< "$output")" '[false,false]'
    kill -0 "$benchmark"
  done
  wait_for 60 grep -q '"GET"' "$T/benchmark"
  kill -KILL "$benchmark"
  assert_equal "$(cat "$T/benchmark.err")" ''
  assert_equal "$(redis-cli -s "$socket" info errorstats | grep -c '^errorstat_' || true)" 0
  served
  oci crun kill "$stress" INT
  wait_for 30 oci_stopped crun "$stress"
  assert_contains "$(cat "$T/$stress.err" "$T/$stress.out")" 'successful run completed'
}

@test "processes that are left alone are counted, with the reason" {
  start c "$(program 1 'time.sleep(0.01)')"
  id=$(cid c)
  if lacks madvise; then
    unmergeable "$id"
    return
  fi
  background strace -qq -o /dev/null -p "$PID"
  traced() { ! grep -q 'TracerPid:.0$' "/proc/$PID/status"; }
  wait_for 10 traced
  run --separate-stderr -1 enable --json "$id"
  holds '.processes == 0 and .left_alone.traced == 1 and (.left_alone | add) == 1'
  run -1 enable "$id"
  assert_contains "$output" "$id: 1 process left alone: traced by another program, or stopped ($PID)"
  kill "$BACKGROUND_PID"
  wait_for 10 eval '! traced'
  run -0 enable "$id"
  # Another user, who may touch his own only.
  as_user() { setpriv --reuid 1234 --regid 1234 --clear-groups env -i PATH="$PATH" XDG_RUNTIME_DIR="$T/xdg" OCI_KSM_SETTINGS=/none OCI_KSM_NO="${OCI_KSM_NO:-}" "$@"; }
  chmod 711 "$T" "$OCI_KSM_PRIVATE"
  install -d -o 1234 "$T/xdg"
  run --separate-stderr -1 as_user "$BIN/oci-ksm" disable --json "$PID"
  holds '.processes == 0 and .left_alone.not_allowed == 1'
  setpriv --reuid 1234 --regid 1234 --clear-groups sleep 100 < /dev/null > /dev/null 2>&1 3>&- &
  echo $! >> "$T/background"
  run --separate-stderr -0 as_user "$BIN/oci-ksm" enable --json $!
  holds '.processes == 1 and .changed == 1'
  assert_exists "$T/xdg/oci-ksm/switched/pid-$!.json"
}

@test "wrong use" {
  run --separate-stderr -2 enable
  assert_match "$stderr" '^oci-ksm: a target is missing'
  run -2 enable --mode=what 1
  run -2 disable --mode=auto 1
  if lacks madvise; then
    refused_without_ksm enable $$
    return
  fi
  run --separate-stderr -1 enable "$(cid none)"
  assert_equal "$stderr" "oci-ksm: container $(cid none): No such process"
  run --separate-stderr -1 enable /
  assert_equal "$stderr" "oci-ksm: /: that is the whole machine"
  # Where the kernel must not do it for whole processes, only what can be had without harm is done.
  OCI_KSM_NO=$(off vma_merge) run --separate-stderr -1 enable --mode=process $$
  assert_contains "$stderr" vma_merge
}

@test "the shim in a container that is switched off marks nothing any more, nor in what it starts later" {
  export OCI_KSM_NO
  OCI_KSM_NO=$(off prctl)
  # A new mapping for one file, a new program for the other.
  RUNTIME=wrapper-crun
  start c "$(program 1 "time.sleep(0.02)
    if os.path.exists('/tmp/grow'): os.remove('/tmp/grow'); keep = globals().setdefault('keep', []); keep.append(bytearray(4 << 20))
    if os.path.exists('/tmp/start'): os.remove('/tmp/start'); child = subprocess.Popen(['/usr/bin/python3', '-c', 'x = bytearray(8 << 20); import time; time.sleep(100)'])")" -a oci-ksm/mode=preload
  id=$(cid c)
  assert_shim "$PID"
  gone() { [ ! -e "$1" ]; }
  grow() { touch "$T/root/tmp/grow" && wait_for 10 gone "$T/root/tmp/grow"; }
  grow
  grow
  [ "$(marked "$PID")" -gt 0 ]
  run -0 disable "$id"
  assert_equal "$(marked "$PID")" 0
  grow
  grow
  assert_equal "$(marked "$PID")" 0
  touch "$T/root/tmp/start"
  child() { CHILD=$(pgrep -P "$PID" | head -n 1) && [ "$(awk '/RssAnon/ { print $2 }' "/proc/$CHILD/status")" -gt 8000 ]; }
  wait_for 10 child
  assert_shim "$CHILD"
  assert_equal "$(marked "$CHILD")" 0
  # On again: what is there, and what comes.
  if lacks madvise; then
    refused_without_ksm enable --mode=regions "$id"
    assert_equal "$(marked "$PID")" 0
    return
  fi
  run -0 enable --mode=regions "$id"
  before=$(marked "$PID")
  [ "$before" -gt 0 ]
  [ "$(marked "$CHILD")" -gt 0 ]
  kill "$CHILD"
  touch "$T/root/tmp/start"
  anew() { child && [ "$(marked "$CHILD")" -gt 0 ]; }
  wait_for 10 anew
}

# as_host CMD...: where $T/dev is the host's own /dev
as_host() {
  # shellcheck disable=SC2016 # the shell below
  unshare --mount sh -ec 'mount --bind "$T/dev" /dev; exec "$@"' sh "$@"
}
@test "a container that has the host's own /dev: no file is left there for its shim" {
  export T OCI_KSM_NO
  OCI_KSM_NO=$(off prctl)
  id=$(cid c)
  mkdir "$T/dev"
  mount -t tmpfs dev "$T/dev"
  cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$T/dev"
  rootfs_host "$T/root"
  bundle "$T/c" "$T/root" -a oci-ksm/mode=preload -- /usr/bin/python3 -u -c "$(program 1)"
  # The shim's place is /run then.
  bundle_edit "$T/c" '.mounts |= map(select(.destination | startswith("/dev") | not)) + [{destination: "/dev", type: "bind", source: $dev, options: ["bind"]},
    {destination: "/run", type: "tmpfs", source: "tmpfs"}]' --arg dev "$T/dev"
  oci_start wrapper-crun "$T/c" "$id"
  PID=$(oci_pid crun "$id")
  wait_for 20 grep -q ready "$T/$id.out"
  assert_shim "$PID"
  run -0 as_host "$BIN/oci-ksm" disable "$id"
  assert_equal "$(marked "$PID")" 0
  refute_exists "$T/dev/oci-ksm.off"
  # Where the same folder is not the host's there is one, and it goes again.
  run -0 disable "$id"
  assert_exists "$T/dev/oci-ksm.off"
  if lacks madvise; then
    refused_without_ksm enable --mode=regions "$id"
    return
  fi
  run -0 enable --mode=regions "$id"
  refute_exists "$T/dev/oci-ksm.off"
}

@test "oci-ksmd marks nothing of what is switched off" {
  if ! notifies; then
    unnotified
    return
  fi
  notify_begin
  RUNTIME=wrapper-crun
  start c "$(program 1 "time.sleep(0.02)
    if os.path.exists('/tmp/grow'): os.remove('/tmp/grow'); keep = globals().setdefault('keep', []); keep.append(new(4))")" -a oci-ksm/mode=notify -a oci-ksm/min-size=128K
  id=$(cid c)
  is_marked() { [ "$(marked "$PID")" -gt 0 ]; }
  wait_for 10 is_marked
  run -0 disable "$id"
  grow() { touch "$T/root/tmp/grow" && wait_for 10 eval '[ ! -e "$T/root/tmp/grow" ]'; }
  grow
  grow
  grow
  # What it does for another one that maps memory now, it would have done for this one before.
  off=$PID
  start d "$(program 4)" -a oci-ksm/mode=notify -a oci-ksm/min-size=128K
  wait_for 10 is_marked
  PID=$off
  assert_equal "$(marked "$PID")" 0
  if lacks madvise; then
    refused_without_ksm enable --mode=regions "$id"
    assert_equal "$(marked "$PID")" 0
    return
  fi
  run -0 enable --mode=regions "$id"
  is_marked
  before=$(marked "$PID")
  grow
  grown() { [ "$(grep -A30 '^[0-9a-f]*-[0-9a-f]* rw-p 00000000 00:00 0 *$' "/proc/$PID/smaps" | awk '/^Size:/ { s = $2 } /^VmFlags:.* mg/ { n += s } END { print n + 0 }')" -ge $((17 * 1024)) ]; }
  wait_for 10 grown
}

# vanishes SECONDS COMMAND: container c is deleted so long after `oci-ksm COMMAND` of it has begun
vanishes() {
  local pid status=0
  "$BIN/oci-ksm" "$2" "$(cid c)" > "$T/$2.out" 2>&1 < /dev/null 3>&- &
  pid=$!
  sleep "$1"
  oci crun delete -f "$(cid c)"
  wait "$pid" || status=$?
  [ "$status" -le 1 ] || fail "$2: status $status" "$(cat "$T/$2.out")"
}
@test "a container that vanishes halfway is no fault of ours" {
  ksm_begin
  start c "$(program 64 'os.fork() if i < 3 else time.sleep(100)')"
  id=$(cid c)
  if lacks madvise; then
    unmergeable "$id"
    return
  fi
  vanishes 0 enable
  start c "$(program 64 'os.fork() if i < 3 else time.sleep(100)')"
  run -0 enable "$id"
  wait_scans 1
  vanishes 0.1 disable
  # Another one with the same name is not the one that was switched.
  start c "$(program 1)"
  run -0 enable "$id"
  assert_equal "$(jq -r .pid "$STATE/switched/$id.json")" "$PID"
}
