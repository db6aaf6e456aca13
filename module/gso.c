// SPDX-License-Identifier: GPL-2.0-only
/*
 * DATA packets longer than the MTU. Ours are a DATA header and a long payload:
 * what does not need to be cut is received as one packet. Those of other
 * senders may repeat seg_offset in front of each segment; doff tells.
 *
 * The type names TCP because its header length, in doff, is ours too, so that
 * all who reckon with the length of segments are right. It names SCTP as well
 * because devices that move packets only (veth, bridges, tunnels) take both
 * and devices that cut take but one: those get segments.
 */

#include "compat.h"
#include "delay.h"
#include "gso.h"
#include "wire.h"

/**
 * homa_gso_mark() - mark a packet to be cut
 * @skb: DATA packet of plain form, from the transport header on.
 * @v4: will be sent as IPv4, else IPv6.
 * @seg_bytes: payload of a segment, less than the packet's.
 */
void homa_gso_mark(struct sk_buff *skb, bool v4, u32 seg_bytes)
{
	struct skb_shared_info *info = skb_shinfo(skb);

	info->gso_type = SKB_GSO_SCTP | (v4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6);
	info->gso_size = seg_bytes;
	info->gso_segs = DIV_ROUND_UP(skb->len - sizeof(struct homa_data_hdr), seg_bytes);
	/* Receivers do not look at the checksum, which is 0. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
}

u32 homa_gso_header_bytes(struct sk_buff *skb)
{
	const struct homa_data_hdr *h;

	if (!pskb_may_pull(skb, sizeof(*h)))
		return 0;
	h = (const struct homa_data_hdr *)skb->data;
	if (h->common.type != HOMA_DATA)
		return 0;
	if (h->common.doff == HOMA_DOFF_DATA_GSO)
		return HOMA_DATA_GSO_HDR_BYTES;
	return h->common.doff == HOMA_DOFF_DATA ? sizeof(*h) : 0;
}

/* Lets a segment say where it belongs, as an unsegmented packet does. */
static void finish_segment(struct sk_buff *skb, u32 header, u32 offset)
{
	struct homa_data_hdr *h = (struct homa_data_hdr *)skb_transport_header(skb);

	if (header == sizeof(*h))
		h->seg_offset = cpu_to_be32(offset);
	h->common.sequence = h->seg_offset;
	h->common.checksum = 0;
	skb->ip_summed = CHECKSUM_NONE;
}

/**
 * homa_gso_bundle() - a packet that shall be the first of a bundle
 * @first: packet to be sent, from the transport header on.
 */
void homa_gso_bundle(struct sk_buff *first)
{
	struct skb_shared_info *info = skb_shinfo(first);

	info->gso_type = SKB_GSO_FRAGLIST;
	info->gso_size = first->len;
	info->gso_segs = 1;
	/* None is verified, and none must be computed. */
	first->ip_summed = CHECKSUM_UNNECESSARY;
}

/**
 * homa_gso_append() - put a packet behind others
 * @first: first packet of a bundle.
 * @last: its last one, maybe @first.
 * @skb: packet from the transport header on, no bundle. If its network header is
 *	there as well, it gets a copy of that of @first before they part.
 */
void homa_gso_append(struct sk_buff *first, struct sk_buff *last, struct sk_buff *skb)
{
	struct skb_shared_info *info = skb_shinfo(first);

	if (last == first)
		info->frag_list = skb;
	else
		last->next = skb;
	first->len += skb->len;
	first->data_len += skb->len;
	first->truesize += skb->truesize;
	info->gso_segs++;
	/* The longest, for those who must know whether a packet fits. */
	if (skb->len > info->gso_size)
		info->gso_size = skb->len;
}

/*
 * Gives the packets behind the first of a bundle room for what precedes it, which a
 * tunnel may have got after they were made, and a copy of its IP header to those
 * without, whose network header ends where it begins.
 */
static int complete_headers(struct sk_buff *skb, u32 mac_bytes)
{
	u32 ip_bytes = skb_network_header_len(skb);
	struct sk_buff **at, *seg, *own;

	if (skb_unclone(skb, GFP_ATOMIC))
		return -ENOMEM;
	for (at = &skb_shinfo(skb)->frag_list; (seg = *at); at = &seg->next) {
		bool bare = !skb_network_header_len(seg);
		u32 room = mac_bytes + (bare ? ip_bytes : skb_network_header_len(seg));

		if (unlikely(skb_headroom(seg) < room || (bare && skb_shared(seg)))) {
			own = skb_realloc_headroom(seg, room);
			if (!own)
				return -ENOMEM;
			own->next = seg->next;
			consume_skb(seg);
			*at = own;
			seg = own;
		}
		if (bare) {
			skb_set_network_header(seg, -(int)ip_bytes);
			memcpy(skb_network_header(seg), skb_network_header(skb), ip_bytes);
		}
	}
	return 0;
}

/* Takes a bundle apart. Return: list of packets or an ERR_PTR. */
static struct sk_buff *segment_bundle(struct sk_buff *skb, netdev_features_t features)
{
	u32 mac_bytes = skb_mac_header_len(skb);
	struct sk_buff *segs;

	if (complete_headers(skb, mac_bytes + skb_tnl_header_len(skb)))
		return ERR_PTR(-ENOMEM);
	segs = skb_segment_list(skb, features, mac_bytes);
	if (!IS_ERR(segs))
		homa_delay_tx_cut(segs, segs->prev);
	return segs;
}

/**
 * homa_gso_segment() - cut a packet
 * @skb: packet from the transport header on.
 * @features: of the device.
 *
 * Return: list of segments, NULL: the device takes @skb as it is, or an ERR_PTR.
 */
struct sk_buff *homa_gso_segment(struct sk_buff *skb, netdev_features_t features)
{
	u32 mss = skb_shinfo(skb)->gso_size, header, offset, i;
	const struct homa_data_hdr *h;
	struct sk_buff *segs, *seg, *last = NULL;

	if (homa_gso_is_bundle(skb)) {
		if (skb_gso_ok(skb, features | NETIF_F_GSO_ROBUST))
			return NULL;
		return segment_bundle(skb, features);
	}
	header = homa_gso_header_bytes(skb);
	if (!header || skb->len <= header + mss ||
	    !(skb_shinfo(skb)->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6)))
		return ERR_PTR(-EINVAL);
	if (skb_gso_ok(skb, features | NETIF_F_GSO_ROBUST)) {
		/* Whoever made it may have miscounted. */
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(skb->len - header, mss);
		return NULL;
	}
	h = (const struct homa_data_hdr *)skb->data;
	offset = homa_wire_offset(h);
	__skb_pull(skb, header);
	/* No checksum is needed, and no device may leave a part of it undone. */
	segs = skb_segment(skb, (features | NETIF_F_HW_CSUM) & ~NETIF_F_GSO_PARTIAL);
	if (IS_ERR(segs))
		return segs;
	for (seg = segs, i = 0; seg; seg = seg->next, i++) {
		if (header != sizeof(*h) &&
		    !pskb_may_pull(seg, skb_transport_offset(seg) + sizeof(*h)))
			goto fail;
		finish_segment(seg, header, offset + i * mss);
		last = seg;
	}
	homa_delay_tx_cut(skb, last);
	return segs;
fail:
	kfree_skb_list(segs);
	return ERR_PTR(-ENOMEM);
}
