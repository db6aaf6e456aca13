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
#define TT_HOMA_DATA_BYTES 56 /* with the offset */
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

/* Where the network header is: on the way in skb->data is at it, on the way out before it. */
enum tt_packet_side { TT_OUT, TT_IN };

static __always_inline const u8 *tt_packet_ip(const struct sk_buff *skb, enum tt_packet_side side)
{
	return side == TT_IN ? skb->data : skb->head + skb->network_header;
}

/* Whether the linear part has @bytes from the network header on. */
static __always_inline bool tt_packet_has(const struct sk_buff *skb, enum tt_packet_side side,
					  u32 bytes)
{
	return side == TT_IN ? skb_headlen(skb) >= bytes :
			       skb->network_header + bytes <= skb->tail;
}

/**
 * tt_packet_data_ipv4() - whether it is DATA of Homa as nearly all of it comes; any context
 * @skb: the packet, which has a device.
 * @ip: its network header.
 * @side: where it is on its way.
 *
 * tt_packet_parse() says the same of it, and of others, too.
 *
 * Return: false unless it is over IPv4 without options or fragments and its
 * headers are in the linear part.
 */
static __always_inline bool tt_packet_data_ipv4(const struct sk_buff *skb, const u8 *ip,
						enum tt_packet_side side)
{
	/* Fragment and protocol in one; between them the time to live. */
	return skb->protocol == htons(ETH_P_IP) &&
	       tt_packet_has(skb, side, sizeof(struct iphdr) + TT_HOMA_DATA_BYTES) &&
	       ip[0] == 0x45 &&
	       (get_unaligned_be32(ip + 6) & 0x3fff00ff) == TT_PROTO_HOMA &&
	       ip[sizeof(struct iphdr) + TT_HOMA_TYPE_AT] == TT_HOMA_TYPE_DATA;
}

/* The same of IPv6 without extension headers. */
static inline bool tt_packet_data_ipv6(const struct sk_buff *skb, const u8 *ip,
				       enum tt_packet_side side)
{
	return skb->protocol == htons(ETH_P_IPV6) &&
	       tt_packet_has(skb, side, sizeof(struct ipv6hdr) + TT_HOMA_DATA_BYTES) &&
	       ip[0] >> 4 == 6 && ip[6] == TT_PROTO_HOMA &&
	       ip[sizeof(struct ipv6hdr) + TT_HOMA_TYPE_AT] == TT_HOMA_TYPE_DATA;
}

/* Senders may leave the offset to the sequence number. */
static __always_inline u32 tt_homa_offset(const u8 *h)
{
	u32 offset = get_unaligned_be32(h + TT_HOMA_SEG_OFFSET_AT);

	OPTIMIZER_HIDE_VAR(offset); /* it is compared as it will be stored */
	return likely(offset != TT_HOMA_NO_OFFSET) ? offset :
	       get_unaligned_be32(h + TT_HOMA_SEQUENCE_AT);
}

#endif /* TIMETRACE_PACKET_H */
