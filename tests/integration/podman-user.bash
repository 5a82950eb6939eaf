# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# podman-user.bash: podman as an ordinary user has it, with this project installed for the machine: user_begin in setup_file,
# user_end in teardown_file, beside lib.bash. Between them `podman` is that user's, and `as_user` runs other programs.

USER_RUN=/run/user/1234
USER_LOCK=/run/lock/oci-ksm-test-user.lock

# as_user CMD...: user 1234, at home; storage and settings are the defaults, as a user has them.
as_user() {
  (cd "$P/home" && exec setpriv --reuid 1234 --regid 1234 --clear-groups \
    env -i PATH="$PATH:/usr/local/bin" HOME="$P/home" XDG_RUNTIME_DIR="$USER_RUN" ${OCI_KSM_NO:+"OCI_KSM_NO=$OCI_KSM_NO"} "$@" < /dev/null 3>&-)
}
podman() { as_user podman "$@"; }

# In this mount namespace only: an account with subordinate ids.
user_account() {
  echo "ksmt:x:1234:1234::$P/home:/bin/sh" >> /etc/passwd
  echo 'ksmt:x:1234:' >> /etc/group
  echo 'ksmt:200000:65536' | tee /etc/subuid > /etc/subgid
  mkdir -m 0700 "$P/home"
  mkdir -p "${USER_RUN%/*}"
  mkdir -m 0700 "$USER_RUN"
  chown 1234:1234 "$P/home" "$USER_RUN"
}

# user_begin: $P is the folder; no cgroups, because nobody delegates any here.
user_begin() {
  # Others end the user's programs by their names: one file at a time.
  exec {PODMAN_FD}> "$USER_LOCK"
  flock "$PODMAN_FD"
  P=$(mktemp -d /var/tmp/oci-ksm-podman.XXXXXX)
  export P CONTAINERS_CONF=$P/containers.conf
  chmod 0711 "$P"
  mkdir "$P/log"
  cat > "$CONTAINERS_CONF" << CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
cgroups = "disabled"
log_driver = "k8s-file"
$(podman_forced_off env "PATH=$PATH")
[engine]
$(podman_forced_off conmon_env_vars)
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime_supports_nocgroup = ["crun", "ksm"] # so podman 4.3 reads it, whatever its manual page says
CONF
  podman_install /usr/local
  rm /etc/oci-ksm/oci-ksm.json
  user_account
  podman system migrate
}

# user_helper_found: the helper (see notify.bash) that the user has started is ended by notify_end.
user_helper_found() {
  SOCKET=$USER_RUN/oci-ksm/notify.sock
  NOTIFY_GROUP=$(ps -o pgid= -p "$(notify_hello keeper)" | tr -d ' ')
  assert_equal "$(stat -c %u "/proc/$(notify_hello keeper)")" 1234
}

# user_helper [NAME=VALUE]...: starts the helper of that user; its socket is $SOCKET.
user_helper() {
  if lacks notify; then
    run -1 as_user oci-ksmd
    assert_contains "$output" 'seccomp listeners: Operation not supported'
    return
  fi
  as_user "$@" setsid oci-ksmd > "$T/oci-ksmd.out" 2>&1 &
  notify_hello > /dev/null || fail "oci-ksmd does not serve:" "$(cat "$T/oci-ksmd.out")" || return 1
  user_helper_found
}

user_end() {
  local point
  [ -n "${P:-}" ] || return 0
  podman rm --all --force --time 0 > /dev/null || true
  podman system migrate # ends its pause process
  for point in /usr /etc; do
    if [ -d "$P/${point#/}.upper" ]; then umount -l "$point"; fi
  done
  rm -rf --one-file-system "$P" "$USER_RUN"
  rmdir --ignore-fail-on-non-empty "${USER_RUN%/*}"
  flock -u "$PODMAN_FD"
  exec {PODMAN_FD}>&-
  unset PODMAN_FD P CONTAINERS_CONF
}
