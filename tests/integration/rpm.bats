#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rpm.bats: make rpm, as far as Debian's rpmbuild goes: the spec expands, what is built has the files that make install installs, and rpm
# installs it and takes it away again.
load lib

setup_file() {
  R=$(mktemp -d "$OCI_KSM_PRIVATE/rpm.XXXX")
  export R
  # What is built here already need not be built again.
  make --no-print-directory -C "$TOP" rpm PACKAGE_BUILD="$R/build" DISTDIR="$R" RPM_FLAGS="-bb --nodeps --define 'oci_ksm_build $BUILD'" \
    < /dev/null > "$R/log" 2>&1 3>&- || fail "$(tail -n 40 "$R/log")"
}
teardown_file() { rm -rf "$R"; }
rpm_in() { rpm --root "$T/root" --nodeps "$@" 2>&1 3>&-; }

@test "every macro of the spec is known, and it needs what setup.sh installs on Fedora" {
  run rpmspec -P --define 'oci_ksm_version 1.2' "$TOP/packaging/rpm/oci-ksm.spec"
  assert_status 0
  assert_equal "$(grep -nE '%\{|%%' <<< "$output")" ''
  assert_contains "$output" 'Version:        1.2'
  sed -n 's/^BuildRequires: *//p' "$TOP/packaging/rpm/oci-ksm.spec" | sort > "$T/spec"
  # glibc-devel comes with gcc.
  sed -n 's/^build  *[^ ]* *\([^ ]*\)$/\1/p' "$TOP/packaging/setup.sh" | grep -v glibc-devel | sort > "$T/setup"
  assert_same "$T/spec" "$T/setup"
}

@test "the packages have the files of install.list, and the shim is in its own" {
  for package in "$R"/*.rpm; do rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$package"; done | grep -vE '^d|/usr/share/(doc|licenses)/|/\.build-id/' |
    sed 's/^. *[^ ]* *\///; s/\.gz$//' | sort > "$T/packed"
  sed -n 's/^[fl] \([^ ]*\).*/\1/p' "$TOP/tests/integration/install.list" | sort > "$T/list"
  assert_same "$T/packed" "$T/list"
  assert_equal "$(rpm -qpl "$R"/libksm-preload-*.rpm | grep -c '/usr/lib/oci-ksm/preload/')" "$(grep -c ' usr/lib/oci-ksm/preload/' "$TOP/tests/integration/install.list")"
  assert_equal "$(rpm -qpl "$R"/oci-ksm-*.rpm | grep -c /usr/lib/oci-ksm/)" 0
}

@test "installed, in use, removed" {
  rootfs_host "$T/root"
  mount -t proc proc "$T/root/proc"
  mount --rbind /dev "$T/root/dev"
  mount --rbind /sys "$T/root/sys"
  mount -t tmpfs tmpfs "$T/root/run"
  run rpm_in -i "$R"/*.rpm
  assert_status 0
  run rpm_in -V oci-ksm libksm-preload
  assert_output ''
  background chroot "$T/root" env -u OCI_KSM_SETTINGS oci-ksm run -- sleep 1000
  wait_for 30 is_listed
  run rpm_in -e oci-ksm
  refute_equal "$status" 0
  assert_contains "$output" "is in use and is not removed: these containers and programs need it until they have stopped: run-$BACKGROUND_PID"
  assert_exists "$T/root/usr/bin/oci-ksm"
  kill "$BACKGROUND_PID"
  wait_for 30 assert_gone "$BACKGROUND_PID"
  run rpm_in -e oci-ksm libksm-preload
  assert_status 0
  assert_equal "$(cd "$(upper_of "$T/root")" && find . -name '*ksm*' ! -path './tmp/*' ! -path './var/lib/rpm/*')" ''
  assert_equal "$(find "$T/root/run" -name '*ksm*')" ''
}
is_listed() { chroot "$T/root" env -u OCI_KSM_SETTINGS oci-ksm status --noheadings --output=id | grep -q "run-$BACKGROUND_PID"; }
