/* SPDX-License-Identifier: GPL-2.0-only */
/* DATA packets longer than the MTU, cut by whoever must. */
#ifndef _HOMA_GSO_H
#define _HOMA_GSO_H

#include <linux/skbuff.h>
#include "uapi/homa_wire.h"

/* Bytes of a packet repeated in front of each segment, 0: cannot be cut. */
u32 homa_gso_header_bytes(struct sk_buff *skb);

void homa_gso_mark(struct sk_buff *skb, bool v4, u32 seg_bytes);
/* The payload of a long packet is segments that begin with their seg_offset each. */
static inline bool homa_gso_repeats_offset(struct sk_buff *skb)
{
	return homa_gso_header_bytes(skb) == HOMA_DATA_GSO_HDR_BYTES;
}

/* Whole packets, one behind the other, see gro.c. */
static inline bool homa_gso_is_bundle(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST;
}

void homa_gso_bundle(struct sk_buff *first);
void homa_gso_append(struct sk_buff *first, struct sk_buff *last, struct sk_buff *skb);
struct sk_buff *homa_gso_segment(struct sk_buff *skb, netdev_features_t features);

#endif /* _HOMA_GSO_H */
