// SPDX-License-Identifier: GPL-2.0-only
/*
 * A snapshot as text, one record a line, CPUs merged by time. Records of one
 * CPU stay in the order in which they were claimed, which can differ by an
 * interrupt from the order of their times; the reader library sorts fully.
 */
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "events.h"
#include "snapshot.h"
#include "text.h"

/**
 * struct source - the unread records of one CPU
 * @block: current block, or NULL at the end.
 * @blocks_left: blocks from @block on.
 * @at: offset in @block.
 * @base: in force at @at.
 * @ticks: from the beginning of @block to that of the next, or to the dump.
 * @ns: the same in nanoseconds.
 * @record: next record, or NULL at the end.
 * @time_ns: its time.
 */
struct source {
	const struct tt_block *block;
	u64 blocks_left;
	u32 at;
	u64 base;
	u64 ticks;
	u64 ns;
	const u32 *record;
	u64 time_ns;
};

struct tt_text {
	struct tt_snapshot *snap;
	struct source *sources;
	struct source *next; /* holds the record of line @line - 1 */
	loff_t line; /* 0: the heading */
};

static bool is_wide(const u32 *record)
{
	return *record >> TT_TIME_BITS & TT_ID_WIDE;
}

static const struct tt_event *event_of(const u32 *record)
{
	return tt_event_get(*record >> TT_TIME_BITS & ~TT_ID_WIDE);
}

static u32 field_bytes(u8 type, bool wide)
{
	return type == TT_TYPE_u64 && !wide ? sizeof(u32) : tt_type_bytes(type);
}

static u32 record_bytes(const u32 *record)
{
	const struct tt_event *event = event_of(record);
	u32 bytes = 4;
	u32 i;

	for (i = 0; i < event->def.nfields; i++)
		bytes += field_bytes(event->def.fields[i].type, is_wide(record));
	return ALIGN(bytes, 4);
}

static void enter_block(struct source *src, const struct tt_file_header *header)
{
	const struct tt_block *next = (const void *)src->block + TT_BLOCK_BYTES;
	bool last = src->blocks_left == 1;

	if (!src->blocks_left) {
		src->block = NULL;
		return;
	}
	src->at = sizeof(*src->block);
	src->base = src->block->time_ticks;
	src->ticks = (last ? header->time_ticks : next->time_ticks) - src->base;
	src->ns = (last ? header->time_ns : next->time_ns) - src->block->time_ns;
}

static u64 to_ns(const struct source *src, u64 ticks)
{
	s64 since = ticks - src->block->time_ticks;
	u64 ns;

	/* Two readings of the clocks in one tick say nothing. */
	if (!src->ticks || src->ticks == src->ns)
		return src->block->time_ns + since;
	ns = mul_u64_u64_div_u64(abs(since), src->ns, src->ticks);
	return src->block->time_ns + (since < 0 ? -ns : ns);
}

/* Moves to the next record. Snapshots come from this module, so they are well-formed. */
static void advance(struct source *src, const struct tt_file_header *header)
{
	src->record = NULL;
	while (src->block) {
		const u32 *word = (const void *)src->block + src->at;
		u32 id;

		if (src->at >= sizeof(*src->block) + TT_COMMIT_BYTES(src->block->commit)) {
			src->block = (const void *)src->block + TT_BLOCK_BYTES;
			src->blocks_left--;
			enter_block(src, header);
			continue;
		}
		id = *word >> TT_TIME_BITS;
		if (id == TT_ID_PAD) {
			src->at += *word & TT_TIME_MASK;
		} else if (id == TT_ID_EXTEND) {
			memcpy(&src->base, word + 1, sizeof(src->base));
			src->at += TT_EXTEND_BYTES;
		} else {
			src->record = word;
			src->time_ns = to_ns(src, src->base + (*word & TT_TIME_MASK));
			src->at += record_bytes(word);
			return;
		}
	}
}

static void choose(struct tt_text *text)
{
	struct source *src;
	u32 i;

	text->next = NULL;
	for (i = 0; i < text->snap->header.cpus; i++) {
		src = &text->sources[i];
		if (src->record && (!text->next || src->time_ns < text->next->time_ns))
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
		src->block = block;
		src->blocks_left = text->snap->accounts[i].blocks;
		block += src->blocks_left * TT_BLOCK_BYTES;
		enter_block(src, &text->snap->header);
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
		seq_printf(seq, "# cpu %u: produced %llu, overwritten %llu, lost: frozen %llu, nested %llu, full %llu, reader %llu\n",
			   acc->cpu, acc->produced, acc->overwritten, acc->lost_frozen,
			   acc->lost_nested, acc->lost_full, acc->lost_reader);
	}
}

static const u8 *show_field(struct seq_file *seq, const struct tt_field_def *field, bool wide,
			    const u8 *at)
{
	u32 bytes = field_bytes(field->type, wide);
	union {
		u8 u8;
		u16 u16;
		u32 u32;
		s32 s32;
		u64 u64;
		char text[9];
	} v = {};

	memcpy(&v, at, bytes);
	seq_printf(seq, " %s=", field->name);
	if (!strcmp(field->unit, "text"))
		seq_puts(seq, v.text);
	else if (field->type == TT_TYPE_s32)
		seq_printf(seq, "%d", v.s32);
	else
		seq_printf(seq, "%llu", v.u64);
	return at + bytes;
}

static int text_show(struct seq_file *seq, void *v)
{
	struct tt_text *text = v;
	const struct tt_event *event;
	const u8 *at;
	u32 i;

	if (!text->line) {
		show_heading(seq, text->snap);
		return 0;
	}
	event = event_of(text->next->record);
	at = (const u8 *)(text->next->record + 1);
	seq_printf(seq, "%llu.%09llu [%03u] %s", text->next->time_ns / NSEC_PER_SEC,
		   text->next->time_ns % NSEC_PER_SEC, text->next->block->cpu, event->def.name);
	for (i = 0; i < event->def.nfields; i++)
		at = show_field(seq, &event->def.fields[i], is_wide(text->next->record), at);
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
