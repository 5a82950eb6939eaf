#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The helpers that the other tests build on: containers really run and really end.
load lib

@test "crun and runc run busybox and give its output and status" {
  rootfs_busybox "$T/root"
  bundle "$T/b" "$T/root" -e A=b -a x/y=z -- sh -c 'echo $A; exit 3'
  for rt in crun runc; do
    run --separate-stderr oci_run $rt "$T/b"
    assert_status 3
    assert_output b
    assert_equal "$stderr" ""
  done
}

@test "an overlay over this machine's files keeps writes apart" {
  rootfs_host "$T/root"
  bundle "$T/b" "$T/root" -- bash -c 'echo x > /etc/ksmt-written; /usr/bin/python3 -c "print(6*7)"'
  run oci_run crun "$T/b"
  assert_status 0
  assert_output 42
  assert_exists "$(upper_of "$T/root")/etc/ksmt-written"
  refute_exists /etc/ksmt-written
}

@test "started containers have a pid and are gone when stopped" {
  rootfs_busybox "$T/root"
  bundle "$T/b" "$T/root" -- sleep 1000
  for rt in crun runc; do
    oci_start $rt "$T/b"
    pid=$(oci_pid $rt)
    assert_exists "/proc/$pid"
    oci_stop $rt
    assert_gone "$pid"
    assert_equal "$(oci $rt list -q)" ""
  done
}

@test "debian's releases are there with their own libc" {
  local suite
  for suite in bookworm:2.36 bullseye:2.31; do
    rootfs_debian "${suite%:*}" "$T/${suite%:*}"
    bundle "$T/b" "$T/${suite%:*}" -- /usr/bin/ldd --version
    run oci_run crun "$T/b"
    assert_status 0
    assert_contains "${lines[0]}" "${suite#*:}"
  done
}

@test "ksm's values are changed under a lock and come back" {
  local before
  values=(grep . "$KSM/run" "$KSM/pages_to_scan" "$KSM/sleep_millisecs")
  before=$(flock "$KSM_LOCK" "${values[@]}")
  ksm_begin
  assert_equal "$(cat "$KSM/run")" 1
  run ! flock -n "$KSM_LOCK" true
  wait_scans 2
  ksm_end
  assert_equal "$(flock "$KSM_LOCK" "${values[@]}")" "$before"
}

@test "what a test mounts anywhere is gone after it (1: mounts)" {
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/x
  mount -t tmpfs tmpfs /mnt/x
}

@test "what a test mounts anywhere is gone after it (2: looks)" {
  refute_exists /mnt/x
  run ! mountpoint -q /mnt
}

@test "the runner counts what failed, was skipped, never reported, or ended early" {
  cat > "$T/bats" << 'FAKE'
#!/bin/sh
printf '1..6\nok 1 a\nok 2 b # skip why\nnot ok 3 c\nok 4 d\n'
FAKE
  mkdir "$T/tree"
  cp -r "$TOP/tests" "$T/tree/"
  printf 'all build-tools:\n' > "$T/tree/Makefile"
  chmod +x "$T/bats"
  ls "$TMPDIR" > "$T/files"
  FILES=tests/integration/lib.bats PATH=$T:$PATH run "$T/tree/tests/run" integration
  assert_equal "$(ls "$TMPDIR")" "$(cat "$T/files")"
  assert_status 1
  assert_contains "$output" "# ---- integration: 2 passed, 3 failed, 1 skipped"
  assert_match "${lines[-1]}" '^[23] passed, [34] failed, 1 skipped$' # with the one of leftovers
  assert_contains "${output#*once more, what failed:}" 'not ok 3 c'
  assert_contains "${output#*once more, what failed:}" '# 2 planned tests did not report'
  printf '#!/bin/sh\necho 1..1\necho ok 1\nexit 1\n' > "$T/bats"
  FILES=tests/integration/lib.bats PATH=$T:$PATH run "$T/tree/tests/run" integration
  assert_status 1
  assert_contains "$output" "# ---- integration: 1 passed, 1 failed, 0 skipped"
}

# runner_of_files: a bats that tells when it ran which tests of which file, and some files for it.
runner_of_files() {
  cat > "$T/bats" << FAKE
#!/bin/sh
file=\$(basename "\$5" .bats)
echo "begin \$file \$4" >> $T/told
echo 1..2
echo ok 1
case \$file in
  hangs)
    setsid sh -c 'echo \$\$ > $T/left.pid; exec sleep 1002' &
    exec sleep 1003
    ;;
  breaks) exit 3 ;;
esac
sleep 1
echo ok 2
echo "end \$file \$4" >> $T/told
FAKE
  chmod +x "$T/bats"
  printf '# bats test_tags=alone\n' > "$T/some.bats"
  printf '# bats file_tags=x,alone\n' > "$T/all.bats"
  : > "$T/a.bats"
  : > "$T/b.bats"
  : > "$T/breaks.bats"
  : > "$T/hangs.bats"
}

@test "two files of tests run at a time, and what is tagged alone runs alone" {
  runner_of_files
  printf '# bats file_tags=podman\n' | tee "$T/p1.bats" > "$T/p2.bats"
  export OCI_KSM_AT_ONCE=2
  PATH=$T:$PATH run -0 "$TOP/tests/integration/all" "$T/a.bats" "$T/p1.bats" "$T/p2.bats" "$T/b.bats"
  assert_equal "$(grep '^begin' "$T/told" | head -n 2 | sort | cut -d' ' -f2 | xargs)" 'a p1'
  [ "$(grep -n 'end p1' "$T/told" | cut -d: -f1)" -lt "$(grep -n 'begin p2' "$T/told" | cut -d: -f1)" ]
  rm "$T/told"
  PATH=$T:$PATH run -0 "$TOP/tests/integration/all" "$T/a.bats" "$T/some.bats" "$T/all.bats"
  assert_equal "$(grep -c '^ok' <<< "$output")" 8
  assert_equal "$(head -n 2 "$T/told" | sort | xargs)" 'begin a !alone begin some !alone'
  assert_equal "$(tail -n 4 "$T/told" | xargs)" 'begin some alone end some alone begin all alone end all alone'
}

@test "a file of tests that hangs is ended with all below it, and named, as is one that breaks" {
  runner_of_files
  OCI_KSM_FILE_SECONDS=2 PATH=$T:$PATH run -1 "$TOP/tests/integration/all" "$T/hangs.bats" "$T/breaks.bats" "$T/a.bats"
  assert_contains "$output" 'not ok - hangs.bats did not end within 2 s: ended after 1 tests'
  assert_contains "$output" 'not ok - breaks.bats ended with status 3 after 1 tests'
  assert_match "$output" '# still running: [0-9]+ [^ ]+ sleep 1003'
  assert_match "$output" '# a.bats: 2 tests in [0-9]+ s'
  assert_gone "$(cat "$T/left.pid")"
}

@test "the runner finds processes, mounts, cgroups and files that tests leave" {
  mkdir "$T/tree"
  cp -r "$TOP/tests" "$T/tree/"
  printf 'all build-tools:\n' > "$T/tree/Makefile"
  cat > "$T/bats" << FAKE
#!/bin/sh
setsid sh -c 'echo \$\$ > $T/left.pid; exec sleep 1001' > /dev/null 2>&1 &
mkdir $T/mnt /sys/fs/cgroup/pids/ksmt-left /run/ksmt-left
mount -t tmpfs tmpfs $T/mnt
echo 1..1
echo ok 1
FAKE
  chmod +x "$T/bats"
  FILES=tests/integration/lib.bats PATH=$T:$PATH run timeout -k 5 100 "$T/tree/tests/run" integration
  rmdir /sys/fs/cgroup/pids/ksmt-left /run/ksmt-left
  kill -KILL "$(cat "$T/left.pid")"
  assert_status 1
  assert_equal "${lines[-1]}" "1 passed, 1 failed, 0 skipped"
  assert_match "$output" '# running: .* sleep 1001'
  assert_contains "$output" "# left: mount $T/mnt"
  assert_contains "$output" "# left: cgroup /sys/fs/cgroup/pids/ksmt-left"
  assert_contains "$output" "# left: file /run/ksmt-left"
}
