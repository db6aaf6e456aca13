#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Packets in bundles: made where a device does that, taken apart by the receiver
# or by a device on the way, and not needed by anybody.
#
#   h1 [eth0 netem] 10.0.1.1, client ──veth── br0 ──veth── 10.0.1.2 [eth0 netem] h2, server
# shellcheck disable=SC2086
. /tests/case.sh

both() { in_host h1 sysctl -qw "net.homa.$1" && in_host h2 sysctl -qw "net.homa.$1"; }

# Bundles are made of what comes in one go; a device that waits a little gets more. A veth device makes none of what
# comes from one that segments TCP.
gro() {                         # gro on|off: of the hosts' devices
	for _host in h1 h2; do
		ethtool -K "p${_host#h}" tso off || return 1
		in_host $_host ethtool -K eth0 gro "$1" && in_host $_host sh -c 'cd /sys/class/net/eth0 &&
			echo 300000 >gro_flush_timeout && echo 10 >napi_defer_hard_irqs' || return 1
	done
}

bundles() { echo "$(metric h1 gro_bundles) $(metric h2 gro_bundles) bundles, $(metric h1 gro_bundled) $(metric h2 gro_bundled) packets"; }
bundled() { echo $(($(metric h1 gro_bundled) + $(metric h2 gro_bundled))); }

more() {                        # more CLIENT-OPTION...: they make bundles
	before=$(bundled)
	exchange --deadline 500 "$@" || return 1
	bundles
	[ "$(bundled)" -gt "$before" ]
}

none() {
	before=$(bundled)
	exchange --deadline 500 "$@" && [ "$(bundled)" = "$before" ]
}

whole() {                       # each RPC arrives, with bundles
	in_host h1 tc qdisc add dev eth0 root netem limit 100000 loss 2% duplicate 5% delay 500us 300us reorder 50% || return 1
	more $short
	_status=$?
	in_host h1 tc qdisc del dev eth0 root
	return $_status
}

# A device on the way makes bundles, the hosts' own do not.
forwarded() {                   # forwarded on|off: whether the next device takes them as they are
	for _port in p1 p2; do
		in_host "h${_port#p}" ethtool -K eth0 tso off && ethtool -K $_port gro on tx-gso-list "$1" && echo 300000 >/sys/class/net/$_port/gro_flush_timeout &&
			echo 10 >/sys/class/net/$_port/napi_defer_hard_irqs || return 1
	done
	if [ "$1" = on ]; then more $short; else none $short; fi
}

# Before a bundle leaves its device.
delayed() {
	grep -q debugfs /proc/mounts || mount -t debugfs none /sys/kernel/debug || return 1
	echo gro=1000 >/sys/module/homa/parameters/delay
	more $short
	_status=$?
	echo >/sys/module/homa/parameters/delay
	[ $_status = 0 ] && grep -q ' gro ' /sys/kernel/debug/homa/delays
}

short="--count $(scaled 400 100) --max-length 1000 --outstanding 64"
long="--count $(scaled 20 8) --long-permille 1000 --outstanding 4"
[ "$MODE" = uml ] || modprobe sch_netem 2>/dev/null
check load load_modules
check hosts net_hosts 2
used=$(memory_used)
# Segments, as a device without segmentation offload sends them.
check segments both max_gso_size=0
check without_gro none $long
check gro_on gro on
check packets_of_messages more $long
check short_messages more $short
check impaired whole
check limit both max_gro_skbs=1
check no_bundles none $short
check limit_of_bytes both max_gro_skbs=1000
check full_bundles more $long
check limit_off both max_gro_skbs=20
check delayed delayed
check urgent_first both gro_bypass=1
check urgent_bypass none $short
check bypasses [ "$(metric h2 gro_bypasses)" -gt 0 ]
check bypass_off both gro_bypass=0
check gro_off gro off
check forwarded_whole forwarded on
check forwarded_cut forwarded off
check no_sockets wait_for 10 no_sockets
net_down
check memory memory_is_back "$used"
check unload unload
