// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: wait = adaptive
 *
 * Keeps a moving average of how long waits on a socket last, and looks for a
 * message only while that is below poll_usecs; then for twice the average, so
 * that a wait longer than usual ends asleep and not in vain spinning. Costs two
 * looks at the clock a wait. Right for programs whose load changes, and for
 * hosts with many sockets of which some are idle.
 */

#include <linux/minmax.h>
#include "wait_strategy.h"

/* A wait changes the average by one part in 1 << SHIFT. */
#define HOMA_WAIT_SHIFT 3

/* Longer waits count as this many times poll_usecs: a pause shall not take long
 * to be forgotten.
 */
#define HOMA_WAIT_MOST 4

static u64 adaptive_spin_ns(const struct homa_sock *hsk)
{
	u64 average_ns = READ_ONCE(hsk->wait_average_ns), limit_ns = homa_poll_ns(hsk);

	/* Without history: as poll does. */
	if (!average_ns)
		return limit_ns;
	return average_ns <= limit_ns ? min(2 * average_ns, limit_ns) : 0;
}

/* Threads of one socket may overwrite each other's share of the average. */
static void adaptive_lasted(struct homa_sock *hsk, u64 waited_ns)
{
	u64 average_ns = READ_ONCE(hsk->wait_average_ns);
	u64 most_ns = HOMA_WAIT_MOST * homa_poll_ns(hsk);

	waited_ns = min(waited_ns, most_ns);
	if (!average_ns)
		average_ns = waited_ns;
	else
		average_ns = average_ns - (average_ns >> HOMA_WAIT_SHIFT) +
			     (waited_ns >> HOMA_WAIT_SHIFT);
	WRITE_ONCE(hsk->wait_average_ns, max_t(u64, average_ns, 1));
}

const struct homa_wait_policy homa_wait_adaptive = {
	.strategy.name = "adaptive",
	.spin_ns = adaptive_spin_ns,
	.lasted = adaptive_lasted,
};
