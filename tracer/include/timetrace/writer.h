/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing dumps from user space: synthetic traces for tests, extracts of
 * real ones. What is written is what timetrace.ko would have written.
 */
#ifndef TIMETRACE_WRITER_H
#define TIMETRACE_WRITER_H

#include <timetrace/reader.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_writer;

/* A dictionary of @count events, which are copied. NULL without memory or when one is malformed. */
struct tt_writer *tt_writer_new(const struct tt_event_desc *events, uint32_t count);
void tt_writer_free(struct tt_writer *writer);

/* Fields of the file header; by default empty, 0, and the time of the last record. */
void tt_writer_set_host(struct tt_writer *writer, const char *host, const char *release);
void tt_writer_set_dump_time(struct tt_writer *writer, uint64_t time_ns);

/*
 * Makes number @cpu, and all above it, rings of threads; that one of @thread.
 * 0, -EINVAL or -ENOMEM.
 */
int tt_writer_set_thread(struct tt_writer *writer, uint32_t cpu, const struct tt_thread *thread);

/*
 * Appends event number @event to the ring of @cpu. @args has one value for
 * each field; higher bits than the type has are cut off. Times of one CPU may
 * go backwards. 0, -EINVAL or -ENOMEM.
 */
int tt_writer_add(struct tt_writer *writer, uint64_t time_ns, uint32_t cpu, uint32_t event,
		  const uint64_t *args);

/*
 * Counts @records as lost on @cpu at this point of its ring; those lost as
 * TT_LOSS_OVERWRITTEN must come before its first record. 0, -EINVAL or
 * -ENOMEM.
 */
int tt_writer_lose(struct tt_writer *writer, uint32_t cpu, enum tt_loss reason,
		   uint64_t records);

/* Writes the dump; complete or not at all. 0, or -errno with a line in @err. */
int tt_writer_save(struct tt_writer *writer, const char *path, char *err, size_t err_size);

#ifdef __cplusplus
}
#endif

#endif /* TIMETRACE_WRITER_H */
