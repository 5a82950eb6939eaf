# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# common.bash: what the parts of the benchmark share. A part prints samples, `part,subject,way,figure,unit,value` a line, in the order of its
# rounds: `summarise` makes figures of them. $BENCH is quick or full. It runs inside tests/integration/private, as root.
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${BUILD:=$TOP/build}" "${BENCH:=quick}"
case $BUILD in /*) ;; *) BUILD=$TOP/$BUILD ;; esac
BIN=$BUILD/bin
PART=$(basename "$0")
export TOP BUILD BIN BENCH LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
[ -n "${OCI_KSM_PRIVATE:-}" ] || exec "$TOP/tests/integration/private" "$0" "$@"
# shellcheck source=tests/integration/containers.bash
source "$TOP/tests/integration/containers.bash"
# shellcheck source=tests/integration/copies.bash
source "$TOP/tests/integration/copies.bash"
# shellcheck source=tests/integration/hostside.bash
source "$TOP/tests/integration/hostside.bash"

fail() {
  printf 'bench %s: %s\n' "$PART" "$@" >&2
  return 1
}
# say TEXT: what happens now, on a terminal.
say() { if [ -t 2 ]; then printf '\r\033[K%s: %s' "$PART" "$*" >&2; fi; }
# by_size QUICK FULL: the one that $BENCH asks for.
by_size() { if [ "$BENCH" = full ]; then echo "$2"; else echo "$1"; fi; }

# sample SUBJECT WAY FIGURE UNIT VALUE...
sample() {
  local value what="$PART,$1,$2,$3,$4"
  shift 4
  for value; do
    [[ $value =~ ^-?[0-9.]+(e[-+]?[0-9]+)?$ ]] || fail "'$value' is no number: $what" || return 1
    printf '%s,%s\n' "$what" "$value"
  done
}

# ---- the life of a part ----

T=$(mktemp -d "$OCI_KSM_PRIVATE/bench.XXXX")
COPIES=()
mkdir -p "$T/link" "$T/workloads"
ln -s "$BIN/oci-ksm-runtime" "$T/link/oci-ksm-runtime-crun"
ln -s "$BIN/oci-ksm-runtime" "$T/link/oci-ksm-runtime-runc"
export OCI_KSM_SETTINGS=$T/settings.json
jq -n --arg p "$BUILD/lib/oci-ksm/preload" --arg s "$T/state" --arg l "file:$T/log" \
  '{preload_dir: $p, state_dir: $s, log: $l}' > "$OCI_KSM_SETTINGS"

# helper_begin whole|regions: starts oci-ksmd, which marks whole processes where the kernel can do that, or region by region as elsewhere, and
# waits until it answers; helper_end ends it, once its containers are gone.
helper_begin() {
  local no=${OCI_KSM_NO:-}
  [ "$1" = whole ] || no=prctl
  OCI_KSM_NO=$no setsid "$BIN/oci-ksmd" < /dev/null > "$T/oci-ksmd.out" 2>&1 &
  HELPER=$!
  "$TOP/tests/tools/notify" hello "$T/state/notify.sock" > /dev/null
}
helper_end() {
  local end=$((SECONDS + 20))
  [ -n "${HELPER:-}" ] || return 0
  while pkill -TERM -g "$HELPER" && [ "$SECONDS" -lt "$end" ]; do sleep 0.05; done
  # Its processes start each other again.
  while pkill -KILL -g "$HELPER"; do sleep 0.01; done
  HELPER=
}

# finish: part_end, if the part has one, ends what else it has started.
finish() {
  trap '' INT TERM HUP
  if declare -F part_end > /dev/null; then part_end || true; fi
  copies_end || true
  helper_end
  awk -v t="$T/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | tac | xargs -r umount -l
  rm -rf --one-file-system "$T"
  say ''
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- ways: containers without oci-ksm, in each of its modes, and as others do it ----

# ways NAME...: those of them that can be had here: ksm-preload is KSM Preload's library, whose path $BENCH_PEER_PRELOAD says.
ways() {
  local way
  for way; do
    case $way in
      ksm-preload) [ -n "${BENCH_PEER_PRELOAD:-}" ] || continue ;;
    esac
    echo "$way"
  done
}

# The ways of this run; $WAYS names others.
all_ways() {
  if [ -n "${WAYS:-}" ]; then
    # shellcheck disable=SC2086 # a list
    ways $WAYS
  elif [ "$BENCH" = full ]; then
    ways none ksm-preload parent preload notify process auto auto+layout
  else
    ways none ksm-preload preload notify process
  fi
}

# start WAY N WORKLOAD [options of bundle]: N containers more.
start() {
  local way=$1 n=$2 workload=$3
  shift 3
  case $way in
    none | again) copies_start "$n" "$workload" crun "$@" ;;
    parent) copies_start "$n" "$workload" parent-crun "$@" ;;
    ksm-preload)
      cp "$BENCH_PEER_PRELOAD" "$T/workloads/libksm_preload.so"
      copies_start "$n" "$workload" crun -e LD_PRELOAD=/workloads/libksm_preload.so "$@"
      ;;
    auto+layout) copies_start "$n" "$workload" wrapper-crun -a oci-ksm/mode=auto -a oci-ksm/layout=shared "$@" ;;
    *) copies_start "$n" "$workload" wrapper-crun -a "oci-ksm/mode=$way" "$@" ;;
  esac
}

# turn ROUND WORD...: the words beginning with another one each round, so that what else the machine does meets them all alike.
turn() {
  local round=$1 i
  shift
  for ((i = 0; i < $#; i++)); do
    printf '%s\n' "${@:(round + i) % $# + 1:1}"
  done
}

# copy_edit DIR NUMBER: servers get the capabilities that docker gives, the host's network, and a port and a name of their own.
PORT_FIRST=${BENCH_PORT:-21000}
copy_edit() {
  case $COPIES_WORKLOAD in apache | nginx | postgres) ;; *) return 0 ;; esac
  bundle_edit "$1" '["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
      "CAP_SETPCAP", "CAP_NET_BIND_SERVICE"] as $caps |
    .process.capabilities |= with_entries(if .key == "ambient" then . else .value = $caps end) |
    .linux.namespaces |= map(select(.type != "network")) |
    .process.env += ["PORT=" + $port, "SITE=site" + $number]' --arg port "$((PORT_FIRST + $2))" --arg number "$2"
}
