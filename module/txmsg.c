// SPDX-License-Identifier: GPL-2.0-only
/* Bytes of outgoing messages. */

#include <linux/slab.h>
#include "txmsg.h"

/* Pages of long messages: this order if they are to be had. */
#define HOMA_CHUNK_ORDER 3

/* Chunks a socket keeps for its next messages while its namespace has RPCs:
 * new ones are often cleared first, which costs as much as a copy.
 */
#define HOMA_SPARE_CHUNKS 32

static struct page *alloc_chunk(struct homa_sock *hsk, u8 order)
{
	gfp_t gfp = homa_to_sk(hsk)->sk_allocation | __GFP_ACCOUNT;

	if (order)
		gfp |= __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY;
	return alloc_pages(gfp, order);
}

static void take_spares(struct homa_txmsg *msg, struct homa_sock *hsk, u32 chunks)
{
	if (!READ_ONCE(hsk->num_spare_chunks))
		return;
	spin_lock_bh(&hsk->lock);
	while (msg->num_chunks < chunks && hsk->num_spare_chunks) {
		struct page *page = list_first_entry(&hsk->spare_chunks, struct page, lru);

		list_del(&page->lru);
		WRITE_ONCE(hsk->num_spare_chunks, hsk->num_spare_chunks - 1);
		msg->chunks[msg->num_chunks++] = page;
	}
	spin_unlock_bh(&hsk->lock);
}

/* Takes chunks off the end of @msg that nobody uses and that may be kept. */
static void keep_spares(struct homa_txmsg *msg, struct homa_sock *hsk)
{
	spin_lock_bh(&hsk->lock);
	while (msg->num_chunks && hsk->num_spare_chunks < HOMA_SPARE_CHUNKS) {
		struct page *page = msg->chunks[msg->num_chunks - 1];

		/* Packets under way may refer to it. */
		if (page_ref_count(page) != 1)
			break;
		list_add(&page->lru, &hsk->spare_chunks);
		WRITE_ONCE(hsk->num_spare_chunks, hsk->num_spare_chunks + 1);
		msg->num_chunks--;
	}
	spin_unlock_bh(&hsk->lock);
}

/**
 * homa_txmsg_free_spares() - give back what a socket keeps for later
 * @hsk: socket.
 */
void homa_txmsg_free_spares(struct homa_sock *hsk)
{
	struct page *page, *next;
	LIST_HEAD(pages);

	if (!READ_ONCE(hsk->num_spare_chunks))
		return;
	spin_lock_bh(&hsk->lock);
	list_splice_init(&hsk->spare_chunks, &pages);
	WRITE_ONCE(hsk->num_spare_chunks, 0);
	spin_unlock_bh(&hsk->lock);
	list_for_each_entry_safe(page, next, &pages, lru)
		__free_pages(page, HOMA_CHUNK_ORDER);
}

static void free_chunks(struct homa_txmsg *msg, struct homa_sock *hsk)
{
	u32 i;

	if (msg->order == HOMA_CHUNK_ORDER)
		keep_spares(msg, hsk);
	for (i = 0; i < msg->num_chunks; i++)
		__free_pages(msg->chunks[i], msg->order);
	kfree(msg->chunks);
}

/* In large chunks or, if there are none, in pages. */
static int alloc_long(struct homa_txmsg *msg, struct homa_sock *hsk, u32 length, u8 order)
{
	u32 chunks = DIV_ROUND_UP(length, PAGE_SIZE << order);

	msg->data = NULL;
	msg->order = order;
	msg->charge = (chunks * PAGE_SIZE) << order;
	msg->chunks = kmalloc_array(chunks, sizeof(*msg->chunks), GFP_KERNEL_ACCOUNT);
	if (!msg->chunks)
		return -ENOMEM;
	msg->num_chunks = 0;
	if (order == HOMA_CHUNK_ORDER)
		take_spares(msg, hsk, chunks);
	for (; msg->num_chunks < chunks; msg->num_chunks++) {
		struct page *page = alloc_chunk(hsk, order);

		if (!page) {
			free_chunks(msg, hsk);
			return order ? alloc_long(msg, hsk, length, 0) : -ENOMEM;
		}
		msg->chunks[msg->num_chunks] = page;
	}
	return 0;
}

/**
 * homa_txmsg_alloc() - make room for a message
 * @msg: filled in on success.
 * @hsk: socket; the memory is charged to it.
 * @length: bytes of the message.
 * @tiny: HOMA_TINY_MESSAGE bytes that live as long as the message.
 *
 * Return: 0 or -ENOMEM.
 */
int homa_txmsg_alloc(struct homa_txmsg *msg, struct homa_sock *hsk, u32 length, u8 *tiny)
{
	if (length <= HOMA_SHORT_MESSAGE) {
		msg->chunks = NULL;
		msg->num_chunks = 0;
		msg->order = 0;
		msg->charge = SKB_TRUESIZE(length);
		msg->data = length <= HOMA_TINY_MESSAGE ? tiny :
			    kmalloc(length, GFP_KERNEL_ACCOUNT);
		if (!msg->data)
			return -ENOMEM;
	} else {
		u8 order = min_t(u8, get_order(length), HOMA_CHUNK_ORDER);
		int err = alloc_long(msg, hsk, length, order);

		if (err)
			return err;
	}
	homa_sock_charge(hsk, msg->charge);
	return 0;
}

/* Gives the memory back; @hsk and @tiny as it was allocated with. */
void homa_txmsg_free(struct homa_txmsg *msg, struct homa_sock *hsk, const u8 *tiny)
{
	if (msg->chunks)
		free_chunks(msg, hsk);
	else if (msg->data != tiny)
		kfree(msg->data);
	homa_sock_uncharge(hsk, msg->charge);
}

/**
 * homa_txmsg_fill() - copy bytes from the application
 * @msg: message.
 * @offset: where they belong; the start of a chunk.
 * @bytes: their number; at most a chunk.
 * @iter: source.
 *
 * Return: false if the source is not readable.
 */
bool homa_txmsg_fill(struct homa_txmsg *msg, u32 offset, u32 bytes, struct iov_iter *iter)
{
	u32 chunk_bytes = homa_txmsg_chunk_bytes(msg);

	if (!msg->chunks)
		return copy_from_iter_full(msg->data + offset, bytes, iter);
	return copy_page_from_iter(msg->chunks[offset / chunk_bytes], 0, bytes, iter) == bytes;
}

/**
 * homa_txmsg_append() - add bytes of a message to a packet
 * @msg: message.
 * @skb: packet; has room for them if the message is a short one. Of longer
 *	ones it gets references to the pages.
 * @offset: first byte.
 * @bytes: their number.
 */
void homa_txmsg_append(const struct homa_txmsg *msg, struct sk_buff *skb, u32 offset, u32 bytes)
{
	u32 chunk_bytes = homa_txmsg_chunk_bytes(msg);
	int frag = skb_shinfo(skb)->nr_frags;

	if (!msg->chunks) {
		skb_put_data(skb, msg->data + offset, bytes);
		return;
	}
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
