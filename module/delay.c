// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delays at named points. The parameter "delay" is a list of
 *
 *   POINT=NS         always so long
 *   POINT=random:NS  anything from 0 to that, equally likely
 *   POINT=NS/kb      for each 1000 bytes, at the points that know of how many
 *   seed=N           of what is random; begins again with each write
 *
 * and replaces what was set before. The n-th delay of a point depends on the
 * seed, the point and n alone. What was done is in debugfs, homa/delays, and
 * not in the traces: there it would be part of what is measured.
 */

#include <linux/bottom_half.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kernel_stat.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/wait_bit.h>
#include "delay.h"
#include "uapi/homa_wire.h"

#define HOMA_DELAY_MOST_NS 10000000
#define HOMA_DELAY_MOST_NS_PER_KB 10000
/* Between two looks at the clock. */
#define HOMA_DELAY_STEP_NS 1000
#define HOMA_DELAY_LOG 4096 /* a power of two */

DEFINE_STATIC_KEY_FALSE(homa_delay_key);

static const char *const point_names[] = {
#define DELAY_NAME(name) #name,
	HOMA_DELAY_POINTS(DELAY_NAME)
#undef DELAY_NAME
};

/**
 * struct delay_setting - what a point does
 * @ns: how long, 0: nothing.
 * @random: or anything less.
 * @per_kb: for each 1000 bytes.
 */
struct delay_setting {
	u32 ns;
	bool random;
	bool per_kb;
};

/**
 * struct delay_record - a delay that was made
 * @number: of the delay from 1 on; written last, 0: not valid.
 * @time_ns: CLOCK_MONOTONIC when it began.
 * @id: RPC.
 * @wanted_ns: as drawn.
 * @took_ns: by the clock.
 * @point: where.
 * @cpu: on which.
 */
struct delay_record {
	u64 number;
	u64 time_ns;
	u64 id;
	u32 wanted_ns;
	u32 took_ns;
	u16 point;
	u16 cpu;
};

/* Writers are serialized by the lock of the kernel's parameters. */
static struct delay_setting settings[HOMA_DELAYS];
static u64 seed = 1;
static atomic64_t drawn[HOMA_DELAYS];

static struct delay_record *log;
static atomic64_t logged;
static struct dentry *folder;

/* Number of the softirq that had the last packet. */
static DEFINE_PER_CPU(unsigned int, last_softirq);

/* The n-th value of a sequence of 64-bit words without a pattern (splitmix64). */
static u64 scramble(u64 n)
{
	n *= 0x9e3779b97f4a7c15ull;
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9ull;
	n = (n ^ n >> 27) * 0x94d049bb133111ebull;
	return n ^ n >> 31;
}

/* In steps that pass time also where it stands still unless one waits for it. */
static u64 spin_until(u64 end_ns)
{
	u64 now_ns;

	while ((now_ns = ktime_get_ns()) < end_ns)
		ndelay(min_t(u64, end_ns - now_ns, HOMA_DELAY_STEP_NS));
	return now_ns;
}

static void note(enum homa_delay_point point, u64 id, u32 wanted_ns, u64 begin_ns, u64 end_ns)
{
	u64 number = atomic64_inc_return(&logged);
	struct delay_record *record = &log[number & (HOMA_DELAY_LOG - 1)];

	WRITE_ONCE(record->number, 0);
	smp_wmb(); /* a reader sees that the rest changes */
	record->time_ns = begin_ns;
	record->id = id;
	record->wanted_ns = wanted_ns;
	record->took_ns = end_ns - begin_ns;
	record->point = point;
	record->cpu = raw_smp_processor_id();
	/* Pairs with the acquiring read in delays_show(). */
	smp_store_release(&record->number, number);
}

void homa_delay_now(enum homa_delay_point point, u64 id, u32 bytes)
{
	u32 ns = READ_ONCE(settings[point].ns);
	u64 begin_ns;

	if (!ns)
		return;
	if (READ_ONCE(settings[point].random)) {
		u64 n = atomic64_inc_return(&drawn[point]);

		/* Scrambled first: the next seed's must not be the same values one later. */
		ns = scramble(scramble(seed + ((u64)point << 56)) + n) % ((u64)ns + 1);
	} else if (READ_ONCE(settings[point].per_kb)) {
		ns = div_u64((u64)ns * bytes, 1000);
	}
	/* A kernel in virtual time cannot pass time in a softirq that has
	 * interrupted passing time.
	 */
	if (IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		local_bh_disable();
	begin_ns = ktime_get_ns();
	note(point, id, ns, begin_ns, spin_until(begin_ns + ns));
	if (IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		local_bh_enable();
}

void homa_delay_packet_now(u64 id)
{
	int cpu = raw_smp_processor_id();
	unsigned int softirq = kstat_softirqs_cpu(NET_RX_SOFTIRQ, cpu);

	if (this_cpu_read(last_softirq) != softirq) {
		this_cpu_write(last_softirq, softirq);
		homa_delay_now(HOMA_DELAY_softirq, id, 0);
	}
	homa_delay_now(HOMA_DELAY_input, id, 0);
}

static atomic_t unsent; /* packets that have tx_done() */
static bool delays_tx; /* some had */

static void tx_done(struct sk_buff *skb)
{
	const struct homa_common_hdr *h = (void *)skb_transport_header(skb);
	u64 id = 0;

	if (skb_transport_header_was_set(skb) && (u8 *)(h + 1) <= skb_tail_pointer(skb))
		id = be64_to_cpu(h->sender_id);
	homa_delay_now(HOMA_DELAY_tx_done, id, 0);
	if (atomic_dec_and_test(&unsent))
		wake_up_var(&unsent);
}

void homa_delay_tx_now(struct sk_buff *skb)
{
	if (!READ_ONCE(settings[HOMA_DELAY_tx_done].ns) || skb->destructor)
		return;
	WRITE_ONCE(delays_tx, true);
	atomic_inc(&unsent);
	skb->destructor = tx_done;
}

void homa_delay_tx_cut(struct sk_buff *skb, struct sk_buff *last)
{
	if (skb->destructor == tx_done)
		swap(skb->destructor, last->destructor);
}

static int parse_word(char *word, struct delay_setting *to, u64 *new_seed)
{
	char *value = strchr(word, '='), *unit = NULL;
	struct delay_setting setting = {};
	int point, err;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (!strcmp(word, "seed"))
		return kstrtou64(value, 0, new_seed);
	point = match_string(point_names, HOMA_DELAYS, word);
	if (point < 0)
		return -EINVAL;
	if (!strncmp(value, "random:", strlen("random:"))) {
		setting.random = true;
		value += strlen("random:");
	} else if (point <= HOMA_DELAY_copy_in) {
		unit = strchr(value, '/');
	}
	if (unit) {
		if (strcmp(unit, "/kb"))
			return -EINVAL;
		*unit = '\0';
		setting.per_kb = true;
	}
	err = kstrtou32(value, 0, &setting.ns);
	if (!err && setting.ns > (setting.per_kb ? HOMA_DELAY_MOST_NS_PER_KB : HOMA_DELAY_MOST_NS))
		err = -ERANGE;
	if (!err)
		to[point] = setting;
	return err;
}

static int set_delays(const char *text, const struct kernel_param *unused)
{
	struct delay_setting wanted[HOMA_DELAYS] = {};
	char *copy = kstrdup(text, GFP_KERNEL), *rest = copy, *word;
	bool any = false;
	u64 new_seed = 1;
	int i, err = 0;

	if (!copy)
		return -ENOMEM;
	while (!err && (word = strsep(&rest, " \t\n,"))) {
		if (*word)
			err = parse_word(word, wanted, &new_seed);
	}
	kfree(copy);
	if (err)
		return err;
	if (!log)
		log = vzalloc(array_size(HOMA_DELAY_LOG, sizeof(*log)));
	if (!log)
		return -ENOMEM;
	WRITE_ONCE(seed, new_seed);
	for (i = 0; i < HOMA_DELAYS; i++) {
		atomic64_set(&drawn[i], 0);
		WRITE_ONCE(settings[i].random, wanted[i].random);
		WRITE_ONCE(settings[i].per_kb, wanted[i].per_kb);
		WRITE_ONCE(settings[i].ns, wanted[i].ns);
		any |= wanted[i].ns;
	}
	if (any)
		static_branch_enable(&homa_delay_key);
	else
		static_branch_disable(&homa_delay_key);
	return 0;
}

static int get_delays(char *buf, const struct kernel_param *unused)
{
	int at = scnprintf(buf, PAGE_SIZE, "seed=%llu", seed), i;

	for (i = 0; i < HOMA_DELAYS; i++) {
		if (settings[i].ns)
			at += scnprintf(buf + at, PAGE_SIZE - at, " %s=%s%u%s", point_names[i],
					settings[i].random ? "random:" : "", settings[i].ns,
					settings[i].per_kb ? "/kb" : "");
	}
	return at + scnprintf(buf + at, PAGE_SIZE - at, "\n");
}

static const struct kernel_param_ops delay_ops = { .set = set_delays, .get = get_delays };
module_param_cb(delay, &delay_ops, NULL, 0600);
MODULE_PARM_DESC(delay, "Delays for measurements: \"POINT=NS POINT=random:NS POINT=NS/kb\"");

static int delays_show(struct seq_file *m, void *unused)
{
	u64 last = atomic64_read(&logged), number;

	seq_puts(m, "# number time_ns cpu point rpc_id wanted_ns took_ns\n");
	for (number = last > HOMA_DELAY_LOG ? last - HOMA_DELAY_LOG + 1 : 1; number <= last;
	     number++) {
		const struct delay_record *from = &log[number & (HOMA_DELAY_LOG - 1)];
		struct delay_record copy;

		/* Pairs with the release in note(). */
		if (smp_load_acquire(&from->number) != number)
			continue;
		copy = *from;
		smp_rmb(); /* pairs with the barrier in note() */
		/* Overwritten meanwhile. */
		if (READ_ONCE(from->number) != number)
			continue;
		seq_printf(m, "%llu %llu %u %s %llu %u %u\n", number, copy.time_ns, copy.cpu,
			   point_names[copy.point], copy.id, copy.wanted_ns, copy.took_ns);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(delays);

void homa_delay_init(void)
{
	folder = debugfs_create_dir("homa", NULL);
	debugfs_create_file("delays", 0400, folder, NULL, &delays_fops);
}

/* Nobody but devices passes a point any more. */
void homa_delay_exit(void)
{
	if (delays_tx) {
		wait_var_event(&unsent, !atomic_read(&unsent));
		synchronize_rcu_tasks(); /* the last tx_done() has ended */
	}
	debugfs_remove_recursive(folder);
	vfree(log);
	log = NULL;
}
