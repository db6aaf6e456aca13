/* SPDX-License-Identifier: Apache-2.0 */
/* ttdump: collects the flight recorder of this host, or shows a dump. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timetrace/reader.h>
#include <unistd.h>

#include "stream.h"
#include "text.h"

#define SOURCE "/proc/timetrace_raw"

static const char usage[] =
	"usage: ttdump FILE           copy the trace of this host to FILE\n"
	"       ttdump --stream FILE  go on with that until it is interrupted, without a limit of size\n"
	"       --seconds N           or for N seconds\n"
	"       ttdump --text [FILE]  print the records of FILE, or of this host\n"
	"       ttdump --info [FILE]  print origin, losses and number of records\n"
	"       --from SOURCE         copy from SOURCE instead of " SOURCE "\n";

static int die(const char *what, int err)
{
	if (err == ENOENT && !strcmp(what, SOURCE))
		fprintf(stderr, "ttdump: no %s: load timetrace.ko first\n", SOURCE);
	else
		fprintf(stderr, "ttdump: %s: %s\n", what, strerror(err));
	return 1;
}

/* 0 or an errno; *@blame is the file it belongs to. */
static int copy(const char *from, const char *to, const char **blame)
{
	static char buf[1 << 20];
	ssize_t n, put, done;
	int in, out;
	int err = 0;

	*blame = from;
	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return errno;
	*blame = to;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0) {
		err = errno;
		close(in);
		return err;
	}
	while (!err && (n = read(in, buf, sizeof(buf))) != 0) {
		if (n < 0) {
			*blame = from;
			err = errno;
			break;
		}
		for (done = 0; done < n && !err; done += put) {
			put = write(out, buf + done, n - done);
			if (put < 0)
				err = errno;
		}
	}
	close(in);
	if (close(out) && !err)
		err = errno;
	return err;
}

/* A line for each stage and CPU: how many, and half and 99 in 100 are below what. */
static void print_stages(const struct tt_reader *reader)
{
	static const uint32_t percents[] = { 50, 99 };
	struct tt_stage_counts counts;
	uint64_t total, below, low;
	uint32_t i, b, p;

	for (i = 0; !tt_histogram_at(reader, i, &counts); i++) {
		total = 0;
		for (b = 0; b < counts.buckets; b++)
			total += tt_histogram_count(reader, i, b, &low);
		printf("stage %s:%s cpu %u count %" PRIu64, counts.group, counts.stage, counts.cpu,
		       total);
		for (p = 0; p < 2; p++) {
			below = 0;
			for (b = 0; b + 1 < counts.buckets && below * 100 <= total * percents[p]; b++)
				below += tt_histogram_count(reader, i, b, &low);
			tt_histogram_count(reader, i, b, &low);
			printf(" p%u_ns %" PRIu64, percents[p], low);
		}
		printf("\n");
	}
}

/* What arrived must be a dump without damage; else nothing is left behind. */
static int collect(const char *from, const char *to)
{
	struct tt_reader *reader;
	const char *blame;
	char part[PATH_MAX];
	char text[256];
	int err;

	if ((size_t)snprintf(part, sizeof(part), "%s.part", to) >= sizeof(part))
		return die(to, ENAMETOOLONG);
	err = copy(from, part, &blame);
	if (err) {
		unlink(part);
		return die(blame == from ? from : to, err);
	}
	if (tt_open(part, &reader, text, sizeof(text))) {
		fprintf(stderr, "ttdump: %s\n", text);
		unlink(part);
		return 1;
	}
	err = tt_error(reader)[0];
	if (err)
		fprintf(stderr, "ttdump: %s: %s\n", from, tt_error(reader));
	tt_close(reader);
	if (!err && rename(part, to)) {
		err = 1;
		die(to, errno);
	}
	if (err)
		unlink(part);
	return err ? 1 : 0;
}

static int print(const char *path, int records)
{
	struct tt_reader *reader;
	struct tt_record record;
	uint64_t count = 0;
	char text[256];
	uint32_t i;
	int rc;

	if (!strcmp(path, SOURCE) && access(path, F_OK))
		return die(path, ENOENT);
	if (tt_open(path, &reader, text, sizeof(text))) {
		fprintf(stderr, "ttdump: %s\n", text);
		return 1;
	}
	tt_print_heading(stdout, reader);
	while ((rc = tt_next(reader, &record)) == 1) {
		count++;
		if (records)
			tt_print_record(stdout, reader, &record);
	}
	if (!records) {
		for (i = 0; i < tt_info(reader)->events; i++)
			if (tt_event(reader, i)->missing)
				printf("# this kernel has no %s\n", tt_event(reader, i)->name);
		print_stages(reader);
		printf("records %" PRIu64 "\n", count);
	}
	if (tt_error(reader)[0]) {
		fprintf(stderr, "ttdump: %s: %s\n", path, tt_error(reader));
		rc = -1;
	}
	tt_close(reader);
	if (fflush(stdout)) {
		fprintf(stderr, "ttdump: standard output: %s\n", strerror(errno));
		return 1;
	}
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "text", no_argument, NULL, 't' },
		{ "info", no_argument, NULL, 'i' },
		{ "stream", no_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "from", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *from = SOURCE;
	unsigned int seconds = 0;
	int mode = 0;
	char *end;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			from = optarg;
			break;
		case 't':
		case 'i':
		case 's':
			mode = opt;
			break;
		case 'n':
			seconds = (unsigned int)strtoul(optarg, &end, 10);
			if (!seconds || *end || *optarg == '-') {
				fprintf(stderr, "ttdump: --seconds %s: not a number above 0\n", optarg);
				return 2;
			}
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (argc - optind > 1 || ((!mode || mode == 's') && argc == optind) ||
	    (mode == 's') < !!seconds) {
		fputs(usage, stderr);
		return 2;
	}
	if (mode == 's')
		return stream_collect(argv[optind], seconds);
	if (mode)
		return print(argc > optind ? argv[optind] : from, mode == 't');
	return collect(from, argv[optind]);
}
