#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# suite.sh NAME...: runs the system tests /tests/NAME.sh one after the other in
# this guest. Each gets a shell of its own and what it left behind is removed.
. /tests/case.sh

for name in "$@"; do
	CASES=$OUT/$name.cases
	export CASES
	: >"$CASES"
	say "suite: $name"
	begin=$(cut -d. -f1 /proc/uptime)
	sh "/tests/$name.sh" >"$OUT/$name.log" 2>&1 || not_ok "$name" "the script ended with status $?" >/dev/null
	killall rpc_ledger abi_test 2>/dev/null && sleep 0.2
	net_down 2>/dev/null
	unload || not_ok "$name" "modules cannot be unloaded afterwards" >/dev/null
	echo $(($(cut -d. -f1 /proc/uptime) - begin)) >"$OUT/$name.done"
	sync_out
	say "suite: $name: $(grep -c '^ok' "$CASES") ok, $(grep -c '^not ok' "$CASES") not ok"
done

# How often each line of homa.ko ran, if it was built to count that; the kernel keeps what unloaded modules counted.
if [ -d /sys/kernel/debug/gcov ]; then
	mkdir -p "$OUT/gcov"
	find /sys/kernel/debug/gcov -path '*/module/*.gcda' | while read -r counters; do
		cat "$counters" >"$OUT/gcov/${counters##*/}"
	done
fi
