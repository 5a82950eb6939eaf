#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# setup.sh TARGET...: installs the packages that `make TARGET...` needs and that are missing here (apt or dnf), then runs it.
# Asks nothing. Services that come with packages for tests are neither started nor enabled.
set -eu
cd "$(dirname "$0")/.."

# Who needs it: build (always), test (check, lint, fuzz), demo, bench, deb, rpm. `-`: not there. A command in the last column: the package
# is not needed where that command is already (in /usr/bin, whatever else a user's PATH has).
packages() {
  cat << 'TABLE'
build            make                    make
build            gcc                     gcc
build            libc6-dev               glibc-devel
build            pkg-config              pkgconf-pkg-config
build            libjson-c-dev           json-c-devel
build            libcap-dev              libcap-devel
build            libseccomp-dev          libseccomp-devel
build            libxxhash-dev           xxhash-devel
test,demo,bench  crun                    crun
test,demo,bench  python3                 python3
test,demo,bench  jq                      jq
test,demo,bench  mount                   util-linux
test,demo,bench  procps                  procps-ng
test,demo,bench  bsdextrautils           util-linux                    column
test,bench       valgrind                valgrind
test,bench       perl                    perl-interpreter
test,bench       php-cli                 php-cli
test,bench       nodejs                  nodejs                        node
test,bench       redis-server            valkey-compat-redis           redis-server
test,bench       default-jdk-headless    java-latest-openjdk-devel     javac
test,bench       prometheus              golang-github-prometheus      prometheus
test             prometheus-node-exporter golang-github-prometheus-node-exporter prometheus-node-exporter
test,bench       golang-go               golang                        go
test             git                     git                           git
test,bench       runc                    runc
test             podman                  podman
test             buildah                 buildah
test             catatonit               catatonit
test             python3-jsonschema      python3-jsonschema
test             docker.io               moby-engine                   dockerd
test             containerd              containerd
test             python3-grpcio          python3-grpcio
test             python3-protobuf        python3-protobuf
test             python3-yaml            python3-pyyaml
test             bats                    bats
test,bench       busybox-static          busybox
test             debootstrap             debootstrap
test,bench       nginx-light             nginx                         nginx
test,bench       apache2                 httpd
test,bench       libapache2-mod-php      php
test,bench       gnuplot-nox             gnuplot                       gnuplot
bench            postgresql              postgresql-server
bench            siege                   siege
bench            wrk                     wrk
test             stress-ng               stress-ng
test             gdb                     gdb
test             strace                  strace
test             systemd                 systemd                       systemd-analyze
test             uidmap                  shadow-utils                  newuidmap
test             faketime                libfaketime
test             libjemalloc2            jemalloc
test             iproute2                iproute
test             musl-tools              musl-gcc
test             libc6-dev-i386          glibc-devel(x86-32)
test             lib32gcc-@GCC@-dev      libgcc(x86-32)
test             libcmocka-dev           libcmocka-devel
test             qemu-system-x86         qemu-system-x86-core
test             qemu-system-arm         qemu-system-aarch64-core
test             gcc-aarch64-linux-gnu   gcc-aarch64-linux-gnu
test             libc6-dev-arm64-cross   -
test             cpio                    cpio
test             debian-archive-keyring  debian-keyring
test             clang                   clang
test             libclang-rt-dev         compiler-rt
test             clang-format            clang-tools-extra
test             clang-tidy              clang-tools-extra
test             cppcheck                cppcheck
test             shellcheck              ShellCheck
test             codespell               codespell
test,deb         debhelper               debhelper
test             lintian                 -
test,rpm         rpm                     rpm-build                     rpmbuild
test             mandoc                  mandoc
test             man-db                  man-db
test             fish                    fish
test             zsh                     zsh
TABLE
}

die() {
  printf 'setup.sh: %s\n' "$@" >&2
  exit 1
}

[ $# -gt 0 ] || {
  echo 'usage: setup.sh TARGET...   (targets of make: all, check, demo, bench, install ...)' >&2
  exit 2
}

# The groups of packages that these targets need.
groups=build
for target; do
  case $target in
    check* | lint | fuzz | format) groups="$groups test" ;;
    demo) groups="$groups demo" ;;
    bench | bench-page) groups="$groups bench" ;;
    deb) groups="$groups deb" ;;
    rpm) groups="$groups rpm" ;;
  esac
done

if command -v apt-get > /dev/null; then
  manager=apt
elif command -v dnf > /dev/null; then
  manager=dnf
else
  die "neither apt-get nor dnf is here; install by hand what these names stand for:" "$(packages | awk '/^build/ { print $3 }' | tr '\n' ' ')" \
    "and run: make $*"
fi

# installed PACKAGE
installed() {
  case $manager in
    apt) [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2> /dev/null)" = installed ] ;;
    dnf) rpm -q --quiet --whatprovides "$1" ;;
  esac
}

# missing GROUP: the packages of that group that are not here.
missing() {
  packages | while read -r who debian fedora command; do
    case ",$who," in *",$1,"*) ;; *) continue ;; esac
    name=$debian
    [ "$manager" = apt ] || name=$fedora
    case $name in
      -) continue ;;
      *@GCC@*) name=${name%%@*}$(gcc -dumpversion | cut -d. -f1)${name##*@} ;;
    esac
    if [ -n "$command" ] && { [ -x "/usr/bin/$command" ] || [ -x "/usr/sbin/$command" ]; }; then continue; fi
    installed "$name" || printf '%s ' "$name"
  done
}

# While packages are being installed, this program of Debian's says which services may start: none.
policy=/usr/sbin/policy-rc.d
forbid_services() {
  if [ -e "$policy" ]; then mv "$policy" "$policy.oci-ksm"; fi
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  trap 'allow_services' EXIT
  trap 'exit 130' HUP INT TERM
}
allow_services() {
  trap - EXIT HUP INT TERM
  rm -f "$policy"
  if [ -e "$policy.oci-ksm" ]; then mv "$policy.oci-ksm" "$policy"; fi
}

install_apt() {
  export DEBIAN_FRONTEND=noninteractive
  [ -n "${updated:-}" ] || apt-get update -q || die "apt-get update failed: see above; check the network and /etc/apt/sources.list"
  updated=yes
  forbid_services
  # shellcheck disable=SC2086 # a list of packages
  apt-get install -q -y --no-install-recommends $1 ||
    die "apt-get could not install: $1" "See above. Are all components of this release in /etc/apt/sources.list? Install them by hand, then run: make"
  allow_services
  # Nor at the next boot, if that was not so before.
  command -v systemctl > /dev/null || return 0
  for package in $1; do
    dpkg -L "$package" | sed -n 's|.*/systemd/system/\([^/@]*\.\(service\|socket\|timer\)\)$|\1|p' | while read -r unit; do
      systemctl disable --quiet "$unit" 2> /dev/null || true
    done
  done
}

install_dnf() {
  # shellcheck disable=SC2086 # a list of packages
  dnf install -q -y --setopt=install_weak_deps=False $1 || die "dnf could not install: $1" "See above; install them by hand, then run: make"
}

for group in $groups; do
  wanted=$(missing "$group")
  [ -n "$wanted" ] || continue
  [ "$(id -u)" -eq 0 ] || die "missing: $wanted" "Only root can install them: sudo sh packaging/setup.sh $*"
  printf 'setup.sh: installing %s\n' "$wanted"
  "install_$manager" "$wanted"
done

exec make "$@"
