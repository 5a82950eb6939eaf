# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# engines.bash: what is asked of every container engine (see lib.bash). An engine is a prefix of functions that a test file has:
#
#   ENGINE_start HOW NAME IMAGE CMD...   starts a container detached; HOW: ksm (it opts in, with the mode auto) or plain
#   ENGINE_pid NAME                      prints the host's pid of its first process
#   ENGINE_output NAME                   prints what it has written to stdout
#   ENGINE_remove NAME                   stops and removes it
#   ENGINE_traces                        prints what containers could leave behind; the same before and after (see engine_traces)
#
# They are called in parallel, and return non-zero when the engine fails. IMAGE is one of engine_images.

# shellcheck source=tests/integration/copies.bash
source "$TOP/tests/integration/copies.bash"

# How many containers engine_starts starts, and how many at a time.
: "${OCI_KSM_STARTS:=24}"
ENGINE_JOBS=8

# ---- images ----

# engine_images DIR [NAME...]: makes the workloads' images DIR/static.tar, DIR/musl.tar and DIR/python.tar (all by default): localhost/NAME:latest,
# as docker load, podman load and ctr images import take them. CMD of each is /workloads/NAME; busybox is there for exec.
engine_images() {
  local dir=$1 name
  shift
  [ $# -gt 0 ] || set -- static musl python
  for name; do
    "$TOP/tests/images/workload" "$name" "$dir/$name"
    "$TOP/tests/images/rootfs" archive "$name" "$dir/$name" "$dir/$name.tar" "/workloads/$name"
    rm -rf "${dir:?}/$name"
  done
}

# ---- a place for a daemon: a mount namespace with a /run, /etc, /usr/local, /opt and /var/lib that are nobody else's ----

# engine_begin: for setup_file; $E is the folder (on a disk, as storage really is), $ENGINE_CGROUP a cgroup parent for its containers.
engine_begin() {
  E=$(mktemp -d /var/tmp/oci-ksm-engine.XXXXXX)
  ENGINE_CGROUP=/$(basename "$E")
  mkdir "$E/log"
  # It ends when its input does.
  mkfifo "$E/fifo"
  E=$E unshare --mount --propagation private sh -euc '
    for top in etc usr/local opt var/lib; do
      name=$(basename "$top")
      mkdir "$E/$name.upper" "$E/$name.work"
      mount -t overlay overlay -o "lowerdir=/$top,upperdir=$E/$name.upper,workdir=$E/$name.work" "/$top"
    done
    mount -t tmpfs -o mode=0755 engine-run /run
    mkdir -m 1777 /run/lock
    touch "$E/ready"
    exec cat "$E/fifo"' < /dev/null > "$E/log/namespace" 2>&1 3>&- &
  ENGINE_NS=$!
  export E ENGINE_CGROUP ENGINE_NS
  wait_for 30 test -e "$E/ready" || fail "$(cat "$E/log/namespace")"
}

# in_engine CMD...: there.
in_engine() { nsenter --target "$ENGINE_NS" --mount -- "$@" < /dev/null 3>&-; }

# engine_install [PREFIX]: there is what `make install` installs, with a log of the engine's own: $E/log/oci-ksm.
engine_install() {
  in_engine make --no-print-directory -C "$TOP" BUILD="$BUILD" PREFIX="${1:-/usr/local}" install > "$E/log/install" 2>&1 ||
    fail "$(cat "$E/log/install")" || return 1
  # shellcheck disable=SC2016
  in_engine sh -euc 'mkdir -p /etc/oci-ksm; cat > /etc/oci-ksm/oci-ksm.json << END
{"log": "file:$E/log/oci-ksm"}
END'
}

# engine_helper: starts the installed oci-ksmd there; notify_end (notify.bash) ends it, once containers have gone. See notify_begin.
engine_helper() {
  if lacks notify; then
    run -1 in_engine /usr/local/bin/oci-ksmd
    assert_contains "$output" 'seccomp listeners'
    rm -f "$LOG" # in which it has said the same
    return
  fi
  nsenter --target "$ENGINE_NS" --mount -- setsid /usr/local/bin/oci-ksmd < /dev/null > "$E/log/oci-ksmd" 2>&1 3>&- &
  NOTIFY_GROUP=$!
  in_engine "$TOP/tests/tools/notify" hello /run/oci-ksm/notify.sock > /dev/null || fail "oci-ksmd does not serve:" "$(cat "$E/log/oci-ksmd")"
}
# engine_hello [MEMBER]: what it says of itself.
engine_hello() { in_engine "$TOP/tests/tools/notify" hello /run/oci-ksm/notify.sock | jq -r ".${1:-}"; }
engine_notified() { [ "$(engine_hello containers)" -eq "$1" ]; }
# engine_records: the ids of the containers that oci-ksm has a record of.
engine_records() { in_engine sh -c 'ls /run/oci-ksm/containers 2> /dev/null' | sed -n 's/\.json$//p'; }

# engine_end: for teardown_file, when the engine has ended. What still runs there is a fault, and is killed.
engine_end() {
  local left
  [ -n "${E:-}" ] || return 0
  left=$(engine_processes | grep -v "^$ENGINE_NS ") || true
  if [ -n "$left" ]; then
    echo "# still running: $left" >&3
    awk '{ print $1 }' <<< "$left" | xargs -r kill -KILL || true
  fi
  kill -KILL "$ENGINE_NS" 2> /dev/null || true
  wait "$ENGINE_NS" 2> /dev/null || true
  wait_for 30 engine_cgroups_gone
  rm -rf --one-file-system "$E"
  unset E ENGINE_NS
  [ -z "$left" ]
}

# engine_processes: "PID NAME" of what runs in the engine's namespace or in one of its containers.
engine_processes() {
  local ns pid
  ns=$(readlink "/proc/$ENGINE_NS/ns/mnt")
  for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    if [ "$(readlink "/proc/$pid/ns/mnt")" = "$ns" ] || grep -qsF "$ENGINE_CGROUP/" "/proc/$pid/cgroup"; then
      grep -qs '^State:\s[^ZX]' "/proc/$pid/status" && echo "$pid $(cat "/proc/$pid/comm")"
    fi
  done 2> /dev/null
}
engine_cgroups() { find /sys/fs/cgroup -depth "(" -fstype cgroup -o -fstype cgroup2 ")" -path "*$ENGINE_CGROUP*" -type d; }
engine_cgroups_gone() {
  engine_cgroups | xargs -r rmdir 2> /dev/null || true
  [ -z "$(engine_cgroups)" ]
}

# engine_traces FOLDER...: processes, mounts, cgroups, /run of the engine's namespace, and the top levels of these folders.
engine_traces() {
  engine_processes | awk '{ print "process", $2 }' | sort
  awk '{ print "mount", $5 }' "/proc/$ENGINE_NS/mountinfo" | sort
  engine_cgroups | sed 's/^/cgroup /'
  in_engine find /run "$@" -maxdepth 6 ! -type p -printf 'file %p\n' | sort
}

# ---- what is asked ----

engine_ready() { "$1_output" "$2" | grep -q '^ready'; }

# engine_reaches WORKLOAD: does the mode auto? Where the mode process cannot be had, programs that load no shim need the helper.
engine_reaches() { as_a_whole || [ "$1" != static ] || { [ -n "${NOTIFY_GROUP:-}" ] && notifies; }; }

# engine_share ENGINE WORKLOAD [N]: of what N (4) opted-in copies have in common at least 95 % is merged (nothing, if it is not reached).
engine_share() {
  local engine=$1 workload=$2 n=${3:-4} i figures
  local -a pids=()
  copies_begin
  for ((i = 1; i <= n; i++)); do
    "${engine}_start" ksm "share-$workload-$i" "$workload" "/workloads/$workload"
  done
  for ((i = 1; i <= n; i++)); do
    wait_for 60 engine_ready "$engine" "share-$workload-$i"
    pids+=("$("${engine}_pid" "share-$workload-$i")")
  done
  figures=$("$BUILD/tools/ksm-census" --merge "${pids[@]}")
  jq -r --arg w "$workload" --arg e "$engine" 'def mib: . / 1048576 | round;
    "# \($e), \($w): \(.share * 1000 | round / 10) % of \(.before.duplicates | mib) MiB merged (\(.scans) scans in \(.seconds) s)"' <<< "$figures" >&3
  assert_equal "$(jq -c --argjson n "$n" --argjson reached "$(if engine_reaches "$workload"; then echo true; else echo false; fi)" \
    '[.before.processes, .before.duplicates > $n * 4 * 1048576, .settled, if $reached then .share >= 0.95 else .share == 0 end]' <<< "$figures")" "[$n,true,true,true]"
  for ((i = 1; i <= n; i++)); do
    "${engine}_remove" "share-$workload-$i"
  done
  copies_end
}

# engine_untouched ENGINE WORKLOAD: without opt-in nothing is mergeable, and nothing of ours is in the container.
engine_untouched() {
  local engine=$1 name=plain-$2 pid
  "${engine}_start" plain "$name" "$2" "/workloads/$2"
  wait_for 60 engine_ready "$engine" "$name"
  pid=$("${engine}_pid" "$name")
  assert_equal "$(readlink "/proc/$pid/exe" | grep -cE "/(workloads/$2|python3[.0-9]*)$")" 1
  # The flag of a region, and of the process (kernels before 6.16 do not say it).
  assert_equal "$(grep -cE '^VmFlags:.* mg( |$)' "/proc/$pid/smaps")" 0
  assert_equal "$(grep -sE '^ksm_merge_any: *yes' "/proc/$pid/ksm_stat")" ""
  refute_contains "$(awk '{ print $5 }' "/proc/$pid/mountinfo")" ksm
  refute_shim "$pid"
  refute_contains "$(tr '\0' '\n' < "/proc/$pid/environ")" PRELOAD
  refute_exists "/proc/$pid/root/etc/ld.so.preload"
  "${engine}_remove" "$name"
}

# engine_cycles ENGINE JOB COUNT: starts and removes so many containers, one after the other; a line for each that went well.
engine_cycles() {
  local i name
  for ((i = 1; i <= $3; i++)); do
    name=start-$2-$i
    "$1_start" ksm "$name" static sleep 1000 && "$1_pid" "$name" > /dev/null && "$1_remove" "$name" && echo "went well: $name"
  done
}

# engine_starts ENGINE: OCI_KSM_STARTS starts and stops in parallel: none fails, and nothing is left.
engine_starts() {
  local job each=$(((OCI_KSM_STARTS + ENGINE_JOBS - 1) / ENGINE_JOBS))
  local -a jobs=()
  # What an engine makes once and for all is there before.
  engine_cycles "$1" first 1
  "$1_traces" > "$T/before"
  for ((job = 1; job <= ENGINE_JOBS; job++)); do
    engine_cycles "$1" "$job" "$each" > "$T/cycles.$job" 2>&1 3>&- &
    jobs+=($!)
  done
  wait "${jobs[@]}" || true
  assert_equal "$(cat "$T"/cycles.* | grep -c '^went well')" $((each * ENGINE_JOBS)) || fail "$(cat "$T"/cycles.* | grep -v '^went well')"
  wait_for 30 engine_left_nothing "$1" || fail "left or gone:" "$(diff "$T/before" "$T/after")"
}
engine_left_nothing() { "$1_traces" > "$T/after" && cmp -s "$T/before" "$T/after"; }
