#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kubernetes.bats: the manifests fit each other, and node-install, which the DaemonSet runs, does what it says on a "node": a namespace with a
# real containerd. There is no cluster here.
# shellcheck disable=SC2030,SC2031 # run sets output where it is called
load lib
load engines
load readme
load cri

KUBE=$TOP/packaging/kubernetes

# yaml [FILE]: as JSON, a document a line.
yaml() { /usr/bin/python3 -c 'import json, sys, yaml; [print(json.dumps(d)) for d in yaml.safe_load_all(sys.stdin)]' < "${1:-/dev/stdin}"; }
# toml FILE FILTER
toml() { /usr/bin/python3 -c 'import json, sys, tomllib; print(json.dumps(tomllib.load(sys.stdin.buffer)))' < "$1" | jq -c "$2"; }

# The tree of the image: what its Dockerfile makes.
setup_file() {
  engine_begin
  make --no-print-directory -C "$TOP" BUILD="$BUILD" PREFIX=/usr/local DESTDIR="$E/image" install > "$E/log/install" 2>&1 || fail "$(cat "$E/log/install")"
}
teardown_file() {
  cri_end
  engine_end
}
setup() {
  test_begin
  unset OCI_KSM_SETTINGS
}

# node_install COMMAND: as in the DaemonSet's container, for the node that is the engine's namespace.
node_install() { NODE_PID=$ENGINE_NS TREE=$E/image/usr/local sh "$KUBE/node-install" "$@" 3>&-; }
node_config() { in_engine cat /etc/containerd/config.toml; }

@test "the manifests are well-formed and fit each other, the installed files and README.md" {
  for file in namespace runtimeclass daemonset example kustomization remove/kustomization; do
    assert_equal "$(yaml "$KUBE/$file.yaml" | jq -r '.apiVersion, .kind' | grep -c .)" 2
  done
  # Names of files, labels, namespaces, images.
  for file in $(yaml "$KUBE/kustomization.yaml" | jq -r '.resources[]'); do assert_exists "$KUBE/$file"; done
  for file in daemonset example; do
    assert_equal "$(yaml "$KUBE/$file.yaml" | jq '.spec.selector.matchLabels == .spec.template.metadata.labels')" true
  done
  assert_equal "$(yaml "$KUBE/daemonset.yaml" | jq -r .metadata.namespace)" "$(yaml "$KUBE/namespace.yaml" | jq -r .metadata.name)"
  assert_equal "$(yaml "$KUBE/namespace.yaml" | jq -r '.metadata.labels["pod-security.kubernetes.io/enforce"]')" privileged
  assert_equal "$(yaml "$KUBE/daemonset.yaml" | jq -r '[.spec.template.spec | .initContainers[], .containers[] | .image] | unique | .[]')" \
    "$(yaml "$KUBE/kustomization.yaml" | jq -r '.images[].name')"
  assert_equal "$(yaml "$KUBE/kustomization.yaml" | jq -r '.images[].newTag')" "$(sed -n 's/^VERSION *:= *//p' "$TOP/Makefile")"
  # Only what installs may do anything; all have limits.
  assert_equal "$(yaml "$KUBE/daemonset.yaml" | jq -c '.spec.template.spec | [.hostPID, (.initContainers[0].securityContext | [.privileged, .runAsUser]),
    (.containers[0].securityContext | [.privileged, .runAsNonRoot, .allowPrivilegeEscalation, .capabilities.drop[0]]),
    ([.initContainers[], .containers[] | .resources | .requests.cpu and .requests.memory and .limits.memory] | all), .tolerations[0].operator]')" \
    '[true,[true,0],[null,true,false,"ALL"],true,"Exists"]'
  # The patch means the container that is there; both commands are the script's.
  patch=$(yaml "$KUBE/remove/kustomization.yaml" | jq -r '.patches[0].patch' | yaml | jq -c '.[0]')
  assert_equal "$(jq -r .path <<< "$patch")" /spec/template/spec/initContainers/0/command
  assert_equal "$(yaml "$KUBE/daemonset.yaml" | jq -c '.spec.template.spec.initContainers[0].command') $(jq -c .value <<< "$patch")" \
    '["/usr/local/bin/node-install","install"] ["/usr/local/bin/node-install","remove"]'
  assert_contains "$(cat "$KUBE/Dockerfile")" 'packaging/kubernetes/node-install /usr/local/bin/node-install'
  # One handler, by all its names; the installed programs.
  share=$E/image/usr/local/share/oci-ksm
  assert_same "$share/kubernetes/runtimeclass.yaml" "$KUBE/runtimeclass.yaml"
  handler=$(yaml "$KUBE/runtimeclass.yaml" | jq -r .handler)
  class=$(yaml "$KUBE/runtimeclass.yaml" | jq -r .metadata.name)
  assert_equal "$(yaml "$KUBE/example.yaml" | jq -r .spec.template.spec.runtimeClassName)" "$class"
  assert_equal "$(readme_blocks 'containerd, Kubernetes' yaml | yaml | jq -r .spec.runtimeClassName)" "$class"
  runtime=".containerd.runtimes.\"$handler\" | [.runtime_type, .pod_annotations[0], .options.BinaryName]"
  expected='["io.containerd.runc.v2","oci-ksm/*","/usr/local/bin/oci-ksm-runtime-runc"]'
  assert_equal "$(toml "$share/containerd/config-v2.toml" ".plugins.\"io.containerd.grpc.v1.cri\"$runtime")" "$expected"
  assert_equal "$(toml "$share/containerd/config-v3.toml" ".plugins.\"io.containerd.cri.v1.runtime\"$runtime")" "$expected"
  assert_equal "$(toml "$share/crio/99-oci-ksm.conf" ".crio.runtime.runtimes.\"$handler\" | [.runtime_type, .runtime_path]")" '["oci","/usr/local/bin/oci-ksm-runtime"]'
  assert_exists "$E/image/usr/local/bin/oci-ksm-runtime-runc"
}

# CRI-O itself is not to be had in Debian 12: what its administrator copies is compared, not run.
@test "the commands of README.md for CRI-O put its file where crio.conf(5) says" {
  engine_install
  in_engine mkdir -p /etc/crio/crio.conf.d
  readme_units "$T/units"
  printf '[ "$1" = restart ]\n' > "$T/units/crio.unit"
  readme_run CRI-O in_engine env PATH="$T/units:$PATH" sh
  in_engine cat /etc/crio/crio.conf.d/99-oci-ksm.conf | cmp - "$E/image/usr/local/share/oci-ksm/crio/99-oci-ksm.conf"
  in_engine make --no-print-directory -C "$TOP" BUILD="$BUILD" PREFIX=/usr/local uninstall > "$E/log/uninstall"
  in_engine rm -r /etc/crio
}

@test "containerd's configuration: both versions, kubelet's cgroup driver, an administrator's own handler" {
  printf 'version = 3\n[plugins."x".y]\n  SystemdCgroup = true\n' > "$T/3"
  node_install config < "$T/3" > "$T/3.new"
  assert_equal "$(toml "$T/3.new" '.plugins."io.containerd.cri.v1.runtime".containerd.runtimes.ksm.options.SystemdCgroup')" true
  assert_equal "$(head -n 3 "$T/3.new")" "$(cat "$T/3")"
  node_install config < "$T/3.new" > "$T/3.again"
  assert_same "$T/3.new" "$T/3.again"
  printf 'version = 2\n' > "$T/2"
  node_install config < "$T/2" > "$T/2.new"
  assert_equal "$(toml "$T/2.new" '.plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ksm.options.SystemdCgroup')" false
  printf 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ksm]\n  runtime_type = "own"\n' > "$T/own"
  run --separate-stderr node_install config < "$T/own"
  assert_output "$(cat "$T/own")"
  run node_install config < /dev/null
  assert_status 1
  assert_contains "$output" 'version = 2'
}

@test "a node: install, again, a pod that merges, no removal while it runs, removal without a trace" {
  cri_begin
  # The node's systemctl.
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$E/units/systemctl" > "$T/systemctl"
  in_engine install -m 755 "$T/systemctl" /usr/local/bin/systemctl
  cat > "$E/units/systemctl" << 'SYSTEMCTL'
#!/bin/sh
# What node-install asks of systemd, on a node whose init is not systemd: containerd is a unit, crio is not there.
echo "$*" >> "$(dirname "$0")/asked"
case "$*" in
  'is-active --quiet crio') exit 3 ;;
  'restart containerd')
    if rm "$(dirname "$0")/cut" 2> /dev/null; then exit 9; fi
    exec sh -eu "$(dirname "$0")/containerd.unit" restart
    ;;
esac
SYSTEMCTL
  node_config > "$T/before"
  in_engine find /usr/local -printf '%p %m %l\n' | sort > "$T/files"

  # It is cut short before the restart, which the next one makes up for.
  touch "$E/units/cut"
  run node_install install
  assert_status 9
  node_install install
  assert_equal "$(node_config | head -n "$(wc -l < "$T/before")")" "$(cat "$T/before")"
  assert_equal "$(node_config | grep -c 'runtimes.ksm\]')" 1
  assert_equal "$(grep -v is-active "$E/units/asked")" 'daemon-reload
enable --now oci-ksmd.socket
try-reload-or-restart oci-ksmd.service
restart containerd
daemon-reload
enable --now oci-ksmd.socket
try-reload-or-restart oci-ksmd.service
restart containerd'
  in_engine test -x /usr/local/bin/oci-ksmd
  assert_equal "$(in_engine grep ^ExecStart /usr/local/lib/systemd/system/oci-ksmd.service)" ExecStart=/usr/local/bin/oci-ksmd

  # An upgrade does not restart containerd.
  pid=$(cat "$E/containerd.pid")
  node_install install
  assert_equal "$(cat "$E/containerd.pid")" "$pid"

  engine_images "$E" static
  cri_images static
  cri_pod ksm one static oci-ksm/mode=process -- /workloads/static
  wait_for 30 engine_ready cri one
  assert_equal "$(engine_records | wc -l)" 1
  run node_install remove
  assert_status 1
  # The pod's pause container is one of them.
  assert_contains "$output" '2 containers of this node use oci-ksm'
  in_engine test -x /usr/local/bin/oci-ksm-runtime-runc
  cri_remove one
  cri_pod ksm one static oci-ksm/mode=off -- /workloads/static
  assert_equal "$(engine_records)" ''
  run node_install remove
  assert_status 1
  assert_contains "$output" '2 containers of this node use oci-ksm'
  cri_remove one

  node_install remove
  assert_equal "$(node_config)" "$(cat "$T/before")"
  in_engine find /usr/local ! -name '*ksm*' -printf '%p %m %l\n' | sort > "$T/files.after"
  assert_equal "$(in_engine find /usr/local -name '*ksm*')" ""
  assert_equal "$(comm -23 "$T/files" "$T/files.after")" ""
  assert_equal "$(tail -n 3 "$E/units/asked")" 'disable --now oci-ksmd.socket
stop oci-ksmd.service
daemon-reload'
  run cri_pod ksm two static -- /workloads/static
  refute_equal "$status" 0
}
