#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman-build.bats: podman build and buildah, where our hooks.d, hooks.precreate.d and containers.conf.d are installed.
# bats file_tags=podman
load lib
load hostside
load podman-life

# The same file makes the same image, to the byte: files have no times.
setup_file() {
  podman_begin
  life_small
  mkdir "$P/context"
  cat > "$P/context/Containerfile" << 'FILE'
FROM localhost/small
COPY Containerfile /etc/from
RUN echo "<$LD_PRELOAD$OCI_KSM_MODE>" > /environment; grep -E 'oci-ksm/|libksm' /proc/self/maps /proc/self/mounts > /ours; ls -A /dev /etc > /list
RUN cat /proc/self/ksm_stat > /ksm_stat
FILE
  build podman build before-podman
  build buildah bud before-buildah
  podman_install
}
teardown_file() { podman_end; }

setup() { podman_test_begin; }
teardown() { podman_test_end; }

buildah() { command buildah "$@" < /dev/null 3>&-; }
# build podman|buildah COMMAND TAG
build() { "$1" "$2" --quiet --no-cache --timestamp 0 --network none --tag "$3" "$P/context"; }
layers() { podman image inspect --format '{{.RootFS.Layers}}' "$1"; }

@test "podman build: the same layers as without us" {
  build podman build after
  assert_equal "$(layers after)" "$(layers before-podman)"
  run podman_says --rm after cat /environment /ours
  assert_output '<>'
  assert_log_lines 0
}

@test "buildah bud: the same layers as without us" {
  build buildah bud after
  assert_equal "$(layers after)" "$(layers before-buildah)"
  assert_log_lines 0
}

@test "buildah run works, and commits nothing of ours" {
  container=$(buildah from localhost/small)
  run buildah run "$container" -- bash -c 'echo "<$LD_PRELOAD>"; echo built > /built'
  assert_output '<>'
  buildah commit --quiet "$container" committed
  buildah rm "$container"
  run podman_says --rm committed bash -c 'cat /built; ls /dev/oci-ksm /etc/ld.so.preload'
  assert_contains "$output" built
  assert_equal "$(grep -c 'No such file' <<< "$output")" 2
}

@test "what is made of a container that merges holds nothing of ours" {
  podman run --name x --annotation oci-ksm/mode=preload small bash -c 'echo made > /made'
  assert_log_lines 1 'merging by'
  podman commit --quiet x committed
  podman export x > "$T/x.tar"
  assert_equal "$(tar -tf "$T/x.tar" | grep -E 'oci-ksm|ld.so.preload')" ''
  assert_equal "$(podman image inspect committed | grep -P 'oci-ksm/|LD_PRELOAD|OCI_KSM(?!_NO)')" ''
}

# podman gives containers the annotations of their image.
@test "an image whose annotations ask is served, unless whoever starts it says off" {
  podman build --quiet --no-cache --network none --annotation oci-ksm/mode=auto --tag asks "$P/context"
  podman run -d --name x asks "${SLEEP[@]}"
  podman run -d --name off --annotation oci-ksm/mode=off asks "${SLEEP[@]}"
  assert_merges "$(pid_of x)"
  refute_merges "$(pid_of off)"
}
