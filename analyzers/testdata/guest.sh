#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the guest: guest.sh TRANSPORT...; a few traced RPCs of each into $OUT.
# shellcheck source=/dev/null
. /lib/testbed.sh
RPS_MASK=3
load_modules || fail "no modules"
net_pair || fail "no network"
echo 32768 >/proc/sys/net/core/rps_sock_flow_entries
echo "size 64" >/proc/timetrace
echo "off all" >/proc/timetrace
port=4000
for transport in "$@"; do
	# The second transport runs with RPS, so that both ways of dispatching are kept.
	[ $port = 4000 ] || for link in "h1 h1-h2" "h2 h2-h1"; do
		# shellcheck disable=SC2016 # expanded by the inner shell
		in_host "${link% *}" sh -c 'cd /sys/class/net/$0/queues/rx-0 && echo $1 >rps_cpus &&
			echo 32768 >rps_flow_cnt' "${link#* }" $RPS_MASK || fail "no RPS"
	done
	port=$((port + 1))
	start_in h2 rpcload server --transport "$transport" --bind 10.0.1.2 --port $port \
		--rpclog "$OUT/$transport.server.rpclog" >"$OUT/$transport.log" 2>&1
	# shellcheck disable=SC2154 # set by start_in
	server=$pid
	wait_for 20 grep -q READY "$OUT/$transport.log" || fail "no server"
	echo clear >/proc/timetrace
	echo "on all" >/proc/timetrace
	in_host h1 rpcload client --transport "$transport" --server 10.0.1.2 --port $port \
		--warmup 5 --count 20 --rpclog "$OUT/$transport.client.rpclog" || fail "no client"
	echo freeze >/proc/timetrace
	cat /proc/timetrace_raw >"$OUT/$transport.ttd"
	echo "off all" >/proc/timetrace
	echo thaw >/proc/timetrace
	kill "$server"
	wait "$server"
done
unload_modules
