/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of packets that wait in sockets, charged to their cgroups. */
#ifndef _HOMA_RXMEM_H
#define _HOMA_RXMEM_H

#include "sock.h"

/* What struct proto wants to know. */
extern atomic_long_t homa_rxmem_allocated;
extern long homa_rxmem_limits[3];
extern int homa_rxmem_least;
DECLARE_PER_CPU(int, homa_rxmem_forward);

void homa_rxmem_init(void);

bool homa_rxmem_reserve(struct homa_sock *hsk, int bytes);

/**
 * homa_rxmem_room() - may another packet wait?
 * @hsk: socket. Softirqs are off.
 * @bytes: memory of the packet.
 */
static inline bool homa_rxmem_room(struct homa_sock *hsk, int bytes)
{
	const struct sock *sk = homa_to_sk(hsk);
	int used = atomic_read(&sk->sk_rmem_alloc) + bytes;

	if (unlikely(used > READ_ONCE(sk->sk_rcvbuf)))
		return false;
	return likely(used <= READ_ONCE(sk->sk_forward_alloc)) || homa_rxmem_reserve(hsk, used);
}

void homa_rxmem_trim(struct homa_sock *hsk, bool keep);

#endif /* _HOMA_RXMEM_H */
