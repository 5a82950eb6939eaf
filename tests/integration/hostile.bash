# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# hostile.bash: attacks on the host through a container's image or bundle, and what they must not do.

setup_file() {
  # Static programs, and a file that says "this is glibc": all that the hook does, in 2 MB.
  TEMPLATE=$(mktemp -d "$OCI_KSM_PRIVATE/template.XXXX")
  export TEMPLATE
  rootfs_busybox "$TEMPLATE"
  mkdir "$TEMPLATE/lib64"
  : > "$TEMPLATE/lib64/ld-linux-x86-64.so.2"
}

teardown_file() { rm -rf "$TEMPLATE"; }

# The host's files that an attack aims at. Two file systems, because $T is a tmpfs like a container's /dev.
setup() {
  test_begin
  DISK=$(mktemp -d /var/tmp/oci-ksm-hostile.XXXXXX)
  for CANARY in "$T/canary" "$DISK/canary"; do
    mkdir -p "$CANARY"/{etc,dev,run,lib64,usr/lib}
    echo secret | tee "$CANARY/secret" > "$CANARY/etc/shadow"
    chmod 0600 "$CANARY/etc/shadow"
    : > "$CANARY/lib64/ld-linux-x86-64.so.2"
  done
}

teardown() {
  test_end
  rm -rf "$DISK"
}

# What of the host could have been changed: the canaries to the byte, what is mounted, and the names that we use.
snapshot() {
  find "$T/canary" "$DISK/canary" -printf '%p %y %m %U %G %s %T@ %i %l\n' | sort
  find "$T/canary" "$DISK/canary" -type f -exec sha256sum {} + | sort
  awk '{ print $3, $4, $5, $6 }' /proc/self/mountinfo | sort
  find /dev /run /etc /tmp -maxdepth 1 \( -name 'oci-ksm' -o -name 'ld.so.preload' \) | sort
}

# outcome PROGRAM RUNTIME: what the container at $B printed and how it ended, without what differs from run to run.
outcome() {
  local rc=0
  timeout 60 "$1" --root "$T/rt-$2" run --bundle "$B" "$(cid)" > "$T/out" 2> "$T/err" < /dev/null 3>&- || rc=$?
  printf 'status %s\n' "$rc"
  cat "$T/out"
  if [ "$rc" -ne 0 ]; then sed -E 's/[0-9]{2,}|[0-9-]+T[0-9:.]+Z?//g' "$T/err"; fi
}

# prepare SETUP: a fresh image $R and bundle $B that asks for merging, and what the attack makes of them.
prepare() {
  rm -rf "$T"/b* "$T"/r*
  R=$T/r B=$T/b
  cp -a "$TEMPLATE" "$R"
  bundle "$B" "$R" -a oci-ksm/mode=preload -- sh -c 'echo ran'
  "$1"
}

# attack SETUP [WAY]...: such a container as it starts without us and in each way with us.
attack() {
  local setup=$1 way rt program plain ours before
  shift
  [ $# -gt 0 ] || set -- hook-crun hook-runc wrapper-crun wrapper-runc
  for way; do
    rt=${way#*-} program=$rt
    prepare "$setup"
    plain=$(outcome "$rt" "$rt")
    prepare "$setup"
    case $way in
      hook-*) bundle_hooks "$B" ;;
      wrapper-*) program=$T/link/oci-ksm-runtime-$rt ;;
    esac
    rm -f "$LOG"
    before=$(snapshot)
    ours=$(outcome "$program" "$rt")
    printf '%s: %s\n' "$way" "$ours"
    assert_equal "$(snapshot)" "$before"
    assert_equal "$ours" "$plain"
    # We were there, and said one thing.
    case $plain in 'status 0'*) assert_log_lines 1 ;; esac
    if [ -d "$STATE" ]; then assert_equal "$(find "$STATE/merged" -type f)" ''; fi
  done
}

# starts: the attack last made was one on a container that does start.
starts() { assert_equal "$(cat "$T/out")" ran; }
