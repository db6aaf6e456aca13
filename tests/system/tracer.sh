#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tracer by itself: every record is accounted for under stress; modules
# come and go in any order; nonsense is refused. Hosts as in trace.sh.
. /tests/case.sh

refused() { ! "$@" 2>/dev/null; }

word() { echo "$*" >/proc/timetrace; }

homa_first() {                  # the events join a tracer that is loaded later
	insmod /mod/homa.ko && refused test -e /proc/timetrace && insmod /mod/timetrace.ko || return 1
	exchange --count 10 >/dev/null && grep -q homa_send_enter /proc/timetrace
}

records_outlive_homa() {
	wait_for 10 rmmod homa && grep -q homa_send_enter /proc/timetrace && ttdump /tmp/gone.ttd
}

nonsense() {
	for bad in "" bogus "freeze x" on "on nothing" "size 3" "size 5" "size x" "mode x" \
		"mark 123456789012345678901234567890123"; do
		refused word "$bad" || { echo "accepted: '$bad'"; return 1; }
	done
}

shared() {                      # a group may read, and only read
	insmod /mod/timetrace.ko gid=4711 || return 1
	ls -ln /proc/timetrace /proc/timetrace_raw /proc/timetrace_stages | awk '{ print $1, $3, $4 }' >/tmp/modes
	cat /tmp/modes
	echo mark shared >/proc/timetrace && rmmod timetrace || return 1
	[ "$(tr '\n' ' ' </tmp/modes)" = "-rw-r----- 0 4711 -r--r----- 0 4711 -r--r----- 0 4711 " ]
}

costs() { grep -c record_cost /proc/timetrace; }

calibrated() {                  # when recording starts and stops the trace says what a record costs
	word clear && word freeze && [ "$(costs)" = 1 ] && word thaw && [ "$(costs)" = 2 ] || return 1
	grep record_cost /proc/timetrace && grep -q 'record_cost cost=[1-9]' /proc/timetrace
}

latest() {                      # a reader of the mapping sees what the dump has, full blocks or not
	word clear && exchange --count 20 >/dev/null && word freeze && _live=$(live_check all) &&
		_dump=$(ttdump --info | awk '/^records/ { print $2 }') && word thaw || return 1
	echo "$_live events live, $_dump in the dump"
	[ "$_live" = "$_dump" ] && [ "$_live" -gt 100 ]
}

resized() {                     # another size while records come
	exchange --count 200 >/dev/null &
	for size in 64 512 4 1024; do word "size $size" && ttdump /tmp/resized.ttd || return 1; done
	wait $!
}

cpus() { grep -c ^processor /proc/cpuinfo; }

stress_over() {                 # the counts do not change any more
	_counts=$(cat /proc/tt_stress) && sleep 1 && [ "$(cat /proc/tt_stress)" = "$_counts" ]
}

streamed() {                    # a trace longer than the rings, and two readers: nothing counts twice or not at all
	insmod /mod/timetrace.ko size_kib=64 || return 1
	ttdump --stream /tmp/stream.ttd &
	_stream=$!
	wait_for 10 test -s /tmp/stream.ttd && insmod /bin/tt_stress.ko seconds=2 pause_us=1000 || return 1
	ttdump --stream /tmp/other.ttd --seconds 1 && ttdump --info /tmp/other.ttd | tail -n 1
	wait_for 30 stress_over && kill -INT $_stream && wait $_stream || return 1
	cat /proc/tt_stress >/tmp/stream.counts
	stress_check /tmp/stream.ttd /tmp/stream.counts 65 && ls -l /tmp/stream.ttd || return 1
	[ "$(stat -c %s /tmp/stream.ttd)" -gt $((1048576 + 2 * 65536 * $(cpus))) ]
}

mapping_ends_at_resize() {      # a reader of memory that has been replaced is told
	live_check 60 &
	for _size in 128 64 128 64 128 64; do
		word "size $_size" && sleep 0.5
		kill -0 $! 2>/dev/null || break
	done
	wait $!
	[ $? = 3 ]
}

stream_ends_at_clear() {        # and has what came before, but does not look whole
	ttdump --stream /tmp/cut.ttd 2>/tmp/cut.error &
	wait_for 10 test -s /tmp/cut.ttd && sleep 0.1 && word clear || return 1
	refused wait $! && cat /tmp/cut.error && grep -q 'was cleared' /tmp/cut.error &&
		refused ttdump --info /tmp/cut.ttd && rmmod tt_stress timetrace && rm -f /tmp/*.ttd
}

busy() {                        # insmod says that the tracer has a guest already
	insmod "$@" 2>/tmp/busy && return 1
	cat /tmp/busy && grep -q 'Device or resource busy' /tmp/busy
}

# The cursors of the rings are in the memory of one module; another that offers its own comes too late, and nothing else happens.
one_home() {
	insmod /mod/timetrace.ko && insmod /bin/tt_stress.ko home=1 seconds=600 burst=2 pause_us=1000 &&
		insmod /mod/homa.ko && refused word on homa && echo 0 >/sys/module/tt_stress/parameters/seconds &&
		wait_for 30 stress_over && ttdump /tmp/home.ttd || return 1
	cat /proc/tt_stress >/tmp/home.counts
	stress_check /tmp/home.ttd /tmp/home.counts 65 && exchange --count 10
}

home_is_free() {                # for the next one, when the first is gone
	rmmod tt_stress homa && insmod /mod/homa.ko && busy /bin/tt_stress.ko home=1 &&
		exchange --count 10 >/dev/null && grep -q homa_send_enter /proc/timetrace || return 1
	wait_for 10 rmmod homa && insmod /bin/tt_stress.ko home=1 seconds=1 && wait_for 30 grep -q stress_ /proc/timetrace &&
		ttdump /tmp/home.ttd && rmmod tt_stress timetrace
}

tracepoints() {                 # homa:* as perf, trace-cmd and bpftrace see them
	echo 1 >$TRACEFS/events/homa/enable && exchange --count 10 >/dev/null || return 1
	echo 0 >$TRACEFS/events/homa/enable
	grep homa_send_enter $TRACEFS/trace | head -n 3
	grep -q 'homa_send_enter: rpc_id=[0-9]* length=[0-9]*' $TRACEFS/trace && grep -q homa_recv_return $TRACEFS/trace
}

check stress sh /tests/stress.sh 1
check hosts net_pair
check homa_first homa_first
check refused_while_attached refused rmmod timetrace
check records_outlive_homa records_outlive_homa
check without_clients rmmod timetrace
check streamed streamed
check mapping_ends_at_resize mapping_ends_at_resize
check stream_ends_at_clear stream_ends_at_clear
check one_home one_home
check home_is_free home_is_free
check shared shared
check load load_modules
check refused_again refused rmmod timetrace
check nonsense nonsense
check calibrated calibrated
check latest latest
check resized resized
TRACEFS=/sys/kernel/tracing
mount -t tracefs tracefs $TRACEFS 2>/dev/null
if [ -d $TRACEFS/events/homa ]; then
	check tracepoints tracepoints
	cp $TRACEFS/trace "$OUT/tracepoints.txt"
	umount $TRACEFS
else
	skip tracepoints "this kernel has no tracefs"
fi
check unload unload
