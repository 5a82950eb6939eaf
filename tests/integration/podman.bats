#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Podman with what `make install PREFIX=/usr` installs: containers that ask for it get the shim, others nothing, images no trace.
# bats file_tags=podman
load lib

setup_file() {
  podman_begin
  rootfs_debian bookworm "$P/debian"
  # podman mounts files over these, and makes the link: with them in the image it changes nothing itself.
  touch "$P/debian/etc/hosts" "$P/debian/run/.containerenv"
  ln -s /proc/mounts "$P/debian/etc/mtab"
  podman_load debian "$P/debian"
  rootfs_busybox "$P/busybox"
  podman_load busybox "$P/busybox"
  podman_install
}
teardown_file() { podman_end; }

setup() { podman_test_begin; }
teardown() { podman_test_end; }

KSM=(--annotation oci-ksm/mode=preload)
SLEEP=(sleep 1000)
SHIM_IN_MAPS=(grep -c 'r-xp.*libksm_preload\.so' /proc/self/maps)

# upper NAME: what is in the container's own layer, but for folders that are as the image's (`podman diff` shows the others): /etc was
# copied up while a mount point was in it.
upper() { (cd "$(podman inspect --format '{{.GraphDriver.Data.UpperDir}}' "$1")" && find . -mindepth 1 ! -type d -printf '%y %m %p %l\n' | sort); }
# etc_mtime NAME: of the root file system as the container sees it.
etc_mtime() { stat -c %y "$(podman mount "$1")/etc"; }

@test "a container with the annotation has the shim, and says the same" {
  run --separate-stderr podman_says --rm "${KSM[@]}" debian "${SHIM_IN_MAPS[@]}"
  assert_status 0
  assert_output 1
  assert_equal "$stderr" ""
  run podman_says --rm "${KSM[@]}" debian printenv LD_PRELOAD
  assert_output '/dev/oci-ksm/not-libasan.so/$LIB/libksm_preload.so'
  run podman run --rm "${KSM[@]}" debian sh -c 'exit 7'
  assert_status 7
}

@test "a container without it has nothing of ours" {
  podman run -d --name plain debian "${SLEEP[@]}"
  run podman exec plain sh -c 'grep -e ksm /proc/self/maps /proc/self/mounts; env | grep -i -e preload -e ksm; ls /dev/oci-ksm /etc/ld.so.preload'
  refute_contains "$output" "libksm"
  assert_equal "$(grep -c 'No such file' <<< "$output")" 2
  refute_contains "$(cat "$(podman inspect --format '{{.OCIConfigPath}}' plain)")" oci-ksm-hook
  assert_log_lines 0
}

@test "exec sessions have it too, also with an empty environment" {
  podman run -d --name x "${KSM[@]}" debian "${SLEEP[@]}"
  run podman exec x "${SHIM_IN_MAPS[@]}"
  assert_output 1
  run podman exec x env -i "${SHIM_IN_MAPS[@]}"
  assert_output 1
}

@test "a container that is stopped and started again has it again" {
  podman run -d --name x "${KSM[@]}" debian "${SLEEP[@]}"
  for _ in 1 2 3; do
    assert_shim "$(podman inspect --format '{{.State.Pid}}' x)"
    podman stop --time 0 x
    run podman diff x
    assert_output ""
    podman start x
  done
  run podman exec x "${SHIM_IN_MAPS[@]}"
  assert_output 1
}

@test "an LD_PRELOAD of the container's own stays, and stays first" {
  own=/lib/x86_64-linux-gnu/libdl.so.2
  run podman_says --rm "${KSM[@]}" --env LD_PRELOAD=$own debian sh -c 'echo "$LD_PRELOAD"; grep -c -e "r-xp.*libdl.so.2" -e "r-xp.*libksm_preload.so" /proc/self/maps'
  assert_output "$own:/dev/oci-ksm/not-libasan.so/\$LIB/libksm_preload.so
2"
}

@test "the image stays without a trace: diff empty, the upper layer as without us, the mtime of /etc too" {
  podman run -d --name plain debian "${SLEEP[@]}"
  podman run -d --name x "${KSM[@]}" debian "${SLEEP[@]}"
  for name in plain x; do
    podman stop --time 0 $name
  done
  run podman diff x
  assert_output ""
  assert_equal "$(upper x)" "$(upper plain)"
  assert_equal "$(etc_mtime x)" "$(etc_mtime plain)"
  podman rm x
  assert_empty_dir "$P/state/containers"
}

@test "a container that is killed leaves no trace either" {
  podman run -d --name plain debian "${SLEEP[@]}"
  podman run -d --name x "${KSM[@]}" debian "${SLEEP[@]}"
  kill -KILL "$(podman inspect --format '{{.State.Pid}}' x)"
  podman stop --time 0 plain
  podman wait x
  wait_for 30 test ! -e "$P/state/containers/$(podman inspect --format '{{.Id}}' x).json"
  run podman diff x
  assert_output ""
  assert_equal "$(upper x)" "$(upper plain)"
}

@test "podman build works, and commit of a container that had the shim holds nothing of it" {
  mkdir "$T/context"
  printf 'FROM localhost/debian\nRUN echo built > /built; grep -c libksm /proc/self/maps || echo none > /none\n' > "$T/context/Containerfile"
  run podman build --network none --tag built "$T/context"
  assert_status 0
  run podman_says --rm built cat /built /none
  assert_output "built
none"
  podman run -d --name x "${KSM[@]}" debian "${SLEEP[@]}"
  podman stop --time 0 x
  podman commit --quiet x committed
  run podman run --rm committed sh -c 'env | grep -i preload; ls /etc/ld.so.preload /dev/oci-ksm'
  refute_contains "$output" libksm
  assert_equal "$(grep -c 'No such file' <<< "$output")" 2
}

@test "the hooks of the shared folder alone reach programs that lose their environment" {
  run podman --hooks-dir /usr/share/containers/oci/hooks.d run --rm "${KSM[@]}" debian env -i "${SHIM_IN_MAPS[@]}"
  assert_output 1
  podman --hooks-dir /usr/share/containers/oci/hooks.d run --name x "${KSM[@]}" debian true
  run podman diff x
  assert_output ""
}

@test "oci-ksm-runtime as podman's runtime, without hooks: run, exec, exit status, no trace" {
  mkdir "$T/no-hooks"
  by_runtime=(--runtime /usr/bin/oci-ksm-runtime --hooks-dir "$T/no-hooks")
  run podman "${by_runtime[@]}" run --rm --annotation oci-ksm/mode=off debian sh -c 'grep -c libksm /proc/self/maps; exit 9'
  assert_status 9
  assert_output 0
  # In the mode auto.
  run podman "${by_runtime[@]}" run --rm debian sh -c 'grep -qE "merge_any: yes|libksm_preload" /proc/self/ksm_stat /proc/self/maps && echo merging; exit 9'
  assert_status 9
  assert_output merging
  podman "${by_runtime[@]}" run -d --name x "${KSM[@]}" debian "${SLEEP[@]}"
  run podman "${by_runtime[@]}" exec x "${SHIM_IN_MAPS[@]}"
  assert_output 1
  run podman "${by_runtime[@]}" exec x printenv LD_PRELOAD
  assert_contains "$output" /libksm_preload.so
  podman "${by_runtime[@]}" stop --time 0 x
  run podman diff x
  assert_output ""
  podman "${by_runtime[@]}" rm x
  assert_empty_dir "$P/state/containers"
}

# merge_any PID: is it mergeable as a whole? The container's first process, conmon, ...
merge_any() { sed -n 's/^ksm_merge_any: //p' "/proc/$1/ksm_stat"; }

@test "mode process: by the hooks, and by oci-ksm-runtime for exec sessions too; never conmon; nothing in the container" {
  mkdir "$T/no-hooks"
  for how in '' "--runtime /usr/bin/oci-ksm-runtime --hooks-dir $T/no-hooks"; do
    # shellcheck disable=SC2086 # words
    podman $how run -d --name x --annotation oci-ksm/mode=process busybox "${SLEEP[@]}"
    # shellcheck disable=SC2086
    for _ in 1 2; do
      assert_equal "$(merge_any "$(podman inspect --format '{{.State.Pid}}' x)")" "$(if as_a_whole; then echo yes; else echo no; fi)"
      conmon=$(podman inspect --format '{{.State.ConmonPid}}' x)
      assert_equal "$(cat "/proc/$conmon/comm") $(merge_any "$conmon")" 'conmon no'
      run podman $how exec x sh -c 'grep merge_any /proc/self/ksm_stat; env | grep PRELOAD; ls -d /dev/oci-ksm 2>&1'
      if as_a_whole; then
        [ -n "$how" ] || output=${output/no/yes}
        assert_output $'ksm_merge_any: yes\nls: /dev/oci-ksm: No such file or directory'
      else # a session does not see what precreate adds to the environment
        assert_match "$output" $'^ksm_merge_any: no\n'"${how:+LD_PRELOAD=/dev/oci-ksm/.*/libksm_preload.so.}/dev/oci-ksm\$"
      fi
      podman $how stop --time 0 x
      podman $how start x
    done
    run podman diff x
    assert_output ""
    # shellcheck disable=SC2086
    podman $how rm --force --time 0 x
    assert_empty_dir "$P/state/containers"
  done
  if as_a_whole; then
    assert_log_lines 6 'info: merging by process: process was asked for$'
  else
    assert_log_lines 6 "warning: merging by preload: process is not possible: this kernel lacks $(lacking), so preload takes its place$"
  fi
}

@test "a container of another trust domain has nothing of ours, until the first one is gone; layout=shared" {
  other=(podman run --rm "${KSM[@]}" --annotation oci-ksm/domain=b --annotation oci-ksm/layout=shared debian)
  podman run -d --name x "${KSM[@]}" --annotation oci-ksm/domain=a debian "${SLEEP[@]}"
  run "${other[@]}" sh -c 'grep -c libksm /proc/self/maps; echo "$LD_PRELOAD"; cat /proc/self/personality'
  assert_output $'0\n\n00000000'
  assert_log_lines 1 'its trust domain is "b", and that of the containers that merge now is "a" \([0-9a-f]{64}\); the container starts without merging$'
  podman rm --force --time 0 x
  run "${other[@]}" sh -c 'grep -c "r-xp.*libksm" /proc/self/maps; cat /proc/self/personality'
  assert_output $'1\n00040000'
  assert_log_lines 1 'warning: merging by preload: preload was asked for; oci-ksm/layout=shared: '
  assert_log_lines 3
}

@test "an image's own /etc/ld.so.preload stays in force and as it was" {
  mkdir "$T/context"
  printf 'FROM localhost/debian\nRUN echo /lib/x86_64-linux-gnu/libdl.so.2 > /etc/ld.so.preload\n' > "$T/context/Containerfile"
  podman build --network none --quiet --tag own "$T/context"
  run podman_says --name x "${KSM[@]}" own env -i grep -c -e 'r-xp.*libdl.so.2' -e 'r-xp.*libksm_preload.so' /proc/self/maps
  assert_output 2
  run podman diff x
  assert_output ""
  assert_equal "$(cat "$(podman mount x)/etc/ld.so.preload")" /lib/x86_64-linux-gnu/libdl.so.2
}

@test "a read-only container and one with a user namespace have it" {
  run podman_says --rm --read-only "${KSM[@]}" debian "${SHIM_IN_MAPS[@]}"
  assert_status 0
  assert_output 1
  run podman_says --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 "${KSM[@]}" debian "${SHIM_IN_MAPS[@]}"
  assert_status 0
  assert_output 1
}

@test "an image of static programs runs as without us" {
  run --separate-stderr podman_says --name x "${KSM[@]}" busybox sh -c 'echo here'
  assert_status 0
  assert_output here
  assert_equal "$stderr" ""
  run podman diff x
  assert_output ""
}

@test "without the shim the container runs, the log says why; required=true stops it" {
  mv /usr/lib/oci-ksm "$T/"
  run podman_says --name x "${KSM[@]}" debian echo runs
  mkdir /usr/lib/oci-ksm
  assert_status 0
  assert_output runs
  assert_match "$(cat "$LOG")" 'shim|preload'
  run podman run --rm "${KSM[@]}" --annotation oci-ksm/required=true debian echo runs
  mv "$T/oci-ksm/preload" /usr/lib/oci-ksm/
  refute_equal "$status" 0
  refute_contains "$output" runs
  run podman_says --rm "${KSM[@]}" --annotation oci-ksm/required=true debian "${SHIM_IN_MAPS[@]}"
  assert_output 1
}
