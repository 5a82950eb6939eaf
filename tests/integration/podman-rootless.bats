#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman-rootless.bats: podman of an ordinary user, with what the administrator has installed, and the mode auto.
# bats file_tags=podman
load lib
load hostside
load podman-life
load readme
load podman-user
load notify

setup_file() {
  user_begin
  life_images
}
teardown_file() { user_end; }

setup() {
  test_begin
  unset OCI_KSM_SETTINGS # the defaults are used
  LOG=$USER_RUN/oci-ksm/log STATE=$USER_RUN/oci-ksm
  rm -f "$LOG"
}
teardown() {
  touch "$P/home/stop"
  [ -z "${CHURN:-}" ] || wait "$CHURN" || true
  rm "$P/home/stop"
  podman pod rm --all --force --time 0 > /dev/null
  podman rm --all --force --time 0 > /dev/null
  notify_end
  test_end
}

# What the unit would start.
@test "the commands of README.md" {
  readme_units "$P/units"
  printf 'setsid oci-ksmd > /dev/null 2>&1 &\ntimeout 30 sh -c "until grep -q oci-ksmd %s; do sleep 0.05; done"\n' "$LOG" > "$P/units/oci-ksmd.socket.unit"
  T=$P run readme_run 'podman without root' as_user PATH="$P/units:$PATH:/usr/local/bin" sh
  assert_status 0
  user_helper_found
  assert_contains "$output" 'merging: hello'
  assert_contains "$output" 'notified: hello'
  assert_log_lines 1 'oci-ksm-hook.* info: merging by notify'
}

@test "a device of CDI" {
  mkdir -p /etc/cdi
  cp /usr/local/share/oci-ksm/cdi/oci-ksm.json /etc/cdi/
  podman run -d --name x --device oci-ksm.dev/merge=auto small "${SLEEP[@]}"
  assert_merges "$(pid_of x)"
  podman stop --time 0 x
  run podman diff x
  assert_output ''
}
@test "a container that did not ask has nothing of ours" { life_untouched; }
@test "run: output, errors and status are the program's own" { life_run; }
@test "create, start, restart, stop, kill: merging each time, without a trace" { life_again; }
@test "a restart policy and a volume with the container's name" { life_policy; }
@test "a pod: its containers as they wish, its pause container never" { life_pod; }
@test "a pod with oci-ksm-runtime" { life_pod --runtime ksm; }
@test "the user's own containers, by name: status, top, metrics, disable, enable; also while others come and go" {
  podman run -d --name x "${AUTO[@]}" --security-opt seccomp=unconfined small "${SLEEP[@]}"
  assert_merges "$(pid_of x)"
  id=$(podman inspect --format '{{.Id}}' x)
  as_user sh -c 'until [ -e stop ]; do podman run --rm --annotation oci-ksm/mode=auto small true; done' > "$P/log/churn" 2>&1 3>&- &
  CHURN=$!
  for _ in 1 2 3; do
    run --separate-stderr -0 as_user oci-ksm status --json
    assert_equal "$stderr$(jq -c --arg id "$id" '.containers[] | select(.id == $id) | [.processes, .anonymous > 0]' <<< "$output")" '[1,true]'
    run --separate-stderr -0 as_user oci-ksm top --batch --json --count=1
    assert_equal "$stderr$(jq -c --arg id "$id" '.containers[] | select(.id == $id) | .processes' <<< "$output")" 1
    run --separate-stderr -0 as_user oci-ksm metrics
    assert_equal "$stderr$(grep -cxF "oci_ksm_container_processes{id=\"$id\"} 1" <<< "$output")" 1
    run -0 as_user oci-ksm disable x
    refute_merges "$(pid_of x)"
    run -0 as_user oci-ksm enable x
    assert_merges "$(pid_of x)"
  done
  touch "$P/home/stop"
  wait "$CHURN"
  assert_equal "$(cat "$P/log/churn")" ''
  run --separate-stderr -0 as_user oci-ksm estimate --json x
  assert_equal "$stderr$(jq -c '[.frames, .targets[0].target, .together.processes]' <<< "$output")" "[\"guessed\",\"$id\",1]"
  # Who is not root cannot call in the name of a program with a filter of system calls.
  podman run -d --name filtered "${AUTO[@]}" small "${SLEEP[@]}"
  run -1 as_user oci-ksm disable filtered
  assert_contains "$output" ': 1 process left alone: seccomp filters that we cannot pass'
  assert_merges "$(pid_of filtered)"
}

# Who is not root sees no numbers of frames, and opens files of subordinate users' processes only within their user namespace.
@test "the user's own containers, also of other users in them: estimate says what it says to root" {
  podman run -d --name root small "${SLEEP[@]}"
  podman run -d --name sub --user 1000 small "${SLEEP[@]}"
  podman run -d --name keep --userns=keep-id small "${SLEEP[@]}"
  assert_equal "$(stat -c %u "/proc/$(pid_of sub)")" 200999
  mapfile -t pids < <(for name in root sub keep; do pid_of "$name"; done)
  # They did not ask for merging, so nothing changes meanwhile.
  run --separate-stderr -0 as_user oci-ksm estimate --json --interval=0.1 "${pids[@]}"
  counted=$("$BIN/oci-ksm" estimate --json --interval=0.1 "${pids[@]}")
  figures='[.targets[] | [.processes, .mapped, .anonymous, .saved, .unread]]'
  assert_equal "$stderr$(jq -c "$figures" <<< "$output")" "$(jq -c "$figures" <<< "$counted")"
  assert_equal "$(jq -c '[.frames, .together.processes, .together.saved > 0]' <<< "$output$counted")" '["guessed",3,true]
["counted",3,true]'
  run --separate-stderr -1 as_user oci-ksm estimate $$
  assert_equal "$output$stderr" "oci-ksm: process $$: its memory may not be read, leaving it out
oci-ksm: none of these processes may be read: Permission denied"
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
