#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# doctor.bats: oci-ksm doctor finds what is wrong, says what to do, and tells by its status whether merging will work.
load lib

# verdict ID: that probe's verdict, "" if it was not asked
verdict() { "$BIN/oci-ksm" doctor --json | jq -r --arg id "$1" '.probes[] | select(.id == $id) | .verdict'; }
detail() { "$BIN/oci-ksm" doctor --json | jq -r --arg id "$1" '.probes[] | select(.id == $id) | .detail'; }

# Its status here, where nothing else is wrong: without madvise nothing can be merged.
WORKS=0
! lacks madvise || WORKS=1

@test "a host where merging works" {
  ksm_begin
  run --separate-stderr "-$WORKS" "$BIN/oci-ksm" doctor
  assert_equal "$(grep '^fail' <<< "$output" | grep -v 'OCI_KSM_NO')" ''
  assert_equal "$stderr" ''
  for id in ksm running speed madvise prctl figures settings shim shim_loads runtime state log; do
    assert_equal "$id $(verdict "$id")" "$id $(if [ "$id" = madvise ] && lacks madvise; then echo fail; else echo ok; fi)"
  done
  assert_equal "$("$BIN/oci-ksm" doctor --json | jq -c '[.version, .works]')" "[1,$(if [ "$WORKS" = 0 ]; then echo true; else echo false; fi)]"
}

@test "ksmd does not scan, or takes merging back" {
  ksm_begin
  for value in 0 2; do
    ksm_set run $value
    run -1 "$BIN/oci-ksm" doctor
    assert_contains "$output" "run is $value"
    assert_contains "$output" 'echo 1 > /sys/kernel/mm/ksm/run'
    assert_equal "$("$BIN/oci-ksm" doctor --json | jq .works)" false
  done
}

@test "scanning at the kernel's default speed is a warning" {
  ksm_begin
  ksm_set pages_to_scan 100
  run "-$WORKS" "$BIN/oci-ksm" doctor
  assert_match "$output" 'warn  [^>]*20 MiB/s'
  ksm_set sleep_millisecs 0
  assert_equal "$(verdict speed)" ok
  ksm_set sleep_millisecs 20
  ksm_set advisor_mode scan-time
  assert_equal "$(verdict speed)" ok
}

@test "what ksmd's settings do: smart_scan, zero pages, sharing; and nothing is wrong after tune" {
  ksm_begin
  ksm_set pages_to_scan 100
  ksm_set smart_scan 1
  if [ -e "$KSM/smart_scan" ]; then assert_equal "$(verdict smart_scan)" warn; else assert_equal "$(verdict smart_scan)" ''; fi
  ksm_set use_zero_pages 1
  assert_contains "$(detail zero_pages)" "the kernel's zero page"
  ksm_set use_zero_pages 0
  assert_contains "$(detail zero_pages)" 'with each other'
  assert_contains "$(detail sharing)" "at most $(cat "$KSM/max_page_sharing") times"
  "$BIN/oci-ksm" tune > /dev/null
  assert_equal "$(verdict running) $(verdict speed) $(verdict smart_scan | sed 's/^$/ok/')" 'ok ok ok'
  "$BIN/oci-ksm" tune --restore > /dev/null
  assert_equal "$(verdict speed)" warn
}

@test "no shim; a shim that does not load" {
  ksm_begin
  settings '.preload_dir = $dir' --arg dir "$T/preload"
  run -1 "$BIN/oci-ksm" doctor
  assert_match "$output" 'fail  Is the preload shim there'
  assert_equal "$(verdict shim_loads)" ''
  cp -a "$PRELOAD_DIR" "$T/preload"
  run "-$WORKS" "$BIN/oci-ksm" doctor
  echo 'no library' > "$T/preload/libksm_preload.so"
  run -1 "$BIN/oci-ksm" doctor
  assert_equal "$(verdict shim) $(verdict shim_loads)" 'ok fail'
  assert_contains "$(detail shim_loads)" 'cannot be preloaded'
}

@test "settings, state and runtime that are not as they should be are warnings" {
  ksm_begin
  settings '.runtimes = ["no-such-runtime"] | .state_dir = $file' --arg file "$T/file"
  touch "$T/file"
  run "-$WORKS" "$BIN/oci-ksm" doctor
  assert_equal "$(verdict runtime) $(verdict state)" 'warn warn'
  assert_contains "$(detail runtime)" 'find OCI runtime'
  settings '.nix = 1'
  assert_equal "$(verdict settings)" warn
  assert_contains "$(detail settings)" nix
  echo '{' > "$OCI_KSM_SETTINGS"
  assert_equal "$(verdict settings)" warn
}

@test "podman's hook: missing, there, or leading nowhere" {
  ksm_begin
  # In this mount namespace only.
  mount -t tmpfs none /usr/share/containers
  assert_equal "$(verdict hooks)" warn
  mkdir -p /usr/share/containers/oci/hooks.d
  hook() { jq -n --arg path "$1" '{version: "1.0.0", hook: {path: $path}, when: {}, stages: ["prestart"]}'; }
  hook /usr/bin/other-hook > /usr/share/containers/oci/hooks.d/other.json
  echo '{' > /usr/share/containers/oci/hooks.d/broken.json
  assert_equal "$(verdict hooks)" warn
  hook "$BIN/oci-ksm-hook" > /usr/share/containers/oci/hooks.d/ours.json
  assert_equal "$(verdict hooks)" ok
  hook "$T/oci-ksm-hook" > /usr/share/containers/oci/hooks.d/ours.json
  assert_equal "$(verdict hooks)" fail
  umount /usr/share/containers
}

@test "a full disk under the state is found, and nothing is left of the trial" {
  assert_equal "$(verdict state)" ok
  assert_empty_dir "$STATE/containers"
  mount -t tmpfs -o size=8k,mode=0700 state "$STATE"
  mkdir -m 700 "$STATE/containers"
  head -c 1M /dev/zero > "$STATE/filler" 2> /dev/null || true
  assert_equal "$(verdict state)" warn
  assert_contains "$(detail state)" 'No space left'
  umount "$STATE"
}

@test "a log that cannot be written, and a folder of state that is somebody else's, or has garbage in it" {
  settings '.log = "file:/nix/log"'
  assert_equal "$(verdict log)" warn
  assert_contains "$(detail log)" 'open the log /nix/log: No such file or directory'
  mkdir -p "$STATE"
  chown 1234 "$STATE"
  assert_equal "$(verdict state)" warn
  assert_contains "$(detail state)" 'which belongs to user 1234'
  chown 0 "$STATE"
  for folder in containers switched; do
    (umask 077 && mkdir -p "$STATE/$folder")
    echo garbage > "$STATE/$folder/x.json"
    assert_equal "$(verdict state)" warn
    assert_contains "$(detail state)" "$folder/x.json"
    rm "$STATE/$folder/x.json"
  done
  assert_equal "$(verdict state)" ok
  chown 1234 "$STATE"
  # Who started the helper is told, too; it would serve all the same, were the folder its own.
  run -1 "$BIN/oci-ksmd"
  assert_contains "$output" 'oci-ksmd: open the log /nix/log: No such file'
  chown 0 "$STATE"
}

@test "every line that is not ok is followed by what to do" {
  settings '.preload_dir = "/nix" | .state_dir = "/nix/x" | .runtimes = ["nix"]'
  run "$BIN/oci-ksm" doctor
  assert_equal "$(awk '/^(warn|fail)/ { want = 1; next } /^      -> ./ { want = 0; next } want { print "nothing before: " $0; want = 0 }' <<< "$output")" ''
  assert_equal "$("$BIN/oci-ksm" doctor --json | jq -c '[.probes[] | (.verdict == "ok") == (.remedy == "")] | all')" true
}

@test "advice is for this host: its kernel, its package manager, and commands to copy stand between backquotes" {
  ksm_begin
  settings '.runtimes = ["nix"]'
  ksm_set run 0
  ksm_set pages_to_scan 100
  remedy() { "$BIN/oci-ksm" doctor --json | jq -r --arg id "$1" '.probes[] | select(.id == $id) | .remedy'; }
  assert_equal "$(remedy running)" '`oci-ksm tune`, or without more `echo 1 > /sys/kernel/mm/ksm/run`'
  assert_equal "$(remedy speed)" '`oci-ksm tune`'
  assert_match "$(remedy runtime)" '^`(apt-get|dnf) install crun`'
  assert_match "$(remedy notify)" '^`(oci-ksmd &|systemctl enable --now oci-ksmd.socket)`'
  settings '.profit_guard.enable = true'
  assert_match "$(remedy notify)" '^`(oci-ksmd &|systemctl enable --now oci-ksmd.service)` .* have no effect without it'
}

@test "colours on a terminal only, and not against NO_COLOR" {
  escape=$'\e['
  run "$BIN/oci-ksm" doctor
  refute_contains "$output" "$escape"
  run script -qec "'$BIN/oci-ksm' doctor" /dev/null
  assert_contains "$output" "$escape"
  NO_COLOR=1 run script -qec "'$BIN/oci-ksm' doctor" /dev/null
  refute_contains "$output" "$escape"
}
