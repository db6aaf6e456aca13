// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of a namespace. Each is read where it is used, so that a write
 * takes effect at once; the strategies have handlers of their own.
 */

#include <linux/slab.h>
#include <linux/sysctl.h>
#include "compat.h"
#include "freeze.h"
#include "grant.h"
#include "pacer.h"
#include "sysctl.h"
#include "uapi/homa.h"

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
static int max_bytes = S32_MAX / 8; /* eight times it must fit an int */
static int min_budget = 1500;
static int max_int = S32_MAX;
static int max_packet = 65535; /* length of an IP packet */
static int max_level = 7; /* of the IP header */
static int max_share = 500; /* permille */

/* NAME(setting, default, least, most), units in the names or as said. */
#define HOMA_SETTINGS(NAME) \
	NAME(bpage_lease_usecs, 10000, zero, max_usecs) \
	NAME(fifo_grant_increment, 50000, one, max_message) /* bytes */ \
	NAME(grant_fifo_fraction, 50, zero, max_share) /* permille */ \
	NAME(link_mbps, 25000, one, max_int) \
	NAME(max_grantable_rpcs, 0, zero, max_int) /* most so far */ \
	NAME(max_gso_size, 65535, zero, max_packet) /* bytes; up to the MTU: none */ \
	NAME(max_incoming, 400000, min_budget, max_bytes) /* bytes */ \
	NAME(max_overcommit, 8, one, max_granted) /* messages */ \
	NAME(max_server_rpcs, 65536, one, max_rpcs) /* a socket */ \
	NAME(peer_gc_threshold, 5000, zero, max_peers) /* peers */ \
	NAME(peer_idle_secs_max, 120, one, max_secs) \
	NAME(peer_idle_secs_min, 10, one, max_secs) \
	NAME(peer_net_max, 10000, one, max_peers) /* peers */ \
	NAME(poll_usecs, 50, zero, max_usecs) \
	NAME(request_ack_ticks, 2, one, max_ticks) /* ms */ \
	NAME(resend_interval, 5, one, max_ticks) /* ms */ \
	NAME(resend_ticks, 5, one, max_ticks) /* ms */ \
	NAME(timeout_ticks, 100, one, max_ticks) /* ms */ \
	NAME(unsched_bytes, 40000, zero, max_message) /* bytes */ \
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

/* Writers of num_priorities and unsched_cutoffs. */
static DEFINE_MUTEX(levels_lock);

/* Levels changed: sees to what depends on them, and that peers are told. */
static void derive_levels(struct homa_tunables *tun)
{
	int *cutoffs = tun->unsched_cutoffs, lowest, i;

	lockdep_assert_held(&levels_lock);
	WRITE_ONCE(cutoffs[0], S32_MAX);
	for (i = tun->num_priorities; i < HOMA_MAX_PRIORITIES; i++)
		WRITE_ONCE(cutoffs[i], 0);
	/* The level that takes messages of any length is the lowest of them. */
	for (lowest = HOMA_MAX_PRIORITIES - 1; cutoffs[lowest] < HOMA_MAX_MESSAGE_LENGTH; lowest--)
		;
	WRITE_ONCE(tun->max_sched_prio, max(lowest - 1, 0));
	WRITE_ONCE(tun->cutoff_version, tun->cutoff_version % U16_MAX + 1);
}

static int do_levels(homa_const_ctl struct ctl_table *ctl, int write, void *buffer, size_t *lenp,
		     loff_t *ppos)
{
	struct homa_net *hnet = ctl->extra1;
	struct ctl_table copy = *ctl;
	int values[HOMA_MAX_PRIORITIES];
	int err, i;

	mutex_lock(&levels_lock);
	memcpy(values, ctl->data, ctl->maxlen);
	copy.data = values;
	copy.extra1 = ctl->maxlen == sizeof(int) ? &one : &zero;
	copy.extra2 = ctl->maxlen == sizeof(int) ? &max_priorities : &max_int;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (write && !err) {
		for (i = 0; i < (int)(ctl->maxlen / sizeof(int)); i++)
			WRITE_ONCE(((int *)ctl->data)[i], values[i]);
		derive_levels(&hnet->tun);
	}
	mutex_unlock(&levels_lock);
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

static int do_grant_order(homa_const_ctl struct ctl_table *ctl, int write, void *buffer,
			  size_t *lenp, loff_t *ppos)
{
	struct homa_net *hnet = ctl->data;
	const struct homa_grant_order *order;
	char name[HOMA_STRATEGY_NAME];
	int err;

	strscpy(name, READ_ONCE(hnet->grant_order)->strategy.name, sizeof(name));
	err = do_name(ctl, write, buffer, lenp, ppos, name, sizeof(name));
	if (err || !write)
		return err;
	order = homa_grant_order_find(name);
	if (!order)
		return -EINVAL;
	homa_grant_set_order(hnet, order);
	return 0;
}

static int do_pacer(homa_const_ctl struct ctl_table *ctl, int write, void *buffer, size_t *lenp,
		    loff_t *ppos)
{
	struct homa_net *hnet = ctl->data;
	const struct homa_pacer *pacer;
	char name[HOMA_STRATEGY_NAME];
	int err;

	strscpy(name, READ_ONCE(hnet->pacer)->strategy.name, sizeof(name));
	err = do_name(ctl, write, buffer, lenp, ppos, name, sizeof(name));
	if (err || !write)
		return err;
	pacer = homa_pacer_find(name);
	if (!pacer)
		return -EINVAL;
	WRITE_ONCE(hnet->pacer, pacer);
	return 0;
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
	char names[128];

	homa_strategy_names(ctl->data, names, sizeof(names));
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
	{ VALUE_ENTRY(cutoff_version, 0444, proc_dointvec) },
	{ VALUE_ENTRY(max_sched_prio, 0444, proc_dointvec) },
	{ VALUE_ENTRY(num_priorities, 0644, do_levels) },
	{ VALUE_ENTRY(unsched_cutoffs, 0644, do_levels) }, /* bytes */
	{ VALUE_ENTRY(priority_map, 0644, proc_dointvec_minmax),
	  .extra1 = &zero, .extra2 = &max_level },
#undef VALUE_ENTRY
	{ .procname = "action", .mode = 0644, .proc_handler = do_action },
	{ .procname = "freeze_peers", .mode = 0644, .proc_handler = do_freeze_peers },
	{ .procname = "grant_order", .mode = 0644, .proc_handler = do_grant_order },
	{ .procname = "pacer", .mode = 0644, .proc_handler = do_pacer },
	{ .procname = "available_grant_orders", .data = (void *)&homa_grant_orders, .mode = 0444,
	  .proc_handler = do_list },
	{ .procname = "available_pacers", .data = (void *)&homa_pacers, .mode = 0444,
	  .proc_handler = do_list },
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
	hnet->grant_order = container_of(homa_grant_orders.list[0], struct homa_grant_order,
					 strategy);
	hnet->pacer = container_of(homa_pacers.list[0], struct homa_pacer, strategy);
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
	unregister_net_sysctl_table(hnet->sysctl_header);
	kfree(hnet->sysctl_table);
}
