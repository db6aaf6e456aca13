/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a dump. tt_open() checks every byte once: it finds the blocks that
 * can be trusted, how far, and the earliest time in each. tt_next() merges
 * the CPUs by a heap.
 *
 * Interrupts nest between reading the clock and claiming space, so the
 * records of one CPU are only nearly in order of time. Each CPU therefore
 * keeps a window of decoded positions, sorted; its head may be given out when
 * no block that is not in the window yet has anything earlier.
 */
#include <timetrace/reader.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dictionary.h"

#define MAX_CPUS 8192
#define MIN_BLOCK_BYTES 512
#define MAX_BLOCK_BYTES 65536

/* A record that is still to come: when, and where in the file. */
struct position {
	uint64_t time_ns;
	uint64_t offset;
};

struct block {
	uint64_t offset; /* of its header */
	uint32_t bytes; /* readable ones, header included */
	uint64_t min_ns; /* earliest record in this block or a later one of the CPU */
};

struct cpu {
	int present; /* has blocks or an account */
	struct block *blocks;
	size_t nblocks, blocks_room;
	uint64_t lost[TT_LOSS_REASONS];
	uint64_t produced;
	uint64_t decoded;
	uint64_t complete_since_ns;

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
	struct cpu *cpus; /* info.cpus of them */
	uint32_t *heap; /* CPUs with a non-empty window, earliest first */
	uint32_t heap_size;
	int started;
	char error[256];
};

static int fail(char *err, size_t err_size, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(char *err, size_t err_size, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (err_size)
		vsnprintf(err, err_size, format, args);
	va_end(args);
	return code;
}

/* Notes damage of @bytes at @offset; the first place goes into the error text. */
static void damage(struct tt_reader *r, struct cpu *cpu, uint64_t offset, uint64_t bytes,
		   const char *what)
{
	cpu->lost[TT_LOSS_DAMAGED] += bytes;
	if (!r->error[0])
		snprintf(r->error, sizeof(r->error), "damaged at byte %llu: %s",
			 (unsigned long long)offset, what);
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
		if (r->data == MAP_FAILED) {
			r->data = NULL;
			err = -errno;
		} else {
			r->mapped = 1;
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

	if (r->bytes < sizeof(*h))
		return fail(err, err_size, -EBADMSG, "%s: %zu bytes are too few for a dump", path,
			    r->bytes);
	memcpy(h, r->data, sizeof(*h));
	if (memcmp(h->magic, TT_FILE_MAGIC, sizeof(h->magic)))
		return fail(err, err_size, -EBADMSG, "%s: not a timetrace dump", path);
	if (h->version != TT_FORMAT_VERSION)
		return fail(err, err_size, -EPROTO,
			    "%s: format version %u, but this program reads version %u", path,
			    h->version, TT_FORMAT_VERSION);
	if (h->header_bytes < sizeof(*h) || h->header_bytes > r->bytes ||
	    h->block_bytes < MIN_BLOCK_BYTES || h->block_bytes > MAX_BLOCK_BYTES ||
	    (h->block_bytes & (h->block_bytes - 1)) || h->id_bits != TT_ID_BITS ||
	    !memchr(h->clock, 0, sizeof(h->clock)) ||
	    !memchr(h->release, 0, sizeof(h->release)) || !memchr(h->host, 0, sizeof(h->host)))
		return fail(err, err_size, -EBADMSG, "%s: the file header is damaged", path);
	if (h->dictionary_bytes > r->bytes - h->header_bytes)
		return fail(err, err_size, -EBADMSG, "%s: cut off within the dictionary", path);
	return 0;
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
	r->cpus[number].present = 1;
	return &r->cpus[number];
}

/* State of a walk through the entries of a block. */
struct walk {
	const uint8_t *data; /* the block */
	uint32_t at, end;
	uint64_t epoch;
};

enum step { STEP_RECORD, STEP_END, STEP_BAD };

/* Next record of a block: its offset in it and its time. */
static enum step walk_next(const struct tt_dictionary *dict, struct walk *w, uint32_t *offset,
			   uint64_t *time_ns)
{
	uint32_t word, id, bytes, low;

	for (;;) {
		if (w->end - w->at < sizeof(word))
			return w->at == w->end ? STEP_END : STEP_BAD;
		memcpy(&word, w->data + w->at, sizeof(word));
		id = word & (TT_MAX_EVENTS - 1);
		bytes = id == TT_ID_PAD ? word >> TT_ID_BITS :
			id == TT_ID_EXTEND ? TT_EXTEND_BYTES : dict->bytes[id];
		if (bytes < sizeof(word) || bytes % 4 || bytes > w->end - w->at)
			return STEP_BAD;
		if (id == TT_ID_EXTEND) {
			memcpy(&low, w->data + w->at + 4, sizeof(low));
			w->epoch = (uint64_t)(word >> TT_ID_BITS) << 32 | low;
		} else if (id != TT_ID_PAD) {
			*offset = w->at;
			*time_ns = w->epoch << TT_TIME_BITS | word >> TT_ID_BITS;
			w->at += bytes;
			return STEP_RECORD;
		}
		w->at += bytes;
	}
}

static struct walk walk_begin(const struct tt_reader *r, const struct block *block)
{
	struct tt_block h;

	memcpy(&h, r->data + block->offset, sizeof(h));
	return (struct walk){ r->data + block->offset, h.header_bytes, block->bytes,
			      h.time_ns >> TT_TIME_BITS };
}

static int block_ok(const struct tt_reader *r, const struct tt_block *h)
{
	return h->magic == TT_BLOCK_MAGIC && h->header_bytes == sizeof(*h) && h->cpu < MAX_CPUS &&
	       TT_COMMIT_BYTES(h->commit) <= r->header.block_bytes - sizeof(*h);
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
		      const struct tt_block *h, uint64_t offset)
{
	struct block block = { offset, sizeof(*h) + TT_COMMIT_BYTES(h->commit), UINT64_MAX };
	struct walk w = walk_begin(r, &block);
	uint64_t lost = h->lost_nested + h->lost_frozen + h->lost_full;
	uint64_t records = 0;
	uint64_t time_ns;
	enum step step;
	uint32_t at;

	if (due->damaged || h->first_record != due->first_record || lost != due->lost)
		cpu->complete_since_ns = h->time_ns;
	while ((step = walk_next(&r->dict, &w, &at, &time_ns)) == STEP_RECORD) {
		records++;
		if (time_ns < block.min_ns)
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

/* Finds all blocks. Those with a bad header are charged to the CPU before them. */
static int scan_blocks(struct tt_reader *r, uint64_t begin, uint64_t count,
		       struct continuity *due)
{
	uint32_t bytes = r->header.block_bytes;
	struct tt_block h;
	uint32_t number = 0;
	struct cpu *cpu;
	uint64_t i, at;
	int err;

	for (i = 0; i < count; i++) {
		at = begin + i * bytes;
		memcpy(&h, r->data + at, sizeof(h));
		if (!block_ok(r, &h)) {
			cpu = get_cpu(r, number);
			if (!cpu)
				return -ENOMEM;
			damage(r, cpu, at, bytes, "not the header of a block");
			due[number].damaged = 1;
			continue;
		}
		number = h.cpu;
		cpu = get_cpu(r, number);
		if (!cpu)
			return -ENOMEM;
		err = scan_block(r, cpu, &due[number], &h, at);
		if (err)
			return err;
	}
	return 0;
}

static void apply_account(struct tt_reader *r, struct cpu *cpu, const struct continuity *due,
			  const struct tt_cpu_account *acc, uint64_t at)
{
	uint64_t lost = acc->lost_frozen + acc->lost_nested + acc->lost_full;

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

/* Accounts and end mark. Without them counts are what the blocks tell. */
static int scan_accounts(struct tt_reader *r, uint64_t begin, struct continuity *due)
{
	struct tt_cpu_account acc;
	struct tt_file_end end;
	struct cpu *cpu;
	uint64_t at = begin;
	uint32_t i;

	for (i = 0; i < r->info.cpus; i++) {
		cpu = &r->cpus[i];
		cpu->produced = due[i].first_record + due[i].lost;
	}
	for (i = 0; i < r->header.cpus && at + sizeof(acc) <= r->bytes; i++, at += sizeof(acc)) {
		memcpy(&acc, r->data + at, sizeof(acc));
		cpu = get_cpu(r, acc.cpu < MAX_CPUS ? acc.cpu : 0);
		if (!cpu)
			return -ENOMEM;
		if (acc.magic != TT_ACCOUNT_MAGIC || acc.cpu >= MAX_CPUS)
			damage(r, cpu, at, sizeof(acc), "not the account of a CPU");
		else
			apply_account(r, cpu, &due[acc.cpu], &acc, at);
	}
	cpu = get_cpu(r, 0);
	if (!cpu)
		return -ENOMEM;
	if (i < r->header.cpus || at + sizeof(end) > r->bytes) {
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

static int scan(struct tt_reader *r)
{
	struct tt_file_header *h = &r->header;
	uint64_t begin = (uint64_t)h->header_bytes + h->dictionary_bytes;
	uint64_t fit = (r->bytes - begin) / h->block_bytes;
	uint64_t count = h->blocks < fit ? h->blocks : fit;
	struct continuity *due = calloc(MAX_CPUS, sizeof(*due));
	int err;

	if (!due || !get_cpu(r, 0)) {
		free(due);
		return -ENOMEM;
	}
	r->cpus[0].present = 0; /* it has to prove itself */
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

static void set_info(struct tt_reader *r)
{
	r->info.version = r->header.version;
	r->info.events = r->dict.count;
	r->info.clock = r->header.clock;
	r->info.release = r->header.release;
	r->info.host = r->header.host;
	r->info.dump_time_ns = r->header.time_ns;
	r->info.record_cost_ns = r->header.record_cost_ns;
}

int tt_open(const char *path, struct tt_reader **reader, char *err, size_t err_size)
{
	struct tt_reader *r = calloc(1, sizeof(*r));
	char why[160];
	int code;

	*reader = NULL;
	if (!r)
		return fail(err, err_size, -ENOMEM, "%s: not enough memory", path);
	code = load(r, path);
	if (code) {
		fail(err, err_size, code, "%s: %s", path, strerror(-code));
		goto failed;
	}
	code = check_header(r, path, err, err_size);
	if (code)
		goto failed;
	why[0] = '\0';
	code = tt_dictionary_parse(&r->dict, r->data + r->header.header_bytes, &r->header, why,
				   sizeof(why));
	if (!code)
		code = scan(r);
	if (!code) {
		r->heap = calloc(r->info.cpus, sizeof(*r->heap));
		code = r->heap ? 0 : -ENOMEM;
	}
	if (code) {
		fail(err, err_size, code, "%s: %s", path, why[0] ? why : strerror(-code));
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

static int earlier(const struct position *a, const struct position *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->offset < b->offset;
}

static int compare(const void *a, const void *b)
{
	return earlier(b, a) - earlier(a, b);
}

/* Sorts window[head..tail), of which all before @from is in order and the rest nearly. */
static void sort_window(struct cpu *cpu, size_t from)
{
	size_t budget = 8 * (cpu->tail - cpu->head);
	struct position p;
	size_t i, k;

	for (i = from > cpu->head ? from : cpu->head + 1; i < cpu->tail; i++) {
		p = cpu->window[i];
		for (k = i; k > cpu->head && earlier(&p, &cpu->window[k - 1]) && budget; k--, budget--)
			cpu->window[k] = cpu->window[k - 1];
		cpu->window[k] = p;
		if (!budget) {
			qsort(cpu->window + cpu->head, cpu->tail - cpu->head,
			      sizeof(*cpu->window), compare);
			return;
		}
	}
}

/* Takes the next block of @cpu into its window. */
static int take_block(struct tt_reader *r, struct cpu *cpu)
{
	const struct block *block = &cpu->blocks[cpu->next_block];
	size_t most = block->bytes / sizeof(uint32_t);
	struct walk w = walk_begin(r, block);
	struct position *grown;
	uint64_t time_ns;
	uint32_t at;
	size_t from;

	if (cpu->head)
		memmove(cpu->window, cpu->window + cpu->head,
			(cpu->tail - cpu->head) * sizeof(*cpu->window));
	cpu->tail -= cpu->head;
	cpu->head = 0;
	if (cpu->room < cpu->tail + most) {
		cpu->room = 2 * (cpu->tail + most);
		grown = realloc(cpu->window, cpu->room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		cpu->window = grown;
	}
	from = cpu->tail;
	while (walk_next(&r->dict, &w, &at, &time_ns) == STEP_RECORD)
		cpu->window[cpu->tail++] = (struct position){ time_ns, block->offset + at };
	cpu->next_block++;
	sort_window(cpu, from);
	return 0;
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

static uint64_t read_field(const uint8_t *at, enum tt_type type)
{
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (type) {
	case TT_U8:
		return *at;
	case TT_U16:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case TT_U32:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	case TT_S32:
		memcpy(&u32, at, sizeof(u32));
		return (uint64_t)(int64_t)(int32_t)u32;
	case TT_U64:
		break;
	}
	memcpy(&u64, at, sizeof(u64));
	return u64;
}

static void decode(const struct tt_reader *r, const struct position *p, uint32_t cpu,
		   struct tt_record *record)
{
	const uint8_t *at = r->data + p->offset;
	const struct tt_event_desc *event;
	uint32_t word;
	unsigned int i;

	memcpy(&word, at, sizeof(word));
	at += sizeof(word);
	record->time_ns = p->time_ns;
	record->cpu = (uint16_t)cpu;
	record->event = r->dict.index[word & (TT_MAX_EVENTS - 1)];
	event = &r->dict.events[record->event];
	record->nargs = (uint16_t)event->nargs;
	for (i = 0; i < event->nargs; i++) {
		record->args[i] = read_field(at, event->fields[i].type);
		at += tt_type_bytes(event->fields[i].type);
	}
}

int tt_next(struct tt_reader *r, struct tt_record *record)
{
	struct cpu *cpu;
	int err = 0;

	if (!r->started)
		err = start(r);
	if (!err && !r->heap_size)
		return 0;
	if (!err) {
		cpu = &r->cpus[r->heap[0]];
		decode(r, &cpu->window[cpu->head], r->heap[0], record);
		cpu->head++;
		err = fill_window(r, cpu);
	}
	if (err)
		return fail(r->error, sizeof(r->error), err, "%s", strerror(-err));
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
