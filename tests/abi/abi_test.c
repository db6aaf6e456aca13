/* SPDX-License-Identifier: Apache-2.0 */
/*
 * abi_test [--list] [--only WORD] [--skip WORD]... [--reference] [--servers-in NETNS] ADDRESS
 *
 * Exercises the user interface of whatever Homa module is loaded, over the
 * host's own ADDRESS (127.0.0.1, ::1). One line a case: "ok NAME",
 * "not ok NAME: why" or "skip NAME: why"; then "N passed, N failed".
 *
 * Cases called local_* hold for this module and need not for others, whose
 * interface is the same otherwise: --reference leaves them out. Modules that
 * need a device with GRO cannot talk to themselves over loopback: --servers-in
 * opens serving sockets in that network namespace (/run/netns/h2), which has
 * ADDRESS.
 */
#include "abi_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Longest a case may take, seconds; generous for slow debug kernels. */
#define CASE_SECONDS 60

union endpoint_addr self;

static const char *current;

/* Network namespaces: ours, and that of the servers or -1. */
static int client_netns = -1, server_netns = -1;

void fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("not ok %s: %s:%d: ", current, strrchr(file, '/') ? strrchr(file, '/') + 1 : file,
	       line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

void skip(const char *why)
{
	printf("skip %s: %s\n", current, why);
	fflush(stdout);
	_exit(77);
}

bool same_host(void)
{
	return server_netns < 0;
}

struct endpoint server_open(size_t region_bytes)
{
	struct endpoint ep;

	if (server_netns >= 0)
		EXPECT_OK(setns(server_netns, CLONE_NEWNET));
	ep = endpoint_open(FAMILY, region_bytes);
	if (server_netns >= 0)
		EXPECT_OK(setns(client_netns, CLONE_NEWNET));
	return ep;
}

struct duo open_duo(void)
{
	struct duo d = {
		.server = server_open(REGION_BYTES),
		.client = endpoint_open(FAMILY, REGION_BYTES),
		.to = self,
	};

	EXPECT_OK(endpoint_bind(&d.server, FAMILY, SERVER_PORT));
	endpoint_set_port(&d.to, SERVER_PORT);
	return d;
}

const void *pattern_bytes(size_t bytes)
{
	static unsigned char buffer[HOMA_MAX_MESSAGE_LENGTH + 1];

	for (size_t k = 0; k < bytes; k++)
		buffer[k] = pattern(k);
	return buffer;
}

uint64_t request(const struct duo *d, size_t bytes, uint64_t cookie, uint32_t flags)
{
	struct homa_sendmsg_args args = { .completion_cookie = cookie, .flags = flags };

	EXPECT_EQ(endpoint_request(&d->client, &d->to, pattern_bytes(bytes), bytes, &args, 0), 0);
	EXPECT(args.id != 0);
	return args.id;
}

void receive(const struct endpoint *ep, uint64_t id, struct received *r)
{
	if (endpoint_receive(ep, id, 0, r) < 0)
		fail(__FILE__, __LINE__, "recvmsg: %s (id %llu)", strerrorname_np(errno),
		     (unsigned long long)r->args.id);
}

void serve_one(const struct duo *d, size_t bytes)
{
	struct received r = { 0 };

	receive(&d->server, 0, &r);
	EXPECT_EQ(endpoint_reply(&d->server, &r.from, pattern_bytes(bytes), bytes, r.args.id), 0);
}

void expect_pattern(const struct endpoint *ep, const struct received *r, size_t bytes)
{
	static unsigned char copy[HOMA_MAX_MESSAGE_LENGTH];
	const unsigned char *want = pattern_bytes(bytes);

	EXPECT_EQ(r->length, bytes);
	EXPECT_EQ(r->args.num_bpages, (bytes + HOMA_BPAGE_SIZE - 1) / HOMA_BPAGE_SIZE);
	for (uint32_t i = 0; i < r->args.num_bpages; i++) {
		size_t at = r->args.bpage_offsets[i];
		size_t left = bytes - (size_t)i * HOMA_BPAGE_SIZE;

		EXPECT(at < ep->region_bytes);
		if (left >= HOMA_BPAGE_SIZE)
			EXPECT_EQ(at % HOMA_BPAGE_SIZE, 0);
		else
			EXPECT(at % HOMA_BPAGE_SIZE + left <= HOMA_BPAGE_SIZE);
	}
	endpoint_copy(ep, r, copy);
	for (size_t k = 0; k < bytes; k++)
		if (copy[k] != want[k])
			fail(__FILE__, __LINE__, "byte %zu of %zu is %#x, expected %#x", k, bytes,
			     copy[k], want[k]);
}

static pid_t acted_on; /* getppid() may be abi_test itself, when the case has just ended */

void meanwhile(void (*action)(int arg), int arg)
{
	acted_on = getpid();
	fflush(stdout);
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != acted_on)
		_exit(0);
	for (int i = 0; i < CASE_SECONDS * 50; i++) {
		usleep(20000);
		action(arg);
	}
	_exit(0);
}

void shut_down(int fd)
{
	shutdown(fd, SHUT_RDWR);
}

void interrupt_parent(int unused)
{
	(void)unused;
	kill(acted_on, SIGUSR1);
}

void abort_all(int fd)
{
	struct homa_abort_args all = { 0 };

	ioctl(fd, HOMAIOCABORT, &all);
}

void *read_only_page(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(page != MAP_FAILED);
	return page;
}

short polled(const struct endpoint *ep, short events, int timeout_ms)
{
	struct pollfd p = { .fd = ep->fd, .events = events };

	EXPECT_OK(poll(&p, 1, timeout_ms));
	return p.revents;
}

struct homa_info info_of(const struct endpoint *ep, struct homa_rpc_info *rpcs, size_t count)
{
	struct homa_info info = {
		.rpc_info = (uintptr_t)rpcs,
		.rpc_info_length = count * sizeof(*rpcs),
	};

	EXPECT_OK(ioctl(ep->fd, HOMAIOCINFO, &info));
	return info;
}

static void ignore(int signal_number)
{
	(void)signal_number;
}

enum verdict { PASSED, FAILED, SKIPPED };

static enum verdict run(const struct abi_case *c)
{
	struct sigaction interrupt = { .sa_handler = ignore };
	int status;
	pid_t pid;

	current = c->name;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigaction(SIGUSR1, &interrupt, NULL);
		alarm(CASE_SECONDS);
		c->run();
		printf("ok %s\n", c->name);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		printf("not ok %s: cannot run it: %s\n", c->name, strerror(errno));
		return FAILED;
	}
	/* The helpers of meanwhile() have its sockets open until they are gone. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (WIFSIGNALED(status))
		printf("not ok %s: %s\n", c->name,
		       WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		return SKIPPED;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? PASSED : FAILED;
}

static bool wanted(const char *name, const char *only, const char *const *not, bool reference)
{
	for (; *not; not++)
		if (strstr(name, *not))
			return false;
	return strstr(name, only) && !(reference && !strncmp(name, "local_", 6));
}

int main(int argc, char **argv)
{
	const struct abi_case *tables[] = { socket_cases, message_cases, batch_cases, waiting_cases,
					    buffer_cases, control_cases, host_cases };
	const char *only = "", *address = NULL, *netns = NULL;
	const char *not[8] = { NULL };
	unsigned int count[3] = { 0 };
	bool list = false, reference = false;
	size_t skipped = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--list"))
			list = true;
		else if (!strcmp(argv[i], "--reference"))
			reference = true;
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
		else if (!strcmp(argv[i], "--skip") && i + 1 < argc && skipped < 7)
			not[skipped++] = argv[++i];
		else if (!strcmp(argv[i], "--servers-in") && i + 1 < argc)
			netns = argv[++i];
		else
			address = argv[i];
	}
	if (!list && (!address || !endpoint_parse(address, 0, &self))) {
		fprintf(stderr,
			"usage: abi_test [--list] [--only WORD] [--skip WORD]... [--reference]\n"
			"                [--servers-in NETNS] ADDRESS\n");
		return 2;
	}
	if (netns) {
		client_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		server_netns = open(netns, O_RDONLY | O_CLOEXEC);
		if (server_netns < 0) {
			perror(netns);
			return 2;
		}
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct abi_case *c = tables[t]; c->name; c++) {
			if (!wanted(c->name, only, not, reference))
				continue;
			if (list)
				printf("%s\n", c->name);
			else
				count[run(c)]++;
		}
	}
	if (list)
		return 0;
	printf("%u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
	return count[FAILED] || !count[PASSED];
}
