/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading any bytes as a dump, for libFuzzer: no input may crash the reader,
 * keep it busy for ever, or make it give out more than the bytes can hold.
 * The hash of the dictionary is made right first, or nothing behind it would
 * ever be reached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <timetrace/reader.h>
#include <timetrace/record.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fix_hash(uint8_t *bytes, size_t size)
{
	struct tt_file_header h;
	uint64_t hash = TT_FNV_BASIS;
	uint32_t i;

	if (size < sizeof(h))
		return;
	memcpy(&h, bytes, sizeof(h));
	if (h.header_bytes > size || h.dictionary_bytes > size - h.header_bytes)
		return;
	for (i = 0; i < h.dictionary_bytes; i++)
		hash = (hash ^ bytes[h.header_bytes + i]) * TT_FNV_PRIME;
	memcpy(bytes + offsetof(struct tt_file_header, dictionary_hash), &hash, sizeof(hash));
}

/* Looks at all there is; how many events. */
static uint64_t read_all(struct tt_reader *r)
{
	struct tt_stage_counts counts;
	struct tt_record record;
	uint64_t events = 0, sum = 0, low;
	uint32_t i, b;

	while (tt_next(r, &record) == 1) {
		if (!tt_event(r, record.event) || record.nargs > TT_MAX_ARGS ||
		    record.cpu >= tt_info(r)->cpus || record.ring >= tt_info(r)->cpus)
			abort();
		sum += strlen(tt_event(r, record.event)->name);
		events++;
	}
	for (i = 0; !tt_histogram_at(r, i, &counts); i++) {
		sum += strlen(counts.group) + strlen(counts.stage);
		for (b = 0; b <= counts.buckets; b++)
			sum += tt_histogram_count(r, i, b, &low);
	}
	for (i = 0; i <= tt_info(r)->cpus; i++)
		sum += tt_lost(r, i, TT_LOSS_READER) + tt_produced(r, i) + tt_complete_since_ns(r, i);
	return sum ? events : events + !tt_error(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_reader *r;
	char path[64], err[256];
	uint8_t *bytes;
	uint64_t events;
	int fd;

	if (!size)
		return 0;
	fd = memfd_create("dump", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size))
		abort();
	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		abort();
	memcpy(bytes, data, size);
	fix_hash(bytes, size);
	munmap(bytes, size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!tt_open(path, &r, err, sizeof(err))) {
		events = read_all(r);
		tt_rewind(r);
		if (read_all(r) != events || events > size / 4 * TT_MAX_PARTS)
			abort();
		tt_close(r);
	} else if (!err[0]) {
		abort();
	}
	close(fd);
	return 0;
}
