/* SPDX-License-Identifier: GPL-2.0-only */
/* When packets of long messages may leave the host. */
#ifndef _HOMA_PACER_H
#define _HOMA_PACER_H

#include "rpc.h"
#include "strategy.h"

/**
 * struct homa_pacer - a way of holding messages back
 * @strategy: its name.
 * @may_send: asked with the RPC locked before each packet of a message of
 *	several; false: the strategy will call homa_xmit_data() later.
 */
struct homa_pacer {
	struct homa_strategy strategy;
	bool (*may_send)(struct homa_rpc *rpc, u32 bytes);
};

extern const struct homa_strategy_kind homa_pacers;

/* Pacer called @name, or NULL. */
const struct homa_pacer *homa_pacer_find(const char *name);

#endif /* _HOMA_PACER_H */
