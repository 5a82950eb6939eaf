#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hook.bats: oci-ksm-hook under crun and runc, and its stages by hand. Under podman: podman.bats.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load hostside

# bundle_asking [bundle's options] -- ARGS...: at $T/b, of the image at $T/r, with the annotation and our hooks.
bundle_asking() {
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload "$@"
  bundle_hooks "$T/b"
}

# How many mounts of ours a container has.
MOUNTED="grep -cE ' /(dev/oci-ksm|etc/ld.so.preload) ' /proc/self/mountinfo"

placed() {
  local pid
  image glibc
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload -- sleep 1000
  bundle_hooks "$T/b" "$2"
  oci_start "$1" "$T/b"
  pid=$(oci_pid "$1")
  wait_for 30 runs "$pid" sleep
  wait_for 30 assert_shim "$pid"
  assert_log_lines 1 'info: merging by preload'
  # Read-only, nosuid and nodev, and nothing else of the host.
  run -0 awk '$5 ~ "ksm" || $5 == "/etc/ld.so.preload" { print $5, $6 }' "/proc/$pid/mountinfo"
  assert_equal "${output//,relatime/}" $'/dev/oci-ksm ro,nosuid,nodev\n/etc/ld.so.preload ro,nosuid,nodev'
  run -0 jq -c '[.id, .source, .mode, .pid, .start_time, .shim_target, .made_ld_so_preload]' "$STATE/containers/$(cid).json"
  assert_output "[\"$(cid)\",\"hook\",\"preload\",$pid,$(awk '{ print $22 }' "/proc/$pid/stat"),\"/dev/oci-ksm\",true]"
  oci_stop "$1"
  assert_no_traces
  assert_log_lines 1
}

@test "prestart places the shim and poststop leaves nothing: crun" { placed crun prestart; }
@test "prestart places the shim and poststop leaves nothing: runc" { placed runc prestart; }
@test "createRuntime places the shim and poststop leaves nothing: crun" { placed crun createRuntime; }
@test "createRuntime places the shim and poststop leaves nothing: runc" { placed runc createRuntime; }

@test "programs without their environment have the shim too" {
  image glibc
  bundle_asking -- sh -c "$LOOK"
  run -0 --separate-stderr oci_run crun "$T/b"
  assert_match "$output" $'^[1-9]\n[1-9]\n/dev/oci-ksm/.*libksm_preload.so$'
  assert_equal "$stderr" ''
}

@test "the image's own ld.so.preload stays in force, and is not changed" {
  image glibc
  cp -L /lib/x86_64-linux-gnu/libm.so.6 "$T/lower/usr-own.so"
  printf '# own\n/usr-own.so' > "$T/lower/etc/ld.so.preload"
  bundle_asking -- sh -c "$LOOK; grep -c usr-own.so /proc/self/maps"
  run -0 --separate-stderr oci_run crun "$T/b"
  assert_match "$output" $'^[1-9]\n[1-9]\n# own\n/usr-own.so\n/dev/oci-ksm/[^\n]*/libksm_preload.so\n[1-9]$'
  assert_equal "$stderr" ''
  assert_equal "$(cat "$T/r/etc/ld.so.preload")" $'# own\n/usr-own.so'
  assert_no_traces
}

@test "an image with an empty ld.so.preload keeps it" {
  image glibc
  : > "$T/lower/etc/ld.so.preload"
  bundle_asking -- sh -c "$LOOK"
  run -0 oci_run crun "$T/b"
  assert_match "$output" $'^[1-9]\n[1-9]\n/dev'
  assert_exists "$T/r/etc/ld.so.preload"
  assert_no_traces
}

@test "what a hook cannot reach is one line that names the way" {
  image busybox
  bundle_asking -- sh -c 'ls /dev/oci-ksm 2>&1; echo ran'
  run -0 oci_run crun "$T/b"
  assert_output $'ls: /dev/oci-ksm: No such file or directory\nran'
  assert_log_lines 1 'warning: .*use the precreate hook .podman. or oci-ksm-runtime; the container starts without merging'
  assert_log_lines 1
  assert_no_traces
}

@test "nothing is done without opt-in, with mode=off, and with enable=none" {
  image glibc
  for options in '' '-a oci-ksm/mode=off' '-e OCI_KSM_MODE=off' '-a oci-ksm/mode=preload'; do
    # shellcheck disable=SC2086 # options is a list
    bundle "$T/b" "$T/r" $options -- sh -c "$MOUNTED; ls -A /etc; exec grep -c libksm /proc/self/maps"
    bundle_hooks "$T/b"
    case $options in *preload) settings '.enable = "none"' ;; esac
    run -1 oci_run crun "$T/b"
    assert_output $'0\n0'
  done
  assert_log_lines 0
  assert_no_traces
}

@test "opt-in by the container's environment, and by enable=all" {
  image glibc
  bundle "$T/b" "$T/r" -e OCI_KSM_MODE=preload -- sh -c "$LOOK"
  bundle_hooks "$T/b"
  run -0 oci_run crun "$T/b"
  assert_match "$output" '^[1-9]'
  bundle "$T/b" "$T/r" -- sh -c "$LOOK"
  bundle_hooks "$T/b"
  settings '.enable = "all"'
  run -0 oci_run crun "$T/b"
  assert_match "$output" '^[1-9]'
}

@test "a pod's pause container is left alone" {
  image glibc
  bundle_asking -a io.kubernetes.cri.container-type=sandbox -- sh -c 'grep -c ksm /proc/self/maps || true'
  run -0 oci_run crun "$T/b"
  assert_output 0
  assert_log_lines 0
}

@test "where /dev is the host's, the shim goes to /run" {
  image glibc
  bundle_asking -- sh -c "$LOOK"
  bundle_edit "$T/b" '.mounts |= map(select(.destination | startswith("/dev") | not))
    + [{destination: "/dev", type: "bind", source: "/dev", options: ["rbind"]},
       {destination: "/run", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"]}]'
  run -0 --separate-stderr oci_run crun "$T/b"
  assert_match "$output" $'^[1-9]\n[1-9]\n/run/oci-ksm/'
  assert_equal "$stderr" ''
  refute_exists /dev/oci-ksm
  assert_no_traces
}

@test "a read-only container" {
  for rt in crun runc; do
    image glibc
    bundle_asking -- sh -c "$LOOK"
    bundle_edit "$T/b" '.root.readonly = true'
    run -0 oci_run $rt "$T/b"
    assert_match "$output" $'^[1-9]\n[1-9]\n/dev'
    assert_no_traces
    test_end
    test_begin
  done
}

# A user namespace whose root is 100000 on the host, in a root file system that belongs to it.
user_namespace() {
  user_image "${2:-}"
  bundle_asking -- sh -c "$LOOK"
  merges_in_user_namespace "$1" "${2:-}"
}

@test "user namespace: crun" { user_namespace crun; }
@test "user namespace: runc" { user_namespace runc; }
@test "user namespace, ld.so.preload of the image's own: crun" { user_namespace crun '# own'; }
@test "user namespace, ld.so.preload of the image's own: runc" { user_namespace runc '# own'; }

# user_hook JQ-FILTER: the hook where rootless podman starts runtimes, in a user namespace that is the user's own.
user_hook() {
  user_bundle sh -c "$LOOK"
  bundle_hooks "$T/b"
  bundle_edit "$T/b" ".hooks[][].env += [\"XDG_RUNTIME_DIR=$T/xdg\"] | $1"
  run -0 --separate-stderr as_user unshare --user --map-root-user --mount \
    crun --cgroup-manager=disabled --root "$T/xdg/crun" run --bundle "$T/b" "$(cid)"
  assert_match "$output" $'^[1-9]\n[1-9]\n/dev/'
  assert_equal "$stderr" ''
  refute_exists "$T/r/etc/ld.so.preload"
  LOG=$T/xdg/oci-ksm/log
  assert_log_lines 1 'info: merging'
  assert_equal "$(find "$T/xdg" -type f)" "$LOG"
}
@test "rootless: in the user namespace of an engine" { user_hook .; }
@test "rootless: and a user namespace of the container's own in that" {
  user_hook '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .linux.gidMappings = .linux.uidMappings'
}

@test "mounts that are shared with the host: none of ours comes to the host" {
  for rt in crun runc; do
    image glibc
    mount --make-shared "$T/r"
    bundle_asking -- sleep 1000
    bundle_edit "$T/b" '.linux.rootfsPropagation = "shared"'
    before=$(awk '{ print $5 }' /proc/self/mountinfo | sort)
    oci_start $rt "$T/b"
    assert_log_lines 1
    assert_equal "$(awk '$5 ~ "/dev/oci-ksm$|ld.so.preload$"' /proc/self/mountinfo)" ''
    oci_stop $rt
    assert_equal "$(awk '{ print $5 }' /proc/self/mountinfo | sort)" "$before"
    test_end
    test_begin
  done
}

@test "prestart and createRuntime together do it once" {
  image glibc
  bundle_asking -- sh -c "$LOOK; $MOUNTED"
  bundle_hooks "$T/b" createRuntime
  run -0 --separate-stderr oci_run crun "$T/b"
  assert_match "$output" $'^[1-9]\n[1-9]\n/dev/.*\n2$'
  assert_equal "$stderr" ''
  assert_log_lines 1
  assert_no_traces
  # What was not as wished is told once, too.
  rm "$LOG"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=process -- true
  for stage in prestart createRuntime; do OCI_KSM_NO=$(off prctl) bundle_hooks "$T/b" "$stage"; done
  oci_run crun "$T/b"
  assert_log_lines 1
  assert_log_lines 1 "warning: merging by preload: process is not possible: this kernel lacks $(lacking prctl), so preload takes its place"
}

@test "a start whose poststop never came: the next one's takes the mount point away" {
  image glibc
  bundle_asking -- true
  bundle_edit "$T/b" 'del(.hooks.poststop)'
  oci_run crun "$T/b"
  assert_exists "$T/r/etc/ld.so.preload"
  bundle_asking -- sh -c "$LOOK"
  run -0 oci_run crun "$T/b"
  assert_match "$output" $'^[1-9]\n[1-9]\n/dev'
  assert_no_traces
}

@test "a hook that fails to mount takes back what it made" {
  image glibc
  bundle_asking -- sh -c 'echo ran'
  # Between the hook's two looks at the container something else is put over /etc/ld.so.preload: not to be had by a test. So
  # the file to be mounted is what is missing.
  cp -a "$PRELOAD_DIR" "$T/preload"
  rm "$T/preload/ld.so.preload"
  settings '.preload_dir = $p' --arg p "$T/preload"
  run -0 oci_run crun "$T/b"
  assert_output ran
  assert_log_lines 1 'list .*/preload/ld.so.preload: No such file'
  assert_no_traces
}

# ---- stages by hand ----

# capabilities STAGE: the sets of the hook while it waits for its stdin, and whether an exec could bring any back.
capabilities() {
  mkfifo "$T/in-$1"
  background sh -c 'exec "$0" "$1" < "$2"' "$BIN/oci-ksm-hook" "$1" "$T/in-$1"
  exec 8> "$T/in-$1"
  wait_for 30 grep -q '^NoNewPrivs:.1' "/proc/$BACKGROUND_PID/status"
  wait_for 30 grep -q '^CapPrm:.0*'"$2"'$' "/proc/$BACKGROUND_PID/status"
  run -0 awk '/^Cap(Inh|Bnd|Amb):/ { print $2 } /^CapEff:/ { print substr($2, 9) }' "/proc/$BACKGROUND_PID/status"
  exec 8>&-
  wait "$BACKGROUND_PID"
  assert_output "0000000000000000
$(printf '%08x' "0x$2")
0000000000000000
0000000000000000"
}
# dac_read_search 2, setgid 6, setuid 7, sys_chroot 18, sys_ptrace 19, sys_admin 21
@test "capabilities: prestart keeps six" { capabilities prestart 2c00c4; }
@test "capabilities: poststop keeps three" { capabilities poststop c4; }
@test "capabilities: precreate keeps none" { capabilities precreate 0; }

# precreate [FILE]: of that document, into $T/edited
precreate() { "$BIN/oci-ksm-hook" precreate < "${1:-$T/b/config.json}" > "$T/edited"; }

@test "precreate adds the mount and the environment, and nothing else" {
  image busybox
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload -a oci-ksm/min-size=64K -e LD_PRELOAD=/own.so -- true
  bundle_edit "$T/b" '.process.env |= map(select(startswith("OCI_KSM_NO=") | not))'
  precreate
  run -0 jq -c '.mounts[-1]' "$T/edited"
  assert_output "{\"destination\":\"/dev/oci-ksm\",\"type\":\"bind\",\"source\":\"$PRELOAD_DIR\",\"options\":[\"bind\",\"ro\",\"nosuid\",\"nodev\"]}"
  run -0 jq -r '.process.env[-2:][]' "$T/edited"
  assert_match "$output" $'^LD_PRELOAD=/own.so[: ]/dev/oci-ksm/.*libksm_preload.so\nOCI_KSM_MIN_SIZE=65536$'
  jq -S 'del(.mounts[-1], ."oci-ksm-edits") | .process.env = (.process.env[:-2] + ["LD_PRELOAD=/own.so"])' "$T/edited" > "$T/edited.back"
  jq -S . "$T/b/config.json" > "$T/original"
  assert_same "$T/original" "$T/edited.back"
  # Again: no change.
  cp "$T/edited" "$T/once"
  precreate "$T/once"
  assert_same "$T/edited" "$T/once"
}

@test "precreate gives back byte for byte what it does not edit" {
  image busybox
  bundle "$T/b" "$T/r" -- true
  precreate
  assert_same "$T/edited" "$T/b/config.json"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload -- true
  jq '.process.env = {}' "$T/b/config.json" > "$T/wrong-type"
  head -c 1000 "$T/b/config.json" > "$T/half"
  printf '\0\1{"a": 1} x' > "$T/binary"
  : > "$T/nothing"
  head -c 40M /dev/urandom > "$T/huge"
  { cat "$T/b/config.json" && echo '{}'; } > "$T/two"
  for f in wrong-type half binary nothing huge two; do
    rm -f "$LOG"
    precreate "$T/$f"
    assert_same "$T/edited" "$T/$f"
    assert_log_lines 1
  done
  # What the prestart stage will say is not said twice.
  rm "$LOG"
  settings '.preload_dir = "/nonexistent"'
  precreate
  assert_same "$T/edited" "$T/b/config.json"
  assert_log_lines 0
  bundle_edit "$T/b" '.annotations["oci-ksm/required"] = "true"'
  run -1 precreate
  assert_log_lines 1 'error: .*find the shim'
  # podman tells no name here, but its cgroup does.
  for path in /libpod_parent/libpod-0a1b machine.slice:libpod:0a1b; do
    rm "$LOG"
    bundle_edit "$T/b" '.linux.cgroupsPath = $p' --arg p "$path"
    run -1 precreate
    assert_log_lines 1 'container 0a1b: error: find the shim'
  done
}

@test "precreate and prestart together: the environment, the mounts once, one line" {
  image glibc
  bundle_asking -- sh -c "$LOOK; $MOUNTED; echo \$LD_PRELOAD"
  precreate
  cp "$T/edited" "$T/b/config.json"
  run -0 --separate-stderr oci_run crun "$T/b"
  assert_match "$output" $'^[1-9]\n[1-9]\n/dev/.*\n2\n/dev/oci-ksm/.*libksm_preload.so$'
  assert_equal "$stderr" ''
  assert_log_lines 1
  assert_no_traces
}

@test "a stage that there is not does not stop a container; a wrong command line is refused" {
  echo '{"ociVersion": "1.0.0", "id": "c1", "status": "created", "pid": 1, "bundle": "/"}' | "$BIN/oci-ksm-hook" startContainer
  assert_equal "${PIPESTATUS[*]}" '0 0'
  assert_log_lines 1 'container c1: error: unknown stage startContainer'
  run -2 "$BIN/oci-ksm-hook"
  run -2 "$BIN/oci-ksm-hook" --nonsense
  run -0 "$BIN/oci-ksm-hook" --help
  assert_contains "$output" 'Usage: oci-ksm-hook'
  run -0 "$BIN/oci-ksm-hook" --version
  assert_match "$output" '^oci-ksm-hook [0-9]'
}
