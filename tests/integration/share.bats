#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# share.bats: how much of what 8 (OCI_KSM_COPIES) containers of one program have in common gets merged: the share of duplicate frames that are
# gone when ksmd has settled. In the mode process; and in the mode preload with the shim's own marks, as on kernels that cannot do it
# for a whole process, and with the whole-process way, where the kernel has it. Beside preload what KSM Preload 0.11 reached
# on the same kinds of programs in an earlier measurement; it is not run here.
load lib
load copies

teardown() {
  copies_end
  test_end
}

# A page merges once it has kept its content for a whole scan. redis changes some all the time, and on a busy machine a scan takes
# long: whoever merges too little is measured anew, twice at most.
# copies_share MINIMUM WHAT REMARK CHECK WORKLOAD RUNTIME [options of bundle]: in percent; CHECK PID looks at each program.
copies_share() {
  local minimum=$1 what=$2 remark=$3 check=$4 figures pid
  shift 4
  for _ in 1 2 3; do
    copies_begin
    copies_start "$COPIES_COUNT" "$@"
    for pid in $(copies_pids); do
      "$check" "$pid"
    done
    figures=$(copies_merge)
    jq -r --arg what "$what" --arg remark "$remark" 'def mib: . / 1048576 | round;
      "# \($what): \(.share * 1000 | round / 10) % of \(.before.duplicates | mib) MiB merged" +
      " (\(.after.duplicates | mib) MiB left; \(.before.frames | mib) MiB anonymous, \(.scans) scans in \(.seconds) s)\($remark)"' <<< "$figures" >&3
    copies_end
    if jq -e ".settled and .share >= $minimum / 100" <<< "$figures" > /dev/null; then return; fi
  done
  fail "$what: too little is merged:" "$figures"
}

# share WORKLOAD MINIMUM THEIRS [-e NAME=VALUE]: with the shim.
share() {
  local workload=$1 minimum=$2 theirs=$3
  shift 3
  copies_share "$minimum" "$workload ${2:-}" "; KSM Preload earlier: $theirs %" assert_shim "$workload" wrapper-crun -a oci-ksm/mode=preload "$@"
}

# share_process WORKLOAD MINIMUM RUNTIME: by the mode process, without a shim.
# Where that cannot be had the shim takes its place, which does not reach Go.
share_process() {
  local minimum=$2 check=assert_process
  if ! as_a_whole; then
    check=assert_shim
    [ "$minimum" -le 95 ] || minimum=95
    if [ "$1" = go ]; then minimum=0 check=assert_unmarked; fi
  fi
  copies_share "$minimum" "$1, process, $3" "" "$check" "$1" "wrapper-$3" -a oci-ksm/mode=process
}
assert_unmarked() { assert_equal "$(grep -cE '^VmFlags:.* mg( |$)' "/proc/$1/smaps")" 0; }
assert_process() {
  refute_shim "$1"
  grep -q 'merge_any: yes' "/proc/$1/ksm_stat"
}

@test "python3 by marks" { share python 95 14 -e "OCI_KSM_NO=$(off prctl)"; }
# bats test_tags=alone
@test "node by marks" { share node 95 0 -e "OCI_KSM_NO=$(off prctl)"; }
@test "java by marks" { share java 95 22 -e "OCI_KSM_NO=$(off prctl)"; }
@test "prometheus by marks" { share prometheus 95 96 -e "OCI_KSM_NO=$(off prctl)"; }
# bats test_tags=alone
@test "redis, while it serves, by marks" { share redis 90 90 -e "OCI_KSM_NO=$(off prctl)"; }

@test "python3 as a whole process" { share python 95 14; }
# bats test_tags=alone
@test "node as a whole process" { share node 95 0; }
@test "java as a whole process" { share java 95 22; }
@test "prometheus as a whole process" { share prometheus 95 96; }
# bats test_tags=alone
@test "redis, while it serves, as a whole process" { share redis 90 90; }

@test "python3, mode process" { share_process python 99 crun; }
# bats test_tags=alone
@test "node, mode process" { share_process node 99 crun; }
@test "java, mode process" { share_process java 99 crun; }
@test "Go without cgo, mode process" { share_process go 95 runc; }
# bats test_tags=alone
@test "redis, while it serves, mode process" { share_process redis 90 crun; }
