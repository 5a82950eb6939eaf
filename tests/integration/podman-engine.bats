#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman-engine.bats: podman of root with what is installed, and the mode auto.
# bats file_tags=podman
load lib
load hostside
load podman-life
load readme

setup_file() {
  podman_begin
  life_images
  podman_install /usr/local
}
teardown_file() { podman_end; }

setup() { podman_test_begin; }
teardown() { podman_test_end; }

@test "the commands of README.md" {
  T=$P run -0 readme_run podman env CONTAINERS_STORAGE_CONF="$CONTAINERS_STORAGE_CONF" sh
  assert_contains "$output" 'merging: hello'
  assert_contains "$output" 'by the runtime: hello'
  assert_log_lines 1 'oci-ksm-hook.* info: merging by'
  assert_log_lines 1 'oci-ksm-runtime.* info: merging by'
}
@test "a container that did not ask has nothing of ours" { life_untouched; }
@test "run: output, errors and status are the program's own" { life_run; }
@test "create, start, restart, stop, kill: merging each time, without a trace" { life_again; }
@test "a restart policy and a volume with the container's name" { life_policy; }
@test "a pod: its containers as they wish, its pause container never" { life_pod; }
@test "a pod with oci-ksm-runtime" { life_pod --runtime ksm; }

@test "by the names that podman gives: estimate, status" {
  podman run -d --name web small "${SLEEP[@]}"
  podman run -d --rm --name web-2 --annotation oci-ksm/mode=preload small "${SLEEP[@]}"
  web=$(podman inspect --format '{{.Id}}' web)
  run -0 "$BIN/oci-ksm" estimate --json --interval=0 web web-2
  assert_equal "$(jq -c '[.targets[] | [.name, .processes]]' <<< "$output")" '[["web",1],["web-2",1]]'
  assert_equal "$(jq -r '.targets[0].target' <<< "$output")" "$web"
  assert_equal "$("$BIN/oci-ksm" status --json web-2 | jq -c '[.containers[] | [.name, .processes]]')" '[["web-2",1]]'
  run -0 "$BIN/oci-ksm" estimate --json --interval=0 "${web:0:12}"
  assert_equal "$(jq -r '.targets[0].name' <<< "$output")" web
  run -1 "$BIN/oci-ksm" estimate we
  # Another's that is called as podman calls one.
  rootfs_busybox "$T/root"
  bundle "$T/bundle" "$T/root" -- sleep 1000
  bundle_edit "$T/bundle" '.linux.cgroupsPath = "/web"'
  oci_start crun "$T/bundle" "$(cid web)"
  run -1 "$BIN/oci-ksm" estimate web
  assert_contains "$output" "web stands for several, one a cgroup: ${web:0:12} (web)"
  oci_stop crun "$(cid web)"
}

@test "exec, with hooks alone: programs with glibc, in the mode preload" { life_exec_hooks; }
@test "exec, with oci-ksm-runtime: every program" { life_exec_runtime; }
@test "static: what copies have in common is merged" { engine_share podman static; }
@test "musl: what copies have in common is merged" { engine_share podman musl; }
@test "python: what copies have in common is merged" { engine_share podman python; }
@test "static, musl and python that did not ask" {
  for name in static musl python; do engine_untouched podman $name; done
}
@test "starts in parallel, and nothing is left" { engine_starts podman; }
