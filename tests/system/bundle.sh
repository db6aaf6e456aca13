#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Packets of messages that others follow leave in bundles: taken apart by the receiver
# or by a device on the way, lost in parts or as a whole, and not needed by anybody.
#
#   h1 [eth0] 10.0.1.1, client ──veth── [p1] br0 [p2] ──veth── 10.0.1.2 [eth0] h2, server
#      [vx0] 10.0.9.1 ─────────────── vxlan, over that ─────────────── 10.0.9.2 [vx0]
# shellcheck disable=SC2086
. /tests/case.sh

both() { for _host in h1 h2; do in_host $_host "$@" || return 1; done; }

sent() { echo $(($(metric h1 tx_bundled) + $(metric h2 tx_bundled))); }
received() { echo $(($(metric h1 gro_bundled) + $(metric h2 gro_bundled))); }
counters() {
	for _host in h1 h2; do
		echo "$_host: sent $(metric $_host tx_bundled) in $(metric $_host tx_bundles) bundles, received $(metric $_host gro_bundled) in $(metric $_host gro_bundles)"
	done
}

# The same in both directions; what leaves is in bundles, and what arrives if they are not taken apart before.
run() {                         # run WHOLE|CUT|ALONE SERVER-ADDRESS CLIENT-OPTION...
	_expected=$1 _server=$2
	shift 2
	_sent=$(sent) _received=$(received)
	server_start h2 "$_server" 700 --threads 2 --more 1 && client h1 "$_server" 700 --more 1 "$@"
	_status=$?
	server_stop && [ $_status = 0 ] || return 1
	counters
	_sent=$(($(sent) - _sent)) _received=$(($(received) - _received))
	case $_expected in
	WHOLE) [ $_sent -gt 0 ] && [ $_received -gt 0 ] ;;
	CUT) [ $_sent -gt 0 ] && [ $_received = 0 ] ;;
	ALONE) [ $_sent = 0 ] && [ $_received = 0 ] ;;
	esac
}

devices() { both ethtool -K eth0 tx-gso-list "$1"; }    # devices off|on: take bundles as they are, or they are cut by the hosts' own devices

impaired() {                    # impaired DEVICE WHOLE|CUT: in both directions, or what h1 sends
	for _port in $1; do
		tc qdisc add dev "$_port" root netem limit 100000 loss 5% duplicate 5% delay 500us 300us reorder 50% || return 1
	done
	run "$2" 10.0.1.2 $short
	_result=$?
	for _port in $1; do tc qdisc del dev "$_port" root; done
	return $_result
}

tunnel() {                      # headers that a short packet has no room for
	for _k in 1 2; do
		in_host h$_k ip link add vx0 type vxlan id 7 dstport 4789 local 10.0.1.$_k remote 10.0.1.$((3 - _k)) dev eth0 &&
			in_host h$_k ip addr add 10.0.9.$_k/24 dev vx0 && in_host h$_k ip link set vx0 up || return 1
	done
	wait_for 10 in_host h1 ping -c1 -W1 10.0.9.2
}

delayed() {                     # a bundle counts as one
	grep -q debugfs /proc/mounts || mount -t debugfs none /sys/kernel/debug || return 1
	echo tx_done=1000 >/sys/module/homa/parameters/delay
	run "$1" 10.0.1.2 $short
	_result=$?
	echo >/sys/module/homa/parameters/delay
	[ $_result = 0 ] && grep -q ' tx_done ' /sys/kernel/debug/homa/delays
}

batches() {                     # rpcload takes what has arrived, and answers together
	_sent=$(sent)
	start_in h2 rpcload server --transport homa --bind 10.0.1.2 --port 701 --batch 16 --verify >/tmp/rpcload
	_server=$pid
	wait_for 60 grep -q READY /tmp/rpcload &&
		in_host h1 rpcload client --transport homa --server 10.0.1.2 --port 701 --length 8-900 --outstanding 64 --batch 16 \
			--count "$(scaled 2000 400)" --timeout 60 --verify --rpclog /tmp/batches --trace
	_result=$?
	kill "$_server"
	wait "$_server" && [ $_result = 0 ] && counters && [ "$(sent)" -gt "$_sent" ] || return 1
	# RPCLOG_SAME_CALL: received together
	od -Ad -j72 -v -w64 -tu4 /tmp/batches | awk '$17 >= 4 { n++ } END { print n + 0, "of", NR - 1, "came with another"; exit !n }'
}

short="--count $(scaled 300 100) --max-length 1000 --outstanding 64"
mixed="--count $(scaled 200 60) --long-permille 100 --outstanding 64"
[ "$MODE" = uml ] || modprobe -a sch_netem vxlan 2>/dev/null
check load load_modules
check hosts net_hosts 2
used=$(memory_used)
check whole run WHOLE 10.0.1.2 $short
check whole_ipv6 run WHOLE fd00:1::2 $short
check whole_delayed delayed WHOLE
check whole_lost impaired "p1 p2" WHOLE
check off both sysctl -qw net.homa.max_send_skbs=1
check alone run ALONE 10.0.1.2 $short
check limits both sysctl -qw net.homa.max_send_skbs=64
check paced both sysctl -qw net.homa.link_mbps=1000
check whole_paced run WHOLE 10.0.1.2 $mixed
check unpaced both sysctl -qw net.homa.link_mbps=0
check devices_cut devices off
check cut run CUT 10.0.1.2 $short
check cut_ipv6 run CUT fd00:1::2 $short
check cut_delayed delayed CUT
check cut_lost impaired "p1 p2" CUT
check devices_do_not_cut devices on
# Bundles are cut behind the bridge, which a second port makes hold them twice.
check bridge_cut ethtool -K p2 tx-gso-list off
check forwarded_cut run WHOLE 10.0.1.2 $short
check bridge_does_not_cut ethtool -K p2 tx-gso-list on
check load_generator batches
if tunnel; then
	check tunnelled run WHOLE 10.0.9.2 $short
	check tunnel_alone both ethtool -K vx0 gro off
	check tunnel_below devices off
	check tunnelled_cut_below run CUT 10.0.9.2 $short
	check tunnel_cut both ethtool -K vx0 tx-gso-list off
	check tunnelled_cut run CUT 10.0.9.2 $short
else
	skip tunnelled "a kernel without vxlan"
fi
check no_sockets wait_for 10 no_sockets
net_down
check memory memory_is_back "$used"
check unload unload
