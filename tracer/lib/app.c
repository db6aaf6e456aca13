/* SPDX-License-Identifier: Apache-2.0 */
/* The slow part of timetrace/app.h: rings of threads, events, changes of blocks. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <timetrace/app.h>
#include <unistd.h>

#define FILE_NAME "/proc/timetrace_app"
#define DEFAULT_RING_BYTES (256 << 10)
#define MIN_RING_PAGES 3
#define MAX_RING_BYTES (16 << 20)

__thread struct tt_app_writer tt_app_writer;
int tt_app_running;

static size_t ring_bytes;
static __u64 dropped;
static pthread_key_t thread_ends;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget_ring(struct tt_app_writer *w)
{
	if (w->page)
		munmap(w->page, w->bytes);
	*w = (struct tt_app_writer){ .over = 1 };
}

static void end_thread(void *writer)
{
	struct tt_app_writer *w = writer;

	w->busy = 1; /* for signal handlers */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	forget_ring(w);
}

/* The ring is the parent's. */
static void begin_child(void)
{
	forget_ring(&tt_app_writer);
	tt_app_writer.over = 0;
}

static void set_up(void)
{
	pthread_key_create(&thread_ends, end_thread);
	pthread_atfork(NULL, NULL, begin_child);
}

int tt_app_start(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd;

	if (!bytes)
		bytes = DEFAULT_RING_BYTES;
	if (bytes % page || bytes < MIN_RING_PAGES * page || bytes > MAX_RING_BYTES)
		return -EINVAL;
	if (__atomic_load_n(&tt_app_running, __ATOMIC_RELAXED))
		return -EBUSY;
	fd = open(FILE_NAME, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	pthread_once(&once, set_up);
	ring_bytes = bytes;
	__atomic_store_n(&tt_app_running, 1, __ATOMIC_RELEASE);
	return 0;
}

void tt_app_stop(void)
{
	__atomic_store_n(&tt_app_running, 0, __ATOMIC_RELAXED);
}

uint64_t tt_app_dropped(void)
{
	return __atomic_load_n(&dropped, __ATOMIC_RELAXED);
}

/* The record that is being written will not be. */
static uint8_t *give_up(struct tt_app_writer *w, __u64 *count)
{
	if (count)
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	w->busy = 0;
	return NULL;
}

void tt_app_lose_nested(void)
{
	struct tt_app_page *page = tt_app_writer.page;

	__atomic_fetch_add(page ? &page->lost_nested : &dropped, 1, __ATOMIC_RELAXED);
}

static uint32_t put_string(uint8_t *to, uint32_t at, const char *s)
{
	size_t bytes = strlen(s) + 1;

	if (at + bytes <= TT_APP_MAX_ENTRY)
		memcpy(to + at, s, bytes);
	return at + (uint32_t)bytes;
}

static const uint8_t type_bytes[TT_TYPES] = { 1, 2, 4, 4, 8 };

/* Asks for the id of @event. */
static void add_event(int fd, struct tt_app_event *event)
{
	uint8_t entry[TT_APP_MAX_ENTRY];
	struct tt_dict_entry head = { .nfields = (uint8_t)event->nfields };
	struct tt_app_event_args args = { .entry = (uintptr_t)entry };
	uint32_t at = sizeof(head);
	unsigned int i;

	at = put_string(entry, at, event->name);
	at = put_string(entry, at, "app");
	at = put_string(entry, at, event->doc);
	for (i = 0; i < event->nfields && i < TT_MAX_EVENT_FIELDS; i++) {
		head.types[i] = event->fields[i].type;
		at = put_string(entry, at, event->fields[i].name);
		at = put_string(entry, at, event->fields[i].unit);
	}
	head.bytes = (uint16_t)at;
	memcpy(entry, &head, sizeof(head));
	args.bytes = at;
	if (ioctl(fd, TT_APP_ADD_EVENT, &args))
		event->refused = 1;
	else
		__atomic_store_n(&event->id, args.id, __ATOMIC_RELAXED);
}

static int map_ring(struct tt_app_writer *w, int fd)
{
	void *page = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	*w = (struct tt_app_writer){ .page = page, .bytes = ring_bytes, .busy = 1 };
	w->tsc = w->page->ticks == TT_APP_TSC;
	w->block_bytes = w->page->block_bytes;
	w->nblocks = ring_bytes / w->block_bytes - 1;
	pthread_setspecific(thread_ends, w);
	return 0;
}

/* What the thread and the event lack: system calls, once each. False: nothing can be recorded. */
static int equip(struct tt_app_writer *w, struct tt_app_event *event)
{
	int fd = w->over || event->refused ? -1 : open(FILE_NAME, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		w->over = !w->page;
		return 0;
	}
	if (!event->id)
		add_event(fd, event);
	/* Not again at every record. */
	if (!w->page && map_ring(w, fd))
		w->over = 1;
	close(fd);
	return w->page && event->id;
}

/* The trace was cleared: a new block, and counts from here on. */
static void begin_anew(struct tt_app_writer *w, uint32_t generation)
{
	struct tt_app_page *page = w->page;

	w->at = w->end;
	page->base.block = w->opened;
	page->base.records = w->records;
	page->base.lost_nested = __atomic_load_n(&page->lost_nested, __ATOMIC_RELAXED);
	page->base.lost_frozen = page->lost_frozen;
	page->base.lost_full = page->lost_full;
	__atomic_store_n(&page->generation, generation, __ATOMIC_RELEASE);
}

static void put_head(struct tt_app_writer *w, uint32_t time, uint16_t id)
{
	const struct tt_record_head head = { time, id };

	memcpy(w->at, &head, TT_HEAD_BYTES);
	w->at += TT_HEAD_BYTES;
}

static void open_block(struct tt_app_writer *w, struct tt_app_time time)
{
	const struct tt_block header = {
		.sequence = w->opened,
		.first_record = w->records,
		.time_ticks = (uint64_t)time.high << 32 | time.low,
	};

	if (w->end - w->at >= TT_HEAD_BYTES)
		put_head(w, (uint32_t)(w->end - w->at), TT_ID_PAD);
	/* Readers see that the block goes before it does. */
	__atomic_store_n(&w->page->opening, w->opened + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	w->at = (uint8_t *)w->page + (1 + w->opened % w->nblocks) * w->block_bytes;
	w->end = w->at + w->block_bytes;
	memcpy(w->at, &header, sizeof(header));
	w->at += sizeof(header);
	w->epoch = time.high;
	__atomic_store_n(&w->page->end, w->opened * w->block_bytes + sizeof(header),
			 __ATOMIC_RELEASE);
	w->opened++;
}

uint8_t *tt_app_claim_slowly(struct tt_app_event *event, uint32_t bytes, struct tt_app_time *time)
{
	struct tt_app_writer *w = &tt_app_writer;
	uint32_t state, extend;

	if ((!w->page || !event->id) && !equip(w, event))
		return give_up(w, &dropped);
	state = __atomic_load_n(&w->page->state, __ATOMIC_ACQUIRE);
	if (w->page->generation != state >> TT_APP_GENERATION_SHIFT)
		begin_anew(w, state >> TT_APP_GENERATION_SHIFT);
	w->state = ~state; /* asks again */
	if (!(state & TT_APP_ON))
		return give_up(w, NULL);
	if (state & TT_APP_FROZEN)
		return give_up(w, &w->page->lost_frozen);
	*time = tt_app_clock(w);
	extend = time->high == w->epoch ? 0 : TT_EXTEND_BYTES;
	if ((size_t)(w->end - w->at) < bytes + extend) {
		if (state & TT_APP_STOP && w->opened - w->page->base.block >= w->nblocks)
			return give_up(w, &w->page->lost_full);
		open_block(w, *time);
	}
	if (time->high != w->epoch) {
		put_head(w, time->low, TT_ID_EXTEND);
		memcpy(w->at, &time->high, sizeof(time->high));
		w->at += sizeof(time->high);
		w->epoch = time->high;
		__atomic_store_n(&w->page->end, w->page->end + TT_EXTEND_BYTES, __ATOMIC_RELEASE);
	}
	w->state = state;
	return w->at;
}

void tt_record(struct tt_app_event *event, const uint64_t *args)
{
	uint32_t bytes = TT_HEAD_BYTES;
	unsigned int i;
	uint8_t *at;

	if (!__atomic_load_n(&tt_app_running, __ATOMIC_RELAXED))
		return;
	for (i = 0; i < event->nfields; i++) {
		if (i == TT_MAX_EVENT_FIELDS || event->fields[i].type >= TT_TYPES) {
			__atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
			return;
		}
		bytes += type_bytes[event->fields[i].type];
	}
	bytes = (bytes + TT_RECORD_ALIGN - 1) & ~(TT_RECORD_ALIGN - 1u);
	at = tt_app_begin(event, bytes);
	if (!at)
		return;
	for (i = 0; i < event->nfields; i++) {
		memcpy(at, &args[i], type_bytes[event->fields[i].type]);
		at += type_bytes[event->fields[i].type];
	}
	tt_app_commit(bytes);
}
