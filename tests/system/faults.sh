#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Memory runs out and user memory cannot be reached, below the module's code
# only: errors are clean, no request is executed twice, nothing is damaged, and
# afterwards all works. What was leaked, the guest's last scan finds.
#
#   h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2
. /tests/case.sh

DEBUG=/sys/kernel/debug
FAULTS="failslab fail_page_alloc fail_usercopy"

set_all() {                     # set_all NAME VALUE: of each kind that has it
	for _kind in $FAULTS; do
		[ ! -e "$DEBUG/$_kind/$1" ] || echo "$2" >"$DEBUG/$_kind/$1" || return 1
	done
}

below_homa() {
	set -- "$(awk '/\[homa\]/ && $2 ~ /[tT]/ { print $1 }' /proc/kallsyms | sort | sed -n '1p;$p' | tr '\n' ' ')"
	[ "$1" ] || return 1
	echo "code: $1"
	set_all require-start $((0x${1%% *})) && set_all require-end $((0x$(echo "$1" | cut -d' ' -f2) + 4096))
}

# But for user memory, which fault_walk itself needs.
everywhere() (
	FAULTS="failslab fail_page_alloc"
	set_all require-start 0 && set_all require-end 0xffffffffffffffff
)

# User-Mode Linux does not survive a page fault that finds no memory.
not_in_page_faults() {
	# shellcheck disable=SC2046
	set -- $(sort /proc/kallsyms | awk '$3 == "handle_mm_fault" { print $1; getline; print $1 }')
	[ $# = 2 ] && set_all reject-start $((0x$1)) && set_all reject-end $((0x$2))
}

prepare() {
	[ "$(cat $DEBUG/failslab/probability)" = 0 ] && set_all times -1 && set_all verbose 0 && set_all ignore-gfp-wait N &&
		set_all ignore-gfp-highmem N && set_all min-order 0 && set_all stacktrace-depth 32 &&
		not_in_page_faults && below_homa
}

walk() {                        # walk ADDRESS: a case for each of fault_walk's
	fault_walk "$@" >/tmp/walk 2>&1
	_status=$?
	cat /tmp/walk
	sed -n 's/^\(not ok\|ok\) /\1 walk_/p' /tmp/walk >>"$CASES"
	[ $_status -lt 2 ] && grep -q '^\(not \)\?ok' /tmp/walk || not_ok walk "fault_walk ended with status $_status"
}

packets() {                     # that need memory before they are understood
	packet_test fd00:1::2 raw host --gtest_filter='FaultTest.*' >/tmp/packets 2>&1
	_status=$?
	cat /tmp/packets
	[ $_status = 0 ] && grep -q ' OK .*FaultTest' /tmp/packets && ! grep -q SKIPPED /tmp/packets
}

TIMES=1000000

faults_on() { echo $TIMES >"$DEBUG/$1/times" && echo "$2" >"$DEBUG/$1/probability"; }

faults_off() {                  # faults_off KIND: fails if there were none
	echo 0 >"$DEBUG/$1/probability"
	_met=$((TIMES - $(cat "$DEBUG/$1/times")))
	echo -1 >"$DEBUG/$1/times"
	echo "$_met faults"
	[ $_met -gt 0 ]
}

# RPCs while so many of a hundred allocations fail: both ends go on, and come to an end.
under() {                       # under KIND PERCENT [CLIENT OPTION...]
	_kind=$1 _percent=$2
	shift 2
	server_start h2 10.0.1.2 700 --threads 4 --reply-tries 1000 || return 1
	faults_on "$_kind" "$_percent"
	for _ in $(seq 20); do
		client h1 10.0.1.2 700 --deadline 120 "$@" >/tmp/client 2>&1
		[ $? = 2 ] || break     # without memory for its socket it did not begin
	done
	faults_off "$_kind" || return 1
	server_stop >/tmp/ledger
	cat /tmp/client /tmp/ledger
	grep -q 'repeated 0, damaged 0' /tmp/ledger && grep -q 'damaged 0, unasked 0' /tmp/client && ended
}

# Each RPC that was sent is counted among the completed ones or under an error of its own.
ended() {
	tr -d , </tmp/client | awk '/^client: sent/ { for (i = 13; i <= NF; i += 2) n += $i; bad = $3 != $5 + n; seen = 1 }
		END { exit bad || !seen }'
}

check load load_modules
check prepare prepare
walk 127.0.0.1
[ ! -d /proc/sys/net/ipv6 ] || walk ::1
check prepare_core everywhere
walk 127.0.0.1 socket
check prepare_again below_homa
check cable raw_cable 9000
check packets packets
check cable_cut ip link del host
check hosts net_pair
used=$(memory_used)
check slab under failslab 1 --count 60 --outstanding 8 --long-permille 100
check pages under fail_page_alloc 20 --count 60 --outstanding 8 --max-length 100000
check afterwards exchange --count 50
check no_sockets wait_for 30 no_sockets
check memory_is_back memory_is_back "$used"
check unload unload
