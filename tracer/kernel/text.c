// SPDX-License-Identifier: GPL-2.0-only
/*
 * A snapshot as text, one event a line, CPUs merged by the times of records.
 * Records of one CPU stay in the order in which they were claimed, which can
 * differ by an interrupt from that of their times, and the lines of all events
 * that a record holds come together where it is, in their order, though they
 * can be milliseconds older than it. The reader library sorts fully.
 */
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>

#include "events.h"
#include "snapshot.h"
#include "text.h"
#include "walk.h"

/**
 * struct source - the unread records of one CPU
 * @walk: through the current block; @walk.block is NULL at the end.
 * @blocks_left: blocks from that one on.
 * @ticks: from its beginning to that of the next, or to the dump.
 * @ns: the same in nanoseconds.
 * @time_ns: of the record.
 * @part: of the record, 0 when it has none.
 * @part_ticks: when that happened.
 */
struct source {
	struct tt_walk walk;
	u64 blocks_left;
	u64 ticks;
	u64 ns;
	u64 time_ns;
	u32 part;
	u64 part_ticks;
};

struct tt_text {
	struct tt_snapshot *snap;
	struct source *sources;
	struct source *next; /* holds the record of line @line - 1 */
	loff_t line; /* 0: the heading */
};

static void enter_block(struct source *src, const struct tt_block *block,
			const struct tt_file_header *header)
{
	const struct tt_block *next = (const void *)block + TT_BLOCK_BYTES;
	bool last = src->blocks_left == 1;

	src->walk.block = NULL;
	if (!src->blocks_left)
		return;
	tt_walk_begin(&src->walk, block);
	src->ticks = (last ? header->time_ticks : next->time_ticks) - block->time_ticks;
	src->ns = (last ? header->time_ns : next->time_ns) - block->time_ns;
}

static u64 to_ns(const struct source *src, u64 ticks, const struct tt_file_header *header)
{
	const struct tt_block *block = src->walk.block;
	s64 since = ticks - block->time_ticks;
	u64 rate_ticks = src->ticks, rate_ns = src->ns;
	u64 ns;

	/* A block can be too short to reckon far back from it. */
	if (since < 0) {
		rate_ticks = header->time_ticks - header->begin_ticks;
		rate_ns = header->time_ns - header->begin_ns;
	}
	/* Two readings of the clocks in one tick say nothing. */
	if (!rate_ticks || rate_ticks == rate_ns)
		return block->time_ns + since;
	ns = mul_u64_u64_div_u64(abs(since), rate_ns, rate_ticks);
	return block->time_ns + (since < 0 ? -ns : ns);
}

/* Value of field @index of the record. */
static u64 field_value(const struct tt_walk *walk, u32 index)
{
	const struct tt_field_def *fields = walk->event->def.fields;
	const u8 *at = (const u8 *)(walk->record + 1);
	u64 value = 0;
	u32 i;

	for (i = 0; i < index; i++)
		at += tt_type_bytes(fields[i].type);
	memcpy(&value, at, tt_type_bytes(fields[i].type));
	return value;
}

static const struct tt_dict_part *part_of(const struct source *src)
{
	return src->walk.event->nparts ? &src->walk.event->parts[src->part] : NULL;
}

/* Finds out when the part happened; false: it did not. */
static bool set_part_ticks(struct source *src)
{
	const struct tt_dict_part *part = part_of(src);
	u64 ticks = src->walk.ticks;
	u64 low = ticks;
	u32 bits = 32;

	if (part && part->time != TT_PART_SAME) {
		low = field_value(&src->walk, part->time);
		bits = 8 * tt_type_bytes(src->walk.event->def.fields[part->time].type);
		if (!low && bits == 32)
			return false;
	}
	src->part_ticks = ticks - ((ticks - low) & (BIT_ULL(bits) - 1));
	return true;
}

/* Finds the first event from @part on that the record holds. */
static bool find_part(struct source *src)
{
	do {
		if (set_part_ticks(src))
			return true;
	} while (++src->part < src->walk.event->nparts);
	return false;
}

/* Moves to the next event. */
static void advance(struct source *src, const struct tt_file_header *header)
{
	if (src->walk.event && ++src->part < src->walk.event->nparts && find_part(src))
		return;
	while (src->walk.block) {
		if (tt_walk_next(&src->walk)) {
			src->part = 0;
			if (!find_part(src))
				continue;
			src->time_ns = to_ns(src, src->walk.ticks, header);
			return;
		}
		src->blocks_left--;
		enter_block(src, (const void *)src->walk.block + TT_BLOCK_BYTES, header);
	}
}

static void choose(struct tt_text *text)
{
	struct source *src;
	u32 i;

	text->next = NULL;
	for (i = 0; i < text->snap->header.cpus; i++) {
		src = &text->sources[i];
		if (src->walk.block && (!text->next || src->time_ns < text->next->time_ns))
			text->next = src;
	}
}

static void rewind(struct tt_text *text)
{
	const void *block = text->snap->blocks;
	struct source *src;
	u32 i;

	for (i = 0; i < text->snap->header.cpus; i++) {
		src = &text->sources[i];
		*src = (struct source){ .blocks_left = text->snap->accounts[i].blocks };
		enter_block(src, block, &text->snap->header);
		block += src->blocks_left * TT_BLOCK_BYTES;
		advance(src, &text->snap->header);
	}
	text->line = 0;
	choose(text);
}

static void *next_line(struct tt_text *text)
{
	return text->line == 0 || text->next ? text : NULL;
}

static void step(struct tt_text *text)
{
	if (text->line++ && text->next) {
		advance(text->next, &text->snap->header);
		choose(text);
	}
}

static void *text_start(struct seq_file *seq, loff_t *pos)
{
	struct tt_text *text = seq->private;

	if (*pos < text->line)
		rewind(text);
	while (text->line < *pos && next_line(text))
		step(text);
	return next_line(text);
}

static void *text_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct tt_text *text = v;

	step(text);
	*pos = text->line;
	return next_line(text);
}

static void text_stop(struct seq_file *seq, void *v)
{
}

static void show_heading(struct seq_file *seq, const struct tt_snapshot *snap)
{
	const struct tt_cpu_account *acc;
	u32 i;

	seq_printf(seq, "# time: %s, seconds; taken at %llu.%09llu\n", snap->header.clock,
		   snap->header.time_ns / NSEC_PER_SEC, snap->header.time_ns % NSEC_PER_SEC);
	for (i = 0; i < snap->header.cpus; i++) {
		acc = &snap->accounts[i];
		if (acc->tid)
			seq_printf(seq, "# ring %u of thread %u (%s)", acc->cpu, acc->tid,
				   acc->comm);
		else
			seq_printf(seq, "# cpu %u", acc->cpu);
		seq_printf(seq, ": produced %llu, overwritten %llu, lost: frozen %llu, nested %llu, full %llu, reader %llu\n",
			   acc->produced, acc->overwritten, acc->lost_frozen,
			   acc->lost_nested, acc->lost_full, acc->lost_reader);
	}
}

static void show_field(struct seq_file *seq, const struct tt_field_def *field, u64 value)
{
	char text[sizeof(value) + 1] = {};

	seq_printf(seq, " %s=", field->name);
	if (!strcmp(field->unit, "text")) {
		memcpy(text, &value, sizeof(value));
		/* Applications may write anything; a line stays a line. */
		seq_escape_str(seq, text, ESCAPE_HEX | ESCAPE_NP, NULL);
	} else if (field->type == TT_TYPE_s32) {
		seq_printf(seq, "%d", (s32)value);
	} else {
		seq_printf(seq, "%llu", value);
	}
}

static int text_show(struct seq_file *seq, void *v)
{
	struct tt_text *text = v;
	const struct source *src = text->next;
	const struct tt_dict_part *part;
	const struct tt_event *event;
	u64 time_ns, value;
	u32 cpu, i;

	if (!text->line) {
		show_heading(seq, text->snap);
		return 0;
	}
	part = part_of(src);
	event = part ? tt_event_get(part->id) : src->walk.event;
	time_ns = to_ns(src, src->part_ticks, &text->snap->header);
	cpu = part && part->cpu != TT_PART_SAME ? field_value(&src->walk, part->cpu) :
	      src->walk.block->cpu;
	seq_printf(seq, "%llu.%09llu [%03u] %s", time_ns / NSEC_PER_SEC, time_ns % NSEC_PER_SEC,
		   cpu, event->def.name);
	for (i = 0; i < event->def.nfields; i++) {
		value = part && part->args[i] == TT_PART_ZERO ? 0 :
			field_value(&src->walk, part ? part->args[i] : i);
		show_field(seq, &event->def.fields[i], value);
	}
	seq_putc(seq, '\n');
	return 0;
}

const struct seq_operations tt_text_ops = {
	.start = text_start,
	.next = text_next,
	.stop = text_stop,
	.show = text_show,
};

struct tt_text *tt_text_new(void)
{
	struct tt_text *text = kzalloc(sizeof(*text), GFP_KERNEL);
	struct tt_snapshot *snap;

	if (!text)
		return ERR_PTR(-ENOMEM);
	snap = tt_snapshot_take();
	if (IS_ERR(snap)) {
		kfree(text);
		return ERR_CAST(snap);
	}
	text->snap = snap;
	text->sources = kvcalloc(snap->header.cpus, sizeof(*text->sources), GFP_KERNEL);
	if (!text->sources) {
		tt_text_free(text);
		return ERR_PTR(-ENOMEM);
	}
	rewind(text);
	return text;
}

void tt_text_free(struct tt_text *text)
{
	tt_snapshot_free(text->snap);
	kvfree(text->sources);
	kfree(text);
}
