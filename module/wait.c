// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that wait for messages. An RPC that needs attention (data to copy
 * out, or an error) is handed over once: to a private or the latest shared
 * waiter, or to the list of ready RPCs. Whoever took it clears handed.
 */

#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include "folds.h"
#include "grant.h"
#include "wait.h"
#include "wait_strategy.h"

static const struct homa_strategy *const policies[] = {
	&homa_wait_poll.strategy,
	&homa_wait_block.strategy,
	&homa_wait_adaptive.strategy,
};

const struct homa_strategy_kind homa_wait_policies = { policies, ARRAY_SIZE(policies) };

static const struct homa_strategy *const orders[] = {
	&homa_wait_lifo.strategy,
	&homa_wait_fifo.strategy,
	&homa_wait_idle_core_first.strategy,
};

const struct homa_strategy_kind homa_waiter_orders = { orders, ARRAY_SIZE(orders) };

/* The waiter may run, and its stack vanish, as soon as it is complete. */
static void give(struct homa_waiter *waiter, struct homa_rpc *rpc)
{
	homa_rpc_hold(rpc);
	waiter->rpc = rpc;
	if (waiter->since_ns)
		waiter->given_ns = ktime_get_ns();
	homa_metric_inc(rpc->hsk->hnet, handoffs_thread_waiting);
	homa_trace_handed(rpc, task_pid_nr(waiter->task), task_cpu(waiter->task));
	complete(&waiter->done);
}

/* The thread that gets @rpc, taken out of the list, or NULL. */
static struct homa_waiter *take_waiter(struct homa_sock *hsk, const struct homa_rpc *rpc)
{
	struct homa_waiter *latest = list_first_entry_or_null(&hsk->waiters, struct homa_waiter,
							      link);
	struct homa_waiter *waiter = latest;

	lockdep_assert_held(&hsk->lock);
	if (!latest)
		return NULL;
	if (!list_is_singular(&hsk->waiters)) {
		waiter = READ_ONCE(hsk->hnet->waiter_order)->pick(hsk);
		if (waiter != latest) {
			homa_metric_inc(hsk->hnet, handoffs_alt_thread);
			homa_trace_waiter_skip(rpc->id, task_pid_nr(waiter->task),
					       task_pid_nr(latest->task));
		}
	}
	list_del_init(&waiter->link);
	return waiter;
}

/**
 * homa_handoff() - find a thread for an RPC that needs one
 * @rpc: locked RPC.
 */
void homa_handoff(struct homa_rpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	struct homa_waiter *waiter;

	homa_rpc_assert_locked(rpc);
	if (rpc->handed)
		return;
	rpc->handed = true;
	if (rpc->is_private) {
		waiter = rpc->waiter;
		rpc->waiter = NULL;
		if (waiter)
			give(waiter, rpc);
		else
			homa_trace_handed(rpc, 0, 0);
		return;
	}
	spin_lock(&hsk->lock);
	waiter = take_waiter(hsk, rpc);
	if (waiter) {
		give(waiter, rpc);
	} else {
		list_add_tail(&rpc->ready_link, &hsk->ready);
		homa_trace_handed(rpc, 0, 0);
	}
	spin_unlock(&hsk->lock);
	if (!waiter)
		homa_to_sk(hsk)->sk_data_ready(homa_to_sk(hsk));
}

/**
 * homa_rpc_fail() - give an RPC up
 * @rpc: locked RPC; unlocked on return.
 * @error: errno for the client's recvmsg, negative. A server's RPC just ends.
 */
void homa_rpc_fail(struct homa_rpc *rpc, int error)
{
	homa_rpc_assert_locked(rpc);
	if (!homa_rpc_is_client(rpc)) {
		homa_metric_inc(rpc->hsk->hnet, server_rpc_discards);
		homa_rpc_end_unlock(rpc);
		return;
	}
	if (!rpc->error) {
		rpc->error = error;
		if (rpc->grant.managed)
			homa_grant_leave(rpc);
		homa_handoff(rpc);
	}
	homa_rpc_unlock(rpc);
}

/* Spins while nobody else wants the CPU. Return: true if the wait is over. */
static bool spin(struct homa_sock *hsk, struct homa_waiter *waiter, u64 limit_ns)
{
	u64 begin_ns = ktime_get_ns(), now_ns = begin_ns;
	bool done;

	homa_metric_inc(hsk->hnet, wait_spins);
	homa_trace_recv_spin(task_pid_nr(current), READ_ONCE(hsk->port), limit_ns);
	for (;;) {
		done = completion_done(&waiter->done);
		if (done || now_ns - begin_ns >= limit_ns || need_resched() ||
		    !single_task_running() || signal_pending(current))
			break;
		cpu_relax();
		now_ns = ktime_get_ns();
	}
	homa_metric_add(hsk->hnet, poll_cycles, now_ns - begin_ns);
	return done;
}

static bool poll_done(struct homa_sock *hsk, struct homa_waiter *waiter)
{
	const struct homa_wait_policy *policy = READ_ONCE(hsk->hnet->wait_policy);
	u64 limit_ns;

	/* On one CPU nothing can arrive while we spin. */
	if (!policy->spin_ns || num_online_cpus() == 1)
		return false;
	limit_ns = policy->spin_ns(hsk);
	return limit_ns && spin(hsk, waiter, limit_ns);
}

/* Return: 0 when @waiter is complete, else -EINTR or -EAGAIN: time is up. */
static int wait_done(struct homa_sock *hsk, struct homa_waiter *waiter, u32 *entered)
{
	long timeo = sock_rcvtimeo(homa_to_sk(hsk), false);
	long left;

	if (poll_done(hsk, waiter)) {
		homa_metric_inc(hsk->hnet, wait_fast);
		wait_for_completion(&waiter->done);
		return 0;
	}
	homa_metric_inc(hsk->hnet, wait_block);
	homa_trace_waiting(entered, task_pid_nr(current), READ_ONCE(hsk->port));
	left = wait_for_completion_interruptible_timeout(&waiter->done, timeo);
	if (left > 0)
		return 0;
	return left ? -EINTR : -EAGAIN;
}

static void init_waiter(struct homa_sock *hsk, struct homa_waiter *waiter)
{
	INIT_LIST_HEAD(&waiter->link);
	init_completion(&waiter->done);
	waiter->rpc = NULL;
	waiter->task = current;
	waiter->given_ns = 0;
	waiter->since_ns = READ_ONCE(hsk->hnet->wait_policy)->lasted ? ktime_get_ns() : 0;
}

/* A wait is over, in whatever way. */
static void end_wait(struct homa_sock *hsk, const struct homa_waiter *waiter)
{
	const struct homa_wait_policy *policy = READ_ONCE(hsk->hnet->wait_policy);

	/* The policy may have changed meanwhile. */
	if (waiter->rpc && waiter->given_ns > waiter->since_ns && policy->lasted)
		policy->lasted(hsk, waiter->given_ns - waiter->since_ns);
}

/* The first ready RPC that is still there, or NULL. */
static struct homa_rpc *take_ready(struct homa_sock *hsk)
{
	struct homa_rpc *rpc = list_first_entry_or_null(&hsk->ready, struct homa_rpc, ready_link);

	lockdep_assert_held(&hsk->lock);
	if (rpc) {
		list_del_init(&rpc->ready_link);
		homa_rpc_hold(rpc);
	}
	return rpc;
}

/**
 * homa_wait_shared() - wait for any RPC that is not private
 * @hsk: socket.
 * @nonblock: do not wait.
 * @entered: stamp of recvmsg, for traces; 0 afterwards if it was used.
 *
 * Return: an RPC with a reference, or an ERR_PTR.
 */
struct homa_rpc *homa_wait_shared(struct homa_sock *hsk, bool nonblock, u32 *entered)
{
	struct homa_waiter waiter;
	struct homa_rpc *rpc;
	bool more;
	int err;

	init_waiter(hsk, &waiter);
	spin_lock_bh(&hsk->lock);
	if (hsk->shutdown) {
		spin_unlock_bh(&hsk->lock);
		return ERR_PTR(-ESHUTDOWN);
	}
	rpc = take_ready(hsk);
	more = !list_empty(&hsk->ready);
	if (!rpc && !nonblock)
		list_add(&waiter.link, &hsk->waiters);
	spin_unlock_bh(&hsk->lock);
	if (rpc) {
		homa_metric_inc(hsk->hnet, wait_none);
		/* Another poller may have been woken for the one we took. */
		if (more)
			homa_to_sk(hsk)->sk_data_ready(homa_to_sk(hsk));
		return rpc;
	}
	if (nonblock)
		return ERR_PTR(-EAGAIN);

	err = wait_done(hsk, &waiter, entered);
	if (err) {
		spin_lock_bh(&hsk->lock);
		if (!list_empty(&waiter.link)) {
			list_del(&waiter.link);
			spin_unlock_bh(&hsk->lock);
			return ERR_PTR(err);
		}
		spin_unlock_bh(&hsk->lock);
		/* Handed over meanwhile: it must not get lost. */
		wait_for_completion(&waiter.done);
	}
	end_wait(hsk, &waiter);
	return waiter.rpc ?: ERR_PTR(-ESHUTDOWN);
}

/**
 * homa_wait_private() - wait for a private RPC
 * @hsk: socket.
 * @id: the RPC.
 * @nonblock: do not wait.
 * @entered: stamp of recvmsg, for traces; 0 afterwards if it was used.
 *
 * Return: the RPC with a reference, or an ERR_PTR.
 */
struct homa_rpc *homa_wait_private(struct homa_sock *hsk, u64 id, bool nonblock, u32 *entered)
{
	struct homa_rpc *rpc = homa_is_client(id) ? homa_rpc_find_client(hsk, id) : NULL;
	struct homa_waiter waiter;
	int err = 0;

	if (!rpc)
		return ERR_PTR(-EINVAL);
	if (!rpc->is_private || rpc->waiter) {
		homa_rpc_unlock(rpc);
		return ERR_PTR(-EINVAL);
	}
	homa_rpc_hold(rpc);
	if (rpc->handed) {
		homa_rpc_unlock(rpc);
		homa_metric_inc(hsk->hnet, wait_none);
		return rpc;
	}
	if (nonblock) {
		err = -EAGAIN;
		goto fail;
	}
	init_waiter(hsk, &waiter);
	rpc->waiter = &waiter;
	homa_rpc_unlock(rpc);

	err = wait_done(hsk, &waiter, entered);
	if (err) {
		homa_rpc_lock(rpc);
		if (rpc->waiter == &waiter) {
			rpc->waiter = NULL;
			goto fail;
		}
		homa_rpc_unlock(rpc);
		wait_for_completion(&waiter.done);
	}
	end_wait(hsk, &waiter);
	/* Keep one of the two references, if there are two. */
	homa_rpc_put(rpc);
	return waiter.rpc ?: ERR_PTR(-EINVAL);
fail:
	homa_rpc_unlock(rpc);
	homa_rpc_put(rpc);
	return ERR_PTR(err);
}

/* Ends every shared wait; the socket is shut down already. */
void homa_wake_all(struct homa_sock *hsk)
{
	struct homa_waiter *waiter, *next;

	spin_lock_bh(&hsk->lock);
	list_for_each_entry_safe(waiter, next, &hsk->waiters, link) {
		list_del_init(&waiter->link);
		complete(&waiter->done);
	}
	spin_unlock_bh(&hsk->lock);
	wake_up_interruptible_all(sk_sleep(homa_to_sk(hsk)));
}
