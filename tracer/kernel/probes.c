// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events from the kernel's own tracepoints. Modules may not link to most of
 * them, so they are looked up by name; one that the kernel lacks is noted in
 * the dictionary.
 */
/* One client records for all groups, and its pointer is the rings' own. */
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
	struct static_key_false key;
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

static struct tt_client recorder = { .nevents = EVENTS };

/*
 * A probe is connected only while its group is on, so that none asks whether it
 * is; preemption is off. Where the clock needs a call, that is made elsewhere:
 * a probe that ends with its record, calling nothing, saves no registers.
 */
#define TT_GROUP(g)
#define TT_EVENT(n, name, doc, ...)							\
TT_RECORDER_AT(record_##name, &recorder, EVENT_##name, n, __VA_ARGS__)			\
static noinline __maybe_unused void record_##name##_by_ns(TT_PARAMS(n, __VA_ARGS__))	\
{											\
	record_##name##_at(tt_clock_ns(), TT_NAMES(n, __VA_ARGS__));			\
}											\
static __always_inline void record_##name(TT_PARAMS(n, __VA_ARGS__))			\
{											\
	if (tt_by_tsc(&recorder))							\
		record_##name##_at(tt_clock_tsc(), TT_NAMES(n, __VA_ARGS__));		\
	else										\
		record_##name##_by_ns(TT_NAMES(n, __VA_ARGS__));			\
}

#include <timetrace/kernel_events.def>
#undef TT_GROUP
#undef TT_EVENT

/* Some kernels call probes with preemption on. */
#ifdef TT_PROBES_ATOMIC
#define RECORD(event, ...) record_##event(__VA_ARGS__)
#else
#define RECORD(event, ...)								\
	do {										\
		preempt_disable_notrace();						\
		record_##event(__VA_ARGS__);						\
		preempt_enable_notrace();						\
	} while (0)
#endif

static u32 skb_tag(const struct sk_buff *skb)
{
	return (u32)(unsigned long)skb;
}

static void probe_irq_entry(void *data, int irq, struct irqaction *action)
{
	RECORD(irq_entry, irq);
}

static void probe_irq_exit(void *data, int irq, struct irqaction *action, int ret)
{
	RECORD(irq_exit, irq);
}

static void probe_softirq_raise(void *data, unsigned int vec)
{
	RECORD(softirq_raise, vec);
}

static void probe_softirq_entry(void *data, unsigned int vec)
{
	RECORD(softirq_entry, vec);
}

static void probe_softirq_exit(void *data, unsigned int vec)
{
	RECORD(softirq_exit, vec);
}

static void probe_napi_poll(void *data, struct napi_struct *napi, int work, int budget)
{
	RECORD(napi_poll, napi->dev ? napi->dev->ifindex : 0, work);
}

/*
 * Defines record_##event##_of(skb, ip); @ip is where the network header is:
 * on the way out skb->data is at the MAC header, on the way in behind it.
 */
#define PACKET_RECORDER(event)								\
static noinline void record_##event##_other(const struct sk_buff *skb, const u8 *ip)	\
{											\
	struct tt_packet p = tt_packet_parse(skb, ip - skb->data);			\
											\
	RECORD(event, p.dev, p.proto, p.ports, p.id, p.offset, skb_tag(skb));		\
}											\
static __always_inline void record_##event##_of(const struct sk_buff *skb, const u8 *ip) \
{											\
	const u8 *h;									\
											\
	if (likely(tt_packet_data(skb, ip, &h)))					\
		RECORD(event, skb->dev->ifindex, TT_PROTO_HOMA, get_unaligned_be32(h),	\
		       get_unaligned_be64(h + TT_HOMA_ID_AT), tt_homa_offset(h), skb_tag(skb)); \
	else										\
		record_##event##_other(skb, ip);					\
}

PACKET_RECORDER(net_dev_queue)
PACKET_RECORDER(net_dev_start_xmit)
PACKET_RECORDER(netif_rx)
PACKET_RECORDER(napi_gro_receive)
PACKET_RECORDER(netif_receive_skb)

static void probe_net_dev_queue(void *data, struct sk_buff *skb)
{
	record_net_dev_queue_of(skb, skb_network_header(skb));
}

static void probe_net_dev_start_xmit(void *data, const struct sk_buff *skb,
				     const struct net_device *dev)
{
	record_net_dev_start_xmit_of(skb, skb_network_header(skb));
}

/* The driver may have freed @skb: only its address is used. */
static void probe_net_dev_xmit(void *data, struct sk_buff *skb, int rc, struct net_device *dev,
			       unsigned int len)
{
	RECORD(net_dev_xmit, dev->ifindex, skb_tag(skb));
}

static void probe_netif_rx(void *data, struct sk_buff *skb)
{
	record_netif_rx_of(skb, skb->data);
}

static void probe_napi_gro_receive(void *data, const struct sk_buff *skb)
{
	record_napi_gro_receive_of(skb, skb->data);
}

static void probe_netif_receive_skb(void *data, struct sk_buff *skb)
{
	record_netif_receive_skb_of(skb, skb->data);
}

static void probe_sched_waking(void *data, struct task_struct *p)
{
	RECORD(sched_waking, p->pid, task_cpu(p));
}

static void probe_sched_wakeup(void *data, struct task_struct *p)
{
	RECORD(sched_wakeup, p->pid, task_cpu(p));
}

static void probe_sched_switch(void *data, bool preempt, struct task_struct *prev,
			       struct task_struct *next, unsigned int prev_state)
{
	RECORD(sched_switch, prev->pid, preempt ? 0 : prev_state, next->pid);
}

static void probe_sk_data_ready(void *data, const struct sock *sk)
{
	if (sk->sk_family == AF_INET || sk->sk_family == AF_INET6)
		RECORD(sk_data_ready, sk->sk_protocol, sk->sk_num, ntohs(sk->sk_dport));
}

static void probe_napi_gro_exit(void *data, int ret)
{
	RECORD(napi_gro_exit, ret);
}

static void probe_ipi_send(void *data, unsigned int cpu)
{
	RECORD(ipi_send, cpu);
}

static void probe_ipi_call_entry(void *data, int vector)
{
	RECORD(ipi_call_entry, vector);
}

static void probe_ipi_call_exit(void *data, int vector)
{
	RECORD(ipi_call_exit, vector);
}

static void probe_ipi_reschedule(void *data, int vector)
{
	RECORD(ipi_reschedule, vector);
}

static int skb_dev(const struct sk_buff *skb)
{
	return skb->dev ? skb->dev->ifindex : 0;
}

static void probe_qdisc_enqueue(void *data, struct Qdisc *qdisc, const struct netdev_queue *txq,
				struct sk_buff *skb)
{
	RECORD(qdisc_enqueue, skb_dev(skb), skb_tag(skb));
}

static void probe_qdisc_dequeue(void *data, struct Qdisc *qdisc, const struct netdev_queue *txq,
				int packets, struct sk_buff *skb)
{
	if (packets > 0 && skb)
		RECORD(qdisc_dequeue, skb_dev(skb), skb_tag(skb), packets);
}

static void probe_skb_consume(void *data, struct sk_buff *skb)
{
	RECORD(skb_consume, skb_tag(skb));
}

static void probe_skb_drop(void *data, struct sk_buff *skb, void *location,
			   enum skb_drop_reason reason)
{
	RECORD(skb_drop, skb_tag(skb), ntohs(skb->protocol), reason);
}

static void probe_cpu_idle(void *data, unsigned int state, unsigned int cpu)
{
	RECORD(cpu_idle, state);
}

static void probe_cpu_frequency(void *data, unsigned int khz, unsigned int cpu)
{
	RECORD(cpu_frequency, khz, cpu);
}

static void probe_sched_migrate(void *data, struct task_struct *p, int cpu)
{
	RECORD(sched_migrate, p->pid, task_cpu(p), cpu);
}

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
	void *func;
	struct tracepoint *tp; /* NULL: the kernel has none */
} probes[EVENTS] = {
#define P(tracepoint, event) [EVENT_##event] = { #tracepoint, probe_##event },
	PROBES(P)
	LOOSE_PROBES(P)
#undef P
};

/* Fails to compile when a tracepoint of this kernel has other arguments. */
static void __maybe_unused check_types(void)
{
#define P(tracepoint, event) check_trace_callback_type_##tracepoint(probe_##event);
	PROBES(P)
#undef P
}

static void disconnect(u32 begin, u32 end)
{
	for (; begin < end; begin++)
		if (probes[begin].tp)
			tracepoint_probe_unregister(probes[begin].tp, probes[begin].func, NULL);
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
		err = tracepoint_probe_register(probes[i].tp, probes[i].func, NULL);
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
		group->key = STATIC_KEY_FALSE_INIT;
		group->client.key = &group->key;
		group->client.events = &kernel_events[group->first];
		group->client.nevents = end - group->first;
		group->client.on_switch = switch_group;
		err = tt_client_add(&group->client);
		if (err) {
			remove_groups(i);
			break;
		}
		for (k = group->first; k < end; k++) {
			recorder.ids[k] = group->client.ids[k - group->first];
			if (!probes[k].tp)
				tt_client_lacks(&group->client, k - group->first);
		}
	}
	if (!err)
		tt_client_bind(&recorder);
	mutex_unlock(&tt_mutex);
	return err;
}

void tt_probes_exit(void)
{
	mutex_lock(&tt_mutex);
	remove_groups(ARRAY_SIZE(groups));
	mutex_unlock(&tt_mutex);
}
