#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shim.bats: the shim's matrix. Real programs in real containers print the same and exit with the same code with the shim as without,
# byte for byte, and nothing of ours is on stderr. All cases (tests/shim/cases) run in four containers of each image: `plain` without
# us, `process` with the whole-process way of new kernels, `regions` with that forced off (OCI_KSM_NO=prctl) as on kernels before
# 6.4, and `debug`, which shows that the shim was there.
load lib

WAYS=(plain process regions debug)

setup_file() {
  local image
  test_begin
  export MATRIX=$T
  rootfs_host "$T/host"
  rootfs_debian bullseye "$T/bullseye"
  for image in host bullseye; do
    for way in "${WAYS[@]}"; do
      matrix "$image" "$way"
    done
  done
}

teardown_file() {
  T=$MATRIX
  test_end
}

# matrix IMAGE WAY: runs the cases that this image has in one container; their output is in $T/IMAGE.WAY.
matrix() {
  local dir=$T/$1.$2 cases=() options=()
  [ "$1" = host ] || cases=(minimal sh)
  case $2 in
    process) options=(-a oci-ksm/mode=preload) ;;
    regions) options=(-a oci-ksm/mode=preload -e "OCI_KSM_NO=$(off prctl)") ;;
    debug) options=(-a oci-ksm/mode=preload -e "OCI_KSM_NO=$(off prctl)" -e OCI_KSM_DEBUG=1) ;;
    plain) options=(-a oci-ksm/mode=off) ;;
  esac
  mkdir -p "$dir"
  bundle "$dir.bundle" "$T/$1" "${options[@]}" -- /cases run /out "${cases[@]}"
  bundle_edit "$dir.bundle" 'def bind($from; $to): {type: "bind", source: $from, destination: $to, options: ["rbind", "ro"]};
    .mounts += [bind($victims; "/victims"), bind($cases; "/cases"), bind($out; "/out") | if .destination == "/out" then .options = ["rbind"] else . end]
    | .process.capabilities[] += ["CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_IPC_LOCK"]
    | .process.noNewPrivileges = false | .process.rlimits += [{type: "RLIMIT_MEMLOCK", hard: 8388608, soft: 8388608}]
    | .linux.namespaces |= map(select(.type != "network"))' \
    --arg victims "$BUILD/tests/shim" --arg cases "$TOP/tests/shim/cases" --arg out "$dir"
  oci_run wrapper-crun "$dir.bundle" "matrix-$$-$1-$2"
}

# same NAME [IMAGE]: output, errors and exit code of the case are the same with the shim as without, and not empty.
same() {
  local dir=$MATRIX/${2:-host} what
  [ -s "$dir.plain/$1.out" ] || fail "without the shim $1 prints nothing:" "$(cat "$dir.plain/$1.err")"
  for what in out err rc; do
    assert_same "$dir.plain/$1.$what" "$dir.process/$1.$what"
    assert_same "$dir.plain/$1.$what" "$dir.regions/$1.$what"
  done
  refute_contains "$(cat "$dir.plain/$1.err")" oci-ksm
}
# loaded NAME [IMAGE] / not_loaded NAME: did the shim start in a program of that case and mark regions?
loaded() { assert_contains "$(cat "$MATRIX/${2:-host}.debug/$1.err")" 'oci-ksm: preload: regions are marked'; }
not_loaded() { refute_contains "$(cat "$MATRIX/host.debug/$1.err")" 'oci-ksm: preload:'; }

@test "bash" { same bash && loaded bash; }
@test "sh" { same sh && loaded sh; }
@test "python3" { same python3 && loaded python3; }
@test "perl" { same perl && loaded perl; }
@test "php" { same php && loaded php; }
@test "node" { same node && loaded node; }
@test "java" { same java && loaded java; }
@test "redis (jemalloc)" { same redis && loaded redis; }
@test "nginx" { same nginx && loaded nginx; }
@test "apache with mod_php" { same apache && loaded apache; }
@test "1000 threads" { same threads && loaded threads; }
@test "fork" { same fork && loaded fork; }
@test "vfork" { same vfork && loaded vfork; }
@test "posix_spawn" { same posix_spawn && loaded posix_spawn; }
@test "a signal handler that allocates" { same signal && loaded signal; }
@test "setuid: reached by /etc/ld.so.preload, its stderr untouched" { same setuid && loaded setuid; }
@test "env -i: reached by /etc/ld.so.preload" {
  same env_i
  # the environment is lost, so that OCI_KSM_DEBUG is: python3 itself says what is mapped
  bundle "$T/b" "$MATRIX/host" -a oci-ksm/mode=preload -- /usr/bin/env -i /bin/grep -c libksm_preload.so /proc/self/maps
  run -0 oci_run wrapper-crun "$T/b"
}
@test "dlopen with RTLD_DEEPBIND" { same deepbind && loaded deepbind; }
@test "results and errno of every wrapped function" { same errno && loaded errno; }
@test "limits of address space and processes" { same limits && loaded limits; }
@test "programs that sandbox themselves" { same sandbox && loaded sandbox; }
@test "libjemalloc preloaded, before the shim and after" { same preload_jemalloc && loaded preload_jemalloc; }
@test "libfaketime preloaded, before the shim and after" { same preload_faketime && loaded preload_faketime; }
@test "a library whose constructor allocates, before the shim and after" { same preload_early && loaded preload_early; }
@test "musl" { same musl && loaded musl; }
@test "a program built with AddressSanitizer" { same sanitizer && loaded sanitizer; }
@test "32-bit: runs without the shim and without a word" { same 32_bits && not_loaded 32_bits; }
@test "static: runs without the shim" { same static && not_loaded static; }
@test "Debian 11 (glibc 2.31, no dlsym in libc)" {
  same minimal bullseye
  loaded minimal bullseye
  same sh bullseye
  loaded sh bullseye
}

@test "locked memory and secrets are not marked, what is beside them is" {
  same secrets
  [ "$(grep -c 'not marked' "$MATRIX/host.regions/secrets.out")" -eq 16 ] || fail "$(cat "$MATRIX/host.regions/secrets.out")"
  refute_contains "$(grep -v 'not marked' "$MATRIX/host.regions/secrets.out" || true)" marked
}
@test "address space that is only reserved is not marked, what is used of it is" { same reserve; }

# growth LIBC WAY: a heap that does all that heaps do, looked at from inside
growth() {
  OCI_KSM_NO=$(off "$2") LD_PRELOAD=$PRELOAD_DIR/libksm_preload.so run -0 "$BUILD/tests/shim/$1/growth"
  assert_contains "$output" 'unmarked little'
}
@test "every kind of heap growth is marked: glibc" { growth glibc prctl; }
@test "every kind of heap growth is marked: musl" { growth musl prctl; }
@test "every kind of heap growth is marked: glibc, whole process" { growth glibc ''; }
@test "every kind of heap growth is marked: glibc with malloc's tunables" { GLIBC_TUNABLES=glibc.malloc.arena_max=3 growth glibc prctl; }
@test "the test of heap growth can fail" {
  run -1 "$BUILD/tests/shim/glibc/growth"
  assert_contains "$output" 'unmarked much'
}
@test "the part of a reservation that is used is marked" {
  OCI_KSM_NO=$(off prctl) LD_PRELOAD=$PRELOAD_DIR/libksm_preload.so run -0 "$BUILD/tests/shim/glibc/reserve"
  LD_PRELOAD=$PRELOAD_DIR/libksm_preload.so run -0 "$BUILD/tests/shim/glibc/reserve"
}
@test "what is beside a secret is marked" {
  OCI_KSM_NO=$(off prctl) LD_PRELOAD=$PRELOAD_DIR/libksm_preload.so run -0 --separate-stderr "$BUILD/tests/shim/glibc/secrets"
  assert_contains "$stderr" 'plain: marked'
}

# 40,000 mappings and chunks side by side: the kernel keeps them as a few VMAs; with the shim far fewer than vm.max_map_count
few_vmas() {
  [ "$("$BUILD/tests/shim/$1/vmas")" -le 100 ]
  OCI_KSM_NO=$(off prctl) LD_PRELOAD=$PRELOAD_DIR/libksm_preload.so run -0 "$BUILD/tests/shim/$1/vmas"
  [ "$output" -le 3000 ] || fail "VMAs: $output"
}
@test "many mappings stay few VMAs: glibc" { few_vmas glibc; }
@test "many mappings stay few VMAs: musl" { few_vmas musl; }
@test "many mappings stay few VMAs: whole process" {
  LD_PRELOAD=$PRELOAD_DIR/libksm_preload.so run -0 "$BUILD/tests/shim/glibc/vmas"
  [ "$output" -le "$(if by_the_shim; then echo 100; else echo 3000; fi)" ] || fail "VMAs: $output"
}

@test "many mappings stay few VMAs: no file can be opened, or there is no /proc" {
  local libc
  for libc in glibc musl; do
    OCI_KSM_NO=$(off prctl) LD_PRELOAD=$PRELOAD_DIR/libksm_preload.so run -0 "$BUILD/tests/shim/$libc/vmas" without-files
    [ "$output" -le 3000 ] || fail "$libc: VMAs: $output"
  done
}

@test "the library needs no other one and no symbol of a libc" {
  run -0 readelf -dW "$PRELOAD_DIR/libksm_preload.so"
  refute_contains "$output" NEEDED
  run -0 nm -D --undefined-only "$PRELOAD_DIR/libksm_preload.so"
  refute_contains "$output" ' U '
}
@test "KSM Preload's threshold is the least size of a mapping that is marked" {
  local how
  for how in KSMP_MERGE_THRESHOLD=8000000 OCI_KSM_MIN_SIZE=8M; do
    run -1 env OCI_KSM_NO="$(off prctl)" "$how" LD_PRELOAD="$PRELOAD_DIR/libksm_preload.so" "$BUILD/tests/shim/glibc/reserve"
    assert_contains "$output" 'used: not marked'
  done
}
