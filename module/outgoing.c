// SPDX-License-Identifier: GPL-2.0-only
/* Messages to packets; sending of data and control packets. */

#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "folds.h"
#include "outgoing.h"
#include "pacer.h"

/* Messages up to this length are kept in one piece and copied to packets. */
#define HOMA_SHORT_MESSAGE (PAGE_SIZE - sizeof(struct homa_txmsg))

/* Pages of longer messages: this order if they are to be had. */
#define HOMA_CHUNK_ORDER 3

/* One RESEND is answered with this much at most; the rest is asked for again.
 * Otherwise one small packet makes a softirq send a megabyte.
 */
#define HOMA_RESEND_BYTES 131072

static struct page *alloc_chunk(struct homa_sock *hsk, u8 order)
{
	gfp_t gfp = homa_to_sk(hsk)->sk_allocation | __GFP_ACCOUNT;

	if (order)
		gfp |= __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY;
	return alloc_pages(gfp, order);
}

/* Allocates a long message, in large chunks or, if there are none, in pages. */
static struct homa_txmsg *alloc_long(struct homa_sock *hsk, u32 length, u8 order)
{
	u32 chunks = DIV_ROUND_UP(length, PAGE_SIZE << order);
	struct homa_txmsg *msg = kmalloc(struct_size(msg, chunks, chunks), GFP_KERNEL_ACCOUNT);

	if (!msg)
		return NULL;
	msg->order = order;
	msg->charge = (chunks * PAGE_SIZE) << order;
	for (msg->num_chunks = 0; msg->num_chunks < chunks; msg->num_chunks++) {
		struct page *page = alloc_chunk(hsk, order);

		if (!page) {
			homa_txmsg_free(msg);
			return order ? alloc_long(hsk, length, 0) : NULL;
		}
		msg->chunks[msg->num_chunks] = page;
	}
	return msg;
}

static bool copy_long(struct homa_txmsg *msg, u64 id, struct iov_iter *iter, u32 length)
{
	u32 chunk_bytes = PAGE_SIZE << msg->order;
	u32 i;

	for (i = 0; i < msg->num_chunks; i++) {
		u32 want = min(length - i * chunk_bytes, chunk_bytes);

		if (copy_page_from_iter(msg->chunks[i], 0, want, iter) != want)
			return false;
		homa_trace_send_copied(id, i * chunk_bytes + want);
		cond_resched();
	}
	return true;
}

/**
 * homa_txmsg_new() - copy a message from the application
 * @hsk: socket; the memory is charged to it.
 * @id: RPC, for traces.
 * @iter: the message.
 * @length: its bytes.
 * @copied_at: stamp of that, for traces, if it was copied at once.
 *
 * Return: the message, or an ERR_PTR.
 */
struct homa_txmsg *homa_txmsg_new(struct homa_sock *hsk, u64 id, struct iov_iter *iter, u32 length,
				  u32 *copied_at)
{
	struct homa_txmsg *msg;
	bool copied;

	if (length <= HOMA_SHORT_MESSAGE) {
		msg = kmalloc(struct_size(msg, data, length), GFP_KERNEL_ACCOUNT);
		if (!msg)
			return ERR_PTR(-ENOMEM);
		msg->charge = SKB_TRUESIZE(length);
		msg->num_chunks = 0;
		copied = copy_from_iter_full(msg->data, length, iter);
		trace_homa_send_copied(id, length);
		*copied_at = homa_tt_stamp();
	} else {
		u8 order = min_t(u8, get_order(length), HOMA_CHUNK_ORDER);

		msg = alloc_long(hsk, length, order);
		if (!msg)
			return ERR_PTR(-ENOMEM);
		copied = copy_long(msg, id, iter, length);
	}
	if (!copied) {
		homa_txmsg_free(msg);
		return ERR_PTR(-EFAULT);
	}
	homa_sock_charge(hsk, msg->charge);
	return msg;
}

/* Appends message bytes as references to the pages that hold them. */
static void add_chunks(struct sk_buff *skb, const struct homa_txmsg *msg, u32 offset, u32 bytes)
{
	u32 chunk_bytes = PAGE_SIZE << msg->order;
	int frag = 0;

	skb->len += bytes;
	skb->data_len += bytes;
	skb->truesize += bytes;
	while (bytes) {
		struct page *page = msg->chunks[offset / chunk_bytes];
		u32 at = offset % chunk_bytes;
		u32 n = min(bytes, chunk_bytes - at);

		get_page(page);
		skb_fill_page_desc(skb, frag++, page, at, n);
		offset += n;
		bytes -= n;
	}
}

/* Bytes a packet on this route can carry, 0: none. */
static u32 packet_bytes(const struct homa_peer *peer, const struct homa_route *route)
{
	u32 bytes = homa_wire_seg_bytes(dst_mtu(route->dst), homa_peer_ip_bytes(peer));

	/* An unaligned packet of pages has one more than it would need. */
	return min_t(u32, bytes, (MAX_SKB_FRAGS - 1) * PAGE_SIZE);
}

/* The same for a socket with a route of its own. Return: 0 or an errno. */
static int own_packet_bytes(const struct homa_rpc *rpc, u32 *bytes)
{
	struct homa_route own;
	int err = homa_peer_sock_route(rpc->peer, homa_to_sk(rpc->hsk), &own);

	if (err)
		return err;
	*bytes = packet_bytes(rpc->peer, &own);
	dst_release(own.dst);
	return 0;
}

/* Header and payload in a packet of its own: IP may change it, so that it can
 * neither be kept nor shared.
 */
static struct sk_buff *build_data(struct homa_rpc *rpc, const struct homa_rpc_tx *tx, u32 offset,
				  u32 bytes, u32 resend_end, gfp_t gfp)
{
	u32 room = LL_MAX_HEADER + sizeof(struct ipv6hdr);
	u32 copied = tx->msg->num_chunks ? 0 : bytes;
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
	if (copied)
		skb_put_data(skb, tx->msg->data + offset, bytes);
	else
		add_chunks(skb, tx->msg, offset, bytes);
	return skb;
}

static bool has_own_route(const struct homa_sock *hsk)
{
	const struct sock *sk = &hsk->inet.sk;

	return unlikely(READ_ONCE(sk->sk_bound_dev_if) | READ_ONCE(sk->sk_mark));
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
	u8 tclass = READ_ONCE(hsk->hnet->tun.priority_map[level]) << 5;
	struct homa_route *route, own;
	int err;

	rcu_read_lock();
	if (has_own_route(hsk)) {
		err = homa_peer_sock_route(peer, sk, &own);
		route = err ? ERR_PTR(err) : &own;
	} else {
		route = homa_peer_route(peer);
	}
	if (IS_ERR(route)) {
		rcu_read_unlock();
		kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return PTR_ERR(route);
	}
	if (route == &own)
		skb_dst_set(skb, own.dst);
	else
		skb_dst_set_noref(skb, route->dst);
	if (homa_peer_is_v4(peer))
		err = __ip_queue_xmit(sk, skb, &route->fl, tclass);
#if IS_ENABLED(CONFIG_IPV6)
	else
		err = ip6_xmit(sk, skb, &route->fl.u.ip6, READ_ONCE(sk->sk_mark), NULL, tclass,
			       READ_ONCE(sk->sk_priority));
#endif
	rcu_read_unlock();
	return net_xmit_eval(err);
}

/* Packet size of a new message. Return: 0 or an errno. */
static int new_packet_bytes(struct homa_rpc *rpc, u32 *bytes)
{
	struct homa_route *route;
	int err = 0;

	if (has_own_route(rpc->hsk))
		return own_packet_bytes(rpc, bytes);
	rcu_read_lock();
	/* Checked when the packet is sent; its size may be that of an old route,
	 * but not that of one whose device is gone.
	 */
	route = rcu_dereference(rpc->peer->route);
	*bytes = likely(route) ? packet_bytes(rpc->peer, route) : 0;
	if (unlikely(!*bytes)) {
		route = homa_peer_route(rpc->peer);
		if (IS_ERR(route))
			err = PTR_ERR(route);
		else
			*bytes = packet_bytes(rpc->peer, route);
	}
	rcu_read_unlock();
	return err;
}

/**
 * homa_tx_prepare() - set an outgoing message up
 * @rpc: RPC, with a reference, not locked; nothing of it changes.
 * @tx: with msg and length; the rest is filled in.
 * @skb: the whole message as a packet, if one is enough; else NULL. Then
 *	@tx says that it was sent.
 *
 * Return: 0 or an errno.
 */
int homa_tx_prepare(struct homa_rpc *rpc, struct homa_rpc_tx *tx, struct sk_buff **skb)
{
	u32 limit = READ_ONCE(rpc->hsk->hnet->tun.unsched_bytes), bytes;
	int err = new_packet_bytes(rpc, &bytes);

	if (err)
		return err;
	if (!bytes)
		return -EINVAL;

	tx->unsched = min(limit, tx->length);
	tx->granted = tx->unsched;
	*skb = NULL;
	if (tx->length > bytes || tx->length > tx->unsched)
		return 0;
	*skb = build_data(rpc, tx, 0, tx->length, 0, GFP_KERNEL);
	if (!*skb)
		return -ENOMEM;
	tx->sent = tx->length;
	return 0;
}

/* Builds and sends one packet; the RPC is not locked but referenced. */
static int send_part(struct homa_rpc *rpc, u32 offset, u32 bytes, u32 resend_end, u8 level)
{
	struct homa_net *hnet = rpc->hsk->hnet;
	struct sk_buff *skb = build_data(rpc, &rpc->tx, offset, bytes, resend_end, GFP_ATOMIC);
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

/* Packet size of now; the route may have changed. */
static u32 current_packet_bytes(struct homa_rpc *rpc)
{
	struct homa_peer *peer = rpc->peer;
	struct homa_route *route;
	u32 bytes = 0;

	if (has_own_route(rpc->hsk)) {
		own_packet_bytes(rpc, &bytes);
		return bytes;
	}
	rcu_read_lock();
	route = homa_peer_route(peer);
	if (!IS_ERR(route))
		bytes = packet_bytes(peer, route);
	rcu_read_unlock();
	return bytes;
}

/**
 * homa_xmit_data() - send what is granted
 * @rpc: locked RPC, which the caller holds a reference of.
 *
 * Unlocks for each packet; the RPC may be dead afterwards.
 */
void homa_xmit_data(struct homa_rpc *rpc)
{
	struct homa_rpc_tx *tx = &rpc->tx;
	u32 max_bytes;

	homa_rpc_assert_locked(rpc);
	/* Whoever is at it looks at granted again. */
	if (tx->active || !tx->msg || tx->sent >= tx->granted)
		return;
	tx->active = true;
	max_bytes = current_packet_bytes(rpc);
	while (rpc->state == HOMA_RPC_OUTGOING && tx->sent < tx->granted) {
		u32 offset = tx->sent;
		u32 end = offset < tx->unsched ? tx->unsched : tx->length;
		u32 bytes = min(end - offset, max_bytes);
		u8 level = offset < tx->unsched ?
			   homa_peer_unsched_level(rpc->peer, tx->length) : tx->level;

		if (!bytes || !READ_ONCE(rpc->hsk->hnet->pacer)->may_send(rpc, bytes))
			break;
		tx->sent = offset + bytes;
		homa_rpc_unlock(rpc);
		/* What was not sent is asked for again. */
		send_part(rpc, offset, bytes, 0, level);
		homa_rpc_lock(rpc);
	}
	tx->active = false;
	if (tx->sent < tx->length)
		homa_trace_grant_wait(rpc->id, tx->sent);
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
	u32 max_bytes, limit;

	homa_rpc_assert_locked(rpc);
	end = min(end, rpc->tx.sent);
	if (start >= end)
		return;
	limit = min(end, start + HOMA_RESEND_BYTES);
	homa_rpc_unlock(rpc);
	max_bytes = current_packet_bytes(rpc);
	while (max_bytes && start < limit) {
		u32 bytes = min(limit - start, max_bytes);

		if (send_part(rpc, start, bytes, end, level))
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

void homa_xmit_plain(struct homa_sock *hsk, struct homa_peer *peer, u16 dport, u64 id,
		     enum homa_type type)
{
	struct homa_wire_route route = route_of(hsk, dport, id);
	struct homa_common_hdr header;

	if (type == HOMA_RPC_UNKNOWN)
		homa_metric_inc(hsk->hnet, packets_sent_RPC_UNKNOWN);
	else if (type == HOMA_BUSY)
		homa_metric_inc(hsk->hnet, packets_sent_BUSY);
	else if (type == HOMA_FREEZE)
		homa_metric_inc(hsk->hnet, packets_sent_FREEZE);
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
