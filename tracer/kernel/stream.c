// SPDX-License-Identifier: GPL-2.0-only
/*
 * Giving out blocks as they fill. Nothing is consumed: each stream knows how
 * far it is, and misses what was overwritten before it came.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "app.h"
#include "compat.h"
#include "events.h"
#include "ring.h"
#include "snapshot.h"
#include "stream.h"

#define BUFFER_BLOCKS 64
#define THREAD_BLOCKS 8 /* of one thread at a time, so that there is room for others */

/**
 * struct tt_stream - where a reader is
 * @lock: one call at a time. User memory is touched under it alone, because
 *	who maps a ring takes tt_mutex under the lock of that memory.
 * @generation: of the rings that it reads.
 * @turn: the CPU that comes first in the next call.
 * @threads_first: in the next call.
 * @blocks: for BUFFER_BLOCKS blocks.
 * @threads: of each number of a thread's ring.
 * @next: of each CPU the first block that was not given out.
 */
struct tt_stream {
	struct mutex lock;
	u64 generation;
	unsigned int turn;
	bool threads_first;
	void *blocks;
	struct tt_app_cursor *threads;
	u64 next[];
};

void tt_stream_free(struct tt_stream *stream)
{
	kvfree(stream->threads);
	kvfree(stream->blocks);
	kvfree(stream);
}

struct tt_stream *tt_stream_new(void)
{
	struct tt_stream *stream = kvzalloc(struct_size(stream, next, nr_cpu_ids), GFP_KERNEL);

	if (!stream)
		return ERR_PTR(-ENOMEM);
	stream->blocks = kvmalloc(BUFFER_BLOCKS * TT_BLOCK_BYTES, GFP_KERNEL);
	stream->threads = kvcalloc(TT_APP_NUMBERS, sizeof(*stream->threads), GFP_KERNEL);
	if (!stream->blocks || !stream->threads) {
		tt_stream_free(stream);
		return ERR_PTR(-ENOMEM);
	}
	mutex_init(&stream->lock);
	mutex_lock(&tt_mutex);
	stream->generation = tt_rings_generation();
	mutex_unlock(&tt_mutex);
	return stream;
}

/* The full blocks of one CPU, at most @room of them, to @to. How many. */
static u32 take_cpu(struct tt_stream *stream, unsigned int cpu, void *to, u32 room)
{
	struct tt_cut cut;
	u32 taken = 0;
	u64 k;

	tt_ring_cut_settled(cpu, &cut);
	/* The last one is still being filled. */
	for (k = max(stream->next[cpu], cut.begin);
	     k < cut.whole && k + 1 < cut.end && taken < room; k++)
		if (!tt_snapshot_block(cpu, &cut, k, to + taken * TT_BLOCK_BYTES))
			taken++; /* else overwritten */
	stream->next[cpu] = k;
	return taken;
}

static u32 take_cpus(struct tt_stream *stream, void *to, u32 room)
{
	unsigned int i, cpu;
	u32 taken = 0;

	for (i = 0; i < nr_cpu_ids && taken < room; i++) {
		cpu = (stream->turn + i) % nr_cpu_ids;
		if (per_cpu_ptr(&tt_rings, cpu)->nblocks)
			taken += take_cpu(stream, cpu, to + taken * TT_BLOCK_BYTES, room - taken);
	}
	/* Whoever filled the buffer waits for the others next time. */
	stream->turn = (stream->turn + i) % nr_cpu_ids;
	return taken;
}

static u32 take_threads(struct tt_stream *stream, void *to, u32 room)
{
	struct tt_app_ring *ring;
	u32 taken = 0;

	list_for_each_entry(ring, &tt_app_rings, entry)
		taken += tt_app_take(ring, &stream->threads[ring->number - nr_cpu_ids],
				     to + taken * TT_BLOCK_BYTES,
				     min_t(u32, room - taken, THREAD_BLOCKS));
	return taken;
}

/* Blocks of CPUs and threads, or -ESTALE. */
static int take(struct tt_stream *stream, u32 room)
{
	bool threads_first = stream->threads_first;
	void *to = stream->blocks;
	u32 taken;

	if (stream->generation != tt_rings_generation())
		return -ESTALE;
	stream->threads_first = !threads_first;
	taken = threads_first ? take_threads(stream, to, room) : take_cpus(stream, to, room);
	to += taken * TT_BLOCK_BYTES;
	room -= taken;
	return taken + (threads_first ? take_cpus(stream, to, room) :
					take_threads(stream, to, room));
}

ssize_t tt_stream_read(struct tt_stream *stream, char __user *to, size_t count)
{
	u32 room = min_t(size_t, count / TT_BLOCK_BYTES, BUFFER_BLOCKS);
	ssize_t n;

	if (!room)
		return -EINVAL;
	mutex_lock(&stream->lock);
	mutex_lock(&tt_mutex);
	n = take(stream, room);
	mutex_unlock(&tt_mutex);
	if (n > 0) {
		n *= TT_BLOCK_BYTES;
		if (copy_to_user(to, stream->blocks, n))
			n = -EFAULT;
	}
	mutex_unlock(&stream->lock);
	return n;
}

static int take_tail(struct tt_stream *stream, unsigned int cpu)
{
	struct tt_cut cut;

	if (stream->generation != tt_rings_generation())
		return -ESTALE;
	tt_ring_cut(cpu, &cut);
	return cut.whole == cut.end && cut.begin < cut.end &&
	       !tt_snapshot_block(cpu, &cut, cut.end - 1, stream->blocks);
}

ssize_t tt_stream_tail(struct tt_stream *stream, u64 cpu, char __user *to, size_t count)
{
	ssize_t n;

	if (count < TT_BLOCK_BYTES || cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return -EINVAL;
	mutex_lock(&stream->lock);
	mutex_lock(&tt_mutex);
	n = take_tail(stream, cpu);
	mutex_unlock(&tt_mutex);
	if (n > 0) {
		n = TT_BLOCK_BYTES;
		if (copy_to_user(to, stream->blocks, n))
			n = -EFAULT;
	}
	mutex_unlock(&stream->lock);
	return n;
}

static int map_ring(struct vm_area_struct *vma, const struct tt_ring *ring)
{
	unsigned long n = vma_pages(vma);
	unsigned long i;
	int err;

	if (!ring->nblocks || n > ring->nblocks + 1)
		return -EINVAL;
	err = vm_insert_page(vma, vma->vm_start, virt_to_page(ring->shared));
	for (i = 1; i < n && !err; i++)
		err = vm_insert_page(vma, vma->vm_start + i * TT_BLOCK_BYTES,
				     ring->pages[2 * (i - 1)]);
	return err;
}

int tt_stream_mmap(struct vm_area_struct *vma)
{
	unsigned long cpu = vma->vm_pgoff >> (TT_MAP_SHIFT - PAGE_SHIFT);
	int err;

	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	if (vma->vm_pgoff & ((1ul << (TT_MAP_SHIFT - PAGE_SHIFT)) - 1) || cpu >= nr_cpu_ids ||
	    !cpu_possible(cpu))
		return -EINVAL;
	tt_vm_flags(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYWRITE);
	mutex_lock(&tt_mutex);
	err = map_ring(vma, per_cpu_ptr(&tt_rings, cpu));
	mutex_unlock(&tt_mutex);
	return err;
}
