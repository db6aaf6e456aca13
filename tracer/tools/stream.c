/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks are appended as the tracer gives them out; a dump taken at the end
 * has those that are left, and the counts. The file header and the dictionary
 * come last, into room that is kept for them at the beginning.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <timetrace/record.h>
#include <unistd.h>

#include "stream.h"

#define RAW "/proc/timetrace_raw"
#define STREAM "/proc/timetrace_stream"
#define BLOCKS_AT (1 << 20) /* in the file; a hole up to the header's and the dictionary's end */
#define BUFFER_BYTES (1 << 20)
#define PAUSE_NS 5000000

/* What the file has of the ring of a CPU, or of a thread. */
struct cpu {
	uint64_t blocks;
	uint64_t last; /* sequence number */
	uint64_t first_record; /* of its first block */
	uint64_t due; /* first record of the next one when there is no gap */
	uint64_t records;
	int gap;
	uint64_t add; /* to the first_record of its blocks, once that is known */
	int settled;
};

struct stream {
	int fd; /* of the file */
	uint32_t block_bytes;
	uint64_t blocks;
	struct cpu *cpus;
	uint32_t ncpus;
	uint32_t gone; /* rings that were not there any more at the end */
	const char *what; /* file of the error */
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static int fail(struct stream *s, const char *what, int err)
{
	s->what = what;
	return err;
}

static int write_at(struct stream *s, const void *from, size_t bytes, uint64_t at)
{
	const char *next = from;
	ssize_t n;

	for (; bytes; bytes -= (size_t)n, next += n, at += (uint64_t)n) {
		n = pwrite(s->fd, next, bytes, (off_t)at);
		if (n < 0)
			return fail(s, NULL, errno);
	}
	return 0;
}

static uint64_t end_of_blocks(const struct stream *s)
{
	return BLOCKS_AT + s->blocks * s->block_bytes;
}

/* Takes note of a block that comes next in the file, and corrects what it says of those before. */
static int account(struct stream *s, struct tt_block *block)
{
	struct cpu *cpu, *grown;

	if (block->cpu >= s->ncpus) {
		grown = realloc(s->cpus, (block->cpu + 1u) * sizeof(*grown));
		if (!grown)
			return fail(s, NULL, ENOMEM);
		memset(grown + s->ncpus, 0, (block->cpu + 1u - s->ncpus) * sizeof(*grown));
		s->cpus = grown;
		s->ncpus = block->cpu + 1u;
	}
	cpu = &s->cpus[block->cpu];
	if (!cpu->blocks) {
		cpu->first_record = block->first_record;
	} else {
		cpu->gap |= block->sequence != cpu->last + 1;
		if (!cpu->gap || block->first_record < cpu->due)
			block->first_record = cpu->due;
	}
	cpu->blocks++;
	cpu->last = block->sequence;
	cpu->records += TT_COMMIT_RECORDS(block->commit);
	cpu->due = block->first_record + TT_COMMIT_RECORDS(block->commit);
	s->blocks++;
	return 0;
}

/* Appends whole blocks. */
static int append(struct stream *s, uint8_t *blocks, size_t bytes)
{
	uint64_t at = end_of_blocks(s);
	size_t i;
	int err = 0;

	for (i = 0; i < bytes && !err; i += s->block_bytes)
		err = account(s, (struct tt_block *)(blocks + i));
	return err ? err : write_at(s, blocks, bytes, at);
}

/* All of RAW; *@bytes of it. */
static uint8_t *take_dump(struct stream *s, size_t *bytes, int *err)
{
	int fd = open(RAW, O_RDONLY | O_CLOEXEC);
	uint8_t *dump = NULL;
	ssize_t n = -1;
	off_t size;

	*bytes = 0;
	size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (size >= (off_t)sizeof(struct tt_file_header) && !lseek(fd, 0, SEEK_SET))
		dump = malloc((size_t)size);
	while (dump && *bytes < (size_t)size) {
		n = read(fd, dump + *bytes, (size_t)size - *bytes);
		if (n <= 0)
			break;
		*bytes += (size_t)n;
	}
	*err = 0;
	if (!dump || *bytes < (size_t)size) {
		*err = fail(s, RAW, n == 0 ? EIO : errno);
		free(dump);
		dump = NULL;
	}
	if (fd >= 0)
		close(fd);
	return dump;
}

/* Header and dictionary of @dump in front of the blocks of the file. */
static int write_front(struct stream *s, const uint8_t *dump, uint64_t blocks)
{
	struct tt_file_header h;
	uint32_t dictionary_at;
	int err;

	memcpy(&h, dump, sizeof(h));
	dictionary_at = h.header_bytes;
	if (h.dictionary_bytes > BLOCKS_AT - sizeof(h))
		return fail(s, "the dictionary", EFBIG);
	h.header_bytes = BLOCKS_AT - h.dictionary_bytes;
	h.blocks = blocks;
	h.cpus += s->gone;
	err = write_at(s, dump + dictionary_at, h.dictionary_bytes, h.header_bytes);
	return err ? err : write_at(s, &h, sizeof(h), 0);
}

/* Of one CPU at the end: what is not in the file was overwritten before, or in a gap. */
static void settle(struct tt_cpu_account *acc, struct cpu *cpu)
{
	uint64_t stored = acc->produced - acc->lost_frozen - acc->lost_nested - acc->lost_full;
	uint64_t missing = stored - cpu->records;

	cpu->settled = 1;
	acc->blocks = cpu->blocks;
	acc->overwritten = missing;
	if (cpu->gap && cpu->first_record < missing)
		acc->overwritten = cpu->first_record;
	else if (cpu->blocks)
		cpu->add = missing - cpu->first_record;
	acc->lost_reader = missing - acc->overwritten;
}

/* The first block of a CPU did not know of records in the making before it, nor did those that follow. */
static int correct(struct stream *s)
{
	uint64_t at = BLOCKS_AT;
	struct tt_block block;
	uint64_t i;
	uint32_t c;
	int err = 0;

	for (c = 0; c < s->ncpus && !s->cpus[c].add; c++)
		;
	if (c == s->ncpus)
		return 0;
	for (i = 0; i < s->blocks && !err; i++, at += s->block_bytes) {
		if (pread(s->fd, &block, sizeof(block), (off_t)at) != (ssize_t)sizeof(block))
			return fail(s, NULL, EIO);
		if (!s->cpus[block.cpu].add)
			continue;
		block.first_record += s->cpus[block.cpu].add;
		err = write_at(s, &block, sizeof(block), at);
	}
	return err;
}

/* What comes behind the blocks of @dump, with accounts that hold for the file. */
static int write_back(struct stream *s, const uint8_t *dump, size_t bytes, const uint8_t *accounts)
{
	const struct tt_file_header *h = (const struct tt_file_header *)dump;
	static struct cpu none;
	uint64_t at = end_of_blocks(s);
	struct tt_cpu_account acc;
	struct tt_file_end end;
	size_t rest;
	uint32_t i;
	int err = 0;

	for (i = 0; i < h->cpus && !err; i++, accounts += sizeof(acc), at += sizeof(acc)) {
		memcpy(&acc, accounts, sizeof(acc));
		settle(&acc, acc.cpu < s->ncpus ? &s->cpus[acc.cpu] : &none);
		err = write_at(s, &acc, sizeof(acc), at);
	}
	/* Rings of threads that have given way to others. */
	for (i = h->first_thread; i < s->ncpus && !err; i++) {
		if (!s->cpus[i].blocks || s->cpus[i].settled)
			continue;
		acc = (struct tt_cpu_account){ .magic = TT_ACCOUNT_MAGIC, .cpu = i,
					       .produced = s->cpus[i].due };
		settle(&acc, &s->cpus[i]);
		err = write_at(s, &acc, sizeof(acc), at);
		at += sizeof(acc);
		s->gone++;
	}
	rest = bytes - (size_t)(accounts - dump) - sizeof(end);
	memcpy(end.magic, TT_END_MAGIC, sizeof(end.magic));
	end.file_bytes = at + rest + sizeof(end);
	if (!err)
		err = write_at(s, accounts, rest, at);
	if (!err)
		err = write_at(s, &end, sizeof(end), at + rest);
	return err ? err : correct(s);
}

static int finish(struct stream *s)
{
	const struct tt_file_header *h;
	const struct tt_block *block;
	uint8_t *dump, *at;
	size_t bytes;
	uint64_t i;
	int err;

	dump = take_dump(s, &bytes, &err);
	if (!dump)
		return err;
	h = (const struct tt_file_header *)dump;
	at = dump + h->header_bytes + h->dictionary_bytes;
	for (i = 0; i < h->blocks && !err; i++, at += h->block_bytes) {
		block = (const struct tt_block *)at;
		if (block->cpu >= s->ncpus || !s->cpus[block->cpu].blocks ||
		    block->sequence > s->cpus[block->cpu].last)
			err = append(s, at, h->block_bytes);
	}
	if (!err)
		err = write_back(s, dump, bytes, at);
	if (!err)
		err = write_front(s, dump, s->blocks);
	free(dump);
	return err;
}

/* Appends what there is; *@bytes of it. */
static int pump(struct stream *s, int from, uint8_t *buffer, ssize_t *bytes)
{
	*bytes = read(from, buffer, BUFFER_BYTES);
	if (*bytes < 0)
		return errno == EINTR ? 0 : fail(s, STREAM, errno);
	return append(s, buffer, (size_t)*bytes);
}

static int run(struct stream *s, int from, unsigned int seconds)
{
	const struct timespec pause = { 0, PAUSE_NS };
	struct timespec now, begin;
	uint8_t *buffer, *dump;
	ssize_t bytes;
	size_t size;
	int err;

	/* If this program ends early, a reader finds all blocks nevertheless. */
	dump = take_dump(s, &size, &err);
	if (!dump)
		return err;
	s->block_bytes = ((const struct tt_file_header *)dump)->block_bytes;
	err = write_front(s, dump, UINT64_MAX);
	free(dump);
	buffer = malloc(BUFFER_BYTES);
	if (!buffer)
		return fail(s, NULL, ENOMEM);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (!err && !stopped) {
		err = pump(s, from, buffer, &bytes);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (seconds && now.tv_sec - begin.tv_sec >= (time_t)seconds)
			break;
		if (!err && bytes <= 0)
			nanosleep(&pause, NULL);
	}
	free(buffer);
	return err ? err : finish(s);
}

int stream_collect(const char *to, unsigned int seconds)
{
	struct sigaction action = { .sa_handler = stop };
	struct stream s = { .fd = -1 };
	int from, err;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	from = open(STREAM, O_RDONLY | O_CLOEXEC);
	if (from < 0) {
		err = fail(&s, STREAM, errno);
	} else {
		s.fd = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		err = s.fd < 0 ? fail(&s, NULL, errno) : run(&s, from, seconds);
		close(from);
	}
	if (s.fd >= 0 && close(s.fd) && !err)
		err = fail(&s, NULL, errno);
	free(s.cpus);
	if (err == ENOENT && s.what)
		fprintf(stderr, "ttdump: no %s: load timetrace.ko first\n", s.what);
	else if (err == ESTALE)
		fprintf(stderr, "ttdump: the trace was cleared; %s has what came before\n", to);
	else if (err)
		fprintf(stderr, "ttdump: %s: %s\n", s.what ? s.what : to, strerror(err));
	return err ? 1 : 0;
}
