// SPDX-License-Identifier: GPL-2.0-only
/* Counters of a network namespace and /proc/net/homa_metrics. */

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <net/net_namespace.h>
#include "metrics.h"

#define HOMA_METRICS_FILE "homa_metrics"

void homa_metrics_message(struct homa_metrics __percpu *metrics, u32 length)
{
	u32 class = homa_size_class(length);

	if (class < HOMA_SIZE_CLASSES) {
		this_cpu_add(metrics->msg_bytes[class], length);
	} else {
		this_cpu_inc(metrics->large_msg_count);
		this_cpu_add(metrics->large_msg_bytes, length);
	}
}

static void line(struct seq_file *m, const char *name, u64 value, const char *comment)
{
	seq_printf(m, "%-30s%20llu %s\n", name, value, comment);
}

static void show_cpu(struct seq_file *m, int cpu, const struct homa_metrics *c)
{
	char name[32];
	u32 i;

	line(m, "core", cpu, "CPU of the counters that follow");
	for (i = 0; i < HOMA_SIZE_CLASSES; i++) {
		snprintf(name, sizeof(name), "msg_bytes_%u", homa_size_class_end(i));
		line(m, name, c->msg_bytes[i], "Bytes of received messages in this class");
	}
#define HOMA_METRIC(name, unit, better, doc) \
	line(m, #name, c->name, doc " (" unit ", better: " better ")");
#include "uapi/homa_metrics.def"
#undef HOMA_METRIC
	/* Names that readers know for what is counted under others. */
	line(m, "requests_received", c->server_requests_done, "Requests received completely");
	line(m, "responses_received", c->client_responses_done, "Responses received completely");
	line(m, "unknown_packet_types", c->drops[HOMA_DROP_TYPE], "Packets of unknown types");
	line(m, "short_packets", c->drops[HOMA_DROP_SHORT], "Packets shorter than their headers");
#define DROP_LINE(name, text) \
	line(m, "drop_" #name, c->drops[HOMA_DROP_##name], "Packets dropped: " text);
	HOMA_DROP_REASONS(DROP_LINE)
#undef DROP_LINE
}

static int show(struct seq_file *m, void *unused)
{
	struct homa_metrics __percpu *metrics =
		(__force struct homa_metrics __percpu *)pde_data(file_inode(m->file));
	int cpu;

	/* Readers convert "cycles" by cpu_khz; our clock counts nanoseconds. */
	line(m, "time_cycles", ktime_get_ns(), "Time of this snapshot (monotonic clock, ns)");
	line(m, "cpu_khz", 1000000, "Rate of that clock, kHz");
	for_each_possible_cpu(cpu)
		show_cpu(m, cpu, per_cpu_ptr(metrics, cpu));
	return 0;
}

int homa_metrics_net_init(struct net *net, struct homa_metrics __percpu **metrics)
{
	*metrics = alloc_percpu(struct homa_metrics);
	if (!*metrics)
		return -ENOMEM;
	if (!proc_create_net_single(HOMA_METRICS_FILE, 0444, net->proc_net, show,
				    (__force void *)*metrics)) {
		free_percpu(*metrics);
		return -ENOMEM;
	}
	return 0;
}

void homa_metrics_net_exit(struct net *net, struct homa_metrics __percpu *metrics)
{
	remove_proc_entry(HOMA_METRICS_FILE, net->proc_net);
	free_percpu(metrics);
}
