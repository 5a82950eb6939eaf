# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# hostside.bash: what the tests of oci-ksm-hook and oci-ksm-runtime share, beside lib.bash.

# rootfs_glibc DIR: bash, some programs and the libraries that they need: a small image whose ld.so takes preloads.
rootfs_glibc() {
  local file programs=(/bin/bash /bin/cat /bin/env /bin/grep /bin/ls /bin/sleep /bin/true)
  mkdir -p "$1"/{bin,dev,etc,lib64,proc,sys,tmp,run}
  cp -L "${programs[@]}" "$1/bin/"
  ldd "${programs[@]}" | awk '$3 ~ /^\// { print $3 } $1 ~ /^\/lib/ { print $1 }' | sort -u |
    while read -r file; do
      mkdir -p "$1/${file%/*}"
      cp -L "$file" "$1/$file"
    done
  ln -s bash "$1/bin/sh"
}

# image glibc|busybox: an overlay over such an image at $T/r; what the container writes is in $T/r.upper.
image() {
  "rootfs_$1" "$T/lower"
  overlay "$T/lower" "$T/r"
}

# runs PID NAME: is that what the process runs by now?
runs() { [ "$(cat "/proc/$1/comm")" = "$2" ]; }

# What a glibc container prints of itself: how many of its mappings are the shim's, with and without its environment.
# shellcheck disable=SC2034 # for the test files
LOOK='grep -c libksm_preload.so /proc/self/maps; env -i /bin/grep -c libksm_preload.so /proc/self/maps; cat /etc/ld.so.preload'

# assert_no_traces: nothing of ours in the layer that the container wrote, and nothing in the state. (Its /etc is a copy that
# overlayfs makes when a file is made there, the same in all but its place.)
assert_no_traces() {
  assert_equal "$(find "$T/r.upper" -mindepth 1 ! -path "$T/r.upper/etc")" ''
  assert_equal "$(stat -c '%y %a %u %g' "$T/r/etc")" "$(stat -c '%y %a %u %g' "$T/lower/etc")"
  assert_equal "$(state_files)" ''
}

# user_bundle ARGS...: at $T/b, of a glibc image that belongs to user 1234, with what that user can have made without root:
# no /sys, no groups for terminals, no cgroup limits. The user's $XDG_RUNTIME_DIR is $T/xdg.
user_bundle() {
  chmod 0711 "$OCI_KSM_PRIVATE" "$T"
  rootfs_glibc "$T/r"
  bundle "$T/b" "$T/r" -a oci-ksm/mode=preload -- "$@"
  bundle_edit "$T/b" 'del(.linux.resources) | .mounts |= map(select(.destination | startswith("/sys") | not) |
    if .options then .options |= map(select(startswith("gid=") | not)) else . end)'
  mkdir -m 0700 "$T/xdg"
  settings 'del(.log, .state_dir)'
  chmod 0644 "$OCI_KSM_SETTINGS"
  chown -R 1234:1234 "$T/r" "$T/b" "$T/xdg"
}
# as_user CMD...
as_user() {
  setpriv --reuid 1234 --regid 1234 --clear-groups \
    env -i PATH="$PATH" HOME="$T/xdg" XDG_RUNTIME_DIR="$T/xdg" OCI_KSM_SETTINGS="$OCI_KSM_SETTINGS" \
    ${OCI_KSM_NO:+"OCI_KSM_NO=$OCI_KSM_NO"} "$@" < /dev/null 3>&-
}

# user_image [CONTENT]: an image at $T/r that belongs to a user namespace's root, with CONTENT as its /etc/ld.so.preload if that is given.
user_image() {
  rootfs_glibc "$T/r"
  [ -z "${1:-}" ] || printf '%s\n' "$1" > "$T/r/etc/ld.so.preload"
  chown -R 100000:100000 "$T/r"
  chmod 0711 "$OCI_KSM_PRIVATE" "$T"
}

# merges_in_user_namespace RUNTIME [CONTENT]: the bundle $T/b, whose program is LOOK, finds the shim both ways and leaves nothing.
merges_in_user_namespace() {
  bundle_edit "$T/b" '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  run -0 --separate-stderr oci_run "$1" "$T/b"
  assert_match "$output" $'^[1-9]\n[1-9]\n'
  assert_equal "$stderr" ''
  [ -n "${2:-}" ] || refute_exists "$T/r/etc/ld.so.preload"
  assert_equal "$(find "$STATE" -type f)" ''
}
