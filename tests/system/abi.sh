#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The user interface, over the loopback device of one host.
#
#   [lo] 127.0.0.1, ::1
. /tests/case.sh

suite() {                       # suite PREFIX ADDRESS
	abi_test "$2" >/tmp/abi.log
	cat /tmp/abi.log
	sed -n "s/^\(not ok\|ok\) /\1 $1_/p" /tmp/abi.log >>"$CASES"
	grep -q ' passed, ' /tmp/abi.log || not_ok "$1" "the suite did not end"
}

check load load_modules
suite ipv4 127.0.0.1
if [ -d /proc/sys/net/ipv6 ]; then suite ipv6 ::1; else skip ipv6 "a kernel without IPv6"; fi
