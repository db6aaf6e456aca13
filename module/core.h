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
#include "strategy.h"

/**
 * struct homa_core - one CPU; written there, read anywhere
 * @input_ns: last packet at protocol input.
 */
struct homa_core {
	u64 input_ns;
};

DECLARE_PER_CPU_SHARED_ALIGNED(struct homa_core, homa_cores);
DECLARE_STATIC_KEY_FALSE(homa_core_key);

/* A packet is at protocol input on this CPU. */
static __always_inline void homa_core_input(void)
{
	if (static_branch_unlikely(&homa_core_key))
		this_cpu_write(homa_cores.input_ns, ktime_get_mono_fast_ns());
}

/* A namespace begins to use @strategy. May sleep, as the next one. */
void homa_core_use(const struct homa_strategy *strategy);

/* It uses @strategy no more. */
void homa_core_unuse(const struct homa_strategy *strategy);

#endif /* _HOMA_CORE_H */
