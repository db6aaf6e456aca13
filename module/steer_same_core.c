// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: steering = same_core
 *
 * A packet is handled on the CPU that took it from its device, also if RPS gave
 * it to another one: warm caches, and nobody is woken. That CPU does all the
 * work of its devices. Where RPS moves packets they are moved twice. Right for
 * low load, and to measure what spreading costs.
 */

#include "steer.h"

static int same_core_pick(struct homa_steered *packet)
{
	packet->why = HOMA_STEER_ORIGIN;
	return packet->origin;
}

const struct homa_steering homa_steer_same_core = {
	.strategy.name = "same_core",
	.strategy.watches_cores = true,
	.pick = same_core_pick,
};
