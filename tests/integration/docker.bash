# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# docker.bash: a dockerd of the test file's own, for docker.bats (see lib.bash, engines.bash).

# docker_begin: the daemon in the engine's namespace, with the /etc/docker/daemon.json that is there.
docker_begin() {
  export DOCKER_HOST=unix://$E/docker.sock DOCKER_CONFIG=$E/docker-config
  nsenter --target "$ENGINE_NS" --mount -- dockerd --data-root "$E/data" --exec-root "$E/exec" --pidfile "$E/docker.pid" --host "$DOCKER_HOST" \
    --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --storage-driver overlay2 \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$ENGINE_CGROUP" < /dev/null > "$E/log/docker" 2>&1 3>&- &
  DOCKERD=$!
  export DOCKERD
  wait_for 30 docker_answers || fail "dockerd does not start:" "$(tail "$E/log/docker")"
}
docker_answers() { docker version > /dev/null 2>&1; }
docker() { command docker "$@" < /dev/null 3>&-; }

docker_end() {
  [ -n "${DOCKERD:-}" ] || return 0
  docker_clean
  kill -TERM "$DOCKERD"
  wait "$DOCKERD" || true
  unset DOCKERD
}
docker_clean() {
  local -a all
  mapfile -t all < <(docker ps --all --quiet)
  [ "${#all[@]}" -eq 0 ] || docker rm --force "${all[@]}" > /dev/null
}

# The engine's functions (engines.bash). The host's network: there is no bridge, and docker keeps files of networks of a container's own for a
# minute.
docker_start() {
  local how=$1 name=$2 image=$3
  local -a runtime=()
  shift 3
  [ "$how" = plain ] || runtime=(--runtime ksm ${OCI_KSM_NO:+--env "OCI_KSM_NO=$OCI_KSM_NO"})
  docker run --detach --network host "${runtime[@]}" --name "$name" "localhost/$image" "$@" > /dev/null
}
docker_pid() { docker inspect --format '{{.State.Pid}}' "$1"; }
docker_output() { docker logs "$1" 2> /dev/null; }
docker_remove() { docker rm --force "$1" > /dev/null; }
docker_traces() { engine_traces "$E/exec" "$E/data/containers" "$E/data/overlay2" "$E/data/image/overlay2/layerdb/mounts"; }
