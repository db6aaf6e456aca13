#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Triggers of the tracer, what they capture, and the histograms of stages.
# Hosts as in trace.sh.
. /tests/case.sh

CAPTURES=/proc/timetrace_captures
STAGES=/proc/timetrace_stages

refused() { ! "$@" 2>/dev/null; }

word() { echo "$*" >/proc/timetrace; }

kept() { [ "$(ls $CAPTURES | wc -l)" = "$1" ]; }

stage_count() { awk -v s="$1" '$2 == s { print $3 }' $STAGES; }

counted() {                     # every RPC is in the histogram, whatever the rings hold
	word clear && exchange --count 30 >/dev/null || return 1
	cat $STAGES
	[ "$(stage_count rtt)" = 30 ] && [ "$(stage_count service)" = 30 ]
}

in_the_dump() {                 # by CPU
	ttdump /tmp/stages.ttd && ttdump --info /tmp/stages.ttd | grep '^stage' >/tmp/stages.txt || return 1
	cat /tmp/stages.txt
	awk '$2 == "homa:rtt" { n += $6 } END { exit n != 30 }' /tmp/stages.txt
}

slow_rpcs() {                   # every RPC takes longer than 1 us: as many captures as are asked for
	word captures 3 && word window 5 1 && word trigger homa:rtt 1 || return 1
	for _ in 1 2 3 4; do exchange --count 5 >/dev/null || return 1; sleep 0.3; done
	wait_for 10 kept 3 && grep 'trigger: off.*fired 3 of 3' $STAGES
}

whole() {                       # each is a dump that adds up, and holds the moment
	for capture in "$CAPTURES"/*; do
		cp "$capture" /tmp/capture.ttd && ttdump --text /tmp/capture.ttd >/tmp/capture.txt &&
			grep 'trigger capture=' /tmp/capture.txt || return 1
	done
}

dropped() { word captures 1 && kept 0; }

by_event() {                    # of a module, and of the kernel below the scheduler's locks
	word trigger event homa_rpc_end && exchange --count 5 >/dev/null && wait_for 10 kept 1 || return 1
	word captures 1 && word trigger event sched_switch && wait_for 10 kept 1
}

p999_ms() { awk '$2 == "rtt" { printf "%d", $7 / 1000000 }' $STAGES; }

few() { exchange --count "$1" --outstanding 1 --max-length 1000 --deadline 900; }

# There is an estimate half a second after a thousand RPCs, not before. What takes seconds is beyond all limits (32 bits of
# ticks), so that none can be slower: then again.
estimated() {
	for _ in 1 2 3; do
		word clear && word captures 1 && word trigger homa:rtt p999 && few 500 && sleep 1 && kept 0 && few 600 || return 1
		sleep 2
		cat $STAGES
		[ "$(p999_ms)" -ge 1000 ] || return 0
	done
	return 1
}

live_percentile() {             # what is slower than the estimate, however slow the guest is
	estimated && in_host h1 tc qdisc add dev h1-h2 root netem delay $((500 + 2 * $(p999_ms)))ms || return 1
	patience=100000
	few 1 && wait_for 10 kept 1
	result=$?
	unset patience
	in_host h1 tc qdisc del dev h1-h2 root
	return $result
}

frozen() {                      # the last thing in the trace is what it was frozen for
	word captures 1 && word window 0 0 && word action freeze && word trigger event homa_send_enter || return 1
	exchange --count 20 >/dev/null
	sleep 1
	ttdump /tmp/frozen.ttd && ttdump --info /tmp/frozen.ttd | grep -q 'frozen [1-9]'
	result=$?
	word thaw && word action capture
	return $result
}

marked() {
	word captures 2 && word action mark && word trigger event homa_send_enter && word clear || return 1
	exchange --count 5 >/dev/null
	sleep 1
	word action capture && word trigger off && kept 0 && grep -q 'trigger capture=0' /proc/timetrace
}

nonsense() {                    # changes nothing
	word captures 7 && word window 8 9 && word action mark && word trigger homa:rtt 500000 || return 1
	for bad in "trigger homa:nothing 5" "trigger nothing:rtt 5" "trigger homa:rtt x" "trigger homa:rtt" "trigger event nothing" \
		"action nothing" "window 1" "window 1 100000" "window 1 2 3" "captures 0" "captures 65" "captures x"; do
		refused word "$bad" || { echo "accepted: '$bad'"; return 1; }
	done
	grep 'trigger: homa:rtt 500000; action mark, window 8 9 ms, fired 0 of 7' $STAGES &&
		word trigger off && word action capture && word window 10 2
}

module_goes() {                 # an armed event does not outlive its module
	word trigger event homa_rpc_timeout && unload_modules && load_modules
}

check load load_modules
check hosts net_pair
[ "$MODE" = uml ] || modprobe sch_netem 2>/dev/null
check counted counted
check in_the_dump in_the_dump
check slow_rpcs slow_rpcs
check whole whole
check dropped dropped
check by_event by_event
check live_percentile live_percentile
check frozen frozen
check marked marked
check nonsense nonsense
check module_goes module_goes
check unload unload
