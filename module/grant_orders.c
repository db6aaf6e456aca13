// SPDX-License-Identifier: GPL-2.0-only
/* Which message is granted first: the strategies. */

#include "grant.h"

/* Shortest remaining first: the least mean time to completion. */
static const struct homa_grant_order srpt = {
	.strategy.name = "srpt",
	.before = homa_grant_before,
};

static bool fifo_before(const struct homa_grant_rank *a, const struct homa_grant_rank *b)
{
	return a->birth_ns < b->birth_ns;
}

/* In the order of arrival. */
static const struct homa_grant_order fifo = {
	.strategy.name = "fifo",
	.before = fifo_before,
};

static bool rr_before(const struct homa_grant_rank *a, const struct homa_grant_rank *b)
{
	return a->turn < b->turn;
}

/* Round robin: equal shares. */
static const struct homa_grant_order rr = {
	.strategy.name = "rr",
	.before = rr_before,
	.rotates = true,
};

static const struct homa_strategy *const orders[] = {
	&srpt.strategy,
	&fifo.strategy,
	&rr.strategy,
};

const struct homa_strategy_kind homa_grant_orders = { orders, ARRAY_SIZE(orders) };

const struct homa_grant_order *homa_grant_order_find(const char *name)
{
	const struct homa_strategy *found = homa_strategy_find(&homa_grant_orders, name);

	return found ? container_of(found, struct homa_grant_order, strategy) : NULL;
}
