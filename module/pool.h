/* SPDX-License-Identifier: GPL-2.0-only */
/* Receive regions: memory of the application, lent out in bpages. */
#ifndef _HOMA_POOL_H
#define _HOMA_POOL_H

#include <linux/types.h>
#include "uapi/homa.h"

struct homa_net;
struct homa_pool;

/**
 * homa_pool_new() - take over a region
 * @hnet: namespace.
 * @args: the region.
 *
 * Return: a pool, or ERR_PTR: -EINVAL, -EFAULT or -ENOMEM.
 */
struct homa_pool *homa_pool_new(struct homa_net *hnet, const struct homa_rcvbuf_args *args);

/* @pool may be NULL. */
void homa_pool_free(struct homa_pool *pool);

/**
 * homa_pool_alloc() - space for a message
 * @pool: region.
 * @length: bytes of the message.
 * @offsets: filled; byte k of the message goes to
 *	offsets[k >> HOMA_BPAGE_SHIFT] + (k & (HOMA_BPAGE_SIZE - 1)).
 *
 * All or nothing. Softirqs are off. Return: number of @offsets, or -ENOSPC.
 */
int homa_pool_alloc(struct homa_pool *pool, u32 length, u32 *offsets);

/* Gives back space that the application never got. */
void homa_pool_unuse(struct homa_pool *pool, const u32 *offsets, u32 count);

/* The application owns the space from now on. */
void homa_pool_lend(struct homa_pool *pool, const u32 *offsets, u32 count);

/**
 * homa_pool_return() - the application gives space back
 * @pool: region.
 * @offsets: of the application, not trusted.
 * @count: their number.
 *
 * Return: 0, or -EINVAL for an offset it does not own; those before it have
 * been returned.
 */
int homa_pool_return(struct homa_pool *pool, const u32 *offsets, u32 count);

/* Address of @offset in the region. */
void __user *homa_pool_address(const struct homa_pool *pool, u32 offset);

/* Start and length, as SO_HOMA_RCVBUF reports them. */
void homa_pool_region(const struct homa_pool *pool, struct homa_rcvbuf_args *args);

u64 homa_pool_avail_bytes(struct homa_pool *pool);

#endif /* _HOMA_POOL_H */
