/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets to the application. */
#ifndef _HOMA_COPY_OUT_H
#define _HOMA_COPY_OUT_H

#include "rpc.h"

/* What protocol input notes in skb->cb for the copying thread. */
struct homa_rx_cb {
	u32 offset; /* in the message */
	u32 bytes;
	u32 header_bytes;
};

static inline struct homa_rx_cb *homa_rx_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct homa_rx_cb) > sizeof(skb->cb));
	return (struct homa_rx_cb *)skb->cb;
}

int homa_copy_out(struct homa_rpc *rpc, struct sk_buff_head *queue);

#endif /* _HOMA_COPY_OUT_H */
