/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in guests; see tests/system/app.sh.
 *
 * app_check write THREADS RECORDS RING_KIB [OPTION]: threads that record, and count themselves
 *	what they did: "thread TID counted N". Signals nest in it. OPTION:
 *	pause: each thread waits a little now and then; die: the process kills
 *	itself when all have written; fork: a child writes as much.
 * app_check verify DUMP COUNTS: is all of that in the dump, or counted there
 *	as lost, in order and whole?
 * app_check rings N: N threads with rings at the same time; how many records found none.
 * app_check refuse: descriptions that the tracer must refuse.
 * app_check hostile SECONDS SEED: writes nonsense into its shared memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <timetrace/app.h>
#include <timetrace/reader.h>
#include <unistd.h>

#define MAX_THREADS 512

TT_APP_EVENT(4, check, number, "number n of its thread",
	     u64, n, "count", u32, inverse, "count", u8, low, "count", s32, negative, "count")
TT_APP_EVENT(1, check, plain, "number n of its thread, without more", u64, n, "count")
TT_APP_EVENT(1, check, signal, "number n of the signal handler", u64, n, "count")

static __thread uint64_t signals;
static uint64_t counted[MAX_THREADS], tids[MAX_THREADS];
static uint64_t records;
static size_t left; /* threads at work */
static int pauses, dies;

static void handle(int number)
{
	(void)number;
	tt_record_signal(++signals);
}

static void *write_some(void *arg)
{
	size_t index = (size_t)arg;
	uint64_t n, args[1];
	sigset_t nested;

	sigemptyset(&nested);
	sigaddset(&nested, SIGUSR1);
	tids[index] = (uint64_t)gettid();
	for (n = 1; n <= records; n++) {
		args[0] = n;
		if (n % 3 == 0)
			tt_record_plain(n);
		else if (n % 3 == 1)
			tt_record(&tt_app_event_plain, args);
		else
			tt_record_number(n, ~(uint32_t)n, (uint8_t)n, -(int32_t)n);
		if (n == 1) /* before it has a ring the handler would find none */
			pthread_sigmask(SIG_UNBLOCK, &nested, NULL);
		if (pauses && n % 512 == 0)
			usleep(1000);
	}
	/* From here on the handler would come too late to be counted. */
	pthread_sigmask(SIG_BLOCK, &nested, NULL);
	counted[index] = records + signals;
	__atomic_sub_fetch(&left, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int write_all(size_t threads)
{
	struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
	pthread_t ids[MAX_THREADS];
	sigset_t blocked;
	size_t i;

	/* Threads begin so; this one takes none. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGUSR1, &action, NULL);
	left = threads;
	for (i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, write_some, (void *)i))
			return 1;
	while (__atomic_load_n(&left, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < threads; i++)
			pthread_kill(ids[i], SIGUSR1);
		usleep(2000);
	}
	for (i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	for (i = 0; i < threads; i++)
		printf("thread %" PRIu64 " counted %" PRIu64 "\n", tids[i], counted[i]);
	fflush(stdout);
	return 0;
}

static int start(size_t bytes)
{
	int err = tt_app_start(bytes);

	if (err)
		fprintf(stderr, "app_check: tt_app_start: %s\n", strerror(-err));
	return err ? 1 : 0;
}

static int run_write(int argc, char **argv)
{
	const char *option = argc > 5 ? argv[5] : "";
	size_t threads = strtoul(argv[2], NULL, 10);
	int status;

	if (threads > MAX_THREADS || start(strtoul(argv[4], NULL, 10) << 10))
		return 1;
	records = strtoull(argv[3], NULL, 10);
	pauses = !strcmp(option, "pause");
	dies = !strcmp(option, "die");
	if (!strcmp(option, "fork")) {
		/* The parent has a ring, too, which is not the child's. */
		write_some((void *)0);
		printf("thread %" PRIu64 " counted %" PRIu64 "\n", tids[0], counted[0]);
		fflush(stdout);
		if (!fork())
			_exit(write_some((void *)0) || printf("thread %" PRIu64 " counted %" PRIu64 "\n",
			      tids[0], counted[0]) < 0 || fflush(stdout));
		return wait(&status) < 0 || status;
	}
	if (write_all(threads))
		return 1;
	if (tt_app_dropped()) {
		fprintf(stderr, "app_check: %" PRIu64 " records found no ring\n", tt_app_dropped());
		return 1;
	}
	if (dies)
		raise(SIGKILL);
	return 0;
}

struct thread {
	uint64_t tid, counted;
	uint64_t last, last_signal, skipped, decoded;
};

static struct thread threads[MAX_THREADS];
static size_t nthreads;

static struct thread *find(uint64_t tid)
{
	size_t i;

	for (i = 0; i < nthreads; i++)
		if (threads[i].tid == tid)
			return &threads[i];
	return NULL;
}

static const char *wrong(struct thread *t, const struct tt_record *r, const char *name)
{
	uint64_t n = r->args[0];
	uint64_t *last = strcmp(name, "check:signal") ? &t->last : &t->last_signal;

	if (n <= *last)
		return "doubled or out of order";
	t->skipped += n - *last - 1;
	*last = n;
	t->decoded++;
	if (last == &t->last && !strcmp(name, "check:number") != (n % 3 == 2))
		return "record of the wrong event";
	if (r->nargs == 4 && (r->args[1] != (uint32_t)~n || r->args[2] != (uint8_t)n ||
			      r->args[3] != (uint64_t)-(int64_t)(int32_t)n))
		return "torn record";
	return NULL;
}

static int settle(const struct tt_reader *reader, uint32_t cpu)
{
	struct tt_thread owner;
	struct thread *t;
	uint64_t lost = 0;
	int reason;

	if (tt_thread_of(reader, cpu, &owner))
		return 0;
	t = find(owner.tid);
	if (!t)
		return 0;
	for (reason = 0; reason < TT_LOSS_REASONS; reason++)
		lost += tt_lost(reader, cpu, (enum tt_loss)reason);
	printf("ring %u thread %u (%s): counted %" PRIu64 " produced %" PRIu64 " decoded %" PRIu64,
	       cpu, owner.tid, owner.comm, t->counted, tt_produced(reader, cpu), t->decoded);
	for (reason = 0; reason < TT_LOSS_REASONS; reason++)
		printf(" %s %" PRIu64, tt_loss_name((enum tt_loss)reason),
		       tt_lost(reader, cpu, (enum tt_loss)reason));
	printf("\n");
	if (t->counted == tt_produced(reader, cpu) && t->counted == t->decoded + lost &&
	    t->skipped <= lost && !strcmp(owner.comm, "app_check")) {
		t->counted = 0;
		return 0;
	}
	fprintf(stderr, "ring %u: does not add up\n", cpu);
	return 1;
}

static int run_verify(char **argv)
{
	FILE *from = fopen(argv[3], "r");
	struct tt_reader *reader;
	struct tt_record record;
	struct tt_thread owner;
	uint64_t last_ns = 0;
	const char *name, *why;
	struct thread *t;
	char err[256];
	int bad = 0;
	uint32_t i;

	while (from && nthreads < MAX_THREADS &&
	       fscanf(from, "thread %" SCNu64 " counted %" SCNu64 "\n", &threads[nthreads].tid,
		      &threads[nthreads].counted) == 2)
		nthreads++;
	if (!nthreads || tt_open(argv[2], &reader, err, sizeof(err))) {
		fprintf(stderr, "app_check: %s\n", nthreads ? err : "nothing was counted");
		return 1;
	}
	while (tt_next(reader, &record) == 1) {
		name = tt_event(reader, record.event)->name;
		bad += record.time_ns < last_ns;
		last_ns = record.time_ns;
		t = tt_thread_of(reader, record.cpu, &owner) ? NULL : find(owner.tid);
		if (!t || strncmp(name, "check:", 6))
			continue;
		why = wrong(t, &record, name);
		if (why) {
			fprintf(stderr, "thread %u, number %" PRIu64 ": %s\n", owner.tid,
				record.args[0], why);
			bad++;
		}
	}
	for (i = 0; i < tt_info(reader)->cpus; i++)
		bad += settle(reader, i);
	for (i = 0; i < nthreads; i++)
		if (threads[i].counted) {
			fprintf(stderr, "thread %" PRIu64 ": not in the dump\n", threads[i].tid);
			bad++;
		}
	if (tt_error(reader)[0]) {
		fprintf(stderr, "%s\n", tt_error(reader));
		bad++;
	}
	printf("%s\n", bad ? "FAIL" : "every record is accounted for");
	return bad != 0;
}

static pthread_barrier_t all;

static void *one_record(void *arg)
{
	tt_record_plain((uint64_t)(size_t)arg);
	pthread_barrier_wait(&all);
	return NULL;
}

static int run_rings(char **argv)
{
	size_t n = strtoul(argv[2], NULL, 10);
	pthread_t id[MAX_THREADS];
	pthread_attr_t attr;
	size_t i;

	if (n > MAX_THREADS || start(12 << 10))
		return 1;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&all, NULL, (unsigned int)n);
	for (i = 0; i < n; i++)
		if (pthread_create(&id[i], &attr, one_record, (void *)(i + 1)))
			return 1;
	for (i = 0; i < n; i++)
		pthread_join(id[i], NULL);
	printf("dropped %" PRIu64 "\n", tt_app_dropped());
	return 0;
}

/* 0 when the tracer refuses an event called so. */
static int refused(int fd, const char *name, const char *group, uint8_t type, uint8_t nfields,
		   uint32_t cut)
{
	char entry[512] = { 0 };
	struct tt_dict_entry head = { .nfields = nfields, .types = { type } };
	struct tt_app_event_args args = { .entry = (uintptr_t)entry };
	size_t at = sizeof(head);

	memcpy(entry, &head, sizeof(head));
	at += (size_t)sprintf(entry + at, "%s", name) + 1;
	at += (size_t)sprintf(entry + at, "%s", group) + 1;
	at += (size_t)sprintf(entry + at, "doc") + 1;
	at += (size_t)sprintf(entry + at, "field") + 1;
	at += (size_t)sprintf(entry + at, "unit") + 1;
	args.bytes = (uint32_t)at - cut;
	if (ioctl(fd, TT_APP_ADD_EVENT, &args) < 0 && errno == EINVAL)
		return 0;
	fprintf(stderr, "accepted: '%s' of '%s'\n", name, group);
	return 1;
}

static int run_refuse(void)
{
	int fd = open("/proc/timetrace_app", O_RDWR);
	struct tt_app_event_args args = { .entry = 1, .bytes = 100 };
	int bad = fd < 0;

	bad += refused(fd, "homa_send_enter", "homa", 0, 1, 0);
	bad += refused(fd, "homa_send_enter", "app", 0, 1, 0);
	bad += refused(fd, "homa:send", "homa", 0, 1, 0);
	bad += refused(fd, ":send", "app", 0, 1, 0);
	bad += refused(fd, "a:", "app", 0, 1, 0);
	bad += refused(fd, "a:b:c", "app", 0, 1, 0);
	bad += refused(fd, "a:B", "app", 0, 1, 0);
	bad += refused(fd, "a:b\n", "app", 0, 1, 0);
	bad += refused(fd, "a:b", "app", TT_TYPES, 1, 0);
	bad += refused(fd, "a:b", "app", 0, TT_MAX_EVENT_FIELDS + 1, 0);
	bad += refused(fd, "a:b", "app", 0, 2, 0);
	bad += refused(fd, "a:b", "app", 0, 1, 1);
	bad += ioctl(fd, TT_APP_ADD_EVENT, &args) == 0 || errno != EFAULT;
	bad += ioctl(fd, TT_APP_ADD_EVENT, NULL) == 0 || errno != EFAULT;
	bad += ioctl(fd, 0x1234, &args) == 0 || errno != ENOTTY;
	bad += mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
	bad += mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
	bad += mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED;
	bad += mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096) != MAP_FAILED;
	bad += mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED;
	bad += mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
	bad += tt_app_start(1) != -EINVAL || tt_app_start(65536) || tt_app_start(65536) != -EBUSY;
	printf("%d accepted or wrongly refused\n", bad);
	return bad != 0;
}

/* Values that arithmetic may trip over. */
static uint64_t nasty(void)
{
	uint64_t r = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();

	switch (random() % 6) {
	case 0:
		return r;
	case 1:
		return r & 0xffff;
	case 2:
		return UINT64_MAX - (r & 0xffff);
	case 3:
		return (uint64_t)1 << (r % 64);
	case 4:
		return r % (1 << 20) * 4096 + r % 3;
	default:
		return 0;
	}
}

static int run_hostile(char **argv)
{
	time_t end = time(NULL) + atoi(argv[2]);
	size_t bytes = 65536, words = bytes / sizeof(uint64_t);
	int fd = open("/proc/timetrace_app", O_RDWR);
	volatile uint64_t *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	volatile struct tt_app_page *page = (volatile struct tt_app_page *)shared;
	unsigned int i;
	size_t at;

	if (shared == MAP_FAILED) {
		perror("app_check: /proc/timetrace_app");
		return 1;
	}
	srandom((unsigned int)atoi(argv[3]));
	tt_app_start(0);
	while (time(NULL) < end) {
		for (i = 0; i < 2000; i++) {
			/* Half of it keeps to what a writer does, so that there is something to get wrong. */
			at = random() % 2 ? (size_t)random() % words : 8 + (size_t)random() % 16;
			shared[at] = nasty();
			if (random() % 16 == 0) {
				page->generation = page->state >> TT_APP_GENERATION_SHIFT;
				page->base.block = 0;
				page->end = (uint64_t)random() % (1 << 20);
				page->opening = page->end / 4096;
			}
		}
		tt_record_plain(1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 5 && !strcmp(argv[1], "write"))
		return run_write(argc, argv);
	if (argc == 4 && !strcmp(argv[1], "verify"))
		return run_verify(argv);
	if (argc == 3 && !strcmp(argv[1], "rings"))
		return run_rings(argv);
	if (argc == 2 && !strcmp(argv[1], "refuse"))
		return run_refuse();
	if (argc == 4 && !strcmp(argv[1], "hostile"))
		return run_hostile(argv);
	fprintf(stderr, "usage: see app_check.c\n");
	return 2;
}
