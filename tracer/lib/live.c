/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings where they are. A block is copied between two looks at its
 * sequence number, which the tracer changes before it touches the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <timetrace/live.h>
#include <unistd.h>

#include "reader_internal.h"

#define RAW "/proc/timetrace_raw"
#define STREAM "/proc/timetrace_stream"

struct ring {
	const struct tt_ring_page *page; /* NULL: the CPU has none */
	size_t bytes; /* mapped */
	uint64_t next; /* block */
	uint64_t missed;

	/* Block @next, when a part of it has been given out: how far, and the base of times there. */
	uint32_t given;
	uint64_t base;
};

struct tt_live {
	struct tt_reader *reader;
	struct ring *rings;
	uint32_t ncpus, cpu; /* the one whose turn it is */
	int fd; /* of STREAM */
	int tail; /* the block that was copied is not full */
	uint8_t *copy; /* of a block */
	struct walk walk; /* in it */
	unsigned int part, parts; /* of the record found */
};

static uint64_t oldest_block(const struct tt_ring_page *page, uint64_t opened)
{
	return opened > page->nblocks ? opened - page->nblocks : 0;
}

static int map_ring(struct ring *ring, int fd, uint32_t cpu, uint32_t block_bytes)
{
	off_t at = (off_t)cpu << TT_MAP_SHIFT;
	const struct tt_ring_page *page = mmap(NULL, block_bytes, PROT_READ, MAP_SHARED, fd, at);
	size_t bytes;

	if (page == MAP_FAILED)
		return -errno;
	bytes = (page->nblocks + 1) * block_bytes;
	munmap((void *)page, block_bytes);
	page = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, at);
	if (page == MAP_FAILED)
		return -errno;
	ring->page = page;
	ring->bytes = bytes;
	ring->next = oldest_block(page, __atomic_load_n(&page->opened, __ATOMIC_ACQUIRE));
	return page->magic == TT_RING_MAGIC && page->block_bytes == block_bytes ? 0 : -EPROTO;
}

/* CPUs in the accounts of a dump have rings. */
static int map_rings(struct tt_live *live, const char **what)
{
	uint32_t block_bytes = live->reader->header.block_bytes;
	int err = 0;
	uint32_t cpu;

	*what = STREAM;
	live->fd = open(STREAM, O_RDONLY | O_CLOEXEC);
	if (live->fd < 0)
		err = -errno;
	live->ncpus = live->reader->info.first_thread;
	live->rings = calloc(live->ncpus, sizeof(*live->rings));
	live->copy = malloc(block_bytes);
	if (!live->rings || !live->copy)
		err = -ENOMEM;
	for (cpu = 0; cpu < live->ncpus && !err; cpu++) {
		err = map_ring(&live->rings[cpu], live->fd, cpu, block_bytes);
		if (err == -EINVAL)
			err = 0; /* no such CPU, or no memory for it */
	}
	return err;
}

int tt_live_open(struct tt_live **live, char *err, size_t err_size)
{
	struct tt_live *l = calloc(1, sizeof(*l));
	const char *what;
	int code;

	*live = NULL;
	if (!l)
		return tt_fail(err, err_size, -ENOMEM, "not enough memory");
	l->fd = -1;
	code = tt_open(RAW, &l->reader, err, err_size);
	if (!code) {
		code = map_rings(l, &what);
		if (code)
			tt_fail(err, err_size, code, "%s: %s", what, strerror(-code));
	}
	if (code) {
		tt_live_close(l);
		return code;
	}
	*live = l;
	return 0;
}

void tt_live_close(struct tt_live *live)
{
	uint32_t cpu;

	if (!live)
		return;
	for (cpu = 0; live->rings && cpu < live->ncpus; cpu++)
		if (live->rings[cpu].page)
			munmap((void *)live->rings[cpu].page, live->rings[cpu].bytes);
	if (live->fd >= 0)
		close(live->fd);
	free(live->rings);
	free(live->copy);
	tt_close(live->reader);
	free(live);
}

const struct tt_reader *tt_live_reader(const struct tt_live *live)
{
	return live->reader;
}

uint64_t tt_live_missed(const struct tt_live *live, uint32_t cpu)
{
	return cpu < live->ncpus ? live->rings[cpu].missed : 0;
}

/* Copies the next full block of a ring. 1, 0 when there is none, -ESTALE. */
static int copy_block(struct tt_live *live, struct ring *ring)
{
	const struct tt_ring_page *page = ring->page;
	uint64_t opened = __atomic_load_n(&page->opened, __ATOMIC_ACQUIRE);
	uint64_t settled = __atomic_load_n(&page->settled, __ATOMIC_ACQUIRE);
	uint64_t cleared = __atomic_load_n(&page->first_visible, __ATOMIC_ACQUIRE);
	uint64_t oldest = oldest_block(page, opened);
	const struct tt_block *block;
	uint64_t k;

	if (__atomic_load_n(&page->gone, __ATOMIC_ACQUIRE))
		return -ESTALE;
	if (ring->next < cleared) {
		ring->next = cleared;
		ring->given = 0;
	}
	/* Who was too slow once gets half a ring of time, or the same would happen again. */
	if (ring->next < oldest) {
		k = oldest + page->nblocks / 2;
		ring->missed += k - ring->next;
		ring->next = k;
		ring->given = 0;
	}
	while (ring->next < settled && ring->next + 1 < opened) {
		k = ring->next++;
		block = (const void *)((const uint8_t *)page + (1 + k % page->nblocks) *
				       page->block_bytes);
		if (__atomic_load_n(&block->sequence, __ATOMIC_ACQUIRE) == k) {
			memcpy(live->copy, block, page->block_bytes);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(&block->sequence, __ATOMIC_RELAXED) == k)
				return 1;
		}
		ring->missed++;
		ring->given = 0;
	}
	return 0;
}

/* Copies what there is of the block that is being filled. 1, 0 when it is nothing new, or an error. */
static int copy_tail(struct tt_live *live, struct ring *ring)
{
	const struct tt_block *block = (const void *)live->copy;
	size_t bytes = ring->page->block_bytes;
	ssize_t n;

	if (__atomic_load_n(&ring->page->opened, __ATOMIC_ACQUIRE) != ring->next + 1)
		return 0;
	n = pread(live->fd, live->copy, bytes, (off_t)(live->cpu + 1) << TT_MAP_SHIFT);
	if (n < 0)
		return -errno;
	return n == (ssize_t)bytes && block->sequence == ring->next &&
	       block->header_bytes + TT_COMMIT_BYTES(block->commit) > ring->given;
}

/* Begins to walk through the block that was copied. */
static void enter_block(struct tt_live *live)
{
	struct ring *ring = &live->rings[live->cpu];
	const struct tt_file_header *h = &live->reader->header;
	uint64_t ticks = h->time_ticks - h->begin_ticks;
	struct tt_block block;

	memcpy(&block, live->copy, sizeof(block));
	live->walk = (struct walk){
		.data = live->copy, .at = block.header_bytes, .end = h->block_bytes,
		.version = h->version, .base = block.time_ticks >> 32 << 32,
		.scale = { h->time_ticks, h->time_ns, ticks ?
			   (uint64_t)(((unsigned __int128)(h->time_ns - h->begin_ns) <<
				       TT_RATE_SHIFT) / ticks) : (uint64_t)1 << TT_RATE_SHIFT },
	};
	if (live->tail)
		live->walk.end = block.header_bytes + TT_COMMIT_BYTES(block.commit);
	if (ring->given) {
		live->walk.at = ring->given;
		live->walk.base = ring->base;
	}
	ring->given = 0;
}

/* All records of the block have been given out. */
static void leave_block(struct tt_live *live)
{
	struct ring *ring = &live->rings[live->cpu];

	if (live->tail) {
		ring->given = live->walk.at;
		ring->base = live->walk.base;
	}
	live->walk.data = NULL;
}

/* The dictionary anew, for events that have come since. */
static int refresh(struct tt_live *live)
{
	struct tt_reader *reader;
	char err[160];
	int code = tt_open(RAW, &reader, err, sizeof(err));

	if (code)
		return code == -ENOENT ? -ESTALE : code;
	tt_close(live->reader);
	live->reader = reader;
	return 0;
}

/* Finds the next record of the block. 1, 0 at its end, or an error. */
static int next_record(struct tt_live *live)
{
	struct walk before = live->walk;
	enum step step = tt_walk_next(&live->reader->dict, &live->walk);
	int err;

	if (step == STEP_BAD) {
		err = refresh(live);
		if (err)
			return err;
		live->walk = before;
		step = tt_walk_next(&live->reader->dict, &live->walk);
	}
	if (step != STEP_RECORD)
		return step == STEP_END ? 0 : -EBADMSG;
	live->part = 0;
	live->parts = tt_walk_parts(&live->reader->dict, &live->walk);
	return 1;
}

/* Finds a block with something new. 1, 0: there is none, or an error. */
static int next_block(struct tt_live *live, int tail)
{
	uint32_t tried;
	int rc = 0;

	live->tail = tail;
	for (tried = 0; !rc && tried <= live->ncpus; tried++) {
		if (tried)
			live->cpu = (live->cpu + 1) % live->ncpus;
		if (live->rings[live->cpu].page)
			rc = tail ? copy_tail(live, &live->rings[live->cpu]) :
				    copy_block(live, &live->rings[live->cpu]);
	}
	return rc;
}

/* Gives out the next event of the record, if there is one. */
static int next_part(struct tt_live *live, struct tt_record *record)
{
	uint64_t time_ns;
	unsigned int part;

	while (live->part < live->parts) {
		part = live->part++;
		if (tt_walk_time_ns(&live->reader->dict, &live->walk, part, &time_ns)) {
			tt_decode(live->reader, live->copy + live->walk.offset, part, time_ns,
				  live->cpu, record);
			return 1;
		}
	}
	return 0;
}

static int next(struct tt_live *live, struct tt_record *record, int latest)
{
	int rc;

	while (!next_part(live, record)) {
		rc = live->walk.data ? next_record(live) : 0;
		if (rc < 0)
			return rc;
		if (rc)
			continue;
		if (live->walk.data)
			leave_block(live);
		rc = next_block(live, 0);
		if (!rc && latest)
			rc = next_block(live, 1);
		if (rc <= 0)
			return rc;
		enter_block(live);
	}
	return 1;
}

int tt_live_next(struct tt_live *live, struct tt_record *record)
{
	return next(live, record, 0);
}

int tt_live_latest(struct tt_live *live, struct tt_record *record)
{
	return next(live, record, 1);
}
