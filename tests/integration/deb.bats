#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# deb.bats: make deb, and what becomes of its packages in a plain Debian 12: installed, asked by doctor, upgraded while a container runs,
# removed, purged. The tests go on where the one before has ended.
load lib
load readme

setup_file() {
  D=$(mktemp -d "$OCI_KSM_PRIVATE/deb.XXXX")
  export D ROOT=$D/root ID=ksmt-$$-deb
  export VERSION
  VERSION=$(sed -n 's/^VERSION *:= *//p' "$TOP/Makefile")
  "$TOP/tests/images/chroot" make "$ROOT"
  mount -t tmpfs tmpfs "$ROOT/run"
  mount --rbind /sys "$ROOT/sys"
  build_deb "$D/one" > "$D/log" 2>&1 || fail "$(tail -n 40 "$D/log")"
}
teardown_file() {
  inside crun delete --force "$ID" 2> /dev/null || true
  wait_for 30 nobody_killed
  awk -v d="$D/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | unmount_all
  rm -rf --one-file-system "$D"
}

# build_deb DIR: packages into DIR/dist, built below DIR
build_deb() { make --no-print-directory -C "$TOP" deb PACKAGE_BUILD="$1/build" DISTDIR="$1/dist" < /dev/null 3>&-; }
# The helper's processes replace each other: until none is left.
nobody_killed() {
  local pid
  for pid in $(in_chroot); do kill -KILL "$pid" 2> /dev/null || true; done
  [ -z "$(in_chroot)" ]
}
inside() { "$TOP/tests/images/chroot" in "$ROOT" "$@" 3>&-; }
# in_chroot: processes that have the chroot as root
in_chroot() { find /proc -maxdepth 2 -name root -lname "$ROOT" 2> /dev/null | cut -d/ -f3; }
deb() { echo "$D/one/dist/$1_${2:-$VERSION}_$(dpkg --print-architecture).deb"; }
verdict() { inside oci-ksm doctor --json | jq -r --arg id "$1" '.probes[] | select(.id == $id) | .verdict'; }
# follow ID: does what doctor says to do about that probe: the command between backquotes
follow() {
  local command
  command=$(inside oci-ksm doctor --json | jq -r --arg id "$1" '.probes[] | select(.id == $id) | .remedy' | sed -n 's/^`\([^`]*\)`.*/\1/p')
  [ -n "$command" ] || fail "no command in: $(inside oci-ksm doctor)" || return 1
  echo "# doctor says: $command"
  inside sh -c "$command" > "$D/log" 2>&1 || fail "$command:" "$(cat "$D/log")"
}
# repack PACKAGE: the same with a higher version, and a shim that differs, as an upgrade
repack() {
  dpkg-deb -R "$(deb "$1")" "$D/repack/$1"
  sed -i "s/$VERSION)/$VERSION+new)/; s/^Version: .*/Version: $VERSION+new/" "$D/repack/$1/DEBIAN/control"
  shim=$D/repack/$1/usr/lib/oci-ksm/preload/libksm_preload.so
  [ ! -e "$shim" ] || echo newer >> "$shim"
  dpkg-deb --root-owner-group -b "$D/repack/$1" "$(deb "$1" "$VERSION+new")" > /dev/null
}

@test "lintian has nothing to say about the packages of make deb" {
  assert_exists "$(deb oci-ksm)"
  assert_exists "$(deb libksm-preload)"
  run lintian --allow-root --fail-on warning,error --tag-display-limit 0 "$D"/one/dist/*.changes
  assert_output ''
  assert_status 0
  # Nothing is left of the build.
  assert_empty_dir "$D/one/build"
}

@test "built elsewhere, by another user's habits, they are the same, byte for byte" {
  (umask 077 && TZ=Asia/Tokyo LC_ALL=C HOME=$T DEB_BUILD_OPTIONS=parallel=3 build_deb "$D/another-place" > "$D/log" 2>&1) || fail "$(tail -n 40 "$D/log")"
  for file in "$D"/one/dist/*.deb; do assert_same "$file" "$D/another-place/dist/${file##*/}"; done
  [ "$(find "$D/one/dist" -name '*.deb' | wc -l)" -ge 2 ]
}

@test "installed by apt: nothing is enabled or started; doctor names the package that is missing, and its command gets it" {
  printf 'APT::Install-Recommends "false";\nAPT::Get::Assume-Yes "true";\n' > "$ROOT/etc/apt/apt.conf.d/99test"
  inside apt-get update -q > "$D/log" 2>&1 || fail "$(cat "$D/log")"
  # README.md's commands, but for the build, which was here.
  cp -R "$D/one/dist" "$ROOT/"
  readme_blocks 'Debian packages' | sed 's/^sh packaging.setup.sh deb .*/cd \//' > "$D/commands"
  run inside sh -euxc "$(cat "$D/commands")"
  assert_status 0
  assert_equal "$(in_chroot)" ''
  assert_equal "$(find "$ROOT/etc/systemd" -name '*ksm*')" ''
  inside oci-ksm --version
  assert_contains "$(inside oci-ksm run --mode=preload -- grep libksm_preload /proc/self/maps)" /usr/lib/oci-ksm/preload/libksm_preload.so
  run inside oci-ksm doctor
  assert_contains "$output" '`apt-get install crun`'
  assert_equal "$(verdict shim) $(verdict runtime)" 'ok warn'
  follow runtime
  assert_equal "$(verdict runtime)" ok
}

@test "following doctor, command by command, makes it content" {
  ksm_begin
  # As a kernel is that was just booted.
  ksm_set run 0
  ksm_set pages_to_scan 100
  huge=/sys/kernel/mm/transparent_hugepage/enabled
  cat $huge > "$D/huge"
  run -1 inside oci-ksm doctor
  assert_contains "$output" '`echo 1 > /sys/kernel/mm/ksm/run`'
  assert_contains "$output" '`oci-ksmd &`'
  for id in $(inside oci-ksm doctor --json | jq -r '.probes[] | select(.verdict != "ok") | .id'); do
    # One command may do for several.
    [ "$(verdict "$id")" = ok ] || follow "$id"
  done
  wait_for 30 content
  inside oci-ksm tune --restore
  assert_equal "$(cat "$KSM/run") $(cat "$KSM/pages_to_scan")" '0 100'
  [ ! -e $huge ] || sed 's/.*\[\(.*\)\].*/\1/' "$D/huge" > $huge
}
content() { inside oci-ksm doctor > "$D/doctor" && ! grep -E '^(warn|fail)' "$D/doctor"; }

@test "an upgrade while a container runs: shim, helper and container go on" {
  rootfs_busybox "$ROOT/box/rootfs"
  inside sh -c 'cd /box && crun spec'
  bundle_edit "$ROOT/box" '.process.terminal = false | .process.args = ["sleep", "1000"] | .root.readonly = false
    | .annotations = {"oci-ksm/mode": "preload,notify", "oci-ksm/required": "true"}'
  inside oci-ksm-runtime run --detach --bundle /box "$ID" > "$D/log" 2>&1 || fail "$(cat "$D/log")"
  assert_contains "$(inside oci-ksm status --noheadings --output=id,mode,source)" "$ID  preload,notify  runtime"
  inside oci-ksm doctor --json | jq -r '.probes[] | select(.id == "notify") | .detail' > "$T/before"
  keeper=$(sed -n 's/.*pid \([0-9]*\),.*/\1/p' "$T/before")
  stat -c %i "$ROOT/usr/lib/oci-ksm/preload" > "$T/folder"
  mkdir "$D/repack"
  repack oci-ksm
  repack libksm-preload
  cp "$D"/one/dist/*+new*.deb "$ROOT/dist/"
  run inside sh -c 'dpkg -i /dist/*+new*.deb'
  assert_status 0
  assert_equal "$(stat -c %i "$ROOT/usr/lib/oci-ksm/preload")" "$(cat "$T/folder")"
  pid=$(inside crun state "$ID" | jq .pid)
  assert_same "/proc/$pid/root/dev/oci-ksm/libksm_preload.so" "$D/repack/libksm-preload/usr/lib/oci-ksm/preload/libksm_preload.so"
  # The same process, which serves the same container, is the new program: not one that was deleted.
  assert_contains "$(inside oci-ksm doctor)" "pid $keeper, 1 listeners"
  assert_equal "$(readlink "/proc/$keeper/exe")" "$ROOT/usr/bin/oci-ksmd"
  run inside crun exec "$ID" sh -c 'dd if=/dev/zero of=/dev/null bs=1M count=1'
  assert_status 0
}

@test "removal is refused while a container runs, and says how to go on" {
  run inside apt-get remove -q oci-ksm
  refute_equal "$status" 0
  assert_contains "$output" 'oci-ksm is in use and is not removed'
  assert_contains "$output" "  $ID"
  assert_contains "$output" OCI_KSM_FORCE_REMOVE=yes
  run inside dpkg-query -W -f '${db:Status-Status} ' oci-ksm libksm-preload
  assert_output 'installed installed '
  inside crun kill "$ID" KILL
  wait_for 30 stopped
  inside oci-ksm-runtime delete "$ID"
  # A program of oci-ksm run needs it as well; by force it is removed.
  background "$TOP/tests/images/chroot" in "$ROOT" oci-ksm run -- sleep 1000
  wait_for 30 is_listed run-
  run inside dpkg --remove oci-ksm
  refute_equal "$status" 0
  run inside env OCI_KSM_FORCE_REMOVE=yes dpkg --remove oci-ksm
  assert_status 0
  refute_exists "$ROOT/usr/bin/oci-ksm"
}
stopped() { [ "$(inside crun state "$ID" | jq -r .status)" = stopped ]; }
is_listed() { inside oci-ksm status --noheadings | grep -q "^$1"; }

@test "purged, it leaves nothing" {
  mkdir -p "$ROOT/etc/oci-ksm"
  echo '{}' > "$ROOT/etc/oci-ksm/oci-ksm.json"
  for pid in $(in_chroot); do kill -TERM "$pid" 2> /dev/null || true; done
  wait_for 30 nobody
  run inside dpkg --purge oci-ksm libksm-preload
  assert_status 0
  # All that was written to the plain system, but for other packages' files, apt's and dpkg's own, and the test's.
  (cd "$ROOT.upper" && find . -mindepth 1 ! -type c) | sed 's/^\.//' | grep -vE '^/(dist|box|tmp|etc/apt|etc/hosts|etc/resolv.conf|usr/share/keyrings|var/(lib/(dpkg|apt)|cache|log/(apt|dpkg.log)))(/|$)' |
    sort > "$T/written"
  { cat "$ROOT"/var/lib/dpkg/info/*.list; cd "$(lower_of_root)" && find . | sed 's/^\.//'; } | sort -u > "$T/known"
  assert_equal "$(comm -23 "$T/written" "$T/known")" ''
  assert_equal "$(find "$ROOT/run" "$ROOT/var/lib/dpkg/info" "$ROOT/var/lib/systemd" -name '*ksm*')" ''
  refute_exists "$ROOT/etc/oci-ksm"
}
nobody() { [ -z "$(in_chroot)" ]; }
lower_of_root() { "$TOP/tests/images/rootfs" debian bookworm; }
