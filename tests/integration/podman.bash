# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# podman.bash: a podman with storage of its own for a test file (see lib.bash): podman_begin in setup_file, podman_end in
# teardown_file; between them `podman` is the function below. podman_install installs this project for it.

# podman_begin: $P is the folder; the machine's own podman configuration is left out. On a disk, as storage really is: on a tmpfs a
# folder's size depends on what is in it, and `podman diff` compares sizes.
PODMAN_LOCK=/run/lock/oci-ksm-test-podman.lock
podman_begin() {
  # Its cgroups have the same name in each file's namespace: one file at a time.
  exec {PODMAN_FD}> "$PODMAN_LOCK"
  flock "$PODMAN_FD"
  P=$(mktemp -d /var/tmp/oci-ksm-podman.XXXXXX)
  mkdir "$P/root" "$P/run" "$P/tmp" "$P/hooks.d" "$P/log"
  cat > "$P/containers.conf" << CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
cgroups = "no-conmon"
log_driver = "k8s-file"
$(podman_forced_off env "PATH=$PATH")
[engine]
$(podman_forced_off conmon_env_vars)
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "none"
hooks_dir = ["$P/hooks.d"]
CONF
  printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/root"\nrunroot = "%s/run"\n' "$P" "$P" > "$P/storage.conf"
  export P CONTAINERS_CONF=$P/containers.conf CONTAINERS_STORAGE_CONF=$P/storage.conf
  # Its cache of blobs is always here.
  if mkdir /var/lib/containers 2> /dev/null; then touch "$P/made-var-lib"; fi
  mount -t tmpfs tmpfs /var/lib/containers
  [ -z "$(podman_cgroups)" ] || touch "$P/keep-cgroups"
}

# podman_forced_off KEY [NAME=VALUE]: a line of containers.conf by which what is forced off (see lib.bash) is so in containers (env) or
# for what conmon starts, the runtime (conmon_env_vars). podman_hooks_forced_off: for the installed hooks.
podman_forced_off() { [ -z "${OCI_KSM_NO:-}" ] || printf '%s = [%s"OCI_KSM_NO=%s"]' "$1" "${2:+\"$2\", }" "$OCI_KSM_NO"; }
podman_hooks_forced_off() {
  local file
  [ -n "${OCI_KSM_NO:-}" ] || return 0
  find /usr/share/containers/oci/hooks.d /etc/containers/oci/hooks.d /usr/share/oci-ksm /usr/local/share/oci-ksm -name 'oci-ksm*.json' 2> /dev/null |
    while read -r file; do # a hook of podman's, or CDI's file
      jq '((.hook | values | .env), (.containerEdits.hooks | values | .[].env)) |= . + ["OCI_KSM_NO=" + $ENV.OCI_KSM_NO]' "$file" > "$P/hook.json"
      cp "$P/hook.json" "$file"
    done
}

# podman ARGS...: descriptor 3 is bats' own; what it starts must not hold it.
podman() { command podman --tmpdir "$P/tmp" "$@" < /dev/null 3>&-; }

# podman_says ARGS...: podman run ARGS, which prints something; once more if it prints nothing. podman 4.3 loses the output of a program that
# ends at once now and then, of a container without us, too: 1 of 60 on a busy machine.
podman_says() {
  local status=0 again=()
  podman run "$@" > "$P/said" || status=$?
  if [ ! -s "$P/said" ]; then
    case " $* " in *" --name "*) again=(--replace) ;; esac
    status=0
    podman run "${again[@]}" "$@" > "$P/said" || status=$?
  fi
  cat "$P/said"
  return "$status"
}

# podman_install [PREFIX]: from here on podman uses what `make install PREFIX=/usr` installed, on overlays over /usr and /etc, instead of
# a configuration of the test's. Its settings: $P/state and $P/log/oci-ksm.
podman_install() {
  local top
  for top in usr etc; do
    mkdir "$P/$top.upper" "$P/$top.work"
    mount -t overlay overlay -o "lowerdir=/$top,upperdir=$P/$top.upper,workdir=$P/$top.work" "/$top"
  done
  make --no-print-directory -C "$TOP" BUILD="$BUILD" PREFIX="${1:-/usr}" install > "$P/log/install" 2>&1 || fail "$(cat "$P/log/install")" || return 1
  podman_hooks_forced_off
  mkdir -p /etc/oci-ksm /etc/containers/containers.conf.d
  jq -n --arg p "$P" '{state_dir: ($p + "/state"), log: ("file:" + $p + "/log/oci-ksm")}' > /etc/oci-ksm/oci-ksm.json
  grep -v hooks_dir "$CONTAINERS_CONF" > /etc/containers/containers.conf.d/00-test.conf
  unset CONTAINERS_CONF
}

# podman_load NAME FOLDER: makes the root file system in FOLDER an image.
podman_load() {
  "$TOP/tests/images/rootfs" archive "$1" "$2" "$P/image.tar"
  podman load --quiet --input "$P/image.tar"
  rm -f "$P/image.tar"
}

# podman_end: removes all containers and the storage, and the cgroups that podman made for them.
podman_end() {
  local point
  [ -n "${P:-}" ] || return 0
  podman rm --all --force --time 0 > /dev/null || true
  for point in /usr /etc; do
    if [ -d "$P/${point#/}.upper" ]; then umount -l "$point"; fi
  done
  umount /var/lib/containers
  [ ! -e "$P/made-var-lib" ] || rmdir /var/lib/containers
  # conmon's cgroup is busy until init has reaped it.
  [ -e "$P/keep-cgroups" ] || wait_for 30 podman_cgroups_gone
  awk -v d="$P/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | unmount_all
  rm -rf --one-file-system "$P"
  # Explicitly: what podman has started may hold the descriptor too.
  flock -u "$PODMAN_FD"
  exec {PODMAN_FD}>&-
  unset PODMAN_FD P CONTAINERS_CONF CONTAINERS_STORAGE_CONF
}
podman_cgroups() { find /sys/fs/cgroup -depth -fstype cgroup -path '*/libpod_parent*' -type d; }
podman_cgroups_gone() {
  podman_cgroups | xargs -r rmdir 2> /dev/null || true
  [ -z "$(podman_cgroups)" ]
}

# podman_test_begin, podman_test_end: around each test of a file that has called podman_install, whose settings are used.
podman_test_begin() {
  test_begin
  unset OCI_KSM_SETTINGS
  # shellcheck disable=SC2034 # for the assertions of lib.bash
  LOG=$P/log/oci-ksm STATE=$P/state
  rm -f "$LOG"
}
podman_test_end() {
  podman pod rm --all --force --time 0 > /dev/null
  podman rm --all --force --time 0 > /dev/null
  test_end
}
