#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# notify-hostile.bats: programs that attack the helper which marks their memory, and through it their neighbours.
load lib
load notify

setup() {
  HOSTILE=$BUILD/tests/workloads/hostile
  test_begin
  notify_begin OCI_KSM_NO=prctl
}
teardown() {
  notify_containers_end
  notify_end
  test_end
}

# hostile ARGS...: under notify, in the background.
hostile() {
  background "$BIN/oci-ksm" run --mode=notify --required -- "$HOSTILE" "$@"
  wait_for 20 grep -q ready "$T/background.out"
}
# neighbour_is_marked SECONDS: what another program maps meanwhile.
neighbour_is_marked() {
  background "$BIN/oci-ksm" run --mode=notify --required -- "$BUILD/tests/workloads/static"
  wait_for 20 grep -q ready "$T/background.out"
  MARKED_WITHIN=$1 assert_all_marked 65536 "$BACKGROUND_PID"
}

@test "no thread is ever without its filters" {
  run timeout 20 "$BIN/oci-ksm" run --mode=notify --required -- "$HOSTILE" filter 8
  assert_output 0
}

