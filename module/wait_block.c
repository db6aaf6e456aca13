// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: wait = block
 *
 * Sleeps at once. Each message that comes later costs a wake-up: microseconds,
 * and tens of them when the CPU slept too. Uses no CPU while it waits. Right
 * for threads that wait long, and where CPUs are shared.
 */

#include "wait_strategy.h"

const struct homa_wait_policy homa_wait_block = {
	.strategy.name = "block",
};
