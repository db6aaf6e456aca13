// SPDX-License-Identifier: GPL-2.0-only
/* The timer of a link, for the strategies that release by it. */

#include "compat.h"
#include "pacer_timer.h"

/* Packets sent before other softirqs have their turn. */
#define HOMA_PACER_BURST 16

static enum hrtimer_restart expired(struct hrtimer *timer)
{
	homa_pacer_release(container_of(timer, struct homa_link, timer), HOMA_PACER_BURST);
	/* Whoever waits has started it again. */
	return HRTIMER_NORESTART;
}

void homa_pacer_timer_init(struct homa_link *link)
{
	hrtimer_setup(&link->timer, expired, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
}

void homa_pacer_timer_stop(struct homa_link *link)
{
	hrtimer_cancel(&link->timer);
}

void homa_pacer_timer_wake(struct homa_link *link, u64 wait_ns)
{
	lockdep_assert_held(&link->lock);
	hrtimer_start(&link->timer, ns_to_ktime(wait_ns), HRTIMER_MODE_REL_SOFT);
}
