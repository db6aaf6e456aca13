// SPDX-License-Identifier: GPL-2.0-only
/* Receive regions. */

#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include "net.h"
#include "pool.h"

/* Beside one bpage per CPU a few of the longest messages must fit. */
#define HOMA_MIN_REGION_SPARE 2000000
#define HOMA_MAX_REGION (1ull << 32)

/**
 * struct homa_bpage - a piece of the region
 * @users: messages in it, plus one while a CPU owns it.
 * @lent: those of the messages that the application has; grows without the lock.
 */
struct homa_bpage {
	u32 users;
	atomic_t lent;
};

/**
 * struct homa_pool_cpu - the bpage from which a CPU cuts short messages
 * @bpage: its number, -1: none.
 * @used: bytes of it that were given out.
 * @until: jiffies; unused for longer, others may take it.
 */
struct homa_pool_cpu {
	int bpage;
	u32 used;
	unsigned long until;
};

/**
 * struct homa_pool - a region
 * @hnet: namespace.
 * @start: its address in the application.
 * @count: bpages in it.
 * @lock: protects all that follows, but for what is lent.
 * @num_free: bits set in @free.
 * @next: where to look for the next free one.
 * @free: bpages without users.
 * @bpages: the bpages.
 * @cpus: what each CPU owns.
 */
struct homa_pool {
	struct homa_net *hnet;
	u64 start;
	u32 count;
	spinlock_t lock;
	u32 num_free;
	u32 next;
	unsigned long *free;
	struct homa_bpage *bpages;
	struct homa_pool_cpu cpus[];
};

struct homa_pool *homa_pool_new(struct homa_net *hnet, const struct homa_rcvbuf_args *args)
{
	struct homa_pool *pool;
	int cpu;

	if (args->start & ~PAGE_MASK || args->length > HOMA_MAX_REGION ||
	    args->length < (u64)nr_cpu_ids * HOMA_BPAGE_SIZE + HOMA_MIN_REGION_SPARE ||
	    args->start + args->length < args->start)
		return ERR_PTR(-EINVAL);
	if (!access_ok(u64_to_user_ptr(args->start), args->length) ||
	    copy_to_user(u64_to_user_ptr(args->start), args, sizeof(*args)))
		return ERR_PTR(-EFAULT);

	pool = kzalloc(struct_size(pool, cpus, nr_cpu_ids), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->hnet = hnet;
	pool->start = args->start;
	pool->count = args->length >> HOMA_BPAGE_SHIFT;
	spin_lock_init(&pool->lock);
	pool->num_free = pool->count;
	pool->free = bitmap_alloc(pool->count, GFP_KERNEL_ACCOUNT);
	pool->bpages = kcalloc(pool->count, sizeof(*pool->bpages), GFP_KERNEL_ACCOUNT);
	if (!pool->free || !pool->bpages) {
		homa_pool_free(pool);
		return ERR_PTR(-ENOMEM);
	}
	bitmap_fill(pool->free, pool->count);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		pool->cpus[cpu].bpage = -1;
	return pool;
}

void homa_pool_free(struct homa_pool *pool)
{
	if (!pool)
		return;
	bitmap_free(pool->free);
	kfree(pool->bpages);
	kfree(pool);
}

static inline void drop_user(struct homa_pool *pool, u32 index)
{
	if (--pool->bpages[index].users)
		return;
	__set_bit(index, pool->free);
	pool->num_free++;
}

/*
 * Low numbers first, so that few pages of the application stay in use; among
 * them in turn, so that one given back is not written again at once.
 */
static int take_free(struct homa_pool *pool)
{
	u32 used = pool->count - pool->num_free;
	u32 limit = min(used + max(used / 4, 4u), pool->count);
	u32 index = find_next_bit(pool->free, limit, pool->next);

	/* @limit exceeds the number of those in use. */
	if (index >= limit)
		index = find_first_bit(pool->free, limit);
	if (index >= limit)
		return -1;
	pool->next = index + 1;
	__clear_bit(index, pool->free);
	pool->num_free--;
	pool->bpages[index].users = 1;
	return index;
}

/* Takes bpages from CPUs that have not used them for a while. */
static void end_leases(struct homa_pool *pool)
{
	int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		struct homa_pool_cpu *own = &pool->cpus[cpu];

		if (own->bpage >= 0 && pool->bpages[own->bpage].users == 1 &&
		    time_after_eq(jiffies, own->until)) {
			drop_user(pool, own->bpage);
			own->bpage = -1;
		}
	}
}

/* Cuts @length bytes, fewer than a bpage, out of this CPU's bpage. */
static int alloc_piece(struct homa_pool *pool, u32 length, u32 *offset)
{
	struct homa_pool_cpu *own = &pool->cpus[smp_processor_id()];

	if (own->bpage >= 0 && own->used + length > HOMA_BPAGE_SIZE) {
		if (pool->bpages[own->bpage].users == 1) {
			own->used = 0;
			homa_metric_inc(pool->hnet, bpage_reuses);
		} else {
			drop_user(pool, own->bpage);
			own->bpage = -1;
		}
	}
	if (own->bpage < 0) {
		own->bpage = take_free(pool);
		if (own->bpage < 0)
			return -ENOSPC;
		own->used = 0;
	}
	pool->bpages[own->bpage].users++;
	*offset = ((u32)own->bpage << HOMA_BPAGE_SHIFT) + own->used;
	own->used += length;
	own->until = jiffies + usecs_to_jiffies(READ_ONCE(pool->hnet->tun.bpage_lease_usecs));
	return 0;
}

int homa_pool_alloc(struct homa_pool *pool, u32 length, u32 *offsets)
{
	u32 whole = length >> HOMA_BPAGE_SHIFT;
	u32 rest = length & (HOMA_BPAGE_SIZE - 1);
	int count = -ENOSPC;
	u32 i;

	spin_lock(&pool->lock);
	if (unlikely(pool->num_free < whole + !!rest))
		end_leases(pool);
	if (pool->num_free < whole)
		goto out;
	if (rest && (pool->num_free > whole || pool->cpus[smp_processor_id()].bpage >= 0)) {
		/* Reserve the whole bpages first: the piece may take a free one. */
		for (i = 0; i < whole; i++)
			offsets[i] = (u32)take_free(pool) << HOMA_BPAGE_SHIFT;
		if (alloc_piece(pool, rest, &offsets[whole])) {
			while (i--)
				drop_user(pool, offsets[i] >> HOMA_BPAGE_SHIFT);
			goto out;
		}
		count = whole + 1;
	} else if (!rest) {
		for (i = 0; i < whole; i++)
			offsets[i] = (u32)take_free(pool) << HOMA_BPAGE_SHIFT;
		count = whole;
	}
out:
	spin_unlock(&pool->lock);
	return count;
}

void homa_pool_unuse(struct homa_pool *pool, const u32 *offsets, u32 count)
{
	u32 i;

	spin_lock_bh(&pool->lock);
	for (i = 0; i < count; i++)
		drop_user(pool, offsets[i] >> HOMA_BPAGE_SHIFT);
	spin_unlock_bh(&pool->lock);
}

void homa_pool_lend(struct homa_pool *pool, const u32 *offsets, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		atomic_inc(&pool->bpages[offsets[i] >> HOMA_BPAGE_SHIFT].lent);
}

int homa_pool_return(struct homa_pool *pool, const u32 *offsets, u32 count)
{
	int err = 0;
	u32 i;

	spin_lock_bh(&pool->lock);
	for (i = 0; i < count; i++) {
		u32 index = offsets[i] >> HOMA_BPAGE_SHIFT;

		if (index >= pool->count ||
		    !atomic_add_unless(&pool->bpages[index].lent, -1, 0)) {
			err = -EINVAL;
			break;
		}
		drop_user(pool, index);
	}
	spin_unlock_bh(&pool->lock);
	return err;
}

void __user *homa_pool_address(const struct homa_pool *pool, u32 offset)
{
	return u64_to_user_ptr(pool->start + offset);
}

void homa_pool_region(const struct homa_pool *pool, struct homa_rcvbuf_args *args)
{
	args->start = pool->start;
	args->length = (u64)pool->count << HOMA_BPAGE_SHIFT;
}

u64 homa_pool_avail_bytes(struct homa_pool *pool)
{
	u64 bytes;

	spin_lock_bh(&pool->lock);
	bytes = (u64)pool->num_free << HOMA_BPAGE_SHIFT;
	spin_unlock_bh(&pool->lock);
	return bytes;
}
