# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A node's side of the pacers' benchmark: short RPCs, and long messages beside them on the same link.
#   pacer.sh MBPS SHORT_SECONDS PACER LONG     LONG: number of long messages, 0: none
#
#   node 0, both clients ── MBPS ── switch ── node 1, server of the long ones
#                                          └─ node 2, server of the short ones
#
# Leaves in $OUT of node 0: short.json, long.json, and before and after: counters, "name value" a line.
set -u
mbps=$1 seconds=$2 pacer=$3 long=$4

# At random times: one after the other they would keep step with the pacer.
short() {
	printf 'length_bytes,weight\n100,1\n' >/tmp/workload.csv
	rpcload load --transport homa --servers "$(node_address 2)" --port 4000 --workload /tmp/workload.csv --load 0.03 \
		--link-gbps $((mbps / 1000)) --warmup 0.0005 --duration "$seconds" --json "$OUT/short.json" >/tmp/short 2>&1
}
long() {
	rpcload client --transport homa --server "$(node_address 1)" --port 4000 --length 1000000 --response-length 100 \
		--outstanding 4 --count "$long" --json "$OUT/long.json" >/tmp/long 2>&1
}
counters() {                    # wakeups: of the pacer's timer or thread, and of queueing disciplines that wait
	cat /proc/softirqs /proc/net/homa_metrics | awk '
		$1 == "HRTIMER:" || $1 == "NET_TX:" { wakeups += $2 }
		$1 == "pacer_idle_ns" || $1 == "pacer_releases" { n[$1] += $2 }
		END { print "wakeups", wakeups + '"$(switches)"'; for (i in n) print i, n[i] }'
}
switches() {                    # of the pacer's thread
	for _comm in /proc/[0-9]*/comm; do
		[ "$(cat "$_comm" 2>/dev/null)" != homa/eth0 ] || awk '/^voluntary/ { print $2 }' "${_comm%comm}status"
	done | awk '{ n += $1 } END { print n + 0 }'
}
discipline() {                  # the one the pacer is made for
	case $pacer in
	fq) tc qdisc replace dev eth0 root fq flow_limit 2000 limit 20000 timer_slack 0 ;;
	qdisc) tc qdisc replace dev eth0 root homa ;;
	*) tc qdisc replace dev eth0 root pfifo limit 20000 ;;
	esac
}

load_modules || fail "modules do not load"
{ sysctl -q -w net.homa.link_mbps="$mbps" net.homa.pacer="$pacer" && discipline; } || fail "$pacer cannot be set up"
if [ "$NODE" != 0 ]; then
	rpcload server --transport homa --bind "$(node_address "$NODE")" --port 4000 >/tmp/server 2>&1 &
	server=$!
	wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
fi
barrier serving
if [ "$NODE" = 0 ]; then
	counters >"$OUT/before"
	if [ "$long" != 0 ]; then
		long &
		job=$!
	fi
	short || fail "short: $(tail -n 2 /tmp/short)"
	[ "$long" = 0 ] || wait "$job" || fail "long: $(tail -n 2 /tmp/long)"
	counters >"$OUT/after"
fi
barrier finished
[ "$NODE" = 0 ] || { kill "$server"; wait "$server" || fail "the server failed"; }
