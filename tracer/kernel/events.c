// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of events. Descriptions are copied, because records outlive
 * the module that wrote them.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "clock.h"
#include "events.h"
#include "hist.h"
#include "ring.h"
#include "trigger.h"

#define MAX_STRING 200
#define MAX_APP_EVENTS 1024

DEFINE_MUTEX(tt_mutex);

static struct tt_event *events[TT_MAX_EVENTS];
static u32 event_end = TT_ID_FIRST;
LIST_HEAD(tt_clients);

const struct tt_event *tt_event_get(u32 id)
{
	/* pairs with add_event(): events below event_end are there */
	return id < smp_load_acquire(&event_end) ? events[id] : NULL;
}

u32 tt_event_end(void)
{
	return smp_load_acquire(&event_end); /* pairs with add_event() */
}

u32 tt_type_bytes(u8 type)
{
	static const u8 bytes[TT_TYPES] = { 1, 2, 4, 4, 8 };

	return bytes[type];
}

u32 tt_record_bytes(const struct tt_event *event)
{
	u32 bytes = TT_HEAD_BYTES;
	u32 i;

	for (i = 0; i < event->def.nfields; i++)
		bytes += tt_type_bytes(event->def.fields[i].type);
	return ALIGN(bytes, TT_RECORD_ALIGN);
}

static bool string_ok(const char *s)
{
	return s && strnlen(s, MAX_STRING) < MAX_STRING;
}

static bool def_ok(const struct tt_event_def *def)
{
	u32 bytes = TT_HEAD_BYTES;
	u32 i;

	if (!string_ok(def->name) || !string_ok(def->doc) || def->nfields > TT_MAX_FIELDS)
		return false;
	for (i = 0; i < def->nfields; i++) {
		if (!string_ok(def->fields[i].name) || !string_ok(def->fields[i].unit) ||
		    def->fields[i].type >= TT_TYPES)
			return false;
		bytes += tt_type_bytes(def->fields[i].type);
	}
	return bytes <= TT_MAX_RECORD_BYTES;
}

static bool same_def(const struct tt_event_def *a, const struct tt_event_def *b)
{
	u32 i;

	if (strcmp(a->name, b->name) || strcmp(a->doc, b->doc) || a->nfields != b->nfields)
		return false;
	for (i = 0; i < a->nfields; i++)
		if (strcmp(a->fields[i].name, b->fields[i].name) ||
		    strcmp(a->fields[i].unit, b->fields[i].unit) ||
		    a->fields[i].type != b->fields[i].type)
			return false;
	return true;
}

static void free_event(struct tt_event *event)
{
	u32 i;

	if (!event)
		return;
	kfree(event->group);
	kfree(event->def.name);
	kfree(event->def.doc);
	for (i = 0; i < event->def.nfields; i++) {
		kfree(event->def.fields[i].name);
		kfree(event->def.fields[i].unit);
	}
	kfree(event);
}

static struct tt_event *copy_event(const char *group, const struct tt_event_def *def, u16 id)
{
	struct tt_event *event = kzalloc(sizeof(*event), GFP_KERNEL);
	struct tt_field_def *field;
	bool ok;
	u32 i;

	if (!event)
		return NULL;
	event->id = id;
	event->group = kstrdup(group, GFP_KERNEL);
	event->def.name = kstrdup(def->name, GFP_KERNEL);
	event->def.doc = kstrdup(def->doc, GFP_KERNEL);
	event->def.nfields = def->nfields;
	ok = event->group && event->def.name && event->def.doc;
	for (i = 0; i < def->nfields; i++) {
		field = &event->def.fields[i];
		field->name = kstrdup(def->fields[i].name, GFP_KERNEL);
		field->unit = kstrdup(def->fields[i].unit, GFP_KERNEL);
		field->type = def->fields[i].type;
		ok = ok && field->name && field->unit;
	}
	if (ok)
		return event;
	free_event(event);
	return NULL;
}

static bool has_parts(const struct tt_client *client, u32 index)
{
	u32 i;

	for (i = 0; i < client->nparts; i++)
		if (client->parts[i].event == index)
			return true;
	return false;
}

static bool is_field(const struct tt_event_def *event, u8 index, u8 type)
{
	return index < event->nfields && event->fields[index].type == type;
}

/* A part's time, CPU and arguments are fields of its event, and it has no parts itself. */
static bool part_ok(const struct tt_client *client, const struct tt_part_def *part)
{
	const struct tt_event_def *event, *what;
	u32 i;

	if (part->event >= client->nevents || part->part >= client->nevents ||
	    has_parts(client, part->part))
		return false;
	event = &client->events[part->event];
	what = &client->events[part->part];
	if (part->time != TT_PART_SAME && !is_field(event, part->time, TT_TYPE_u16) &&
	    !is_field(event, part->time, TT_TYPE_u32))
		return false;
	if (part->cpu != TT_PART_SAME && !is_field(event, part->cpu, TT_TYPE_u16))
		return false;
	for (i = 0; i < what->nfields; i++)
		if (part->args[i] != TT_PART_ZERO && part->args[i] >= event->nfields)
			return false;
	return true;
}

static bool client_ok(const struct tt_client *client)
{
	u8 parts[TT_MAX_CLIENT_EVENTS] = {};
	u32 i;

	if (!string_ok(client->group) || !client->nevents || !client->key ||
	    client->nevents > TT_MAX_CLIENT_EVENTS || client->nstages > TT_MAX_STAGES)
		return false;
	for (i = 0; i < client->nstages; i++)
		if (!string_ok(client->stages[i].name) || !string_ok(client->stages[i].doc))
			return false;
	/* Readers have room for so many of what they show. */
	for (i = 0; i < client->nevents; i++)
		if (!def_ok(&client->events[i]) ||
		    (client->events[i].nfields > TT_MAX_EVENT_FIELDS && !has_parts(client, i)))
			return false;
	for (i = 0; i < client->nparts; i++)
		if (!part_ok(client, &client->parts[i]) ||
		    ++parts[client->parts[i].event] > TT_MAX_PARTS)
			return false;
	return true;
}

/* The parts of event @index of @client, whose events without parts have their ids. */
static u32 resolve_parts(const struct tt_client *client, u32 index, struct tt_dict_part *to)
{
	const struct tt_part_def *from;
	u32 n = 0;
	u32 i;

	for (i = 0; i < client->nparts; i++) {
		from = &client->parts[i];
		if (from->event != index)
			continue;
		to[n] = (struct tt_dict_part){ .id = client->ids[from->part], .time = from->time,
					       .cpu = from->cpu };
		memcpy(to[n++].args, from->args, sizeof(from->args));
	}
	return n;
}

/* A known event that is the same, or a new one. ERR_PTR(-ENOSPC), ERR_PTR(-ENOMEM). */
static struct tt_event *get_event(const char *group, const struct tt_event_def *def,
				  const struct tt_dict_part *parts, u8 nparts)
{
	struct tt_event *event;
	u32 id;

	for (id = TT_ID_FIRST; id < event_end; id++) {
		event = events[id];
		if (!strcmp(event->group, group) && same_def(&event->def, def) &&
		    event->nparts == nparts &&
		    !memcmp(event->parts, parts, nparts * sizeof(*parts)))
			return event;
	}
	if (event_end == TT_MAX_EVENTS)
		return ERR_PTR(-ENOSPC);
	event = copy_event(group, def, event_end);
	if (!event)
		return ERR_PTR(-ENOMEM);
	memcpy(event->parts, parts, nparts * sizeof(*parts));
	event->nparts = nparts;
	return event;
}

/* Lets everybody see an event that get_event() made; harmless for others. */
static void publish_event(struct tt_event *event)
{
	if (event->id < event_end)
		return;
	events[event_end] = event;
	smp_store_release(&event_end, event_end + 1); /* pairs with tt_event_get() */
}

/* Gives event @index of @client its id: that of a known one that is the same, or a new one. */
static int add_event(struct tt_client *client, u32 index)
{
	struct tt_dict_part parts[TT_MAX_PARTS] = {};
	u8 nparts = resolve_parts(client, index, parts);
	struct tt_event *event = get_event(client->group, &client->events[index], parts, nparts);

	if (IS_ERR(event))
		return PTR_ERR(event);
	publish_event(event);
	client->ids[index] = event->id;
	return 0;
}

int tt_event_add_app(const char *group, const struct tt_event_def *def)
{
	static u32 count;
	struct tt_event *event;

	if (!def_ok(def) || def->nfields > TT_MAX_EVENT_FIELDS)
		return -EINVAL;
	event = get_event(group, def, NULL, 0);
	if (IS_ERR(event))
		return PTR_ERR(event);
	if (event->id == event_end) {
		/* Applications leave ids for modules. */
		if (count == MAX_APP_EVENTS) {
			free_event(event);
			return -ENOSPC;
		}
		count++;
		event->app = true;
		publish_event(event);
	}
	return event->id;
}

void tt_client_bind(struct tt_client *client)
{
	client->cpu = tt_rings_hot;
	client->slow = tt_ring_slow;
	client->over = tt_trigger_over;
	if (tt_clock_is_tsc())
		static_branch_enable(&client->tsc);
	else
		static_branch_disable(&client->tsc);
}

static void tell_clients(void)
{
	struct tt_client *client;

	list_for_each_entry(client, &tt_clients, entry)
		WRITE_ONCE(client->cpu, tt_rings_hot);
}

static const struct tt_client *host; /* whose home tt_rings_hot is */

int tt_client_add(struct tt_client *client)
{
	const struct tt_client *other;
	int pass, err;
	u32 i;

	if (!client_ok(client))
		return -EINVAL;
	list_for_each_entry(other, &tt_clients, entry)
		if (!strcmp(other->group, client->group))
			return -EEXIST;
	if (client->home && host)
		return -EBUSY;
	/* What an error leaves behind are events that never come. */
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < client->nevents; i++) {
			if (has_parts(client, i) != pass)
				continue;
			err = add_event(client, i);
			if (err)
				return err;
		}
	}
	err = tt_hist_init(client);
	if (err)
		return err;
	if (client->home) {
		tt_rings_move(client->home, tell_clients);
		host = client;
	}
	tt_client_bind(client);
	list_add_tail(&client->entry, &tt_clients);
	return 0;
}

bool tt_client_on(const struct tt_client *client)
{
	return static_key_enabled(&client->key->by_tsc) || static_key_enabled(&client->key->by_ns);
}

static void flush(struct tt_client *client)
{
	if (client->flush && tt_client_on(client))
		client->flush(client);
}

int tt_client_switch(struct tt_client *client, bool on)
{
	struct static_key_false *key = tt_clock_is_tsc() ? &client->key->by_tsc :
							   &client->key->by_ns;
	int err = 0;

	if (tt_client_on(client) == on)
		return 0;
	if (on) {
		if (client->on_switch)
			err = client->on_switch(client, true);
		if (!err)
			static_branch_enable(key);
		return err;
	}
	flush(client);
	static_branch_disable(key);
	if (client->on_switch)
		client->on_switch(client, false);
	return 0;
}

void tt_client_remove(struct tt_client *client)
{
	tt_client_switch(client, false);
	tt_trigger_forget(client);
	list_del(&client->entry);
	if (client == host) {
		tt_rings_move(NULL, tell_clients);
		host = NULL;
	}
	synchronize_rcu(); /* recorders run with preemption off */
	tt_hist_exit(client);
}

void tt_client_lacks(const struct tt_client *client, u32 index)
{
	events[client->ids[index]]->missing = true;
}

int tt_group_switch(const char *group, bool on)
{
	bool all = !strcmp(group, "all");
	struct tt_client *client;
	int err = all ? 0 : -ENOENT;
	int ret;

	list_for_each_entry(client, &tt_clients, entry) {
		if (!all && strcmp(group, client->group))
			continue;
		ret = tt_client_switch(client, on);
		err = all && !ret ? err : ret;
	}
	return err;
}

void tt_clients_flush(void)
{
	struct tt_client *client;

	/* What is noted can still be recorded when they are not any more. */
	if (tt_rings_frozen())
		return;
	list_for_each_entry(client, &tt_clients, entry)
		flush(client);
}

static void detach(struct tt_client *client)
{
	mutex_lock(&tt_mutex);
	tt_client_remove(client);
	mutex_unlock(&tt_mutex);
}

/* Clients of other modules are on from the start: that is why they registered. */
int tt_register_client(struct tt_client *client, u32 abi)
{
	int err;

	if (abi != TT_ABI)
		return -EPROTO;
	mutex_lock(&tt_mutex);
	err = tt_client_add(client);
	if (!err) {
		err = tt_client_switch(client, true);
		if (err)
			tt_client_remove(client);
	}
	if (!err) {
		client->freeze = tt_trigger_freeze;
		/* Pairs with tt_freeze(). */
		smp_store_release(&client->detach, detach);
	}
	mutex_unlock(&tt_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(tt_register_client);

static bool event_on(const struct tt_event *event)
{
	const struct tt_client *client;
	u32 i;

	list_for_each_entry(client, &tt_clients, entry)
		for (i = 0; i < client->nevents; i++)
			if (client->ids[i] == event->id ||
			    (event->app && !strcmp(client->group, event->group)))
				return tt_client_on(client);
	return false;
}

/* Appends a string with its NUL; counts only when @to is NULL. */
static u32 put_string(u8 *to, u32 at, const char *s)
{
	u32 bytes = strlen(s) + 1;

	if (to)
		memcpy(to + at, s, bytes);
	return at + bytes;
}

static u32 encode(const struct tt_event *event, u8 *to)
{
	const struct tt_event_def *def = &event->def;
	struct tt_dict_entry entry = {
		.id = event->id,
		.nfields = def->nfields,
		.nparts = event->nparts,
		.flags = (event->missing ? TT_EVENT_MISSING : 0) |
			 (event_on(event) ? TT_EVENT_ON : 0),
	};
	u32 at = sizeof(entry);
	u32 i;

	at = put_string(to, at, def->name);
	at = put_string(to, at, event->group);
	at = put_string(to, at, def->doc);
	for (i = 0; i < def->nfields; i++) {
		entry.types[i] = def->fields[i].type;
		at = put_string(to, at, def->fields[i].name);
		at = put_string(to, at, def->fields[i].unit);
	}
	at = ALIGN(at, 4);
	entry.bytes = at + event->nparts * sizeof(event->parts[0]);
	if (to) {
		memcpy(to, &entry, sizeof(entry));
		memcpy(to + at, event->parts, entry.bytes - at);
	}
	at = entry.bytes;
	return at;
}

void *tt_events_encode(u32 *bytes, u32 *count, u64 *hash)
{
	u32 size = 0;
	u32 at = 0;
	u32 id, i;
	u8 *to;

	for (id = TT_ID_FIRST; id < event_end; id++)
		size += encode(events[id], NULL);
	to = kvzalloc(size, GFP_KERNEL);
	if (!to)
		return NULL;
	for (id = TT_ID_FIRST; id < event_end; id++)
		at += encode(events[id], to + at);
	*hash = TT_FNV_BASIS;
	for (i = 0; i < size; i++)
		*hash = (*hash ^ to[i]) * TT_FNV_PRIME;
	*bytes = size;
	*count = event_end - TT_ID_FIRST;
	return to;
}

void tt_events_exit(void)
{
	u32 id;

	for (id = TT_ID_FIRST; id < event_end; id++)
		free_event(events[id]);
}
