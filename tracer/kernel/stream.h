/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks as they fill, for traces longer than the rings. */
#ifndef TIMETRACE_STREAM_H
#define TIMETRACE_STREAM_H

#include <linux/mm_types.h>
#include <linux/types.h>

struct tt_stream;

/* Begins with the oldest records there are. Sleeps. ERR_PTR(-ENOMEM). */
struct tt_stream *tt_stream_new(void);
void tt_stream_free(struct tt_stream *stream);

/*
 * Copies to user space the whole blocks that @count bytes have room for, of
 * those that were filled since they were last asked for. Bytes, 0: none yet;
 * -EINVAL: no room for one; -ESTALE: the rings have been cleared or resized.
 */
ssize_t tt_stream_read(struct tt_stream *stream, char __user *to, size_t count);

/*
 * The same of the block of @cpu that is being filled, as far as it is, which
 * will come again when it is full. TT_BLOCK_BYTES, 0: the CPU never stood still, or
 * has none; -EINVAL, -ESTALE: as above, and no such CPU.
 */
ssize_t tt_stream_tail(struct tt_stream *stream, u64 cpu, char __user *to, size_t count);

/* Maps the ring of a CPU; see struct tt_ring_page. */
int tt_stream_mmap(struct vm_area_struct *vma);

#endif /* TIMETRACE_STREAM_H */
