/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets each allocation and each access to user memory of a system call fail,
 * one after the other, until the call meets no more of them:
 *
 *   fault_walk ADDRESS     over the host's own ADDRESS (127.0.0.1, ::1)
 *
 * Whoever starts it has set /sys/kernel/debug/fail* so that only faults below
 * the module's code count. A call may fail with the errors of such faults and
 * no others, and whatever it met, an RPC over the same sockets must work
 * afterwards. One line a call: "ok NAME" or "not ok NAME: why", after the
 * number of faults it met; exit status 0 if all are ok, 2 if it cannot begin.
 */
#include "endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGION_BYTES (64 * HOMA_BPAGE_SIZE)
#define PORT 700
#define SHORT 100
#define LONG 200000
/* A call with more has no end; nor does one that takes so many seconds. */
#define MOST_FAULTS 1000
#define CALL_SECONDS 120

/* Two sockets of one host, and an RPC between them. */
struct scene {
	struct endpoint client, server;
	struct endpoint bare; /* without a region */
	size_t bytes;
	uint64_t id; /* as the client knows it */
	struct received request;
	unsigned int nth;
};

static union endpoint_addr self;
static unsigned char data[LONG];
static int control = -1; /* this thread's /proc/thread-self/fail-nth */
static int home = -1; /* network namespace */

static void die(const char *what)
{
	fprintf(stderr, "fault_walk: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* The @nth fault from now on happens; 0: none. */
static void arm(unsigned int nth)
{
	char text[16];
	int bytes = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(control, text, (size_t)bytes, 0) != bytes)
		die("/proc/thread-self/fail-nth");
}

/* Return: true if the fault has happened. */
static bool disarm(void)
{
	char text[16] = "";

	if (pread(control, text, sizeof(text) - 1, 0) <= 0)
		die("/proc/thread-self/fail-nth");
	arm(0);
	return strtoul(text, NULL, 10) == 0;
}

static int send_request(struct scene *s, const union endpoint_addr *to, size_t bytes, uint64_t *id)
{
	struct homa_sendmsg_args args = { .flags = HOMA_SENDMSG_PRIVATE };
	int result = endpoint_request(&s->client, to, data, bytes, &args, 0);

	*id = args.id;
	return result;
}

/* Serves until @id has been answered; others may have been left before. */
static void serve(struct scene *s, uint64_t id)
{
	struct received r = { 0 };

	do {
		if (endpoint_receive(&s->server, 0, 0, &r) > 0)
			endpoint_reply(&s->server, &r.from, data, (size_t)r.length, r.args.id);
	} while (r.args.id != (id ^ 1));
}

/* An RPC that must work. */
static const char *whole(struct scene *s)
{
	struct received r = { 0 };
	uint64_t id;

	if (send_request(s, &self, SHORT, &id))
		return "a request cannot be sent afterwards";
	serve(s, id);
	return endpoint_receive(&s->client, id, 0, &r) == SHORT ? NULL :
	       "no response afterwards";
}

/* ---- What comes before a call, and the calls: 0, or -1 and errno ---- */

static void sockets(struct scene *s)
{
	s->client = endpoint_open(self.sa.sa_family, REGION_BYTES);
	s->server = endpoint_open(self.sa.sa_family, REGION_BYTES);
	if (endpoint_bind(&s->server, self.sa.sa_family, PORT))
		die("bind");
}

static void bare_socket(struct scene *s)
{
	sockets(s);
	s->bare = endpoint_open(self.sa.sa_family, 0);
}

static void requested(struct scene *s)
{
	sockets(s);
	if (send_request(s, &self, s->bytes, &s->id))
		die("request");
}

static void served(struct scene *s)
{
	requested(s);
	if (endpoint_receive(&s->server, 0, 0, &s->request) < 0)
		die("receive the request");
}

static void answered(struct scene *s)
{
	served(s);
	if (endpoint_reply(&s->server, &s->request.from, data, s->bytes, s->request.args.id))
		die("reply");
}

static int call_socket(struct scene *s)
{
	s->bare.fd = socket(self.sa.sa_family, SOCK_DGRAM, IPPROTO_HOMA);
	return s->bare.fd < 0 ? -1 : 0;
}

static int call_region(struct scene *s)
{
	struct homa_rcvbuf_args args = { (uintptr_t)s->client.region, REGION_BYTES };

	return setsockopt(s->bare.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args));
}

static int call_request(struct scene *s)
{
	union endpoint_addr to = self;

	/* Another host each time, which is not known and has no route yet. */
	if (to.sa.sa_family == AF_INET)
		to.in4.sin_addr.s_addr += htonl(0x10000 + s->nth);
	return send_request(s, &to, s->bytes, &s->id);
}

static int call_receive_request(struct scene *s)
{
	return endpoint_receive(&s->server, 0, 0, &s->request) < 0 ? -1 : 0;
}

static int call_reply(struct scene *s)
{
	return endpoint_reply(&s->server, &s->request.from, data, s->bytes, s->request.args.id);
}

static int call_receive_response(struct scene *s)
{
	struct received r = { 0 };

	return endpoint_receive(&s->client, s->id, 0, &r) < 0 ? -1 : 0;
}

static int call_info(struct scene *s)
{
	struct homa_rpc_info rpcs[4];
	struct homa_info info = { .rpc_info = (uintptr_t)rpcs, .rpc_info_length = sizeof(rpcs) };

	return ioctl(s->client.fd, HOMAIOCINFO, &info);
}

static int call_abort(struct scene *s)
{
	struct homa_abort_args args = { .id = s->id, .error = 0 };

	return ioctl(s->client.fd, HOMAIOCABORT, &args);
}

static int call_namespace(struct scene *s)
{
	(void)s;
	return unshare(CLONE_NEWNET) ? -1 : setns(home, CLONE_NEWNET);
}

/* ---- What a call that failed with ENOMEM has left: NULL, or what is wrong ---- */

static const char *no_region(struct scene *s)
{
	struct homa_rcvbuf_args args;
	socklen_t bytes = sizeof(args);

	if (getsockopt(s->bare.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, &bytes) || args.length)
		return "a region that could not be set is there";
	return call_region(s) ? "the region cannot be set afterwards" : NULL;
}

static const char *no_rpc(struct scene *s)
{
	struct homa_info info = { 0 };

	return ioctl(s->client.fd, HOMAIOCINFO, &info) || info.num_rpcs ?
	       "the request left an RPC" : NULL;
}

static const char *unanswered(struct scene *s)
{
	struct received r = { 0 };

	if (call_reply(s))
		return "the reply cannot be sent again";
	return endpoint_receive(&s->client, s->id, 0, &r) == (ssize_t)s->bytes ? NULL :
	       "the second reply does not arrive";
}

static const char *no_matter(struct scene *s)
{
	(void)s;
	return NULL;
}

static const struct call {
	const char *name;
	size_t bytes;
	void (*before)(struct scene *s);
	int (*call)(struct scene *s);
	const char *(*left)(struct scene *s); /* NULL: it allocates nothing */
	bool of_core; /* only if named */
} calls[] = {
	{ "region", 0, bare_socket, call_region, no_region, false },
	{ "request_short", SHORT, sockets, call_request, no_rpc, false },
	{ "request_long", LONG, sockets, call_request, no_rpc, false },
	{ "receive_request_short", SHORT, requested, call_receive_request, NULL, false },
	{ "receive_request_long", LONG, requested, call_receive_request, NULL, false },
	{ "reply_short", SHORT, served, call_reply, unanswered, false },
	{ "reply_long", LONG, served, call_reply, unanswered, false },
	{ "receive_response_short", SHORT, answered, call_receive_response, NULL, false },
	{ "receive_response_long", LONG, answered, call_receive_response, NULL, false },
	{ "info", SHORT, requested, call_info, NULL, false },
	{ "abort", SHORT, requested, call_abort, NULL, false },
	{ "namespace", 0, sockets, call_namespace, no_matter, false },
	{ "socket", 0, sockets, call_socket, no_matter, true },
};

/* ---- The walk ---- */

/* A walk so far. */
struct steps {
	unsigned int faults; /* that were met */
	unsigned int without_memory; /* calls that failed with ENOMEM */
};

/* IP has errors of its own when it cannot make a route, and the core for files. */
static bool expected(const struct call *call, int error)
{
	if (error == ENFILE)
		return call->of_core;
	return error == EFAULT || (call->left && (error == ENOMEM || error == ENOBUFS));
}

/* One time with the fault number s->nth. Return: what is wrong, or NULL. */
static const char *once(const struct call *call, struct scene *s, struct steps *steps, bool *met)
{
	const char *why = NULL;
	int result, error;

	alarm(CALL_SECONDS);
	call->before(s);
	arm(s->nth);
	result = call->call(s);
	error = errno;
	*met = disarm();
	if (result < 0 && (!*met || !expected(call, error)))
		why = strerror(error);
	else if (result < 0 && error == ENOMEM)
		why = call->left(s);
	steps->faults += *met;
	steps->without_memory += result < 0 && error == ENOMEM;
	why = why ?: whole(s);
	endpoint_close(&s->client);
	endpoint_close(&s->server);
	endpoint_close(&s->bare);
	alarm(0);
	return why;
}

static bool walk(const struct call *call)
{
	struct steps steps = { 0 };
	const char *why = NULL;
	bool met = true;

	while (met && !why) {
		struct scene s = { .bytes = call->bytes, .nth = steps.faults + 1, .bare.fd = -1 };

		why = once(call, &s, &steps, &met);
		if (steps.faults > MOST_FAULTS)
			why = "no end";
	}
	if (!why && !steps.faults)
		why = "met no fault";
	if (!why && call->left && !steps.without_memory)
		why = "never failed with ENOMEM";
	printf("-- %s: %u faults, ENOMEM %u times\n", call->name, steps.faults, steps.without_memory);
	if (why)
		printf("not ok %s: fault %u: %s\n", call->name, steps.faults, why);
	else
		printf("ok %s\n", call->name);
	fflush(stdout);
	return !why;
}

int main(int argc, char **argv)
{
	const char *only = argc == 3 ? argv[2] : NULL;
	bool all = true, any = false;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: fault_walk ADDRESS [CALL]\n");
		return 2;
	}
	control = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (control < 0)
		die("/proc/thread-self/fail-nth (a kernel with fault injection is needed)");
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		die("/proc/self/ns/net");
	if (!endpoint_parse(argv[1], PORT, &self)) {
		fprintf(stderr, "fault_walk: not an address: %s\n", argv[1]);
		return 2;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (only ? strcmp(only, calls[i].name) : calls[i].of_core)
			continue;
		all = walk(&calls[i]) && all;
		any = true;
	}
	if (!any) {
		fprintf(stderr, "fault_walk: no such call: %s\n", only);
		return 2;
	}
	return !all;
}
