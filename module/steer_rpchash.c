// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: steering = rpchash
 *
 * All CPUs, by a hash of ports and RPC: the packets of an RPC stay together and
 * in order, those of different RPCs between the same two ports are spread, which
 * RPS does not do. Costs a move for nearly every packet. Right for many CPUs and
 * RPCs under high load.
 */

#include <linux/cpumask.h>
#include "steer.h"

static int rpchash_pick(struct homa_steered *packet)
{
	int cpu = reciprocal_scale(packet->hash, nr_cpu_ids);

	packet->why = HOMA_STEER_HASH;
	return cpu_online(cpu) ? cpu : homa_steer_next(cpu);
}

const struct homa_steering homa_steer_rpchash = {
	.strategy.name = "rpchash",
	.strategy.watches_cores = true,
	.pick = rpchash_pick,
};
