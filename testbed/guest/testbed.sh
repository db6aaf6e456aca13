# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Guest library, sourced for every script. Plain busybox sh.

# The shell prefers its own applets to programs of the same name; these are the real ones.
ip() { /bin/ip "$@"; }
tc() { /bin/tc "$@"; }

# shellcheck disable=SC1091
. /lib/net.sh

say() { echo "$*" >/dev/console; }

fail() { say "FAIL: $*"; exit 1; }

# Everything written to $OUT so far survives whatever comes next.
sync_out() { sync -f "$OUT" 2>/dev/null || sync; }

wait_for() {                    # wait_for SECONDS CMD...: polls until CMD succeeds
	_deadline=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$_deadline" ] || { say "wait_for: gave up on: $*"; return 1; }
		sleep 0.05
	done
}

load_modules() {                # timetrace if it was built, then homa
	if [ -f /mod/timetrace.ko ]; then insmod /mod/timetrace.ko || return 1; fi
	[ -f /mod/homa.ko ] || { say "load_modules: there is no homa.ko; build it with: testbed/vm kmods $KERNEL"; return 1; }
	# shellcheck disable=SC2086	# none or several
	insmod /mod/homa.ko ${HOMA_PARAMETERS:-}
}

unload_modules() {
	for _module in homa timetrace; do
		[ ! -d "/sys/module/$_module" ] || rmmod "$_module" || return 1
	done
}
