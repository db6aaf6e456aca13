/* SPDX-License-Identifier: Apache-2.0 */
/* The dictionary of a dump: from bytes to event descriptions. */
#ifndef TIMETRACE_DICTIONARY_H
#define TIMETRACE_DICTIONARY_H

#include <timetrace/reader.h>
#include <timetrace/record.h>

#define TT_NO_EVENT 0xffffffffu
#define TT_IDS (1 << TT_ID_BITS)

/**
 * struct tt_dictionary - tables are by the id of a record, TT_ID_WIDE included
 * @events: descriptions in file order; their strings point into the dump.
 * @count: how many.
 * @index: of the event with an id, or TT_NO_EVENT.
 * @bytes: of a record, header word included.
 * @narrow: its u64 fields have 4 bytes.
 */
struct tt_dictionary {
	struct tt_event_desc *events;
	uint32_t count;
	uint32_t index[TT_IDS];
	uint8_t bytes[TT_IDS];
	uint8_t narrow[TT_IDS];
};

/* 0, -EBADMSG with a line in @err, or -ENOMEM. */
int tt_dictionary_parse(struct tt_dictionary *dict, const uint8_t *data,
			const struct tt_file_header *header, char *err, size_t err_size);
void tt_dictionary_free(struct tt_dictionary *dict);

unsigned int tt_type_bytes(enum tt_type type);

#endif /* TIMETRACE_DICTIONARY_H */
