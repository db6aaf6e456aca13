#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Devices that can do little, packets of any size, and the levels in their IP
# headers, over IPv4, IPv6 and IPv4 from sockets of IPv6.
#
#   h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2
. /tests/case.sh

offload() {                     # offload on|off
	in_host h1 ethtool -K h1-h2 gro "$1" gso "$1" tso "$1" sg "$1" tx "$1" rx "$1" &&
		in_host h2 ethtool -K h2-h1 gro "$1" gso "$1" tso "$1" sg "$1" tx "$1" rx "$1"
}

mtu() {                         # mtu BYTES
	in_host h1 ip link set h1-h2 mtu "$1" && in_host h2 ip link set h2-h1 mtu "$1"
}

ipv6_back() {
	in_host h1 ip addr replace fd00:1::1/64 dev h1-h2 nodad &&
		in_host h2 ip addr replace fd00:1::2/64 dev h2-h1 nodad
}

# The client's address for the server may be of another family than the socket's.
exchange_over() {               # exchange_over SERVER-HOST BIND-ADDRESS ADDRESS [CLIENT OPTION...]
	_bind=$2 _to=$3
	server_start "$1" "$_bind" 700 --threads 4 || return 1
	shift 3
	client h1 "$_to" 700 "$@"
	_client=$?
	server_stop || return 1
	return $_client
}

over_all() {                    # over_all NAME [no_ipv6]: the three kinds of addresses
	check "$1_ipv4" exchange_over h2 10.0.1.2 10.0.1.2 --count "$some" --outstanding 10
	check "$1_mapped" exchange_over h2 10.0.1.2 ::ffff:10.0.1.2 --count "$some" --outstanding 10
	[ -n "$2" ] || check "$1_ipv6" exchange_over h2 fd00:1::2 fd00:1::2 --count "$some" --outstanding 10
}

levels() {                      # levels: those of h1's packets in /tmp/levels.pcap, one a line
	tcpdump -Z root -n -v -r /tmp/levels.pcap 2>/dev/null |
		sed -n 's/.*(tos \(0x[0-9a-f]*\).*proto \(Unknown (146)\|unknown (146)\|146\).*/\1/p
			s/.*(class \(0x[0-9a-f]*\).*next-header unknown (146).*/\1/p
			s/.*IP6 (.*next-header unknown (146).*/0x0/p' | sort -u
}

pcps() {                        # the same of the VLAN tags
	tcpdump -Z root -n -e -r /tmp/levels.pcap 2>/dev/null | sed -n 's/.* vlan 5, p \([0-7]\),.*proto-146.*/\1/p' | sort -u
}

captured() {                    # captured levels|pcps "VALUE..." ADDRESS ADDRESS [CLIENT OPTION...]: exactly these are on the wire
	_read=$1 _wanted=$2 _bind=$3 _to=$4
	shift 4
	start_in h1 tcpdump -Z root -n -U --immediate-mode -s 100 -B 32768 -Q out -i h1-h2 -w /tmp/levels.pcap \
		'ip proto 146 or ip6 proto 146 or vlan' 2>/tmp/tcpdump
	_tcpdump=$pid
	wait_for 10 grep -q listening /tmp/tcpdump || return 1
	exchange_over h2 "$_bind" "$_to" "$@" || return 1
	sleep 0.5
	kill -INT "$_tcpdump"
	wait "$_tcpdump"
	_seen=$("$_read" | tr '\n' ' ')
	echo "$_read: $_seen"
	[ "$_seen" = "$_wanted " ] || { tcpdump -Z root -n -e -v -r /tmp/levels.pcap 2>&1 | head -4; return 1; }
}

vlan() {                        # vlan HOST DEVICE K: VLAN 5, whose tags have the levels of the packets
	in_host "$1" ip link add link "$2" name vlan5 type vlan id 5 egress-qos-map 8:0 9:1 10:2 11:3 12:4 13:5 14:6 15:7 &&
		in_host "$1" ip addr add "10.0.5.$3/24" dev vlan5 &&
		in_host "$1" ip addr add "fd00:5::$3/64" dev vlan5 nodad && in_host "$1" ip link set vlan5 up
}

some=$(scaled 100 20)
check load load_modules
check hosts net_pair
check offloads_off offload off
over_all without_offloads
check offloads_on offload on
over_all with_offloads
for bytes in 9000 4000 1499 1280; do
	check "mtu_$bytes" mtu $bytes
	over_all "mtu_$bytes"
done
# IPv6 ends below 1280.
check mtu_576 mtu 576
over_all mtu_576 no_ipv6
check mtu_back mtu 1500
check ipv6_back ipv6_back
check loopback_ipv4 exchange_over h1 127.0.0.1 127.0.0.1 --count "$some"
check loopback_ipv6 exchange_over h1 ::1 ::1 --count "$some"
check loopback_mapped exchange_over h1 127.0.0.1 ::ffff:127.0.0.1 --count "$some"
check own_address exchange_over h1 10.0.1.1 10.0.1.1 --count "$some"

# Short messages and control packets: the highest level, 7, in the upper three bits.
check short_ipv4 captured levels 0xe0 10.0.1.2 10.0.1.2 --count 20 --max-length 200
check short_ipv6 captured levels 0xe0 fd00:1::2 fd00:1::2 --count 20 --max-length 200
check short_mapped captured levels 0xe0 10.0.1.2 ::ffff:10.0.1.2 --count 20 --max-length 200
# CUTOFFS of the server: the client sends unscheduled bytes at 5 and, being granted alone, the rest at 0.
check cutoffs in_host h2 sysctl -q -w net.homa.unsched_cutoffs="0 0 0 0 0 1000000 0 0"
check cutoffs_heard exchange --count 5 --max-length 100
check cutoffs_ipv4 captured levels "0xa0 0xe0" 10.0.1.2 10.0.1.2 --count 20 --max-length 1000
check cutoffs_heard_ipv6 exchange_over h2 fd00:1::2 fd00:1::2 --count 5 --max-length 100
check cutoffs_ipv6 captured levels "0xa0 0xe0" fd00:1::2 fd00:1::2 --count 20 --max-length 1000
# The same in the tags of a VLAN.
check vlan vlan h1 h1-h2 1
check vlan_h2 vlan h2 h2-h1 2
for to in 10.0.5.2 fd00:5::2; do
	check "pcp_heard_$to" exchange_over h2 $to $to --count 5 --max-length 100
	check "pcp_$to" captured pcps "5 7" $to $to --count 20 --max-length 1000
done
check unload unload
