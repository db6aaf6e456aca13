# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Node's side of the cluster's benchmark.
#   cluster.sh idle                          node 1 asks node 0, one RPC at a time, one length after the other
#   cluster.sh load LOAD DURATION SEED       all ask all; lengths of /workload.csv
#   cluster.sh incast                        all send 1 MB to node 0 at once
set -u
load_modules || fail "modules do not load"
# One sender's messages may wait for grants without waiting for memory.
sysctl -q -w net.core.wmem_max=100000000
server_start() {                # server_start TRANSPORT THREADS
	rpcload server --transport "$1" --bind "$(node_address "$NODE")" --port 4000 --threads "$2" >/tmp/server 2>&1 &
	server=$!
	wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
}

idle() {
	for length in 8 100 400 1000 1400 2800 5000 10000 20000 40000 60000 100000 200000 400000 1000000; do
		rpcload client --transport homa --server "$(node_address 0)" --port 4000 --length $length --warmup 1 --count 2 \
			--json "$OUT/$length.json" || fail "$length bytes failed"
	done
}

what=$1
[ "$what" != idle ] && [ "$what" != incast ] || [ "$NODE" != 0 ] || server_start homa 2
[ "$what" != load ] || server_start homa 16
barrier serving
sleep_until 0.2
case $what in
idle) [ "$NODE" = 0 ] || idle ;;
load)
	rpcload load --transport homa --servers "$(other_addresses)" --port 4000 --workload /workload.csv --load "$2" --duration "$3" \
		--seed $(($4 * 1000 + NODE)) --csv "$OUT/rpcs.csv" --json "$OUT/load.json" || fail "load failed"
	;;
incast)
	[ "$NODE" = 0 ] || rpcload client --transport homa --server "$(node_address 0)" --port 4000 --length 1000000 \
		--response-length 100 --count 1 --json "$OUT/client.json" || fail "the message failed"
	;;
esac
barrier finished
[ -z "${server:-}" ] || { kill "$server"; wait "$server" || fail "the server failed"; }
