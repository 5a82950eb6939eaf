#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# runtime.bats: oci-ksm-runtime in front of crun and runc, with the command lines of docker, containerd and podman.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load hostside

wrapped() {
  local pid
  image glibc
  bundle "$T/b" "$T/r" -- sleep 1000
  oci_start "wrapper-$1" "$T/b"
  pid=$(oci_pid "$1")
  wait_for 30 runs "$pid" sleep
  wait_for 30 assert_shim "$pid"
  assert_contains "$(tr '\0' '\n' < "/proc/$pid/environ")" LD_PRELOAD=/dev/oci-ksm/
  assert_log_lines 1 'info: merging by preload'
  run -0 awk '$5 ~ "ksm" || $5 == "/etc/ld.so.preload" { print $5, $6 }' "/proc/$pid/mountinfo"
  assert_equal "${output//,relatime/}" $'/dev/oci-ksm ro,nosuid,nodev\n/etc/ld.so.preload ro,nosuid,nodev'
  run -0 jq -c '[.id, .source, .mode, .shim_target, .made_ld_so_preload]' "$STATE/containers/$(cid).json"
  assert_output "[\"$(cid)\",\"runtime\",\"preload\",\"/dev/oci-ksm\",true]"
  oci_stop "$1"
  assert_no_traces
}

@test "run, detached: crun" { wrapped crun; }
@test "run, detached: runc" { wrapped runc; }

@test "programs without their environment have the shim too; the image's own list stays" {
  image glibc
  cp -L /lib/x86_64-linux-gnu/libm.so.6 "$T/lower/own.so"
  echo /own.so > "$T/lower/etc/ld.so.preload"
  bundle "$T/b" "$T/r" -- sh -c "$LOOK; grep -c own.so /proc/self/maps"
  for rt in crun runc; do
    echo "$rt"
    run -0 --separate-stderr oci_run "wrapper-$rt" "$T/b"
    assert_match "$output" $'^[1-9]\n[1-9]\n/own.so\n/dev/oci-ksm/[^\n]*/libksm_preload.so\n[1-9]$'
    assert_equal "$stderr" ''
    assert_equal "$(cat "$T/r/etc/ld.so.preload")" /own.so
    assert_no_traces
  done
}

@test "a static image: environment and folder, and nothing is made in it" {
  image busybox
  bundle "$T/b" "$T/r" -e LD_PRELOAD=/own.so -- sh -c 'echo $LD_PRELOAD; ls /dev/oci-ksm'
  run -0 oci_run wrapper-crun "$T/b"
  assert_match "$output" $'^/own.so[: ]/dev/oci-ksm/.*libksm_preload.so\n'
  assert_contains "$output" libksm_preload.so
  assert_equal "$(find "$T/r.upper" -mindepth 1)" ''
  assert_equal "$(state_files)" ''
  # An engine's container is deleted by the wrapper: it does without a hook.
  bundle "$T/b" "$T/r" -- sleep 1000
  oci wrapper-crun create --bundle "$T/b" "$(cid)" > "$T/out" 2>&1 < /dev/null 3>&-
  assert_equal "$(jq .hooks "$T/b/config.json")" null
  oci wrapper-crun delete --force "$(cid)"
  assert_equal "$(state_files)" ''
}

@test "being started by the wrapper is a wish, unless the container says no" {
  image busybox
  for options in '-a oci-ksm/mode=off' '-e OCI_KSM_MODE=off' '-a io.kubernetes.cri.container-type=sandbox'; do
    # shellcheck disable=SC2086 # options is a list
    bundle "$T/b" "$T/r" $options -- sh -c 'echo "[$LD_PRELOAD]"'
    cp "$T/b/config.json" "$T/before"
    run -0 oci_run wrapper-crun "$T/b"
    assert_output '[]'
    assert_same "$T/b/config.json" "$T/before"
  done
  assert_log_lines 0
}

@test "the same bundle again is edited anew, and off brings the original back" {
  image glibc
  bundle "$T/b" "$T/r" -- sh -c "$LOOK"
  jq -cS . "$T/b/config.json" > "$T/original"
  run -0 oci_run wrapper-crun "$T/b"
  jq -cS 'del(."oci-ksm-edits")' "$T/b/config.json" > "$T/first"
  run -0 oci_run wrapper-crun "$T/b"
  jq -cS 'del(."oci-ksm-edits")' "$T/b/config.json" > "$T/second"
  assert_same "$T/first" "$T/second"
  assert_no_traces
  # The image has changed, and so what belongs over its list.
  echo '# own' > "$T/r/etc/ld.so.preload"
  run -0 oci_run wrapper-crun "$T/b"
  assert_match "$output" $'\n# own\n/dev/'
  rm "$T/r/etc/ld.so.preload"
  bundle_edit "$T/b" '.process.env += ["OCI_KSM_MODE=off"]'
  run -1 oci_run wrapper-crun "$T/b"
  jq -cS '.process.env |= map(select(. != "OCI_KSM_MODE=off"))' "$T/b/config.json" > "$T/last"
  assert_same "$T/last" "$T/original"
}

@test "the edit keeps mode and owner of config.json, and its unknown members" {
  image busybox
  bundle "$T/b" "$T/r" -- true
  bundle_edit "$T/b" '.x_unknown = {a: [1, 2.5, null]}'
  chmod 0640 "$T/b/config.json"
  chown 1234:4321 "$T/b/config.json"
  oci_run wrapper-crun "$T/b"
  assert_equal "$(stat -c '%a %u %g' "$T/b/config.json")" '640 1234 4321'
  assert_equal "$(jq -c .x_unknown "$T/b/config.json")" '{"a":[1,2.5,null]}'
  assert_equal "$(find "$T/b" -mindepth 1)" "$T/b/config.json"
}

# ---- command lines ----

# edited ARGS...: with them the wrapper has edited the bundle. (Each form starts crun, which must like it too.)
edited() {
  bundle "$T/b" "$T/r" -- sh -c 'echo $LD_PRELOAD'
  run -0 "$T/link/oci-ksm-runtime-crun" "$@" < /dev/null 3>&-
  assert_match "$output" '^/dev/oci-ksm/.*libksm_preload.so$'
}

@test "run: where the bundle and its document are" {
  image busybox
  root=(--root "$T/rt-crun")
  mkdir "$T/b"
  edited "${root[@]}" run --bundle "$T/b" "$(cid)"
  edited "${root[@]}" run --bundle="$T/b" "$(cid)"
  edited "${root[@]}" run -b "$T/b" "$(cid)"
  edited "${root[@]}" run "-b$T/b" "$(cid)"
  edited "--root=$T/rt-crun" run -b "$T/b" -- "$(cid)"
  edited "${root[@]}" run --no-pivot --pid-file "$T/pid" --bundle "$T/b" "$(cid)"
  edited "${root[@]}" --debug --cgroup-manager=cgroupfs --log "$T/rt.log" --log-format=json run --preserve-fds=0 -b "$T/b" "$(cid)"
  edited "${root[@]}" --log "$T/create" --log-format text run --bundle "$T/b" "$(cid)"
  cd "$T" || return
  edited "${root[@]}" run --bundle b "$(cid)"
  cd "$T/b" || return
  edited "${root[@]}" run "$(cid)"
  bundle "$T/b" "$T/r" -- sh -c 'echo $LD_PRELOAD'
  mv config.json other.json
  run -0 "$T/link/oci-ksm-runtime-crun" "${root[@]}" run --config other.json "$(cid)"
  assert_match "$output" '^/dev/oci-ksm/'
}

# engine RUNTIME GLOBAL... : create, start, exec, kill and delete as an engine calls them. cwd is the bundle.
engine() {
  local rt=$1 name pid
  shift
  name=$(cid "$RANDOM")
  image glibc
  bundle "$T/b" "$T/r" -- sleep 1000
  cd "$T/b" || return
  "$T/link/oci-ksm-runtime-$rt" "$@" create --bundle "$T/b" --pid-file "$T/pid" "$name" > "$T/out" 2>&1 < /dev/null 3>&-
  "$T/link/oci-ksm-runtime-$rt" "$@" start "$name" 3>&-
  pid=$(cat "$T/pid")
  wait_for 30 runs "$pid" sleep
  wait_for 30 assert_shim "$pid"
  assert_equal "$(jq -r .pid_file "$STATE/containers/$name.json")" "$T/pid"
  # exec: the process that engines write is edited; a command without one is not ours to edit.
  for form in "--process $T/process" "--process=$T/process" "-p $T/process"; do
    jq '.process | .args = ["sh", "-c", "echo $LD_PRELOAD"]' "$T/b/config.json" |
      jq '.env |= map(select(startswith("LD_PRELOAD") | not))' > "$T/process"
    # shellcheck disable=SC2086 # form is a list
    run -0 "$T/link/oci-ksm-runtime-$rt" "$@" exec $form --pid-file "$T/exec-pid" "$name" 3>&-
    assert_match "$output" '^/dev/oci-ksm/.*libksm_preload.so$'
  done
  run -0 "$T/link/oci-ksm-runtime-$rt" "$@" exec "$name" sh -c 'echo "$@"' sh -p "$T/process" --process x 3>&-
  assert_output "-p $T/process --process x"
  run -0 "$T/link/oci-ksm-runtime-$rt" "$@" state "$name"
  assert_equal "$(jq -r .status <<< "$output")" running
  "$T/link/oci-ksm-runtime-$rt" "$@" kill "$name" KILL
  wait_for 30 assert_gone "$pid"
  "$T/link/oci-ksm-runtime-$rt" "$@" delete "$name"
  assert_no_traces
  cd "$T" || return
}

@test "docker and containerd: crun" { engine crun --root "$T/rt-crun" --log "$T/rt.log" --log-format json; }
@test "docker and containerd: runc" { engine runc --root "$T/rt-runc" --log "$T/rt.log" --log-format json --systemd-cgroup=false; }
@test "podman: crun" { engine crun "--root=$T/rt-crun" --log-format=json "--log=$T/rt.log"; }
@test "podman: runc" { engine runc "--root=$T/rt-runc" --log-format=json "--log=$T/rt.log"; }

@test "delete forgets a container that has ended, and not one that runs" {
  image busybox
  bundle "$T/b" "$T/r" -- sleep 1000
  oci wrapper-crun run --detach --pid-file "$T/pid" --bundle "$T/b" "$(cid)" > "$T/out" 2>&1 < /dev/null 3>&-
  run -1 oci wrapper-crun delete "$(cid)"
  assert_exists "$STATE/containers/$(cid).json"
  run -0 oci wrapper-crun delete --force "$(cid)"
  refute_exists "$STATE/containers/$(cid).json"
}

# ---- the real runtime ----

# A program in the place of a runtime that tells how it was started.
spy() {
  cat > "$T/spy" << 'SPY'
#!/bin/bash
printf 'arg %s\n' "$@"
env | sort | sed 's/^/env /'
ls /proc/self/fd | sed 's/^/fd /'
grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status
echo "umask $(umask)"
cat
exit 42
SPY
  chmod +x "$T/spy"
}

@test "everything else is passed on as it is: arguments, environment, descriptors, signals, umask, status" {
  spy
  settings '.runtimes = [$p]' --arg p "$T/spy"
  for args in '--version' 'features' 'state x' 'kill x 9' 'list -q' '--root r pause x' '-- run' 'run' 'create --bundle /nonexistent x' \
    'exec x' 'exec --process' 'delete' 'run --bundle' 'nonsense --bundle b run x' 'restore --bundle b x' '--log'; do
    # shellcheck disable=SC2086 # args is a list
    (umask 027 && trap '' USR1 && exec 7< /dev/null && rc=0 && { "$T/spy" $args < "$T/settings.json" > "$T/plain" || rc=$?; } && [ $rc = 42 ])
    # shellcheck disable=SC2086 # args is a list
    (umask 027 && trap '' USR1 && exec 7< /dev/null && rc=0 && { "$BIN/oci-ksm-runtime" $args < "$T/settings.json" > "$T/ours" || rc=$?; } && [ $rc = 42 ])
    assert_same "$T/plain" "$T/ours"
  done
}

@test "the link's name picks the runtime; without one the settings do, then crun" {
  run -0 "$T/link/oci-ksm-runtime-runc" --version
  assert_match "$output" '^runc version'
  run -0 "$T/link/oci-ksm-runtime-crun" --version
  assert_match "$output" '^crun version'
  settings '.runtimes = ["nonexistent", "/nonexistent/crun", "runc", "crun"]'
  run -0 "$BIN/oci-ksm-runtime" --version
  assert_match "$output" '^runc version'
  settings 'del(.runtimes)'
  run -0 "$BIN/oci-ksm-runtime" --version
  assert_match "$output" '^crun version'
  spy
  mv "$T/spy" "$T/youki"
  settings '.runtimes = ["crun", $p]' --arg p "$T/youki"
  ln -s "$BIN/oci-ksm-runtime" "$T/link/oci-ksm-runtime-youki"
  run -42 "$T/link/oci-ksm-runtime-youki" state x < /dev/null
  assert_contains "$output" 'arg state'
}

@test "PATH has no say, and relative names are no runtimes" {
  spy
  mkdir "$T/path"
  cp "$T/spy" "$T/path/crun"
  PATH=$T/path:$PATH run -0 "$BIN/oci-ksm-runtime" --version
  assert_match "$output" '^crun version'
  cd "$T" || return
  settings '.runtimes = ["./spy", "path/crun"]'
  run -127 "$BIN/oci-ksm-runtime" --version
}

@test "it never starts itself, whatever links lead to it" {
  ln -s "$BIN/oci-ksm-runtime" "$T/crun"
  ln -s crun "$T/runc"
  ln -f "$BIN/oci-ksm-runtime" "$BIN/oci-ksm-runtime.hard-link" # a hard link cannot leave its file system
  settings '.runtimes = [$a, $b, $c]' --arg a "$T/crun" --arg b "$T/runc" --arg c "$BIN/oci-ksm-runtime.hard-link"
  run -127 timeout 10 "$BIN/oci-ksm-runtime" --version
  rm "$BIN/oci-ksm-runtime.hard-link"
  assert_contains "$output" 'find OCI runtime'
  # By its name in the system's folders, too.
  mount --bind "$BIN/oci-ksm-runtime" /usr/bin/crun
  settings '.runtimes = ["crun"]'
  run -127 timeout 10 "$BIN/oci-ksm-runtime" --version
  umount /usr/bin/crun
  assert_contains "$output" 'find OCI runtime'
}

# ---- together with the hooks ----

@test "wrapper and hooks together: one line, mounts once, the pid in the record" {
  image glibc
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload -- sleep 1000
  bundle_hooks "$T/b"
  oci_start wrapper-crun "$T/b"
  pid=$(oci_pid crun)
  wait_for 30 runs "$pid" sleep
  wait_for 30 assert_shim "$pid"
  assert_equal "$(grep -cE ' /(dev/oci-ksm|etc/ld.so.preload) ' "/proc/$pid/mountinfo")" 2
  assert_equal "$(jq -c '[.source, .pid]' "$STATE/containers/$(cid).json")" "[\"runtime\",$pid]"
  oci_stop crun
  assert_no_traces
}

user_namespace() {
  user_image "${2:-}"
  bundle "$T/b" "$T/r" -- sh -c "$LOOK"
  merges_in_user_namespace "wrapper-$1" "${2:-}"
}

@test "user namespace: crun" { user_namespace crun; }
@test "user namespace: runc" { user_namespace runc; }
@test "user namespace, ld.so.preload of the image's own: crun" { user_namespace crun '# own'; }
@test "user namespace, ld.so.preload of the image's own: runc" { user_namespace runc '# own'; }

@test "an unprivileged user: state and log are the user's own, and nothing is left" {
  user_bundle sh -c "$LOOK"
  bundle_edit "$T/b" '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 1234, size: 1}] | .linux.gidMappings = .linux.uidMappings'
  chown 1234:1234 "$T/b/config.json"
  run -0 --separate-stderr as_user "$T/link/oci-ksm-runtime-crun" --cgroup-manager=disabled --root "$T/xdg/crun" run --bundle "$T/b" "$(cid)"
  assert_match "$output" $'^[1-9]\n[1-9]\n/dev/'
  # crun tries these first, where they are installed; the user has no name.
  assert_equal "$(grep -v '^new[gu]idmap: ' <<< "$stderr")" ''
  refute_exists "$T/r/etc/ld.so.preload"
  LOG=$T/xdg/oci-ksm/log
  assert_log_lines 1 'info: merging'
  assert_equal "$(find "$T/xdg" -type f)" "$LOG"
}
