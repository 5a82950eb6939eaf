#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# containerd.bats: a real containerd, driven through its CRI as kubelet does, with the runtime handler `ksm` (over runc), which README.md's
# commands have switched on, and `ksm-crun` (over crun).
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load engines
load notify
load readme
load cri

setup_file() {
  engine_begin
  engine_install
  cri_begin
  in_engine sh -c 'sed "s/runtimes.ksm/&-crun/; s/-runc\"/-crun\"/" /usr/local/share/oci-ksm/containerd/config-v2.toml >> /etc/containerd/config.toml'
  # Twice: the second time changes nothing.
  for n in 1 2; do
    T=$E readme_run 'containerd, Kubernetes' in_engine env PATH="$E/units:$PATH" sh > "$E/log/readme" 2>&1 || fail "$(cat "$E/log/readme")"
    in_engine cat /etc/containerd/config.toml > "$E/log/config.$n"
  done
  cmp "$E/log/config.1" "$E/log/config.2" || fail 'the second time it was changed again'
  engine_images "$E"
  cri_images static musl python
}
teardown_file() {
  cri_end
  engine_end
}
setup() {
  test_begin
  unset OCI_KSM_SETTINGS # the installed ones are used
  LOG=$E/log/oci-ksm STATE=/run/oci-ksm
  : > "$LOG"
}
teardown() {
  copies_end
  cri_clean
  notify_end
  test_end
}

MAPS=(python3 -c 'print("libksm_preload.so" in open("/proc/self/maps").read())')

@test "pod, container, exec, stop, remove, over runc and over crun" {
  for handler in ksm ksm-crun; do
    : > "$LOG"
    cri_pod $handler one python oci-ksm/mode=preload -- /workloads/python
    wait_for 30 engine_ready cri one
    assert_shim "$(cri_pid one)"
    assert_log_lines 1 'merging by preload: preload was asked for'
    assert_log_lines 1
    run cri exec one "${MAPS[@]}"
    assert_output True
    run cri exec one sh -c 'exit 7'
    assert_status 7
    assert_equal "$(engine_records | wc -l)" 1
    cri stop one
    assert_equal "$(cri info one | jq -r .status.state)" CONTAINER_EXITED
    cri remove one
    assert_equal "$(engine_records)" ""
  done
}

@test "annotations of pods reach the containers, and no others" {
  cri_pod ksm one static oci-ksm/mode=off example.org/other=1 -- /workloads/static
  assert_equal "$(cri info one | jq -c '.config.annotations | [."oci-ksm/mode", ."example.org/other"]')" '["off",null]'
  assert_log_lines 0
  run cri_pod ksm two static oci-ksm/mode=perhaps oci-ksm/required=true -- /workloads/static
  refute_equal "$status" 0
  assert_contains "$output" 'oci-ksm: annotation oci-ksm/mode: unknown mode "perhaps"'
}

# domain_from VALUE: in the engine's settings; null takes it out
domain_from() {
  # shellcheck disable=SC2016
  in_engine sh -euc 'jq --argjson value "$1" ".domain_from = \$value | del(.[] | nulls)" /etc/oci-ksm/oci-ksm.json > /run/settings
    cat /run/settings > /etc/oci-ksm/oci-ksm.json; rm /run/settings' sh "$1"
}

@test "the trust domain is the namespace of the pod, if the settings say so, whatever the pod says" {
  domain_from '"namespace"'
  CRI_NAMESPACE=shop cri_pod ksm one static oci-ksm/domain=bank -- /workloads/static
  CRI_NAMESPACE=bank cri_pod ksm two static -- /workloads/static
  CRI_NAMESPACE=shop cri_pod ksm-crun three static -- /workloads/static
  domain_from null
  assert_equal "$(in_engine sh -c 'cat /run/oci-ksm/containers/*.json' | jq -sc 'map([.mode == "off", .domain]) | sort')" '[[false,"shop"],[false,"shop"],[true,"bank"]]'
  assert_log_lines 1 'annotation oci-ksm/domain: not taken, because the settings have domain_from'
  assert_log_lines 1 'its trust domain is "bank", and that of the containers that merge now is "shop"'
}

@test "the pause container is left alone, whatever the pod asks for" {
  for mode in preload process notify; do
    cri_pod ksm "$mode" static "oci-ksm/mode=$mode" -- /workloads/static
    assert_equal "$(cri info --pod "$mode" | jq -c '.config.annotations | [."oci-ksm/mode", ."io.kubernetes.cri.container-type"]')" "[\"$mode\",\"sandbox\"]"
    pid=$(cri info --pod "$mode" | jq .pid)
    assert_equal "$(tr '\0' ' ' < "/proc/$pid/cmdline")" '/bin/sleep 1000000 '
    assert_equal "$(grep -cE '^VmFlags:.* mg( |$)' "/proc/$pid/smaps")" 0
    assert_equal "$(grep -sE '^ksm_merge_any: *yes' "/proc/$pid/ksm_stat")" ""
    refute_contains "$(awk '{ print $5 }' "/proc/$pid/mountinfo") $(tr '\0' ' ' < "/proc/$pid/environ")" ksm
  done
  # Each pod is two containers.
  assert_equal "$(engine_records | wc -l)" 3
}

@test "notify: the helper hears of the container, of each exec session, and not of the pause container" {
  engine_helper
  cri_pod ksm one static oci-ksm/mode=notify -- /workloads/static
  cri_pod ksm-crun two static oci-ksm/mode=notify -- /workloads/static
  for name in one two; do
    wait_for 30 engine_ready cri "$name"
    if notifies; then
      assert_all_marked 65536 "$(cri_pid "$name")"
    else
      refute_equal "$("$NOTIFY_TOOL" unmarked 65536 "$(cri_pid "$name")")" ''
    fi
    run cri exec "$name" echo here
    assert_output here
  done
  if ! notifies; then
    assert_log_lines 2 'warning: merging by preload: notify is not possible: '
    cri_remove one
    cri_remove two
    return
  fi
  assert_log_lines 2 'merging by notify: notify was asked for'
  engine_notified 2
  cri_remove one
  wait_for 30 engine_notified 1
  cri_remove two
  wait_for 30 engine_notified 0
}

@test "containerd is restarted while containers run: they are the same, and can be entered, stopped and removed" {
  cri_pod ksm one python oci-ksm/mode=preload -- /workloads/python
  cri_pod ksm-crun two static -- /workloads/static
  before="$(cri_pid one) $(cri_pid two)"
  cri_unit restart
  assert_equal "$(cri_pid one) $(cri_pid two)" "$before"
  run cri exec one "${MAPS[@]}"
  assert_output True
  cri_pod ksm three static -- /workloads/static
  assert_equal "$(engine_records | wc -l)" 3
  for name in one two three; do
    cri_remove $name
  done
  assert_equal "$(engine_records)" ""
  assert_log_lines "$(if as_a_whole; then echo 0; else echo 2; fi)" warning # of the static ones
}

@test "a container that did not opt in is untouched" {
  engine_untouched cri static
  engine_untouched cri musl
  engine_untouched cri python
  assert_log_lines 0
}

@test "of a static program's duplicates 95 % are merged, over runc" { engine_share cri static; }
@test "of a static program's duplicates 95 % are merged, over crun" { CRI_HANDLER=ksm-crun engine_share cri static; }
@test "of a musl program's duplicates 95 % are merged" { engine_share cri musl; }
@test "of python3's duplicates 95 % are merged" { engine_share cri python; }

@test "many starts and stops at a time: none fails, nothing is left" {
  OCI_KSM_STARTS=$((OCI_KSM_STARTS / 2))
  engine_starts cri
  CRI_HANDLER=ksm-crun engine_starts cri
}
