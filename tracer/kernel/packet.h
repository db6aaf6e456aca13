/* SPDX-License-Identifier: GPL-2.0-only */
/* What identifies a packet from one trace event to the next. */
#ifndef TIMETRACE_PACKET_H
#define TIMETRACE_PACKET_H

#include <linux/types.h>

struct sk_buff;

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

#endif /* TIMETRACE_PACKET_H */
