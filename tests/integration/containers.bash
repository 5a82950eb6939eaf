# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# containers.bash: root file systems, bundles and OCI runtimes for the integration tests (see lib.bash).

# ---- root file systems ----

# rootfs_busybox DIR: a plain writable folder with static busybox and its links (2 MB, no libc).
rootfs_busybox() { "$TOP/tests/images/rootfs" busybox "$1"; }

# overlay LOWER DIR: an overlay mounted at DIR; upper_of DIR is the layer that the container writes.
overlay() {
  mkdir -p "$2" "$2.upper" "$2.work"
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$2.upper,workdir=$2.work" "$2"
}
upper_of() { printf '%s.upper' "$1"; }

# rootfs_host DIR: an overlay over the machine's own files (fast; whatever is installed here is there).
rootfs_host() { overlay / "$1"; }

# rootfs_debian SUITE DIR: an overlay over a minimal Debian (bookworm: glibc 2.36, bullseye: glibc 2.31), cached.
rootfs_debian() { overlay "$("$TOP/tests/images/rootfs" debian "$1")" "$2"; }

# ---- bundles ----

# bundle DIR ROOTFS [-a KEY=VALUE]... [-e NAME=VALUE]... -- ARGS...: makes DIR/config.json as `crun spec` does, without
# terminal, with a writable root; -a adds annotations, -e environment variables. What is forced off (see lib.bash) is so for the shim, too.
bundle() {
  local dir=$1 rootfs=$2 annotations='{}' env='[]' args
  shift 2
  while [ "$1" != -- ]; do
    case $1 in
      -a) annotations=$(jq -c --arg k "${2%%=*}" --arg v "${2#*=}" '.[$k] = $v' <<< "$annotations") ;;
      -e) env=$(jq -c --arg e "$2" '. + [$e]' <<< "$env") ;;
      *) fail "bundle: what is $1?" || return 1 ;;
    esac
    shift 2
  done
  shift
  mkdir -p "$dir"
  (cd "$dir" && rm -f config.json && crun spec)
  args=$(jq -nc '$ARGS.positional' --args -- "$@")
  if [ -n "${OCI_KSM_NO:-}" ] && [[ $env != *OCI_KSM_NO=* ]]; then env=$(jq -c --arg e "OCI_KSM_NO=$OCI_KSM_NO" '. + [$e]' <<< "$env"); fi
  bundle_edit "$dir" '.process.terminal = false | .process.args = $args | .process.env += $env
    | .root = {path: $root, readonly: false} | if $annotations == {} then . else .annotations += $annotations end' \
    --arg root "$rootfs" --argjson annotations "$annotations" --argjson env "$env" --argjson args "$args"
}

# bundle_edit DIR JQ-FILTER [jq options]
bundle_edit() {
  local dir=$1 filter=$2
  shift 2
  jq "$filter" "$dir/config.json" "$@" > "$dir/config.tmp"
  mv "$dir/config.tmp" "$dir/config.json"
}

# bundle_hooks DIR [STAGE]: adds oci-ksm-hook at STAGE (prestart, the default, or createRuntime) and poststop, as an engine does
# that reads hooks.d, with this test's settings and what is forced off.
bundle_hooks() {
  bundle_edit "$1" 'def hook($arg): {path: $path, args: ["oci-ksm-hook", $arg], env: $env};
    .hooks[$stage] += [hook($stage)] | .hooks.poststop += [hook("poststop")]' \
    --arg stage "${2:-prestart}" --arg path "$BIN/oci-ksm-hook" \
    --argjson env "$(jq -nc '$ARGS.positional' --args "OCI_KSM_SETTINGS=$OCI_KSM_SETTINGS" ${OCI_KSM_NO:+"OCI_KSM_NO=$OCI_KSM_NO"})"
}

# ---- runtimes: RUNTIME is crun, runc, wrapper-crun or wrapper-runc (oci-ksm-runtime in front of it), parent-crun or parent-runc (started
# by a process that is mergeable as a whole, as systemd's MemoryKSM= makes a unit) ----

# oci RUNTIME ARGS...: that runtime with a state folder of this test's own: oci crun list
oci() {
  local rt=$1
  shift
  case $rt in
    crun | runc) "$rt" --root "$T/rt-$rt" "$@" ;;
    wrapper-*) "$T/link/oci-ksm-runtime-${rt#wrapper-}" --root "$T/rt-${rt#wrapper-}" "$@" ;;
    parent-*)
      python3 -c 'import ctypes, os, sys
if ctypes.CDLL(None).prctl(67, 1, 0, 0, 0) != 0: sys.exit("no PR_SET_MEMORY_MERGE here")
os.execvp(sys.argv[1], sys.argv[1:])' "${rt#parent-}" --root "$T/rt-${rt#parent-}" "$@"
      ;;
    *) fail "oci: what is $rt?" ;;
  esac
}

# oci_run RUNTIME BUNDLE [ID]: runs the container to its end; use as: run [--separate-stderr] oci_run crun "$T/b"
oci_run() { oci "$1" run --bundle "$2" "${3:-$(cid)}" < /dev/null 3>&-; }

# oci_start RUNTIME BUNDLE [ID]: starts it detached, waits until it runs; stdout and stderr to $T/ID.out and $T/ID.err.
oci_start() {
  local name=${3:-$(cid)}
  oci "$1" run --detach --bundle "$2" "$name" < /dev/null > "$T/$name.out" 2> "$T/$name.err" 3>&- ||
    fail "$1 does not start $name:" "$(cat "$T/$name.err")"
}

# oci_pid RUNTIME [ID]: the host's pid of its init.
oci_pid() { oci "$1" state "${2:-$(cid)}" | jq .pid; }

# oci_stop RUNTIME [ID]: kills it and deletes it (poststop hooks run).
oci_stop() {
  local name=${2:-$(cid)}
  oci "$1" kill "$name" KILL 2> /dev/null || true
  wait_for 30 oci_stopped "$1" "$name"
  oci "$1" delete "$name"
}
oci_stopped() { [ "$(oci "$1" state "$2" | jq -r .status)" = stopped ]; }
