/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live_check SECONDS [latest]: reads the rings through their mapping while tt_stress.ko
 * records, for so long, and until it has seen any. No record may be torn, and
 * those of each context must come in order; latest: of blocks that are not full, too.
 *
 * live_check all: how many events there are in the rings now.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <timetrace/live.h>

#define MAX_CPUS 64
#define CONTEXTS 3

static uint64_t last[MAX_CPUS][CONTEXTS]; /* sequence numbers */

static const char *wrong(const struct tt_record *r)
{
	uint64_t sequence = r->args[0], context = r->args[1];

	if (context >= CONTEXTS)
		return "no such context";
	if (sequence <= last[r->cpu][context])
		return "doubled or out of order";
	last[r->cpu][context] = sequence;
	if ((r->nargs == 2) != (sequence & 1))
		return "record of the wrong event";
	if (r->nargs == 6 && (r->args[2] != ~sequence || r->args[3] != (uint32_t)sequence ||
			      r->args[4] != (uint16_t)sequence))
		return "torn record";
	return NULL;
}

static int count_all(struct tt_live *live)
{
	struct tt_record record;
	uint64_t events = 0;
	int rc;

	while ((rc = tt_live_latest(live, &record)) == 1)
		events++;
	tt_live_close(live);
	printf("%" PRIu64 "\n", events);
	return rc != 0;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { 0, 1000000 };
	uint64_t records = 0, missed = 0;
	struct tt_record record;
	struct tt_live *live;
	int latest = argc == 3 && !strcmp(argv[2], "latest");
	const char *why;
	char err[256];
	time_t end;
	uint32_t i;
	int rc;

	if (argc != 2 + latest) {
		fprintf(stderr, "usage: live_check SECONDS [latest], or live_check all\n");
		return 2;
	}
	if (tt_live_open(&live, err, sizeof(err))) {
		fprintf(stderr, "live_check: %s\n", err);
		return 1;
	}
	if (!strcmp(argv[1], "all"))
		return count_all(live);
	end = time(NULL) + atoi(argv[1]);
	while ((rc = latest ? tt_live_latest(live, &record) : tt_live_next(live, &record)) >= 0 &&
	       (!records || time(NULL) < end)) {
		if (!rc) {
			nanosleep(&pause, NULL);
			continue;
		}
		if (record.cpu >= MAX_CPUS ||
		    strncmp(tt_event(tt_live_reader(live), record.event)->name, "stress_", 7))
			continue;
		records++;
		why = wrong(&record);
		if (why) {
			fprintf(stderr, "live_check: cpu %u, sequence %" PRIu64 ": %s\n", record.cpu,
				record.args[0], why);
			return 1;
		}
	}
	if (rc < 0) {
		fprintf(stderr, "live_check: %s\n", strerror(-rc));
		return rc == -ESTALE ? 3 : 1;
	}
	for (i = 0; i < MAX_CPUS; i++)
		missed += tt_live_missed(live, i);
	tt_live_close(live);
	printf("live_check: %" PRIu64 " records, all whole; %" PRIu64 " blocks missed\n", records,
	       missed);
	return 0;
}
