/* SPDX-License-Identifier: GPL-2.0-only */
/* Which events exist, who records them, and which groups are on. */
#ifndef TIMETRACE_EVENTS_H
#define TIMETRACE_EVENTS_H

#include <linux/mutex.h>
#include <timetrace/kernel.h>

/* Serializes registration, control words and snapshots. */
extern struct mutex tt_mutex;

/* Registered clients, under tt_mutex. */
extern struct list_head tt_clients;

/**
 * struct tt_event - a dictionary entry; lives as long as the tracer
 * @def: copy of what the client described.
 * @group: the client's group.
 * @parts: events that its records hold.
 * @nparts: how many.
 * @id: in records.
 * @missing: the kernel lacks the tracepoint it would come from.
 * @app: of an application.
 */
struct tt_event {
	struct tt_event_def def;
	const char *group;
	struct tt_dict_part parts[TT_MAX_PARTS];
	u8 nparts;
	u16 id;
	bool missing;
	bool app;
};

/* NULL when there is none. Entries never change, so no lock is needed. */
const struct tt_event *tt_event_get(u32 id);

/* Ids are below this. */
u32 tt_event_end(void);

/* Bytes of a field of type TT_TYPE_*, and of a record of @event. */
u32 tt_type_bytes(u8 type);
u32 tt_record_bytes(const struct tt_event *event);

/*
 * Under tt_mutex: adds a client, switched off. Events of a client that was
 * there before and described the same keep their ids.
 */
int tt_client_add(struct tt_client *client);
void tt_client_remove(struct tt_client *client);

/* Makes recorders of @client, whose ids are known, write to the rings. */
void tt_client_bind(struct tt_client *client);
int tt_client_switch(struct tt_client *client, bool on);
bool tt_client_on(const struct tt_client *client);

/* Under tt_mutex: clients record what they have only noted. */
void tt_clients_flush(void);

/* Under tt_mutex: the id of an event of an application, known or new. -ENOSPC, -ENOMEM, -EINVAL. */
int tt_event_add_app(const char *group, const struct tt_event_def *def);

/* Notes that event @index of @client cannot come on this kernel. */
void tt_client_lacks(const struct tt_client *client, u32 index);

/* Under tt_mutex. @group may be "all". -ENOENT: no such group. */
int tt_group_switch(const char *group, bool on);

/* Under tt_mutex: the dictionary as it stands in dumps, to be kvfree()d; NULL without memory. */
void *tt_events_encode(u32 *bytes, u32 *events, u64 *hash);

void tt_events_exit(void);

#endif /* TIMETRACE_EVENTS_H */
