# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# switch.bash: containers that oci-ksm enable and disable are called for. Loaded after lib.

enable() { "$BIN/oci-ksm" enable "$@"; }
disable() { "$BIN/oci-ksm" disable "$@"; }

# program MIB [STATEMENT]: the text of a python program with so much memory, of whose pages 256 have different contents. In an endless
# loop it does STATEMENT.
program() {
  printf '%s\n' "import mmap, os, subprocess, time
def new(size):
    m = mmap.mmap(-1, size << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(size << 8):
        m[page << 12:(page << 12) + 8] = b'%08d' % (page % 256)
    return m
m = new($1)
print('ready', flush=True)
i = 0
while True:
    i += 1
    ${2:-time.sleep(100)}"
}
# start NAME PROGRAM [options of bundle]: a container of crun's, or of $RUNTIME; its first process is $PID.
start() {
  local name=$1 text=$2
  shift 2
  [ -d "$T/root" ] || rootfs_host "$T/root"
  bundle "$T/$name" "$T/root" "$@" -- /usr/bin/python3 -u -c "$text"
  oci_start "${RUNTIME:-crun}" "$T/$name" "$(cid "$name")"
  PID=$(oci_pid crun "$(cid "$name")")
  wait_for 20 grep -q ready "$T/$(cid "$name").out"
}
# holds FILTER: is it true of the JSON in $output?
holds() { [ "$(jq ".containers[0] | $1" <<< "$output")" = true ] || fail "not true: $1" "$output"; }
# marked PID: so many of its mappings have the mark. merged PID: so many of its pages are merged
marked() { grep -c '^VmFlags:.* mg' "/proc/$1/smaps" || true; }
merged() { cat "/proc/$1/ksm_merging_pages"; }
merged_at_least() { [ "$(merged "$1")" -ge "$2" ]; }
# census PID...: bytes of their frames that KSM has made
census() { "$BUILD/tools/ksm-census" "$@" | jq .now.merged; }

# unmergeable ID [options of enable]: where the kernel has no KSM, nothing is changed and nothing remembered.
unmergeable() {
  local id=$1
  shift
  refused_without_ksm enable "$@" "$id"
  assert_equal "$(marked "$PID")" 0
  run grep -qs 'merge_any: yes' "/proc/$PID/ksm_stat"
  assert_status 1
  refute_exists "$STATE/switched/$id.json"
  assert_equal "$(oci crun state "$id" | jq -r .status)" running
}
