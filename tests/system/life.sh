#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What happens around sockets in use: the module is loaded by the first of them,
# devices and routes and namespaces go away under traffic.
#
#   h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2
. /tests/case.sh

install() {                     # where modprobe looks
	_extra=/lib/modules/$KREL/extra
	mkdir -p "$_extra" && cp /mod/*.ko "$_extra" && depmod -a
}

loaded() { [ -d /sys/module/homa ]; }

autoload() {                    # autoload ADDRESS: socket() loads the module
	loaded && return 1
	abi_test --only socket_types "$1" && loaded
}

load_client() {                 # h1 asks h2 in the background; pid in $load
	start_in h1 rpc_ledger client --server 10.0.1.2 --port 700 --count 1000000 --outstanding 50 --deadline 500 \
		>/tmp/load 2>&1
	load=$pid
	sleep 0.5
}

load_stop() {
	kill -KILL "$load"
	wait "$load"
	return 0
}

link_again() {
	/bin/ip link add h1-h2 netns h1 type veth peer name h2-h1 netns h2 &&
		_host_address h1 h1-h2 1 && _host_address h2 h2-h1 2
}

device_removed() {              # its last user must not be Homa
	server_start h2 10.0.1.2 700 --threads 4 || return 1
	load_client
	in_host h1 timeout 8 ip link del h1-h2 || return 1
	sleep 0.3
	load_stop
	link_again && client h1 10.0.1.2 700 --count 50 || return 1
	kill -KILL "$server"    # it may have missed requests, whose replies had no way
	wait "$server"
	return 0
}

device_down() {
	# On a slow host the device is down for longer than three probes of a neighbour, and than RPCs wait.
	in_host h1 sysctl -qw net.ipv4.neigh.h1-h2.mcast_solicit=100 || return 1
	in_host h2 sysctl -qw net.ipv4.neigh.h2-h1.mcast_solicit=100 || return 1
	patience=$(scaled 2000 20000)
	# Who replies while the device is down is told that there is no route.
	server_start h2 10.0.1.2 700 --threads 4 --reply-tries 1000 || return 1
	client h1 10.0.1.2 700 --count "$(scaled 3000 100)" --long-permille 50 >/tmp/client 2>&1 &
	_load=$!
	for _ in 1 2 3; do
		sleep 0.1
		in_host h2 ip link set h2-h1 down
		sleep 0.1
		in_host h2 ip link set h2-h1 up
	done
	wait $_load
	_client=$?
	patience=
	cat /tmp/client
	server_stop
	return $_client
}

# The link is so slow that requests wait for it; when their turn comes there is no route. They are sent once there is
# one again, and with "missing", where there is none for too long, they end.
route_returns() {               # route_returns [missing]
	server_start h2 10.0.1.2 700 --threads 4 --seed 3 || return 1
	_sent=$(($(metric h1 send_calls) + 10))
	in_host h1 sysctl -qw net.homa.link_mbps=1
	[ "$1" != missing ] || patience=50
	client h1 10.0.1.2 700 --count 10 --seed 3 --long-permille 1000 --deadline 100 >/tmp/client 2>&1 &
	_load=$!
	wait_for 60 has_sent $_sent || return 1
	in_host h1 ip link set h1-h2 down
	in_host h1 sysctl -qw net.homa.link_mbps=0
	[ "$1" != missing ] || wait $_load
	in_host h1 ip link set h1-h2 up
	wait $_load
	_client=$?
	patience=
	cat /tmp/client
	server_stop || return 1
	if [ "$1" = missing ]; then
		grep -q 'bytes [0-9]*, ETIMEDOUT [1-9][0-9]*$' /tmp/client
	else
		return $_client
	fi
}

has_sent() { [ "$(metric h1 send_calls)" -ge "$1" ]; }

# The server's address is behind two links; the route moves, then the old link goes.
route_changes() {
	/bin/ip link add b1 netns h1 type veth peer name b2 netns h2 || return 1
	in_host h1 ip addr add 10.0.2.1/24 dev b1 && in_host h2 ip addr add 10.0.2.2/24 dev b2
	in_host h1 ip link set b1 up && in_host h2 ip link set b2 up
	in_host h2 ip addr add 10.9.9.9/32 dev lo
	in_host h1 ip addr add 10.9.9.1/32 dev lo
	in_host h1 ip route add 10.9.9.9 via 10.0.1.2 src 10.9.9.1
	in_host h2 ip route add 10.9.9.1 via 10.0.1.1 src 10.9.9.9
	server_start h2 10.9.9.9 700 --threads 4 || return 1
	client h1 10.9.9.9 700 --count "$(scaled 6000 100)" --long-permille 50 >/tmp/client 2>&1 &
	_load=$!
	for _ in 1 2 3; do
		sleep 0.1
		in_host h1 ip route replace 10.9.9.9 via 10.0.2.2 src 10.9.9.1
		in_host h2 ip route replace 10.9.9.1 via 10.0.2.1 src 10.9.9.9
		sleep 0.1
		in_host h1 ip route replace 10.9.9.9 via 10.0.1.2 src 10.9.9.1
		in_host h2 ip route replace 10.9.9.1 via 10.0.1.1 src 10.9.9.9
	done
	in_host h1 timeout 8 ip link del b1 || return 1
	wait $_load
	_client=$?
	cat /tmp/client
	server_stop || return 1
	return $_client
}

# The name goes, the namespace stays as long as somebody has a socket in it.
nameless_namespace() {
	server_start h2 10.0.1.2 700 --threads 4 || return 1
	ip netns del h2
	client h1 10.0.1.2 700 --count "$(scaled 300 50)" --max-length 20000 || return 1
	load_client
	kill -KILL "$server"
	wait "$server"
	wait_for 20 no_peer_device || return 1
	load_stop
}

no_peer_device() { ! in_host h1 ip link show h1-h2; }

# Namespaces with peers, counters and settings, but without sockets, survive the module and it them.
unload_with_namespaces() {
	unload && load_modules && unload
}

check install install
check autoload_ipv4 autoload 127.0.0.1
check unload_ipv4 unload
if [ -d /proc/sys/net/ipv6 ]; then
	check autoload_ipv6 autoload ::1
	check unload_ipv6 unload
fi
check hosts net_pair
check load load_modules
used=$(memory_used)
check device_removed device_removed
check device_down device_down
check route_returns route_returns
check route_missing route_returns missing
check route_changes route_changes
check nameless_namespace nameless_namespace
check no_sockets wait_for 10 no_sockets
check memory_is_back memory_is_back "$used"
check unload_with_namespaces unload_with_namespaces
