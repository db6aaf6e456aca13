#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tracer sees the module and the kernel; its text and its dump are readable.
#
#   h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2
. /tests/case.sh

text_has() { grep -q "$1" /tmp/text; }

control() { echo "$*" >/proc/timetrace; }

lines_after() {                 # lines_after WORD...: records made by ten RPCs under this control word
	control clear && control "$@" && exchange --count 10 >/dev/null || return 1
	control freeze
	cat /proc/timetrace >/tmp/text
	control thaw
}

# Every packet that the module sends is one of the kernel's, and has one identity on all of its way.
packets_known() {               # packets_known ADDRESS
	control clear
	server_start h2 "$1" 700 --threads 4 || return 1
	client h1 "$1" 700 --count 20
	_client=$?
	server_stop && [ $_client = 0 ] || return 1
	control freeze
	cat /proc/timetrace >/tmp/text
	control thaw
	awk '$3 == "homa_data_xmit" { sub("rpc_", "", $4); sent[$4 " " $5] }
		$3 == "net_dev_queue" { at[$9] = $5 " " $6 " " $7 " " $8; queued[$7 " " $8] }
		$3 ~ /^(net_dev_start_xmit|netif_rx|netif_receive_skb)$/ && $9 in at {
			stages++
			if (at[$9] != $5 " " $6 " " $7 " " $8) { print "was " at[$9] ": " $0; wrong++ }
		}
		$3 ~ /^skb_/ { delete at[$4] }
		END {
			for (packet in sent) { n++; if (!(packet in queued)) { print "no packet has " packet; wrong++ } }
			print n " packets of data, " stages " stages"
			exit wrong || n < 40 || stages < 3 * n
		}' /tmp/text
}

# The dump in order of time as /tmp/text.
sorted_text() {
	control freeze
	ttdump /tmp/sorted.ttd && ttdump --text /tmp/sorted.ttd >/tmp/text
	_sorted=$?
	control thaw
	return $_sorted
}

# Both sides of all RPCs of single packets in /tmp/text: each event once, and in the order in which such things happen.
complete_rpcs() {               # complete_rpcs COUNT
	awk -v count="$1" '
		BEGIN {
			split("send_enter send_copied rpc_client data_xmit send_return data_in msg_complete handoff recv_running rpc_end copy_out copy_out_done recv_return", of_client)
			split("data_in rpc_server msg_complete handoff recv_running copy_out copy_out_done recv_return send_enter send_copied data_xmit send_return", of_server)
		}
		$4 ~ /^rpc_id=/ {
			id = substr($4, 8); event = substr($3, 6); ids[id] = 1
			n[id, event]++
			at[id, event] = $1
			# The two ids of an RPC differ in the last bit.
			if (event == "data_resend") again[id] = again[sprintf("%.0f", id % 2 ? id - 1 : id + 1)] = 1
		}
		function wrong(what) { print id ": " what; bad++ }
		function look(list, last, i, event) {
			for (i = 1; i in list; i++) {
				event = list[i]
				if (!n[id, event] || (n[id, event] > 1 && event != "handoff" && !again[id])) wrong(n[id, event] + 0 " times " event)
				# The request may be answered before sendmsg returns, a message found before it is handed over.
				else if (event == "send_return" || event == "rpc_end" || event == "handoff") continue
				else if (at[id, event] + 0.000001 < last && !again[id]) wrong(event " at " at[id, event] ", what is before it at " last)
				else last = at[id, event]
			}
		}
		END {
			for (id in ids) {
				if (substr(id, length(id)) % 2) { servers++; look(of_server) } else { clients++; look(of_client) }
				if (again[id]) resent++
			}
			print clients " clients, " servers " servers, " resent + 0 " asked again"
			exit bad || clients != count || servers != count
		}' /tmp/text
}

# Who looks has recorded what was noted so far of RPCs under way.
events_once() {
	control clear
	server_start h2 10.0.1.2 700 --threads 2 || return 1
	while [ ! -e /tmp/enough ]; do head -c 1 /proc/timetrace_raw >/dev/null; done &
	_looks=$!
	client h1 10.0.1.2 700 --count 300 --outstanding 6 --max-length 1000
	_client=$?
	touch /tmp/enough
	wait $_looks
	rm /tmp/enough
	server_stop && [ $_client = 0 ] && sorted_text && complete_rpcs 300
}

now_in_text() {                 # now_in_text EVENT
	cat /proc/timetrace >/tmp/now
	grep -q "$1" /tmp/now
}

# A server stands still for longer than the lower half of a time: what came before is seen meanwhile if somebody looks,
# and has its times afterwards in any case.
stands_still() {                # stands_still LOOKS
	control clear
	server_start h2 10.0.1.2 700 || return 1
	kill -STOP "$server"
	client h1 10.0.1.2 700 --count 1 --max-length 1000 &
	_client=$!
	if [ "$1" = 1 ]; then
		wait_for 20 now_in_text homa_rpc_server || return 1
		for _event in send_return data_in msg_complete handoff recv_sleep; do
			grep -q "homa_$_event" /tmp/now || { echo "no $_event"; return 1; }
		done
		! grep homa_recv_return /tmp/now || return 1
	fi
	sleep 5.5
	kill -CONT "$server"
	wait $_client
	_client=$?
	server_stop && [ $_client = 0 ] && sorted_text && complete_rpcs 1 || return 1
	grep homa_ /tmp/text
	awk '$3 == "homa_data_in" && !request { request = $1 } $3 == "homa_send_return" && !sent { sent = $1 }
		$3 == "homa_recv_sleep" && sent && !slept { slept = $1 }
		$3 == "homa_recv_return" { received[++n] = $1 }
		END { exit received[1] - request < 5 || received[2] - slept < 5 || received[2] - sent < 5 }' /tmp/text
}

# What the dump calls missing is what tracefs does not have either, and nothing else.
tracepoints() {                 # event of the dump, tracepoint of the kernel
	cat <<-EOF
	irq_entry irq_handler_entry
	irq_exit irq_handler_exit
	ipi_send ipi_send_cpu
	ipi_call_entry call_function_single_entry
	ipi_call_exit call_function_single_exit
	ipi_reschedule reschedule_entry
	napi_gro_exit napi_gro_receive_exit
	napi_gro_receive napi_gro_receive_entry
	skb_consume consume_skb
	skb_drop kfree_skb
	sched_migrate sched_migrate_task
	EOF
	for _name in softirq_raise softirq_entry softirq_exit napi_poll net_dev_queue net_dev_start_xmit net_dev_xmit netif_rx \
		netif_receive_skb qdisc_enqueue qdisc_dequeue cpu_idle cpu_frequency sched_waking sched_wakeup sched_switch \
		sk_data_ready; do
		echo "$_name $_name"
	done
}

missing_as_told() {
	ttdump --info "$OUT/trace.ttd" | sed -n 's/^# this kernel has no //p' | sort >/tmp/told
	tracepoints | while read -r event tracepoint; do
		set -- $TRACEFS/events/*/"$tracepoint"
		[ -d "$1" ] || echo "$event"
	done | sort >/tmp/absent
	cat /tmp/absent
	cmp /tmp/told /tmp/absent
}

lines() { grep -v '^#' "$1" | cut -d ' ' -f 2- | sort; }

# The kernel's text has the lines of the library's, though in another order; times may differ by rounding.
text_is_dump() {
	lines /tmp/text >/tmp/lines && ttdump --text "$OUT/trace.ttd" >/tmp/dump && lines /tmp/dump >/tmp/dump_lines || return 1
	wc -l /tmp/lines /tmp/dump_lines
	cmp /tmp/lines /tmp/dump_lines
}

check load load_modules
if [ ! -d /sys/module/timetrace ]; then
	skip trace "no timetrace.ko in this guest"
	exit 0
fi
check hosts net_pair
for group in irq softirq ipi napi net qdisc skb power sched sock; do    # off until asked for
	check "group_$group" control on $group
done
check traffic exchange --count 50
control freeze
cat /proc/timetrace >/tmp/text
cp /tmp/text "$OUT/trace.txt"
for event in send_enter send_copied send_return data_xmit data_in msg_complete handoff \
	recv_running recv_return rpc_client rpc_server rpc_end; do
	check "event_homa_$event" text_has "homa_$event"
done
for event in softirq_entry napi_poll net_dev_queue netif_receive_skb sched_switch; do
	check "event_$event" text_has "$event"
done
check dump ttdump "$OUT/trace.ttd"
check dump_not_empty test -s "$OUT/trace.ttd"
check text_is_dump text_is_dump
TRACEFS=/sys/kernel/tracing
mount -t tracefs tracefs $TRACEFS 2>/dev/null
if [ -d $TRACEFS/events/sched ]; then
	check missing_as_told missing_as_told
	umount $TRACEFS
else
	skip missing_as_told "this kernel has no tracefs"
fi
control thaw
control off sched               # before lines_after clears, or switches until then are in its text
check group_off lines_after off sched
check group_off_silent test "$(grep -c sched_switch /tmp/text)" = 0
check group_on lines_after on sched
check group_on_heard text_has sched_switch
check mark lines_after mark hello
check mark_seen text_has hello
check packets_ipv4 packets_known 10.0.1.2
check packets_ipv6 packets_known fd00:1::2
control off all
control on homa
check events_once events_once
case $KERNEL in
uml* | stock-6.12)
	check stands_still stands_still 0
	check stands_still_seen stands_still 1
	;;
esac
check bad_control sh -c '! echo nonsense >/proc/timetrace'
check unload unload
