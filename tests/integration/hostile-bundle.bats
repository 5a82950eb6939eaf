#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hostile-bundle.bats: root.path, bundles, annotations, stdin and the state folder in the hands of a tenant.
load lib
load hostside
load hostile

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

# Every line of the log begins as ours do, and none holds what steers a terminal.
assert_log_is_ours() {
  assert_equal "$(grep -cvE '^[0-9TZ:-]+ oci-ksm-(hook|runtime)\[[0-9]+\]: container ' "$LOG" || true)" 0
  assert_equal "$(grep -caP '[^ -~]' "$LOG" || true)" 0
}

@test "container id: it cannot forge a log line or steer a terminal" {
  id=$'x\n2026-01-01T00:00:00Z oci-ksm-hook[1]: forged \e[2J'
  for stage in prestart poststop; do
    jq -n --arg i "$id" --arg b "$T" '{id: $i, bundle: $b, pid: 1}' | "$BIN/oci-ksm-hook" "$stage"
  done
  prepare true
  "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" create --bundle "$B" "$id" || true
  assert_log_lines 2
  assert_log_is_ours
  "$T/link/oci-ksm-runtime-crun" --root "$T/rt-crun" delete --force "$id" || true
}

@test "required: its message cannot forge a line or steer a terminal" {
  prepare true
  bundle_edit "$B" '.annotations["oci-ksm/required"] = "true" | .annotations["oci-ksm/mode"] = "x\n\u001b[2J"'
  run -1 "$T/link/oci-ksm-runtime-crun" --log "$T/engine.log" --root "$T/rt-crun" run --bundle "$B" "$(cid)"
  assert_contains "$output" '\x1b[2J'
  [ "${#lines[@]}" -eq 1 ] || fail "more than one line:" "$output"
  assert_equal "$(wc -l < "$T/engine.log")" 1
  assert_equal "$(grep -caP '[^ -~]' "$T/engine.log" || true)" 0
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

# ---- seccomp profiles ----

# What an ordinary program needs, and nothing more: whoever makes another call dies.
@test "seccomp: a profile that kills does not kill because of us" {
  rootfs_host "$T/host"
  bundle "$T/b-plain" "$T/host" -a oci-ksm/mode=preload -- /bin/echo lives
  bundle_edit "$T/b-plain" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{names: ["prctl", "madvise"], action: "SCMP_ACT_KILL_PROCESS"}]}'
  for way in hook-crun wrapper-crun wrapper-runc; do
    rm -rf "$T/b" "$LOG"
    cp -r "$T/b-plain" "$T/b"
    if [ $way = hook-crun ]; then bundle_hooks "$T/b"; fi
    run -0 --separate-stderr oci_run ${way#hook-} "$T/b"
    assert_output lives
    assert_log_lines 1 'seccomp profile .* needs prctl'
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
