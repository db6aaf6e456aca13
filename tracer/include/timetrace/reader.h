/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading timetrace dumps. A consumer is this loop:
 *
 *	struct tt_reader *r;
 *	struct tt_record rec;
 *	char err[256];
 *
 *	if (tt_open(path, &r, err, sizeof(err)))
 *		die(err);
 *	while ((rc = tt_next(r, &rec)) == 1)
 *		use(tt_event(r, rec.event)->name, rec.time_ns, rec.args);
 *	if (rc < 0)
 *		warn(tt_error(r));
 *	tt_close(r);
 *
 * Records of all CPUs come merged in order of time; one that holds several
 * events comes as each of them that happened. Nothing is allocated per record.
 * A damaged dump is read as far as it can be trusted; what could not be read
 * is counted in the losses.
 */
#ifndef TIMETRACE_READER_H
#define TIMETRACE_READER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_MAX_ARGS 8
#define TT_MAX_STORED_FIELDS 24 /* of an event whose records hold others and never come as itself */

/* Integer type of a field as it was recorded. */
enum tt_type { TT_U8, TT_U16, TT_U32, TT_S32, TT_U64 };

/* Why records are missing. */
enum tt_loss {
	TT_LOSS_OVERWRITTEN, /* older than what the ring holds */
	TT_LOSS_FROZEN, /* came while recording was frozen */
	TT_LOSS_NESTED, /* interrupted a full or switching block */
	TT_LOSS_FULL, /* found the ring full in mode stop, or without memory */
	TT_LOSS_READER, /* changed while the reader copied it */
	TT_LOSS_DAMAGED, /* unreadable in the file; counted in bytes */
	TT_LOSS_REASONS
};

struct tt_field {
	const char *name;
	const char *unit;
	enum tt_type type;
};

struct tt_event_desc {
	const char *name; /* "homa_send_enter", "sched_switch" */
	const char *group; /* "homa", "sched" */
	const char *doc;
	unsigned int nargs;
	struct tt_field fields[TT_MAX_STORED_FIELDS];
	int missing; /* the kernel has no such tracepoint */
	int on; /* its group was recording when the dump was taken */
};

struct tt_record {
	uint64_t time_ns; /* in the clock named by tt_info() */
	uint32_t event; /* index for tt_event() */
	uint16_t cpu; /* on which it happened; or ring of a thread, see tt_thread_of() */
	uint16_t nargs;
	uint16_t part; /* its number among the events that its record can hold, or 0 */
	uint16_t ring; /* where the record is: cpu, unless that of another CPU holds the event */
	uint64_t args[TT_MAX_ARGS]; /* s32 sign-extended */
};

struct tt_info {
	uint32_t version;
	uint32_t cpus; /* numbers of CPUs, and of rings of threads, are below this */
	uint32_t events; /* entries of the dictionary */
	const char *clock; /* "monotonic" */
	const char *release; /* kernel release */
	const char *host;
	uint64_t dump_time_ns; /* when the dump was taken, same clock */
	uint64_t record_cost_ns; /* one record, as calibrated at load */
	uint32_t first_thread; /* numbers from this on are rings of threads of applications */
	uint64_t capture; /* what all hosts call the moment it was frozen or taken for; 0: nothing */
	uint32_t histograms; /* durations counted in the kernel, see tt_histogram_at() */
};

/* Durations of one stage on one CPU, which outlive the records. */
struct tt_stage_counts {
	const char *group;
	const char *stage;
	uint32_t cpu;
	uint32_t buckets;
};

/* Whose ring it is that an application recorded into, see timetrace/app.h. */
struct tt_thread {
	uint32_t pid, tid;
	char comm[16]; /* when it got the ring */
};

struct tt_reader;

/*
 * Opens and validates @path, a file or /proc/timetrace_raw. 0, or -errno with
 * one line of text in @err. A file must not shrink while it is open.
 */
int tt_open(const char *path, struct tt_reader **reader, char *err, size_t err_size);
void tt_close(struct tt_reader *reader);

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* the function is meant to share the name */
#endif
const struct tt_info *tt_info(const struct tt_reader *reader);
#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

/* Dictionary entry, or NULL when @event >= tt_info()->events. */
const struct tt_event_desc *tt_event(const struct tt_reader *reader, uint32_t event);

/* Index of the event called @name, or -1. */
int tt_find_event(const struct tt_reader *reader, const char *name);

/* 1: a record was stored; 0: no more; -errno: see tt_error(). */
int tt_next(struct tt_reader *reader, struct tt_record *record);

/* Starts again at the first record. */
void tt_rewind(struct tt_reader *reader);

/* Records of @cpu lost for @reason; TT_LOSS_DAMAGED is in bytes. */
uint64_t tt_lost(const struct tt_reader *reader, uint32_t cpu, enum tt_loss reason);

/* Records the producers counted on @cpu, whether readable or not. */
uint64_t tt_produced(const struct tt_reader *reader, uint32_t cpu);

/*
 * Time before which the ring of @cpu has lost records, 0 when it has lost none.
 * Records that came after the last one in the dump, because recording was
 * frozen or had stopped full, do not count: the trace is complete up to there,
 * but for older events that these held.
 */
uint64_t tt_complete_since_ns(const struct tt_reader *reader, uint32_t cpu);

/*
 * Whose ring number @cpu is. 0; -EINVAL: it is a CPU's, there is none, or a stream has
 * seen it go. All of
 * a ring, its losses too, is what the application made of it: to be trusted as
 * much as the application.
 */
int tt_thread_of(const struct tt_reader *reader, uint32_t cpu, struct tt_thread *thread);

/* Number @index of the histograms; 0, or -EINVAL when there are not so many. */
int tt_histogram_at(const struct tt_reader *reader, uint32_t index,
		    struct tt_stage_counts *counts);

/* Durations in bucket @bucket of histogram @index, which are at least *@low_ns. */
uint64_t tt_histogram_count(const struct tt_reader *reader, uint32_t index, uint32_t bucket,
			    uint64_t *low_ns);

/* What went wrong, or where the first damage is; "" when all is well. */
const char *tt_error(const struct tt_reader *reader);
const char *tt_loss_name(enum tt_loss reason);

#ifdef __cplusplus
}
#endif

#endif /* TIMETRACE_READER_H */
