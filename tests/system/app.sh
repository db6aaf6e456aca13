#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Events of applications: accounted for whatever happens, and harmless whatever
# an application does. Hosts as in trace.sh.
. /tests/case.sh

refused() { ! "$@" 2>/dev/null; }

word() { echo "$*" >/proc/timetrace; }

dump() { ttdump /tmp/app.ttd; }

verified() { dump && app_check verify /tmp/app.ttd /tmp/counts; }

no_tracer() {                   # a program that records runs as without
	app_events 3 2>/tmp/error && cat /tmp/error && grep -q 'not traced: No such file' /tmp/error
}

example() {
	insmod /mod/timetrace.ko || return 1
	app_events 3 && dump && ttdump --text /tmp/app.ttd >/tmp/app.txt || return 1
	grep shop: /tmp/app.txt
	[ "$(grep -c 'shop:order order=[123] price=995' /tmp/app.txt)" = 3 ] &&
		[ "$(grep -c 'shop:delivered order=[123]' /tmp/app.txt)" = 3 ] &&
		grep -q 'ring .* (app_events): produced 6,' /tmp/app.txt &&
		grep -q 'app_thread ring=' /tmp/app.txt && grep -q 'shop:order order=3' /proc/timetrace
}

conserved() {                   # several threads and their signals, rings that wrap
	app_check write 4 "$many" 64 >/tmp/counts && verified
}

not_wrapped() {                 # everything is there
	app_check write 2 2000 1024 >/tmp/counts && verified >/tmp/verified && cat /tmp/verified &&
		[ "$(grep -c 'overwritten 0 ' /tmp/verified)" = 2 ]
}

while_read() {                  # dumps, text and streams meanwhile do not change the counts
	app_check write 3 "$many" 32 pause >/tmp/counts &
	for _ in 1 2 3 4 5; do
		ttdump /tmp/live.ttd && ttdump --text /tmp/live.ttd >/dev/null && head -c 20000 /proc/timetrace >/dev/null ||
			return 1
	done
	wait $! && verified
}

stream_begins() {
	rm -f /tmp/app.ttd
	ttdump --stream /tmp/app.ttd &
	stream=$!
	wait_for 10 test -s /tmp/app.ttd
}
stream_ends() { kill -INT $stream && wait $stream; }

streamed() {                    # more than the rings hold at the end
	stream_begins && app_check write 2 $((many * 16)) 64 pause >/tmp/counts
	stream_ends && app_check verify /tmp/app.ttd /tmp/counts >/tmp/verified || return 1
	cat /tmp/verified
	[ "$(sed -n 's/.* decoded \([0-9]*\) .*/\1/p' /tmp/verified | awk '$1 > 6000' | wc -l)" = 2 ]
}

streamed_and_gone() {           # its ring has given way to others when the stream ends
	stream_begins && app_check write 1 20000 1024 >/tmp/counts && app_check rings 300 >/dev/null
	stream_ends && ttdump --info /tmp/app.ttd >/tmp/info || return 1
	grep gone /tmp/info
	! grep 'damaged bytes [1-9]' /tmp/info && grep -q '^# ring .*, gone when the stream ended: produced [1-9][0-9][0-9][0-9]*, ' /tmp/info &&
		ttdump --text /tmp/app.ttd | grep -c check:plain
}

frozen() {                      # counted as such, and seen by running writers
	app_check write 2 "$many" 64 pause >/tmp/counts &
	for _ in 1 2 3; do word freeze && sleep 0.1 && word thaw || return 1; done
	wait $! && verified
}

stopped() {                     # the oldest stay
	word mode stop && app_check write 2 "$many" 16 >/tmp/counts && verified >/tmp/verified || return 1
	word mode overwrite && cat /tmp/verified && [ "$(grep -c 'overwritten 0 .* full [1-9]' /tmp/verified)" = 2 ]
}

cleared() {                     # what is before it is gone
	word clear && dump && ttdump --info /tmp/app.ttd | grep ring >/tmp/rings
	! grep -v 'produced 0,' /tmp/rings && app_check write 1 100 64 >/tmp/counts && verified
}

cleared_meanwhile() {           # no dump is ever inconsistent
	app_check write 2 "$many" 64 pause >/dev/null &
	for _ in 1 2 3 4 5; do word clear && ttdump /tmp/live.ttd && word size 512 || return 1; done
	wait $!
}

off() {                         # not recorded, not counted; and on again
	word off app && app_check write 1 1000 64 >/tmp/counts && refused verified && word on app || return 1
	app_check write 1 1000 64 >/tmp/counts && verified
}

killed() {                      # in the middle of its work: what it has written is there
	app_check write 2 2000 1024 die >/tmp/counts
	[ $? = 137 ] && [ "$(wc -l </tmp/counts)" = 2 ] && verified
}

forked() { app_check write 1 3000 64 fork >/tmp/counts && [ "$(wc -l </tmp/counts)" = 2 ] && verified; }

captured() {                    # a capture has the events of applications, too
	word captures 1 && word window 60000 0 && word trigger event sched_switch && wait_for 10 test -e /proc/timetrace_captures/0.ttd &&
		cp /proc/timetrace_captures/0.ttd /tmp/capture.ttd && ttdump --text /tmp/capture.ttd | grep -q 'check:number' &&
		word captures 1
}

many_threads() {                # 256 rings at most; those of threads that are gone make room
	[ "$(app_check rings 300)" = 'dropped 44' ] && dump && [ "$(ttdump --info /tmp/app.ttd | grep -c '^# ring')" = 256 ] &&
		app_check write 2 2000 64 >/tmp/counts && verified
}

# Nonsense in its memory: dumps are whole, and what others recorded is there.
hostile() {
	app_check write 1 2000 64 >/tmp/counts && word mark before || return 1
	app_check hostile "$seconds" 1 &
	_first=$!
	app_check hostile "$seconds" 2 &
	_second=$!
	while kill -0 $_first 2>/dev/null; do
		dump && app_check verify /tmp/app.ttd /tmp/counts >/dev/null && ttdump --text /tmp/app.ttd >/tmp/app.txt &&
			cat /proc/timetrace >/dev/null && grep -q 'mark.*before' /tmp/app.txt || return 1
	done
	wait $_first && wait $_second && verified
}

unloaded() {                    # beneath a program that goes on
	app_check write 2 "$many" 64 pause >/tmp/counts &
	sleep 0.2
	rmmod timetrace && wait $! && no_tracer && insmod /mod/timetrace.ko && app_check write 1 1000 64 >/tmp/counts && verified
}

with_rpcs() {                   # one trace of the kernel, the module and the program, in order of time
	_transport=$1
	word clear
	start_in h2 rpcload server --transport "$_transport" --bind 10.0.1.2 --port 700 --trace >/tmp/server 2>&1
	server=$pid
	wait_for 10 grep -q READY /tmp/server || return 1
	in_host h1 rpcload client --transport "$_transport" --server 10.0.1.2 --port 700 --count 20 --warmup 0 --trace || return 1
	kill -TERM $server && wait $server && dump && ttdump --text /tmp/app.ttd >/tmp/app.txt || return 1
	grep rpcload: /tmp/app.txt | head -n 8
	for event in send_call sent recv_call received; do
		[ "$(grep -c "rpcload:$event" /tmp/app.txt)" -ge 40 ] || { echo "too few $event"; return 1; }
	done
	[ "$_transport" != homa ] || in_its_place
}

# Between call and return of sendmsg the module says that it begins to send.
in_its_place() {
	awk '/rpcload:send_call/ { open = 1 } / homa_send_enter / && open { n++; open = 0 } /rpcload:sent/ { open = 0 }
		END { print n " sends inside their calls"; exit n < 20 }' /tmp/app.txt
}

many=$(scaled 10000 4000)
seconds=$(scaled 3 4)
check no_tracer no_tracer
check example example
check conserved conserved
check not_wrapped not_wrapped
check while_read while_read
check streamed streamed
check streamed_and_gone streamed_and_gone
check frozen frozen
check stopped stopped
check cleared cleared
check cleared_meanwhile cleared_meanwhile
check off off
check killed killed
check forked forked
check captured captured
check many_threads many_threads
check refuses app_check refuse
check hostile hostile
check unloaded unloaded
check hosts net_pair
check module insmod /mod/homa.ko
check homa with_rpcs homa
check tcp with_rpcs tcp
check unload unload
