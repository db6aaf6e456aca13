/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass over a dump: checks every byte once, finds the blocks that
 * can be trusted, how far, and the earliest time in each, and adds up losses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"

#define MAX_RINGS 16384

/* Notes damage of @bytes at @offset; the first place goes into the error text. */
static void damage(struct tt_reader *r, struct cpu *cpu, uint64_t offset, uint64_t bytes,
		   const char *what)
{
	cpu->lost[TT_LOSS_DAMAGED] += bytes;
	if (!r->error[0])
		snprintf(r->error, sizeof(r->error), "damaged at byte %llu: %s",
			 (unsigned long long)offset, what);
}

static struct cpu *get_cpu(struct tt_reader *r, uint32_t number)
{
	struct cpu *grown;

	if (number >= r->info.cpus) {
		grown = realloc(r->cpus, (number + 1) * sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + r->info.cpus, 0, (number + 1 - r->info.cpus) * sizeof(*grown));
		r->cpus = grown;
		r->info.cpus = number + 1;
	}
	return &r->cpus[number];
}

static uint32_t header_bytes(const struct tt_reader *r)
{
	return r->header.version == 1 ? offsetof(struct tt_block, time_ticks) :
					sizeof(struct tt_block);
}

void tt_block_header(const struct tt_reader *r, uint64_t offset, struct tt_block *h)
{
	memcpy(h, r->data + offset, header_bytes(r));
	if (r->header.version == 1)
		h->time_ticks = h->time_ns;
}

/*
 * A record can be older than its block, by as long as interrupts kept its
 * writer from claiming, and an event that it holds older still. Then the scale of that time counts: the rate of a
 * short block is too rough to reckon back far.
 */
static uint64_t to_ns(const struct walk *w, uint64_t ticks)
{
	int64_t since = (int64_t)(ticks - w->scale.ticks0);
	const struct scale *s = &w->scale;
	size_t low = 0, high = w->nearlier, middle;

	if (since < 0 && high) {
		while (low < high) {
			middle = (low + high) / 2;
			if ((int64_t)(ticks - w->earlier[middle].scale.ticks0) < 0)
				high = middle;
			else
				low = middle + 1;
		}
		s = &w->earlier[low ? low - 1 : 0].scale;
		since = (int64_t)(ticks - s->ticks0);
	}
	return s->ns0 + (uint64_t)(((__int128)since * s->rate) >> TT_RATE_SHIFT);
}

/* Entries of versions 1 and 2; bytes of the entry, or 0. */
static uint32_t step_word(const struct tt_dictionary *dict, struct walk *w)
{
	const uint8_t *at = w->data + w->at;
	uint32_t word, low, rest, bytes;

	memcpy(&word, at, sizeof(word));
	rest = w->version == 1 ? word >> TT_WORD_ID_BITS : word & ((1u << TT_WORD_TIME_BITS) - 1);
	bytes = w->id == TT_ID_PAD ? rest :
		w->id == TT_ID_EXTEND ? (w->version == 1 ? 8 : 12) : dict->bytes[w->id];
	if (bytes < sizeof(word) || bytes % 4 || bytes > w->end - w->at)
		return 0;
	if (w->id == TT_ID_EXTEND && w->version == 1) {
		memcpy(&low, at + 4, sizeof(low));
		w->base = ((uint64_t)rest << 32 | low) << TT_WORD_TIME_BITS;
	} else if (w->id == TT_ID_EXTEND) {
		memcpy(&w->base, at + 4, sizeof(w->base));
	}
	w->ticks = w->base + rest;
	return bytes;
}

static uint32_t step_head(const struct tt_dictionary *dict, struct walk *w)
{
	const uint8_t *at = w->data + w->at;
	struct tt_record_head head;
	uint32_t bytes, high;

	memcpy(&head, at, sizeof(head));
	bytes = head.id == TT_ID_PAD ? head.time :
		head.id == TT_ID_EXTEND ? TT_EXTEND_BYTES :
		head.id < TT_IDS ? dict->bytes[head.id] : 0;
	if (bytes < sizeof(head) || bytes % TT_RECORD_ALIGN || bytes > w->end - w->at)
		return 0;
	if (head.id == TT_ID_EXTEND) {
		memcpy(&high, at + sizeof(head), sizeof(high));
		w->base = (uint64_t)high << 32;
	}
	w->ticks = w->base | head.time;
	return bytes;
}

enum step tt_walk_next(const struct tt_dictionary *dict, struct walk *w)
{
	uint32_t head = tt_head_bytes(w->version);
	uint32_t bytes;

	for (;;) {
		if (w->end - w->at < head)
			/* Too little for a head is padding from version 3 on. */
			return w->at == w->end || w->version >= 3 ? STEP_END : STEP_BAD;
		w->id = tt_record_id(w->version, w->data + w->at);
		bytes = w->version >= 3 ? step_head(dict, w) : step_word(dict, w);
		if (!bytes)
			return STEP_BAD;
		w->offset = w->at;
		w->at += bytes;
		if (w->id != TT_ID_PAD && w->id != TT_ID_EXTEND)
			return STEP_RECORD;
	}
}

struct walk tt_walk_begin(const struct tt_reader *r, const struct block *block,
			  const struct block *earlier, size_t nearlier)
{
	struct walk w = { .data = r->data + block->offset, .end = block->bytes,
			  .version = r->header.version, .scale = block->scale,
			  .earlier = earlier, .nearlier = nearlier };
	uint64_t base = block->scale.ticks0;
	struct tt_block h;

	tt_block_header(r, block->offset, &h);
	w.at = h.header_bytes;
	w.base = w.version == 1 ? base >> TT_WORD_TIME_BITS << TT_WORD_TIME_BITS :
		 w.version == 2 ? base : base >> 32 << 32;
	return w;
}

unsigned int tt_walk_parts(const struct tt_dictionary *dict, const struct walk *w)
{
	unsigned int count = dict->parts[dict->index[w->id]].count;

	return count ? count : 1;
}

int tt_walk_time_ns(const struct tt_dictionary *dict, const struct walk *w, unsigned int part,
		    uint64_t *time_ns)
{
	const struct tt_parts *parts = &dict->parts[dict->index[w->id]];
	uint8_t field = parts->count ? parts->part[part].time : TT_PART_SAME;
	uint64_t ticks = w->ticks;
	uint64_t low;

	if (field != TT_PART_SAME) {
		low = tt_read_field(dict, w->id, w->data + w->offset, field);
		if (dict->fields[w->id][field].type == TT_U16)
			ticks -= (uint16_t)(ticks - low);
		else if (low)
			ticks -= (uint32_t)(ticks - low);
		else
			return 0;
	}
	*time_ns = to_ns(w, ticks);
	return 1;
}

static int block_ok(const struct tt_reader *r, const struct tt_block *h)
{
	return h->magic == TT_BLOCK_MAGIC && h->header_bytes == header_bytes(r) &&
	       h->cpu < MAX_RINGS &&
	       TT_COMMIT_BYTES(h->commit) <= r->header.block_bytes - h->header_bytes;
}

/* Ticks in 2^-40 ns, or 0 when the two moments cannot be right. */
static uint64_t rate_between(uint64_t ticks0, uint64_t ns0, uint64_t ticks1, uint64_t ns1)
{
	if (ticks1 <= ticks0 || ns1 <= ns0 || (ns1 - ns0) >> 10 > ticks1 - ticks0)
		return 0;
	return (uint64_t)(((unsigned __int128)(ns1 - ns0) << TT_RATE_SHIFT) / (ticks1 - ticks0));
}

/*
 * The clock within the block @h: from its beginning to that of the block at
 * @next, which is the next of its CPU, or to the dump (@next is 0). Two moments close to each other say
 * little; then the rate of the whole trace holds.
 */
static struct scale block_scale(const struct tt_reader *r, const struct tt_block *h,
				uint64_t next_at)
{
	const struct tt_file_header *f = &r->header;
	uint64_t ticks1 = f->time_ticks, ns1 = f->time_ns;
	uint64_t whole, here;
	struct tt_block next;

	if (next_at) {
		tt_block_header(r, next_at, &next);
		ticks1 = next.time_ticks;
		ns1 = next.time_ns;
	}
	whole = rate_between(f->begin_ticks, f->begin_ns, f->time_ticks, f->time_ns);
	here = rate_between(h->time_ticks, h->time_ns, ticks1, ns1);
	if (!whole)
		whole = (uint64_t)1 << TT_RATE_SHIFT;
	if (here < whole - whole / 64 || here > whole + whole / 64)
		here = whole;
	return (struct scale){ h->time_ticks, h->time_ns, here };
}

static int add_block(struct cpu *cpu, struct block block)
{
	struct block *grown;
	size_t room = cpu->blocks_room ? cpu->blocks_room * 2 : 64;

	if (cpu->nblocks == cpu->blocks_room) {
		grown = realloc(cpu->blocks, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		cpu->blocks = grown;
		cpu->blocks_room = room;
	}
	cpu->blocks[cpu->nblocks++] = block;
	return 0;
}

/* What the next block of a CPU should say when nothing is missing in between. */
struct continuity {
	uint64_t first_record;
	uint64_t lost;
	int damaged;
};

/* Decodes one block for the first time: how far it is good, and its times. */
static int scan_block(struct tt_reader *r, struct cpu *cpu, struct continuity *due,
		      const struct tt_block *h, uint64_t offset, uint64_t next)
{
	struct block block = { offset, h->header_bytes + TT_COMMIT_BYTES(h->commit),
			       block_scale(r, h, next), UINT64_MAX };
	struct walk w = tt_walk_begin(r, &block, cpu->blocks, cpu->nblocks);
	uint64_t lost = h->lost_nested + h->lost_frozen + h->lost_full;
	uint64_t records = 0;
	uint64_t time_ns;
	unsigned int i;
	enum step step;

	if (due->damaged || h->first_record != due->first_record || lost != due->lost)
		cpu->complete_since_ns = h->time_ns;
	while ((step = tt_walk_next(&r->dict, &w)) == STEP_RECORD) {
		records++;
		for (i = tt_walk_parts(&r->dict, &w); i-- > 0;)
			if (tt_walk_time_ns(&r->dict, &w, i, &time_ns) && time_ns < block.min_ns)
				block.min_ns = time_ns;
	}
	due->first_record = h->first_record + TT_COMMIT_RECORDS(h->commit);
	due->lost = lost;
	due->damaged = 0;
	cpu->decoded += records;
	if (step == STEP_BAD) {
		damage(r, cpu, offset + w.at, block.bytes - w.at, "not a record");
		block.bytes = w.at;
		due->damaged = 1;
	} else if (records != TT_COMMIT_RECORDS(h->commit)) {
		damage(r, cpu, offset, 0, "the block has not the records it claims");
		due->damaged = 1;
	}
	return add_block(cpu, block);
}

/* For each block the offset of the next one of its CPU, 0: none. NULL without memory. */
static uint64_t *find_next(const struct tt_reader *r, uint64_t begin, uint64_t count)
{
	uint64_t *next = calloc(count ? count : 1, sizeof(*next));
	uint64_t *first = calloc(MAX_RINGS, sizeof(*first)); /* so far, from behind */
	struct tt_block h;
	uint64_t i, at;

	for (i = count; next && first && i-- > 0;) {
		at = begin + i * r->header.block_bytes;
		tt_block_header(r, at, &h);
		if (block_ok(r, &h)) {
			next[i] = first[h.cpu];
			first[h.cpu] = at;
		}
	}
	if (!first) {
		free(next);
		next = NULL;
	}
	free(first);
	return next;
}

/* Finds all blocks. Those with a bad header are charged to the CPU before them. */
static int scan_blocks(struct tt_reader *r, uint64_t begin, uint64_t count,
		       struct continuity *due)
{
	uint32_t bytes = r->header.block_bytes;
	struct tt_block h;
	uint32_t number = 0;
	uint64_t *next = find_next(r, begin, count);
	int err = next ? 0 : -ENOMEM;
	struct cpu *cpu;
	uint64_t i, at;

	for (i = 0; i < count && !err; i++) {
		at = begin + i * bytes;
		tt_block_header(r, at, &h);
		if (block_ok(r, &h))
			number = h.cpu;
		cpu = get_cpu(r, number);
		if (!cpu) {
			err = -ENOMEM;
		} else if (block_ok(r, &h)) {
			err = scan_block(r, cpu, &due[number], &h, at, next[i]);
		} else {
			damage(r, cpu, at, bytes, "not the header of a block");
			due[number].damaged = 1;
		}
	}
	free(next);
	return err;
}

static void apply_account(struct tt_reader *r, struct cpu *cpu, const struct continuity *due,
			  const struct tt_cpu_account *acc, uint64_t at)
{
	uint64_t lost = acc->lost_frozen + acc->lost_nested + acc->lost_full;

	cpu->thread = (struct tt_thread){ .pid = acc->pid, .tid = acc->tid };
	memcpy(cpu->thread.comm, acc->comm, sizeof(cpu->thread.comm) - 1);
	cpu->lost[TT_LOSS_OVERWRITTEN] = acc->overwritten;
	cpu->lost[TT_LOSS_FROZEN] = acc->lost_frozen;
	cpu->lost[TT_LOSS_NESTED] = acc->lost_nested;
	cpu->lost[TT_LOSS_FULL] = acc->lost_full;
	cpu->lost[TT_LOSS_READER] = acc->lost_reader;
	cpu->produced = acc->produced;
	if (!cpu->lost[TT_LOSS_DAMAGED] &&
	    acc->produced != cpu->decoded + acc->overwritten + lost + acc->lost_reader)
		damage(r, cpu, at, 0, "records of this CPU are missing");
	/* Nested losses within the last block, and a last block that could not be copied. */
	if (acc->lost_nested && lost != due->lost && acc->nested_ns > cpu->complete_since_ns)
		cpu->complete_since_ns = acc->nested_ns;
	if (due->damaged || acc->produced - lost != due->first_record)
		cpu->complete_since_ns = r->header.time_ns;
}

/* Histograms between accounts and end mark: how many bytes. */
static uint64_t scan_histograms(struct tt_reader *r, uint64_t at)
{
	struct tt_histogram h; /* as far as its counts; it may lie anywhere */
	uint32_t i;

	if (r->header.version < 3 || at > r->bytes)
		return 0;
	r->histograms = r->data + at;
	for (i = 0; i < r->header.histograms && (i + 1) * sizeof(h) <= r->bytes - at; i++) {
		memcpy(&h, r->histograms + i * sizeof(h), offsetof(struct tt_histogram, counts));
		if (h.magic != TT_HIST_MAGIC || !memchr(h.group, 0, sizeof(h.group)) ||
		    !memchr(h.stage, 0, sizeof(h.stage))) {
			damage(r, &r->cpus[0], at + i * sizeof(h), sizeof(h), "not a histogram");
			break;
		}
	}
	r->info.histograms = i;
	return (uint64_t)r->header.histograms * sizeof(h);
}

/* Accounts and end mark. Without them counts are what the blocks tell. */
static int scan_accounts(struct tt_reader *r, uint64_t begin, struct continuity *due)
{
	struct tt_cpu_account acc = { 0 };
	uint32_t bytes = r->header.version < 4 ? offsetof(struct tt_cpu_account, pid) : sizeof(acc);
	struct tt_file_end end;
	struct cpu *cpu;
	uint64_t at = begin;
	uint32_t i;

	for (i = 0; i < r->info.cpus; i++) {
		cpu = &r->cpus[i];
		cpu->produced = due[i].first_record + due[i].lost;
	}
	for (i = 0; i < r->header.cpus && at + bytes <= r->bytes; i++, at += bytes) {
		memcpy(&acc, r->data + at, bytes);
		cpu = get_cpu(r, acc.cpu < MAX_RINGS ? acc.cpu : 0);
		if (!cpu)
			return -ENOMEM;
		if (acc.magic != TT_ACCOUNT_MAGIC || acc.cpu >= MAX_RINGS)
			damage(r, cpu, at, bytes, "not the account of a ring");
		else
			apply_account(r, cpu, &due[acc.cpu], &acc, at);
	}
	cpu = get_cpu(r, 0);
	if (!cpu)
		return -ENOMEM;
	if (i == r->header.cpus)
		at += scan_histograms(r, at);
	if (i < r->header.cpus || at > r->bytes || r->bytes - at < sizeof(end)) {
		damage(r, cpu, r->bytes, at < r->bytes ? r->bytes - at : 0, "the file ends here");
		return 0;
	}
	memcpy(&end, r->data + at, sizeof(end));
	if (memcmp(end.magic, TT_END_MAGIC, sizeof(end.magic)) || end.file_bytes != r->bytes)
		damage(r, cpu, at, r->bytes - at, "not the end mark");
	return 0;
}

/* After this, min_ns of a block covers all later ones, too. */
static void accumulate_minima(struct tt_reader *r)
{
	struct cpu *cpu;
	uint64_t min;
	size_t k;

	for (cpu = r->cpus; cpu < r->cpus + r->info.cpus; cpu++) {
		min = UINT64_MAX;
		for (k = cpu->nblocks; k-- > 0;) {
			if (cpu->blocks[k].min_ns < min)
				min = cpu->blocks[k].min_ns;
			cpu->blocks[k].min_ns = min;
		}
	}
}

int tt_scan(struct tt_reader *r)
{
	struct tt_file_header *h = &r->header;
	uint64_t begin = (uint64_t)h->header_bytes + h->dictionary_bytes;
	uint64_t fit = (r->bytes - begin) / h->block_bytes;
	uint64_t count = h->blocks < fit ? h->blocks : fit;
	struct continuity *due = calloc(MAX_RINGS, sizeof(*due));
	int err;

	if (!due || !get_cpu(r, 0)) {
		free(due);
		return -ENOMEM;
	}
	if (count < h->blocks)
		damage(r, &r->cpus[0], r->bytes, 0, "the file has fewer blocks than its header says");
	err = scan_blocks(r, begin, count, due);
	if (!err)
		err = scan_accounts(r, begin + count * h->block_bytes, due);
	free(due);
	if (!err)
		accumulate_minima(r);
	return err;
}
