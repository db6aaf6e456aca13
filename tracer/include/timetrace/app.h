/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of an application in the trace of the kernel: same clock, same dump,
 * merged by time. A record is written into memory that the thread shares with
 * timetrace.ko, without a system call where the clock needs none, and stays
 * there when the thread or its process ends.
 *
 *	TT_APP_EVENT(2, shop, sold, "something was sold",
 *		     u64, order, "id", u32, price, "cents")
 *
 *	tt_app_start(0);
 *	...
 *	tt_record_sold(4711, 995);
 *
 * The event is called "shop:sold" in the trace, its group "app". Without
 * tt_app_start(), or when that failed, tt_record_*() does nothing.
 *
 * Any thread may record at any time, signal handlers too (one that interrupts
 * tt_record_*() loses its record, which is counted; the first record of a
 * thread, and of an event, takes system calls). A child of fork() begins with
 * a ring of its own; one of vfork() or _Fork() must not record.
 */
#ifndef TIMETRACE_APP_H
#define TIMETRACE_APP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <timetrace/event_list.h>
#include <timetrace/record.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_app_field {
	const char *name;
	const char *unit;
	uint8_t type; /* TT_TYPE_* */
};

/**
 * struct tt_app_event - what TT_APP_EVENT() describes
 * @name: "application:event", of lower-case letters, digits and _.
 * @doc: one line for the dictionary.
 * @nfields: at most TT_MAX_EVENT_FIELDS.
 * @fields: name, unit and type of each; a field of the unit "text" is shown as 8 characters.
 * @id: 0 until the first record, as below.
 * @refused: the tracer has no id for it.
 */
struct tt_app_event {
	const char *name;
	const char *doc;
	unsigned int nfields;
	struct tt_app_field fields[TT_MAX_EVENT_FIELDS];
	uint32_t id;
	uint32_t refused;
};

/**
 * tt_app_start() - record from now on
 * @ring_bytes: for each thread, a multiple of the page size from 12 KiB to 16 MiB;
 *	0: 256 KiB. What a thread records beyond that replaces its oldest records.
 *
 * Return: 0, -ENOENT: timetrace.ko is not loaded; -EACCES: this user may not;
 * -EINVAL: no such size; -EBUSY: started already; or another negative errno.
 */
int tt_app_start(size_t ring_bytes);

/* Nothing is recorded any more; rings stay until their threads end. */
void tt_app_stop(void);

/*
 * Records that found no ring, because there was no memory or too many threads
 * have one, or whose event was refused, which is not known to the tracer: all
 * others are in a dump, or counted there.
 */
uint64_t tt_app_dropped(void);

/* The same as the event's tt_record_*(), for callers without macros. @args: a value for each field. */
void tt_record(struct tt_app_event *event, const uint64_t *args);

/* Below: what TT_APP_EVENT() needs. */

struct tt_app_time {
	uint32_t low, high;
};

/**
 * struct tt_app_writer - where a thread records
 * @at: the next byte.
 * @end: of the block.
 * @page: shared with the tracer; NULL: none yet.
 * @state: of @page, as of the last look.
 * @epoch: upper half of the time of records at @at.
 * @busy: a record is being written.
 * @tsc: time is the time stamp counter.
 * @over: the thread gets no ring any more.
 * @records: written so far.
 * @opened: blocks so far.
 * @nblocks: of the ring.
 * @block_bytes: of each.
 * @bytes: of the mapping.
 */
struct tt_app_writer {
	uint8_t *at, *end;
	struct tt_app_page *page;
	uint32_t state, epoch;
	volatile uint8_t busy;
	uint8_t tsc, over;
	uint64_t records, opened, nblocks;
	size_t block_bytes, bytes;
};

extern __thread struct tt_app_writer tt_app_writer;
extern int tt_app_running;

/* What cannot be recorded as usual: the place for it, or NULL. */
uint8_t *tt_app_claim_slowly(struct tt_app_event *event, uint32_t bytes, struct tt_app_time *time);
void tt_app_lose_nested(void);

static inline struct tt_app_time tt_app_clock(const struct tt_app_writer *w)
{
	struct tt_app_time time;
	struct timespec ts;
	uint64_t ns;

#ifdef __x86_64__
	if (w->tsc) {
		__asm__ volatile("rdtsc" : "=a" (time.low), "=d" (time.high));
		return time;
	}
#else
	(void)w;
#endif
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	time.low = (uint32_t)ns;
	time.high = (uint32_t)(ns >> 32);
	return time;
}

/* Where the fields of a record go, whose head is written; NULL: there is none. */
static inline uint8_t *tt_app_begin(struct tt_app_event *event, uint32_t bytes)
{
	struct tt_app_writer *w = &tt_app_writer;
	struct tt_record_head head;
	struct tt_app_time time;
	uint8_t *at;

	if (w->busy) {
		tt_app_lose_nested();
		return NULL;
	}
	w->busy = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	time = tt_app_clock(w);
	at = w->at;
	if (!w->page || (size_t)(w->end - at) < bytes || time.high != w->epoch || !event->id ||
	    __atomic_load_n(&w->page->state, __ATOMIC_RELAXED) != w->state) {
		at = tt_app_claim_slowly(event, bytes, &time);
		if (!at)
			return NULL;
	}
	head.time = time.low;
	head.id = (uint16_t)event->id;
	memcpy(at, &head, TT_HEAD_BYTES);
	return at + TT_HEAD_BYTES;
}

static inline void tt_app_commit(uint32_t bytes)
{
	struct tt_app_writer *w = &tt_app_writer;

	w->at += bytes;
	w->records++;
	/* Only this thread writes it: no locked instruction. */
	__atomic_store_n(&w->page->end, w->page->end + bytes, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	w->busy = 0;
}

#define TT_CTYPE_u8 uint8_t
#define TT_CTYPE_u16 uint16_t
#define TT_CTYPE_u32 uint32_t
#define TT_CTYPE_s32 int32_t
#define TT_CTYPE_u64 uint64_t
#define TT_APP_PARAM(t, f, u) TT_CTYPE_##t f
#define TT_APP_SIZE(t, f, u) sizeof(TT_CTYPE_##t)
#define TT_APP_STORE(t, f, u) { memcpy(_at, &(f), sizeof(f)); _at += sizeof(f); }
#define TT_APP_BYTES(n, ...) ((uint32_t)(TT_HEAD_BYTES + \
	(TT_EACH##n(TT_APP_SIZE, TT_SEP_PLUS, __VA_ARGS__)) + TT_RECORD_ALIGN - 1) & \
	~(uint32_t)(TT_RECORD_ALIGN - 1))

/*
 * Describes event @name of application @app, with @n fields (1 to 8) of type
 * (u8, u16, u32, s32 or u64), name and unit, and defines tt_record_@name(fields).
 */
#define TT_APP_EVENT(n, app, name, doc, ...)					\
static struct tt_app_event tt_app_event_##name __attribute__((unused)) = {	\
	#app ":" #name, doc, n, { TT_DESCS(n, __VA_ARGS__) }, 0, 0			\
};										\
static inline __attribute__((unused)) void					\
tt_record_##name(TT_EACH##n(TT_APP_PARAM, TT_SEP_COMMA, __VA_ARGS__)) \
{										\
	uint8_t *_at;								\
										\
	if (!__atomic_load_n(&tt_app_running, __ATOMIC_RELAXED))		\
		return;								\
	_at = tt_app_begin(&tt_app_event_##name, TT_APP_BYTES(n, __VA_ARGS__));	\
	if (!_at)								\
		return;								\
	TT_EACH##n(TT_APP_STORE, TT_SEP_NONE, __VA_ARGS__)			\
	tt_app_commit(TT_APP_BYTES(n, __VA_ARGS__));				\
}

#ifdef __cplusplus
}
#endif

#endif /* TIMETRACE_APP_H */
