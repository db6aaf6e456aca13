/* SPDX-License-Identifier: Apache-2.0 */
#include "dictionary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned int tt_type_bytes(enum tt_type type)
{
	static const uint8_t bytes[TT_TYPES] = { 1, 2, 4, 4, 8 };

	return bytes[type];
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

static int parse_entry(struct tt_dictionary *dict, uint32_t version, const uint8_t *data,
		       size_t left, size_t *used)
{
	struct tt_event_desc *event = &dict->events[dict->count];
	unsigned int bytes = sizeof(uint32_t);
	unsigned int longs = 0;
	const uint8_t *at = data + sizeof(struct tt_dict_entry);
	const uint8_t *end;
	struct tt_dict_entry entry;
	unsigned int i;

	if (left < sizeof(entry))
		return -EBADMSG;
	memcpy(&entry, data, sizeof(entry));
	if (entry.bytes < sizeof(entry) || entry.bytes > left || entry.bytes % 4 ||
	    entry.id < TT_ID_FIRST || entry.id >= (version == 1 ? TT_IDS : TT_MAX_EVENTS) ||
	    entry.nfields > TT_MAX_FIELDS || dict->index[entry.id] != TT_NO_EVENT)
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
		bytes += tt_type_bytes(event->fields[i].type);
		longs += event->fields[i].type == TT_U64;
	}
	dict->index[entry.id] = dict->count;
	dict->bytes[entry.id] = (bytes + 3) & ~3u;
	if (version > 1) {
		dict->index[entry.id | TT_ID_WIDE] = dict->count;
		dict->bytes[entry.id | TT_ID_WIDE] = dict->bytes[entry.id];
		dict->bytes[entry.id] = (bytes - 4 * longs + 3) & ~3u;
		dict->narrow[entry.id] = 1;
	}
	dict->count++;
	*used = entry.bytes;
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
	if (!dict->events)
		return -ENOMEM;
	for (i = 0; i < header->events; i++) {
		if (parse_entry(dict, header->version, data + at, header->dictionary_bytes - at, &used)) {
			snprintf(err, err_size, "entry %u of the dictionary is malformed", i);
			return -EBADMSG;
		}
		at += used;
	}
	return 0;
}

void tt_dictionary_free(struct tt_dictionary *dict)
{
	free(dict->events);
}
