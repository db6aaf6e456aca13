/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policies that experiments compare, by name. A strategy is a table of
 * functions in a file of its own; the code that uses it never looks at the
 * name. Each namespace chooses one of each kind.
 */
#ifndef _HOMA_STRATEGY_H
#define _HOMA_STRATEGY_H

#include <linux/types.h>

/**
 * struct homa_strategy - first member of every table of functions
 * @name: for the setting.
 * @watches_cores: needs what core.h notes.
 */
struct homa_strategy {
	const char *name;
	bool watches_cores;
};

/**
 * struct homa_strategy_kind - strategies that can stand for each other
 * @list: the strategies, the default first.
 * @count: their number.
 */
struct homa_strategy_kind {
	const struct homa_strategy *const *list;
	size_t count;
};

/* Longest name of a strategy with its end. */
#define HOMA_STRATEGY_NAME 16

/* Enough for the names of a kind. */
#define HOMA_STRATEGY_NAMES 128

/**
 * homa_strategy_find() - strategy by name
 * @kind: where to look.
 * @name: what to look for.
 *
 * Return: the strategy, or NULL.
 */
const struct homa_strategy *homa_strategy_find(const struct homa_strategy_kind *kind,
					       const char *name);

/* Writes the names of @kind to @buf, separated by blanks. */
void homa_strategy_names(const struct homa_strategy_kind *kind, char *buf, size_t size);

#endif /* _HOMA_STRATEGY_H */
