// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: waiter_order = idle_core_first
 *
 * The latest thread whose CPU has had no packet of ours for busy_usecs, or the
 * latest of all: a thread woken where packets come in waits for its CPU, or
 * keeps the next packets waiting. Costs a look at the clock for each packet and
 * hand-over. Right with as many CPUs as threads, and packets on a few of them.
 */

#include "core.h"
#include "wait_strategy.h"

/* Waiters looked at. */
#define HOMA_WAITERS_LOOK 8

static struct homa_waiter *idle_core_pick(const struct homa_sock *hsk)
{
	u64 busy_ns = homa_busy_ns(hsk->hnet);
	u64 now_ns = ktime_get_mono_fast_ns();
	struct homa_waiter *waiter;
	int looked = 0;

	list_for_each_entry(waiter, &hsk->waiters, link) {
		int cpu = task_cpu(waiter->task);
		u64 input_ns = READ_ONCE(per_cpu(homa_cores.input_ns, cpu));

		/* Clocks of two CPUs may differ a little. */
		if (input_ns + busy_ns < now_ns)
			return waiter;
		if (++looked == HOMA_WAITERS_LOOK)
			break;
	}
	return list_first_entry(&hsk->waiters, struct homa_waiter, link);
}

const struct homa_waiter_order homa_wait_idle_core_first = {
	.strategy.name = "idle_core_first",
	.strategy.watches_cores = true,
	.pick = idle_core_pick,
};
