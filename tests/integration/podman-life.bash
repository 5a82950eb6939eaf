# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# podman-life.bash: what containers of podman live through, root's and other users' alike; beside lib.bash (or podman-user.bash)
# and hostside.bash. $LOG and $STATE are what oci-ksm writes; the image is `small`.

# shellcheck source=tests/integration/engines.bash
source "$TOP/tests/integration/engines.bash"

AUTO=(--annotation oci-ksm/mode=auto)
SLEEP=(sleep 1000)

# life_images: localhost/static, musl and python (see engines.bash), and that of life_small.
life_images() {
  local name
  engine_images "$P"
  for name in static musl python; do
    podman load --quiet --input "$P/$name.tar"
    rm "$P/$name.tar"
  done
  life_small
}

# life_small: localhost/small: bash, glibc and a static program.
life_small() {
  rootfs_glibc "$P/small"
  cp "$BUILD/tests/workloads/static" "$P/small/bin/"
  mkdir "$P/small/usr"
  # podman mounts files over these, and makes the link: with them in the image it changes nothing itself.
  touch "$P"/small/etc/{hosts,hostname,resolv.conf} "$P/small/run/.containerenv"
  ln -s /proc/mounts "$P/small/etc/mtab"
  podman_load small "$P/small"
}

pid_of() { podman inspect --format '{{.State.Pid}}' "$1"; }
# config NAME FILTER: of the config.json that the runtime got.
config() { jq -c "$2" "$(podman inspect --format '{{.OCIConfigPath}}' "$1")"; }
# merges PID: all of the process, or what the shim in it marks.
merges() { grep -qs '^ksm_merge_any: yes' "/proc/$1/ksm_stat" || grep -q libksm_preload.so "/proc/$1/maps"; }
# A program loads the shim some time after podman says that it has started.
assert_merges() { wait_for 30 merges "$1" || fail "process $1 does not merge: $(tr '\0' ' ' < "/proc/$1/cmdline")" "$(cat "/proc/$1/ksm_stat")"; }
refute_merges() { ! merges "$1" || fail "process $1 merges: $(tr '\0' ' ' < "/proc/$1/cmdline")"; }

# assert_no_ours TEXT: of a container's configuration or mounts
assert_no_ours() { assert_equal "$(grep -oP 'oci-ksm/|oci-ksm-hook|libksm|LD_PRELOAD|OCI_KSM(?!_NO)' <<< "$1")" ''; }

# life_untouched: a container that did not ask.
life_untouched() {
  podman run -d --name plain small "${SLEEP[@]}"
  refute_merges "$(pid_of plain)"
  assert_no_ours "$(cat "/proc/$(pid_of plain)/mountinfo")"
  run podman exec plain bash -c 'echo "<$LD_PRELOAD$OCI_KSM_MODE>"; ls /dev/oci-ksm'
  assert_match "$output" '^<>.*No such file'
  assert_no_ours "$(config plain .)"
  assert_log_lines 0
}

# life_run: what it says and how it ends are its own.
life_run() {
  run -7 --separate-stderr podman_says --rm "${AUTO[@]}" small bash -c 'echo out; echo error >&2; exit 7'
  assert_output out
  assert_equal "$stderr" error
  run -0 podman_says --rm "${AUTO[@]}" small cat /proc/self/ksm_stat /proc/self/maps
  assert_match "$output" 'merge_any: yes|libksm_preload.so'
}

# life_again: create, start, stop, restart, kill, start.
life_again() {
  podman create --name x "${AUTO[@]}" small "${SLEEP[@]}"
  podman start x
  assert_merges "$(pid_of x)"
  podman restart --time 0 x
  assert_merges "$(pid_of x)"
  podman stop --time 0 x
  run -0 podman diff x
  assert_output ''
  podman start x
  podman kill x
  podman wait x
  podman start x
  assert_merges "$(pid_of x)"
  podman rm --force --time 0 x
  assert_empty_dir "$STATE/containers"
}

# life_policy: restarted by podman, with a volume of the container's name, in which there is nothing of ours.
life_policy() {
  podman run -d --name x --restart on-failure:2 --volume x:/data "${AUTO[@]}" small \
    bash -c 'grep -qE "merge_any: yes|libksm_preload" /proc/self/ksm_stat /proc/self/maps && echo merging >> /data/starts; exit 1'
  wait_for 30 life_policy_ended
  data=$(podman volume inspect --format '{{.Mountpoint}}' x)
  assert_equal "$(cat "$data/starts")" $'merging\nmerging\nmerging'
  assert_equal "$(ls -A "$data")" starts
  podman rm --volumes x
  podman volume rm x
}
life_policy_ended() { [ "$(podman inspect --format '{{.RestartCount}} {{.State.Status}}' x)" = '2 exited' ]; }

# life_pod [podman's options]: the pod's containers as they wish, its pause container never.
life_pod() {
  local pause
  podman "$@" pod create --name pod
  podman "$@" run -d --pod pod --name x "${AUTO[@]}" small "${SLEEP[@]}"
  podman "$@" run -d --pod pod --name off --annotation oci-ksm/mode=off small "${SLEEP[@]}"
  pause=$(podman pod inspect --format '{{.InfraContainerID}}' pod)
  for _ in 1 2; do
    assert_merges "$(pid_of x)"
    refute_merges "$(pid_of off)"
    refute_merges "$(pid_of "$pause")"
    assert_equal "$(tr '\0' ' ' < "/proc/$(pid_of "$pause")/cmdline")" '/catatonit -P '
    assert_no_ours "$(config "$pause" .)"
    podman "$@" pod stop --time 0 pod
    podman "$@" pod start pod
  done
  podman "$@" pod rm --force --time 0 pod
  assert_empty_dir "$STATE/containers"
}

# exec_pid ARGS: the process in the running container x with just these.
exec_pid() { pgrep --ns "$(pid_of x)" --nslist pid -fx "$1"; }
# life_exec yes|no ARGS: what `podman exec` starts in x merges, or not.
life_exec() {
  # shellcheck disable=SC2086 # the words of a command
  podman exec -d x $2
  wait_for 30 exec_pid "$2"
  if [ "$1" = yes ]; then assert_merges "$(exec_pid "$2")"; else refute_merges "$(exec_pid "$2")"; fi
}

# What exec starts is no child of the container's first process: hooks reach it by /etc/ld.so.preload only.
life_exec_hooks() {
  podman run -d --name x --annotation oci-ksm/mode=preload small "${SLEEP[@]}"
  life_exec yes 'sleep 1001'
  life_exec no /bin/static
  podman rm --force --time 0 x
  podman run -d --name x --annotation oci-ksm/mode=process small "${SLEEP[@]}"
  # Where preload takes its place, it is by that.
  life_exec "$(if as_a_whole; then echo no; else echo yes; fi)" 'sleep 1001'
}
life_exec_runtime() {
  podman --runtime ksm run -d --name x --annotation oci-ksm/mode=process small "${SLEEP[@]}"
  # podman remembers a container's runtime.
  life_exec yes 'sleep 1001'
  life_exec "$(if as_a_whole; then echo yes; else echo no; fi)" /bin/static
  podman stop --time 0 x
  podman start x
  assert_merges "$(pid_of x)"
  podman rm --force --time 0 x
  assert_empty_dir "$STATE/containers"
}

# ---- for engines.bash ----
podman_start() {
  local -a wish=()
  [ "$1" = plain ] || wish=("${AUTO[@]}")
  podman run -d --name "$2" "${wish[@]}" "${@:3}" > /dev/null
}
podman_pid() { pid_of "$1"; }
podman_output() { podman logs "$1"; }
podman_remove() { podman rm --force --time 0 "$1" > /dev/null; }
podman_traces() {
  podman ps --all --quiet
  pgrep -f "$P/" > /dev/null && echo process
  # The storage's own goes with the last container that is mounted there.
  awk '{ print "mount", $5 }' /proc/self/mountinfo | grep -v '/root/overlay$' | sort
  podman_cgroups | sed 's/^/cgroup /'
  find "$P" "$STATE" -maxdepth 6 ! -path '*.upper/*' ! -path '*.lock' -printf 'file %p\n' | grep -vE '/(root|storage)/.*-(layers|images|containers)/|/libpod/' | sort
}
