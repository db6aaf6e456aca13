// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that wait for messages. An RPC that needs attention (data to copy
 * out, or an error) is handed over once: to a private or the latest shared
 * waiter, or to the list of ready RPCs. Whoever took it clears handed.
 *
 * Waking a thread that can run only where another is at work makes it compete
 * with that one: for each message the two take turns. So the wake-up is held
 * while the one at work has more messages to receive; it happens when that one
 * finds none, after wake_batch messages, or at the next tick.
 */

#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include "core.h"
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

/**
 * struct homa_held - wake-ups held on a CPU
 * @lock: nests in that of a socket.
 * @socks: sockets concerned.
 * @busy: thread that took a message here while there were more. It is compared
 *	and not used: it may be gone.
 */
struct homa_held {
	spinlock_t lock;
	struct list_head socks;
	const struct task_struct *busy;
};

static DEFINE_PER_CPU(struct homa_held, held_here);

/* The waiter may run, and its stack vanish, as soon as it is complete. It gets
 * a reference of the caller's.
 */
static void give(struct homa_waiter *waiter, struct homa_rpc *rpc)
{
	waiter->rpc = rpc;
	if (waiter->since_ns)
		waiter->given_ns = ktime_get_ns();
	homa_metric_inc(rpc->hsk->hnet, handoffs_thread_waiting);
	homa_core_app(task_cpu(waiter->task));
	complete(&waiter->done);
}

/* The same for a locked RPC that nobody else was told of. */
static void give_new(struct homa_waiter *waiter, struct homa_rpc *rpc)
{
	homa_rpc_hold(rpc);
	homa_trace_given(rpc, task_pid_nr(waiter->task), task_cpu(waiter->task));
	give(waiter, rpc);
}

/* The first ready RPC that is still there, or NULL. */
static struct homa_rpc *take_ready(struct homa_sock *hsk)
{
	struct homa_rpc *rpc = list_first_entry_or_null(&hsk->ready, struct homa_rpc, ready_link);

	lockdep_assert_held(&hsk->lock);
	if (rpc) {
		list_del_init(&rpc->ready_link);
		homa_rpc_hold(rpc);
		rpc->trace.owner = HOMA_TRACE_THREAD;
	}
	return rpc;
}

/* One of several waiters, as the strategy says. */
static noinline struct homa_waiter *pick_waiter(struct homa_sock *hsk, const struct homa_rpc *rpc)
{
	struct homa_waiter *latest = list_first_entry(&hsk->waiters, struct homa_waiter, link);
	struct homa_waiter *waiter = READ_ONCE(hsk->hnet->waiter_order)->pick(hsk);

	if (waiter != latest) {
		homa_metric_inc(hsk->hnet, handoffs_alt_thread);
		homa_trace_waiter_skip(rpc->id, task_pid_nr(waiter->task),
				       task_pid_nr(latest->task));
	}
	return waiter;
}

/* The one of the waiting threads that gets @rpc, taken out of the list. */
static __always_inline struct homa_waiter *take_waiter(struct homa_sock *hsk,
						       const struct homa_rpc *rpc)
{
	struct homa_waiter *waiter;

	lockdep_assert_held(&hsk->lock);
	waiter = list_is_singular(&hsk->waiters) ?
		 list_first_entry(&hsk->waiters, struct homa_waiter, link) :
		 pick_waiter(hsk, rpc);
	list_del_init(&waiter->link);
	return waiter;
}

/*
 * Whether the wake-up of a thread of @hsk for RPC @id is held. Softirqs are off;
 * current is the thread that was at work here before.
 */
static bool hold(struct homa_sock *hsk, u64 id)
{
	struct homa_held *here = this_cpu_ptr(&held_here);
	const struct task_struct *latest;

	lockdep_assert_held(&hsk->lock);
	if (here->busy != current)
		return false;
	latest = list_first_entry(&hsk->waiters, struct homa_waiter, link)->task;
	if (num_online_cpus() > 1 &&
	    (latest->nr_cpus_allowed > 1 || task_cpu(latest) != smp_processor_id()))
		return false;
	if (hsk->shutdown || hsk->num_held + 1 >= (u32)READ_ONCE(hsk->hnet->tun.wake_batch))
		return false;
	if (!hsk->num_held) {
		hsk->held_cpu = smp_processor_id();
		spin_lock(&here->lock);
		list_add_tail(&hsk->held_link, &here->socks);
		spin_unlock(&here->lock);
	}
	WRITE_ONCE(hsk->num_held, hsk->num_held + 1);
	homa_metric_inc(hsk->hnet, handoffs_held);
	homa_trace_wake_held(id, hsk->num_held);
	return true;
}

static void unhold(struct homa_sock *hsk)
{
	struct homa_held *there;

	lockdep_assert_held(&hsk->lock);
	if (!hsk->num_held)
		return;
	WRITE_ONCE(hsk->num_held, 0);
	there = per_cpu_ptr(&held_here, hsk->held_cpu);
	spin_lock(&there->lock);
	list_del_init(&hsk->held_link);
	spin_unlock(&there->lock);
}

/* Wakes threads for what is ready, as long as there are both. */
static void give_ready(struct homa_sock *hsk)
{
	struct homa_waiter *waiter;
	struct homa_rpc *rpc;

	unhold(hsk);
	while (!list_empty(&hsk->waiters)) {
		rpc = take_ready(hsk);
		if (!rpc)
			break;
		waiter = take_waiter(hsk, rpc);
		homa_trace_handoff(rpc->id, task_pid_nr(waiter->task), task_cpu(waiter->task));
		give(waiter, rpc);
	}
}

/* Does the wake-ups that were held for @hsk. No lock held. */
void homa_wake_held(struct homa_sock *hsk)
{
	if (!READ_ONCE(hsk->num_held))
		return;
	spin_lock_bh(&hsk->lock);
	give_ready(hsk);
	spin_unlock_bh(&hsk->lock);
}

static noinline void wake_socks(struct homa_held *here)
{
	struct homa_sock *hsk;

	while (!list_empty_careful(&here->socks)) {
		spin_lock_bh(&here->lock);
		hsk = list_first_entry_or_null(&here->socks, struct homa_sock, held_link);
		if (hsk) {
			list_del_init(&hsk->held_link);
			sock_hold(homa_to_sk(hsk));
		}
		spin_unlock_bh(&here->lock);
		if (!hsk)
			break;
		homa_wake_held(hsk);
		homa_sock_put(hsk);
	}
}

/* The thread at work here finds nothing more to do: others may. */
static inline void wake_here(void)
{
	struct homa_held *here = raw_cpu_ptr(&held_here);

	if (!list_empty_careful(&here->socks))
		wake_socks(here);
}

/**
 * homa_handoff() - find a thread for an RPC that needs one
 * @rpc: locked RPC.
 */
void homa_handoff(struct homa_rpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	struct homa_waiter *waiter;
	bool wakes, queued;

	homa_rpc_assert_locked(rpc);
	if (rpc->handed)
		return;
	rpc->handed = true;
	if (rpc->is_private) {
		waiter = rpc->waiter;
		rpc->waiter = NULL;
		if (waiter)
			give_new(waiter, rpc);
		else
			homa_trace_queued(rpc);
		return;
	}
	spin_lock(&hsk->lock);
	wakes = !list_empty(&hsk->waiters) && !hold(hsk, rpc->id);
	queued = !wakes || !list_empty(&hsk->ready);
	if (queued) {
		list_add_tail(&rpc->ready_link, &hsk->ready);
		homa_trace_queued(rpc);
		if (wakes)
			give_ready(hsk);
	} else {
		give_new(take_waiter(hsk, rpc), rpc);
	}
	spin_unlock(&hsk->lock);
	if (queued)
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
static int wait_done(struct homa_sock *hsk, struct homa_waiter *waiter)
{
	long timeo = sock_rcvtimeo(homa_to_sk(hsk), false);
	long left;

	if (poll_done(hsk, waiter)) {
		homa_metric_inc(hsk->hnet, wait_fast);
		wait_for_completion(&waiter->done);
		return 0;
	}
	homa_metric_inc(hsk->hnet, wait_block);
	homa_trace_recv_sleeps(waiter->stamps, task_pid_nr(current), READ_ONCE(hsk->port));
	left = wait_for_completion_interruptible_timeout(&waiter->done, timeo);
	if (left > 0)
		return 0;
	return left ? -EINTR : -EAGAIN;
}

static void init_waiter(struct homa_sock *hsk, struct homa_waiter *waiter,
			struct homa_wait_stamps *stamps)
{
	INIT_LIST_HEAD(&waiter->link);
	init_completion(&waiter->done);
	waiter->rpc = NULL;
	waiter->task = current;
	waiter->stamps = stamps;
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

/**
 * homa_wait_shared() - wait for any RPC that is not private
 * @hsk: socket.
 * @nonblock: do not wait.
 * @stamps: of recvmsg, for traces.
 *
 * Return: an RPC with a reference, or an ERR_PTR.
 */
struct homa_rpc *homa_wait_shared(struct homa_sock *hsk, bool nonblock,
				  struct homa_wait_stamps *stamps)
{
	struct homa_waiter waiter;
	struct homa_rpc *rpc;
	bool more;
	int err;

	spin_lock_bh(&hsk->lock);
	if (hsk->shutdown) {
		spin_unlock_bh(&hsk->lock);
		return ERR_PTR(-ESHUTDOWN);
	}
	rpc = take_ready(hsk);
	more = !list_empty(&hsk->ready);
	this_cpu_ptr(&held_here)->busy = rpc && more ? current : NULL;
	if (!rpc && !nonblock) {
		init_waiter(hsk, &waiter, stamps);
		list_add(&waiter.link, &hsk->waiters);
	}
	spin_unlock_bh(&hsk->lock);
	if (rpc) {
		homa_metric_inc(hsk->hnet, wait_none);
		/* Another poller may have been woken for the one we took. */
		if (more)
			homa_to_sk(hsk)->sk_data_ready(homa_to_sk(hsk));
		return rpc;
	}
	wake_here();
	if (nonblock)
		return ERR_PTR(-EAGAIN);

	err = wait_done(hsk, &waiter);
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
 * @stamps: of recvmsg, for traces.
 *
 * Return: the RPC with a reference, or an ERR_PTR.
 */
struct homa_rpc *homa_wait_private(struct homa_sock *hsk, u64 id, bool nonblock,
				   struct homa_wait_stamps *stamps)
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
		rpc->trace.owner = HOMA_TRACE_THREAD;
		homa_rpc_unlock(rpc);
		homa_metric_inc(hsk->hnet, wait_none);
		return rpc;
	}
	if (nonblock) {
		err = -EAGAIN;
		goto fail;
	}
	init_waiter(hsk, &waiter, stamps);
	rpc->waiter = &waiter;
	homa_rpc_unlock(rpc);
	wake_here();

	err = wait_done(hsk, &waiter);
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

/* Records that a thread sleeps, for traces; nobody can end its wait meanwhile. */
static void note_waiter(const struct homa_sock *hsk, struct homa_waiter *waiter)
{
	struct homa_wait_stamps *stamps = waiter->stamps;

	/* One that is about to sleep still writes there. */
	if (!READ_ONCE(stamps->sleep))
		return;
	homa_tt_waited(stamps, task_pid_nr(waiter->task), task_cpu(waiter->task),
		       READ_ONCE(hsk->port));
	*stamps = (struct homa_wait_stamps){ .enter.high = stamps->enter.high };
}

/**
 * homa_wait_note() - record which threads sleep, for traces
 * @hsk: socket.
 */
void homa_wait_note(struct homa_sock *hsk)
{
	struct homa_waiter *waiter;

	spin_lock_bh(&hsk->lock);
	list_for_each_entry(waiter, &hsk->waiters, link)
		note_waiter(hsk, waiter);
	spin_unlock_bh(&hsk->lock);
}

/* The same for one that waits for a locked private RPC. */
void homa_wait_note_private(struct homa_rpc *rpc)
{
	if (rpc->waiter)
		note_waiter(rpc->hsk, rpc->waiter);
}

/* Ends every shared wait; the socket is shut down already. */
void homa_wake_all(struct homa_sock *hsk)
{
	struct homa_waiter *waiter, *next;

	spin_lock_bh(&hsk->lock);
	unhold(hsk);
	list_for_each_entry_safe(waiter, next, &hsk->waiters, link) {
		list_del_init(&waiter->link);
		complete(&waiter->done);
	}
	spin_unlock_bh(&hsk->lock);
	wake_up_interruptible_all(sk_sleep(homa_to_sk(hsk)));
}

void __init homa_wait_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct homa_held *held = per_cpu_ptr(&held_here, cpu);

		spin_lock_init(&held->lock);
		INIT_LIST_HEAD(&held->socks);
	}
}
