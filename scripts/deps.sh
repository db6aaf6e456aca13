#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building, running and testing need, and says
# which. Does nothing (and needs no network and no root) when all are there.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
	echo "deps: $*" >&2
	exit 1
}

[ "$(uname -m)" = x86_64 ] || die "machine is $(uname -m); only x86_64 is supported"
command -v apt-get >/dev/null || die "apt-get not found; this needs Debian 12 or 13"
# shellcheck disable=SC1091
. /etc/os-release
case "${ID:-}-${VERSION_ID:-}" in
debian-12 | debian-13) ;;
*) die "this is ${PRETTY_NAME:-an unknown system}; Debian 12 or 13 is needed" ;;
esac

packages="
	build-essential cmake ninja-build pkg-config
	libfmt-dev nlohmann-json3-dev libcli11-dev libgtest-dev libgmock-dev libbenchmark-dev
	libtomlplusplus-dev
	python3 python3-clustershell python3-matplotlib python3-numpy python3-pandas python3-pytest
	shellcheck flake8 mypy sparse coccinelle clang libclang-rt-dev gcc-multilib
	tshark wireshark-common tcpdump man-db groff mandoc
"
packages+=" $(testbed/deps.sh)"

missing=()
for p in $packages; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)
	[ "$state" = installed ] || missing+=("$p")
done
if [ ${#missing[@]} -eq 0 ]; then
	echo "deps: all packages are installed"
	exit 0
fi

echo "deps: installing ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || die "run 'make deps' as root, or install sudo"
	as_root=(sudo)
fi
log=build/logs/apt.log
mkdir -p build/logs
apt() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >>"$log" 2>&1
}
: >"$log"
apt update || {
	tail -n 5 "$log" >&2
	die "apt-get update failed; check the network and /etc/apt/sources.list (log: $log)"
}
apt install -y --no-install-recommends "${missing[@]}" || {
	tail -n 10 "$log" >&2
	die "apt-get could not install them; the lines above say why (log: $log)"
}
echo "deps: installed ${#missing[@]} packages"
