// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread per link as in kthread, of the real-time class: threads of
 * applications do not keep it waiting, softirqs and interrupts do. What it
 * takes is taken from everybody on its CPU.
 */

#include "pacer_thread.h"

static struct task_struct *start(struct homa_link *link)
{
	return homa_pacer_thread_start(link, true);
}

const struct homa_pacer homa_pacer_kthread_rt = {
	.strategy.name = "kthread_rt",
	.start = start,
	.wait_ns = homa_pacer_estimate,
	.wake = homa_pacer_thread_wake,
};
