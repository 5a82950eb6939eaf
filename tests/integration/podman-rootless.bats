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
  LOG=$USER_RUN/oci-ksm/log STATE=$USER_RUN/oci-ksm SOCKET=$USER_RUN/oci-ksm/notify.sock GROUPS_MADE=()
  rm -f "$LOG"
}
teardown() {
  touch "$P/home/stop"
  [ -z "${CHURN:-}" ] || wait "$CHURN" || true
  rm "$P/home/stop"
  podman pod rm --all --force --time 0 > /dev/null
  podman rm --all --force --time 0 > /dev/null
  for group in "${GROUPS_MADE[@]}"; do wait_for 10 rmdir "$group"; done
  notify_end
  test_end
}

# What the unit would start.
@test "the commands of README.md" {
  readme_units "$P/units"
  printf 'setsid oci-ksmd > /dev/null 2>&1 &\ntimeout 30 sh -c "until grep -q oci-ksmd %s; do sleep 0.05; done"\n' "$LOG" > "$P/units/oci-ksmd.socket.unit"
  T=$P run readme_run 'podman without root' as_user PATH="$P/units:$PATH:/usr/local/bin" sh
  assert_status 0
  assert_contains "$output" 'merging: hello'
  assert_contains "$output" 'notified: hello'
  if lacks notify; then
    assert_log_lines 1 'oci-ksmd.* error: cannot serve: seccomp listeners'
  else
    user_helper_found
  fi
  if notifies; then
    assert_log_lines 1 'oci-ksm-hook.* info: merging by notify'
  else
    assert_log_lines 1 "oci-ksm-hook.* warning: merging by preload: notify is not possible: $(if lacks notify; then echo .; else echo another seccomp listener; fi)"
  fi
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
# Now, whatever its shim has done before.
is_marked() { grep -qs '^ksm_merge_any: yes' "/proc/$1/ksm_stat" || grep -q '^VmFlags:.* mg' "/proc/$1/smaps"; }
assert_marked() { is_marked "$1" || fail "nothing of process $1 is mergeable"; }
refute_marked() { ! is_marked "$1" || fail "process $1 is mergeable" "$(grep -c '^VmFlags:.* mg' "/proc/$1/smaps") regions"; }
# switch_on NAME PID [OPTION of enable]...: by the user; where madvise is forced off it is refused.
switch_on() {
  if lacks madvise; then
    refused_without_ksm as_user oci-ksm enable "${@:3}" "$1"
    refute_marked "$2"
  else
    run -0 as_user oci-ksm enable "${@:3}" "$1"
    assert_marked "$2"
  fi
}

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
    refute_marked "$(pid_of x)"
    switch_on x "$(pid_of x)"
  done
  touch "$P/home/stop"
  wait "$CHURN"
  assert_equal "$(cat "$P/log/churn")" ''
  run --separate-stderr -0 as_user oci-ksm estimate --json x
  assert_equal "$stderr$(jq -c '[.frames, .targets[0].target, .together.processes]' <<< "$output")" "[\"guessed\",\"$id\",1]"
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

# profile NAME [FILTER]: podman's own profile, changed: podman run --security-opt seccomp=NAME
profile() { jq "$2" /usr/share/containers/seccomp.json > "$P/home/$1"; }
# of_calls ACTION NAME...: the filter of jq by which a profile answers these calls so
of_calls() { printf '.syscalls |= map(.names -= %s) + [{names: %s, action: "%s"}]' "$(names "${@:2}")" "$(names "${@:2}")" "$1"; }
# names TEXT...: a list of JSON.
names() { jq -nc '$ARGS.positional' --args -- "$@"; }
# start NAME PROFILE PROGRAM...: a container that has not asked; $PID. Its cgroup is made here, with the name that podman gives it
# where cgroups are delegated.
start() {
  local group=/sys/fs/cgroup/cpuacct
  [ -d "$group" ] || group=/sys/fs/cgroup
  install -d "$P/home/bin"
  cp -u "$BUILD"/tests/workloads/{hostile,pages} "$P/home/bin/"
  podman run -d --name "$1" --security-opt "seccomp=$2" --security-opt no-new-privileges --volume "$P/home/bin:/programs:ro" small "${@:3}"
  PID=$(pid_of "$1")
  GROUPS_MADE+=("$group/libpod-$(podman inspect --format '{{.Id}}' "$1").scope")
  mkdir "${GROUPS_MADE[-1]}"
  echo "$PID" > "${GROUPS_MADE[-1]}/cgroup.procs"
}
ready() { [ "$(podman logs "$1")" = ready ]; }
# unharmed NAME: it lives, with the pid that it had, and nobody traces it.
unharmed() {
  assert_equal "$(podman inspect --format '{{.State.Status}} {{.State.Pid}}' "$1")" "running $PID"
  grep -q $'TracerPid:\t0' "/proc/$PID/status"
}
filters() { awk '/^Seccomp_filters/ { print $2 }' "/proc/$PID/status"; }
marked() { grep -c '^VmFlags:.* mg' "/proc/$PID/smaps" || true; }
# left_alone NAME WHY: it is neither switched on nor off. Where there is no prctl, nothing has to be called to switch it off.
left_alone() {
  local command
  if lacks madvise; then refused_without_ksm as_user oci-ksm enable "$1"; fi
  for command in disable $(lacks madvise || echo enable); do
    if [ "$command" = disable ] && lacks prctl; then
      run -0 as_user oci-ksm disable "$1"
    else
      run -1 as_user oci-ksm "$command" "$1"
      assert_contains "$output" ": 1 process left alone: $2"
    fi
    unharmed "$1"
  done
  refute_merges "$PID"
  assert_equal "$(marked)" 0
}
# on_and_off NAME WAY [OPTION of enable]
on_and_off() {
  switch_on "$1" "$PID" "${@:3}"
  lacks madvise || assert_match "$output" ", $2\$"
  run -0 as_user oci-ksm disable "$1"
  refute_merges "$PID"
  assert_equal "$(marked)" 0
  unharmed "$1"
}
way() { if as_a_whole; then echo whole processes; else echo region by region; fi; }

@test "podman's own seccomp profile lets merging be switched off and on, whether the container has asked for it or not" {
  podman run -d --name asked "${AUTO[@]}" small "${SLEEP[@]}"
  PID=$(pid_of asked)
  assert_equal "$(filters)" 1
  assert_merges "$PID"
  run -0 as_user oci-ksm disable asked
  refute_marked "$PID"
  switch_on asked "$PID"
  unharmed asked
  # Whether another user's process merges is not told.
  podman run -d --name other --user 1000 "${AUTO[@]}" small "${SLEEP[@]}"
  PID=$(pid_of other)
  assert_merges "$PID"
  if as_a_whole; then
    run -1 as_user oci-ksm disable other
    assert_contains "$output" ': 1 process left alone: not ours to change'
    assert_merges "$PID"
  fi
  unharmed other
  profile default .
  start x default /programs/pages 4
  on_and_off x "$(way)"
}

@test "a profile that answers our calls with errors: what is allowed is taken, what is refused is told" {
  profile prctl "$(of_calls SCMP_ACT_ERRNO prctl)"
  start x prctl /programs/pages 4
  on_and_off x 'region by region'
  profile both "$(of_calls SCMP_ACT_ERRNO prctl madvise)"
  start y both /programs/pages 4
  if lacks madvise; then
    refused_without_ksm as_user oci-ksm enable y
  else
    run -1 as_user oci-ksm enable y
    assert_contains "$output" ': 1 process left alone: refused by the kernel or a seccomp filter'
  fi
  assert_equal "$(marked)" 0
  unharmed y
}

@test "a profile that kills who makes our calls, and one of a program's own: left alone, unharmed, and told" {
  local call
  for call in prctl madvise restart_syscall; do
    profile deadly "$(of_calls SCMP_ACT_KILL_PROCESS "$call")"
    start "$call" deadly /programs/pages 4
    wait_for 30 ready "$call"
    left_alone "$call" 'seccomp filters that we cannot pass'
    assert_contains "$output" ": of these filters: the seccomp profile kills or holds up who calls $call"
  done
  profile default .
  start own default /programs/hostile strict
  wait_for 30 ready own
  assert_equal "$(filters)" 2
  left_alone own 'seccomp filters that we cannot pass'
  refute_contains "$output" 'of these filters'
}

@test "our calls are madvise, prctl and restart_syscall: a profile that kills for any other" {
  # What the program calls, and the runtime until it executes that.
  local calls=(arch_prctl brk clock_nanosleep close close_range execve exit_group fcntl fstat getrandom mmap mprotect munmap newfstatat prlimit64 read readlink
    rseq rt_sigaction rt_sigprocmask set_robust_list set_tid_address write)
  profile narrow ".defaultAction = \"SCMP_ACT_KILL_PROCESS\" | del(.defaultErrnoRet, .defaultErrno) | .syscalls = [{names: $(names "${calls[@]}" madvise prctl restart_syscall), action: \"SCMP_ACT_ALLOW\"}]"
  start x narrow /programs/pages 4
  wait_for 30 ready x
  on_and_off x "$(way)"
  on_and_off x 'region by region' --mode=regions
}
@test "sessions in a container with podman's profile that was enabled: the user's oci-ksmd marks them" {
  if lacks notify; then unserved; return; fi
  user_helper
  profile default .
  start x default /programs/pages 4
  switch_on x "$PID"
  if lacks madvise; then return; fi
  podman exec -d x /programs/pages 5
  session() { [ "$(pgrep -c -u 1234 -x pages)" -eq 2 ] && PID=$(pgrep -n -u 1234 -x pages); }
  wait_for 10 session
  echo "$PID" > "${GROUPS_MADE[-1]}/cgroup.procs"
  assert_equal "$(filters)" 1
  wait_for 30 is_marked "$PID"
  kill -0 "$PID"
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
