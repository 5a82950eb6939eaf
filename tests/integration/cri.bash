# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# cri.bash: a containerd of the test file's own, spoken to as kubelet does (tests/tools/cri), for containerd.bats and kubernetes.bats (see
# lib.bash, engines.bash).

# cri_begin: the daemon in the engine's namespace, with a configuration that a node could have; then its images.
cri_begin() {
  export CRI_SOCKET=$E/containerd.sock CRI_DIR=$E/cri CRI_CGROUP=$ENGINE_CGROUP
  mkdir "$CRI_DIR"
  cri schema "$(command -v containerd)"
  # shellcheck disable=SC2016
  in_engine sh -euc 'mkdir -p /etc/containerd; cat > /etc/containerd/config.toml << END
version = 2
root = "$E/root"
state = "$E/state"

[grpc]
  address = "$CRI_SOCKET"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:latest"
  # These machines lack CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
END'
  cri_units
  cri_unit start
}

# cri_images NAME...: these of engine_images, and the one of pods.
cri_images() {
  local name
  rootfs_busybox "$E/pause"
  "$TOP/tests/images/rootfs" archive pause "$E/pause" "$E/pause.tar" /bin/sleep 1000000
  for name in pause "$@"; do
    in_engine ctr --address "$CRI_SOCKET" --namespace k8s.io images import "$E/$name.tar" > /dev/null
  done
}

# cri_units: what containerd's unit does, for the `systemctl` of readme_units; cri_unit VERB. Containers outlive it.
cri_units() {
  readme_units "$E/units"
  cat > "$E/units/containerd.unit" << UNIT
if [ "\$1" != start ]; then
  pid=\$(cat "$E/containerd.pid")
  kill -TERM "\$pid"
  while [ -e "/proc/\$pid/exe" ]; do sleep 0.02; done
fi
if [ "\$1" != stop ]; then
  containerd >> "$E/log/containerd" 2>&1 < /dev/null &
  echo \$! > "$E/containerd.pid"
  for i in \$(seq 100); do
    ! "$TOP/tests/tools/cri" call Version > /dev/null 2>&1 || exit 0
    sleep 0.1
  done
  exit 1
fi
UNIT
}
cri_unit() { in_engine sh -eu "$E/units/containerd.unit" "$1" || fail "containerd: $1:" "$(tail "$E/log/containerd")"; }

cri_end() {
  [ -e "${E:-}/containerd.pid" ] || return 0
  cri_clean
  cri_unit stop
}
cri_clean() {
  local pod
  for pod in $(cri call ListPodSandbox | jq -r '.items[]?.id'); do
    cri call StopPodSandbox "{\"pod_sandbox_id\": \"$pod\"}" > /dev/null
    cri call RemovePodSandbox "{\"pod_sandbox_id\": \"$pod\"}" > /dev/null
  done
}

cri() { "$TOP/tests/tools/cri" "$@" < /dev/null 3>&-; }
# cri_pod HANDLER NAME IMAGE [KEY=VALUE]... -- CMD...
cri_pod() { cri start "$1" "$2" "localhost/$3:latest" "${@:4}"; }

# The engine's functions (engines.bash), for the handlers over runc and over crun.
cri_start() {
  local handler=runc
  [ "$1" = plain ] || handler=${CRI_HANDLER:-ksm}
  cri_pod "$handler" "$2" "$3" -- "${@:4}"
}
cri_pid() { cri info "$1" | jq .pid; }
# As kubelet's logs: time, stream, F, line.
cri_output() { cut -d ' ' -f 4- "$CRI_DIR/$1.log"; }
cri_remove() { cri remove "$1"; }
cri_traces() {
  engine_traces "$E/state"
  in_engine ctr --address "$CRI_SOCKET" --namespace k8s.io snapshots list | awk '{ print "snapshot", $1 }' | sort
  in_engine ctr --address "$CRI_SOCKET" --namespace k8s.io containers list --quiet | sort
}
