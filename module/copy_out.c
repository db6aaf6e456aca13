// SPDX-License-Identifier: GPL-2.0-only
/* Packets to the application. */

#include <linux/skbuff.h>
#include "copy_out.h"
#include "delay.h"
#include "folds.h"

static int copy_packet(struct homa_rpc *rpc, struct sk_buff *skb)
{
	struct homa_rx_cb *cb = homa_rx_cb(skb);
	u32 done = 0;

	while (done < cb->bytes) {
		u32 at = cb->offset + done;
		u32 in_bpage = at & (HOMA_BPAGE_SIZE - 1);
		u32 n = min_t(u32, cb->bytes - done, HOMA_BPAGE_SIZE - in_bpage);
		u32 place = rpc->rx.bpages[at >> HOMA_BPAGE_SHIFT] + in_bpage;
		void __user *to = homa_pool_address(rpc->hsk->pool, place);
		u32 from = cb->header_bytes + done;

		if (from + n <= skb_headlen(skb)) {
			if (copy_to_user(to, skb->data + from, n))
				return -EFAULT;
		} else {
			struct iov_iter iter;

			iov_iter_ubuf(&iter, ITER_DEST, to, n);
			if (skb_copy_datagram_iter(skb, from, &iter, n))
				return -EFAULT;
		}
		done += n;
	}
	return 0;
}

static u32 queued_bytes(const struct sk_buff_head *queue)
{
	struct sk_buff *skb;
	u32 bytes = 0;

	skb_queue_walk(queue, skb)
		bytes += homa_rx_cb(skb)->bytes;
	return bytes;
}

/**
 * homa_copy_out() - copy packets to the region of the application
 * @rpc: RPC with a reference, not locked; its bpages do not change meanwhile.
 * @queue: its packets; consumed.
 *
 * Return: 0 or -EFAULT.
 */
int homa_copy_out(struct homa_rpc *rpc, struct sk_buff_head *queue)
{
	struct sock *sk = homa_to_sk(rpc->hsk);
	struct sk_buff *skb = skb_peek(queue);
	bool whole = homa_rx_cb(skb)->bytes == rpc->rx.length;
	int err = 0;

	trace_homa_copy_out(rpc->id, homa_rx_cb(skb)->offset);
	if (whole)
		homa_tt_stamp(&rpc->trace.image.copy);
	else
		homa_tt_copy_out(rpc->id, homa_rx_cb(skb)->offset);
	if (homa_delay_on())
		homa_delay_now(HOMA_DELAY_copy, rpc->id, queued_bytes(queue));
	while ((skb = __skb_dequeue(queue))) {
		u32 end = homa_rx_cb(skb)->offset + homa_rx_cb(skb)->bytes;

		if (!err)
			err = copy_packet(rpc, skb);
		if (skb_queue_empty(queue)) {
			trace_homa_copy_out_done(rpc->id, end);
			if (whole)
				homa_tt_stamp(&rpc->trace.image.copied);
			else
				homa_tt_copy_out_done(rpc->id, end);
		}
		atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
		if (unlikely(err))
			kfree_skb_reason(skb, SKB_DROP_REASON_SKB_UCOPY_FAULT);
		else
			consume_skb(skb);
	}
	return err;
}
