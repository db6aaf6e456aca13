// SPDX-License-Identifier: GPL-2.0-only
/* When packets of long messages may leave the host. */

#include "pacer.h"

static bool none_may_send(struct homa_rpc *rpc, u32 bytes)
{
	return true;
}

/* Leaves the order to the queues below. */
static const struct homa_pacer pacer_none = {
	.strategy.name = "none",
	.may_send = none_may_send,
};

static const struct homa_strategy *const pacers[] = {
	&pacer_none.strategy,
};

const struct homa_strategy_kind homa_pacers = { pacers, ARRAY_SIZE(pacers) };

const struct homa_pacer *homa_pacer_find(const char *name)
{
	const struct homa_strategy *found = homa_strategy_find(&homa_pacers, name);

	return found ? container_of(found, struct homa_pacer, strategy) : NULL;
}
