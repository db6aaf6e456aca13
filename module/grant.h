/* SPDX-License-Identifier: GPL-2.0-only */
/* Receiver's scheduling: who may send how much of a long message. */
#ifndef _HOMA_GRANT_H
#define _HOMA_GRANT_H

#include "rpc.h"
#include "strategy.h"

/**
 * struct homa_grant_order - which message is granted first
 * @strategy: its name.
 * @before: pure; true if @a comes first.
 * @rotates: a message that had its turn goes behind the others.
 */
struct homa_grant_order {
	struct homa_strategy strategy;
	bool (*before)(const struct homa_grant_rank *a, const struct homa_grant_rank *b);
	bool rotates;
};

extern const struct homa_strategy_kind homa_grant_orders;

/**
 * struct homa_grant_list - GRANTs decided on, to be sent without locks
 * @count: their number.
 * @grant: RPC with a reference, new limit and level.
 */
struct homa_grant_list {
	u32 count;
	struct {
		struct homa_rpc *rpc;
		u32 offset;
		u8 level;
	} grant[HOMA_MAX_GRANTED + 1]; /* and one for the oldest message */
};

void homa_grant_net_init(struct homa_net *hnet);
void homa_grant_join(struct homa_rpc *rpc, int ifindex, u64 now_ns);
void homa_grant_leave(struct homa_rpc *rpc);
void homa_grant_progress(struct homa_rpc *rpc, struct homa_grant_list *list);

/* The message is not granted until its packets were copied out. */
static inline bool homa_grant_paused(const struct homa_rpc *rpc)
{
	return rpc->grant.managed && RB_EMPTY_NODE(&rpc->grant.node);
}

/* Most messages that are asked for at once. */
#define HOMA_MAX_OWING 32

u32 homa_grant_owing(struct homa_net *hnet, struct homa_rpc **owing, u64 *next_ns);
void homa_grant_check(struct homa_net *hnet);
void homa_grant_send(struct homa_grant_list *list);

/* Order called @name, or NULL. */
const struct homa_grant_order *homa_grant_order_find(const char *name);
void homa_grant_set_order(struct homa_net *hnet, const struct homa_grant_order *order);

#endif /* _HOMA_GRANT_H */
