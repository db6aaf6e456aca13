/* SPDX-License-Identifier: Apache-2.0 */
#include <timetrace/writer.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timetrace/record.h>
#include <unistd.h>

#define BLOCK_BYTES 4096
#define MAX_RINGS 16384

struct ring {
	uint8_t *blocks;
	uint64_t nblocks;
	uint32_t used; /* bytes of the last block, header included */
	uint32_t epoch; /* upper half of the time */
	uint64_t stored; /* records, and those overwritten before */
	int close; /* the next record opens a block, because a loss comes before it */
	struct tt_cpu_account account;
};

struct tt_writer {
	struct tt_event_desc *events;
	uint32_t count;
	uint8_t *dictionary;
	uint32_t dictionary_bytes;
	struct ring *rings;
	uint32_t cpus;
	uint64_t last_ns;
	struct tt_file_header header;
	uint32_t first_thread;
};

static uint32_t type_bytes(enum tt_type type)
{
	static const uint8_t bytes[TT_TYPES] = { 1, 2, 4, 4, 8 };

	return bytes[type];
}

/* Copies @s to @to when that is not NULL; returns where the next string goes. */
static uint32_t put_string(uint8_t *to, uint32_t at, const char *s)
{
	uint32_t bytes = (uint32_t)strlen(s) + 1;

	if (to)
		memcpy(to + at, s, bytes);
	return at + bytes;
}

static uint32_t encode_entry(const struct tt_event_desc *event, uint32_t id, uint8_t *to)
{
	struct tt_dict_entry entry = { .id = (uint16_t)id, .nfields = (uint8_t)event->nargs };
	uint32_t at = sizeof(entry);
	unsigned int i;

	entry.flags = (event->missing ? TT_EVENT_MISSING : 0) | (event->on ? TT_EVENT_ON : 0);
	at = put_string(to, at, event->name);
	at = put_string(to, at, event->group);
	at = put_string(to, at, event->doc);
	for (i = 0; i < event->nargs; i++) {
		entry.types[i] = (uint8_t)event->fields[i].type;
		at = put_string(to, at, event->fields[i].name);
		at = put_string(to, at, event->fields[i].unit);
	}
	at = (at + 3) & ~3u;
	entry.bytes = (uint16_t)at;
	if (to)
		memcpy(to, &entry, sizeof(entry));
	return at;
}

static int encode_dictionary(struct tt_writer *w)
{
	uint32_t at = 0;
	uint32_t i;

	for (i = 0; i < w->count; i++)
		w->dictionary_bytes += encode_entry(&w->events[i], TT_ID_FIRST + i, NULL);
	w->dictionary = calloc(1, w->dictionary_bytes + 1);
	if (!w->dictionary)
		return -ENOMEM;
	for (i = 0; i < w->count; i++)
		at += encode_entry(&w->events[i], TT_ID_FIRST + i, w->dictionary + at);
	w->header.dictionary_hash = TT_FNV_BASIS;
	for (i = 0; i < w->dictionary_bytes; i++)
		w->header.dictionary_hash =
			(w->header.dictionary_hash ^ w->dictionary[i]) * TT_FNV_PRIME;
	return 0;
}

static int event_ok(const struct tt_event_desc *event)
{
	unsigned int i;

	if (!event->name || !event->group || !event->doc || event->nargs > TT_MAX_ARGS)
		return 0;
	for (i = 0; i < event->nargs; i++)
		if (!event->fields[i].name || !event->fields[i].unit ||
		    (unsigned int)event->fields[i].type >= TT_TYPES)
			return 0;
	return encode_entry(event, 0, NULL) <= UINT16_MAX;
}

struct tt_writer *tt_writer_new(const struct tt_event_desc *events, uint32_t count)
{
	struct tt_writer *w;
	uint32_t i;

	if (count > TT_MAX_EVENTS - TT_ID_FIRST)
		return NULL;
	for (i = 0; i < count; i++)
		if (!event_ok(&events[i]))
			return NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->events = calloc(count + 1, sizeof(*events));
	if (!w->events)
		goto failed;
	/* Names are needed for the dictionary only, which is made right here. */
	memcpy(w->events, events, count * sizeof(*events));
	w->count = count;
	if (encode_dictionary(w))
		goto failed;
	strcpy(w->header.clock, "monotonic");
	w->first_thread = UINT32_MAX;
	return w;
failed:
	tt_writer_free(w);
	return NULL;
}

void tt_writer_free(struct tt_writer *w)
{
	uint32_t i;

	if (!w)
		return;
	for (i = 0; i < w->cpus; i++)
		free(w->rings[i].blocks);
	free(w->rings);
	free(w->dictionary);
	free(w->events);
	free(w);
}

void tt_writer_set_host(struct tt_writer *w, const char *host, const char *release)
{
	snprintf(w->header.host, sizeof(w->header.host), "%s", host);
	snprintf(w->header.release, sizeof(w->header.release), "%s", release);
}

void tt_writer_set_dump_time(struct tt_writer *w, uint64_t time_ns)
{
	w->header.time_ns = time_ns;
}

static struct ring *get_ring(struct tt_writer *w, uint32_t cpu)
{
	struct ring *grown;

	if (cpu >= w->cpus) {
		grown = realloc(w->rings, (cpu + 1) * sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + w->cpus, 0, (cpu + 1 - w->cpus) * sizeof(*grown));
		w->rings = grown;
		w->cpus = cpu + 1;
	}
	return &w->rings[cpu];
}

int tt_writer_set_thread(struct tt_writer *w, uint32_t cpu, const struct tt_thread *thread)
{
	struct ring *ring;

	if (cpu >= MAX_RINGS || !thread->tid)
		return -EINVAL;
	ring = get_ring(w, cpu);
	if (!ring)
		return -ENOMEM;
	ring->account.pid = thread->pid;
	ring->account.tid = thread->tid;
	memcpy(ring->account.comm, thread->comm, sizeof(ring->account.comm));
	if (cpu < w->first_thread)
		w->first_thread = cpu;
	return 0;
}

static struct tt_block *last_block(struct ring *ring)
{
	return (struct tt_block *)(ring->blocks + (ring->nblocks - 1) * BLOCK_BYTES);
}

/* Appends the head of an entry. */
static void put_head(struct ring *ring, uint32_t time, uint32_t id)
{
	struct tt_record_head head = { time, (uint16_t)id };

	memcpy((uint8_t *)last_block(ring) + ring->used, &head, sizeof(head));
	ring->used += sizeof(head);
}

static int open_block(struct ring *ring, uint32_t cpu, uint64_t time_ns)
{
	uint8_t *grown;

	if (ring->nblocks) {
		if (BLOCK_BYTES - ring->used >= TT_HEAD_BYTES)
			put_head(ring, BLOCK_BYTES - ring->used, TT_ID_PAD);
		last_block(ring)->commit = (last_block(ring)->commit & ~0xffffull) |
					   (BLOCK_BYTES - sizeof(struct tt_block));
	}
	grown = realloc(ring->blocks, (ring->nblocks + 1) * BLOCK_BYTES);
	if (!grown)
		return -ENOMEM;
	ring->blocks = grown;
	ring->nblocks++;
	memset(last_block(ring), 0, BLOCK_BYTES);
	*last_block(ring) = (struct tt_block){
		.magic = TT_BLOCK_MAGIC,
		.header_bytes = sizeof(struct tt_block),
		.cpu = (uint16_t)cpu,
		.sequence = ring->nblocks - 1,
		.time_ns = time_ns,
		.first_record = ring->stored,
		.lost_nested = ring->account.lost_nested,
		.lost_frozen = ring->account.lost_frozen,
		.lost_full = ring->account.lost_full,
		.time_ticks = time_ns,
	};
	ring->used = sizeof(struct tt_block);
	ring->epoch = (uint32_t)(time_ns >> 32);
	ring->close = 0;
	return 0;
}

int tt_writer_add(struct tt_writer *w, uint64_t time_ns, uint32_t cpu, uint32_t event,
		  const uint64_t *args)
{
	const struct tt_event_desc *desc;
	uint32_t high = (uint32_t)(time_ns >> 32);
	uint32_t bytes = TT_HEAD_BYTES;
	struct ring *ring;
	unsigned int i;
	uint8_t *to;
	int err;

	if (event >= w->count || cpu >= MAX_RINGS)
		return -EINVAL;
	ring = get_ring(w, cpu);
	if (!ring)
		return -ENOMEM;
	desc = &w->events[event];
	for (i = 0; i < desc->nargs; i++)
		bytes += type_bytes(desc->fields[i].type);
	bytes = (bytes + TT_RECORD_ALIGN - 1) / TT_RECORD_ALIGN * TT_RECORD_ALIGN;
	if (!ring->nblocks || ring->close || ring->used + bytes + TT_EXTEND_BYTES > BLOCK_BYTES) {
		err = open_block(ring, cpu, time_ns);
		if (err)
			return err;
	}
	if (high != ring->epoch) {
		put_head(ring, (uint32_t)time_ns, TT_ID_EXTEND);
		memcpy((uint8_t *)last_block(ring) + ring->used, &high, sizeof(high));
		ring->used += sizeof(high);
		ring->epoch = high;
	}
	put_head(ring, (uint32_t)time_ns, TT_ID_FIRST + event);
	to = (uint8_t *)last_block(ring) + ring->used;
	for (i = 0; i < desc->nargs; i++) {
		memcpy(to, &args[i], type_bytes(desc->fields[i].type));
		to += type_bytes(desc->fields[i].type);
	}
	ring->used += bytes - TT_HEAD_BYTES;
	last_block(ring)->commit = ((last_block(ring)->commit >> 16) + 1) << 16 |
				   (ring->used - sizeof(struct tt_block));
	ring->stored++;
	if (time_ns > w->last_ns)
		w->last_ns = time_ns;
	return 0;
}

int tt_writer_lose(struct tt_writer *w, uint32_t cpu, enum tt_loss reason, uint64_t records)
{
	struct ring *ring;

	if (cpu >= MAX_RINGS)
		return -EINVAL;
	ring = get_ring(w, cpu);
	if (!ring)
		return -ENOMEM;
	switch (reason) {
	case TT_LOSS_OVERWRITTEN:
		if (ring->nblocks)
			return -EINVAL;
		ring->account.overwritten += records;
		ring->stored += records;
		return 0;
	case TT_LOSS_FROZEN:
		ring->account.lost_frozen += records;
		break;
	case TT_LOSS_NESTED:
		ring->account.lost_nested += records;
		ring->account.nested_ns = w->last_ns;
		break;
	case TT_LOSS_FULL:
		ring->account.lost_full += records;
		break;
	case TT_LOSS_READER:
		ring->account.lost_reader += records;
		ring->stored += records;
		break;
	default:
		return -EINVAL;
	}
	ring->close = 1;
	return 0;
}

static int write_all(struct tt_writer *w, FILE *to)
{
	struct tt_file_end end;
	struct ring *ring;
	uint64_t bytes;
	uint32_t i;

	memcpy(w->header.magic, TT_FILE_MAGIC, sizeof(w->header.magic));
	w->header.version = TT_FORMAT_VERSION;
	w->header.header_bytes = sizeof(w->header);
	w->header.block_bytes = BLOCK_BYTES;
	w->header.cpus = w->cpus;
	w->header.dictionary_bytes = w->dictionary_bytes;
	w->header.events = w->count;
	w->header.id_bits = 8 * sizeof(uint16_t);
	w->header.blocks = 0;
	w->header.first_thread = w->first_thread < w->cpus ? w->first_thread : w->cpus;
	for (i = 0; i < w->cpus; i++)
		w->header.blocks += w->rings[i].nblocks;
	if (!w->header.time_ns)
		w->header.time_ns = w->last_ns;
	w->header.time_ticks = w->header.time_ns;

	fwrite(&w->header, sizeof(w->header), 1, to);
	fwrite(w->dictionary, 1, w->dictionary_bytes, to);
	for (i = 0; i < w->cpus; i++)
		if (w->rings[i].nblocks)
			fwrite(w->rings[i].blocks, BLOCK_BYTES, w->rings[i].nblocks, to);
	for (i = 0; i < w->cpus; i++) {
		ring = &w->rings[i];
		ring->account.magic = TT_ACCOUNT_MAGIC;
		ring->account.cpu = i;
		ring->account.blocks = ring->nblocks;
		ring->account.produced = ring->stored + ring->account.lost_frozen +
					 ring->account.lost_nested + ring->account.lost_full;
		fwrite(&ring->account, sizeof(ring->account), 1, to);
	}
	bytes = sizeof(w->header) + w->dictionary_bytes + w->header.blocks * BLOCK_BYTES +
		(uint64_t)w->cpus * sizeof(struct tt_cpu_account) + sizeof(end);
	memcpy(end.magic, TT_END_MAGIC, sizeof(end.magic));
	end.file_bytes = bytes;
	fwrite(&end, sizeof(end), 1, to);
	return ferror(to) ? -EIO : 0;
}

int tt_writer_save(struct tt_writer *w, const char *path, char *err, size_t err_size)
{
	char part[4096];
	FILE *to;
	int code;

	if ((size_t)snprintf(part, sizeof(part), "%s.part", path) >= sizeof(part)) {
		snprintf(err, err_size, "%.64s...: the name is too long", path);
		return -ENAMETOOLONG;
	}
	to = fopen(part, "wb");
	code = to ? write_all(w, to) : -errno;
	if (to && fclose(to) && !code)
		code = -errno;
	if (!code && rename(part, path))
		code = -errno;
	if (code) {
		if (to)
			unlink(part);
		snprintf(err, err_size, "%s: %s", path, strerror(-code));
	}
	return code;
}
