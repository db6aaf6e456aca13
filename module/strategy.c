// SPDX-License-Identifier: GPL-2.0-only
/* Policies by name. */

#include <linux/kernel.h>
#include <linux/string.h>
#include "strategy.h"

const struct homa_strategy *homa_strategy_find(const struct homa_strategy_kind *kind,
					       const char *name)
{
	size_t i;

	for (i = 0; i < kind->count; i++) {
		if (!strcmp(kind->list[i]->name, name))
			return kind->list[i];
	}
	return NULL;
}

void homa_strategy_names(const struct homa_strategy_kind *kind, char *buf, size_t size)
{
	size_t at = 0, i;

	for (i = 0; i < kind->count; i++)
		at += scnprintf(buf + at, size - at, "%s%s", i ? " " : "", kind->list[i]->name);
}
