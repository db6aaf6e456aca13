// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queueing discipline "homa": packets of all sockets and of other
 * protocols share a link.
 *
 * Control packets, DATA of short messages and short packets of others leave at
 * once. The rest waits while the link has a backlog: DATA by message, that with
 * the fewest bytes left first and the oldest one by its share, packets of a
 * message in their order; packets of others as they came. Homa gets homa_share
 * percent while both wait. A link whose speed is unknown is busy when its device
 * takes no more.
 */

#include <linux/if_vlan.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/pkt_sched.h>
#include "pacer.h"
#include "qdisc.h"
#include "wire.h"
#include "uapi/homa.h"

#define HOMA_QDISC_LIMIT 10240 /* packets */
#define HOMA_QDISC_BUCKETS 256

/* Of each packet on an Ethernet besides what queues count: HOMA_PACE_FRAME_BYTES
 * without the headers.
 */
#define HOMA_QDISC_FRAME_BYTES 24

/**
 * struct waiting_message - DATA packets of one message
 * @bucket: entry of the table of messages.
 * @node: entry of qdisc->shortest.
 * @age_link: entry of qdisc->oldest.
 * @skbs: the packets, as they came.
 * @rank: what is left from the first of them on.
 * @to: hash of the receiver.
 * @id: of the RPC.
 */
struct waiting_message {
	struct hlist_node bucket;
	struct rb_node node;
	struct list_head age_link;
	struct sk_buff_head skbs;
	struct homa_pace_rank rank;
	u32 to;
	u64 id;
};

/**
 * struct homa_qdisc - a queue, protected by the lock of its discipline
 * @link: its device.
 * @watchdog: looks again when the link takes more.
 * @due_ns: when that is, 0: nothing waits for it.
 * @urgent: packets that leave at once.
 * @others: of other protocols.
 * @shortest: messages by homa_pace_before().
 * @oldest: the same, in the order in which they came.
 * @credit: see homa_pace_oldest_next().
 * @balance: see homa_pace_balance().
 * @messages: table.
 */
struct homa_qdisc {
	struct homa_link *link;
	struct qdisc_watchdog watchdog;
	u64 due_ns;
	struct sk_buff_head urgent;
	struct sk_buff_head others;
	struct rb_root_cached shortest;
	struct list_head oldest;
	s64 credit;
	s64 balance;
	struct hlist_head messages[HOMA_QDISC_BUCKETS];
};

/* Kept with a packet. */
struct homa_qdisc_cb {
	u32 left; /* bytes of the message from this packet on */
};

static struct homa_qdisc_cb *packet_cb(struct sk_buff *skb)
{
	qdisc_cb_private_validate(skb, sizeof(struct homa_qdisc_cb));
	return (struct homa_qdisc_cb *)qdisc_skb_cb(skb)->data;
}

/* Transport header of a packet of Homa's, 0: it is another's. @to: receiver. */
static int homa_offset(const struct sk_buff *skb, u32 *to)
{
	int at = skb_network_offset(skb);
	struct ipv6hdr v6_copy;
	struct iphdr v4_copy;

	if (skb_protocol(skb, true) == htons(ETH_P_IP)) {
		const struct iphdr *v4 = skb_header_pointer(skb, at, sizeof(*v4), &v4_copy);

		if (!v4 || v4->protocol != IPPROTO_HOMA || v4->frag_off & htons(IP_OFFSET))
			return 0;
		*to = (__force u32)v4->daddr;
		return at + v4->ihl * 4;
	}
	if (skb_protocol(skb, true) == htons(ETH_P_IPV6)) {
		const struct ipv6hdr *v6 = skb_header_pointer(skb, at, sizeof(*v6), &v6_copy);

		if (!v6 || v6->nexthdr != IPPROTO_HOMA)
			return 0;
		*to = ipv6_addr_hash(&v6->daddr);
		return at + sizeof(*v6);
	}
	return 0;
}

/* True for DATA that may have to wait; fills @data and @id of it. @homa: it is ours. */
static bool is_long_data(const struct homa_qdisc *q, const struct sk_buff *skb, u32 *to, u64 *id,
			 struct homa_wire_data *data, bool *homa)
{
	int at = homa_offset(skb, to);
	u8 copy[HOMA_MAX_HDR_BYTES];
	struct homa_wire_view view;
	const void *bytes;

	*homa = at;
	if (!at || at >= (int)skb->len)
		return false;
	bytes = skb_header_pointer(skb, at, min_t(u32, skb->len - at, sizeof(copy)), copy);
	if (!bytes || homa_wire_parse(bytes, skb->len - at, HOMA_MAX_PRIORITIES, &view) ||
	    view.type != HOMA_DATA ||
	    view.data.message_length < (u32)READ_ONCE(q->link->hnet->tun.defer_min_bytes))
		return false;
	*id = view.sender_id;
	*data = view.data;
	return true;
}

static bool before(struct rb_node *a, const struct rb_node *b)
{
	return homa_pace_before(&rb_entry(a, struct waiting_message, node)->rank,
				&rb_entry(b, struct waiting_message, node)->rank);
}

static struct hlist_head *bucket_of(struct homa_qdisc *q, u32 to, u64 id)
{
	return &q->messages[jhash_3words(to, id, id >> 32, 0) % HOMA_QDISC_BUCKETS];
}

/* Message of a packet; made if there is none, NULL: no memory. */
static struct waiting_message *message_of(struct homa_qdisc *q, u32 to, u64 id, u32 left)
{
	struct hlist_head *bucket = bucket_of(q, to, id);
	struct waiting_message *message;

	hlist_for_each_entry(message, bucket, bucket) {
		if (message->id == id && message->to == to)
			return message;
	}
	message = kmalloc(sizeof(*message), GFP_ATOMIC | __GFP_NOWARN);
	if (!message)
		return NULL;
	message->id = id;
	message->to = to;
	message->rank.left = left;
	message->rank.birth_ns = ktime_get_ns();
	__skb_queue_head_init(&message->skbs);
	hlist_add_head(&message->bucket, bucket);
	list_add_tail(&message->age_link, &q->oldest);
	rb_add_cached(&message->node, &q->shortest, before);
	return message;
}

static int enqueue(struct sk_buff *skb, struct Qdisc *sch, struct sk_buff **to_free)
{
	struct homa_qdisc *q = qdisc_priv(sch);
	struct waiting_message *message = NULL;
	struct homa_wire_data data;
	bool homa;
	u64 id;
	u32 to;

	if (unlikely(sch->q.qlen >= sch->limit))
		return qdisc_drop(skb, sch, to_free);
	if (is_long_data(q, skb, &to, &id, &data, &homa)) {
		packet_cb(skb)->left = data.message_length - data.offset;
		message = message_of(q, to, id, packet_cb(skb)->left);
	}
	if (message) {
		__skb_queue_tail(&message->skbs, skb);
		atomic_add(qdisc_pkt_len(skb), &q->link->qdisc_bytes);
	} else if (homa || (skb_queue_empty(&q->others) &&
			    skb->len < (u32)READ_ONCE(q->link->hnet->tun.defer_min_bytes))) {
		__skb_queue_tail(&q->urgent, skb);
	} else {
		/* Short ones as well, which may be of the same connection. */
		__skb_queue_tail(&q->others, skb);
	}
	if (!homa)
		homa_metric_inc(q->link->hnet, qdisc_tcp_packets);
	qdisc_qstats_backlog_inc(sch, skb);
	sch->q.qlen++;
	return NET_XMIT_SUCCESS;
}

/* The first packet of a message, taken out. */
static struct sk_buff *take_from(struct homa_qdisc *q, struct waiting_message *message)
{
	struct sk_buff *skb = __skb_dequeue(&message->skbs);

	atomic_sub(qdisc_pkt_len(skb), &q->link->qdisc_bytes);
	rb_erase_cached(&message->node, &q->shortest);
	if (skb_queue_empty(&message->skbs)) {
		hlist_del(&message->bucket);
		list_del(&message->age_link);
		kfree(message);
	} else {
		message->rank.left = packet_cb(skb_peek(&message->skbs))->left;
		rb_add_cached(&message->node, &q->shortest, before);
	}
	return skb;
}

static struct sk_buff *take_homa(struct homa_qdisc *q)
{
	struct homa_net *hnet = q->link->hnet;
	u32 fraction = READ_ONCE(hnet->tun.pacer_fifo_fraction);
	bool oldest = homa_pace_oldest_next(q->credit, fraction);
	struct waiting_message *message;
	struct sk_buff *skb;
	u32 bytes;

	if (oldest)
		message = list_first_entry(&q->oldest, struct waiting_message, age_link);
	else
		message = rb_entry(rb_first_cached(&q->shortest), struct waiting_message, node);
	skb = take_from(q, message);
	bytes = qdisc_pkt_len(skb);
	q->credit = list_empty(&q->oldest) ? 0 :
		    homa_pace_credit(q->credit, bytes, oldest, fraction);
	if (oldest)
		homa_metric_add(hnet, pacer_fifo_bytes, bytes);
	homa_metric_inc(hnet, pacer_homa_packets);
	homa_metric_add(hnet, pacer_homa_bytes, bytes);
	/* There is room for another. */
	if (READ_ONCE(q->link->waiting))
		homa_pacer_kick(q->link);
	return skb;
}

static struct sk_buff *take_other(struct homa_qdisc *q)
{
	struct sk_buff *skb = __skb_dequeue(&q->others);

	homa_metric_inc(q->link->hnet, pacer_tcp_packets);
	homa_metric_add(q->link->hnet, pacer_tcp_bytes, qdisc_pkt_len(skb));
	return skb;
}

/* A packet that may have waited; there is one. */
static struct sk_buff *take_waiting(struct homa_qdisc *q)
{
	bool both = !list_empty(&q->oldest) && !skb_queue_empty(&q->others);
	bool homa = both ? q->balance >= 0 : !list_empty(&q->oldest);
	struct sk_buff *skb = homa ? take_homa(q) : take_other(q);

	q->balance = both ? homa_pace_balance(q->balance, qdisc_pkt_len(skb), homa,
					      READ_ONCE(q->link->hnet->tun.homa_share)) : 0;
	return skb;
}

/* A packet that waits is left to its time. */
static bool link_is_busy(struct homa_qdisc *q)
{
	const struct homa_link_clock *clock = &q->link->wire;
	u64 due_ns = homa_link_due_ns(q->link, clock, READ_ONCE(clock->late_ns));

	if (!READ_ONCE(q->link->mbps) || due_ns <= ktime_get_ns())
		return false;
	q->due_ns = due_ns;
	qdisc_watchdog_schedule_ns(&q->watchdog, due_ns);
	return true;
}

static struct sk_buff *dequeue(struct Qdisc *sch)
{
	struct homa_qdisc *q = qdisc_priv(sch);
	struct sk_buff *skb = __skb_dequeue(&q->urgent);
	u32 frame_bytes;

	if (!skb) {
		if (list_empty(&q->oldest) && skb_queue_empty(&q->others))
			return NULL;
		if (link_is_busy(q)) {
			qdisc_qstats_overlimit(sch);
			return NULL;
		}
		skb = take_waiting(q);
		if (q->due_ns)
			homa_link_given(q->link, &q->link->wire, q->due_ns);
		q->due_ns = 0;
	}
	frame_bytes = HOMA_QDISC_FRAME_BYTES + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
	homa_link_occupy(q->link, &q->link->wire, qdisc_pkt_len(skb) +
			 max_t(u32, skb_shinfo(skb)->gso_segs, 1) * frame_bytes);
	qdisc_qstats_backlog_dec(sch, skb);
	qdisc_bstats_update(sch, skb);
	sch->q.qlen--;
	return skb;
}

static void reset(struct Qdisc *sch)
{
	struct homa_qdisc *q = qdisc_priv(sch);
	struct waiting_message *message, *next;

	if (!q->link)
		return;
	__skb_queue_purge(&q->urgent);
	__skb_queue_purge(&q->others);
	list_for_each_entry_safe(message, next, &q->oldest, age_link) {
		bool last;

		do {
			last = skb_queue_len(&message->skbs) == 1;
			kfree_skb(take_from(q, message));
		} while (!last);
	}
	q->credit = 0;
	q->balance = 0;
	q->due_ns = 0;
	qdisc_watchdog_cancel(&q->watchdog);
}

static int init(struct Qdisc *sch, struct nlattr *options, struct netlink_ext_ack *extack)
{
	struct net_device *dev = qdisc_dev(sch);
	struct homa_qdisc *q = qdisc_priv(sch);
	struct homa_net *hnet = homa_net(dev_net(dev));

	qdisc_watchdog_init(&q->watchdog, sch);
	if (options) {
		NL_SET_ERR_MSG(extack, "homa has no options; see net.homa");
		return -EINVAL;
	}
	__skb_queue_head_init(&q->urgent);
	__skb_queue_head_init(&q->others);
	q->shortest = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&q->oldest);
	sch->limit = HOMA_QDISC_LIMIT;
	/* It is there before and after the disciplines of the device. */
	q->link = xa_load(&hnet->links, dev->ifindex);
	if (!q->link) {
		NL_SET_ERR_MSG(extack, "Homa had no memory for this device");
		return -ENOMEM;
	}
	atomic_inc(&q->link->qdiscs);
	return 0;
}

/* After init() in any case, even if that failed. */
static void destroy(struct Qdisc *sch)
{
	struct homa_qdisc *q = qdisc_priv(sch);

	qdisc_watchdog_cancel(&q->watchdog);
	reset(sch);
	if (q->link)
		atomic_dec(&q->link->qdiscs);
}

static struct Qdisc_ops ops __read_mostly = {
	.id = "homa",
	.priv_size = sizeof(struct homa_qdisc),
	.enqueue = enqueue,
	.dequeue = dequeue,
	.peek = qdisc_peek_dequeued,
	.init = init,
	.reset = reset,
	.destroy = destroy,
	.owner = THIS_MODULE,
};

int homa_qdisc_register(void)
{
	return register_qdisc(&ops);
}

void homa_qdisc_unregister(void)
{
	unregister_qdisc(&ops);
}

MODULE_ALIAS("sch_homa");
#ifdef MODULE_ALIAS_NET_SCH
MODULE_ALIAS_NET_SCH("homa");
#endif
