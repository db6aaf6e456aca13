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

static int call_region(struct scene *s)
{
	struct homa_rcvbuf_args args = { (uintptr_t)s->client.region, REGION_BYTES };
	int fd = socket(self.sa.sa_family, SOCK_DGRAM, IPPROTO_HOMA), result, error;

	if (fd < 0)
		return -1;
	result = setsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args));
	error = errno;
	close(fd);
	errno = error;
	return result;
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

static const struct call {
	const char *name;
	size_t bytes;
	void (*before)(struct scene *s);
	int (*call)(struct scene *s);
} calls[] = {
	{ "region", 0, sockets, call_region },
	{ "request_short", SHORT, sockets, call_request },
	{ "request_long", LONG, sockets, call_request },
	{ "receive_request_short", SHORT, requested, call_receive_request },
	{ "receive_request_long", LONG, requested, call_receive_request },
	{ "reply_short", SHORT, served, call_reply },
	{ "reply_long", LONG, served, call_reply },
	{ "receive_response_short", SHORT, answered, call_receive_response },
	{ "receive_response_long", LONG, answered, call_receive_response },
	{ "info", SHORT, requested, call_info },
	{ "abort", SHORT, requested, call_abort },
	{ "namespace", 0, sockets, call_namespace },
};

/* ---- The walk ---- */

static bool expected(int error) { return error == ENOMEM || error == ENOBUFS || error == EFAULT; }

/* One time with the fault number s->nth. Return: what is wrong, or NULL. */
static const char *once(const struct call *call, struct scene *s, bool *met)
{
	const char *why = NULL;
	int result, error;

	alarm(CALL_SECONDS);
	call->before(s);
	arm(s->nth);
	result = call->call(s);
	error = errno;
	*met = disarm();
	if (result < 0 && (!*met || !expected(error)))
		why = strerror(error);
	else
		why = whole(s);
	endpoint_close(&s->client);
	endpoint_close(&s->server);
	alarm(0);
	return why;
}

static bool walk(const struct call *call)
{
	const char *why = NULL;
	unsigned int faults = 0;
	bool met = true;

	while (met && !why) {
		struct scene s = { .bytes = call->bytes, .nth = faults + 1 };

		why = once(call, &s, &met);
		faults += met;
		if (faults > MOST_FAULTS)
			why = "no end";
	}
	if (!why && !faults)
		why = "met no fault";
	printf("-- %s: %u faults\n", call->name, faults);
	if (why)
		printf("not ok %s: fault %u: %s\n", call->name, faults, why);
	else
		printf("ok %s\n", call->name);
	fflush(stdout);
	return !why;
}

int main(int argc, char **argv)
{
	bool all = true;

	if (argc != 2) {
		fprintf(stderr, "usage: fault_walk ADDRESS\n");
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
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		all = walk(&calls[i]) && all;
	return !all;
}
