#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The queueing discipline homa and the pacer of that name: order, shares, and life beside TCP.
#
#   h1 [h1-h2 homa] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1] h2, server
. /tests/case.sh

setting() { in_host h1 sysctl -qw "net.homa.$1"; }
metric() { in_host h1 awk -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }' /proc/net/homa_metrics; }
grows() {                       # grows METRIC CMD...: CMD succeeds and h1 has counted
	_metric=$1 _before=$(metric "$1")
	shift
	"$@" && [ "$(metric "$_metric")" -gt "$_before" ]
}
attach() { in_host h1 tc qdisc replace dev h1-h2 root homa && in_host h1 tc qdisc show dev h1-h2 | grep '^qdisc homa'; }
detach() { in_host h1 tc qdisc del dev h1-h2 root; }
fails() { ! "$@"; }
said() { dmesg | tail -n 20 | grep -F "homa: h1-h2 is paced as by hrtimer"; }
long() { exchange --count "$(scaled 40 10)" --max-length 400000 --long-permille 1000 --outstanding 6; }
counted() { in_host h1 tc -s qdisc show dev h1-h2 | grep -E 'Sent [1-9][0-9]* bytes [1-9][0-9]* pkt'; }

server() {                      # server TRANSPORT PORT: pid in $servers
	start_in h2 rpcload server --transport "$1" --bind 10.0.1.2 --port "$2" >"/tmp/server.$2" 2>&1
	servers="$servers $pid"
	wait_for 20 grep -q READY "/tmp/server.$2"
}
ask() {                         # ask TRANSPORT PORT LENGTH OPTION...: in the background, its pid in $pid
	_transport=$1 _port=$2 _length=$3
	shift 3
	start_in h1 rpcload client --transport "$_transport" --server 10.0.1.2 --port "$_port" --warmup 0 \
		--length "$_length" --response-length 100 "$@" >"/tmp/client.$_port" 2>&1
}
# Six messages of 40 kB, which at 4 Mbit/s take 80 ms each, all in the queue.
flood() {                       # flood CMD...: while it lasts
	ask homa 700 40000 --outstanding 6 --duration 600
	_flood=$pid
	wait_for 30 queue_longer 100000
	_full=$?
	"$@"
	_status=$?
	kill "$_flood"
	wait "$_flood"
	[ $_full = 0 ] && return $_status
}
queue_longer() {                # queue_longer BYTES
	_held=$(in_host h1 tc -s qdisc show dev h1-h2 | sed -n 's/.*backlog \([0-9]*\)\([KM]*\)b .*/\1\2/p' | sed 's/K/000/; s/M/000000/' | sort -n | tail -n 1)
	[ "${_held:-0}" -gt "$1" ]
}
p50_ms() { sed -n 's/.*"p50": *\([0-9]*\).*/\1/p' /tmp/quick.json | awk '{ print int($1 / 1000000) }'; }
quick() {                       # quick MS: messages that may wait, each asked for when the other is done
	ask homa 701 2000 --count 15 --json /tmp/quick.json
	wait "$pid" || { cat /tmp/client.701; return 1; }
	_p50=$(p50_ms)
	echo "P50: $_p50 ms"
	[ "$_p50" -lt "$1" ]
}
slow() {                        # slow MS
	! quick "$1" && [ "$(p50_ms)" -ge "$1" ]
}

# Bytes of both while both have packets to send: of a thousand, Homa's.
share() {
	ask homa 700 400000 --outstanding 6 --duration 600
	_homa=$pid
	ask tcp 702 1000000 --outstanding 4 --duration 600
	_tcp=$pid
	_h0=$(metric pacer_homa_bytes) _t0=$(metric pacer_tcp_bytes)
	wait_for 60 both_sent 300000
	# What comes first is not that of two full queues.
	_h0=$(metric pacer_homa_bytes) _t0=$(metric pacer_tcp_bytes)
	wait_for 120 both_sent 1000000
	_both=$?
	_homa_bytes=$(($(metric pacer_homa_bytes) - _h0)) _tcp_bytes=$(($(metric pacer_tcp_bytes) - _t0))
	kill "$_homa" "$_tcp"
	wait "$_homa" "$_tcp"
	permille=$((1000 * _homa_bytes / (_homa_bytes + _tcp_bytes)))
	echo "Homa $_homa_bytes bytes, TCP $_tcp_bytes: $permille permille"
	return $_both
}
both_sent() { [ $(($(metric pacer_homa_bytes) - _h0)) -gt "$1" ] && [ $(($(metric pacer_tcp_bytes) - _t0)) -gt "$1" ]; }
less_than() { [ "$1" -lt "$2" ]; }

servers=
check load load_modules
check hosts net_pair
patient h1
patient h2
check no_rate attach
check exchange exchange --count "$(scaled 100 20)" --outstanding 10
check counted counted
check options_refused fails in_host h1 tc qdisc replace dev h1-h2 root homa limit 5
check module_held fails rmmod homa
check detach detach
check no_pacer setting pacer=none
# Where hosts are so slow that grants come late, Homa has packets to send only if these leave slowly.
case $KERNEL in
x86-*) mbps=5 ;;
*) mbps=20 ;;
esac
check slow_link setting link_mbps=$mbps
check pacer_alone setting pacer=qdisc
check log_says said
check holds_back grows pacer_releases long
check attach attach
check holds_back_with grows pacer_releases long
check ordered grows pacer_homa_packets long
check others_pass in_host h1 ping -c 3 -W 20 10.0.1.2

# What waits in a queue is not asked for again.
for host in h1 h2; do
	check "patience_$host" in_host $host sysctl -qw net.homa.resend_ticks=2000 net.homa.timeout_ticks=60000
done
check server server homa 700
check server_short server homa 701
check server_tcp server tcp 702
check share share
even=$permille
check homa_has_some less_than 250 "$even"
check tcp_has_some less_than "$even" 750
check small_share setting homa_share=10
check share_small share
check less_for_homa less_than "$permille" "$even"
check share_too_large fails setting homa_share=101
# Without the pacer all that is granted waits in the discipline.
check no_pacer_again setting pacer=none
check slower_link setting link_mbps=4
check shortest_first flood quick 200
check fifo in_host h1 tc qdisc replace dev h1-h2 root handle 1: tbf rate 4mbit burst 2000 limit 4000000
check not_with_fifo flood slow 200
check attach_below in_host h1 tc qdisc replace dev h1-h2 parent 1:1 homa
check no_link_speed setting link_mbps=0
check shortest_first_below flood quick 200
check attach_again attach
check speed_again setting link_mbps=4
check flood_goes flood true
for pid in $servers; do kill "$pid"; wait "$pid"; done
# With packets in it.
check replaced_while_full detach
check attach_last attach
# A namespace that ends takes the discipline of its device with it.
check no_sockets wait_for 20 no_sockets
net_down
check unload unload
