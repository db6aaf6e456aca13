#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The modules come and go, with and without users.
#
#   h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2
. /tests/case.sh

again_and_again() {             # the namespaces outlive the module
	for _ in $(seq "$(scaled 20 5)"); do
		load_modules && exchange --count 10 && unload || return 1
	done
}

bare() {
	for _ in $(seq "$(scaled 20 5)"); do
		load_modules && unload || return 1
	done
}

refused() { ! rmmod "$1"; }

with_socket() {
	server_start h2 10.0.1.2 700 || return 1
	refused homa && client h1 10.0.1.2 700 --count 20 || return 1
	server_stop
}

# Requests nobody answers are left when both ends die.
killed() {
	server_start h2 10.0.1.2 700 || return 1
	client h1 10.0.1.2 700 --count 1000000 >/dev/null 2>&1 &
	sleep 1
	killall -KILL rpc_ledger
	wait_for 20 unused && unload
}
unused() { [ "$(cat /sys/module/homa/refcnt)" = 0 ]; }

alone() { insmod /mod/homa.ko && exchange --count 10 && unload; }

check hosts net_pair
check bare bare
check with_traffic again_and_again
check load load_modules
check refused_with_socket with_socket
if [ -d /sys/module/timetrace ]; then
	check tracer_refused_with_homa refused timetrace
else
	skip tracer_refused_with_homa "no timetrace.ko in this guest"
fi
check unload_after_kill killed
if modinfo /mod/homa.ko 2>/dev/null | grep -q '^depends:.*timetrace'; then
	skip without_tracer "homa.ko is linked to timetrace.ko"
else
	check without_tracer alone
fi
