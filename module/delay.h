/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delays at named points, for those who want to know what one costs or whether
 * an analysis finds it, and what a CPU costs where time does not pass by itself.
 * Off, a point is a nop.
 */
#ifndef _HOMA_DELAY_H
#define _HOMA_DELAY_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct sk_buff;

/* POINT(name): where. Softirqs or a lock of an RPC may be off or held there. The
 * first ones know of how many bytes it is.
 */
#define HOMA_DELAY_POINTS(POINT) \
	POINT(copy) /* packets are about to be copied to the application */ \
	POINT(copy_in) /* a part of a message is about to be copied from the application */ \
	POINT(syscall) /* sendmsg begins, or recvmsg ends */ \
	POINT(softirq) /* a softirq has its first packet */ \
	POINT(gro) /* a bundle of packets leaves its device */ \
	POINT(input) /* a packet is at protocol input */ \
	POINT(pacer) /* a message may leave the pacer's queue */ \
	POINT(grant) /* a GRANT is about to be sent */ \
	POINT(wakeup) /* a waiting thread runs with its message */ \
	POINT(tx_done) /* a packet, of one that was cut its last part, has left its device */

enum homa_delay_point {
#define DELAY_ENUM(name) HOMA_DELAY_##name,
	HOMA_DELAY_POINTS(DELAY_ENUM)
#undef DELAY_ENUM
	HOMA_DELAYS
};

DECLARE_STATIC_KEY_FALSE(homa_delay_key);

void homa_delay_now(enum homa_delay_point point, u64 id, u32 bytes);
void homa_delay_packet_now(u64 id);
void homa_delay_tx_now(struct sk_buff *skb);

static __always_inline bool homa_delay_on(void)
{
#ifdef HOMA_NO_DELAYS /* to see what the nops cost */
	return false;
#else
	return static_branch_unlikely(&homa_delay_key);
#endif
}

/* Passes @point with something of RPC @id. Any context but hard interrupts. */
static __always_inline void homa_delay(enum homa_delay_point point, u64 id)
{
	if (homa_delay_on())
		homa_delay_now(point, id, 0);
}

/* Passes the points of a packet of RPC @id that arrives. Softirq. */
static __always_inline void homa_delay_packet(u64 id)
{
	if (homa_delay_on())
		homa_delay_packet_now(id);
}

/* @skb, a packet from the transport header on, is about to be sent. */
static __always_inline void homa_delay_tx(struct sk_buff *skb)
{
	if (homa_delay_on())
		homa_delay_tx_now(skb);
}

/* @skb was cut; @last is its last part. */
void homa_delay_tx_cut(struct sk_buff *skb, struct sk_buff *last);

/* Without debugfs there is no log. */
void homa_delay_init(void);
void homa_delay_exit(void);

#endif /* _HOMA_DELAY_H */
