#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Packets made by hand, legal and illegal, against the module.
#
#   module [host] 10.0.1.2, fd00:1::2 ──veth── [raw] packet_test plays all other hosts
. /tests/case.sh

unlimited() {                   # all of the answers, and none that only time brings
	sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000 \
		net.ipv6.icmp.ratelimit=0 net.homa.timeout_ticks=100000 &&
		sysctl -qw net.homa.resend_ticks="$(scaled 5 50)" net.homa.resend_interval="$(scaled 5 50)"
}

suite() {                       # suite PREFIX ADDRESS [FILTER]: a case for each of packet_test's
	packet_test "$2" raw host "$(scaled 30000 3000)" --gtest_filter="${3:-*-FaultTest.*}" >/tmp/packet.log 2>&1
	_status=$?
	cat /tmp/packet.log
	sed -n "s/^\[       OK \] \([A-Za-z]*\)\.\([A-Za-z]*\) .*/ok $1_\1_\2/p
		s/^\[  FAILED  \] \([A-Za-z]*\)\.\([A-Za-z]*\) .*ms.*/not ok $1_\1_\2: see the log/p" /tmp/packet.log >>"$CASES"
	[ $_status -le 1 ] && grep -q '^\[==========\] .* ran' /tmp/packet.log ||
		not_ok "$1" "packet_test ended with status $_status"
}

quiet() {                       # not one line in the kernel's log, whatever came, but of the host's own slowness
	dmesg | tail -n +$((lines + 1)) | grep -v 'hrtimer: interrupt took' >/tmp/log
	[ ! -s /tmp/log ] || { head -20 /tmp/log; return 1; }
}

check load load_modules
check cable raw_cable
check unlimited unlimited
used=$(memory_used)
lines=$(dmesg | wc -l)
suite ipv4 10.0.1.2
suite ipv6 fd00:1::2
# The same, with packets in bundles; but for a request that has been executed, since its id is always the same.
gro() { ethtool -K raw tso off && ethtool -K host gro on; }
check gro gro
suite gro_ipv4 10.0.1.2 'ServerTest.*:ValidationTest.*'
suite gro_ipv6 fd00:1::2 '*-FaultTest.*:ReferenceTest.HeardByServer'
cat /proc/net/homa_metrics >"$OUT/packet.metrics"
check log_stays_empty quiet
check memory_is_back memory_is_back "$used"
check cable_cut ip link del host
check unload unload
