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
check bad_control sh -c '! echo nonsense >/proc/timetrace'
check unload unload
