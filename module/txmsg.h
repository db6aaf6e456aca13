/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes of an outgoing message, kept until it need not be sent again. */
#ifndef _HOMA_TXMSG_H
#define _HOMA_TXMSG_H

#include <linux/skbuff.h>
#include <linux/uio.h>
#include "sock.h"

/* Messages up to this length are kept inside their RPC. */
#define HOMA_TINY_MESSAGE 192

/* Messages up to this length are kept in one piece and copied to packets. */
#define HOMA_SHORT_MESSAGE PAGE_SIZE

/**
 * struct homa_txmsg - where the bytes are
 * @data: short messages, in their RPC or allocated.
 * @chunks: pages of longer ones: [i] holds the bytes from i << (PAGE_SHIFT + @order).
 * @num_chunks: entries of @chunks.
 * @order: of the pages.
 * @charge: memory charged to the socket, 0: there is no message.
 */
struct homa_txmsg {
	u8 *data;
	struct page **chunks;
	u16 num_chunks;
	u8 order;
	u32 charge;
};

int homa_txmsg_alloc(struct homa_txmsg *msg, struct homa_sock *hsk, u32 length, u8 *tiny);
void homa_txmsg_free(struct homa_txmsg *msg, struct homa_sock *hsk, const u8 *tiny);
void homa_txmsg_free_spares(struct homa_sock *hsk);
bool homa_txmsg_fill(struct homa_txmsg *msg, u32 offset, u32 bytes, struct iov_iter *iter);
void homa_txmsg_append(const struct homa_txmsg *msg, struct sk_buff *skb, u32 offset, u32 bytes);

/* Bytes a chunk holds. */
static inline u32 homa_txmsg_chunk_bytes(const struct homa_txmsg *msg)
{
	return PAGE_SIZE << msg->order;
}

#endif /* _HOMA_TXMSG_H */
