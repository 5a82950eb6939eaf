# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# copies.bash: many containers of one program (tests/workloads), and how much of what they have in common gets merged. For
# the tests that load it, the demo and the benchmark; needs containers.bash, and $T, $TOP and $BUILD as in lib.bash.

KSM=/sys/kernel/mm/ksm
KSM_LOCK=/run/lock/oci-ksm-test.lock
COPIES_COUNT=${OCI_KSM_COPIES:-8}

# copies_begin: takes the machine's KSM and stops ksmd, so that nothing merges before it has been counted.
copies_begin() {
  local fd
  exec {fd}> "$KSM_LOCK"
  flock "$fd"
  COPIES_RUN=$(cat "$KSM/run")
  COPIES_SHARING=$(cat "$KSM/pages_sharing")
  # From here on there is something for copies_end to do; not while it waits for its turn.
  COPIES_FD=$fd
  echo 0 > "$KSM/run"
  COPIES=()
}

# copies_end: ends all copies; ksmd does what it did before.
copies_end() {
  local end=$((SECONDS + 10))
  [ -n "${COPIES_FD:-}" ] || return 0
  copies_stop
  # ksmd keeps its books of programs that have ended until it comes by.
  echo 1 > "$KSM/run"
  while [ "$(cat "$KSM/pages_sharing")" -gt "$COPIES_SHARING" ] && [ "$SECONDS" -lt "$end" ]; do
    sleep 0.05
  done
  echo "$COPIES_RUN" > "$KSM/run"
  flock -u "$COPIES_FD"
  exec {COPIES_FD}>&-
  unset COPIES_FD
}

# copies_start N WORKLOAD RUNTIME [options of bundle]: starts N containers more over this machine's files and waits until all are ready.
# Where there is a function copy_edit, copy_edit DIR NUMBER changes the bundle of each.
copies_start() {
  local n=$1 workload=$2 runtime=$3 first=${#COPIES[@]} i id root
  shift 3
  COPIES_RUNTIME=${runtime#*-}
  COPIES_WORKLOAD=$workload
  mkdir -p "$T/workloads"
  cp -r "$TOP/tests/workloads"/* "$T/workloads/"
  # Those that are compiled; the demo needs none.
  if [ -d "$BUILD/tests/workloads" ]; then cp "$BUILD/tests/workloads"/* "$T/workloads/"; fi
  [ "$workload" != java ] || javac -d "$T/workloads" "$TOP/tests/workloads/Table.java"
  for ((i = first + 1; i <= first + n; i++)); do
    id=copy-$$-$workload-$i root=$T/copy-$i/root
    COPIES+=("$id")
    rootfs_host "$root"
    cp -r "$T/workloads" "$root/workloads"
    bundle "$T/copy-$i" "$root" "$@" -- "/workloads/$workload"
    if declare -F copy_edit > /dev/null; then copy_edit "$T/copy-$i" "$i"; fi
    oci_start "$runtime" "$T/copy-$i" "$id"
  done
  for id in "${COPIES[@]}"; do
    copy_wait "$id"
  done
}

# copy_wait ID: until the program says that it is ready.
copy_wait() {
  local end=$((SECONDS + 60))
  until grep -qE '^ready$|ready to receive' "$T/$1.out"; do
    if [ "$SECONDS" -ge "$end" ] || [ ! -e "/proc/$(oci_pid "$COPIES_RUNTIME" "$1")/exe" ]; then
      fail "$1 is not ready:" "$(cat "$T/$1.out" "$T/$1.err")" || return 1
    fi
    sleep 0.05
  done
}

# copies_pids: the pids of the programs, without what starts or drives them.
copies_pids() {
  local id pid name
  case $COPIES_WORKLOAD in
    python) name='python3.*' ;;
    redis) name=redis-server\|redis-check-rdb ;;
    apache) name=apache2 ;;
    *) name=$COPIES_WORKLOAD ;;
  esac
  for id in "${COPIES[@]}"; do
    for pid in $(pgrep --ns "$(oci_pid "$COPIES_RUNTIME" "$id")" --nslist pid); do
      if [[ $(readlink "/proc/$pid/exe") =~ /($name)$ ]]; then echo "$pid"; fi
    done
  done
}

# copies_merge: counts frames, has ksmd merge until it has nothing left to do, counts again; JSON.
copies_merge() {
  local -a pids
  mapfile -t pids < <(copies_pids)
  # Some consist of several processes, of which those that work come and go.
  case $COPIES_WORKLOAD in
    apache | nginx | postgres) [ "${#pids[@]}" -gt "${#COPIES[@]}" ] ;;
    *) [ "${#pids[@]}" -eq "${#COPIES[@]}" ] ;;
  esac || fail "${#pids[@]} programs run in ${#COPIES[@]} containers" || return 1
  "$BUILD/tools/ksm-census" --merge "${pids[@]}"
}

copies_stop() {
  local i
  for ((i = 1; i <= ${#COPIES[@]}; i++)); do
    oci "$COPIES_RUNTIME" delete -f "${COPIES[i - 1]}" > /dev/null 2>&1 || true
    if mountpoint -q "$T/copy-$i/root"; then umount "$T/copy-$i/root" || umount -l "$T/copy-$i/root"; fi
    rm -rf --one-file-system "$T/copy-$i"
  done
  COPIES=()
}
