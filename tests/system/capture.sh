#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# RPCs of several lengths, without and with loss, and every type of packet, captured
# for tests/lib/dissection.py to read outside.
#
#   h1 [h1-h2, tcpdump] 10.0.1.1, client ──veth── [h2-h1, loss] 10.0.1.2 h2, server
. /tests/case.sh

listen() {
	start_in h1 tcpdump -Z root -n -U --immediate-mode -s 2000 -B 32768 -i h1-h2 -w "$OUT/capture.pcap" \
		'ip proto 146 or ip6 proto 146' 2>/tmp/tcpdump
	tcpdump=$pid
	wait_for 10 grep -q listening /tmp/tcpdump
}

serve() {                       # serve ADDRESS PORT
	start_in h2 rpcload server --transport homa --bind "$1" --port "$2" >/tmp/server 2>&1
	server=$pid
	wait_for 10 grep -q READY /tmp/server
}

load() {                        # load NAME ADDRESS PORT COUNT BYTES
	in_host h1 rpcload client --transport homa --server "$2" --port "$3" --count "$4" --length "$5" \
		--json "$OUT/$1.json"
}

all() {                         # all NAME ADDRESS PORT
	load "$1-1" "$2" "$3" 20 1 && load "$1-100" "$2" "$3" 50 100 && load "$1-100000" "$2" "$3" 10 100000
}

# The server's application is away: RESEND, BUSY; meanwhile the administrator stops all recorders: FREEZE.
away() {
	kill -STOP "$server"
	load capture-away 10.0.1.2 700 2 100 &
	_load=$!
	sleep 0.3
	in_host h1 sysctl -qw net.homa.action=7 && echo thaw >/proc/timetrace
	_frozen=$?
	kill -CONT "$server"
	wait $_load && [ $_frozen = 0 ]
}

still() {                       # the capture does not grow any more
	_bytes=$(stat -c %s "$OUT/capture.pcap")
	sleep 0.5
	[ "$_bytes" = "$(stat -c %s "$OUT/capture.pcap")" ]
}

finish() {
	wait_for 20 still
	kill -INT "$tcpdump"
	wait "$tcpdump"
	cat /tmp/tcpdump
	grep -q '^0 packets dropped by kernel' /tmp/tcpdump
}

check load_modules load_modules
check hosts net_pair
check listen listen
check server serve 10.0.1.2 700
check ipv4 all capture-ipv4 10.0.1.2 700
check lose in_host h2 tc qdisc add dev h2-h1 root netem loss 10%
check loss all capture-loss 10.0.1.2 700
check mend in_host h2 tc qdisc del dev h2-h1 root
# Lost requests: RESEND for an RPC the server never saw, RPC_UNKNOWN.
check lose_requests in_host h1 tc qdisc add dev h1-h2 root netem loss 30%
check loss_of_requests load capture-lost 10.0.1.2 700 60 100
check mend_requests in_host h1 tc qdisc del dev h1-h2 root
check away away
kill "$server"
check server_ipv6 serve fd00:1::2 701
check ipv6 all capture-ipv6 fd00:1::2 701
check captured finish
kill "$server"
wait
check unload unload
