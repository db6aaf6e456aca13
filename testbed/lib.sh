# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the host side of the testbed: messages, places, clean-up, locks, downloads from the Debian mirror.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034     # for the parts
TESTBED=$TOP/testbed
BUILD=${BUILD:-$TOP/build}
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/homascope

note() { echo "vm: $*" >&2; }
die() { echo "vm: $*" >&2; exit 5; }            # the testbed itself failed; 1 to 4 tell about guests
usage_error() { echo "vm: $* (see: testbed/vm help)" >&2; exit 2; }

need() {                        # need PROGRAM PACKAGE
	command -v "$1" >/dev/null || die "$1 is missing; install it with: make deps (package $2)"
}

# Undo list: runs last in, first out, whatever ends the program.
undo=()
on_exit() { undo+=("$*"); }
run_undo() {
	local i
	for ((i = ${#undo[@]} - 1; i >= 0; i--)); do eval "${undo[i]}" || true; done
	undo=()
}
trap run_undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

with_lock() {                   # with_lock FILE WHAT: held until this process ends
	mkdir -p "$(dirname "$1")"
	exec {lock_fd}>"$1"
	flock -n "$lock_fd" || { note "waiting: another process works on $2"; flock "$lock_fd"; }
}

unlock() { exec {lock_fd}>&-; }

debian_release() {              # codename of this host
	local VERSION_CODENAME=
	# shellcheck disable=SC1091
	. /etc/os-release
	echo "${VERSION_CODENAME:-unknown}"
}

debian_mirror() {               # the one this host uses
	local m
	m=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1) || true
	m=${m% }
	echo "${m:-http://deb.debian.org/debian}"
}

# Private package lists of one suite, so that the system's own are left alone; sets APT_OPTS.
apt_suite() {                   # apt_suite SUITE
	local suite=$1 dir=$CACHE/apt/$1 mirror
	[ "$(dpkg --print-architecture)" = amd64 ] || die "only amd64 hosts are supported, this one is $(dpkg --print-architecture)"
	mirror=$(debian_mirror)
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$dir/sources.list"
	APT_OPTS=(-qq -o "Dir::State::Lists=$dir/lists" -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::Cache=$dir" -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3
		-o APT::Update::Error-Mode=any -o Acquire::Languages=none)
	apt-get "${APT_OPTS[@]}" update >"$dir/update.log" 2>&1 ||
		die "cannot read Debian suite $suite from $mirror: $(tail -1 "$dir/update.log") (check the network and /etc/apt/sources.list)"
}

# Packages of one download set live together in the cache; the set counts only once its last package is there.
# CHOOSER runs once the lists are read and prints the package names.
fetch_debs() {                  # fetch_debs SET SUITE CHOOSER [ARG...]: sets DEBS_DIR
	local set=$1 suite=$2 packages fd; shift 2
	DEBS_DIR=$CACHE/debs/$set
	[ -f "$DEBS_DIR/complete" ] && [ -z "${UPDATE:-}" ] && return
	mkdir -p "$CACHE/debs"
	exec {fd}>"$CACHE/debs/.lock-$set"      # several kernels are built from one source
	flock "$fd"
	[ -f "$DEBS_DIR/complete" ] && [ -z "${UPDATE:-}" ] && { exec {fd}>&-; return; }
	note "downloading $set from Debian $suite"
	apt_suite "$suite"
	packages=$("$@") || exit 1
	rm -rf "$DEBS_DIR.partial"
	mkdir -p "$DEBS_DIR.partial"
	# shellcheck disable=SC2086
	(cd "$DEBS_DIR.partial" && apt-get "${APT_OPTS[@]}" download $packages >download.log 2>&1) ||
		die "download of $set failed: $(tail -1 "$DEBS_DIR.partial/download.log")"
	echo "$packages" >"$DEBS_DIR.partial/complete"
	rm -rf "$DEBS_DIR"
	mv "$DEBS_DIR.partial" "$DEBS_DIR"
	exec {fd}>&-
}

deb_version() { dpkg-deb -f "$1" Version; }
