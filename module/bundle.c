// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of several messages that leave as one.
 *
 * Who sends many short messages can say that more are to follow: sendmmsg()
 * does (MSG_BATCH), or the application itself (MSG_MORE). Their packets are held,
 * and go through IP, filters and queues together, as those do that a device has
 * received together (gro.c). A device that takes no bundles, or the receiver,
 * takes them apart; on the wire each is a packet of its own.
 *
 * A socket holds one bundle. It leaves with the first message that is not
 * followed by others, before one that does not belong to it, when it is full,
 * when the socket is asked for messages or closed, and with the next tick at
 * the latest: a hint may be wrong, and sendmmsg() may fail half-way.
 */

#include "bundle.h"
#include "gso.h"
#include "link.h"
#include "outgoing.h"
#include "peer.h"
#include "tracing.h"
#include "wire.h"

/* Room for the headers of a frame. */
#define HOMA_FRAME_ROOM (LL_MAX_HEADER + sizeof(struct ipv6hdr))

/* Gives to IP what was held, if anything was. */
static void xmit(struct homa_sock *hsk, const struct homa_bundle *bundle)
{
	struct sk_buff *first = bundle->first;
	u32 packets;

	if (!first)
		return;
	packets = skb_shinfo(first)->gso_segs ?: 1;
	if (packets > 1) {
		homa_metric_inc(hsk->hnet, tx_bundles);
		homa_metric_add(hsk->hnet, tx_bundled, packets);
	}
	if (homa_xmit_skb(hsk, bundle->peer, first, bundle->level))
		homa_metric_add(hsk->hnet, data_xmit_errors, packets);
	homa_peer_put(bundle->peer);
}

/* Takes what is held; the caller sends it without the lock. */
static struct homa_bundle take(struct homa_sock *hsk)
{
	struct homa_bundle bundle = hsk->bundle;

	lockdep_assert_held(&hsk->lock);
	WRITE_ONCE(hsk->bundle.first, NULL);
	return bundle;
}

/* @skb may join what is held. */
static bool fits(const struct homa_bundle *bundle, const struct homa_peer *peer,
		 const struct sk_buff *skb, u8 level)
{
	const struct sk_buff *first = bundle->first;

	return bundle->peer == peer && bundle->level == level &&
	       first->len + skb->len <= bundle->most_bytes &&
	       homa_wire_same_ports((const void *)first->data, (const void *)skb->data);
}

static void append(struct homa_bundle *bundle, struct sk_buff *skb, u64 id)
{
	struct sk_buff *first = bundle->first;

	if (bundle->last == first)
		homa_gso_bundle(first);
	skb_reset_network_header(skb);
	homa_gso_append(first, bundle->last, skb);
	bundle->last = skb;
	homa_trace_data_hold(id, bundle->id, skb_shinfo(first)->gso_segs);
}

/* The most bytes of a bundle that goes to @peer, 0: there is no route. */
static u32 most_bytes(struct homa_net *hnet, const struct homa_peer *peer)
{
	const struct homa_route *route;
	u32 bytes = 0;

	rcu_read_lock();
	route = rcu_dereference(peer->route);
	if (route) {
		const struct net_device *dev = route->dst->dev;

		bytes = min_t(u32, READ_ONCE(dev->gso_max_size), U16_MAX);
		bytes = min(bytes - min_t(u32, bytes, HOMA_FRAME_ROOM),
			    homa_link_packet_bytes(hnet, dev->ifindex));
	}
	rcu_read_unlock();
	return bytes;
}

/* Begins a bundle. Return: false if @skb must go alone. */
static bool begin(struct homa_sock *hsk, struct homa_peer *peer, struct sk_buff *skb, u64 id,
		  u8 level)
{
	struct homa_bundle *bundle = &hsk->bundle;

	lockdep_assert_held(&hsk->lock);
	if (hsk->shutdown || !refcount_inc_not_zero(&peer->refs))
		return false;
	bundle->most_bytes = most_bytes(hsk->hnet, peer);
	bundle->last = skb;
	bundle->peer = peer;
	bundle->level = level;
	bundle->id = id;
	WRITE_ONCE(bundle->first, skb);
	homa_trace_data_hold(id, id, 1);
	return true;
}

/**
 * homa_bundle_xmit() - send the packet of a message, maybe with others
 * @hsk: sending socket.
 * @peer: destination; the caller is in an RCU section or holds a reference.
 * @skb: packet from the transport header on, all of its message; consumed.
 * @id: of its RPC.
 * @length: bytes of the message.
 * @more: others are to follow.
 */
void homa_bundle_xmit(struct homa_sock *hsk, struct homa_peer *peer, struct sk_buff *skb,
		      u64 id, u32 length, bool more)
{
	u32 most = READ_ONCE(hsk->hnet->tun.max_send_skbs);
	struct homa_bundle *bundle = &hsk->bundle;
	struct homa_bundle before = {}, ready = {};
	u8 level = homa_peer_unsched_level(peer, length);
	bool alone = length > (u32)READ_ONCE(hsk->hnet->tun.defer_min_bytes) || skb_is_gso(skb) ||
		     homa_xmit_alone(hsk);

	spin_lock_bh(&hsk->lock);
	if (bundle->first && (alone || !fits(bundle, peer, skb, level)))
		before = take(hsk);
	if (!alone) {
		if (bundle->first)
			append(bundle, skb, id);
		else
			alone = !more || most < 2 || !begin(hsk, peer, skb, id, level);
	}
	if (!alone && (!more || skb_shinfo(bundle->first)->gso_segs >= most))
		ready = take(hsk);
	spin_unlock_bh(&hsk->lock);
	xmit(hsk, &before);
	xmit(hsk, &ready);
	if (alone && homa_xmit_skb(hsk, peer, skb, level))
		homa_metric_inc(hsk->hnet, data_xmit_errors);
}

/**
 * homa_bundle_send() - send what is held
 * @hsk: socket.
 *
 * No lock of Homa held.
 */
void homa_bundle_send(struct homa_sock *hsk)
{
	struct homa_bundle bundle;

	spin_lock_bh(&hsk->lock);
	bundle = take(hsk);
	spin_unlock_bh(&hsk->lock);
	xmit(hsk, &bundle);
}
