#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# probes: prctl madvise
# switch-fork.bats: oci-ksm enable and disable, for processes that share memory by fork.
load lib
load switch

# start_family NAME: a container of four processes that share their memory by fork: $FAMILY, of which the first is $PID.
start_family() {
  start "$1" "$(program 16 'os.fork() if i < 3 else time.sleep(100)')"
  forked() { [ "$(pgrep --ns "$PID" --nslist pid | wc -l)" -ge 4 ]; }
  wait_for 10 forked
  mapfile -t FAMILY < <(pgrep --ns "$PID" --nslist pid)
}

# on_and_off MODE: all of a family
on_and_off() {
  local mode=$1 id child
  ksm_begin
  start_family c
  id=$(cid c)
  if lacks madvise; then
    unmergeable "$id" --mode="$mode"
    return
  fi
  assert_equal "$(marked "$PID")" 0
  run --separate-stderr -0 enable --mode="$mode" --json "$id"
  holds ".container == \"$id\" and .merging and .processes == 4 and .changed == 4 and (.left_alone | add) == 0 and .anonymous > 4 * 16 * 1048576"
  assert_equal "$(jq -c '[.version, .id, .merging, .by, .retry_at]' "$STATE/switched/$id.json")" "[1,\"$id\",true,\"operator\",0]"
  assert_equal "$(jq -r .pid "$STATE/switched/$id.json")" "$PID"
  assert_exists "$(jq -r .cgroup "$STATE/switched/$id.json")/cgroup.procs"
  wait_scans 2
  for child in "${FAMILY[@]}"; do
    wait_for 30 merged_at_least "$child" 3000
  done
  run --separate-stderr -0 enable --mode="$mode" --json "$id"
  holds '.processes == 4 and .changed == 0'
  run --separate-stderr -0 disable --json "$id"
  assert_equal "$stderr" ''
  holds '(.merging | not) and .processes == 4 and .changed == 4 and .merged == 0 and .separated >= 4 * 3000 * 4096'
  assert_equal "$(jq -c '[.merging, .by]' "$STATE/switched/$id.json")" '[false,"operator"]'
  for child in "${FAMILY[@]}"; do
    assert_equal "$(marked "$child")" 0
    grep -q 'merge_any: yes' "/proc/$child/ksm_stat" && fail "process $child still marks what it maps"
  done
  assert_equal "$(census "${FAMILY[@]}")" 0
  run -0 disable "$id"
  assert_equal "$output" "$id: merging off: 4 processes, 0B separate again, 0B merged still"
  # Stopped: nobody remembers it.
  oci crun delete -f "$id"
  run -1 disable "$id"
  assert_contains "$output" "container $id: No such process"
}

@test "a container with forked processes, on and off" { on_and_off auto; }
@test "region by region, on and off" { on_and_off regions; }

# off_with_relatives NAME [command to run oci-ksm with]: pages that fork has shared are merged in the name of one process, and are so in the others.
off_with_relatives() {
  local id pid
  start_family "$1"
  id=$(cid "$1")
  shift
  if lacks madvise; then
    unmergeable "$id"
    return
  fi
  run -0 enable "${FAMILY[3]}"
  wait_for 30 merged_at_least "${FAMILY[3]}" 4000
  for pid in "${FAMILY[@]:0:3}"; do
    assert_equal "$(marked "$pid")" 0
  done
  [ "$(census "$PID")" -gt 0 ] || fail "nothing of the first process is merged"
  run --separate-stderr -0 "$@" "$BIN/oci-ksm" disable --json "$id"
  holds '.processes == 4 and .changed == 1 and .merged == 0 and (.left_alone | add) == 0'
  assert_equal "$(census "${FAMILY[@]}")" 0
  for pid in "${FAMILY[@]}"; do
    assert_equal "$(marked "$pid")" 0
    run grep -qs 'merge_any: yes' "/proc/$pid/ksm_stat"
    assert_status 1
  done
}
@test "what fork has shared with a process that merges is separate afterwards" {
  ksm_begin
  off_with_relatives root
  off_with_relatives blind setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin
}
