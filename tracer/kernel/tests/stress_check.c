/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stress_check DUMP COUNTS OTHERS: does the dump account for every record that
 * tt_stress.ko counted (COUNTS: text of /proc/tt_stress) and for as many of
 * OTHERS, with none torn, doubled or out of its order?
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timetrace/reader.h>

#define MAX_CPUS 64
#define CONTEXTS 3
#define MAX_COMPLAINTS 10

struct cpu {
	uint64_t counted[CONTEXTS]; /* by tt_stress.ko */
	uint64_t last[CONTEXTS]; /* sequence number */
	uint64_t skipped; /* sequence numbers that did not come */
	uint64_t decoded;
};

static struct cpu cpus[MAX_CPUS];
static unsigned int complaints;

static void complain(const struct tt_record *r, const char *what)
{
	if (complaints++ < MAX_COMPLAINTS)
		fprintf(stderr, "cpu %u at %" PRIu64 " ns: %s (sequence %" PRIu64 ")\n", r->cpu,
			r->time_ns, what, r->args[0]);
}

static void check(const struct tt_record *r)
{
	uint64_t sequence = r->args[0];
	struct cpu *cpu = &cpus[r->cpu];
	uint64_t *last;

	cpu->decoded++;
	if (r->args[1] >= CONTEXTS) {
		complain(r, "no such context");
		return;
	}
	last = &cpu->last[r->args[1]];
	if (sequence <= *last || sequence > cpu->counted[r->args[1]])
		complain(r, "doubled, out of order or invented");
	else
		cpu->skipped += sequence - *last - 1;
	*last = sequence;
	if ((r->nargs == 2) != (sequence & 1))
		complain(r, "record of the wrong event");
	else if (r->nargs == 6 &&
		 (r->args[2] != ~sequence || r->args[3] != (uint32_t)sequence ||
		  r->args[4] != (uint16_t)sequence ||
		  r->args[5] != (uint64_t)(int64_t)(int32_t)-(uint32_t)sequence))
		complain(r, "torn record");
}

static int read_counts(const char *path)
{
	FILE *from = fopen(path, "r");
	uint64_t n[CONTEXTS];
	unsigned int cpu;

	if (!from) {
		perror(path);
		return 1;
	}
	while (fscanf(from, "cpu %u thread %" SCNu64 " softirq %" SCNu64 " hardirq %" SCNu64 "\n",
		      &cpu, &n[0], &n[1], &n[2]) == 4 && cpu < MAX_CPUS)
		memcpy(cpus[cpu].counted, n, sizeof(n));
	fclose(from);
	return 0;
}

/* Counts of one CPU against the tracer's; @foreign: decoded records of others. How many others there were. */
static uint64_t settle(const struct tt_reader *r, uint32_t number, uint64_t foreign)
{
	struct cpu *cpu = &cpus[number];
	uint64_t counted = cpu->counted[0] + cpu->counted[1] + cpu->counted[2];
	uint64_t lost = 0;
	int reason;
	int i;

	for (reason = 0; reason < TT_LOSS_REASONS; reason++)
		lost += tt_lost(r, number, (enum tt_loss)reason);
	for (i = 0; i < CONTEXTS; i++)
		cpu->skipped += cpu->counted[i] - cpu->last[i];
	printf("cpu %u: counted %" PRIu64 " produced %" PRIu64 " decoded %" PRIu64, number,
	       counted, tt_produced(r, number), cpu->decoded);
	for (reason = 0; reason < TT_LOSS_REASONS; reason++)
		printf(" %s %" PRIu64, tt_loss_name((enum tt_loss)reason),
		       tt_lost(r, number, (enum tt_loss)reason));
	printf("\n");
	/* What was lost but is not missing here was of others. */
	if (counted != cpu->decoded + cpu->skipped || cpu->skipped > lost ||
	    tt_produced(r, number) != cpu->decoded + foreign + lost) {
		fprintf(stderr, "cpu %u: the counts do not add up (%" PRIu64 " never came)\n",
			number, cpu->skipped);
		complaints++;
	}
	return tt_produced(r, number) - counted;
}

int main(int argc, char **argv)
{
	uint64_t foreign[MAX_CPUS] = { 0 };
	struct tt_reader *r;
	struct tt_record record;
	uint64_t last_ns = 0;
	uint64_t others = 0;
	char err[256];
	uint32_t i;

	if (argc != 4) {
		fprintf(stderr, "usage: stress_check DUMP COUNTS OTHERS\n");
		return 2;
	}
	if (read_counts(argv[2]))
		return 1;
	if (tt_open(argv[1], &r, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	while (tt_next(r, &record) == 1) {
		if (record.cpu >= MAX_CPUS)
			complain(&record, "no such CPU");
		else if (!strncmp(tt_event(r, record.event)->name, "stress_", 7))
			check(&record);
		else
			foreign[record.cpu]++;
		if (record.time_ns < last_ns)
			complain(&record, "earlier than the record before it");
		last_ns = record.time_ns;
	}
	for (i = 0; i < tt_info(r)->cpus && i < MAX_CPUS; i++)
		others += settle(r, i, foreign[i]);
	if (others != strtoull(argv[3], NULL, 10)) {
		fprintf(stderr, "%" PRIu64 " records of others were produced, not %s\n", others, argv[3]);
		complaints++;
	}
	if (tt_error(r)[0]) {
		fprintf(stderr, "%s\n", tt_error(r));
		complaints++;
	}
	tt_close(r);
	printf("%s\n", complaints ? "FAIL" : "every record is accounted for");
	return complaints != 0;
}
