#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# docker.bats: a real dockerd with the runtime `ksm`, which README.md's commands have switched on: containers that are started by it merge,
# others have nothing of ours.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load engines
load notify
load readme
load docker

setup_file() {
  engine_begin
  engine_install
  docker_begin
  engine_images "$E"
  for image in static musl python; do
    docker load --quiet --input "$E/$image.tar"
  done
  docker tag localhost/python python
  # What `systemctl reload docker` does; the daemon says when it has.
  readme_units "$E/units"
  printf '[ "$1" = reload ]\nkill -HUP %s\nuntil grep -q "Reloaded configuration" %s; do sleep 0.05; done\n' "$DOCKERD" "$E/log/docker" > "$E/units/docker.unit"
  T=$E readme_run docker in_engine env PATH="$E/units:$PATH" sh > "$E/log/readme" 2>&1 || fail "$(cat "$E/log/readme")"
}
teardown_file() {
  docker_end
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
  docker_clean
  notify_end
  test_end
}

MAPS=(python3 -c 'print("libksm_preload.so" in open("/proc/self/maps").read())')
PRELOAD=(--runtime ksm --network host --env OCI_KSM_MODE=preload)

@test "the commands of README.md: the runtime is there, and not the default" {
  assert_contains "$(cat "$E/log/readme")" 'merging: hello'
  assert_equal "$(docker info --format '{{.DefaultRuntime}} {{(index .Runtimes "ksm").Path}}')" "runc /usr/local/bin/oci-ksm-runtime"
}

@test "run with the shim: output and status are the program's, a preset LD_PRELOAD stays first, exec has it too" {
  run docker run --rm "${PRELOAD[@]}" localhost/python "${MAPS[@]}"
  assert_status 0
  assert_output True
  run docker run --rm "${PRELOAD[@]}" localhost/python sh -c 'exit 7'
  assert_status 7
  own=/lib/x86_64-linux-gnu/libm.so.6
  docker create "${PRELOAD[@]}" --env LD_PRELOAD=$own --name one localhost/python /workloads/python
  docker start one
  for _ in 1 2; do
    wait_for 30 engine_ready docker one
    pid=$(docker_pid one)
    assert_shim "$pid"
    grep -q "$own" "/proc/$pid/maps"
    assert_equal "$(tr '\0' '\n' < "/proc/$pid/environ" | grep ^LD_PRELOAD)" "LD_PRELOAD=$own:/dev/oci-ksm/not-libasan.so/\$LIB/libksm_preload.so"
    run docker exec one "${MAPS[@]}"
    assert_output True
    docker restart --time 0 one
  done
}

@test "stop, start, restart, kill: each start is merged anew, and no trace is in the image" {
  docker run --detach "${PRELOAD[@]}" --name one localhost/python python3 -c 'import signal; signal.pause()'
  docker run --detach --network host --name plain localhost/python sleep 1000
  for _ in 1 2; do
    wait_for 30 engine_loaded "$(docker_pid one)"
    assert_equal "$(engine_records)" "$(docker inspect --format '{{.Id}}' one)"
    docker stop --time 0 one
    docker start one
    wait_for 30 engine_loaded "$(docker_pid one)"
    docker kill one
    docker start one
    docker restart --time 0 one
  done
  docker stop --time 0 one plain
  assert_equal "$(docker diff one)" "$(docker diff plain)"
  assert_equal "$(engine_records)" ""
  refute_contains "$(cat "$LOG")" warning
}
engine_loaded() { grep -q libksm_preload.so "/proc/$1/maps"; }

@test "the variable OCI_KSM_MODE chooses: off, notify (which docker's profiles cannot name), and what is unknown" {
  engine_helper
  docker run --detach --runtime ksm --network host --env OCI_KSM_MODE=off --name off localhost/python "${MAPS[@]}"
  assert_equal "$(docker wait off) $(docker logs off)" "0 False"
  assert_log_lines 0
  docker run --detach --runtime ksm --network host --env OCI_KSM_MODE=notify --name one localhost/static /workloads/static
  wait_for 30 engine_ready docker one
  pid=$(docker_pid one)
  if notifies; then
    assert_log_lines 1 'merging by notify: notify was asked for'
    assert_equal "$(engine_hello containers)" 1
    assert_equal "$(grep -c "^Seccomp_filters:.*[1-9]" "/proc/$pid/status")" 1
    assert_all_marked 65536 "$pid"
  else
    assert_log_lines 1 'warning: merging by preload: notify is not possible: '
    refute_equal "$("$NOTIFY_TOOL" unmarked 65536 "$pid")" ''
  fi
  run docker exec one echo here
  assert_output here
  docker restart --time 0 one
  if notifies; then wait_for 30 engine_notified 1; fi
  docker rm --force one
  if notifies; then wait_for 30 engine_notified 0; fi
  docker run --rm --runtime ksm --network host --env OCI_KSM_MODE=perhaps localhost/static echo runs
  assert_log_lines 1 'OCI_KSM_MODE: .*perhaps'
}

@test "by the names that docker gives: estimate, status" {
  docker run --detach --network host --name web localhost/static sleep 1000
  docker run --detach --runtime ksm --network host --env OCI_KSM_MODE=preload --name web-2 localhost/static sleep 1000
  run -0 "$BIN/oci-ksm" estimate --json --interval=0 web web-2
  assert_equal "$(jq -c '[.targets[] | [.name, .processes, .target]]' <<< "$output")" \
    "$(jq -nc --arg a "$(docker inspect --format '{{.Id}}' web)" --arg b "$(docker inspect --format '{{.Id}}' web-2)" '[["web", 1, $a], ["web-2", 1, $b]]')"
  assert_equal "$(in_engine "$BIN/oci-ksm" status --json web-2 | jq -c '[.containers[] | [.name, .processes]]')" '[["web-2",1]]'
}

@test "a container that did not opt in is untouched" {
  engine_untouched docker static
  engine_untouched docker musl
  engine_untouched docker python
  assert_log_lines 0
}

@test "of a static program's duplicates 95 % are merged" { engine_share docker static; }
@test "of a musl program's duplicates 95 % are merged" { engine_share docker musl; }
@test "of python3's duplicates 95 % are merged" { engine_share docker python; }

@test "many starts and stops at a time: none fails, nothing is left" { engine_starts docker; }
