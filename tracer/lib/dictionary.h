/* SPDX-License-Identifier: Apache-2.0 */
/* The dictionary of a dump: from bytes to event descriptions. */
#ifndef TIMETRACE_DICTIONARY_H
#define TIMETRACE_DICTIONARY_H

#include <timetrace/reader.h>
#include <timetrace/record.h>

#define TT_NO_EVENT 0xffffffffu
#define TT_IDS TT_MAX_EVENTS

/* What the records of an event hold of others. */
struct tt_parts {
	struct tt_dict_part part[TT_MAX_PARTS];
	uint8_t count;
};

/**
 * struct tt_dictionary - tables are by the id of a record, in version 2 with the bit for wide ones
 * @events: descriptions in file order; their strings point into the dump.
 * @count: how many.
 * @index: of the event with an id, or TT_NO_EVENT.
 * @bytes: of a record, its head included.
 * @fields: type and offset of each field as it is in the record.
 * @parts: by index.
 */
struct tt_dictionary {
	struct tt_event_desc *events;
	uint32_t count;
	uint32_t index[TT_IDS];
	uint8_t bytes[TT_IDS];
	struct tt_stored_field {
		uint8_t type;
		uint8_t at;
	} fields[TT_IDS][TT_MAX_FIELDS];
	struct tt_parts *parts;
};

/* 0, -EBADMSG with a line in @err, or -ENOMEM. */
int tt_dictionary_parse(struct tt_dictionary *dict, const uint8_t *data,
			const struct tt_file_header *header, char *err, size_t err_size);
void tt_dictionary_free(struct tt_dictionary *dict);

/* Value of field @index of the record with @id at @record; s32 is sign-extended. */
uint64_t tt_read_field(const struct tt_dictionary *dict, uint32_t id, const uint8_t *record,
		       unsigned int index);

#endif /* TIMETRACE_DICTIONARY_H */
