#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# share.bats: how much of what 8 containers of one program have in common gets merged: the share of duplicate frames that are
# gone when ksmd has settled. With the shim's own marks, as on kernels that cannot do it for a whole process, and with the
# whole-process way, where the kernel has it. Beside it what KSM Preload 0.11 reached
# on the same kinds of programs in an earlier measurement; it is not run here.
load lib
load copies

teardown() {
  copies_end
  test_end
}

# share WORKLOAD MINIMUM THEIRS [-e NAME=VALUE]: percentages.
share() {
  local workload=$1 minimum=$2 theirs=$3 figures
  shift 3
  copies_begin
  copies_start 8 "$workload" wrapper-crun -a oci-ksm/mode=preload "$@"
  for pid in $(copies_pids); do
    assert_shim "$pid"
  done
  figures=$(copies_merge)
  jq -r --arg w "$workload" --arg how "${2:-}" --arg theirs "$theirs" 'def mib: . / 1048576 | round;
    "# \($w) \($how): \(.share * 1000 | round / 10) % of \(.before.duplicates | mib) MiB merged" +
    " (\(.after.duplicates | mib) MiB left; \(.before.frames | mib) MiB anonymous, \(.scans) scans in \(.seconds) s); KSM Preload earlier: \($theirs) %"' <<< "$figures" >&3
  assert_equal "$(jq -c "[.settled, .share >= $minimum / 100]" <<< "$figures")" '[true,true]'
}

@test "python3 by marks" { share python 95 14 -e OCI_KSM_NO=prctl; }
@test "node by marks" { share node 95 0 -e OCI_KSM_NO=prctl; }
@test "java by marks" { share java 95 22 -e OCI_KSM_NO=prctl; }
@test "prometheus by marks" { share prometheus 95 96 -e OCI_KSM_NO=prctl; }
@test "redis, while it serves, by marks" { share redis 90 90 -e OCI_KSM_NO=prctl; }

@test "python3 as a whole process" { share python 95 14; }
@test "node as a whole process" { share node 95 0; }
@test "java as a whole process" { share java 95 22; }
@test "prometheus as a whole process" { share prometheus 95 96; }
@test "redis, while it serves, as a whole process" { share redis 90 90; }
