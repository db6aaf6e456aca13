/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and describing a dump; scan.c and merge.c do the reading. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader_internal.h"

#define MIN_BLOCK_BYTES 512
#define MAX_BLOCK_BYTES 65536

int tt_fail(char *err, size_t err_size, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (err_size)
		vsnprintf(err, err_size, format, args);
	va_end(args);
	return code;
}

/* The whole of something that cannot be mapped, such as a file in /proc. */
static int slurp(struct tt_reader *r, int fd)
{
	size_t room = 1 << 20;
	uint8_t *grown;
	ssize_t n;

	r->data = malloc(room);
	while (r->data) {
		n = read(fd, r->data + r->bytes, room - r->bytes);
		if (n == 0)
			return 0;
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		r->bytes += n;
		if (r->bytes == room) {
			grown = realloc(r->data, room *= 2);
			if (!grown)
				return -ENOMEM;
			r->data = grown;
		}
	}
	return -ENOMEM;
}

static int load(struct tt_reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		err = -errno;
	} else if (S_ISREG(st.st_mode) && st.st_size > 0) {
		r->bytes = st.st_size;
		r->data = mmap(NULL, r->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		r->mapped = r->data != MAP_FAILED;
		if (!r->mapped) {
			/* A capture in /proc has a size, too. */
			r->bytes = 0;
			err = slurp(r, fd);
		}
	} else {
		err = slurp(r, fd);
	}
	close(fd);
	return err;
}

static int check_header(struct tt_reader *r, const char *path, char *err, size_t err_size)
{
	struct tt_file_header *h = &r->header;
	size_t least;

	if (r->bytes < sizeof(*h))
		return tt_fail(err, err_size, -EBADMSG, "%s: %zu bytes are too few for a dump", path,
			    r->bytes);
	memcpy(h, r->data, sizeof(*h));
	least = h->version < 5 ? TT_HEADER_BYTES_V4 : sizeof(*h);
	memset((uint8_t *)h + least, 0, sizeof(*h) - least);
	if (memcmp(h->magic, TT_FILE_MAGIC, sizeof(h->magic)))
		return tt_fail(err, err_size, -EBADMSG, "%s: not a timetrace dump", path);
	if (h->version < 1 || h->version > TT_FORMAT_VERSION)
		return tt_fail(err, err_size, -EPROTO,
			    "%s: format version %u, but this program reads 1 to %u", path,
			    h->version, TT_FORMAT_VERSION);
	if (h->header_bytes < least || h->header_bytes > r->bytes ||
	    h->block_bytes < MIN_BLOCK_BYTES || h->block_bytes > MAX_BLOCK_BYTES ||
	    (h->block_bytes & (h->block_bytes - 1)) || h->id_bits != (h->version < 3 ? 10 : 16) ||
	    !memchr(h->clock, 0, sizeof(h->clock)) ||
	    !memchr(h->release, 0, sizeof(h->release)) || !memchr(h->host, 0, sizeof(h->host)))
		return tt_fail(err, err_size, -EBADMSG, "%s: the file header is damaged", path);
	if (h->dictionary_bytes > r->bytes - h->header_bytes)
		return tt_fail(err, err_size, -EBADMSG, "%s: cut off within the dictionary", path);
	return 0;
}

static void set_info(struct tt_reader *r)
{
	r->info.version = r->header.version;
	r->info.events = r->dict.count;
	r->info.clock = r->header.clock;
	r->info.release = r->header.release;
	r->info.host = r->header.host;
	r->info.dump_time_ns = r->header.time_ns;
	r->info.record_cost_ns = r->header.record_cost_ns;
	r->info.capture = r->header.capture;
	r->info.first_thread = r->header.version < 4 || r->header.first_thread > r->info.cpus ?
			       r->info.cpus : r->header.first_thread;
}

int tt_open(const char *path, struct tt_reader **reader, char *err, size_t err_size)
{
	struct tt_reader *r = calloc(1, sizeof(*r));
	char why[160];
	int code;

	*reader = NULL;
	if (!r)
		return tt_fail(err, err_size, -ENOMEM, "%s: not enough memory", path);
	code = load(r, path);
	if (code) {
		tt_fail(err, err_size, code, "%s: %s", path, strerror(-code));
		goto failed;
	}
	code = check_header(r, path, err, err_size);
	if (code)
		goto failed;
	why[0] = '\0';
	code = tt_dictionary_parse(&r->dict, r->data + r->header.header_bytes, &r->header, why,
				   sizeof(why));
	if (!code)
		code = tt_scan(r);
	if (!code) {
		r->heap = calloc(r->info.cpus, sizeof(*r->heap));
		code = r->heap ? 0 : -ENOMEM;
	}
	if (code) {
		tt_fail(err, err_size, code, "%s: %s", path, why[0] ? why : strerror(-code));
		goto failed;
	}
	set_info(r);
	*reader = r;
	return 0;
failed:
	tt_close(r);
	return code;
}

void tt_close(struct tt_reader *r)
{
	uint32_t i;

	if (!r)
		return;
	for (i = 0; i < r->info.cpus; i++) {
		free(r->cpus[i].blocks);
		free(r->cpus[i].window);
	}
	free(r->cpus);
	free(r->heap);
	tt_dictionary_free(&r->dict);
	if (r->mapped)
		munmap(r->data, r->bytes);
	else
		free(r->data);
	free(r);
}

const struct tt_info *tt_info(const struct tt_reader *r)
{
	return &r->info;
}

const struct tt_event_desc *tt_event(const struct tt_reader *r, uint32_t event)
{
	return event < r->dict.count ? &r->dict.events[event] : NULL;
}

int tt_find_event(const struct tt_reader *r, const char *name)
{
	uint32_t i;

	for (i = 0; i < r->dict.count; i++)
		if (!strcmp(r->dict.events[i].name, name))
			return (int)i;
	return -1;
}

uint64_t tt_lost(const struct tt_reader *r, uint32_t cpu, enum tt_loss reason)
{
	return cpu < r->info.cpus && reason < TT_LOSS_REASONS ? r->cpus[cpu].lost[reason] : 0;
}

uint64_t tt_produced(const struct tt_reader *r, uint32_t cpu)
{
	return cpu < r->info.cpus ? r->cpus[cpu].produced : 0;
}

uint64_t tt_complete_since_ns(const struct tt_reader *r, uint32_t cpu)
{
	return cpu < r->info.cpus ? r->cpus[cpu].complete_since_ns : 0;
}

int tt_thread_of(const struct tt_reader *r, uint32_t cpu, struct tt_thread *thread)
{
	if (cpu < r->info.first_thread || cpu >= r->info.cpus || !r->cpus[cpu].thread.tid)
		return -EINVAL;
	*thread = r->cpus[cpu].thread;
	return 0;
}

static const uint8_t *histogram(const struct tt_reader *r, uint32_t index)
{
	return r->histograms + (size_t)index * sizeof(struct tt_histogram);
}

int tt_histogram_at(const struct tt_reader *r, uint32_t index, struct tt_stage_counts *counts)
{
	const uint8_t *at;

	if (index >= r->info.histograms)
		return -EINVAL;
	at = histogram(r, index);
	counts->group = (const char *)at + offsetof(struct tt_histogram, group);
	counts->stage = (const char *)at + offsetof(struct tt_histogram, stage);
	memcpy(&counts->cpu, at + offsetof(struct tt_histogram, cpu), sizeof(counts->cpu));
	counts->buckets = TT_HIST_BUCKETS;
	return 0;
}

uint64_t tt_histogram_count(const struct tt_reader *r, uint32_t index, uint32_t bucket,
			    uint64_t *low_ns)
{
	const struct tt_file_header *h = &r->header;
	uint64_t ticks = h->time_ticks - h->begin_ticks;
	uint64_t ns = h->time_ns - h->begin_ns;
	uint64_t count;

	*low_ns = tt_hist_low(bucket);
	if (ticks && ns)
		*low_ns = (uint64_t)((unsigned __int128)*low_ns * ns / ticks);
	if (index >= r->info.histograms || bucket >= TT_HIST_BUCKETS)
		return 0;
	memcpy(&count, histogram(r, index) + offsetof(struct tt_histogram, counts) +
	       bucket * sizeof(count), sizeof(count));
	return count;
}

const char *tt_error(const struct tt_reader *r)
{
	return r->error;
}

const char *tt_loss_name(enum tt_loss reason)
{
	static const char *const names[TT_LOSS_REASONS] = {
		[TT_LOSS_OVERWRITTEN] = "overwritten", [TT_LOSS_FROZEN] = "frozen",
		[TT_LOSS_NESTED] = "nested", [TT_LOSS_FULL] = "full",
		[TT_LOSS_READER] = "reader", [TT_LOSS_DAMAGED] = "damaged bytes",
	};

	return reason < TT_LOSS_REASONS ? names[reason] : "unknown";
}
