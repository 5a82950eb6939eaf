#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# domain.bats: containers of one trust domain merge at one time, whatever starts them.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load hostside

# merges PID / merges_not PID: is that process mergeable as a whole? Or, where that is forced off (see lib.bash), is the shim in it that takes
# its place, or has it marks?
merges() {
  if as_a_whole; then
    grep -q 'merge_any: yes' "/proc/$1/ksm_stat"
  else
    wait_for 10 runs "$1" sleep && grep -qE 'libksm_preload.so|^VmFlags:.* mg( |$)' "/proc/$1/smaps"
  fi
}
merges_not() {
  assert_exists "/proc/$1/smaps" || return 1
  ! merges "$1" || fail "$1 merges"
}
# The image: the shim needs a libc.
IMAGE=busybox
as_a_whole || IMAGE=glibc

# member NAME DOMAIN: a bundle at $T/NAME of a container that asks to merge in that domain; '' is none.
member() {
  local domain=()
  [ -z "$2" ] || domain=(-a "oci-ksm/domain=$2")
  bundle "$T/$1" "$T/r" -a oci-ksm/mode=process "${domain[@]}" -- sleep 1000
}

# start WAY NAME: WAY is a runtime behind the wrapper, or a runtime with our hooks.
start() {
  case $1 in wrapper-*) ;; *) bundle_hooks "$T/$2" && bundle_hooks "$T/$2" createRuntime ;; esac
  oci_start "$1" "$T/$2" "$(cid "$2")"
}

# record NAME KEY KEY: these two members of its record
record() { jq -c "[.$2, .$3]" "$STATE/containers/$(cid "$1").json"; }

REFUSED='warning: its trust domain is "b", and that of the containers that merge now is "a" \([^)]*\); the container starts without merging$'

one_after_the_other() {
  image "$IMAGE"
  member a a
  member a2 a
  member b b
  member b2 b
  start "$1" a
  start "$1" a2
  start "$1" b
  merges "$(oci_pid "$1" "$(cid a)")"
  merges "$(oci_pid "$1" "$(cid a2)")"
  merges_not "$(oci_pid "$1" "$(cid b)")"
  assert_log_lines 3
  assert_log_lines 1 "container $(cid b): $REFUSED"
  assert_log_lines 1 "\"a\" \\($(cid a2?) and 1 more\\)"
  assert_equal "$(record a mode domain)" "[\"$(mode)\",\"a\"]"
  assert_equal "$(record b mode domain)" '["off","b"]'
  assert_contains "$(record b reason mode)" 'its trust domain is \"b\"'
  case $1 in wrapper-*)
    run -0 oci "$1" exec "$(cid a)" grep -cE 'merge_any: yes|libksm_preload.so' /proc/self/ksm_stat /proc/self/maps
    assert_match "$output" ':[1-9]'
    run -0 oci "$1" exec "$(cid b)" grep merge_any /proc/self/ksm_stat
    assert_output 'ksm_merge_any: no'
    ;;
  esac
  if lacks madvise; then
    refused_without_ksm "$BIN/oci-ksm" enable "$(cid b)"
    merges_not "$(oci_pid "$1" "$(cid b)")"
    return
  fi
  run -1 "$BIN/oci-ksm" enable "$(cid b)"
  assert_contains "$output" "$(cid b): its trust domain is \"b\", and that of the containers that merge now is \"a\" ("
  merges_not "$(oci_pid "$1" "$(cid b)")"
  # The domain is free when the last one is gone or switched off, and the one that came too late does not count.
  oci_stop "$1" "$(cid a)"
  run -0 "$BIN/oci-ksm" disable "$(cid a2)"
  start "$1" b2
  run -1 "$BIN/oci-ksm" enable "$(cid a2)"
  assert_contains "$output" "$(cid a2): its trust domain is \"a\", and that of the containers that merge now is \"b\" ($(cid b2))"
  merges "$(oci_pid "$1" "$(cid b2)")"
  merges_not "$(oci_pid "$1" "$(cid b)")"
  assert_log_lines 4
  run -0 --separate-stderr "$BIN/oci-ksm" enable "$(cid b)"
  merges "$(oci_pid "$1" "$(cid b)")"
  for name in a2 b b2; do oci_stop "$1" "$(cid $name)"; done
  "$BIN/oci-ksm" status > "$T/status" # which forgets what was switched
  assert_equal "$(state_files)" "$STATE/domain"
}
@test "one domain after the other: wrapper, crun" { one_after_the_other wrapper-crun; }
@test "one domain after the other: hook, runc" { one_after_the_other runc; }

# Neither engine nor hook has told us.
@test "a container that died unnoticed holds no domain" {
  image "$IMAGE"
  member a a
  member b b
  start wrapper-crun a
  pid=$(oci_pid crun "$(cid a)")
  kill -KILL "$pid"
  wait_for 30 oci_stopped crun "$(cid a)"
  assert_equal "$(record a mode domain)" "[\"$(mode)\",\"a\"]"
  start wrapper-runc b
  merges "$(oci_pid runc "$(cid b)")"
}

# Both domains at once, several times over: whoever is first has it, and then all of that domain and nobody else.
@test "16 starts of two domains at the same moment" {
  local i name way pid merging=
  image "$IMAGE"
  ways=(wrapper-crun crun wrapper-crun wrapper-runc)
  for i in {1..16}; do
    member "x$i" "$([ $((i % 2)) = 0 ] && echo a || echo b)"
    case ${ways[i / 2 % 4]} in wrapper-*) ;; *) bundle_hooks "$T/x$i" ;; esac
  done
  exec 9> "$T/gate"
  flock 9
  for i in {1..16}; do
    way=${ways[i / 2 % 4]} name=$(cid "x$i")
    case $way in wrapper-*) program=$T/link/oci-ksm-runtime-${way#wrapper-} ;; *) program=$way ;; esac
    flock --shared "$T/gate" "$program" --root "$T/rt-${way#wrapper-}" run --detach --bundle "$T/x$i" "$name" \
      > "$T/$name.out" 2>&1 < /dev/null 3>&- 9>&- &
  done
  flock -u 9
  wait
  for i in {1..16}; do
    way=${ways[i / 2 % 4]}
    pid=$(oci_pid "${way#wrapper-}" "$(cid "x$i")")
    if merges "$pid"; then merging+=" $((i % 2))"; else merging+=" -"; fi
  done
  case $merging in
    ' 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1 -' | ' - 0 - 0 - 0 - 0 - 0 - 0 - 0 - 0') ;;
    *) fail "these merge: $merging" ;;
  esac
  assert_log_lines 8 "merging by $(mode)"
  assert_log_lines 8 'its trust domain is "[ab]", and that of the containers that merge now is "[ab]"'
}

@test "a container that must merge does not start" {
  image "$IMAGE"
  member a a
  start wrapper-crun a
  for way in wrapper-runc crun; do
    bundle "$T/b" "$T/r" -a oci-ksm/mode=auto -a oci-ksm/domain=b -a oci-ksm/required=true -- true
    [ "$way" != crun ] || bundle_hooks "$T/b"
    run oci_run "$way" "$T/b" "$(cid b)"
    [ "$status" -ne 0 ]
    refute_exists "$STATE/containers/$(cid b).json"
  done
  assert_log_lines 2 'error: its trust domain is "b", .* is "a" .*; merging is required$'
}

# Shim and environment would be in config.json; what the hook does later cannot take them out.
@test "podman's precreate stage edits only what may merge, and nobody comes between it and the start" {
  image glibc
  precreate() {
    bundle "$T/$1" "$T/r" -a oci-ksm/mode=preload -a "oci-ksm/domain=$2" -- true
    bundle_edit "$T/$1" '.linux.cgroupsPath = "/libpod_parent/libpod-" + $id' --arg id "$1"
    "$BIN/oci-ksm-hook" precreate < "$T/$1/config.json" > "$T/$1/edited.json"
  }
  precreate a a
  assert_equal "$(jq -r '.process.env[] | select(startswith("LD_PRELOAD="))' "$T/a/edited.json" | wc -l)" 1
  assert_equal "$(jq -c '[.mode, .domain, .starter]' "$STATE/containers/a.json")" "[\"preload\",\"a\",$$]"
  precreate b b
  assert_same "$T/b/config.json" "$T/b/edited.json"
  refute_exists "$STATE/containers/b.json"
  assert_log_lines 0 # prestart says it
  # Such a claim ends by itself if nothing comes of it.
  jq '.starter_until = 1' "$STATE/containers/a.json" > "$T/a.json"
  cat "$T/a.json" > "$STATE/containers/a.json"
  precreate b b
  assert_equal "$(jq -c .domain "$STATE/containers/b.json")" '"b"'
  # Who lists records takes it away, and no other one.
  run -0 "$BIN/oci-ksm" status
  assert_equal "$(state_files | sort)" "$STATE/containers/b.json"$'\n'"$STATE/domain"
}

@test "oci-ksm run, status and doctor" {
  background "$BIN/oci-ksm" run --mode=process --domain=a -- sleep 1000
  wait_for 30 runs "$BACKGROUND_PID" sleep
  merges "$BACKGROUND_PID"
  run -0 --separate-stderr "$BIN/oci-ksm" run --mode=process --domain=b -- sh -c "grep merge_any /proc/self/ksm_stat; '$BIN/oci-ksm' status --json"
  assert_contains "$stderr" "oci-ksm: its trust domain is \"b\", and that of the containers that merge now is \"a\" (run-$BACKGROUND_PID), proceeding without merging"
  assert_equal "$(head -n 1 <<< "$output")" 'ksm_merge_any: no'
  assert_equal "$(tail -n +2 <<< "$output" | jq -c '[.containers[] | [.mode, .domain, .layout]] | sort')" "$(jq -nc --arg m "$(mode)" '[["off","b","random"],[$m,"a","random"]]')"
  run -0 "$BIN/oci-ksm" status --noheadings --output=mode,domain
  assert_match "$output" "^$(mode) +a\$"
  run "$BIN/oci-ksm" doctor --json
  assert_equal "$(jq -c '.probes[] | select(.id == "domain") | [.verdict, .detail]' <<< "$output")" "[\"ok\",\"a: run-$BACKGROUND_PID\"]"
  run -125 --separate-stderr "$BIN/oci-ksm" run --mode=process --required -- true
  assert_contains "$stderr" "$(if as_a_whole; then echo 'its trust domain is none'; else echo "this kernel lacks $(lacking)"; fi)"
  run -2 --separate-stderr "$BIN/oci-ksm" run --domain=a/b -- true
  assert_contains "$stderr" '--domain=a/b: not 1 to 63 of'
}

@test "the namespace of a pod, whatever its annotations and environment say" {
  image "$IMAGE"
  settings '.domain_from = "namespace"'
  bundle "$T/a" "$T/r" -a oci-ksm/domain=victim -a io.kubernetes.cri.sandbox-namespace=mine -e OCI_KSM_DOMAIN=victim -- sleep 1000
  start wrapper-crun a
  assert_equal "$(record a domain id)" "[\"mine\",\"$(cid a)\"]"
  assert_log_lines 1 'annotation oci-ksm/domain: not taken, because the settings have domain_from'
  bundle "$T/b" "$T/r" -a io.kubernetes.cri.sandbox-namespace=victim -a io.kubernetes.pod.namespace=mine -- true
  run -0 oci_run wrapper-crun "$T/b" "$(cid b)"
  assert_log_lines 1 'its trust domain is not certain: .*; the container starts without merging'
}

@test "a host without domains has nothing of them" {
  image "$IMAGE"
  member a ''
  member b ''
  start wrapper-crun a
  start runc b
  merges "$(oci_pid crun "$(cid a)")"
  merges "$(oci_pid runc "$(cid b)")"
  assert_equal "$(state_files | sort)" "$STATE/containers/$(cid a).json"$'\n'"$STATE/containers/$(cid b).json"
  assert_equal "$(record a domain layout_shared)" '[null,null]'
}

@test "where no record can be written only containers without a domain merge" {
  image "$IMAGE"
  settings '.state_dir = "/proc/none"'
  for domain in '' a; do
    bundle "$T/a" "$T/r" -a oci-ksm/mode=process ${domain:+-a "oci-ksm/domain=$domain"} -- grep -cE 'merge_any: yes|libksm_preload.so' /proc/self/ksm_stat /proc/self/maps
    run oci_run wrapper-crun "$T/a"
    assert_equal "$status" "$([ -n "$domain" ] && echo 1 || echo 0)"
  done
  assert_log_lines 1 'trust domain a: folder of state: .*; the container starts without merging'
}
