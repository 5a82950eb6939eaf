#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-share.bats: as share.bats, for the notify mode alone: no shim is in these containers. By marks, as on kernels that cannot
# do it for a whole process, and with the whole-process way.
load lib
load copies
load notify

teardown() {
  copies_end
  notify_end
  test_end
}

# share WORKLOAD RUNTIME [NAME=VALUE of oci-ksmd]: in percent.
share() {
  local workload=$1 runtime=$2 figures pids
  shift 2
  if ! notifies; then unnotified; return; fi
  notify_begin "$@"
  copies_begin
  copies_start "$COPIES_COUNT" "$workload" "wrapper-$runtime" -a oci-ksm/mode=notify
  pids=$(copies_pids)
  for pid in $pids; do
    refute_shim "$pid"
  done
  notify_serves "$COPIES_COUNT"
  # shellcheck disable=SC2086 # a list
  assert_all_marked 65536 $pids
  # shellcheck disable=SC2046,SC2086
  assert_equal "$(grep -h merge_any $(printf '/proc/%s/ksm_stat ' $pids) | sort | uniq -c | xargs)" \
    "$COPIES_COUNT ksm_merge_any: $(if [ $# -eq 0 ] && as_a_whole; then echo yes; else echo no; fi)"
  figures=$(copies_merge)
  jq -r --arg w "$workload" --arg how "$runtime${1:+, $1}" 'def mib: . / 1048576 | round;
    "# \($w) (\($how)): \(.share * 1000 | round / 10) % of \(.before.duplicates | mib) MiB merged" +
    " (\(.after.duplicates | mib) MiB left; \(.before.frames | mib) MiB anonymous, \(.scans) scans in \(.seconds) s)"' <<< "$figures" >&3
  assert_equal "$(jq -c '[.settled, .share >= 0.95]' <<< "$figures")" '[true,true]'
}

@test "static C by marks, crun" { share static crun OCI_KSM_NO=prctl; }
@test "static C by marks, runc" { share static runc OCI_KSM_NO=prctl; }
@test "busybox-static by marks, crun" { share busybox crun OCI_KSM_NO=prctl; }
@test "Go without cgo by marks, crun" { share go crun OCI_KSM_NO=prctl; }
@test "Go without cgo by marks, runc" { share go runc OCI_KSM_NO=prctl; }
@test "python3 by marks, crun" { share python crun OCI_KSM_NO=prctl; }
@test "java by marks, crun" { share java crun OCI_KSM_NO=prctl; }

@test "static C as whole processes, crun" { share static crun; }
@test "static C as whole processes, runc" { share static runc; }
@test "busybox-static as whole processes, crun" { share busybox crun; }
@test "Go without cgo as whole processes, crun" { share go crun; }
@test "python3 as whole processes, crun" { share python crun; }
@test "java as whole processes, crun" { share java crun; }
@test "python3 as whole processes, runc" { share python runc; }
