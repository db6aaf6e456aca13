// SPDX-License-Identifier: GPL-2.0-only
/*
 * Triggers. They fire in any context, also below the scheduler's locks, so
 * that what follows goes through an irq_work to a delayed work: the capture
 * waits for the window behind the moment.
 */
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>

#include "app.h"
#include "capture.h"
#include "clock.h"
#include "events.h"
#include "hist.h"
#include "mark.h"
#include "ring.h"
#include "trigger.h"

#define MAX_WINDOW_MS 60000
#define LIVE_PERIOD_MS 500 /* between two estimates of a percentile */
#define LIVE_MIN_COUNT 1000
#define LIVE_PER_MILLION 999000

enum action { CAPTURE, FREEZE, MARK, ACTIONS };

static const char * const action_names[ACTIONS] = { "capture", "freeze", "mark" };

/* Under tt_mutex. */
static enum action action;
static u32 pre_ms = 10, post_ms = 2;
static u32 max_fired = 1, fired;
static struct tt_client *client; /* whose stage has a limit */
static u32 stage;
static bool live;
static char armed_for[64]; /* for people */

static bool armed;
static bool in_use; /* since it was armed, also behind its last capture */
static int pending; /* it has fired, and what follows is not done */
static u64 fired_ns;
static u64 fired_for; /* what all hosts call the capture; our own is made before it is needed */
static u64 next_capture;
static bool from_peer;
static bool peers; /* they shall know */
static u64 frozen_for;

static struct tracepoint *chosen; /* under chosen_mutex */
static DEFINE_MUTEX(chosen_mutex);

static void irq_fires(struct irq_work *work);
static void tell(struct work_struct *work);
static void react(struct work_struct *work);
static void estimate(struct work_struct *work);
static DEFINE_IRQ_WORK(fire_work, irq_fires);
static DECLARE_WORK(tell_work, tell);
static DECLARE_DELAYED_WORK(react_work, react);
static DECLARE_DELAYED_WORK(estimate_work, estimate);

static void irq_fires(struct irq_work *work)
{
	if (READ_ONCE(peers) && !from_peer)
		schedule_work(&tell_work);
	schedule_delayed_work(&react_work, msecs_to_jiffies(READ_ONCE(post_ms)));
}

/* @capture: as a peer calls it; 0: it is ours. False: not armed, or busy with another one. */
static bool fire(u64 value, u64 capture)
{
	if (!READ_ONCE(armed) || cmpxchg(&pending, 0, 1))
		return false;
	fired_ns = ktime_get_mono_fast_ns();
	fired_for = capture ?: next_capture;
	from_peer = capture;
	tt_mark_trigger(READ_ONCE(fired), value, fired_for);
	irq_work_queue(&fire_work);
	return true;
}

void tt_trigger_over(struct tt_client *who, u32 which, u64 ticks)
{
	fire(ticks, 0);
}

/* Peers keep what is in their rings, so they are told before the window is over. */
static void tell(struct work_struct *work)
{
	struct tt_client *who;

	mutex_lock(&tt_mutex);
	list_for_each_entry(who, &tt_clients, entry)
		if (who->tell_peers)
			who->tell_peers(who, fired_for);
	mutex_unlock(&tt_mutex);
}

/* Stands for a probe of any tracepoint, of whose arguments it needs none. */
static void event_happens(void *data)
{
	fire(0, 0);
}

static void forget_event(void)
{
	mutex_lock(&chosen_mutex);
	if (chosen) {
		tracepoint_probe_unregister(chosen, event_happens, NULL);
		tracepoint_synchronize_unregister();
		chosen = NULL;
	}
	mutex_unlock(&chosen_mutex);
}

static void disarm(void)
{
	WRITE_ONCE(armed, false);
	live = false;
	if (client)
		tt_hist_limit(client, stage, TT_NO_LIMIT);
	client = NULL;
	forget_event();
	armed_for[0] = '\0';
}

static u64 new_capture(void)
{
	return get_random_u64() ?: 1;
}

static void react(struct work_struct *work)
{
	u64 from = fired_ns - min(fired_ns, (u64)pre_ms * NSEC_PER_MSEC);

	flush_work(&tell_work); /* it needs the name */
	mutex_lock(&tt_mutex);
	if (armed) {
		if (action == FREEZE) {
			tt_clients_flush();
			tt_rings_freeze();
			frozen_for = fired_for;
			tt_app_update();
		}
		if (action == CAPTURE && tt_capture_take(fired, from, fired_for))
			pr_warn("timetrace: no memory for capture %u\n", fired);
		WRITE_ONCE(fired, fired + 1);
		if (fired >= max_fired || action == FREEZE)
			disarm();
		next_capture = new_capture();
	}
	mutex_unlock(&tt_mutex);
	smp_store_release(&pending, 0); /* pairs with the cmpxchg() in fire() */
}

static void estimate(struct work_struct *work)
{
	u64 total, ticks;

	mutex_lock(&tt_mutex);
	if (live) {
		ticks = tt_hist_percentile(client, stage, LIVE_PER_MILLION, &total);
		if (total >= LIVE_MIN_COUNT)
			tt_hist_limit(client, stage, min_t(u64, ticks, TT_NO_LIMIT));
		schedule_delayed_work(&estimate_work, msecs_to_jiffies(LIVE_PERIOD_MS));
	}
	mutex_unlock(&tt_mutex);
}

static void switch_off(void)
{
	WRITE_ONCE(in_use, false);
	disarm();
}

void tt_trigger_forget(struct tt_client *who)
{
	if (client == who)
		switch_off();
}

/* "GROUP:STAGE" */
static int find_stage(const char *name, struct tt_client **who, u32 *which)
{
	const char *colon = strchr(name, ':');
	struct tt_client *c;
	u32 i;

	if (!colon)
		return -EINVAL;
	list_for_each_entry(c, &tt_clients, entry) {
		if (strlen(c->group) != colon - name || strncmp(c->group, name, colon - name))
			continue;
		for (i = 0; i < c->nstages; i++) {
			if (strcmp(c->stages[i].name, colon + 1))
				continue;
			*who = c;
			*which = i;
			return 0;
		}
	}
	return -ENOENT;
}

static int arm_stage(const char *name, const char *limit)
{
	bool estimated = !strcmp(limit, "p999");
	u64 ticks = TT_NO_LIMIT;
	struct tt_client *who;
	u32 us, which;
	int err;

	err = find_stage(name, &who, &which);
	if (err)
		return err;
	if (!estimated) {
		if (kstrtou32(limit, 10, &us))
			return -EINVAL;
		ticks = tt_clock_from_ns((u64)us * NSEC_PER_USEC);
		if (ticks >= TT_NO_LIMIT)
			return -ERANGE;
	}
	switch_off();
	client = who;
	stage = which;
	live = estimated;
	tt_hist_limit(client, stage, ticks);
	if (live)
		schedule_delayed_work(&estimate_work, 0);
	return 0;
}

struct lookup {
	struct notifier_block nb;
	const char *name;
	struct tracepoint *tp;
	struct module *mod; /* with a reference */
};

static void look_up_kernel(struct tracepoint *tp, void *arg)
{
	struct lookup *l = arg;

	if (!strcmp(tp->name, l->name))
		l->tp = tp;
}

static int look_up_module(struct notifier_block *nb, unsigned long state, void *arg)
{
	struct lookup *l = container_of(nb, struct lookup, nb);
	struct module *mod = ((struct tp_module *)arg)->mod;
	u32 i;

	for (i = 0; state == MODULE_STATE_COMING && !l->tp && i < mod->num_tracepoints; i++) {
		struct tracepoint *tp = tracepoint_ptr_deref(&mod->tracepoints_ptrs[i]);

		if (!strcmp(tp->name, l->name) && try_module_get(mod)) {
			l->tp = tp;
			l->mod = mod;
		}
	}
	return NOTIFY_OK;
}

/* The tracepoint goes with its module. */
static int module_goes(struct notifier_block *nb, unsigned long state, void *arg)
{
	struct module *mod = ((struct tp_module *)arg)->mod;

	if (state == MODULE_STATE_GOING && chosen && within_module((unsigned long)chosen, mod))
		forget_event();
	return NOTIFY_OK;
}

static struct notifier_block going = { .notifier_call = module_goes };

static int arm_event(const char *name)
{
	struct lookup l = { .nb.notifier_call = look_up_module, .name = name };
	int err;

	for_each_kernel_tracepoint(look_up_kernel, &l);
	if (!l.tp) {
		/* Tells of all modules that are there already. */
		err = register_tracepoint_module_notifier(&l.nb);
		if (err)
			return err;
		unregister_tracepoint_module_notifier(&l.nb);
	}
	if (!l.tp)
		return -ENOENT;
	switch_off();
	mutex_lock(&chosen_mutex);
	err = tracepoint_probe_register(l.tp, event_happens, NULL);
	if (!err)
		chosen = l.tp;
	mutex_unlock(&chosen_mutex);
	if (l.mod)
		module_put(l.mod);
	return err;
}

/*
 * "off", "event NAME", "GROUP:STAGE MICROSECONDS", "GROUP:STAGE p999"; what makes no sense
 * changes nothing.
 */
int tt_trigger_arm(const char *arg)
{
	char words[sizeof(armed_for)];
	char *second;
	int err;

	if (!strcmp(arg, "off")) {
		switch_off();
		return 0;
	}
	if (strscpy(words, arg, sizeof(words)) < 0)
		return -EINVAL;
	second = strchr(words, ' ');
	if (!second)
		return -EINVAL;
	*second++ = '\0';
	err = strcmp(words, "event") ? arm_stage(words, second) : arm_event(second);
	if (err)
		return err;
	strscpy(armed_for, arg, sizeof(armed_for));
	WRITE_ONCE(fired, 0);
	if (!next_capture)
		next_capture = new_capture();
	WRITE_ONCE(in_use, true);
	smp_store_release(&armed, true); /* pairs with fire(): what it needs is there */
	return 0;
}

int tt_trigger_action(const char *arg)
{
	int i = match_string(action_names, ACTIONS, arg);

	if (i < 0)
		return -EINVAL;
	action = i;
	return 0;
}

int tt_trigger_window(const char *arg)
{
	u32 before, behind;
	char end;

	if (sscanf(arg, "%u %u%c", &before, &behind, &end) != 2 || before > MAX_WINDOW_MS ||
	    behind > MAX_WINDOW_MS)
		return -EINVAL;
	pre_ms = before;
	WRITE_ONCE(post_ms, behind);
	return 0;
}

int tt_trigger_captures(const char *arg)
{
	u32 n;

	if (kstrtou32(arg, 10, &n) || n < 1 || n > TT_MAX_CAPTURES)
		return -EINVAL;
	tt_captures_drop();
	max_fired = n;
	return 0;
}

/* "on", "off" */
int tt_trigger_peers(const char *arg)
{
	bool on;

	if (kstrtobool(arg, &on))
		return -EINVAL;
	WRITE_ONCE(peers, on);
	return 0;
}

void tt_trigger_show(struct seq_file *seq)
{
	seq_printf(seq, "# trigger: %s; action %s, window %u %u ms, fired %u of %u, peers %s\n",
		   armed_for[0] ? armed_for : "off", action_names[action], pre_ms, post_ms, fired,
		   max_fired, str_on_off(peers));
}

static char freeze_reason[TT_MARK_CHARS + 1];
static u64 freeze_capture;
static int freeze_pending; /* @freeze_reason is in use */

static void freeze(struct work_struct *work)
{
	mutex_lock(&tt_mutex);
	if (!tt_rings_frozen()) {
		tt_clients_flush();
		tt_mark(freeze_reason);
		tt_rings_freeze();
		tt_app_update();
		frozen_for = freeze_capture;
	}
	mutex_unlock(&tt_mutex);
	smp_store_release(&freeze_pending, 0); /* pairs with the cmpxchg(): the reason was read */
}

static DECLARE_WORK(freeze_work, freeze);

u64 tt_trigger_frozen_for(void)
{
	return frozen_for;
}

void tt_trigger_forget_freeze(void)
{
	frozen_for = 0;
}

void tt_trigger_freeze(struct tt_client *who, const char *why, u64 capture)
{
	/* Who asked for captures wants recording to go on, whether there is another one or not. */
	if (capture && READ_ONCE(action) == CAPTURE && READ_ONCE(in_use)) {
		fire(0, capture);
		return;
	}
	/* Of several reasons the first counts. */
	if (cmpxchg(&freeze_pending, 0, 1))
		return;
	strscpy(freeze_reason, why, sizeof(freeze_reason));
	freeze_capture = capture;
	schedule_work(&freeze_work);
}

int tt_trigger_init(void)
{
	int err = tt_captures_init();

	if (!err) {
		err = register_tracepoint_module_notifier(&going);
		if (err)
			tt_captures_exit();
	}
	return err;
}

void tt_trigger_exit(void)
{
	mutex_lock(&tt_mutex);
	disarm();
	mutex_unlock(&tt_mutex);
	unregister_tracepoint_module_notifier(&going);
	irq_work_sync(&fire_work);
	cancel_delayed_work_sync(&react_work);
	cancel_work_sync(&tell_work);
	cancel_delayed_work_sync(&estimate_work);
	cancel_work_sync(&freeze_work);
	tt_captures_exit();
}
