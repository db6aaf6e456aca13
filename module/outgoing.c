// SPDX-License-Identifier: GPL-2.0-only
/* Messages to packets; sending of data and control packets. */

#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "delay.h"
#include "folds.h"
#include "gso.h"
#include "link.h"
#include "outgoing.h"
#include "pacer.h"
#include "uapi/homa.h"

/* One RESEND is answered with this much at most; the rest is asked for again.
 * Otherwise one small packet makes a softirq send a megabyte.
 */
#define HOMA_RESEND_BYTES 131072

/**
 * struct packet_size - what DATA packets can carry
 * @seg_bytes: on the wire, 0: nothing.
 * @most_bytes: before they are cut, a multiple of @seg_bytes.
 * @ifindex: the device they go to.
 */
struct packet_size {
	u32 seg_bytes;
	u32 most_bytes;
	int ifindex;
};

/* An unaligned packet of pages has one more than it would need. */
#define HOMA_PACKET_PAGES ((MAX_SKB_FRAGS - 1) * (u32)PAGE_SIZE)

static struct packet_size packet_size(const struct homa_peer *peer, const struct homa_route *route)
{
	const struct net_device *dev = route->dst->dev;
	u32 mtu = dst_mtu(route->dst), ip_bytes = homa_peer_ip_bytes(peer), segments;
	struct homa_net *hnet = peer->key.hnet;
	u32 gso_bytes = min3((u32)READ_ONCE(hnet->tun.max_gso_size), READ_ONCE(dev->gso_max_size),
			     homa_link_packet_bytes(hnet, dev->ifindex));
	struct packet_size size = {
		.ifindex = dev->ifindex,
		.seg_bytes = min(homa_wire_seg_bytes(mtu, ip_bytes), HOMA_PACKET_PAGES),
	};

	if (!size.seg_bytes)
		return size;
	segments = min3(homa_wire_segments(mtu, ip_bytes, gso_bytes, HOMA_FORM_PLAIN),
			HOMA_PACKET_PAGES / size.seg_bytes, (u32)READ_ONCE(dev->gso_max_segs));
	size.most_bytes = max(segments, 1u) * size.seg_bytes;
	return size;
}

/* Header and payload in a packet of its own: IP may change it, so that it can
 * neither be kept nor shared.
 */
static struct sk_buff *build_data(struct homa_rpc *rpc, u32 offset, u32 bytes, u32 seg_bytes,
				  u32 resend_end, gfp_t gfp)
{
	const struct homa_rpc_tx *tx = &rpc->tx;
	u32 room = LL_MAX_HEADER + sizeof(struct ipv6hdr);
	u32 copied = tx->msg.chunks ? 0 : bytes;
	struct homa_wire_route route = {
		.sport = READ_ONCE(rpc->hsk->port),
		.dport = rpc->dport,
		.sender_id = rpc->id,
	};
	struct homa_wire_data data = {
		.message_length = tx->length,
		.offset = offset,
		.incoming = resend_end ?: tx->unsched,
		.cutoff_version = READ_ONCE(rpc->peer->cutoff_version),
		.retransmit = !!resend_end,
		.response_unsched = homa_rpc_is_client(rpc) ? rpc->response_unsched : 0,
		.form = HOMA_FORM_PLAIN,
	};
	struct sk_buff *skb;

	skb = alloc_skb(room + sizeof(struct homa_data_hdr) + copied, gfp);
	if (!skb)
		return NULL;
	skb_reserve(skb, room);
	skb_reset_transport_header(skb);
	homa_peer_take_acks(rpc->peer, &data.ack, 1);
	homa_wire_build_data(skb_put(skb, sizeof(struct homa_data_hdr)), &route, &data);
	homa_txmsg_append(&tx->msg, skb, offset, bytes);
	if (bytes > seg_bytes)
		homa_gso_mark(skb, homa_peer_is_v4(rpc->peer), seg_bytes);
	return skb;
}

static bool has_own_route(const struct homa_sock *hsk)
{
	const struct sock *sk = &hsk->inet.sk;

	return unlikely(READ_ONCE(sk->sk_bound_dev_if) | READ_ONCE(sk->sk_mark));
}

/* True if packets of @hsk cannot be in a bundle: they have IP options or a route
 * of their own.
 */
bool homa_xmit_alone(const struct homa_sock *hsk)
{
	return has_own_route(hsk) || unlikely(rcu_access_pointer(hsk->inet.inet_opt));
}

/* Of a packet in the kernel: this and its value in the IP header. The usual tables
 * of queueing disciplines treat 8 to 15 alike, and as the 0 of others, so that
 * they matter only to who asks for them: VLANs, prio, mqprio.
 */
#define HOMA_SKB_PRIORITY 8

/* As __ip_queue_xmit() does, but with a priority for each packet. */
static int give_to_ipv4(struct sock *sk, struct sk_buff *skb, struct flowi *fl, u8 tclass,
			u32 priority)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct dst_entry *dst = skb_dst(skb);
	struct net *net = sock_net(sk);
	struct iphdr *iph;
	int ttl;

	if (unlikely(rcu_access_pointer(inet->inet_opt)))
		return __ip_queue_xmit(sk, skb, fl, tclass);
	ttl = READ_ONCE(inet->uc_ttl);
	iph = skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = tclass;
	iph->frag_off = ip_dont_fragment(sk, dst) ? htons(IP_DF) : 0;
	iph->ttl = ttl < 0 ? ip4_dst_hoplimit(dst) : ttl;
	iph->protocol = IPPROTO_HOMA;
	iph->saddr = fl->u.ip4.saddr;
	iph->daddr = fl->u.ip4.daddr;
	ip_select_ident_segs(net, skb, sk, skb_shinfo(skb)->gso_segs ?: 1);
	skb->priority = priority;
	skb->mark = READ_ONCE(sk->sk_mark);
	return ip_local_out(net, sk, skb);
}

/* @skb has its route. @level: in the IP header. */
static int give_to_ip(struct sock *sk, const struct homa_peer *peer, struct sk_buff *skb,
		      struct flowi *fl, u8 level)
{
	u32 priority = READ_ONCE(sk->sk_priority) ?: HOMA_SKB_PRIORITY + level;
	u8 tclass = level << 5;
	int err = 0;

	if (homa_peer_is_v4(peer))
		err = give_to_ipv4(sk, skb, fl, tclass, priority);
#if IS_ENABLED(CONFIG_IPV6)
	else
		err = ip6_xmit(sk, skb, &fl->u.ip6, READ_ONCE(sk->sk_mark), NULL, tclass,
			       priority);
#endif
	return net_xmit_eval(err);
}

/* A function of its own, because kernels clear a route on the stack. */
static noinline_for_stack int xmit_own_route(struct homa_sock *hsk, struct homa_peer *peer,
					     struct sk_buff *skb, u8 level)
{
	struct sock *sk = homa_to_sk(hsk);
	struct homa_route own;
	int err = homa_peer_sock_route(peer, sk, &own);

	if (err) {
		kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return err;
	}
	skb_dst_set(skb, own.dst);
	homa_delay_tx(skb);
	homa_link_charge(hsk->hnet, skb, homa_peer_ip_bytes(peer));
	rcu_read_lock();
	err = give_to_ip(sk, peer, skb, &own.fl, level);
	rcu_read_unlock();
	return err;
}

/**
 * homa_xmit_skb() - give a packet to IP
 * @hsk: sending socket.
 * @peer: destination; the caller is in an RCU section or holds a reference.
 * @skb: packet from the transport header on; consumed.
 * @level: priority.
 *
 * No lock of Homa held. Return: 0 or an errno.
 */
int homa_xmit_skb(struct homa_sock *hsk, struct homa_peer *peer, struct sk_buff *skb, u8 level)
{
	struct sock *sk = homa_to_sk(hsk);
	struct homa_route *route;
	int err;

	level = READ_ONCE(hsk->hnet->tun.priority_map[level]);
	if (has_own_route(hsk))
		return xmit_own_route(hsk, peer, skb, level);
	rcu_read_lock();
	route = homa_peer_route(peer);
	if (IS_ERR(route)) {
		rcu_read_unlock();
		kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return PTR_ERR(route);
	}
	skb_dst_set_noref(skb, route->dst);
	homa_delay_tx(skb);
	homa_link_charge(hsk->hnet, skb, homa_peer_ip_bytes(peer));
	err = give_to_ip(sk, peer, skb, &route->fl, level);
	rcu_read_unlock();
	return err;
}

/* The same for a socket with a route of its own. Return: 0 or an errno. */
static noinline_for_stack int own_packet_size(const struct homa_rpc *rpc, struct packet_size *size)
{
	struct homa_route own;
	int err = homa_peer_sock_route(rpc->peer, homa_to_sk(rpc->hsk), &own);

	if (err)
		return err;
	*size = packet_size(rpc->peer, &own);
	dst_release(own.dst);
	return 0;
}

/* Size of the packets of a new message. Return: 0 or an errno. */
static int new_size(const struct homa_rpc *rpc, struct packet_size *size)
{
	struct homa_route *route;
	int err = 0;

	if (has_own_route(rpc->hsk))
		return own_packet_size(rpc, size);
	rcu_read_lock();
	/* Checked when the packet is sent; its size may be that of an old route,
	 * but not that of one whose device is gone.
	 */
	route = rcu_dereference(rpc->peer->route);
	if (likely(route)) {
		if (rpc->tx.length <= route->sure_bytes) {
			size->seg_bytes = rpc->tx.length;
			size->most_bytes = rpc->tx.length;
			size->ifindex = route->dst->dev->ifindex;
		} else {
			*size = packet_size(rpc->peer, route);
		}
	}
	if (unlikely(!route || !size->seg_bytes)) {
		route = homa_peer_route(rpc->peer);
		if (IS_ERR(route))
			err = PTR_ERR(route);
		else
			*size = packet_size(rpc->peer, route);
	}
	rcu_read_unlock();
	return err;
}

/* Size of packets now; the route may have changed. */
static struct packet_size current_size(const struct homa_rpc *rpc)
{
	struct packet_size size = { .seg_bytes = 0 };
	struct homa_route *route;

	if (has_own_route(rpc->hsk)) {
		own_packet_size(rpc, &size);
		return size;
	}
	rcu_read_lock();
	route = homa_peer_route(rpc->peer);
	if (!IS_ERR(route))
		size = packet_size(rpc->peer, route);
	rcu_read_unlock();
	return size;
}

/*
 * Incast control. The unscheduled parts of many responses that come at once would
 * overflow the network. The socket's own RPCs are counted: that is one thread, or
 * a few, which asked for all of them, and the count is there anyway.
 */
static void limit_response(struct homa_rpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	int threshold = READ_ONCE(hsk->hnet->tun.incast_threshold);
	int due;

	if (!threshold)
		return;
	/* Not of one moment, and @rpc is not among them. */
	due = READ_ONCE(hsk->num_rpcs) - READ_ONCE(hsk->num_server_rpcs);
	if (likely(due < threshold))
		return;
	rpc->response_unsched = READ_ONCE(hsk->hnet->tun.incast_unsched_bytes);
	homa_metric_inc(hsk->hnet, incast_requests);
	homa_trace_incast_ask(rpc->id, due, rpc->response_unsched);
}

/* What the server may send without a grant. */
static u32 limited(const struct homa_rpc *rpc, u32 unsched)
{
	if (likely(!rpc->response_unsched || rpc->response_unsched >= unsched))
		return unsched;
	homa_metric_inc(rpc->hsk->hnet, incast_responses);
	homa_trace_incast_limit(rpc->id, rpc->tx.length, rpc->response_unsched);
	return rpc->response_unsched;
}

/**
 * homa_tx_prepare() - decide how an outgoing message is sent
 * @rpc: RPC whose tx has a length and is the caller's; not locked.
 * @seg_bytes: payload of a packet on the wire, if one packet holds all of the
 *	message and may be sent at once; else 0: homa_xmit_data().
 *
 * Return: 0 or an errno.
 */
int homa_tx_prepare(struct homa_rpc *rpc, u32 *seg_bytes)
{
	u32 limit = READ_ONCE(rpc->hsk->hnet->tun.unsched_bytes);
	struct homa_rpc_tx *tx = &rpc->tx;
	struct packet_size size;
	int err = new_size(rpc, &size);

	if (err)
		return err;
	if (!size.seg_bytes)
		return -EINVAL;

	tx->unsched = min(limit, tx->length);
	if (homa_rpc_is_client(rpc))
		limit_response(rpc);
	else
		tx->unsched = limited(rpc, tx->unsched);
	tx->granted = tx->unsched;
	*seg_bytes = tx->length <= min(size.most_bytes, tx->unsched) &&
		     !homa_pacer_busy(rpc->hsk->hnet, size.ifindex, tx->length) ?
		     size.seg_bytes : 0;
	return 0;
}

/**
 * homa_tx_whole() - make the one packet of a message
 * @rpc: prepared RPC, all of whose message was copied; not locked.
 * @seg_bytes: as prepared.
 *
 * Return: the packet, which counts as sent, or NULL.
 */
struct sk_buff *homa_tx_whole(struct homa_rpc *rpc, u32 seg_bytes)
{
	struct homa_rpc_tx *tx = &rpc->tx;
	struct sk_buff *skb = build_data(rpc, 0, tx->length, seg_bytes, 0, GFP_KERNEL);

	if (skb)
		tx->sent = tx->length;
	return skb;
}

/* Builds and sends one packet; the RPC is not locked but referenced. */
static int send_part(struct homa_rpc *rpc, u32 offset, u32 bytes, u32 seg_bytes, u32 resend_end,
		     u8 level)
{
	struct homa_net *hnet = rpc->hsk->hnet;
	struct sk_buff *skb = build_data(rpc, offset, bytes, seg_bytes, resend_end, GFP_ATOMIC);
	int err;

	if (!skb)
		return -ENOMEM;
	if (resend_end) {
		homa_metric_inc(hnet, resent_packets);
		homa_trace_data_resend(rpc->id, offset, bytes);
	} else {
		homa_metric_add(hnet, sent_msg_bytes, bytes);
		homa_trace_data_xmit(rpc->id, offset, bytes);
	}
	homa_metric_inc(hnet, packets_sent_DATA);
	err = homa_xmit_skb(rpc->hsk, rpc->peer, skb, level);
	if (err)
		homa_metric_inc(hnet, data_xmit_errors);
	return err;
}

/* Bytes of the next packet, 0: not yet. */
static u32 next_bytes(const struct homa_rpc_tx *tx, const struct packet_size *size)
{
	u32 end = tx->sent < tx->unsched ? tx->unsched : tx->length;
	u32 bytes;

	if (tx->sent >= tx->granted || !size->seg_bytes)
		return 0;
	/* Whole segments, of which the last may begin inside the grant. */
	bytes = min3(end - tx->sent, size->most_bytes,
		     roundup(tx->granted - tx->sent, size->seg_bytes));
	return bytes <= tx->ready - tx->sent ? bytes : 0;
}

/* @released: the pacer says that it is the RPC's turn. */
static void xmit_data(struct homa_rpc *rpc, bool released)
{
	struct homa_rpc_tx *tx = &rpc->tx;
	struct packet_size size;

	homa_rpc_assert_locked(rpc);
	/* Whoever is at it looks at granted and ready again. */
	if (tx->active || tx->sent >= min(tx->granted, tx->ready))
		return;
	tx->active = true;
	size = current_size(rpc);
	while (rpc->state == HOMA_RPC_OUTGOING) {
		u32 offset = tx->sent;
		u32 bytes = next_bytes(tx, &size);
		u8 level = offset < tx->unsched ?
			   homa_peer_unsched_level(rpc->peer, tx->length) : tx->level;

		if (!bytes || homa_pacer_holds(rpc, size.ifindex, released))
			break;
		tx->sent = offset + bytes;
		homa_rpc_unlock(rpc);
		/* What was not sent is asked for again. */
		send_part(rpc, offset, bytes, size.seg_bytes, 0, level);
		homa_rpc_lock(rpc);
	}
	tx->active = false;
	if (tx->sent < tx->length && tx->sent >= tx->granted)
		homa_trace_grant_wait(rpc->id, tx->sent);
}

/**
 * homa_xmit_data() - send what is granted and copied, or let it wait for the link
 * @rpc: locked RPC, which the caller holds a reference of.
 *
 * Unlocks for each packet; the RPC may be dead afterwards.
 */
void homa_xmit_data(struct homa_rpc *rpc)
{
	xmit_data(rpc, false);
}

/* The same for an RPC that has waited. */
void homa_xmit_released(struct homa_rpc *rpc)
{
	xmit_data(rpc, true);
}

/**
 * homa_resend_data() - send bytes again
 * @rpc: locked RPC, which the caller holds a reference of.
 * @start: first byte.
 * @end: behind the last byte, cut to what was sent before.
 * @level: priority.
 *
 * Unlocks; the RPC may be dead afterwards.
 */
void homa_resend_data(struct homa_rpc *rpc, u32 start, u32 end, u8 level)
{
	u32 limit, seg_bytes;

	homa_rpc_assert_locked(rpc);
	end = min(end, rpc->tx.sent);
	if (start >= end)
		return;
	limit = min(end, start + HOMA_RESEND_BYTES);
	homa_rpc_unlock(rpc);
	seg_bytes = current_size(rpc).seg_bytes;
	while (seg_bytes && start < limit) {
		u32 bytes = min(limit - start, seg_bytes);

		if (send_part(rpc, start, bytes, seg_bytes, end, level))
			break;
		start += bytes;
	}
	homa_rpc_lock(rpc);
}

static u8 top_level(const struct homa_sock *hsk)
{
	return READ_ONCE(hsk->hnet->tun.num_priorities) - 1;
}

static void xmit_control(struct homa_sock *hsk, struct homa_peer *peer, const void *header,
			 u32 bytes)
{
	u32 room = LL_MAX_HEADER + sizeof(struct ipv6hdr);
	struct sk_buff *skb = alloc_skb(room + bytes, GFP_ATOMIC);

	if (!skb) {
		homa_metric_inc(hsk->hnet, control_xmit_errors);
		return;
	}
	skb_reserve(skb, room);
	skb_reset_transport_header(skb);
	skb_put_data(skb, header, bytes);
	if (homa_xmit_skb(hsk, peer, skb, top_level(hsk)))
		homa_metric_inc(hsk->hnet, control_xmit_errors);
}

static struct homa_wire_route route_of(const struct homa_sock *hsk, u16 dport, u64 id)
{
	return (struct homa_wire_route) {
		.sport = READ_ONCE(hsk->port), .dport = dport, .sender_id = id
	};
}

void homa_xmit_grant(struct homa_rpc *rpc, u32 offset, u8 level)
{
	struct homa_wire_route route = route_of(rpc->hsk, rpc->dport, rpc->id);
	struct homa_grant_hdr header;

	homa_delay(HOMA_DELAY_grant, rpc->id);
	homa_metric_inc(rpc->hsk->hnet, packets_sent_GRANT);
	homa_trace_grant_xmit(rpc->id, offset, level);
	xmit_control(rpc->hsk, rpc->peer, &header,
		     homa_wire_build_grant(&header, &route, offset, level));
}

void homa_xmit_resend(struct homa_rpc *rpc, u32 offset, u32 length, u8 below)
{
	struct homa_wire_route route = route_of(rpc->hsk, rpc->dport, rpc->id);
	u8 level = max(top_level(rpc->hsk) - below, 0);
	struct homa_resend_hdr header;

	homa_metric_inc(rpc->hsk->hnet, packets_sent_RESEND);
	homa_trace_ctrl_xmit(rpc->id, HOMA_RESEND, offset);
	xmit_control(rpc->hsk, rpc->peer, &header,
		     homa_wire_build_resend(&header, &route, offset, length, level));
}

void homa_xmit_freeze(struct homa_sock *hsk, struct homa_peer *peer, u64 capture)
{
	struct homa_wire_route route = { .sport = hsk->port };
	struct homa_freeze_hdr header;

	homa_metric_inc(hsk->hnet, packets_sent_FREEZE);
	homa_trace_ctrl_xmit(0, HOMA_FREEZE, 0);
	xmit_control(hsk, peer, &header, homa_wire_build_freeze(&header, &route, capture));
}

void homa_xmit_plain(struct homa_sock *hsk, struct homa_peer *peer, u16 dport, u64 id,
		     enum homa_type type)
{
	struct homa_wire_route route = route_of(hsk, dport, id);
	struct homa_common_hdr header;

	if (type == HOMA_RPC_UNKNOWN)
		homa_metric_inc(hsk->hnet, packets_sent_RPC_UNKNOWN);
	else if (type == HOMA_BUSY)
		homa_metric_inc(hsk->hnet, packets_sent_BUSY);
	else
		homa_metric_inc(hsk->hnet, packets_sent_NEED_ACK);
	homa_trace_ctrl_xmit(id, type, 0);
	xmit_control(hsk, peer, &header, homa_wire_build_plain(&header, &route, type));
}

void homa_xmit_cutoffs(struct homa_sock *hsk, struct homa_peer *peer, u16 dport, u64 id)
{
	const struct homa_tunables *tun = &hsk->hnet->tun;
	struct homa_wire_route route = route_of(hsk, dport, id);
	u16 version = READ_ONCE(tun->cutoff_version);
	u32 cutoffs[HOMA_MAX_PRIORITIES], i;
	struct homa_cutoffs_hdr header;

	for (i = 0; i < HOMA_MAX_PRIORITIES; i++)
		cutoffs[i] = READ_ONCE(tun->unsched_cutoffs[i]);
	homa_metric_inc(hsk->hnet, packets_sent_CUTOFFS);
	homa_trace_ctrl_xmit(id, HOMA_CUTOFFS, 0);
	xmit_control(hsk, peer, &header,
		     homa_wire_build_cutoffs(&header, &route, cutoffs, version));
}

void homa_xmit_ack(struct homa_sock *hsk, struct homa_peer *peer, u16 dport, u64 id)
{
	struct homa_wire_route route = route_of(hsk, dport, id);
	struct homa_wire_ack acks[HOMA_MAX_ACKS];
	u32 count = homa_peer_take_acks(peer, acks, HOMA_MAX_ACKS);
	struct homa_ack_hdr header;

	homa_metric_inc(hsk->hnet, packets_sent_ACK);
	homa_trace_ctrl_xmit(id, HOMA_ACK, 0);
	xmit_control(hsk, peer, &header, homa_wire_build_ack(&header, &route, acks, count));
}
