#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Long messages in packets longer than the MTU: passed on whole, cut by a queue
# on the way, or not made at all.
. /tests/case.sh

# RPCs of 200 kB each way, every byte compared; DATA packets of h1 and those that reached h2 in $sent and $came.
long_messages() {               # long_messages ADDRESS
	_sent=$(metric h1 packets_sent_DATA) _came=$(metric h2 packets_rcvd_DATA)
	start_in h2 rpcload server --transport homa --bind "$1" --port 700 >/tmp/server 2>&1
	wait_for "$(scaled 10 60)" grep -q READY /tmp/server || return 1
	in_host h1 rpcload client --transport homa --server "$1" --port 700 --count 20 --length 200000 --verify \
		--timeout "$(scaled 20 120)"
	_client=$?
	# shellcheck disable=SC2154 # set by start_in
	kill "$pid" && wait "$pid" || return 1
	sent=$(($(metric h1 packets_sent_DATA) - _sent)) came=$(($(metric h2 packets_rcvd_DATA) - _came))
	echo "h1 sent $sent DATA packets, $came arrived at h2"
	return $_client
}

whole() {                       # whole ADDRESS: 20 messages of 141 segments
	long_messages "$1" && [ "$sent" -lt 400 ] && [ "$came" -lt 400 ]
}

# A bucket smaller than a packet makes its queue cut it.
bucket() { in_host h1 tc qdisc add dev eth0 root tbf rate 10gbit burst 3000 limit 10000000; }
in_segments() { long_messages "$1" && [ "$sent" -lt 400 ] && [ "$came" -ge 2000 ]; }
no_bucket() { in_host h1 tc qdisc del dev eth0 root; }

short_device() { in_host h1 ip link set eth0 gso_max_size "$1"; }
some() { long_messages "$1" && [ "$sent" -ge 400 ] && [ "$sent" -lt 2000 ]; }

off() { in_host h1 sysctl -q -w net.homa.max_gso_size=0; }
none() { long_messages "$1" && [ "$sent" -ge 2000 ] && [ "$came" -ge 2000 ]; }
too_long() { ! in_host h1 sysctl -q -w net.homa.max_gso_size=65536; }

check load load_modules
check hosts net_hosts 2
patient h1
patient h2
# Packets are counted: none is asked for again only because a host is slow.
for host in h1 h2; do in_host $host sysctl -q -w net.homa.resend_idle_usecs=0; done
check whole_v4 whole 10.0.1.2
check whole_v6 whole fd00:1::2
check bucket bucket
check cut_v4 in_segments 10.0.1.2
check cut_v6 in_segments fd00:1::2
check no_bucket no_bucket
check short_device short_device 10000
check some_v4 some 10.0.1.2
check some_v6 some fd00:1::2
check off off
check none none 10.0.1.2
check too_long too_long
check hosts_gone net_down
check unload unload
