/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Homa did lately on each CPU, for strategies that choose among CPUs.
 * Noted only while some namespace uses such a strategy: reading the clock for
 * each packet costs too much otherwise.
 */
#ifndef _HOMA_CORE_H
#define _HOMA_CORE_H

#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include "strategy.h"

/**
 * struct homa_core - one CPU; times, written there but for @app_ns, read anywhere
 * @arrival_ns: the layers below handed a packet over.
 * @input_ns: last packet at protocol input, where it is handled.
 * @done_ns: that was over, or the packet was sent to another CPU.
 * @work_ns: packets have come without a pause since then, see steer_adaptive.c.
 * @app_ns: a thread here was given a message.
 */
struct homa_core {
	u64 arrival_ns;
	u64 input_ns;
	u64 done_ns;
	u64 work_ns;
	u64 app_ns;
};

DECLARE_PER_CPU_SHARED_ALIGNED(struct homa_core, homa_cores);
DECLARE_STATIC_KEY_FALSE(homa_core_key);

/* A packet is at protocol input on this CPU. */
static __always_inline void homa_core_input(void)
{
	if (static_branch_unlikely(&homa_core_key))
		this_cpu_write(homa_cores.input_ns, ktime_get_mono_fast_ns());
}

/* A device hands over a packet, whose CPU is told as that which allocated it, whatever RPS does. */
static __always_inline void homa_core_origin(struct sk_buff *skb)
{
	if (static_branch_unlikely(&homa_core_key))
		skb->alloc_cpu = smp_processor_id();
}

/* Nothing is left to do for the packet. */
static __always_inline void homa_core_done(void)
{
	if (static_branch_unlikely(&homa_core_key))
		this_cpu_write(homa_cores.done_ns, ktime_get_mono_fast_ns());
}

/* A thread on @cpu is given a message. */
static __always_inline void homa_core_app(int cpu)
{
	if (static_branch_unlikely(&homa_core_key))
		WRITE_ONCE(per_cpu(homa_cores.app_ns, cpu), ktime_get_mono_fast_ns());
}

/* A namespace begins to use @strategy. May sleep, as the next one. */
void homa_core_use(const struct homa_strategy *strategy);

/* It uses @strategy no more. */
void homa_core_unuse(const struct homa_strategy *strategy);

#endif /* _HOMA_CORE_H */
