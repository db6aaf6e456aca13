// SPDX-License-Identifier: GPL-2.0-only
/* Packets go to the CPUs that strategies choose. */

#include <linux/cpumask.h>
#include <linux/jhash.h>
#include <linux/netdevice.h>
#include <linux/smp.h>
#include "compat.h"
#include "metrics.h"
#include "steer.h"
#include "tracing.h"
#include "wire.h"

static const struct homa_strategy *const steerings[] = {
	&homa_steer_kernel.strategy,
	&homa_steer_same_core.strategy,
	&homa_steer_rpchash.strategy,
	&homa_steer_adaptive.strategy,
	&homa_steer_gen2.strategy,
	&homa_steer_gen3.strategy,
};

const struct homa_strategy_kind homa_steerings = { steerings, ARRAY_SIZE(steerings) };

/**
 * struct steer_queue - packets sent to one CPU
 * @packets: each with a reference to its device, so that this, and with it the
 *	namespace, outlives them.
 * @napi: handles them there; scheduled: it will, or the CPU is being told.
 * @csd: tells it.
 */
struct steer_queue {
	struct sk_buff_head packets;
	struct napi_struct napi;
	call_single_data_t csd;
};

static struct steer_queue __percpu *queues;
static struct net_device *napi_owner;
static void (*input_here)(struct sk_buff *skb);
static u32 hash_seed __read_mostly;

int homa_steer_next(int cpu)
{
	cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu < nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

bool homa_steer_empty(int cpu)
{
	return skb_queue_empty_lockless(&per_cpu_ptr(queues, cpu)->packets);
}

static struct sk_buff *dequeue(struct steer_queue *queue)
{
	struct sk_buff *skb;

	spin_lock(&queue->packets.lock);
	skb = __skb_dequeue(&queue->packets);
	spin_unlock(&queue->packets.lock);
	return skb;
}

static int poll(struct napi_struct *napi, int budget)
{
	struct steer_queue *queue = container_of(napi, struct steer_queue, napi);
	struct sk_buff *skb;
	int done = 0;

	rcu_read_lock();
	while (done < budget && (skb = dequeue(queue))) {
		struct net_device *dev = skb->dev;

		input_here(skb);
		dev_put(dev);
		done++;
	}
	rcu_read_unlock();
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

static void told(void *arg)
{
	struct steer_queue *queue = arg;

	__napi_schedule(&queue->napi);
}

/* An idle CPU that polls for work is told without an interrupt, one that is at work not at all. */
static void tell(int cpu, struct steer_queue *queue)
{
	if (!napi_schedule_prep(&queue->napi))
		return;
	/* It went offline just now. */
	if (smp_call_function_single_async(cpu, &queue->csd))
		__napi_schedule(&queue->napi);
}

bool homa_steer_away(struct homa_net *hnet, struct sk_buff *skb)
{
	const struct homa_steering *steering = READ_ONCE(hnet->steering);
	struct homa_steered packet = { .hnet = hnet };
	const struct homa_data_hdr *h;
	struct steer_queue *queue;
	u32 waiting, ports;
	bool data;
	int cpu;
	u64 id;

	if (!steering->pick || skb->len < sizeof(h->common) ||
	    !pskb_may_pull(skb, min_t(u32, skb->len, sizeof(*h))))
		return false;
	h = (const struct homa_data_hdr *)skb->data;
	id = be64_to_cpu(h->common.sender_id);
	ports = be16_to_cpu(h->common.sport) << 16 | be16_to_cpu(h->common.dport);
	packet.hash = jhash_3words(ports, id >> 32, id, hash_seed);
	packet.now_ns = ktime_get_mono_fast_ns();
	this_cpu_write(homa_cores.arrival_ns, packet.now_ns);
	packet.here = smp_processor_id();
	packet.origin = skb->alloc_cpu;
	cpu = steering->pick(&packet);
	if (cpu == packet.here || cpu >= (int)nr_cpu_ids || !cpu_online(cpu))
		return false;

	queue = per_cpu_ptr(queues, cpu);
	waiting = skb_queue_len_lockless(&queue->packets);
	if (waiting >= HOMA_STEER_QUEUE) {
		homa_metric_inc(hnet, steer_full);
		return false;
	}
	homa_metric_inc(hnet, steered);
	data = h->common.type == HOMA_DATA && skb->len >= sizeof(*h);
	homa_trace_steer(homa_peer_id(id), data ? homa_wire_offset(h) : U32_MAX, cpu, packet.why,
			 waiting);
	skb_dst_force(skb);
	dev_hold(skb->dev);
	spin_lock(&queue->packets.lock);
	__skb_queue_tail(&queue->packets, skb);
	spin_unlock(&queue->packets.lock);
	tell(cpu, queue);
	this_cpu_write(homa_cores.done_ns, packet.now_ns);
	return true;
}

int homa_steer_init(void (*input)(struct sk_buff *skb))
{
	int cpu;

	queues = alloc_percpu(struct steer_queue);
	if (!queues)
		return -ENOMEM;
	napi_owner = homa_alloc_dummy();
	if (!napi_owner) {
		free_percpu(queues);
		return -ENOMEM;
	}
	input_here = input;
	hash_seed = get_random_u32();
	for_each_possible_cpu(cpu) {
		struct steer_queue *queue = per_cpu_ptr(queues, cpu);

		skb_queue_head_init(&queue->packets);
		netif_napi_add(napi_owner, &queue->napi, poll);
		napi_enable(&queue->napi);
		INIT_CSD(&queue->csd, told, queue);
	}
	return 0;
}

void homa_steer_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct steer_queue *queue = per_cpu_ptr(queues, cpu);
		struct sk_buff *skb;

		/* Returns when the CPU neither works on it nor is about to. */
		napi_disable(&queue->napi);
		netif_napi_del(&queue->napi);
		while ((skb = skb_dequeue(&queue->packets))) {
			dev_put(skb->dev);
			kfree_skb(skb);
		}
	}
	free_percpu(queues);
	homa_free_dummy(napi_owner);
}
