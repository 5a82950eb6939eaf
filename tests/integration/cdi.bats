#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cdi.bats: merging as a device, --device oci-ksm.dev/merge=MODE, for engines with the Container Device Interface; here podman.
# bats file_tags=podman
load lib
load hostside
load podman-life
load readme

setup_file() {
  podman_begin
  life_small
  "$TOP/tests/images/workload" python "$P/python"
  podman_load python "$P/python"
  podman_install /usr/local
  # Only what is asked for here: the hooks that podman finds by annotations are another way.
  rm /etc/containers/containers.conf.d/oci-ksm.conf /etc/containers/oci/hooks.d/oci-ksm-*.json
  T=$P readme_run CDI env CONTAINERS_STORAGE_CONF="$CONTAINERS_STORAGE_CONF" sh > "$P/log/readme" 2>&1 || fail "$(cat "$P/log/readme")"
}
teardown_file() { podman_end; }

setup() { podman_test_begin; }
teardown() { podman_test_end; }

# device NAME [MODE]
device() { podman run -d --name "$1" --device "oci-ksm.dev/merge=${2:-auto}" "${@:3}" small "${SLEEP[@]}"; }
# variables NAME: what the container's first process has, but for what podman makes up.
variables() { tr '\0' '\n' < "/proc/$(pid_of "$1")/environ" | grep -vE '^(HOSTNAME|TERM|container|HOME|PATH|OCI_KSM_NO)=' | sort; }
# validity: for each line of JSON on stdin, whether it is valid by the schema.
validity() {
  /usr/bin/python3 -c 'import json, jsonschema, sys
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
for line in sys.stdin:
    print("valid" if jsonschema.Draft7Validator(schema).is_valid(json.loads(line)) else "fault")' "$TOP/tests/integration/cdi.schema.json"
}

@test "the commands of README.md" { assert_contains "$(cat "$P/log/readme")" 'merging: hello'; }

@test "the file is as the specification demands, and says what is installed" {
  assert_equal "$(jq -c . /etc/cdi/oci-ksm.json | validity)" valid
  assert_equal "$(jq -c '[.devices[].name]' /etc/cdi/oci-ksm.json)" '["auto","process","preload"]'
  assert_equal "$(jq -r '.containerEdits.hooks[].path' /etc/cdi/oci-ksm.json | uniq)" /usr/local/bin/oci-ksm-hook
  faults='del(.kind), (.kind = "merge"), (.devices = []), (.annotations = {}), (.containerEdits.hooks[0].hookName = "precreate"),
    (.containerEdits.hooks[0].path = "oci-ksm-hook"), (.devices[0].containerEdits.env = ["OCI_KSM_MODE"]), (.devices[0].containerEdits.annotations = {})'
  assert_equal "$(jq -c "$faults" /etc/cdi/oci-ksm.json | validity | uniq -c | xargs)" '8 fault'
}

@test "auto: merging, start after start, without a trace" {
  device x
  assert_merges "$(pid_of x)"
  assert_equal "$(variables x)" OCI_KSM_MODE=auto
  podman stop --time 0 x
  run podman diff x
  assert_output ''
  podman start x
  assert_merges "$(pid_of x)"
  assert_log_lines 2 'info: merging by'
  podman rm --force --time 0 x
  assert_empty_dir "$STATE/containers"
}

@test "preload: programs with glibc, and their own LD_PRELOAD stays as it is" {
  device x preload --env LD_PRELOAD=/lib64/ld-linux-x86-64.so.2
  wait_for 30 assert_shim "$(pid_of x)" 2> /dev/null
  assert_equal "$(variables x)" $'LD_PRELOAD=/lib64/ld-linux-x86-64.so.2\nOCI_KSM_MODE=preload'
  podman stop --time 0 x
  run podman diff x
  assert_output ''
}

@test "process: static programs too" {
  podman run -d --name x --device oci-ksm.dev/merge=process small /bin/static
  if as_a_whole; then
    assert_equal "$(grep -c '^ksm_merge_any: yes' "/proc/$(pid_of x)/ksm_stat")" 1
  else
    refute_merges "$(pid_of x)"
    assert_log_lines 1 "warning: merging by preload: process is not possible: this kernel lacks $(lacking), so preload takes its place"
  fi
}

@test "an annotation has precedence; no device, nothing of ours; an unknown one is podman's error" {
  device off auto --annotation oci-ksm/mode=off
  refute_merges "$(pid_of off)"
  podman run -d --name plain small "${SLEEP[@]}"
  refute_merges "$(pid_of plain)"
  assert_no_ours "$(config plain .)"
  run -126 podman run --rm --device oci-ksm.dev/merge=nothing small true
  assert_contains "$output" 'oci-ksm.dev/merge=nothing'
}
