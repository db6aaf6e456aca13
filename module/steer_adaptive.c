// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: steering = adaptive
 *
 * A packet stays where it is as long as its CPU finds pauses between packets. Is
 * it at work on packets without a pause for busy_usecs, the RPCs are divided
 * among two CPUs, by their hash, after twice that time among three, and so on;
 * with the next pause all stay again. While more than two RPCs a CPU are under
 * way, they are divided among all of them as by rpchash: the messages that meet
 * in a CPU's queue then share its wake-ups. Costs a look at the clock at both
 * ends of a packet. Right for loads that change.
 */

#include "steer.h"

/* A pause is busy_usecs / 32: longer than what lies between two packets that
 * wait, shorter than between an application's calls.
 */
#define HOMA_ADAPTIVE_SHIFT 5

/* Under way for each CPU: with more of them all CPUs are used. */
#define HOMA_ADAPTIVE_RPCS 2

static int adaptive_pick(struct homa_steered *packet)
{
	u64 busy_ns = homa_busy_ns(packet->hnet), work_ns;
	struct homa_core *core = this_cpu_ptr(&homa_cores);
	int cpu = packet->here;
	u32 width, step;

	if (READ_ONCE(packet->hnet->open_rpcs) > HOMA_ADAPTIVE_RPCS * num_online_cpus())
		return homa_steer_rpchash.pick(packet);
	packet->why = HOMA_STEER_LOAD;
	if (core->done_ns + (busy_ns >> HOMA_ADAPTIVE_SHIFT) < packet->now_ns)
		core->work_ns = packet->now_ns;
	work_ns = packet->now_ns - core->work_ns;
	if (work_ns < busy_ns)
		return cpu;
	width = min_t(u64, div64_u64(work_ns, max_t(u64, busy_ns, 1)) + 1, num_online_cpus());
	for (step = reciprocal_scale(packet->hash, width); step; step--)
		cpu = homa_steer_next(cpu);
	return cpu;
}

const struct homa_steering homa_steer_adaptive = {
	.strategy.name = "adaptive",
	.strategy.watches_cores = true,
	.pick = adaptive_pick,
};
