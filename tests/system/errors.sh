#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What clients see when there is nobody to answer.
#
#   h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2
. /tests/case.sh

fails_with() {                  # fails_with ERROR COUNT [CLIENT OPTION...]
	error=$1 count=$2
	shift 2
	client h1 10.0.1.2 700 --count "$count" --deadline 120 "$@" >/tmp/client 2>&1
	cat /tmp/client
	grep -q "completed 0, .*, $error $count\$" /tmp/client
}

killed_server() {
	server_start h2 10.0.1.2 700 || return 1
	start_in h1 rpc_ledger client --server 10.0.1.2 --port 700 --count 1000000 --deadline 120 >/tmp/client 2>&1
	load=$pid
	sleep 1
	kill -KILL "$server"
	sleep 1
	kill -0 "$load" || { cat /tmp/client; return 1; }  # it goes on against the closed port
	kill -TERM "$load"
	wait "$load"
	server_start h2 10.0.1.2 700 || return 1
	client h1 10.0.1.2 700 --count 50 || return 1
	server_stop
}

silence() { in_host h1 tc qdisc replace dev h1-h2 root netem loss 100%; }
speak() { in_host h1 tc qdisc del dev h1-h2 root; }

check load load_modules
check hosts net_pair
[ "$MODE" = uml ] || modprobe sch_netem 2>/dev/null
check closed_port fails_with ENOTCONN 5 --max-length 1000
# Without a pause between: the kernel sends six ICMP messages and then one a second.
check closed_port_again fails_with ENOTCONN 20 --max-length 1000 --outstanding 4
check closed_port_long fails_with ENOTCONN 5 --max-length 1000000 --outstanding 5
check server_killed killed_server
check cut silence
check dead_host fails_with ETIMEDOUT 5 --outstanding 5
check mend speak
check afterwards exchange --count 20
check unload unload
