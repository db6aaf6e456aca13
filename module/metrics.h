/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of a network namespace, per CPU. */
#ifndef _HOMA_METRICS_H
#define _HOMA_METRICS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include "size_class.h"
#include "uapi/homa_wire.h"

struct net;

/**
 * struct homa_metrics - what one CPU counted for one namespace
 * @msg_bytes: bytes of received messages, by length.
 * @drops: packets dropped, by reason.
 */
struct homa_metrics {
#define HOMA_METRIC(name, unit, better, doc) u64 name;
#include "uapi/homa_metrics.def"
#undef HOMA_METRIC
	u64 msg_bytes[HOMA_SIZE_CLASSES];
	u64 drops[HOMA_DROP_COUNT];
};

/* @hnet: anything with a member metrics. */
#define homa_metric_add(hnet, name, n) this_cpu_add((hnet)->metrics->name, n)
#define homa_metric_inc(hnet, name) homa_metric_add(hnet, name, 1)

/* Counts a received message of @length bytes in its class. */
void homa_metrics_message(struct homa_metrics __percpu *metrics, u32 length);

int homa_metrics_net_init(struct net *net, struct homa_metrics __percpu **metrics);
void homa_metrics_net_exit(struct net *net, struct homa_metrics __percpu *metrics);

#endif /* _HOMA_METRICS_H */
