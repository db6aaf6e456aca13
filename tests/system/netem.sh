#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Packets are lost, doubled, overtaken, delayed and altered between 2 to 8
# hosts, each of which serves and asks all others: every RPC ends, no request is
# executed twice, every byte arrives, and no memory stays.
#
#   h1..h8 [eth0 netem] 10.0.1.1-8 ──veth── br0
. /tests/case.sh

: >/tmp/total                   # RPCs completed, a line a client

impair() {                      # impair HOSTS NETEM-ARGUMENT...
	_hosts=$1
	shift
	for _k in $(seq "$_hosts"); do
		in_host "h$_k" tc qdisc del dev eth0 root 2>/dev/null  # replacing keeps what is not named
		in_host "h$_k" tc qdisc add dev eth0 root netem limit 100000 "$@" || return 1
	done
}

address() { case $family in 4) echo "10.0.1.$1" ;; *) echo "fd00:1::$1" ;; esac; }

others() {                      # others K HOSTS: all addresses but one, with commas
	for _k in $(seq "$2"); do [ "$_k" = "$1" ] || address "$_k"; done | tr '\n' ',' | sed 's/,$//'
}

# Each client's completed RPCs must be in somebody's ledger, and nothing else.
balanced() {
	_done=$(cat /tmp/client.h* | sed -n 's/.*completed \([0-9]*\),.*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
	_executed=$(cat /tmp/server.h* | sed -n 's/.*distinct \([0-9]*\),.*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
	echo "$_done" >>/tmp/total
	echo "balance: $_done completed, $_executed executed"
	if [ "$altered" = 1 ]; then [ "$_done" -gt 0 ]; else [ "$_done" = "$_executed" ]; fi
}

mesh() {                        # mesh HOSTS COUNT LONG-PERMILLE: all ask all, COUNT RPCs a client
	rm -f /tmp/client.h* /tmp/server.h*
	_bad=0
	for k in $(seq "$1"); do
		server_start "h$k" "$(address "$k")" 700 --threads 2 --corrupt $altered || return 1
		eval "server_$k=\$server"
	done
	for k in $(seq "$1"); do
		client "h$k" "$(others "$k" "$1")" 700 --count "$2" --outstanding 200 --long-permille "$3" --seed 1 \
			--corrupt $altered --deadline 500 >"/tmp/client.h$k" 2>&1 &
		eval "client_$k=\$!"
	done
	for k in $(seq "$1"); do eval "wait \$client_$k" || _bad=1; done
	for k in $(seq "$1"); do
		eval "server=\$server_$k"
		server_log=/tmp/server.h$k.700
		server_stop || _bad=1
	done
	cat /tmp/client.h*
	balanced || _bad=1
	return $_bad
}

run_with() {                    # run_with NAME COUNT LONG-PERMILLE NETEM-ARGUMENT...
	_name=$1 _count=$2 _long=$3
	shift 3
	if impair "$hosts" "$@"; then
		check "${hosts}_hosts_$_name" mesh "$hosts" "$_count" "$_long"
	else
		not_ok "${hosts}_hosts_$_name" "tc refused: netem $*"
	fi
}

all_left() {                    # what a mesh leaves: no socket, and its memory
	no_sockets || { echo "$(sockets_left) sockets are left"; return 1; }
	memory_is_back "$used"
}

hosts() {                       # hosts N: as many, and how much memory is used before there is traffic
	hosts=$1
	check "${hosts}_hosts" net_hosts "$hosts"
	used=$(memory_used)
}

hosts_end() {
	check "${hosts}_hosts_memory" all_left
	net_down
}

# Neighbours are told, since ARP believes what it hears.
acquainted() {
	for k in 1 2; do
		_other=$((3 - k))
		_mac=$(in_host h$_other cat /sys/class/net/eth0/address)
		in_host h$k ip neigh replace 10.0.1.$_other lladdr "$_mac" dev eth0 nud permanent || return 1
	done
}

# Headers of IPv4 are checked: the packets refused for that prove that bits were turned.
was_altered() {
	_refused=$(in_host h1 awk '/^Ip: [0-9]/ { print $5 }' /proc/net/snmp)
	echo "IPv4 refused $_refused headers"
	[ "$_refused" -gt 0 ]
}

[ "$MODE" = uml ] || modprobe sch_netem 2>/dev/null
family=4 altered=0
many=$(scaled 4500 100) few=$(scaled 60 6)
check load load_modules

hosts 2
run_with loss_0.1 "$many" 5 loss 0.1%
run_with loss_1 "$many" 5 loss 1%
run_with loss_10 "$many" 5 loss 10%
run_with duplicate "$many" 5 duplicate 20%
run_with reorder "$many" 5 delay 1ms reorder 70%
run_with delay "$many" 5 delay 2ms 1ms
run_with all_together "$many" 5 loss 3% duplicate 5% delay 500us 300us reorder 50%
family=6
run_with all_together_ipv6 "$many" 5 loss 3% duplicate 5% delay 500us 300us reorder 50%
run_with long_loss_10 "$few" 1000 loss 10%
family=4
run_with long_all_together "$few" 1000 loss 3% duplicate 5% delay 500us 300us reorder 50%
# A turned bit of the payload is not seen, since Homa's receivers verify no checksum (a link's CRC does that). What must
# hold: nothing crashes, each RPC ends, no id is executed twice, and afterwards all is as before. One turned bit makes
# RPC_UNKNOWN of a RESEND, so servers may forget RPCs too early: no more than they remember having finished are sent.
check acquainted acquainted
altered=1 patience=300
run_with corrupt "$(scaled 900 100)" 5 corrupt "$(scaled 3% 10%)"
check was_altered was_altered
altered=0 patience=2000
run_with after_corruption "$few" 1000 loss 1%
hosts_end

# More hosts than CPUs tell nothing more of the module's memory and locks, and take minutes there.
if [ "$MODE" != uml-debug ]; then
	hosts 4
	run_with loss_1 "$(scaled 2000 50)" 5 loss 1%
	hosts_end

	hosts 8
	run_with loss_1 "$(scaled 1000 20)" 5 loss 1%
	run_with loss_10 "$(scaled 1000 20)" 5 loss 10%
	run_with all_together "$(scaled 1000 20)" 5 loss 3% duplicate 5% delay 500us 300us reorder 50%
	hosts_end
fi

total=$(awk '{ n += $1 } END { print n }' /tmp/total)
echo "total: $total RPCs completed"
check enough_rpcs test "$total" -ge "$(scaled 100000 1500)"
check unload unload
