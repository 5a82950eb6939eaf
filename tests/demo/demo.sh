#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh: what merging saves, in under a minute: 8 containers of one python3 program under crun, first without oci-ksm, then
# with the annotation oci-ksm/mode=preload. Nothing is left afterwards, and KSM is as it was. Started by `make demo`.
set -euo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
: "${BUILD:=$TOP/build}"
case $BUILD in /*) ;; *) BUILD=$TOP/$BUILD ;; esac
BIN=$BUILD/bin
if [ -z "${OCI_KSM_PRIVATE:-}" ]; then
  [ "$(id -u)" -eq 0 ] || { echo 'demo: only root can start these containers and set KSM to work' >&2 && exit 1; }
  [ -e /sys/kernel/mm/ksm/run ] || { echo 'demo: this kernel has no KSM (CONFIG_KSM)' >&2 && exit 1; }
  exec "$TOP/tests/integration/private" "$0" "$@"
fi

copies=8
T=$(mktemp -d "$OCI_KSM_PRIVATE/demo.XXXX")
# shellcheck source=tests/integration/containers.bash
source "$TOP/tests/integration/containers.bash"
# shellcheck source=tests/integration/copies.bash
source "$TOP/tests/integration/copies.bash"

fail() {
  printf 'demo: %s\n' "$@" >&2
  return 1
}

say() { printf '%s\n' "$*" >&2; }

finish() {
  trap '' INT TERM HUP
  copies_end
  rm -rf "$T"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# measure MODE RUNTIME [options of bundle]
measure() {
  local mode=$1 runtime=$2
  shift 2
  say "$mode: starting $copies containers ..."
  copies_start "$copies" python "$runtime" "$@"
  say "$mode: merging, until ksmd finds nothing more ..."
  copies_merge > "$T/$mode.json"
  if [ "$mode" != none ]; then
    say "$mode: what oci-ksm status says"
    "$BIN/oci-ksm" status >&2
  fi
  copies_stop
}

mkdir "$T/link"
ln -s "$BIN/oci-ksm-runtime" "$T/link/oci-ksm-runtime-crun"
export OCI_KSM_SETTINGS=$T/settings.json
jq -n --arg p "$BUILD/lib/oci-ksm/preload" --arg s "$T/state" --arg l "file:$T/log" \
  '{preload_dir: $p, state_dir: $s, log: $l}' > "$OCI_KSM_SETTINGS"

copies_begin
measure none crun
measure preload wrapper-crun -a oci-ksm/mode=preload
jq -rn '
  def mib: "\(. / 1048576 | round) MiB";
  ["mode", "anonymous", "duplicates", "merged away", "share", "left", "ksmd"],
  (inputs | .without = .after.frames + .merged_away
   | [input_filename | sub(".*/"; "") | sub(".json$"; "")]
   + [(.before.frames | mib), (.before.duplicates | mib), (.merged_away | mib), "\(.share * 1000 | round / 10) %",
      (.after.frames | mib), "\(.ksmd_seconds) s"])
  | @tsv' "$T/none.json" "$T/preload.json" | column -t -s "$(printf '\t')"
