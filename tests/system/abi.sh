#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The user interface, over the loopback device of one host.
#
#   [lo] 127.0.0.1, ::1
. /tests/case.sh

suite() {                       # suite PREFIX CMD...
	_prefix=$1
	shift
	"$@" >/tmp/abi.log
	cat /tmp/abi.log
	sed -n "s/^\(not ok\|ok\) /\1 ${_prefix}_/p" /tmp/abi.log >>"$CASES"
	grep -q ' passed, ' /tmp/abi.log || not_ok "$_prefix" "the suite did not end"
}

omit=/
surroundings() {                # see abi_host.c
	ip link add other0 type veth peer name other1 && ip link set other0 up || return 1
	ip rule add fwmark 7 prohibit && ip -6 rule add fwmark 7 prohibit && return
	omit=mark_chooses
	skip "$omit" "a kernel without routing by mark"
}

check load load_modules
check surroundings surroundings
suite ipv4 abi_test --skip "$omit" 127.0.0.1
if [ -d /proc/sys/net/ipv6 ]; then suite ipv6 abi_test --skip "$omit" ::1; else skip ipv6 "a kernel without IPv6"; fi
# A 32-bit program: layouts, ioctls, pointers to control blocks. User-Mode Linux runs none.
case $KERNEL in
uml-*) ;;
*) if [ -x /bin/abi_test_m32 ]; then suite m32 abi_test_m32 --skip "$omit" 127.0.0.1; else skip m32 "not built (package gcc-multilib)"; fi ;;
esac
ip rule del fwmark 7 prohibit 2>/dev/null
ip -6 rule del fwmark 7 prohibit 2>/dev/null
ip link del other0
