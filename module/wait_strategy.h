/* SPDX-License-Identifier: GPL-2.0-only */
/* How a thread waits for a message, and which of those that wait gets one. */
#ifndef _HOMA_WAIT_STRATEGY_H
#define _HOMA_WAIT_STRATEGY_H

#include "sock.h"
#include "strategy.h"

/**
 * struct homa_wait_policy - what recvmsg does until there is a message
 * @strategy: its name.
 * @spin_ns: how long to look for a message at most before sleeping; NULL or 0:
 *	not at all. Not asked on a machine with one CPU, where nothing can
 *	arrive meanwhile.
 * @lasted: told how long a wait was, up to the hand-over. NULL: it is not
 *	measured.
 */
struct homa_wait_policy {
	struct homa_strategy strategy;
	u64 (*spin_ns)(const struct homa_sock *hsk);
	void (*lasted)(struct homa_sock *hsk, u64 waited_ns);
};

/**
 * struct homa_waiter_order - who gets the next message
 * @strategy: its name.
 * @pick: one of hsk->waiters, of which there are several. hsk->lock is held.
 */
struct homa_waiter_order {
	struct homa_strategy strategy;
	struct homa_waiter *(*pick)(const struct homa_sock *hsk);
};

extern const struct homa_wait_policy homa_wait_block;
extern const struct homa_wait_policy homa_wait_poll;
extern const struct homa_wait_policy homa_wait_adaptive;

extern const struct homa_waiter_order homa_wait_lifo;
extern const struct homa_waiter_order homa_wait_fifo;
extern const struct homa_waiter_order homa_wait_idle_core_first;

extern const struct homa_strategy_kind homa_wait_policies;
extern const struct homa_strategy_kind homa_waiter_orders;

/* The setting poll_usecs. */
static inline u64 homa_poll_ns(const struct homa_sock *hsk)
{
	return (u64)READ_ONCE(hsk->hnet->tun.poll_usecs) * NSEC_PER_USEC;
}

#endif /* _HOMA_WAIT_STRATEGY_H */
