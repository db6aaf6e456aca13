#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The user interface, over the loopback device of one host and between two.
#
#   [lo] 127.0.0.1, ::1         h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2, servers
. /tests/case.sh

suite() {                       # suite PREFIX CMD...
	_prefix=$1
	shift
	"$@" --skip "$slow" --skip "$omit" >/tmp/abi.log
	cat /tmp/abi.log
	sed -n "s/^\(not ok\|ok\) /\1 ${_prefix}_/p" /tmp/abi.log >>"$CASES"
	grep -q ' passed, ' /tmp/abi.log || not_ok "$_prefix" "the suite did not end"
}

omit=/
surroundings() {                # see abi_host.c
	ip link add other0 type veth peer name other1 && ip link set other0 up || return 1
	# The table of local addresses comes first, so that nothing could be forbidden: move it behind.
	for _family in -4 -6; do
		ip $_family rule add pref 5 fwmark 7 prohibit && ip $_family rule add pref 10 table local &&
			ip $_family rule del pref 0 && continue
		omit=mark_chooses
		skip "$omit" "a kernel without routing by mark"
		return
	done
}

surroundings_end() {
	for _family in -4 -6; do
		ip $_family rule del pref 5 && ip $_family rule add pref 0 table local && ip $_family rule del pref 10
	done 2>/dev/null
	ip link del other0
}

# Opening each port takes a slow guest too long.
slow=$(scaled / slow_)
check load load_modules
check surroundings surroundings
suite ipv4 abi_test 127.0.0.1
if [ -d /proc/sys/net/ipv6 ]; then suite ipv6 abi_test ::1; else skip ipv6 "a kernel without IPv6"; fi
# A 32-bit program: layouts, ioctls, pointers to control blocks. User-Mode Linux runs none.
case $KERNEL in
uml-*) ;;
*) if [ -x /bin/abi_test_m32 ]; then suite m32 abi_test_m32 127.0.0.1; else skip m32 "not built (package gcc-multilib)"; fi ;;
esac
surroundings_end
check hosts net_pair
# All answers that a port is closed, not one a second.
check unlimited in_host h2 sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 \
	net.ipv4.icmp_msgs_burst=1000000
# As another module with the same interface is tested: docs/conformance.md.
suite reference in_host h1 abi_test --reference --servers-in /run/netns/h2 10.0.1.2
check no_sockets wait_for 10 no_sockets
