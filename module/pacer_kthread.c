// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread per link, which sleeps until the link is as good as idle. It can be
 * moved, limited and accounted like any other, and pays for it: a wake-up for
 * each packet, and the link is idle while others have the CPU.
 */

#include "pacer_thread.h"

static struct task_struct *start(struct homa_link *link)
{
	return homa_pacer_thread_start(link, false);
}

const struct homa_pacer homa_pacer_kthread = {
	.strategy.name = "kthread",
	.start = start,
	.wait_ns = homa_pacer_estimate,
	.wake = homa_pacer_thread_wake,
};
