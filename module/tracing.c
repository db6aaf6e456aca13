// SPDX-License-Identifier: GPL-2.0-only
/* The module's side of tracing: its tracepoints and its events in the flight recorder. */
#include <linux/module.h>
#include <linux/mutex.h>

#define CREATE_TRACE_POINTS
#include "tracing.h"

DEFINE_STATIC_KEY_FALSE(homa_tt_key);

static const struct tt_event_def events[] = {
#define TT_EVENT(n, name, doc, ...) TT_EVENT_DEF("homa_", n, name, doc, __VA_ARGS__)
#include "uapi/homa_events.def"
#undef TT_EVENT
};

struct tt_client homa_tt_client = {
	.group = "homa",
	.events = events,
	.nevents = ARRAY_SIZE(events),
	.key = &homa_tt_key,
};

/* Serializes init, exit and the notifier: only one of them attaches. */
static DEFINE_MUTEX(attach_mutex);

static int attach(void)
{
	int err = 0;

	mutex_lock(&attach_mutex);
	if (!homa_tt_client.detach)
		err = tt_attach(&homa_tt_client);
	mutex_unlock(&attach_mutex);
	if (err == -ENOENT)
		return 0;
	if (err)
		pr_warn("homa: the flight recorder refused the events: %d\n", err);
	return err;
}

static int module_event(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;

	if (state == MODULE_STATE_LIVE && !strcmp(mod->name, "timetrace"))
		attach();
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_event,
};

int homa_tracing_init(void)
{
	int err = register_module_notifier(&module_notifier);

	if (err)
		return err;
	/* Untraced is better than unloaded. */
	attach();
	return 0;
}

void homa_tracing_exit(void)
{
	unregister_module_notifier(&module_notifier);
	tt_detach(&homa_tt_client);
}

MODULE_SOFTDEP("pre: timetrace");
