// SPDX-License-Identifier: GPL-2.0-only
/* What Homa did lately on each CPU. */

#include "core.h"

DEFINE_PER_CPU_SHARED_ALIGNED(struct homa_core, homa_cores);
DEFINE_STATIC_KEY_FALSE(homa_core_key);

void homa_core_use(const struct homa_strategy *strategy)
{
	if (strategy->watches_cores)
		static_branch_inc(&homa_core_key);
}

void homa_core_unuse(const struct homa_strategy *strategy)
{
	if (strategy->watches_cores)
		static_branch_dec(&homa_core_key);
}
