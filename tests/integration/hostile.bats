#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hostile.bats: whatever the image, the bundle and the annotations say, nothing of the host is changed, and the container
# starts as it does without us.
load lib
load hostside

setup_file() {
  # Static programs, and a file that says "this is glibc": all that the hook does, in 2 MB.
  TEMPLATE=$(mktemp -d "$OCI_KSM_PRIVATE/template.XXXX")
  export TEMPLATE
  source "$BATS_TEST_DIRNAME/containers.bash"
  TOP=$BATS_TEST_DIRNAME/../.. rootfs_busybox "$TEMPLATE"
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

# ---- /etc ----

etc_absolute() { rm -r "$R/etc" && ln -s "$DISK/canary/etc" "$R/etc"; }
@test "/etc: an absolute link out" { attack etc_absolute && starts; }

etc_relative() { rm -r "$R/etc" && ln -s "../../../../../../..$DISK/canary/etc" "$R/etc"; }
@test "/etc: a relative link out" { attack etc_relative && starts; }

etc_magic() { rm -r "$R/etc" && ln -s "/proc/1/root$DISK/canary/etc" "$R/etc"; }
@test "/etc: a link through /proc/1/root" { attack etc_magic && starts; }

etc_loop() { rm -r "$R/etc" && ln -s etc "$R/etc"; }
@test "/etc: a loop" { attack etc_loop && starts; }

etc_missing() { rm -r "$R/etc"; }
@test "/etc: missing" { attack etc_missing && starts; }

etc_file() { rm -r "$R/etc" && echo file > "$R/etc"; }
@test "/etc: a file" { attack etc_file && starts; }

etc_fifo() { rm -r "$R/etc" && mkfifo "$R/etc"; }
@test "/etc: a fifo" { attack etc_fifo && starts; }

etc_device() { rm -r "$R/etc" && mknod "$R/etc" c 1 5; }
@test "/etc: a device" { attack etc_device && starts; }

etc_volume() { bundle_edit "$B" '.mounts += [{destination: "/etc", type: "bind", source: $c, options: ["rbind", "rw"]}]' --arg c "$DISK/canary/etc"; }
@test "/etc: a volume of the host" { attack etc_volume && starts; }

# ---- /etc/ld.so.preload ----

list_link() { ln -s "$DISK/canary/secret" "$R/etc/ld.so.preload"; }
@test "ld.so.preload: a link to a file of the host" { attack list_link && starts; }

list_dangling() { ln -s "$DISK/canary/etc/new" "$R/etc/ld.so.preload"; }
@test "ld.so.preload: a link to what would be made on the host" { attack list_dangling && starts; }

list_loop() { ln -s ld.so.preload "$R/etc/ld.so.preload"; }
@test "ld.so.preload: a loop" { attack list_loop && starts; }

list_fifo() { mkfifo "$R/etc/ld.so.preload"; }
@test "ld.so.preload: a fifo that nobody writes" { attack list_fifo && starts; }

list_zero() { mknod "$R/etc/ld.so.preload" c 1 5; }
@test "ld.so.preload: a device that never ends" { attack list_zero && starts; }

list_block() { mknod "$R/etc/ld.so.preload" b 7 200; }
@test "ld.so.preload: a block device" { attack list_block && starts; }

list_socket() { /usr/bin/python3 -c 'import socket, sys, os; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind("ld.so.preload")' "$R/etc"; }
@test "ld.so.preload: a socket" { attack list_socket && starts; }

list_folder() { mkdir "$R/etc/ld.so.preload"; }
@test "ld.so.preload: a folder" { attack list_folder && starts; }

list_huge() { truncate -s 1G "$R/etc/ld.so.preload"; }
@test "ld.so.preload: 1 GiB" { attack list_huge && starts; }

list_hard_link() { ln "$T/canary/secret" "$R/etc/ld.so.preload"; }
@test "ld.so.preload: a hard link to a file of the host" { attack list_hard_link && starts; }

list_volume() { bundle_edit "$B" '.mounts += [{destination: "/etc/ld.so.preload", type: "bind", source: $c, options: ["bind", "rw"]}]' --arg c "$DISK/canary/secret"; }
@test "ld.so.preload: a volume of the host" { attack list_volume && starts; }

# A list that belongs to the host's root, in an image of a user namespace: its tenant must not get to read it by us.
list_unreadable() {
  chown -R 100000:100000 "$R"
  ln "$T/canary/etc/shadow" "$R/etc/ld.so.preload"
  chmod 0711 "$OCI_KSM_PRIVATE" "$T"
  bundle_edit "$B" '.process.args = ["sh", "-c", "cat /etc/ld.so.preload; echo ran"] | .linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
}
@test "ld.so.preload: a hard link to a secret of the host's root" { attack list_unreadable && starts; }

# ---- /dev and the shim's mount point ----

# runc follows these itself and writes into the canary (1.1.5), so that there is nothing to compare with.
dev_link() { rm -r "$R/dev" && ln -s "$DISK/canary/dev" "$R/dev"; }
@test "/dev: a link out" { attack dev_link hook-crun wrapper-crun; }

dev_root() { rm -r "$R/dev" && ln -s / "$R/dev"; }
@test "/dev: a link to /" { attack dev_root hook-crun wrapper-crun; }

dev_file() { rm -r "$R/dev" && echo file > "$R/dev"; }
@test "/dev: a file" { attack dev_file hook-crun wrapper-crun; }

dev_loop() { rm -r "$R/dev" && ln -s dev "$R/dev"; }
@test "/dev: a loop" { attack dev_loop hook-crun wrapper-crun; }

target_hidden() { ln -s "$DISK/canary/dev" "$R/dev/oci-ksm"; }
@test "/dev/oci-ksm: a link out, below the tmpfs" { attack target_hidden && starts; }

# run_tmpfs OPTIONS JQ-ARRAY: without a /dev of its own the shim goes to /run, into which runtimes can copy what the image has.
run_tmpfs() {
  bundle_edit "$B" '.mounts |= map(select(.destination | startswith("/dev") | not)) + [
    {destination: "/dev", type: "bind", source: "/dev", options: ["rbind"]},
    {destination: "/run", type: "tmpfs", source: $s, options: ($o | split(","))}]' --arg s "$1" --arg o "$2"
}

target_link() { ln -s "$DISK/canary/run" "$R/run/oci-ksm" && run_tmpfs tmpfs tmpcopyup; }
@test "/run/oci-ksm: a link out, copied into the tmpfs" { attack target_link; }

target_fifo() { mkfifo "$R/run/oci-ksm" && run_tmpfs tmpfs tmpcopyup; }
@test "/run/oci-ksm: a fifo, copied into the tmpfs" { attack target_fifo; }

target_file() { echo file > "$R/run/oci-ksm" && run_tmpfs tmpfs tmpcopyup; }
@test "/run/oci-ksm: a file, copied into the tmpfs" { attack target_file; }

run_bind() { run_tmpfs "$T/canary/run" rbind; }
@test "/run: a tmpfs of the host under the name of a tmpfs" { attack run_bind && starts; }

target_volume() { bundle_edit "$B" '.mounts += [{destination: "/dev/oci-ksm", type: "bind", source: $c, options: ["rbind", "rw"]}]' --arg c "$DISK/canary/dev"; }
@test "/dev/oci-ksm: a volume of the host" { attack target_volume && starts; }

# ---- what tells that an image has glibc ----

loader_link() { rm -r "$R/lib64" && ln -s "$DISK/canary/lib64" "$R/lib64"; }
@test "/lib64: a link out" { attack loader_link && starts; }

loader_fifo() { rm "$R"/lib64/* && mkfifo "$R/lib64/ld-linux-x86-64.so.2"; }
@test "ld-linux-x86-64.so.2: a fifo" { attack loader_fifo && starts; }

usr_link() { rm -r "$R/usr" && ln -s "$DISK/canary/usr" "$R/usr" && rm -r "$R/lib64" && ln -s usr/lib "$R/lib64"; }
@test "/usr/lib: a link out" { attack usr_link && starts; }

# ---- root.path ----

# The canary is made a root file system that could be taken for the container's.
canary_image() { cp -a "$TEMPLATE/." "$DISK/canary/"; }

root_parent() { bundle_edit "$B" '.root.path = "/.."'; }
@test "root.path: /.." { attack root_parent; }

root_slash() { bundle_edit "$B" '.root.path = "/"'; }
@test "root.path: /" { attack root_slash; }

root_climb() { bundle_edit "$B" '.root.path = "../../../../../../.."'; }
@test "root.path: up to / from the bundle" { attack root_climb; }

root_link() { ln -s / "$B/rootfs" && bundle_edit "$B" '.root.path = "rootfs"'; }
@test "root.path: a link to /" { attack root_link; }

root_bind() {
  mkdir -p "$T/slash"
  mountpoint -q "$T/slash" || mount --bind / "$T/slash"
  bundle_edit "$B" '.root = {path: $p, readonly: true}' --arg p "$T/slash"
}
@test "root.path: another mount of /" { attack root_bind; }

root_canary() { canary_image && ln -s "$DISK/canary" "$B/rootfs" && bundle_edit "$B" '.root = {path: "rootfs", readonly: true}'; }
@test "root.path: a link to a folder of the host" { attack root_canary; }

root_below_link() { canary_image && ln -s "$DISK" "$B/disk" && bundle_edit "$B" '.root = {path: "disk/canary", readonly: true}'; }
@test "root.path: below a link to a folder of the host" { attack root_below_link; }

root_missing() { bundle_edit "$B" 'del(.root)'; }
@test "root.path: none" { attack root_missing; }

root_fifo() { mkfifo "$B/rootfs" && bundle_edit "$B" '.root.path = "rootfs"'; }
@test "root.path: a fifo" { attack root_fifo; }

# ---- the bundle ----

# swap_bundle HOW: a hook before ours replaces the bundle by one whose root is the canary.
swap_bundle() {
  canary_image
  mkdir "$T/b-evil"
  jq --arg c "$DISK/canary" '.root.path = $c' "$B/config.json" > "$T/b-evil/config.json"
  bundle_edit "$B" '.hooks.prestart = [{path: "/bin/sh", args: ["sh", "-c", $s]}]' --arg s "mv $B $T/b-away && $1 $T/b-evil $B"
}
swap_folder() { swap_bundle mv; }
@test "bundle: swapped before our hook for another" { attack swap_folder hook-crun hook-runc && starts; }

swap_link() { swap_bundle 'ln -s'; }
@test "bundle: swapped before our hook for a link to another" { attack swap_link hook-crun hook-runc && starts; }

swap_mounted() {
  swap_bundle mv
  mountpoint -q "$DISK/canary/dev" || mount -t tmpfs hostile "$DISK/canary/dev"
}
@test "bundle: swapped for one whose /dev is a tmpfs of the host" {
  attack swap_mounted hook-crun hook-runc && starts
  umount "$DISK/canary/dev"
}

config_link() { mv "$B/config.json" "$T/canary/config.json" && ln -s "$T/canary/config.json" "$B/config.json"; }
@test "config.json: a link to a file of the host" { attack config_link wrapper-crun wrapper-runc && starts; }

config_hard_link() { rm -f "$T/canary/config.json" && ln "$B/config.json" "$T/canary/config.json"; }
@test "config.json: a hard link to a file of the host" {
  prepare config_hard_link
  cp "$B/config.json" "$T/before"
  outcome "$T/link/oci-ksm-runtime-crun" crun
  starts
  assert_same "$T/canary/config.json" "$T/before"
}

config_fifo() { rm "$B/config.json" && mkfifo "$B/config.json"; }
@test "config.json: a fifo never holds the wrapper up" {
  prepare config_fifo
  # crun itself waits for a writer: it is started, so that its wait is what timeout ends.
  run -124 timeout 2 "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" run --bundle "$B" "$(cid)"
  assert_log_lines 1 'not a regular file'
}

config_huge() { truncate -s 100M "$B/config.json"; }
@test "config.json: 100 MiB" { attack config_huge wrapper-crun; }

config_deep() { /usr/bin/python3 -c 'print("[" * 100000 + "]" * 100000)' > "$B/config.json"; }
@test "config.json: 100000 levels" { attack config_deep wrapper-crun; }

# ---- what a container says ----

forged() { bundle_edit "$B" '.annotations["oci-ksm/mode"] = "x\n2026-01-01T00:00:00Z oci-ksm-hook[1]: forged \u001b[2J\u009b"'; }
@test "annotation: it cannot forge a log line or steer a terminal" {
  for way in hook-crun wrapper-crun; do
    prepare forged
    case $way in hook-*) bundle_hooks "$B" ;; esac
    rm -f "$LOG"
    if [ $way = hook-crun ]; then outcome crun crun; else outcome "$T/link/oci-ksm-runtime-crun" crun; fi
    starts
    assert_equal "$(grep -cE '^[0-9TZ:-]+ oci-ksm-(hook|runtime)\[[0-9]+\]: container ksmt' "$LOG")" "$(wc -l < "$LOG")"
    assert_equal "$(grep -caP '[^ -~]' "$LOG" || true)" 0
  done
}

host_paths() {
  bundle_edit "$B" '.annotations += {"oci-ksm/preload_dir": $c, "oci-ksm/state_dir": $c, "oci-ksm/log": ("file:" + $c + "/log")} |
    .process.env += ["OCI_KSM_SETTINGS=" + $c + "/settings", "LD_PRELOAD=" + $c, "XDG_RUNTIME_DIR=" + $c]' --arg c "$T/canary"
}
@test "annotations and environment name no paths of the host" {
  for way in hook-crun wrapper-crun; do
    prepare host_paths
    before=$(snapshot)
    case $way in hook-*) bundle_hooks "$B" && outcome crun crun ;; *) outcome "$T/link/oci-ksm-runtime-crun" crun ;; esac
    starts
    assert_equal "$(snapshot)" "$before"
  done
}

# ---- state on stdin and poststop ----

# poststop ID: the hook by hand.
poststop() { printf '{"id": "%s", "bundle": "%s", "pid": 0}' "$1" "$T" | "$BIN/oci-ksm-hook" poststop; }

# left_by_a_crash: a container that has run, and whose poststop was never called: its mount point is there, and its record.
left_by_a_crash() {
  prepare true
  bundle_edit "$B" '.process.args = ["true"]'
  bundle_hooks "$B"
  bundle_edit "$B" 'del(.hooks.poststop)'
  outcome crun crun
  assert_exists "$R/etc/ld.so.preload"
  assert_exists "$STATE/containers/$(cid).json"
}

@test "poststop: what a crash left is removed, once" {
  left_by_a_crash
  poststop "$(cid)"
  refute_exists "$R/etc/ld.so.preload"
  refute_exists "$STATE/containers/$(cid).json"
  poststop "$(cid)"
}

@test "poststop: the image's /etc became a link out" {
  left_by_a_crash
  : > "$T/canary/etc/ld.so.preload"
  mv "$R/etc" "$R/etc-away"
  ln -s "$T/canary/etc" "$R/etc"
  before=$(snapshot)
  poststop "$(cid)"
  assert_equal "$(snapshot)" "$before"
}

@test "poststop: the image became a link out" {
  left_by_a_crash
  : > "$T/canary/etc/ld.so.preload"
  mv "$R" "$T/r-away"
  ln -s "$T/canary" "$R"
  before=$(snapshot)
  poststop "$(cid)"
  assert_equal "$(snapshot)" "$before"
}

@test "poststop: another file, or content in it, stays" {
  for change in 'rm -f "$R/etc/ld.so.preload"; : > "$T/other"; mv "$T/other" "$R/etc/ld.so.preload"' \
    'echo /lib/own.so > "$R/etc/ld.so.preload"' 'rm "$R/etc/ld.so.preload"; mkdir "$R/etc/ld.so.preload"' \
    'mv "$R/etc/ld.so.preload" "$R/etc/x"; ln -s x "$R/etc/ld.so.preload"'; do
    left_by_a_crash
    eval "$change"
    poststop "$(cid)"
    assert_exists "$R/etc/ld.so.preload"
    refute_exists "$STATE/containers/$(cid).json"
    assert_log_lines 1 'info'
    rm "$LOG"
  done
}

@test "poststop: ids that are no names" {
  left_by_a_crash
  before=$(find "$T/state" | sort)
  for bad in ../containers/x .. . a/b '' "$(printf 'x%.0s' {1..300})" 'x y'; do
    poststop "$bad"
  done
  assert_equal "$(find "$T/state" | sort)" "$before"
}

@test "stdin: no state, half a state, 100 MiB, a fifo that stays open" {
  for stage in prestart createRuntime poststop; do
    "$BIN/oci-ksm-hook" $stage < /dev/null
    printf '{"id": "x", "bun' | "$BIN/oci-ksm-hook" $stage
    head -c 100M /dev/zero | "$BIN/oci-ksm-hook" $stage
    assert_equal "${PIPESTATUS[*]}" '0 0'
    printf '{"id": "x", "bundle": "%s", "pid": 1}' "$T" | "$BIN/oci-ksm-hook" $stage
    printf '{"id": "x", "bundle": "%s", "pid": -1}' "$T" | "$BIN/oci-ksm-hook" $stage
  done
}

# ---- the state folder ----

@test "a state folder that others may write to is not used" {
  mkdir -m 0777 "$STATE"
  prepare true
  bundle_hooks "$B"
  outcome crun crun
  starts
  assert_log_lines 1 'others may write'
  assert_empty_dir "$STATE"
}

@test "a state folder that is a link is not used" {
  ln -s "$T/canary/run" "$STATE"
  prepare true
  bundle_hooks "$B"
  before=$(snapshot)
  outcome crun crun
  starts
  assert_equal "$(snapshot)" "$before"
  assert_log_lines 1
}
