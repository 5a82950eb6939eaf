#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run.bats: oci-ksm run and ksm-wrapper.
# probes: madvise prctl exec_inherit vma_merge notify listener
load lib

SHIM_ENTRY='not-libasan.so/$LIB/libksm_preload.so'
ksm() { "$BIN/oci-ksm" "$@"; }

@test "the program's arguments, output, status and signal are its own" {
  run --separate-stderr -3 ksm run -- sh -c 'echo "$@"; cat; exit 3' sh -a --help 'b c' <<< input
  assert_output $'-a --help b c\ninput'
  assert_equal "$stderr" ''
  run -143 ksm run -- sh -c 'kill -TERM $$'
  run -0 ksm run sh -c 'echo $0' -- x
  assert_output --
}

@test "it is in the program, and in what that starts" {
  background "$BIN/oci-ksm" run -- sh -c 'sleep 1000 & wait'
  wait_for 30 pgrep -P "$BACKGROUND_PID" sleep
  assert_shim "$BACKGROUND_PID"
  pid=$(pgrep -P "$BACKGROUND_PID" sleep)
  echo "$pid" >> "$T/background"
  assert_shim "$pid"
}

@test "memory is mergeable, as a whole process and by marks" {
  run -0 ksm run -- grep merge_any /proc/self/ksm_stat
  assert_output "ksm_merge_any: $(if by_the_shim; then echo yes; else echo no; fi)"
  OCI_KSM_NO=$(off prctl) run -0 ksm run -- /usr/bin/python3 -c 'import re
data = ["%d" % i for i in range(100000)]
smaps = open("/proc/self/smaps").read()
heap = smaps[smaps.index("[heap]"):]
print(" mg" in re.search("VmFlags:.*", heap).group(), open("/proc/self/ksm_stat").read().count("merge_any: no"))'
  assert_output 'True 1'
}

@test "an LD_PRELOAD that is there stays first, and ours comes once" {
  LD_PRELOAD=/nix/a.so:/nix/b.so run -0 --separate-stderr ksm run -- "$BIN/oci-ksm" run -- sh -c 'echo "$LD_PRELOAD"'
  assert_output "/nix/a.so:/nix/b.so:$PRELOAD_DIR/$SHIM_ENTRY"
}

@test "the smallest region: option, environment, settings" {
  run -0 ksm run --min-size 64K -- sh -c 'echo "$OCI_KSM_MIN_SIZE"'
  assert_output 65536
  settings '.min_size = "128K"'
  run -0 ksm run -- sh -c 'echo "$OCI_KSM_MIN_SIZE"'
  assert_output 131072
  OCI_KSM_MIN_SIZE=1M run -0 ksm run -- sh -c 'echo "$OCI_KSM_MIN_SIZE"'
  assert_output 1M
  KSMP_MERGE_THRESHOLD=4096 run -0 ksm run -- sh -c 'echo "$KSMP_MERGE_THRESHOLD.$OCI_KSM_MIN_SIZE"'
  assert_output 4096.
  # What auto takes depends on it, wherever it comes from.
  for variable in OCI_KSM_MIN_SIZE=1M KSMP_MERGE_THRESHOLD=1048576; do
    run -0 env "$variable" "$BIN/oci-ksm" run --mode=auto -- sh -c '"$BIN/oci-ksm" status --noheadings --output=mode,reason'
    assert_match "$output" "^preload .* and process $(if as_a_whole; then echo 'knows no min-size'; else echo '(knows no min-size|is not possible)'; fi)"
  done
}

@test "ksm-wrapper is the same, without options" {
  ln -s "$BIN/oci-ksm" "$T/ksm-wrapper"
  run -3 "$T/ksm-wrapper" sh -c 'echo "$LD_PRELOAD"; exit 3'
  assert_output "$PRELOAD_DIR/$SHIM_ENTRY"
  run -2 "$T/ksm-wrapper"
  assert_contains "$output" 'ksm-wrapper <command>'
  run -0 "$T/ksm-wrapper" --help
}

@test "a command that is not there, or no program" {
  run --separate-stderr -127 ksm run -- "$T/nix"
  assert_equal "$stderr" "oci-ksm: $T/nix: No such file or directory"
  run --separate-stderr -126 ksm run -- "$T/settings.json"
  assert_equal "$stderr" "oci-ksm: $T/settings.json: Permission denied"
}

@test "wrong usage is two lines and 2, help is 0" {
  for args in 'run' 'run --nix -- true' 'run --mode=nix -- true' 'run --min-size=x -- true' '' 'nix' '--nix'; do
    # shellcheck disable=SC2086 # words
    run --separate-stderr -2 ksm $args
    assert_output ''
    assert_equal "$(wc -l <<< "$stderr")" 2
  done
  for args in '--help' '--version' 'run --help' 'status --help' 'doctor --help'; do
    # shellcheck disable=SC2086
    run --separate-stderr -0 ksm $args
    refute_equal "$output" ''
    assert_equal "$stderr" ''
  done
}

@test "without the shim: one line, and the program runs; unless merging is required" {
  settings '.preload_dir = "/nix"'
  run --separate-stderr -0 ksm run -- sh -c 'echo "runs $LD_PRELOAD"'
  assert_output 'runs '
  assert_equal "$(wc -l <<< "$stderr")" 1
  assert_contains "$stderr" 'proceeding without merging'
  run --separate-stderr -125 ksm run --required -- touch "$T/ran"
  assert_equal "$(wc -l <<< "$stderr")" 1
  refute_exists "$T/ran"
}

@test "a shim whose path LD_PRELOAD cannot hold" {
  cp -a "$PRELOAD_DIR" "$T/a folder"
  settings '.preload_dir = $dir' --arg dir "$T/a folder"
  run --separate-stderr -0 ksm run -- sh -c 'echo "runs $LD_PRELOAD"'
  assert_output 'runs '
  assert_contains "$stderr" 'a space or colon'
}

@test "bad settings: one line, and the defaults" {
  echo '{' > "$OCI_KSM_SETTINGS"
  run --separate-stderr -0 ksm run -- sh -c 'echo "$LD_PRELOAD"'
  assert_output "$(as_a_whole || echo "$PRELOAD_DIR/$SHIM_ENTRY")"
  assert_equal "$(wc -l <<< "$stderr")" 1
  assert_contains "$stderr" 'proceeding with the defaults'
}

@test "modes: off does nothing, process needs nothing in the environment, what the kernel cannot do is said" {
  run --separate-stderr -0 ksm run --mode=off -- sh -c 'echo "runs $LD_PRELOAD"'
  assert_output 'runs '
  assert_equal "$stderr" ''
  refute_exists "$STATE/containers"/run-*.json
  if ! notifies; then
    run --separate-stderr -0 ksm run --mode=notify -- sh -c 'echo runs'
    assert_output runs
    assert_equal "$(wc -l <<< "$stderr")" 1
    run -125 ksm run --required --mode=notify -- touch "$T/ran"
    refute_exists "$T/ran"
  fi
  if ! as_a_whole; then
    another_takes_its_place "$OCI_KSM_NO"
    return
  fi
  # The heap of a static program, too; and what it starts.
  run --separate-stderr -0 ksm run --mode=process -- /bin/busybox sh -c 'grep merge_any /proc/self/ksm_stat; echo "[$LD_PRELOAD]"'
  assert_output $'ksm_merge_any: yes\n[]'
  assert_equal "$stderr" ''
  run --separate-stderr -0 ksm run --mode=process,preload -- sh -c 'grep merge_any /proc/self/ksm_stat; echo "$LD_PRELOAD"'
  assert_output $'ksm_merge_any: yes\n'"$PRELOAD_DIR/$SHIM_ENTRY"
  another_takes_its_place vma_merge
}
# another_takes_its_place FEATURE: of the mode process, and that is said.
another_takes_its_place() {
  local -x OCI_KSM_NO=$1
  run --separate-stderr -0 ksm run --mode=process -- sh -c 'echo "$LD_PRELOAD"'
  assert_output "$PRELOAD_DIR/$SHIM_ENTRY"
  assert_equal "$stderr" "oci-ksm: process is not possible: this kernel lacks $1, so preload takes its place"
  run -125 ksm run --required --mode=process -- touch "$T/ran"
  refute_exists "$T/ran"
}

@test "a user without rights or state" {
  # In this mount namespace only; the test's own folder is root's.
  mount -t tmpfs -o mode=755 none /mnt
  (cd / && cp -a --parents ".$BIN/oci-ksm" ".$PRELOAD_DIR" /mnt/)
  chmod -R go+rX /mnt
  mkdir -m 700 /mnt/run
  chown 65534 /mnt/run
  user() { setpriv --reuid=65534 --regid=65534 --clear-groups env -u OCI_KSM_SETTINGS "$@"; }
  run --separate-stderr -0 user "/mnt$BIN/oci-ksm" run -- grep merge_any /proc/self/ksm_stat
  assert_output "ksm_merge_any: $(if by_the_shim; then echo yes; else echo no; fi)"
  assert_equal "$stderr" ''
  run --separate-stderr -0 user XDG_RUNTIME_DIR=/mnt/run "/mnt$BIN/oci-ksm" run -- sh -c "'/mnt$BIN/oci-ksm' status --noheadings -o mode,procs"
  umount /mnt
  assert_output "$(if as_a_whole; then echo process; else echo preload; fi)  2"
}
