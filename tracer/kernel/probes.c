// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events from the kernel's own tracepoints. Modules may not link to most of
 * them, so they are looked up by name; one that the kernel lacks is noted in
 * the dictionary.
 */
/* Where all of them record. */
#define TT_CPU(client) READ_ONCE(tt_rings_hot)

#include <linux/interrupt.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include <net/sock.h>
#include <trace/events/irq.h>
#include <trace/events/napi.h>
#include <trace/events/net.h>
#include <trace/events/power.h>
#include <trace/events/qdisc.h>
#include <trace/events/sched.h>
#include <trace/events/sock.h>

#include "clock.h"
#include "compat.h"
#include "events.h"
#include "packet.h"
#include "probes.h"
#include "ring.h"

/* Index of each event; GROUP_g is the index of the first one of its group. */
enum {
#define TT_GROUP(g) GROUP_##g, BEFORE_##g = GROUP_##g - 1,
#define TT_EVENT(n, name, doc, ...) EVENT_##name,
#include <timetrace/kernel_events.def>
#undef TT_GROUP
#undef TT_EVENT
	EVENTS
};

static const struct tt_event_def kernel_events[] = {
#define TT_GROUP(g)
#define TT_EVENT(n, name, doc, ...) TT_EVENT_DEF("", n, name, doc, __VA_ARGS__)
#include <timetrace/kernel_events.def>
#undef TT_GROUP
#undef TT_EVENT
};

struct group {
	struct tt_client client;
	struct tt_key key;
	u32 first; /* index of its first event */
};

static int switch_group(struct tt_client *client, bool on);

static struct group groups[] = {
#define TT_GROUP(g) { .client.group = #g, .first = GROUP_##g },
#define TT_EVENT(...)
#include <timetrace/kernel_events.def>
#undef TT_GROUP
#undef TT_EVENT
};

/* These events are registered before all others, so that their ids are known. */
static const struct tt_client recorder = {
	.slow = tt_ring_slow,
	.ids = {
#define TT_GROUP(g)
#define TT_EVENT(n, name, doc, ...) [EVENT_##name] = TT_ID_FIRST + EVENT_##name,
#include <timetrace/kernel_events.def>
#undef TT_EVENT
	},
};

#define TT_EVENT(n, name, doc, ...)							\
TT_RECORDER_AT(record_##name, &recorder, EVENT_##name, n, __VA_ARGS__)
#include <timetrace/kernel_events.def>
#undef TT_GROUP
#undef TT_EVENT

/* Some kernels call probes with preemption on. */
#ifdef TT_PROBES_ATOMIC
#define RECORD(event, ...) record_##event##_at(__VA_ARGS__)
#else
#define RECORD(event, ...)								\
	do {										\
		preempt_disable_notrace();						\
		record_##event##_at(__VA_ARGS__);					\
		preempt_enable_notrace();						\
	} while (0)
#endif

static u32 skb_tag(const struct sk_buff *skb)
{
	return (u32)(unsigned long)skb;
}

static int skb_dev(const struct sk_buff *skb)
{
	return skb->dev ? skb->dev->ifindex : 0;
}

static bool is_inet(const struct sock *sk)
{
	return sk->sk_family == AF_INET || sk->sk_family == AF_INET6;
}

/*
 * PROBE_OF(event, parameters, fields...) defines what a tracepoint calls. A probe
 * is connected only while its group is on, so that none asks whether it is;
 * nor which clock there is, because there is one for each: @event_tsc and @event_ns.
 */
#define PROBE_OF(event, params, ...) PROBE_IF(event, params, true, __VA_ARGS__)
#define PROBE_IF(event, params, condition, ...)						\
	PROBE_BY(tsc, event, params, condition, __VA_ARGS__)				\
	PROBE_BY(ns, event, params, condition, __VA_ARGS__)
#define PROBE_BY(clock, event, params, condition, ...)					\
static void event##_##clock params							\
{											\
	if (condition)									\
		RECORD(event, tt_clock_##clock(), __VA_ARGS__);				\
}

/* DATA of Homa, whose header is at @h. */
#define RECORD_DATA(event, clock, netdev, h)						\
	RECORD(event, tt_clock_##clock(), (netdev)->ifindex, TT_PROTO_HOMA,		\
	       get_unaligned_be32(h), get_unaligned_be64((h) + TT_HOMA_ID_AT),		\
	       tt_homa_offset(h), skb_tag(skb))

/* PACKET_PROBE(event, side, netdev, parameters): @skb is on its way TT_OUT or TT_IN at @netdev. */
#define PACKET_PROBE(event, side, netdev, params)					\
	PACKET_PROBE_BY(tsc, event, side, netdev, params)					\
	PACKET_PROBE_BY(ns, event, side, netdev, params)
#define PACKET_PROBE_BY(clock, event, side, netdev, params)				\
static noinline void event##_other_##clock(const struct sk_buff *skb)			\
{											\
	const u8 *ip = tt_packet_ip(skb, side);						\
	struct tt_packet p;								\
											\
	if (tt_packet_data_ipv6(skb, ip, side)) {					\
		RECORD_DATA(event, clock, skb->dev, ip + sizeof(struct ipv6hdr));	\
		return;									\
	}										\
	p = tt_packet_parse(skb, ip - skb->data);					\
	RECORD(event, tt_clock_##clock(), p.dev, p.proto, p.ports, p.id, p.offset, skb_tag(skb)); \
}											\
static void event##_##clock params							\
{											\
	const u8 *ip = tt_packet_ip(skb, side);						\
											\
	if (likely(tt_packet_data_ipv4(skb, ip, side)))					\
		RECORD_DATA(event, clock, netdev, ip + sizeof(struct iphdr));		\
	else										\
		event##_other_##clock(skb);						\
}

PROBE_OF(irq_entry, (void *data, int irq, struct irqaction *action), irq)
PROBE_OF(irq_exit, (void *data, int irq, struct irqaction *action, int ret), irq)

PROBE_OF(ipi_send, (void *data, unsigned int cpu), cpu)
PROBE_OF(ipi_call_entry, (void *data, int vector), vector)
PROBE_OF(ipi_call_exit, (void *data, int vector), vector)
PROBE_OF(ipi_reschedule, (void *data, int vector), vector)

PROBE_OF(softirq_raise, (void *data, unsigned int vec), vec)
PROBE_OF(softirq_entry, (void *data, unsigned int vec), vec)
PROBE_OF(softirq_exit, (void *data, unsigned int vec), vec)

PROBE_OF(napi_poll, (void *data, struct napi_struct *napi, int work, int budget),
	 napi->dev ? napi->dev->ifindex : 0, work)
PROBE_OF(napi_gro_exit, (void *data, int ret), ret)

PACKET_PROBE(net_dev_queue, TT_OUT, skb->dev, (void *data, struct sk_buff *skb))
PACKET_PROBE(net_dev_start_xmit, TT_OUT, dev,
	     (void *data, const struct sk_buff *skb, const struct net_device *dev))
/* The driver may have freed @skb: only its address is used. */
PROBE_OF(net_dev_xmit,
	 (void *data, struct sk_buff *skb, int rc, struct net_device *dev, unsigned int len),
	 dev->ifindex, skb_tag(skb))
PACKET_PROBE(netif_rx, TT_IN, skb->dev, (void *data, struct sk_buff *skb))
PACKET_PROBE(napi_gro_receive, TT_IN, skb->dev, (void *data, const struct sk_buff *skb))
PACKET_PROBE(netif_receive_skb, TT_IN, skb->dev, (void *data, struct sk_buff *skb))

PROBE_OF(qdisc_enqueue,
	 (void *data, struct Qdisc *qdisc, const struct netdev_queue *txq, struct sk_buff *skb),
	 skb_dev(skb), skb_tag(skb))
PROBE_IF(qdisc_dequeue,
	 (void *data, struct Qdisc *qdisc, const struct netdev_queue *txq, int packets,
	  struct sk_buff *skb),
	 packets > 0 && skb, skb_dev(skb), skb_tag(skb), packets)

PROBE_OF(skb_consume, (void *data, struct sk_buff *skb), skb_tag(skb))
PROBE_OF(skb_drop,
	 (void *data, struct sk_buff *skb, void *location, enum skb_drop_reason reason),
	 skb_tag(skb), ntohs(skb->protocol), reason)

PROBE_OF(cpu_idle, (void *data, unsigned int state, unsigned int cpu), state)
PROBE_OF(cpu_frequency, (void *data, unsigned int khz, unsigned int cpu), khz, cpu)

PROBE_OF(sched_waking, (void *data, struct task_struct *p), p->pid, task_cpu(p))
PROBE_OF(sched_wakeup, (void *data, struct task_struct *p), p->pid, task_cpu(p))
PROBE_OF(sched_switch,
	 (void *data, bool preempt, struct task_struct *prev, struct task_struct *next,
	  unsigned int prev_state),
	 prev->pid, preempt ? 0 : prev_state, next->pid)
PROBE_OF(sched_migrate, (void *data, struct task_struct *p, int cpu), p->pid, task_cpu(p), cpu)

PROBE_IF(sk_data_ready, (void *data, const struct sock *sk),
	 is_inet(sk), sk->sk_protocol, sk->sk_num, ntohs(sk->sk_dport))

/* P(tracepoint, event) */
#define PROBES(P)					\
	P(irq_handler_entry, irq_entry)			\
	P(irq_handler_exit, irq_exit)			\
	P(softirq_raise, softirq_raise)			\
	P(softirq_entry, softirq_entry)			\
	P(softirq_exit, softirq_exit)			\
	P(napi_poll, napi_poll)				\
	P(net_dev_queue, net_dev_queue)			\
	P(net_dev_start_xmit, net_dev_start_xmit)	\
	P(net_dev_xmit, net_dev_xmit)			\
	P(netif_rx, netif_rx)				\
	P(napi_gro_receive_entry, napi_gro_receive)	\
	P(netif_receive_skb, netif_receive_skb)		\
	P(sched_waking, sched_waking)			\
	P(sched_wakeup, sched_wakeup)			\
	P(sched_switch, sched_switch)			\
	P(sk_data_ready, sk_data_ready)			\
	P(napi_gro_receive_exit, napi_gro_exit)		\
	P(qdisc_enqueue, qdisc_enqueue)			\
	P(qdisc_dequeue, qdisc_dequeue)			\
	P(cpu_idle, cpu_idle)				\
	P(cpu_frequency, cpu_frequency)			\
	P(sched_migrate_task, sched_migrate)

/* These have more arguments, behind those of the probe, or belong to one architecture. */
#define LOOSE_PROBES(P)					\
	P(ipi_send_cpu, ipi_send)			\
	P(call_function_single_entry, ipi_call_entry)	\
	P(call_function_single_exit, ipi_call_exit)	\
	P(reschedule_entry, ipi_reschedule)		\
	P(consume_skb, skb_consume)			\
	P(kfree_skb, skb_drop)

static struct probe {
	const char *name;
	void *by_tsc, *by_ns;
	struct tracepoint *tp; /* NULL: the kernel has none */
} probes[EVENTS] = {
#define P(tracepoint, event) [EVENT_##event] = { #tracepoint, event##_tsc, event##_ns },
	PROBES(P)
	LOOSE_PROBES(P)
#undef P
};

/* Fails to compile when a tracepoint of this kernel has other arguments. */
static void __maybe_unused check_types(void)
{
#define P(tracepoint, event) check_trace_callback_type_##tracepoint(event##_tsc);
	PROBES(P)
#undef P
}

static void *probe_func(const struct probe *probe)
{
	return tt_clock_is_tsc() ? probe->by_tsc : probe->by_ns;
}

static void disconnect(u32 begin, u32 end)
{
	for (; begin < end; begin++)
		if (probes[begin].tp)
			tracepoint_probe_unregister(probes[begin].tp,
						    probe_func(&probes[begin]), NULL);
	tracepoint_synchronize_unregister();
}

static int switch_group(struct tt_client *client, bool on)
{
	const struct group *group = container_of(client, struct group, client);
	u32 end = group->first + client->nevents;
	u32 i;
	int err;

	if (!on) {
		disconnect(group->first, end);
		return 0;
	}
	for (i = group->first; i < end; i++) {
		if (!probes[i].tp)
			continue;
		err = tracepoint_probe_register(probes[i].tp, probe_func(&probes[i]), NULL);
		if (err) {
			disconnect(group->first, i);
			return err;
		}
	}
	return 0;
}

static void look_up(struct tracepoint *tp, void *unused)
{
	u32 i;

	for (i = 0; i < EVENTS; i++)
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tp = tp;
}

static void remove_groups(u32 n)
{
	while (n--)
		tt_client_remove(&groups[n].client);
}

int tt_probes_init(void)
{
	struct group *group;
	u32 i, k, end;
	int err = 0;

	for_each_kernel_tracepoint(look_up, NULL);
	mutex_lock(&tt_mutex);
	for (i = 0; i < ARRAY_SIZE(groups) && !err; i++) {
		group = &groups[i];
		end = i + 1 < ARRAY_SIZE(groups) ? groups[i + 1].first : EVENTS;
		group->key = (struct tt_key)TT_KEY_INIT;
		group->client.key = &group->key;
		group->client.events = &kernel_events[group->first];
		group->client.nevents = end - group->first;
		group->client.on_switch = switch_group;
		err = tt_client_add(&group->client);
		if (err)
			break;
		for (k = group->first; k < end; k++) {
			if (WARN_ON(group->client.ids[k - group->first] != recorder.ids[k]))
				err = -EINVAL;
			if (!probes[k].tp)
				tt_client_lacks(&group->client, k - group->first);
		}
	}
	if (err)
		remove_groups(i);
	mutex_unlock(&tt_mutex);
	return err;
}

void tt_probes_exit(void)
{
	mutex_lock(&tt_mutex);
	remove_groups(ARRAY_SIZE(groups));
	mutex_unlock(&tt_mutex);
}
