// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of a namespace. Each is read where it is used, so that a write
 * takes effect at once; the strategies have handlers of their own.
 */

#include <linux/slab.h>
#include <linux/net.h>
#include <linux/sysctl.h>
#include "compat.h"
#include "core.h"
#include "freeze.h"
#include "grant.h"
#include "levels.h"
#include "pacer.h"
#include "sysctl.h"
#include "uapi/homa.h"
#include "steer.h"
#include "wait_strategy.h"

static int zero;
static int one = 1;
static int max_priorities = HOMA_MAX_PRIORITIES;
static int max_granted = HOMA_MAX_GRANTED;
static int max_message = HOMA_MAX_MESSAGE_LENGTH;
static int max_usecs = USEC_PER_SEC;
static int max_ticks = 1000000;
static int max_peers = 1 << 20;
static int max_rpcs = 1 << 20;
static int max_secs = 1000000;
static int max_msecs = 1000000;
static int max_bytes = S32_MAX / 8; /* eight times it must fit an int */
static int min_budget = 1500;
static int max_int = S32_MAX;
static int max_packet = 65535; /* length of an IP packet */
static int max_u16 = U16_MAX; /* field of DATA */
static int max_bundle = 1000; /* packets */
static int max_level = 7; /* of the IP header */
static int max_share = 500; /* permille */
static int min_usage = 5; /* percent */
static int max_usage = 100;

/* NAME(setting, default, least, most), units in the names or as said. */
#define HOMA_SETTINGS(NAME) \
	NAME(bpage_lease_usecs, 10000, zero, max_usecs) \
	NAME(busy_usecs, 100, zero, max_usecs) \
	NAME(defer_min_bytes, 1000, zero, max_message) \
	NAME(fifo_grant_increment, 50000, one, max_message) /* bytes */ \
	NAME(grant_fifo_fraction, 50, zero, max_share) /* permille */ \
	NAME(gro_bypass, 0, zero, one) \
	NAME(homa_share, 50, zero, max_usage) /* percent */ \
	NAME(incast_threshold, 0, zero, max_rpcs) /* RPCs of a socket, 0: no limit */ \
	NAME(incast_unsched_bytes, 1000, one, max_u16) /* bytes */ \
	NAME(max_grantable_rpcs, 0, zero, max_int) /* most so far */ \
	NAME(max_gro_skbs, 20, zero, max_bundle) /* packets; up to 1: no bundles */ \
	NAME(max_send_skbs, 64, zero, max_bundle) /* the same */ \
	NAME(max_gso_size, 65535, zero, max_packet) /* bytes; up to the MTU: none */ \
	NAME(max_incoming, 400000, min_budget, max_bytes) /* bytes */ \
	NAME(max_nic_est_backlog_usecs, 5, zero, max_usecs) \
	NAME(max_nic_queue_usecs, 40, zero, max_usecs) \
	NAME(max_overcommit, 8, one, max_granted) /* messages */ \
	NAME(max_link_usage, 99, min_usage, max_usage) /* percent */ \
	NAME(max_server_rpcs, 65536, one, max_rpcs) /* a socket */ \
	NAME(pacer_fifo_fraction, 50, zero, max_share) /* permille */ \
	NAME(peer_gc_threshold, 5000, zero, max_peers) /* peers */ \
	NAME(peer_idle_secs_max, 120, one, max_secs) \
	NAME(peer_idle_secs_min, 10, one, max_secs) \
	NAME(peer_net_max, 10000, one, max_peers) /* peers */ \
	NAME(poll_usecs, 50, zero, max_usecs) \
	NAME(request_ack_ticks, 2, one, max_ticks) /* ms */ \
	NAME(resend_idle_usecs, 100, zero, max_usecs) /* 0: only resend_ticks */ \
	NAME(resend_interval, 5, one, max_ticks) /* ms */ \
	NAME(resend_ticks, 5, one, max_ticks) /* ms */ \
	NAME(timeout_ticks, 100, one, max_ticks) /* ms */ \
	NAME(unsched_bytes, 40000, zero, max_message) /* bytes */ \
	NAME(wake_batch, 16, one, max_message) /* messages, 1: none wait */ \
	NAME(window, 0, zero, max_message) /* bytes, 0: from max_incoming */ \
	NAME(wmem_max, 100000000, min_budget, max_int) /* bytes */

static const struct homa_tunables defaults = {
#define SETTING_DEFAULT(name, value, least, most) .name = value,
	HOMA_SETTINGS(SETTING_DEFAULT)
#undef SETTING_DEFAULT
	.cutoff_version = 1,
	.max_sched_prio = 3,
	.num_priorities = HOMA_MAX_PRIORITIES,
	.priority_map = { 0, 1, 2, 3, 4, 5, 6, 7 },
	.unsched_cutoffs = { S32_MAX, 0, 0, 0, HOMA_MAX_MESSAGE_LENGTH, 15000, 2800, 200 },
};

static int do_levels(homa_const_ctl struct ctl_table *ctl, int write, void *buffer, size_t *lenp,
		     loff_t *ppos)
{
	struct homa_net *hnet = ctl->extra1;
	struct ctl_table copy = *ctl;
	int values[HOMA_MAX_PRIORITIES];
	int err, i;

	homa_levels_lock();
	memcpy(values, ctl->data, ctl->maxlen);
	copy.data = values;
	copy.extra1 = ctl->maxlen == sizeof(int) ? &one : &zero;
	copy.extra2 = ctl->maxlen == sizeof(int) ? &max_priorities : &max_int;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (write && !err) {
		for (i = 0; i < (int)(ctl->maxlen / sizeof(int)); i++)
			WRITE_ONCE(((int *)ctl->data)[i], values[i]);
		homa_levels_derive(hnet);
		/* The next look at the traffic does not undo what was written. */
		if (ctl->data == hnet->tun.unsched_cutoffs)
			WRITE_ONCE(hnet->tun.cutoff_interval_msecs, 0);
	}
	homa_levels_unlock();
	return err;
}

static int do_cutoff_interval(homa_const_ctl struct ctl_table *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos)
{
	int err;

	homa_levels_lock();
	err = proc_dointvec_minmax(ctl, write, buffer, lenp, ppos);
	if (write && !err)
		homa_levels_observe(container_of(ctl->data, struct homa_net,
						 tun.cutoff_interval_msecs));
	homa_levels_unlock();
	return err;
}

/* Reads or writes a name through a buffer of its own. */
static int do_name(homa_const_ctl struct ctl_table *ctl, int write, void *buffer, size_t *lenp,
		   loff_t *ppos, char *name, size_t size)
{
	struct ctl_table copy = *ctl;

	copy.data = name;
	copy.maxlen = size;
	return proc_dostring(&copy, write, buffer, lenp, ppos);
}

/**
 * struct homa_choice - a setting that is the name of a strategy
 * @kind: what there is to choose from.
 * @current_at: offset in struct homa_net of the pointer to the one in use.
 * @set: changes it, or returns an errno; NULL: nobody needs to know.
 */
struct homa_choice {
	const struct homa_strategy_kind *kind;
	size_t current_at;
	int (*set)(struct homa_net *hnet, const struct homa_strategy *strategy);
};

static int set_grant_order(struct homa_net *hnet, const struct homa_strategy *strategy)
{
	homa_grant_set_order(hnet, container_of(strategy, struct homa_grant_order, strategy));
	return 0;
}

static int set_pacer(struct homa_net *hnet, const struct homa_strategy *strategy)
{
	return homa_pacer_set(hnet, container_of(strategy, struct homa_pacer, strategy));
}

#define CHOICE(member) .current_at = offsetof(struct homa_net, member)

static const struct homa_choice choose_grant_order = {
	CHOICE(grant_order), .kind = &homa_grant_orders, .set = set_grant_order,
};

static const struct homa_choice choose_pacer = {
	CHOICE(pacer), .kind = &homa_pacers, .set = set_pacer,
};

static const struct homa_choice choose_steering = { CHOICE(steering), .kind = &homa_steerings };
static const struct homa_choice choose_wait = { CHOICE(wait_policy), .kind = &homa_wait_policies };
static const struct homa_choice choose_waiter_order = {
	CHOICE(waiter_order), .kind = &homa_waiter_orders,
};

/* All of them. */
static const struct homa_choice *const choices[] = {
	&choose_grant_order, &choose_pacer, &choose_steering, &choose_wait, &choose_waiter_order,
};

/* Writers of them. */
static DEFINE_MUTEX(choice_lock);

/* The first member of the strategy is what all have in common. */
static const struct homa_strategy **chosen(struct homa_net *hnet, const struct homa_choice *choice)
{
	return (void *)hnet + choice->current_at;
}

static int choose(struct homa_net *hnet, const struct homa_choice *choice,
		  const struct homa_strategy *strategy)
{
	const struct homa_strategy **current_one = chosen(hnet, choice), *old = *current_one;
	int err = 0;

	homa_core_use(strategy);
	if (choice->set)
		err = choice->set(hnet, strategy);
	else
		WRITE_ONCE(*current_one, strategy);
	homa_core_unuse(err ? strategy : old);
	return err;
}

static int do_choice(homa_const_ctl struct ctl_table *ctl, int write, void *buffer, size_t *lenp,
		     loff_t *ppos)
{
	const struct homa_choice *choice = ctl->extra2;
	struct homa_net *hnet = ctl->data;
	const struct homa_strategy *found;
	char name[HOMA_STRATEGY_NAME];
	char names[HOMA_STRATEGY_NAMES];
	int err;

	strscpy(name, READ_ONCE(*chosen(hnet, choice))->name, sizeof(name));
	err = do_name(ctl, write, buffer, lenp, ppos, name, sizeof(name));
	if (err || !write)
		return err;
	found = homa_strategy_find(choice->kind, name);
	if (!found) {
		homa_strategy_names(choice->kind, names, sizeof(names));
		net_info_ratelimited("homa: there is no %s \"%*pE\", but: %s\n", ctl->procname,
				     (int)strlen(name), name, names);
		return -EINVAL;
	}
	mutex_lock(&choice_lock);
	err = choose(hnet, choice, found);
	mutex_unlock(&choice_lock);
	return err;
}

static int do_link_mbps(homa_const_ctl struct ctl_table *ctl, int write, void *buffer,
			size_t *lenp, loff_t *ppos)
{
	int err = proc_dointvec_minmax(ctl, write, buffer, lenp, ppos);

	if (write && !err)
		homa_link_update_all(container_of(ctl->data, struct homa_net, tun.link_mbps));
	return err;
}

static int do_freeze_peers(homa_const_ctl struct ctl_table *ctl, int write, void *buffer,
			   size_t *lenp, loff_t *ppos)
{
	char text[HOMA_FREEZE_TEXT];
	int err;

	homa_freeze_print(ctl->data, text, sizeof(text));
	err = do_name(ctl, write, buffer, lenp, ppos, text, sizeof(text));
	return err || !write ? err : homa_freeze_allow(ctl->data, text);
}

/* The codes of the reference that mean something here. */
#define HOMA_ACTION_FREEZE 3
#define HOMA_ACTION_FREEZE_ALL 7

/* Does something once; reads 0. */
static int do_action(homa_const_ctl struct ctl_table *ctl, int write, void *buffer, size_t *lenp,
		     loff_t *ppos)
{
	struct ctl_table copy = *ctl;
	int action = 0, err;

	copy.data = &action;
	copy.maxlen = sizeof(action);
	err = proc_dointvec(&copy, write, buffer, lenp, ppos);
	if (err || !write)
		return err;
	switch (action) {
	case HOMA_ACTION_FREEZE:
		return homa_freeze_self();
	case HOMA_ACTION_FREEZE_ALL:
		return homa_freeze_all(ctl->data);
	default:
		return -EINVAL;
	}
}

static int do_list(homa_const_ctl struct ctl_table *ctl, int write, void *buffer, size_t *lenp,
		   loff_t *ppos)
{
	const struct homa_choice *choice = ctl->extra2;
	char names[HOMA_STRATEGY_NAMES];

	homa_strategy_names(choice->kind, names, sizeof(names));
	return do_name(ctl, write, buffer, lenp, ppos, names, sizeof(names));
}

/* Entries with an offset in data are moved into the namespace's settings. */
static const struct ctl_table template[] = {
#define SETTING_ENTRY(name, value, least, most) \
	{ .procname = #name, .data = (void *)offsetof(struct homa_tunables, name), \
	  .maxlen = sizeof(int), .mode = 0644, \
	  .proc_handler = proc_dointvec_minmax, .extra1 = &(least), .extra2 = &(most) },
	HOMA_SETTINGS(SETTING_ENTRY)
#undef SETTING_ENTRY
#define VALUE_ENTRY(name, access, handler) \
	.procname = #name, .data = (void *)offsetof(struct homa_tunables, name), \
	.maxlen = sizeof_field(struct homa_tunables, name), .mode = access, \
	.proc_handler = handler
	{ VALUE_ENTRY(cutoff_interval_msecs, 0644, do_cutoff_interval), /* 0: as they are written */
	  .extra1 = &zero, .extra2 = &max_msecs },
	{ VALUE_ENTRY(cutoff_version, 0444, proc_dointvec) },
	{ VALUE_ENTRY(link_mbps, 0644, do_link_mbps), /* 0: what each device tells */
	  .extra1 = &zero, .extra2 = &max_int },
	{ VALUE_ENTRY(max_sched_prio, 0444, proc_dointvec) },
	{ VALUE_ENTRY(num_priorities, 0644, do_levels) },
	{ VALUE_ENTRY(unsched_cutoffs, 0644, do_levels) }, /* bytes */
	{ VALUE_ENTRY(priority_map, 0644, proc_dointvec_minmax),
	  .extra1 = &zero, .extra2 = &max_level },
#undef VALUE_ENTRY
	{ .procname = "action", .mode = 0644, .proc_handler = do_action },
	{ .procname = "freeze_peers", .mode = 0644, .proc_handler = do_freeze_peers },
#define CHOICE_ENTRIES(setting, plural, choice) \
	{ .procname = setting, .mode = 0644, .proc_handler = do_choice, \
	  .extra2 = (void *)&(choice) }, \
	{ .procname = "available_" plural, .mode = 0444, .proc_handler = do_list, \
	  .extra2 = (void *)&(choice) }
	CHOICE_ENTRIES("grant_order", "grant_orders", choose_grant_order),
	CHOICE_ENTRIES("pacer", "pacers", choose_pacer),
	CHOICE_ENTRIES("steering", "steerings", choose_steering),
	CHOICE_ENTRIES("wait", "waits", choose_wait),
	CHOICE_ENTRIES("waiter_order", "waiter_orders", choose_waiter_order),
#undef CHOICE_ENTRIES
	{ }
};

#define HOMA_SYSCTLS (ARRAY_SIZE(template) - 1)

int homa_sysctl_net_init(struct homa_net *hnet)
{
	struct ctl_table *table = kmemdup(template, sizeof(template), GFP_KERNEL);
	size_t i;

	if (!table)
		return -ENOMEM;
	hnet->tun = defaults;
	for (i = 0; i < HOMA_SYSCTLS; i++) {
		if (table[i].maxlen)
			table[i].data = (void *)&hnet->tun + (unsigned long)table[i].data;
		else if (!table[i].data)
			table[i].data = hnet;
		if (table[i].proc_handler == do_levels)
			table[i].extra1 = hnet;
	}
	for (i = 0; i < ARRAY_SIZE(choices); i++) {
		*chosen(hnet, choices[i]) = choices[i]->kind->list[0];
		homa_core_use(choices[i]->kind->list[0]);
	}
	hnet->sysctl_table = table;
	hnet->sysctl_header = register_net_sysctl_sz(hnet->net, "net/homa", table, HOMA_SYSCTLS);
	if (!hnet->sysctl_header) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

void homa_sysctl_net_exit(struct homa_net *hnet)
{
	size_t i;

	unregister_net_sysctl_table(hnet->sysctl_header);
	for (i = 0; i < ARRAY_SIZE(choices); i++)
		homa_core_unuse(*chosen(hnet, choices[i]));
	kfree(hnet->sysctl_table);
}
