#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# layout.bats: oci-ksm/layout=shared: the programs of all copies have the same addresses.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load hostside
load copies

teardown() {
  copies_end
  test_end
}

FLAG=00040000 # ADDR_NO_RANDOMIZE
# How they merge, where the kernel's part of the mode process is forced off, too (see lib.bash).
BY='process: process was asked for'
as_a_whole || BY="preload: process is not possible: this kernel lacks $(lacking), so preload takes its place"
COST='oci-ksm/layout=shared: its programs run without address space randomization (ASLR)'

# copy NAME [-a KEY=VALUE]...: a bundle at $T/NAME that prints its personality, its addresses and those of a child, and waits.
copy() {
  local name=$1
  shift
  bundle "$T/$name" "$T/r" -a oci-ksm/mode=process "$@" -- sh -c 'cat /proc/self/personality; cat /proc/self/maps | while read -r range _ _ _ _ path; do echo "$range $path"; done; echo ready; exec sleep 1000'
}

# start WAY NAME: to what it prints, without the stable parts
start() {
  case $1 in wrapper-*) ;; *) bundle_hooks "$T/$2" ;; esac
  oci_start "$1" "$T/$2" "$(cid "$2")"
  wait_for 30 grep -q '^ready$' "$T/$(cid "$2").out"
}

in_two_copies() {
  image glibc
  copy a -a oci-ksm/layout=shared
  copy b -a oci-ksm/layout=shared
  copy c
  for name in a b c; do start "$1" "$name"; done
  assert_equal "$(head -n 1 "$T/$(cid a).out")" "$FLAG"
  assert_equal "$(head -n 1 "$T/$(cid c).out")" 00000000
  # What was executed last, as the kernel tells it; and its exec kept the addresses of stack and libraries.
  for name in a b; do
    pid=$(oci_pid "$1" "$(cid $name)")
    wait_for 30 runs "$pid" sleep
    assert_equal "$(cat "/proc/$pid/personality")" "$FLAG"
    awk '{ print $1, $6 }' "/proc/$pid/maps" > "$T/$name.maps"
    grep -q libc.so "$T/$name.maps"
    grep -qF '[stack]' "$T/$name.maps"
  done
  assert_same "$T/$(cid a).out" "$T/$(cid b).out"
  assert_same "$T/a.maps" "$T/b.maps"
  # Below the flag: addresses.
  if cmp -s <(tail -n +2 "$T/$(cid a).out") <(tail -n +2 "$T/$(cid c).out"); then fail 'at random they are the same'; fi
  assert_log_lines 3
  assert_log_lines 2 "warning: merging by $BY; oci-ksm/layout=shared: its programs run without address space randomization \\(ASLR\\)"
  assert_equal "$(jq -c .layout_shared "$STATE/containers/$(cid a).json")" true
  run -0 "$BIN/oci-ksm" status --noheadings --output=id,layout
  assert_match "$output" "$(cid a) +shared"
  assert_match "$output" "$(cid c) +random"
  # Sessions have it by the wrapper only: what enters a container is no child of its first process.
  run -0 oci "$1" exec "$(cid a)" cat /proc/self/personality
  case $1 in
    wrapper-*) assert_output "$FLAG" ;;
    *) assert_output 00000000 ;;
  esac
  run -0 oci "$1" exec "$(cid c)" cat /proc/self/personality
  assert_output 00000000
}
@test "two copies: wrapper, crun" { in_two_copies wrapper-crun; }
@test "two copies: wrapper, runc" { in_two_copies wrapper-runc; }
@test "two copies: hook, crun" { in_two_copies crun; }
@test "two copies: hook, runc" { in_two_copies runc; }

# duplicates LAYOUT: of 4 copies of redis-server, in thousandths of their frames, in $DUPLICATES
duplicates() {
  local layout=()
  [ "$1" = random ] || layout=(-a oci-ksm/layout=shared)
  copies_begin
  copies_start 4 redis wrapper-crun -a oci-ksm/mode=process "${layout[@]}"
  # shellcheck disable=SC2046 # words
  DUPLICATES=$("$BUILD/tools/ksm-census" $(copies_pids) | jq '.now | 1000 * .duplicates / .frames | round')
  copies_end
}

# bats test_tags=alone
@test "copies of redis have at least twice as many equal frames" {
  local random shared
  duplicates random
  random=$DUPLICATES
  duplicates shared
  shared=$DUPLICATES
  echo "# redis: $((random / 10)) % duplicates with addresses at random, $((shared / 10)) % with the same ones" >&3
  [ "$random" -gt 0 ]
  [ "$shared" -ge $((2 * random)) ]
}

# Profiles of engines refuse programs this very call.
@test "below a seccomp profile that refuses it" {
  image glibc
  for way in wrapper-crun wrapper-runc crun runc; do
    bundle "$T/b" "$T/r" -a oci-ksm/mode=process -a oci-ksm/layout=shared -- cat /proc/self/personality
    bundle_edit "$T/b" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
      syscalls: [{names: ["personality"], action: "SCMP_ACT_ERRNO"}]}'
    case $way in wrapper-*) ;; *) bundle_hooks "$T/b" ;; esac
    run -0 oci_run "$way" "$T/b"
    assert_output "$FLAG"
  done
}

@test "it is refused where it cannot be had, or is not wanted" {
  image glibc
  settings '.layout_shared = false'
  for way in wrapper-crun crun; do
    for required in false true; do
      bundle "$T/b" "$T/r" -a oci-ksm/mode=process -a oci-ksm/layout=shared -a oci-ksm/required=$required -- cat /proc/self/personality
      case $way in wrapper-*) ;; *) bundle_hooks "$T/b" ;; esac
      run oci_run "$way" "$T/b"
      if [ $required = true ]; then
        [ "$status" -ne 0 ]
        refute_contains "$output" 0000000
      else
        assert_output 00000000
      fi
    done
  done
  assert_log_lines 4 "merging by $BY, but not oci-ksm/layout=shared: the settings refuse it|but not oci-ksm/layout=shared: .*merging is required"
  rm "$LOG"
  settings '.layout_shared = true'
  bundle "$T/b" "$T/r" -a oci-ksm/mode=process -a oci-ksm/layout=shared -- true
  bundle_edit "$T/b" '.linux.personality = {domain: "LINUX"}'
  run -0 oci_run wrapper-crun "$T/b"
  assert_log_lines 1 'warning: merging by (process|preload): .*but not oci-ksm/layout=shared: config.json has a linux.personality'
}

@test "it is not given to who does not merge" {
  image glibc
  bundle "$T/b" "$T/r" -a oci-ksm/mode=off -a oci-ksm/layout=shared -- cat /proc/self/personality
  run -0 oci_run wrapper-crun "$T/b"
  assert_output 00000000
  copy a -a oci-ksm/domain=a
  start wrapper-crun a
  for way in wrapper-runc crun; do
    bundle "$T/b" "$T/r" -a oci-ksm/mode=process -a oci-ksm/layout=shared -a oci-ksm/domain=b -- cat /proc/self/personality
    case $way in wrapper-*) ;; *) bundle_hooks "$T/b" ;; esac
    run -0 oci_run "$way" "$T/b" "$(cid b)"
    assert_output 00000000
  done
}

@test "docker's way to ask: the environment; and oci-ksm run" {
  image glibc
  bundle "$T/b" "$T/r" -e OCI_KSM_MODE=process -e OCI_KSM_LAYOUT=shared -- cat /proc/self/personality
  run -0 oci_run wrapper-runc "$T/b"
  assert_output "$FLAG"
  run -0 --separate-stderr "$BIN/oci-ksm" run --mode=process --layout=shared -- cat /proc/self/personality
  assert_output "$FLAG"
  assert_contains "$stderr" "$COST"
  settings '.layout_shared = false'
  run -0 --separate-stderr "$BIN/oci-ksm" run --mode=process --layout=shared -- cat /proc/self/personality
  assert_output 00000000
  assert_contains "$stderr" 'the settings refuse it'
  run -125 "$BIN/oci-ksm" run --required --mode=process --layout=shared -- true
  run -2 "$BIN/oci-ksm" run --layout=random -- true
}
