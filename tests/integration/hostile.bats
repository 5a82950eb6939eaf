#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hostile.bats: whatever the image is, nothing of the host is changed, and the container starts as it does without us. (Bundles,
# annotations and what comes after: hostile-bundle.bats.)
load lib
load hostside
load hostile

# ---- /etc ----

etc_absolute() { rm -r "${R:?}/etc" && ln -s "$DISK/canary/etc" "$R/etc"; }
@test "/etc: an absolute link out" { attack etc_absolute && starts; }

etc_relative() { rm -r "${R:?}/etc" && ln -s "../../../../../../..$DISK/canary/etc" "$R/etc"; }
@test "/etc: a relative link out" { attack etc_relative && starts; }

etc_magic() { rm -r "${R:?}/etc" && ln -s "/proc/1/root$DISK/canary/etc" "$R/etc"; }
@test "/etc: a link through /proc/1/root" { attack etc_magic && starts; }

etc_loop() { rm -r "${R:?}/etc" && ln -s etc "$R/etc"; }
@test "/etc: a loop" { attack etc_loop && starts; }

etc_missing() { rm -r "${R:?}/etc"; }
@test "/etc: missing" { attack etc_missing && starts; }

etc_file() { rm -r "${R:?}/etc" && echo file > "$R/etc"; }
@test "/etc: a file" { attack etc_file && starts; }

etc_fifo() { rm -r "${R:?}/etc" && mkfifo "$R/etc"; }
@test "/etc: a fifo" { attack etc_fifo && starts; }

etc_device() { rm -r "${R:?}/etc" && mknod "$R/etc" c 1 5; }
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
dev_link() { rm -r "${R:?}/dev" && ln -s "$DISK/canary/dev" "$R/dev"; }
@test "/dev: a link out" { attack dev_link hook-crun wrapper-crun; }

dev_root() { rm -r "${R:?}/dev" && ln -s / "$R/dev"; }
@test "/dev: a link to /" { attack dev_root hook-crun wrapper-crun; }

dev_file() { rm -r "${R:?}/dev" && echo file > "$R/dev"; }
@test "/dev: a file" { attack dev_file hook-crun wrapper-crun; }

dev_loop() { rm -r "${R:?}/dev" && ln -s dev "$R/dev"; }
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

loader_link() { rm -r "${R:?}/lib64" && ln -s "$DISK/canary/lib64" "$R/lib64"; }
@test "/lib64: a link out" { attack loader_link && starts; }

loader_fifo() { rm "$R"/lib64/* && mkfifo "$R/lib64/ld-linux-x86-64.so.2"; }
@test "ld-linux-x86-64.so.2: a fifo" { attack loader_fifo && starts; }

usr_link() { rm -r "${R:?}/usr" && ln -s "$DISK/canary/usr" "$R/usr" && rm -r "${R:?}/lib64" && ln -s usr/lib "$R/lib64"; }
@test "/usr/lib: a link out" { attack usr_link && starts; }
