// SPDX-License-Identifier: GPL-2.0-only
/*
 * Giving out blocks as they fill. Nothing is consumed: each stream knows how
 * far it is, and misses what was overwritten before it came.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "events.h"
#include "ring.h"
#include "snapshot.h"
#include "stream.h"

/**
 * struct tt_stream - where a reader is
 * @generation: of the rings that it reads.
 * @turn: the CPU that comes first in the next call.
 * @block: for one block.
 * @next: of each CPU the first block that was not given out.
 */
struct tt_stream {
	u64 generation;
	unsigned int turn;
	struct tt_block *block;
	u64 next[];
};

struct tt_stream *tt_stream_new(void)
{
	struct tt_stream *stream = kvzalloc(struct_size(stream, next, nr_cpu_ids), GFP_KERNEL);

	if (!stream)
		return ERR_PTR(-ENOMEM);
	stream->block = kmalloc(TT_BLOCK_BYTES, GFP_KERNEL);
	if (!stream->block) {
		kvfree(stream);
		return ERR_PTR(-ENOMEM);
	}
	mutex_lock(&tt_mutex);
	stream->generation = tt_rings_generation();
	mutex_unlock(&tt_mutex);
	return stream;
}

void tt_stream_free(struct tt_stream *stream)
{
	kfree(stream->block);
	kvfree(stream);
}

/* The full blocks of one CPU; bytes or -EFAULT. */
static ssize_t read_cpu(struct tt_stream *stream, unsigned int cpu, char __user *to, size_t count)
{
	struct tt_cut cut;
	ssize_t done = 0;
	u64 k;

	tt_ring_cut_settled(cpu, &cut);
	/* The last one is still being filled. */
	for (k = max(stream->next[cpu], cut.begin); k < cut.whole && k + 1 < cut.end; k++) {
		if (count - done < TT_BLOCK_BYTES)
			break;
		if (tt_snapshot_block(cpu, &cut, k, stream->block))
			continue; /* overwritten */
		if (copy_to_user(to + done, stream->block, TT_BLOCK_BYTES))
			return -EFAULT;
		done += TT_BLOCK_BYTES;
	}
	stream->next[cpu] = k;
	return done;
}

ssize_t tt_stream_read(struct tt_stream *stream, char __user *to, size_t count)
{
	unsigned int i, cpu;
	ssize_t done = 0;
	ssize_t n = 0;

	if (count < TT_BLOCK_BYTES)
		return -EINVAL;
	mutex_lock(&tt_mutex);
	if (stream->generation != tt_rings_generation())
		n = -ESTALE;
	for (i = 0; i < nr_cpu_ids && n >= 0; i++) {
		cpu = (stream->turn + i) % nr_cpu_ids;
		if (!per_cpu_ptr(&tt_rings, cpu)->nblocks)
			continue;
		n = read_cpu(stream, cpu, to + done, count - done);
		if (n > 0)
			done += n;
		if (count - done < TT_BLOCK_BYTES)
			break;
	}
	/* Whoever filled the buffer waits for the others next time. */
	stream->turn = (stream->turn + i + 1) % nr_cpu_ids;
	mutex_unlock(&tt_mutex);
	return n < 0 ? n : done;
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
