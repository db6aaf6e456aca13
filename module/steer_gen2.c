// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: steering = gen2
 *
 * Of the next four CPUs, the first for which nothing waits and which took no
 * packets from devices for busy_usecs; if there is none, each in turn. Costs a
 * move for nearly every packet, at any load. Right when CPUs that take packets
 * from devices cannot do Homa's work as well.
 */

#include "steer.h"

#define HOMA_GEN2_LOOK 4

/* Turns of this CPU. */
static DEFINE_PER_CPU(u32, turns);

static int gen2_pick(struct homa_steered *packet)
{
	u64 busy_ns = homa_busy_ns(packet->hnet);
	int cpu = packet->here, i;
	u32 turn;

	packet->why = HOMA_STEER_IDLE;
	for (i = 0; i < HOMA_GEN2_LOOK; i++) {
		cpu = homa_steer_next(cpu);
		/* Clocks of two CPUs may differ a little. */
		if (homa_steer_empty(cpu) &&
		    READ_ONCE(per_cpu(homa_cores.arrival_ns, cpu)) + busy_ns < packet->now_ns)
			return cpu;
	}
	packet->why = HOMA_STEER_TURN;
	turn = this_cpu_inc_return(turns) % HOMA_GEN2_LOOK;
	for (cpu = packet->here, i = 0; i <= (int)turn; i++)
		cpu = homa_steer_next(cpu);
	return cpu;
}

const struct homa_steering homa_steer_gen2 = {
	.strategy.name = "gen2",
	.strategy.watches_cores = true,
	.pick = gen2_pick,
};
