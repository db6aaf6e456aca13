/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass: records of all CPUs in order of time.
 *
 * Interrupts nest between reading the clock and claiming space, and a record
 * can hold events that are older than the record before it, so what is in a
 * ring is only nearly in order of time. For each ring there is therefore a
 * window of decoded positions, sorted; its head may be given out when no block
 * that is not in the window yet has anything earlier.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"

static int earlier(const struct position *a, const struct position *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	return a->offset != b->offset ? a->offset < b->offset : a->part < b->part;
}

static int compare(const void *a, const void *b)
{
	return earlier(b, a) - earlier(a, b);
}

/* Sorts what may be nearly in order. */
static void sort(struct position *at, size_t count)
{
	size_t budget = 8 * count;
	struct position p;
	size_t i, k;

	for (i = 1; i < count; i++) {
		p = at[i];
		for (k = i; k && earlier(&p, &at[k - 1]) && budget; k--, budget--)
			at[k] = at[k - 1];
		at[k] = p;
		if (!budget) {
			qsort(at, count, sizeof(*at), compare);
			return;
		}
	}
}

/* Makes room for @more positions behind the window, which may move. */
static int make_room(struct cpu *cpu, size_t more)
{
	size_t count = cpu->tail - cpu->head;
	size_t room = 2 * (count + more);
	struct position *grown;

	if (cpu->room - cpu->tail >= more)
		return 0;
	if (cpu->head)
		memmove(cpu->window, cpu->window + cpu->head, count * sizeof(*cpu->window));
	cpu->head = 0;
	cpu->tail = count;
	if (room <= cpu->room)
		return 0;
	grown = realloc(cpu->window, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	cpu->window = grown;
	cpu->room = room;
	return 0;
}

/* Sorts the window, of which all but the last @fresh are in order. */
static int sort_window(struct cpu *cpu, size_t fresh)
{
	struct position *w, *copy;
	size_t from, to;

	if (!fresh)
		return 0;
	if (make_room(cpu, fresh))
		return -ENOMEM;
	w = cpu->window + cpu->head;
	to = cpu->tail - cpu->head;
	from = to - fresh;
	sort(w + from, fresh);
	if (!from || earlier(&w[from - 1], &w[from]))
		return 0;
	/* From behind, as far as they are older than what was there. */
	copy = w + to;
	memcpy(copy, w + from, fresh * sizeof(*w));
	while (fresh)
		w[--to] = from && earlier(&copy[fresh - 1], &w[from - 1]) ?
			  w[--from] : copy[--fresh];
	return 0;
}

/* Takes the next block of @cpu into its window. */
static int take_block(struct tt_reader *r, struct cpu *cpu)
{
	const struct block *block = &cpu->blocks[cpu->next_block];
	struct walk w = tt_walk_begin(r, block, cpu->blocks, cpu->next_block);
	unsigned int i, parts;
	size_t fresh = 0;
	uint64_t time_ns;

	while (tt_walk_next(&r->dict, &w) == STEP_RECORD) {
		parts = tt_walk_parts(&r->dict, &w);
		if (make_room(cpu, parts))
			return -ENOMEM;
		for (i = 0; i < parts; i++) {
			if (!tt_walk_time_ns(&r->dict, &w, i, &time_ns))
				continue;
			cpu->window[cpu->tail++] = (struct position){
				time_ns, block->offset + w.offset, i };
			fresh++;
		}
	}
	cpu->next_block++;
	return sort_window(cpu, fresh);
}

/* Makes the head of the window the earliest record that is left on @cpu. */
static int fill_window(struct tt_reader *r, struct cpu *cpu)
{
	int err;

	while (cpu->next_block < cpu->nblocks &&
	       (cpu->head == cpu->tail ||
		cpu->window[cpu->head].time_ns > cpu->blocks[cpu->next_block].min_ns)) {
		err = take_block(r, cpu);
		if (err)
			return err;
	}
	return 0;
}

static int cpu_earlier(const struct tt_reader *r, uint32_t a, uint32_t b)
{
	uint64_t ta = r->cpus[a].window[r->cpus[a].head].time_ns;
	uint64_t tb = r->cpus[b].window[r->cpus[b].head].time_ns;

	return ta != tb ? ta < tb : a < b;
}

static void sift_down(struct tt_reader *r, uint32_t i)
{
	uint32_t least, child, top;

	for (;; i = least) {
		least = i;
		for (child = 2 * i + 1; child <= 2 * i + 2 && child < r->heap_size; child++)
			if (cpu_earlier(r, r->heap[child], r->heap[least]))
				least = child;
		if (least == i)
			return;
		top = r->heap[i];
		r->heap[i] = r->heap[least];
		r->heap[least] = top;
	}
}

static int start(struct tt_reader *r)
{
	uint32_t i;
	int err;

	r->heap_size = 0;
	for (i = 0; i < r->info.cpus; i++) {
		err = fill_window(r, &r->cpus[i]);
		if (err)
			return err;
		if (r->cpus[i].head < r->cpus[i].tail)
			r->heap[r->heap_size++] = i;
	}
	for (i = r->heap_size / 2; i-- > 0;)
		sift_down(r, i);
	r->started = 1;
	return 0;
}

void tt_decode(const struct tt_reader *r, const uint8_t *at, unsigned int number,
	       uint64_t time_ns, uint32_t ring, struct tt_record *record)
{
	const struct tt_dictionary *dict = &r->dict;
	uint32_t id = tt_record_id(r->header.version, at);
	uint32_t index = dict->index[id];
	const struct tt_dict_part *part = NULL;
	uint64_t cpu = ring;
	unsigned int i;

	if (dict->parts[index].count) {
		part = &dict->parts[index].part[number];
		index = dict->index[part->id];
		if (part->cpu != TT_PART_SAME)
			cpu = tt_read_field(dict, id, at, part->cpu);
		/* Users have tables of the CPUs. */
		if (cpu >= r->info.first_thread)
			cpu = ring;
	}
	record->time_ns = time_ns;
	record->cpu = (uint16_t)cpu;
	record->ring = (uint16_t)ring;
	record->part = (uint16_t)number;
	record->event = index;
	record->nargs = (uint16_t)dict->events[index].nargs;
	for (i = 0; i < record->nargs; i++)
		record->args[i] = part && part->args[i] == TT_PART_ZERO ? 0 :
			tt_read_field(dict, id, at, part ? part->args[i] : i);
}

int tt_next(struct tt_reader *r, struct tt_record *record)
{
	const struct position *p;
	struct cpu *cpu;
	int err = 0;

	if (!r->started)
		err = start(r);
	if (!err && !r->heap_size)
		return 0;
	if (!err) {
		cpu = &r->cpus[r->heap[0]];
		p = &cpu->window[cpu->head];
		tt_decode(r, r->data + p->offset, p->part, p->time_ns, r->heap[0], record);
		cpu->head++;
		err = fill_window(r, cpu);
	}
	if (err)
		return tt_fail(r->error, sizeof(r->error), err, "%s", strerror(-err));
	if (cpu->head == cpu->tail)
		r->heap[0] = r->heap[--r->heap_size];
	sift_down(r, 0);
	return 1;
}

void tt_rewind(struct tt_reader *r)
{
	uint32_t i;

	for (i = 0; i < r->info.cpus; i++) {
		r->cpus[i].head = 0;
		r->cpus[i].tail = 0;
		r->cpus[i].next_block = 0;
	}
	r->started = 0;
}
