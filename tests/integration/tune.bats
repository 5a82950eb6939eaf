#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tune.bats: oci-ksm tune changes the host's KSM when it is told to, says so, and puts everything back.
load lib

KNOBS='run advisor_mode advisor_target_scan_time advisor_max_cpu pages_to_scan sleep_millisecs smart_scan use_zero_pages max_page_sharing merge_across_nodes'
has_advisor() { [ -e "$KSM/advisor_mode" ]; }
# defaults: of the kernel
defaults() {
  ksm_set run 0
  ksm_set advisor_mode none
  ksm_set pages_to_scan 100
  ksm_set sleep_millisecs 20
  ksm_set smart_scan 1
  ksm_set use_zero_pages 0
  ksm_set advisor_target_scan_time 200
  ksm_set advisor_max_cpu 70
}
# twins: two programs with the same 8 MiB, mergeable
twins() {
  local program='import mmap, signal
m = mmap.mmap(-1, 8 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m.madvise(12)
for i in range(2048): m[i * 4096:i * 4096 + 8] = b"%08d" % i
signal.pause()'
  background /usr/bin/python3 -c "$program"
  background /usr/bin/python3 -c "$program"
}
are_merged() { [ "$(cat "/proc/$BACKGROUND_PID/ksm_merging_pages")" -ge 2000 ]; }

@test "it says what it would do; does it; keeps the first values; puts them back" {
  ksm_begin
  defaults
  knobs > "$T/before"
  run --separate-stderr -0 "$BIN/oci-ksm" tune --dry-run
  assert_contains "$output" 'run: 0 -> 1  (ksmd scans)  [not done]'
  assert_equal "$(knobs)" "$(cat "$T/before")"
  assert_equal "$(state_files)" ''
  run --separate-stderr -0 "$BIN/oci-ksm" tune
  assert_equal "$stderr" ''
  assert_contains "$output" 'run: 0 -> 1'
  assert_equal "$(knob run) $(knob smart_scan)" '1 0'
  if has_advisor; then
    assert_equal "$(knob advisor_mode) $(knob advisor_target_scan_time) $(knob advisor_max_cpu)" 'scan-time 60 30'
  else
    [ "$(knob pages_to_scan)" -gt 100 ]
  fi
  run -0 "$BIN/oci-ksm" tune
  assert_equal "$output" 'Nothing to change.'
  run -0 "$BIN/oci-ksm" tune --cpu=10 --scan-time=90
  if has_advisor; then assert_equal "$(knob advisor_target_scan_time) $(knob advisor_max_cpu)" '90 10'; fi
  # A fixed speed of the settings, and back to none.
  settings '.ksm = {pages_to_scan: 321, sleep_millisecs: 40, use_zero_pages: true}'
  run -0 "$BIN/oci-ksm" tune
  assert_equal "$(knob pages_to_scan) $(knob sleep_millisecs) $(knob use_zero_pages)" '321 40 1'
  settings 'del(.ksm)'
  run -0 "$BIN/oci-ksm" tune
  assert_equal "$(knob use_zero_pages)" 0
  run --separate-stderr -0 "$BIN/oci-ksm" tune --restore
  assert_equal "$stderr" ''
  assert_equal "$(knobs)" "$(cat "$T/before")"
  run -0 "$BIN/oci-ksm" tune --restore
  assert_equal "$output" 'Nothing to put back.'
  [ ! -e "$STATE/tune.json" ]
}

@test "what cannot be changed while pages are merged is told, and the rest is done" {
  ksm_begin
  twins
  wait_for 60 are_merged
  knobs > "$T/before"
  settings '.ksm = {max_page_sharing: 300, merge_across_nodes: false, use_zero_pages: true}'
  run --separate-stderr -0 "$BIN/oci-ksm" tune
  assert_contains "$stderr" 'max_page_sharing: stays 256 instead of 300, pages are merged (EBUSY)'
  assert_equal "$(knob max_page_sharing) $(knob use_zero_pages)" '256 1'
  run --separate-stderr -0 "$BIN/oci-ksm" tune --restore
  assert_equal "$stderr" ''
  assert_equal "$(knobs)" "$(cat "$T/before")"
  [ ! -e "$STATE/tune.json" ]
}

@test "what somebody else has changed is left to them" {
  ksm_begin
  defaults
  "$BIN/oci-ksm" tune > /dev/null
  ksm_set smart_scan 1
  ksm_set run 0
  ksm_set sleep_millisecs 77
  ksm_set use_zero_pages 1
  run --separate-stderr -0 "$BIN/oci-ksm" tune --restore
  assert_equal "$stderr" ''
  assert_equal "$(knob run) $(knob smart_scan) $(knob sleep_millisecs) $(knob use_zero_pages)" '0 1 77 1'
  settings '.ksm = {sleep_millisecs: 30}'
  "$BIN/oci-ksm" tune > /dev/null
  ksm_set sleep_millisecs 31
  run --separate-stderr -0 "$BIN/oci-ksm" tune --restore
  assert_contains "$stderr" 'sleep_millisecs: left at 31, somebody else has changed it; it was 77'
  assert_equal "$(knob sleep_millisecs) $(knob run)" '31 0'
  run --separate-stderr -0 "$BIN/oci-ksm" tune --restore
  assert_equal "$output $stderr" 'Nothing to put back. '
}

@test "values of another boot are not put back; where the kept ones cannot be read nothing is changed" {
  ksm_begin
  defaults
  "$BIN/oci-ksm" tune > /dev/null
  jq -c '.boot_id = "another"' "$STATE/tune.json" > "$T/tune.json"
  cat "$T/tune.json" > "$STATE/tune.json"
  run -0 "$BIN/oci-ksm" tune --restore
  assert_equal "$output" 'Nothing to put back.'
  assert_equal "$(knob run)" 1
  echo '{' > "$STATE/tune.json"
  defaults
  knobs > "$T/before"
  run --separate-stderr -1 "$BIN/oci-ksm" tune
  assert_contains "$stderr" 'tune.json in the folder of state'
  assert_equal "$(knobs)" "$(cat "$T/before")"
}

@test "who may not write is told, and nothing counts as changed" {
  ksm_begin
  defaults
  chmod 711 "$OCI_KSM_PRIVATE" "$T"
  chmod 644 "$OCI_KSM_SETTINGS"
  settings 'del(.state_dir)'
  install -d -o 65534 -g 65534 -m 700 "$T/user"
  run --separate-stderr -1 setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_RUNTIME_DIR="$T/user" "$BIN/oci-ksm" tune
  assert_contains "$stderr" 'run: stays 0: open /sys/kernel/mm/ksm/run: Permission denied'
  run --separate-stderr -0 setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_RUNTIME_DIR="$T/user" "$BIN/oci-ksm" tune --restore
  assert_equal "$output" 'Nothing to put back.'
}

@test "the unit: what systemd demands, and few rights" {
  make --no-print-directory -C "$TOP" BUILD="$BUILD" install PREFIX="$T/here" > /dev/null 3>&-
  unit=$T/here/lib/systemd/system/oci-ksm-tune.service
  run systemd-analyze verify --man=no "$unit"
  assert_equal "$status $output" '0 '
  run systemd-analyze security --offline=true --threshold=20 "$unit"
  assert_equal "$status" 0
  assert_contains "$(cat "$unit")" "ExecStop=$T/here/bin/oci-ksm tune --restore"
}
