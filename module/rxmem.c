// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of packets that wait in sockets. A socket takes it from its cgroup, and
 * from what all Homa sockets may have, in pieces that serve many packets:
 * sk_forward_alloc is all that it took, of which sk_rmem_alloc is in use.
 */

#include <linux/swap.h>
#include "rxmem.h"

/* Taken at a time. */
#define HOMA_RXMEM_PIECE 65536

atomic_long_t homa_rxmem_allocated;
long homa_rxmem_limits[3]; /* pages */
int homa_rxmem_least = PAGE_SIZE;
DEFINE_PER_CPU(int, homa_rxmem_forward);

/* An eighth of the memory, as other protocols do. */
void homa_rxmem_init(void)
{
	long limit = max(nr_free_buffer_pages() / 8, 128ul);

	homa_rxmem_limits[0] = limit / 4 * 3;
	homa_rxmem_limits[1] = limit;
	homa_rxmem_limits[2] = limit / 2 * 3;
}

/**
 * homa_rxmem_reserve() - take memory for packets
 * @hsk: socket. Softirqs are off.
 * @bytes: what the socket needs in all.
 *
 * Return: false if there is no more.
 */
bool homa_rxmem_reserve(struct homa_sock *hsk, int bytes)
{
	struct sock *sk = homa_to_sk(hsk);
	bool ok = true;

	bh_lock_sock(sk);
	/* Options of the core may be at it; what is not taken now is taken with
	 * the next packet.
	 */
	if (!sock_owned_by_user(sk) && bytes > sk->sk_forward_alloc)
		ok = __sk_mem_schedule(sk, round_up(bytes - sk->sk_forward_alloc,
						    HOMA_RXMEM_PIECE), SK_MEM_RECV);
	bh_unlock_sock(sk);
	return ok;
}

/**
 * homa_rxmem_trim() - give back what packets do not need
 * @hsk: socket.
 * @keep: whether to keep some for the next packets.
 *
 * The last goes with the socket.
 */
void homa_rxmem_trim(struct homa_sock *hsk, bool keep)
{
	struct sock *sk = homa_to_sk(hsk);
	int spare;

	if (!READ_ONCE(sk->sk_forward_alloc))
		return;
	spin_lock_bh(&sk->sk_lock.slock);
	spare = sk->sk_forward_alloc - atomic_read(&sk->sk_rmem_alloc) - keep * HOMA_RXMEM_PIECE;
	if (!sock_owned_by_user(sk) && spare >= (int)PAGE_SIZE)
		__sk_mem_reclaim(sk, spare);
	spin_unlock_bh(&sk->sk_lock.slock);
}
