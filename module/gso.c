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
		return skb_segment_list(skb, features, skb_mac_header_len(skb));
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
