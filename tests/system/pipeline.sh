#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A traced load, for tests/lib/attribution.py: trace and RPC logs come back and
# are analysed outside.
#
#   h1 [h1-h2] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1] h2, server
. /tests/case.sh

serve() {
	start_in h2 rpcload server --transport homa --bind 10.0.1.2 --port 700 --threads 2 \
		--rpclog "$OUT/server.rpclog" --trace >/tmp/server 2>&1
	server=$pid
	wait_for 10 grep -q READY /tmp/server
}

load() {
	in_host h1 rpcload client --transport homa --server 10.0.1.2 --port 700 --length "$1" \
		--response-length "$1" --outstanding "$2" --count "$3" --rpclog "$OUT/client.rpclog" \
		--json "$OUT/client.json" --trace
}

finish() {
	kill -TERM "$server" && wait "$server" || { cat /tmp/server; return 1; }
}

check load_modules load_modules
check hosts net_pair
for group in irq softirq napi net sched sock; do
	echo on $group >/proc/timetrace
done
check server serve
check load load 100 1 "$(scaled 300 100)"
check server_ends finish
check freeze sh -c 'echo freeze >/proc/timetrace'
check dump ttdump "$OUT/pipeline.ttd"
check unload unload
