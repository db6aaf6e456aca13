// SPDX-License-Identifier: GPL-2.0-only
/*
 * A timer per link releases messages when its queue is short enough, in a
 * softirq: no thread that the scheduler could keep waiting. It costs an
 * interrupt per packet while messages wait and nothing else.
 */

#include "pacer_timer.h"

const struct homa_pacer homa_pacer_hrtimer = {
	.strategy.name = "hrtimer",
	.stop = homa_pacer_timer_stop,
	.wait_ns = homa_pacer_estimate,
	.wake = homa_pacer_timer_wake,
};
