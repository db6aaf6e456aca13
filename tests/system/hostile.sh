#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Garbage from the network and applications that mean harm, at the same time, for
# $SOAK_SECONDS; afterwards memory, sockets and limits are as before and the log
# is short. make soak does it for longer.
#
#   module [host] 10.0.1.2, fd00:1::2 ──veth── [raw] packet_test plays all other hosts
. /tests/case.sh

: "${SOAK_SECONDS:=$(cat /tests/soak_seconds 2>/dev/null || scaled 20 40)}"

metric() { awk -v name="$1" '$1 == name { n += $2 } END { print n + 0 }' /proc/net/homa_metrics; }

# Each time the module must still answer, and serve new sockets.
garbage() {                     # garbage ADDRESS
	_seed=1
	while [ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ]; do
		packet_test "$1" raw host 2000 $_seed --gtest_filter='FuzzTest.*' >/tmp/garbage 2>&1 ||
			{ echo "seed $_seed:"; cat /tmp/garbage; return 1; }
		_seed=$((_seed + 1))
	done
	rounds=$((_seed - 1))
	echo "garbage: $rounds times 2000 packets"
}

# What grows, in time; the line is in the results at once.
watch() {
	while sleep 20; do
		echo "$(cut -d. -f1 /proc/uptime) s: used $(memory_in_use) kB, $(awk '/^SUnreclaim:/ { print $2 }' /proc/meminfo) of it slab;" \
			"peers $(($(metric peer_allocs) - $(metric peer_frees))), RPCs $(grep -c ^rpc /proc/net/homa)," \
			"of h1 $(in_host h1 grep -c ^rpc /proc/net/homa)" >>"$OUT/hostile.watch"
	done
}

harm() {
	end=$(($(cut -d. -f1 /proc/uptime) + SOAK_SECONDS))
	in_host h1 hostile 127.0.0.1 "$SOAK_SECONDS" >/tmp/hostile4 2>&1 &
	_hostile4=$!
	in_host h2 hostile ::1 "$SOAK_SECONDS" >/tmp/hostile6 2>&1 &
	_hostile6=$!
	garbage 10.0.1.2
	_garbage=$?
	wait $_hostile4 && wait $_hostile6 || { cat /tmp/hostile4 /tmp/hostile6; return 1; }
	cat /tmp/hostile4 /tmp/hostile6
	return $_garbage
}

garbage_arrived() {             # some 350 and 330 of each round do
	echo "DATA $(metric packets_rcvd_DATA), no RPC $(metric drop_NO_RPC), out of range $(metric drop_RANGE)"
	[ "$rounds" -gt 0 ] && [ "$(metric packets_rcvd_DATA)" -gt $((200 * rounds)) ] &&
		[ "$(metric drop_RANGE)" -gt $((150 * rounds)) ]
}

few_lines() {                   # however long it takes
	dmesg | tail -n +$((lines + 1)) >/tmp/log
	cat /tmp/log
	[ "$(wc -l </tmp/log)" -le 20 ]
}

check load load_modules
check cable raw_cable
check hosts net_pair
sysctl -qw net.homa.timeout_ticks=20
lines=$(dmesg | wc -l)
used=$(memory_used)
watch &
watch=$!
check harm harm
kill $watch
check garbage_arrived garbage_arrived
check few_lines few_lines
check no_sockets wait_for 10 no_sockets
check memory_is_back memory_is_back "$used"
# And RPCs work as ever.
check afterwards exchange --count "$(scaled 200 20)"
check cable_cut ip link del host
check unload unload
