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
#include "freeze.h"
#include "ring.h"

#define MAX_STRING 200

DEFINE_MUTEX(tt_mutex);

static struct tt_event *events[TT_MAX_EVENTS];
static u32 event_end = TT_ID_FIRST;
static LIST_HEAD(clients);

const struct tt_event *tt_event_get(u32 id)
{
	return id < smp_load_acquire(&event_end) ? events[id] : NULL;
}

u32 tt_event_end(void)
{
	return smp_load_acquire(&event_end);
}

u32 tt_type_bytes(u8 type)
{
	static const u8 bytes[TT_TYPES] = { 1, 2, 4, 4, 8 };

	return bytes[type];
}

static bool string_ok(const char *s)
{
	return s && strnlen(s, MAX_STRING) < MAX_STRING;
}

static bool def_ok(const struct tt_event_def *def)
{
	u32 i;

	if (!string_ok(def->name) || !string_ok(def->doc) || def->nfields > TT_MAX_FIELDS)
		return false;
	for (i = 0; i < def->nfields; i++)
		if (!string_ok(def->fields[i].name) || !string_ok(def->fields[i].unit) ||
		    def->fields[i].type >= TT_TYPES)
			return false;
	return true;
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

/* First id of a run of known events that are exactly the client's, or 0. */
static u32 find_known(const struct tt_client *client)
{
	u32 id, i;

	for (id = TT_ID_FIRST; id + client->nevents <= event_end; id++) {
		for (i = 0; i < client->nevents; i++)
			if (strcmp(events[id + i]->group, client->group) ||
			    !same_def(&events[id + i]->def, &client->events[i]))
				break;
		if (i == client->nevents)
			return id;
	}
	return 0;
}

void tt_client_bind(struct tt_client *client)
{
	u32 i;

	client->cpu = &tt_rings.hot;
	client->slow = tt_ring_slow;
	for (i = 0; i < client->nevents; i++)
		client->words[i] = (client->first_id + i) << TT_TIME_BITS;
	if (tt_clock_is_tsc())
		static_branch_enable(&client->tsc);
	else
		static_branch_disable(&client->tsc);
}

int tt_client_add(struct tt_client *client)
{
	const struct tt_client *other;
	u32 i;

	if (!string_ok(client->group) || !client->nevents || !client->key ||
	    client->nevents > TT_MAX_CLIENT_EVENTS)
		return -EINVAL;
	list_for_each_entry(other, &clients, entry)
		if (!strcmp(other->group, client->group))
			return -EEXIST;
	for (i = 0; i < client->nevents; i++)
		if (!def_ok(&client->events[i]))
			return -EINVAL;

	client->first_id = find_known(client);
	if (!client->first_id) {
		if (client->nevents > TT_MAX_EVENTS - event_end)
			return -ENOSPC;
		for (i = 0; i < client->nevents; i++) {
			events[event_end + i] = copy_event(client->group, &client->events[i],
							   event_end + i);
			if (!events[event_end + i])
				goto err;
		}
		client->first_id = event_end;
		smp_store_release(&event_end, event_end + client->nevents);
	}
	tt_client_bind(client);
	list_add_tail(&client->entry, &clients);
	return 0;
err:
	while (i--)
		free_event(events[event_end + i]);
	return -ENOMEM;
}

int tt_client_switch(struct tt_client *client, bool on)
{
	int err = 0;

	if (static_key_enabled(client->key) == on)
		return 0;
	if (on) {
		if (client->on_switch)
			err = client->on_switch(client, true);
		if (!err)
			static_branch_enable(client->key);
		return err;
	}
	static_branch_disable(client->key);
	if (client->on_switch)
		client->on_switch(client, false);
	return 0;
}

void tt_client_remove(struct tt_client *client)
{
	tt_client_switch(client, false);
	list_del(&client->entry);
	synchronize_rcu(); /* recorders run with preemption off */
}

void tt_client_lacks(const struct tt_client *client, u32 index)
{
	events[client->first_id + index]->missing = true;
}

int tt_group_switch(const char *group, bool on)
{
	bool all = !strcmp(group, "all");
	struct tt_client *client;
	int err = all ? 0 : -ENOENT;
	int ret;

	list_for_each_entry(client, &clients, entry) {
		if (!all && strcmp(group, client->group))
			continue;
		ret = tt_client_switch(client, on);
		err = all && !ret ? err : ret;
	}
	return err;
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
		client->freeze = tt_freeze_soon;
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

	list_for_each_entry(client, &clients, entry)
		if (event->id >= client->first_id &&
		    event->id < client->first_id + client->nevents)
			return static_key_enabled(client->key);
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
	entry.bytes = at;
	if (to)
		memcpy(to, &entry, sizeof(entry));
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
