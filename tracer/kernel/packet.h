/* SPDX-License-Identifier: GPL-2.0-only */
/* What identifies a packet from one trace event to the next. */
#ifndef TIMETRACE_PACKET_H
#define TIMETRACE_PACKET_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "compat.h"

/* Homa by its wire layout, which is fixed; see docs/protocol.md. */
#define TT_PROTO_HOMA 146
#define TT_HOMA_HEADER_BYTES 28
#define TT_HOMA_SEQUENCE_AT 4
#define TT_HOMA_TYPE_AT 11
#define TT_HOMA_ID_AT 20
#define TT_HOMA_SEG_OFFSET_AT 52
#define TT_HOMA_TYPE_DATA 0x10
#define TT_HOMA_NO_OFFSET 0xffffffffu

/* Fields of the packet events; see timetrace/kernel_events.def. */
struct tt_packet {
	u16 dev;
	u8 proto;
	u32 ports;
	u64 id;
	u32 offset;
};

/**
 * tt_packet_parse() - identify a packet; any context
 * @skb: the packet.
 * @network: offset of the network header from skb->data.
 *
 * What is not IPv4 or IPv6, not TCP, UDP or Homa, or too short, leaves the
 * rest 0.
 */
struct tt_packet tt_packet_parse(const struct sk_buff *skb, int network);

/**
 * tt_packet_data() - DATA of Homa as nearly all of it comes; any context
 * @skb: the packet.
 * @ip: its network header.
 * @homa: where its Homa header is.
 *
 * Return: false unless it is over IP without options or fragments and its
 * headers are in the linear part. tt_packet_parse() says the same of it, and of
 * others, too.
 */
static __always_inline bool tt_packet_data(const struct sk_buff *skb, const u8 *ip,
					   const u8 **homa)
{
	const u8 *end = skb_tail_pointer(skb) - TT_HOMA_SEG_OFFSET_AT - sizeof(u32);
	const u8 *h;

	if (likely(skb->protocol == htons(ETH_P_IP))) {
		h = ip + sizeof(struct iphdr);
		/* Fragment and protocol in one; between them the time to live. */
		if (h > end || ip[0] != 0x45 ||
		    (get_unaligned_be32(ip + 6) & 0x3fff00ff) != TT_PROTO_HOMA)
			return false;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		h = ip + sizeof(struct ipv6hdr);
		if (h > end || ip[0] >> 4 != 6 || ip[6] != TT_PROTO_HOMA)
			return false;
	} else {
		return false;
	}
	*homa = h;
	return h[TT_HOMA_TYPE_AT] == TT_HOMA_TYPE_DATA && skb->dev;
}

/* Senders may leave the offset to the sequence number. */
static __always_inline u32 tt_homa_offset(const u8 *h)
{
	u32 offset = get_unaligned_be32(h + TT_HOMA_SEG_OFFSET_AT);

	return likely(offset != TT_HOMA_NO_OFFSET) ? offset :
	       get_unaligned_be32(h + TT_HOMA_SEQUENCE_AT);
}

#endif /* TIMETRACE_PACKET_H */
