/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the reader share. */
#ifndef TIMETRACE_READER_INTERNAL_H
#define TIMETRACE_READER_INTERNAL_H

#include <timetrace/reader.h>

#include "dictionary.h"

/* A record that is still to come: when, and where in the file. */
struct position {
	uint64_t time_ns;
	uint64_t offset;
};

/* From ticks to ns: ticks0 is ns0, and a tick is rate / 2^40 ns. */
struct scale {
	uint64_t ticks0, ns0;
	uint64_t rate;
};

#define TT_RATE_SHIFT 40

struct block {
	uint64_t offset; /* of its header */
	uint32_t bytes; /* readable ones, header included */
	struct scale scale;
	uint64_t min_ns; /* earliest record in this block or a later one of the CPU */
};

struct cpu {
	struct block *blocks;
	size_t nblocks, blocks_room;
	uint64_t lost[TT_LOSS_REASONS];
	uint64_t produced;
	uint64_t decoded;
	uint64_t complete_since_ns;

	/* Merge: window[head..tail) is sorted, blocks from next_block on are not in it. */
	struct position *window;
	size_t head, tail, room;
	size_t next_block;
};

struct tt_reader {
	uint8_t *data;
	size_t bytes;
	int mapped;
	struct tt_file_header header;
	struct tt_info info;
	struct tt_dictionary dict;
	struct cpu *cpus; /* info.cpus of them */
	uint32_t *heap; /* CPUs with a non-empty window, earliest first */
	uint32_t heap_size;
	int started;
	char error[256];
};

/* State of a walk through the entries of a block. */
struct walk {
	const uint8_t *data; /* the block */
	uint32_t at, end;
	uint64_t base;
	int version;
	struct scale scale;
};

/* The id of a record, with TT_ID_WIDE, by its header word. */
static inline uint32_t tt_record_id(uint32_t version, uint32_t word)
{
	return version == 1 ? word & (TT_IDS - 1) : word >> TT_TIME_BITS;
}

/* Fields that the version of the dump lacks are filled in. */
void tt_block_header(const struct tt_reader *r, uint64_t offset, struct tt_block *h);


enum step { STEP_RECORD, STEP_END, STEP_BAD };

/* The records of @block, for tt_walk_next(). */
struct walk tt_walk_begin(const struct tt_reader *r, const struct block *block);

/* Next record of a block: its offset in it and its time. */
enum step tt_walk_next(const struct tt_dictionary *dict, struct walk *w, uint32_t *offset,
		       uint64_t *time_ns);

/* Finds all blocks, how far they can be trusted, and what was lost. 0 or -ENOMEM. */
int tt_scan(struct tt_reader *r);

/* Stores a line of text and returns @code. */
int tt_fail(char *err, size_t err_size, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif /* TIMETRACE_READER_INTERNAL_H */
