/* SPDX-License-Identifier: Apache-2.0 */
#include "dictionary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t tt_read_field(const struct tt_dictionary *dict, uint32_t id, const uint8_t *record,
		       unsigned int index)
{
	const struct tt_stored_field *field = &dict->fields[id][index];
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	record += field->at;
	switch (field->type) {
	case TT_U8:
		return *record;
	case TT_U16:
		memcpy(&u16, record, sizeof(u16));
		return u16;
	case TT_U32:
		memcpy(&u32, record, sizeof(u32));
		return u32;
	case TT_S32:
		memcpy(&u32, record, sizeof(u32));
		return (uint64_t)(int64_t)(int32_t)u32;
	default:
		memcpy(&u64, record, sizeof(u64));
		return u64;
	}
}

static uint64_t fnv1a(const uint8_t *data, size_t bytes)
{
	uint64_t hash = TT_FNV_BASIS;
	size_t i;

	for (i = 0; i < bytes; i++)
		hash = (hash ^ data[i]) * TT_FNV_PRIME;
	return hash;
}

/* The string at *@at, which moves behind it; NULL when it does not end before @end. */
static const char *take_string(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *begin = *at;
	const uint8_t *nul = memchr(begin, 0, end - begin);

	if (!nul)
		return NULL;
	*at = nul + 1;
	return (const char *)begin;
}

_Static_assert(TT_MAX_STORED_FIELDS == TT_MAX_FIELDS && TT_MAX_ARGS == TT_MAX_EVENT_FIELDS,
	       "reader.h and record.h agree");

#define TYPES_AT offsetof(struct tt_dict_entry, types)

/* What the versions of the format differ in. */
static const struct format {
	unsigned int entry_bytes, types, max_parts, head_bytes, align, wide, max_events;
} formats[] = {
	[1] = { 12, 6, 0, 4, 4, 0, 1024 },
	[2] = { 12, 6, 0, 4, 4, 512, 512 },
	[3] = { 16, 8, 8, TT_HEAD_BYTES, TT_RECORD_ALIGN, 0, TT_MAX_EVENTS }, /* to 5 */
	[6] = { sizeof(struct tt_dict_entry), TT_MAX_FIELDS, TT_MAX_PARTS, TT_HEAD_BYTES,
		TT_RECORD_ALIGN, 0, TT_MAX_EVENTS },
};

/* Lays out the records of @event under @id; u64 fields of narrow ones have 4 bytes. */
static void lay_out(struct tt_dictionary *dict, const struct format *f,
		    const struct tt_event_desc *event, uint32_t id, int narrow)
{
	static const uint8_t type_bytes[] = { 1, 2, 4, 4, 8 };
	unsigned int at = f->head_bytes;
	unsigned int type, i;

	for (i = 0; i < event->nargs; i++) {
		type = event->fields[i].type;
		if (type == TT_U64 && narrow)
			type = TT_U32;
		dict->fields[id][i] = (struct tt_stored_field){ (uint8_t)type, (uint8_t)at };
		at += type_bytes[type];
	}
	dict->bytes[id] = (uint8_t)((at + f->align - 1) / f->align * f->align);
	dict->index[id] = dict->count;
}

static int has_field(const struct tt_event_desc *event, uint8_t index, enum tt_type type)
{
	return index < event->nargs && event->fields[index].type == type;
}

static int parse_parts(struct tt_parts *parts, uint32_t version, const struct tt_event_desc *event,
		       const uint8_t *at, const uint8_t *end, unsigned int count)
{
	struct tt_dict_part *part;
	unsigned int i;

	if ((size_t)(end - at) < count * sizeof(*part))
		return -EBADMSG;
	memcpy(parts->part, at, count * sizeof(*part));
	parts->count = (uint8_t)count;
	for (part = parts->part; part < parts->part + count; part++, at += sizeof(*part)) {
		if (version < 6) {
			memcpy(part->args, at + offsetof(struct tt_dict_part, cpu), sizeof(part->args));
			part->cpu = TT_PART_SAME;
		}
		if (part->time != TT_PART_SAME && !has_field(event, part->time, TT_U16) &&
		    (version < 6 || !has_field(event, part->time, TT_U32)))
			return -EBADMSG;
		if (part->cpu != TT_PART_SAME && !has_field(event, part->cpu, TT_U16))
			return -EBADMSG;
		for (i = 0; i < TT_MAX_EVENT_FIELDS; i++)
			if (part->args[i] != TT_PART_ZERO && part->args[i] >= event->nargs)
				return -EBADMSG;
	}
	return 0;
}

static int parse_entry(struct tt_dictionary *dict, uint32_t version, const uint8_t *data,
		       size_t left, size_t *used)
{
	const struct format *f = &formats[version < 3 ? version : version < 6 ? 3 : 6];
	struct tt_event_desc *event = &dict->events[dict->count];
	const uint8_t *at = data + f->entry_bytes;
	struct tt_dict_entry entry = { 0 };
	const uint8_t *end;
	unsigned int i;

	if (left < f->entry_bytes)
		return -EBADMSG;
	memcpy(&entry, data, TYPES_AT + f->types);
	if (f->max_parts)
		entry.nparts = data[TYPES_AT + f->types];
	if (entry.bytes < f->entry_bytes || entry.bytes > left || entry.bytes % 4 ||
	    entry.id < TT_ID_FIRST || entry.id >= f->max_events ||
	    entry.nfields > f->types || entry.nparts > f->max_parts ||
	    (!entry.nparts && entry.nfields > TT_MAX_EVENT_FIELDS) ||
	    dict->index[entry.id] != TT_NO_EVENT)
		return -EBADMSG;
	end = data + entry.bytes;
	event->name = take_string(&at, end);
	event->group = event->name ? take_string(&at, end) : NULL;
	event->doc = event->group ? take_string(&at, end) : NULL;
	if (!event->doc)
		return -EBADMSG;
	event->nargs = entry.nfields;
	event->missing = !!(entry.flags & TT_EVENT_MISSING);
	event->on = !!(entry.flags & TT_EVENT_ON);
	for (i = 0; i < entry.nfields; i++) {
		if (entry.types[i] >= TT_TYPES)
			return -EBADMSG;
		event->fields[i].type = (enum tt_type)entry.types[i];
		event->fields[i].name = take_string(&at, end);
		event->fields[i].unit = event->fields[i].name ? take_string(&at, end) : NULL;
		if (!event->fields[i].unit)
			return -EBADMSG;
	}
	at = data + (((size_t)(at - data) + 3) & ~(size_t)3);
	if (entry.nparts && (at > end || parse_parts(&dict->parts[dict->count], version, event, at,
						     end, entry.nparts)))
		return -EBADMSG;
	lay_out(dict, f, event, entry.id, f->wide != 0);
	if (dict->bytes[entry.id] > TT_MAX_RECORD_BYTES)
		return -EBADMSG;
	if (f->wide)
		lay_out(dict, f, event, entry.id | f->wide, 0);
	dict->count++;
	*used = entry.bytes;
	return 0;
}

/* The events that parts are must be there, and have none themselves. */
static int check_parts(const struct tt_dictionary *dict)
{
	const struct tt_parts *parts;
	uint32_t k, id;
	unsigned int i;

	for (k = 0; k < dict->count; k++) {
		parts = &dict->parts[k];
		for (i = 0; i < parts->count; i++) {
			id = parts->part[i].id;
			if (id >= TT_IDS || dict->index[id] == TT_NO_EVENT ||
			    dict->parts[dict->index[id]].count)
				return -EBADMSG;
		}
	}
	return 0;
}

int tt_dictionary_parse(struct tt_dictionary *dict, const uint8_t *data,
			const struct tt_file_header *header, char *err, size_t err_size)
{
	size_t at = 0;
	size_t used;
	uint32_t i;

	if (fnv1a(data, header->dictionary_bytes) != header->dictionary_hash) {
		snprintf(err, err_size, "the dictionary is damaged: its hash is wrong");
		return -EBADMSG;
	}
	if (header->events >= TT_IDS) {
		snprintf(err, err_size, "the header names %u events, more than there can be",
			 header->events);
		return -EBADMSG;
	}
	for (i = 0; i < TT_IDS; i++)
		dict->index[i] = TT_NO_EVENT;
	dict->events = calloc(header->events + 1, sizeof(*dict->events));
	dict->parts = calloc(header->events + 1, sizeof(*dict->parts));
	if (!dict->events || !dict->parts)
		return -ENOMEM;
	for (i = 0; i < header->events; i++) {
		if (parse_entry(dict, header->version, data + at, header->dictionary_bytes - at, &used)) {
			snprintf(err, err_size, "entry %u of the dictionary is malformed", i);
			return -EBADMSG;
		}
		at += used;
	}
	if (check_parts(dict)) {
		snprintf(err, err_size, "the dictionary names a part that it does not have, or that has parts");
		return -EBADMSG;
	}
	return 0;
}

void tt_dictionary_free(struct tt_dictionary *dict)
{
	free(dict->events);
	free(dict->parts);
}
