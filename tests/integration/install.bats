#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# make install, uninstall, help, dist and the messages about what is missing; packaging/setup.sh.
load lib

make_() { make --no-print-directory -C "$TOP" BUILD="$BUILD" "$@" 3>&-; }
# listing DIR: all that is in it, as install.list.
listing() {
  (cd "$1" && find . -mindepth 1 \( -type d -printf 'd %P\n' -o -type f -printf 'f %P %m\n' -o -printf '%y %P %l\n' \)) | LC_ALL=C sort -k2
}
# setup_sh [packages table's line]: a copy of setup.sh beside a Makefile of its own, perhaps with one package more.
setup_sh() {
  mkdir "$T/packaging"
  sed "s|^build            make .*|&${1:+\\n$1}|" "$TOP/packaging/setup.sh" > "$T/packaging/setup.sh"
  printf 'all:\n\t@echo made $@\n' > "$T/Makefile"
}

@test "make install puts exactly the files of install.list below DESTDIR, twice the same" {
  umask 077 # what it installs is for everybody all the same
  for _ in 1 2; do
    run make_ install DESTDIR="$T/dest" PREFIX=/usr
    assert_status 0
    diff "$TOP/tests/integration/install.list" <(listing "$T/dest")
  done
  [ -z "$(find "$T/dest" -type d ! -perm 755)" ] || fail "$(find "$T/dest" -type d ! -perm 755 -ls)"
}

@test "make uninstall leaves no file and no folder of ours, and what others installed" {
  make_ install DESTDIR="$T/dest" PREFIX=/usr
  touch "$T/dest/usr/share/containers/oci/hooks.d/other.json"
  make_ uninstall DESTDIR="$T/dest" PREFIX=/usr
  run find "$T/dest" '(' ! -type d -o -name '*ksm*' ')' -printf '%P\n'
  assert_output usr/share/containers/oci/hooks.d/other.json
}

@test "by default it goes to /usr/local, and its configuration where engines look" {
  make_ install DESTDIR="$T/dest"
  assert_exists "$T/dest/usr/local/bin/oci-ksm"
  assert_exists "$T/dest/usr/local/lib/oci-ksm/preload/libksm_preload.so"
  assert_equal "$(jq -r .hook.path "$T/dest/etc/containers/oci/hooks.d/oci-ksm-prestart.json")" /usr/local/bin/oci-ksm-hook
  assert_contains "$(cat "$T/dest/etc/containers/containers.conf.d/oci-ksm.conf")" '"/usr/local/share/oci-ksm/hooks.precreate.d"]'
}

@test "elsewhere it stays below PREFIX" {
  make_ install PREFIX="$T/here"
  assert_exists "$T/here/etc/containers/oci/hooks.d/oci-ksm-prestart.json"
  assert_exists "$T/here/share/oci-ksm/hooks.precreate.d/oci-ksm-precreate.json"
  settings 'del(.preload_dir)'
  run "$T/here/bin/oci-ksm" run -- grep -c 'r-xp.*/here/lib/oci-ksm/preload/libksm_preload.so' /proc/self/maps
  assert_output 1
}

# hooks_in PROGRAM [FILE...]: how many hooks of the files say that program.
hooks_in() { jq -r '.hook.path // .containerEdits.hooks[].path' "${@:2}" | grep -cx "$1"; }
@test "for two folders at the same time: each has its own, and whole" {
  local round
  for round in 1 2; do
    make_ install DESTDIR="$T/one" PREFIX=/usr > "$T/one.out" &
    make_ install DESTDIR="$T/same" PREFIX=/usr > "$T/same.out" &
    make_ install DESTDIR="$T/other" PREFIX=/opt > "$T/other.out"
    wait
    diff -r "$T/one" "$T/same"
    assert_equal "$(hooks_in /usr/bin/oci-ksm-hook "$T"/one/usr/share/oci-ksm/{hooks.precreate.d,cdi}/*.json)" 3
    assert_equal "$(hooks_in /opt/bin/oci-ksm-hook "$T"/other/opt/share/oci-ksm/{hooks.precreate.d,cdi}/*.json)" 3
    assert_contains "$(cat "$T/other/opt/lib/systemd/system/oci-ksmd.service")" ExecStart=/opt/bin/
  done
}

@test "precreate is in no folder that buildah and CRI-O read" {
  make_ install DESTDIR="$T/dest" PREFIX=/usr
  run jq -r '.stages[]' "$T/dest"/usr/share/containers/oci/hooks.d/*.json
  assert_output 'poststop
prestart'
  run jq -r '.stages[], .hook.args[1]' "$T/dest/usr/share/oci-ksm/hooks.precreate.d/oci-ksm-precreate.json"
  assert_output 'precreate
precreate'
}

@test "systemd takes the units, and they start the installed program" {
  make_ install PREFIX="$T/here"
  for whose in system user; do
    XDG_RUNTIME_DIR=$T run systemd-analyze verify --man=no --$whose "$T/here/lib/systemd/$whose/oci-ksmd.socket" "$T/here/lib/systemd/$whose/oci-ksmd.service"
    assert_status 0
    # Newer than Debian 12's.
    assert_equal "$(grep -v "Unknown key 'FileDescriptorStorePreserve'" <<< "$output")" ''
    assert_contains "$(cat "$T/here/lib/systemd/$whose/oci-ksmd.service")" "ExecStart=$T/here/bin/oci-ksmd"
  done
}

@test "the helper's unit is hardened as far as it goes without a seccomp filter: a tracer that has one may suspend nobody's" {
  make_ install PREFIX="$T/here"
  run systemd-analyze security --no-pager --offline=true --threshold=65 "$T/here/lib/systemd/system/oci-ksmd.service"
  assert_status 0
  run grep -hE '^(SystemCall|Restrict|Lock|ProtectKernel|ProtectClock|ProtectHostname|PrivateDevices|MemoryDeny|ProtectProc|ProcSubset|PrivatePIDs)' \
    "$T"/here/lib/systemd/*/oci-ksmd.service
  assert_output ''
}

@test "the folder of state is made at boot, for root only" {
  make_ install PREFIX="$T/here"
  mkdir "$T/host"
  run systemd-tmpfiles --root="$T/host" --create "$T/here/lib/tmpfiles.d/oci-ksm.conf"
  assert_status 0
  assert_equal "$(stat -c '%a %u %F' "$T/host/run/oci-ksm")" '700 0 directory'
}

@test "make help names every target that people use" {
  run make_ help
  assert_status 0
  for target in all check check-unit check-integration lint format fuzz bench demo install uninstall dist deb rpm clean help; do
    assert_match "$output" "(^|
)  $target +[A-Z]"
  done
}

@test "a missing library is one message with both packages' names" {
  for library in json-c:libjson-c-dev:json-c-devel libcap:libcap-dev:libcap-devel libseccomp:libseccomp-dev:libseccomp-devel libxxhash:libxxhash-dev:xxhash-devel; do
    IFS=: read -r name debian fedora <<< "$library"
    printf '#!/bin/sh\ncase "$*" in *%s*) exit 1 ;; esac\n' "$name" > "$T/pkg-config"
    chmod +x "$T/pkg-config"
    run make_ all PKG_CONFIG="$T/pkg-config"
    refute_equal "$status" 0
    assert_equal "${#lines[@]}" 1
    assert_contains "$output" "$name is missing: install $debian (Debian, Ubuntu) or $fedora (Fedora), or run: sh packaging/setup.sh all"
  done
  run make_ all PKG_CONFIG=no-such-pkg-config
  assert_contains "$output" "pkg-config is missing: install pkg-config (Debian, Ubuntu) or pkgconf-pkg-config (Fedora)"
  run make_ help PKG_CONFIG=no-such-pkg-config
  assert_status 0
}

@test "without static libraries the programs are linked dynamically, with the user's flags" {
  run make_ BUILD="$T/build" STATIC=no V=1 CC=gcc CFLAGS='-O0 -DUSER_CFLAGS' CPPFLAGS=-DUSER_CPPFLAGS LDFLAGS=-Wl,--build-id=none "$T/build/bin/oci-ksm-hook"
  assert_status 0
  assert_match "$output" '-DUSER_CPPFLAGS .*-O0 -DUSER_CFLAGS .*-c hook/stages/main.c'
  assert_match "$output" '-Wl,--build-id=none .*-o [^ ]*/bin/oci-ksm-hook'
  assert_contains "$(ldd "$T/build/bin/oci-ksm-hook")" libjson-c
  run "$T/build/bin/oci-ksm-hook" --version
  assert_status 0
}

@test "setup.sh goes straight to make where nothing is missing" {
  setup_sh
  run sh "$T/packaging/setup.sh" all
  assert_output "made all"
  run sh "$T/packaging/setup.sh"
  assert_status 2
  assert_contains "$output" "usage: setup.sh TARGET"
}

@test "setup.sh says what to do: not root, no package manager, a package that cannot be had" {
  setup_sh 'build no-such-package-oci-ksm no-such-package-oci-ksm'
  chmod 755 "$T" "$OCI_KSM_PRIVATE"
  run setpriv --reuid 65534 --regid 65534 --clear-groups sh "$T/packaging/setup.sh" all
  assert_status 1
  assert_contains "$output" "missing: no-such-package-oci-ksm"
  assert_contains "$output" "sudo sh packaging/setup.sh all"
  mkdir "$T/bin"
  for tool in sh dirname awk tr cat; do ln -s "$(command -v $tool)" "$T/bin/"; done
  PATH=$T/bin run sh "$T/packaging/setup.sh" all
  assert_status 1
  assert_contains "$output" "neither apt-get nor dnf"
  assert_contains "$output" "json-c-devel"
}

# An apt-get that shows what setup.sh has prepared, then fails.
@test "setup.sh lets no service start while it installs, and puts the machine's policy back" {
  setup_sh 'build no-such-package-oci-ksm no-such-package-oci-ksm'
  overlay_dir=$T/sbin
  mkdir "$overlay_dir.upper" "$overlay_dir.work" "$T/bin"
  mount -t overlay overlay -o "lowerdir=/usr/sbin,upperdir=$overlay_dir.upper,workdir=$overlay_dir.work" /usr/sbin
  printf '#!/bin/sh\ncase $1 in install) sh /usr/sbin/policy-rc.d redis start; echo "policy says $?, $DEBIAN_FRONTEND, $*"; exit 100 ;; esac\n' > "$T/bin/apt-get"
  chmod +x "$T/bin/apt-get"
  for policy in own none; do
    rm -f /usr/sbin/policy-rc.d
    [ $policy = none ] || printf 'echo own\n' > /usr/sbin/policy-rc.d
    PATH=$T/bin:$PATH run sh "$T/packaging/setup.sh" all
    after=$(cat /usr/sbin/policy-rc.d 2> /dev/null || echo absent)
    assert_status 1
    assert_contains "$output" "policy says 101, noninteractive, install -q -y --no-install-recommends no-such-package-oci-ksm"
    assert_contains "$output" "could not install: no-such-package-oci-ksm"
    if [ $policy = own ]; then assert_equal "$after" 'echo own'; else assert_equal "$after" absent; fi
  done
  umount -l /usr/sbin
}
