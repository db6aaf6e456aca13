# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A node's side of an experiment on the cluster:
#   cluster.sh TRANSPORT [SETTING=VALUE]... -- idle
#   cluster.sh TRANSPORT [SETTING=VALUE]... -- load LOAD GBPS DURATION WARMUP OUTSTANDING SEED
#   cluster.sh TRANSPORT [SETTING=VALUE]... -- incast BYTES
#   cluster.sh TRANSPORT [SETTING=VALUE]... -- incast_response BYTES OUTSTANDING COUNT
# idle: node 1 asks node 0, one RPC at a time, one length after the other; load: all ask all, lengths of /workload.csv;
# incast: all send one message to node 0 at once; incast_response: node 0 has so many RPCs in flight, shared out among the
# others, and each response is so long. TRANSPORT is homa, reno, cubic or dctcp; SETTING as in sysctl.conf.
set -u
load_modules || fail "modules do not load"
transport=$1
shift
# Messages and streams may wait for the network without waiting for memory.
set -- net.core.wmem_max=100000000 "net.ipv4.tcp_wmem=4096 4000000 8000000" "net.ipv4.tcp_rmem=4096 4000000 8000000" "$@"
protocol=tcp
case $transport in
homa) protocol=homa ;;
dctcp) set -- net.ipv4.tcp_congestion_control=dctcp net.ipv4.tcp_ecn=1 "$@" ;;
*)
	[ "$transport" != cubic ] || insmod /mod/tcp_cubic.ko || fail "tcp_cubic does not load"
	set -- "net.ipv4.tcp_congestion_control=$transport" net.ipv4.tcp_ecn=0 "$@"
	;;
esac
while [ "$1" != -- ]; do
	sysctl -q -w "$1" || fail "cannot set $1"
	shift
done
shift
what=$1

server_start() {                # server_start THREADS
	rpcload server --transport "$protocol" --bind "$(node_address "$NODE")" --port 4000 --threads "$1" >/tmp/server 2>&1 &
	server=$!
	wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
}

case $what in
load) server_start 16 ;;
incast_response) [ "$NODE" = 0 ] || server_start 2 ;;
*) [ "$NODE" != 0 ] || server_start 2 ;;
esac
barrier serving
sleep_until 0.2
case $what in
idle)
	lengths="8 100 400 1000 1400 2800 5000 10000 20000 40000 60000 100000 200000 400000 1000000"
	[ "$NODE" = 1 ] || lengths=
	for length in $lengths; do
		rpcload client --transport "$protocol" --server "$(node_address 0)" --port 4000 --length "$length" --warmup 1 --count 2 \
			--json "$OUT/$length.json" || fail "$length bytes failed"
	done
	;;
load)
	rpcload load --transport "$protocol" --servers "$(other_addresses)" --port 4000 --workload /workload.csv --load "$2" \
		--link-gbps "$3" --duration "$4" --warmup "$5" --outstanding "$6" --seed $(($7 * 1000 + NODE)) \
		--csv "$OUT/rpcs.csv" --json "$OUT/load.json" || fail "load failed"
	;;
incast)
	[ "$NODE" = 0 ] || rpcload client --transport "$protocol" --server "$(node_address 0)" --port 4000 --length "$2" \
		--response-length 100 --count 1 --json "$OUT/client.json" || fail "the message failed"
	;;
incast_response)
	[ "$NODE" != 0 ] || rpcload client --transport "$protocol" --server "$(other_addresses)" --port 4000 --length 100 \
		--response-length "$2" --outstanding "$3" --count "$4" --json "$OUT/client.json" || fail "an RPC failed"
	;;
esac
barrier finished
[ -z "${server:-}" ] || { kill "$server"; wait "$server" || fail "the server failed"; }
