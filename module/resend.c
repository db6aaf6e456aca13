// SPDX-License-Identifier: GPL-2.0-only
/* Asking for what did not arrive. */

#include "outgoing.h"
#include "resend.h"

/* Most RESENDs sent at a time for one message. */
#define HOMA_RESEND_BATCH 16

static void set_resend(struct homa_rpc *rpc, struct homa_gap *missing, u32 *count)
{
	struct homa_gap gap = { .end = 0 };
	u32 limit = READ_ONCE(rpc->rx.granted);

	*count = 0;
	while (*count < HOMA_RESEND_BATCH &&
	       homa_gaps_next(rpc->rx.gaps, limit, gap.end, &gap))
		missing[(*count)++] = gap;
}

/**
 * homa_request_missing() - ask for what did not arrive
 * @rpc: locked RPC with an incomplete message; unlocked on return.
 *
 * Return: false if nothing is owed to us.
 */
bool homa_request_missing(struct homa_rpc *rpc)
{
	struct homa_gap missing[HOMA_RESEND_BATCH];
	bool nothing_yet = !rpc->rx.length || !rpc->rx.num_bpages;
	u32 count = 0, i;

	homa_rpc_assert_locked(rpc);
	if (!nothing_yet && rpc->rx.gaps)
		set_resend(rpc, missing, &count);
	homa_rpc_hold(rpc);
	homa_rpc_unlock(rpc);
	if (nothing_yet)
		homa_xmit_resend(rpc, 0, HOMA_RESEND_ALL, 0);
	for (i = 0; i < count; i++)
		homa_xmit_resend(rpc, missing[i].start, missing[i].end - missing[i].start, 0);
	homa_rpc_put(rpc);
	return nothing_yet || count;
}
