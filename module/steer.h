/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On which CPU Homa handles a packet. Where the layers below hand one over, a
 * strategy may send it to another CPU: into that CPU's queue, which a NAPI
 * instance of ours empties there, so that the kernel's budgets hold and its
 * tracepoints show it. It works with any device, and behind RPS and RFS.
 */
#ifndef _HOMA_STEER_H
#define _HOMA_STEER_H

#include <linux/skbuff.h>
#include "core.h"
#include "net.h"
#include "uapi/homa_steer.h"

/* Most packets in the queue of a CPU; further ones are handled where they are. */
#define HOMA_STEER_QUEUE 1000

/**
 * struct homa_steered - a packet for which a CPU is sought
 * @hnet: namespace.
 * @hash: of the ports and the RPC.
 * @now_ns: as noted in core.h.
 * @here: the CPU it is on.
 * @origin: the one that took it from its device, or from its sender where both are on this host.
 * @why: filled in with the CPU.
 */
struct homa_steered {
	const struct homa_net *hnet;
	u32 hash;
	u64 now_ns;
	int here;
	int origin;
	enum homa_steer_why why;
};

/**
 * struct homa_steering - how CPUs are chosen
 * @strategy: its name.
 * @pick: returns a CPU; it is not used if it is not online. Softirqs are off.
 *	NULL: all stays where it is.
 */
struct homa_steering {
	struct homa_strategy strategy;
	int (*pick)(struct homa_steered *packet);
};

extern const struct homa_steering homa_steer_kernel;
extern const struct homa_steering homa_steer_same_core;
extern const struct homa_steering homa_steer_rpchash;
extern const struct homa_steering homa_steer_adaptive;
extern const struct homa_steering homa_steer_gen2;
extern const struct homa_steering homa_steer_gen3;

extern const struct homa_strategy_kind homa_steerings;

/* The online CPU after @cpu, maybe itself. */
int homa_steer_next(int cpu);

/* Nothing waits for the CPU in its queue. */
bool homa_steer_empty(int cpu);

bool homa_steer_away(struct homa_net *hnet, struct sk_buff *skb);

/*
 * Sends a packet without IP header to the CPU that shall handle it, unless
 * that is this one: false, and it is still the caller's. Softirqs are off.
 */
static __always_inline bool homa_steer(struct homa_net *hnet, struct sk_buff *skb)
{
	return static_branch_unlikely(&homa_core_key) && homa_steer_away(hnet, skb);
}

/* @input takes packets that were sent to its CPU. May sleep, as the next one. */
int homa_steer_init(void (*input)(struct sk_buff *skb));

/* Nobody calls homa_steer() any more. */
void homa_steer_exit(void);

#endif /* _HOMA_STEER_H */
