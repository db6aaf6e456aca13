// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: steering = gen3
 *
 * Each CPU has three others, those whose numbers differ in the last two bits:
 * the first where no application was given a message for busy_usecs, else the
 * first. Costs a move for every packet. Right when applications and Homa's work
 * shall not share CPUs, and there are enough.
 */

#include "steer.h"

#define HOMA_GEN3_LOOK 3

static int gen3_pick(struct homa_steered *packet)
{
	u64 busy_ns = homa_busy_ns(packet->hnet);
	int i;

	packet->why = HOMA_STEER_QUIET;
	for (i = 1; i <= HOMA_GEN3_LOOK; i++) {
		int cpu = packet->here ^ i;

		if (cpu < nr_cpu_ids && cpu_online(cpu) &&
		    READ_ONCE(per_cpu(homa_cores.app_ns, cpu)) + busy_ns < packet->now_ns)
			return cpu;
	}
	packet->why = HOMA_STEER_FIRST;
	return packet->here ^ 1;
}

const struct homa_steering homa_steer_gen3 = {
	.strategy.name = "gen3",
	.strategy.watches_cores = true,
	.pick = gen3_pick,
};
