/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the reader share. */
#ifndef TIMETRACE_READER_INTERNAL_H
#define TIMETRACE_READER_INTERNAL_H

#include <string.h>
#include <timetrace/reader.h>

#include "dictionary.h"

/* An event that is still to come: when, and where in the file. */
struct position {
	uint64_t time_ns;
	uint64_t offset : 56; /* of its record */
	uint64_t part : 8;
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
	struct tt_thread thread; /* whose ring it is; tid is 0 for that of a CPU */

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
	const uint8_t *histograms; /* info.histograms of them */
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
	uint64_t base; /* of times, in ticks */
	uint32_t version;
	struct scale scale; /* from the beginning of the block on */
	const struct block *earlier; /* blocks of the CPU before this one */
	size_t nearlier;

	/* The record found: its offset, id and time. */
	uint32_t offset, id;
	uint64_t ticks;
};

/* Words of versions 1 and 2: lower and upper bits. */
#define TT_WORD_ID_BITS 10
#define TT_WORD_TIME_BITS 22

/* The id of a record, in version 2 with the bit for wide ones, and the bytes of its head. */
static inline uint32_t tt_record_id(uint32_t version, const uint8_t *record)
{
	struct tt_record_head head;
	uint32_t word;

	if (version >= 3) {
		memcpy(&head, record, sizeof(head));
		return head.id < TT_IDS ? head.id : TT_ID_PAD;
	}
	memcpy(&word, record, sizeof(word));
	return version == 1 ? word & ((1u << TT_WORD_ID_BITS) - 1) : word >> TT_WORD_TIME_BITS;
}

static inline uint32_t tt_head_bytes(uint32_t version)
{
	return version >= 3 ? TT_HEAD_BYTES : sizeof(uint32_t);
}

/* Fields that the version of the dump lacks are filled in. */
void tt_block_header(const struct tt_reader *r, uint64_t offset, struct tt_block *h);

enum step { STEP_RECORD, STEP_END, STEP_BAD };

/* The records of @block, for tt_walk_next(); @earlier: the blocks of its CPU before it. */
struct walk tt_walk_begin(const struct tt_reader *r, const struct block *block,
			  const struct block *earlier, size_t nearlier);

/* Finds the next record of a block. */
enum step tt_walk_next(const struct tt_dictionary *dict, struct walk *w);

/* How many events the record found is or can hold. */
unsigned int tt_walk_parts(const struct tt_dictionary *dict, const struct walk *w);

/* When event @part of the record found happened. 0: it did not, the record does not hold it. */
int tt_walk_time_ns(const struct tt_dictionary *dict, const struct walk *w, unsigned int part,
		    uint64_t *time_ns);

/* Event @part, which happened at @time_ns, of the record at @at, which is in ring number @ring. */
void tt_decode(const struct tt_reader *r, const uint8_t *at, unsigned int part, uint64_t time_ns,
	       uint32_t ring, struct tt_record *record);

/* Finds all blocks, how far they can be trusted, and what was lost. 0 or -ENOMEM. */
int tt_scan(struct tt_reader *r);

/* Stores a line of text and returns @code. */
int tt_fail(char *err, size_t err_size, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif /* TIMETRACE_READER_INTERNAL_H */
