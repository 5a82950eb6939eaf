#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman-kube.bats: containers that podman makes of files: kube play (what podman 4.3 passes of annotations), and the quadlet example.
# bats file_tags=podman
load lib
load hostside
load podman-life

setup_file() {
  podman_begin
  life_small
  "$TOP/tests/images/workload" python "$P/python"
  podman_load python "$P/python"
  podman_install
}
teardown_file() { podman_end; }

setup() { podman_test_begin; }
teardown() { podman_test_end; }

# pod_spec INDENT: of a pod with two containers.
pod_spec() {
  sed "s/^/$1/" << 'SPEC'
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
  - {name: one, image: localhost/small, command: [sleep, "1000"]}
  - {name: two, image: localhost/small, command: [/bin/static]}
SPEC
}
pod() {
  printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: app%s}\n' "$1"
  pod_spec ''
}
# deployment IN-ITS-OWN-METADATA IN-THE-TEMPLATE'S
deployment() {
  printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app%s}\nspec:\n  selector: {matchLabels: {app: app}}\n  template:\n' "$1"
  printf '    metadata: {labels: {app: app}%s}\n' "$2"
  pod_spec '    '
}
pause_pid() { pid_of "$(podman pod inspect --format '{{.InfraContainerID}}' "$1")"; }

@test "kube play: a pod's annotations reach its containers, and not its pause container" {
  pod ', annotations: {oci-ksm/mode: auto, oci-ksm/required: "true"}' > "$T/pod.yaml"
  if ! as_a_whole; then
    # Nothing reaches the static one: it does not start.
    run -125 podman kube play "$T/pod.yaml"
    assert_log_lines 1 "error: .*which does not reach the program, .*this kernel lacks $(lacking).*merging is required"
    refute_equal "$(pid_of app-one)" 0
    assert_equal "$(pid_of app-two)" 0
    podman kube down "$T/pod.yaml"
    assert_empty_dir "$STATE/containers"
    return
  fi
  podman kube play "$T/pod.yaml"
  assert_merges "$(pid_of app-one)"
  assert_equal "$(config app-two '[.annotations["oci-ksm/mode", "oci-ksm/required"]]')" '["auto","true"]'
  refute_merges "$(pause_pid app)"
  assert_log_lines 2 'info: merging by'
  podman kube play --replace "$T/pod.yaml"
  assert_merges "$(pid_of app-one)"
  podman kube down "$T/pod.yaml"
  assert_empty_dir "$STATE/containers"
}

@test "kube play: a pod without them has nothing of ours; --annotation gives them" {
  pod '' > "$T/pod.yaml"
  podman kube play "$T/pod.yaml"
  refute_merges "$(pid_of app-one)"
  assert_no_ours "$(config app-one .)"
  assert_log_lines 0
  podman kube down "$T/pod.yaml"
  podman kube play --annotation oci-ksm/mode=auto "$T/pod.yaml"
  assert_merges "$(pid_of app-one)"
  refute_merges "$(pause_pid app)"
}

# podman 4.3 reads those of the Deployment, Kubernetes those of the template. Both may stand there.
@test "kube play: a Deployment's annotations" {
  wish=', annotations: {oci-ksm/mode: auto}'
  deployment "$wish" "$wish" > "$T/both.yaml"
  podman kube play "$T/both.yaml"
  assert_merges "$(pid_of app-pod-0-one)"
  podman kube down "$T/both.yaml"
  deployment '' "$wish" > "$T/template.yaml"
  podman kube play "$T/template.yaml"
  refute_merges "$(pid_of app-pod-0-one)"
}

# quadlet FILE NAME: starts what podman's generator (since 4.4) makes of such a file, by podman itself. Stops at keys that it does not know.
quadlet() {
  local line section='' image=''
  local -a options=() command=()
  while read -r line; do
    case $line in
      '#'* | '') continue ;;
      '['*']') section=$line && continue ;;
    esac
    [ "$section" = '[Container]' ] || continue
    case $line in
      Image=*) image=${line#Image=} ;;
      Exec=*) read -ra command <<< "${line#Exec=}" ;;
      Annotation=*) options+=(--annotation "${line#Annotation=}") ;;
      *) fail "quadlet: what is $line?" || return 1 ;;
    esac
  done < "$1"
  podman run --name "systemd-$2" --replace --rm -d "${options[@]}" "$image" "${command[@]}"
}

@test "the quadlet example, as podman's command" {
  sed 's|^Image=.*|Image=localhost/python|' "/usr/share/oci-ksm/podman/oci-ksm-example.container" > "$T/oci-ksm-example.container"
  quadlet "$T/oci-ksm-example.container" oci-ksm-example
  pid=$(pid_of systemd-oci-ksm-example)
  assert_equal "$(tr '\0' ' ' < "/proc/$pid/cmdline")" 'python3 -m http.server 8000 '
  assert_merges "$pid"
}
