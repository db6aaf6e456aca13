#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The path changes: a narrow link behind a router, MTUs that change under
# traffic, a link that goes down and comes back.
#
#   h1 10.0.1.1 ──veth 1500── h3 ──veth 1300── 10.0.2.1 h2
#   fd00:1::1                                  fd00:2::1
. /tests/case.sh

wire() {                        # wire HOST ADDRESS ADDRESS6 NET: HOST to h3, whose end has number 3
	ip link add "$1-h3" netns "$1" type veth peer name "h3-$1" netns h3 || return 1
	in_host "$1" ip addr add "$2/24" dev "$1-h3"
	in_host "$1" ip addr add "$3/64" dev "$1-h3"
	in_host h3 ip addr add "10.0.$4.3/24" dev "h3-$1"
	in_host h3 ip addr add "fd00:$4::3/64" dev "h3-$1"
	in_host "$1" ip link set "$1-h3" up
	in_host h3 ip link set "h3-$1" up
	in_host "$1" ip route add default via "10.0.$4.3" && in_host "$1" ip route add default via "fd00:$4::3"
}

router() {
	for host in h1 h2 h3; do host_add $host || return 1; done
	wire h1 10.0.1.1 fd00:1::1 1 && wire h2 10.0.2.1 fd00:2::1 2 || return 1
	in_host h3 sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	mtu h2 1300
}

mtu() {                         # mtu HOST BYTES: both ends of its link
	in_host "$1" ip link set "$1-h3" mtu "$2" && in_host h3 ip link set "h3-$1" mtu "$2"
}

across() {                      # across ADDRESS [CLIENT OPTION...]: h1 asks h2
	_to=$1
	shift
	server_start h2 "$_to" 700 --threads 4 || return 1
	client h1 "$_to" 700 "$@"
	_client=$?
	server_stop || return 1
	return $_client
}

learnt() { in_host h1 ip route get "$1" | grep 'mtu 1300'; }

changing() {                    # changing CMD...: runs in the middle of an exchange
	server_start h2 10.0.2.1 700 --threads 4 || return 1
	client h1 10.0.2.1 700 --count "$(scaled 300 40)" >/tmp/client 2>&1 &
	_load=$!
	sleep 0.3
	"$@" || return 1
	wait $_load
	_client=$?
	cat /tmp/client
	server_stop || return 1
	return $_client
}

shrink() { mtu h1 1280 && sleep 0.2 && mtu h2 600 && mtu h1 600; }
grow() { mtu h2 1400 && sleep 0.2 && mtu h1 1500; }

blink() {
	in_host h3 ip link set h3-h1 down
	sleep 0.3
	in_host h3 ip link set h3-h1 up
}

check load load_modules
check hosts router
check narrow_v4 across 10.0.2.1 --count "$(scaled 100 20)"
check narrow_v4_learnt learnt 10.0.2.1
check narrow_v6 across fd00:2::1 --count "$(scaled 100 20)"
check narrow_v6_learnt learnt fd00:2::1
check shrinking changing shrink
check growing changing grow
check blinking changing blink
check unload unload
