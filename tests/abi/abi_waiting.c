/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait: for messages, for send memory; what ends the wait. */
#include "abi_test.h"

#include <signal.h>
#include <sys/epoll.h>

static void receive_interrupted(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	meanwhile(interrupt_parent, 0);
	EXPECT_ERR(endpoint_receive(&d.server, 0, 0, &r), EINTR);
	EXPECT_EQ(r.args.id, 0);
}

/* A client whose send memory one unanswered request has used up. */
static struct duo exhausted(void)
{
	struct duo d = open_duo();
	int least = 1;

	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)));
	request(&d, 200000, 0, 0);
	return d;
}

static void memory_nonblocking(void)
{
	struct duo d = exhausted();
	struct homa_sendmsg_args args = { 0 };
	struct homa_abort_args all = { 0 };

	EXPECT_EQ(polled(&d.client, POLLOUT, 0), 0);
	EXPECT_ERR(endpoint_request(&d.client, &d.to, "x", 1, &args, MSG_DONTWAIT), EAGAIN);
	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &all));
	EXPECT(polled(&d.client, POLLOUT, 10000) & POLLOUT);
	EXPECT_EQ(endpoint_request(&d.client, &d.to, "x", 1, &args, MSG_DONTWAIT), 0);
}

static void memory_timeout(void)
{
	struct duo d = exhausted();
	struct homa_sendmsg_args args = { 0 };
	struct timeval limit = { .tv_usec = 50000 };

	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	EXPECT_ERR(endpoint_request(&d.client, &d.to, "x", 1, &args, 0), EAGAIN);
}

static void memory_interrupted(void)
{
	struct duo d = exhausted();
	struct homa_sendmsg_args args = { 0 };

	meanwhile(interrupt_parent, 0);
	EXPECT_ERR(endpoint_request(&d.client, &d.to, "x", 1, &args, 0), EINTR);
}

static void memory_shutdown(void)
{
	struct duo d = exhausted();
	struct homa_sendmsg_args args = { 0 };

	meanwhile(shut_down, d.client.fd);
	EXPECT_ERR(endpoint_request(&d.client, &d.to, "x", 1, &args, 0), ESHUTDOWN);
}

static void memory_returns_with_responses(void)
{
	struct duo d = exhausted();
	struct received r = { 0 };

	for (int i = 0; i < 5; i++) {
		serve_one(&d, 100);
		receive(&d.client, 0, &r);
		request(&d, 200000, 0, 0); /* blocks until the last one's memory is back */
	}
}

static void private_second_waiter(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t id = request(&d, 100, 0, HOMA_SENDMSG_PRIVATE);
	pid_t waiter = fork();
	int i;

	if (!waiter) {
		endpoint_receive(&d.client, id, 0, &r);
		_exit(0);
	}
	for (i = 0; i < 1000; i++) {
		EXPECT_EQ(endpoint_receive(&d.client, id, MSG_DONTWAIT, &r), -1);
		if (errno != EAGAIN)
			break;
		usleep(10000); /* the other is not waiting yet */
	}
	EXPECT_EQ(errno, EINVAL);
	kill(waiter, SIGKILL);
}

static void private_interrupted(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t id = request(&d, 100, 5, HOMA_SENDMSG_PRIVATE);

	meanwhile(interrupt_parent, 0);
	EXPECT_ERR(endpoint_receive(&d.client, id, 0, &r), EINTR);
	EXPECT_EQ(r.args.id, 0);
	/* It goes on, and can be waited for again. */
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 1);
	EXPECT_EQ(endpoint_receive(&d.client, id, MSG_DONTWAIT, &r), -1);
	EXPECT_EQ(errno, EAGAIN);
}

/* The reference ignores SO_RCVTIMEO. */
static void local_receive_timeout(void)
{
	struct duo d = open_duo();
	struct timeval limit = { .tv_usec = 50000 };
	struct received r = { 0 };
	uint64_t id = request(&d, 100, 7, HOMA_SENDMSG_PRIVATE);

	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), EAGAIN);
	EXPECT_EQ(r.args.id, 0);
	EXPECT_ERR(endpoint_receive(&d.client, id, 0, &r), EAGAIN);
	EXPECT_EQ(r.args.id, 0);
	serve_one(&d, 100);
	limit.tv_sec = 30;
	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	receive(&d.client, id, &r);
	EXPECT_EQ(r.args.completion_cookie, 7);
}

static void memory_reply(void)
{
	struct duo d = open_duo();
	struct homa_sendmsg_args args = { 0 };
	struct received first = { 0 }, q = { 0 }, r = { 0 };
	int least = 1;

	EXPECT_OK(setsockopt(d.server.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)));
	/* It cannot get all of the reply, and acknowledge it, before it receives. */
	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)));
	request(&d, 100, 1, 0);
	receive(&d.server, 0, &first);
	request(&d, 100, 2, 0);
	receive(&d.server, 0, &q);
	args.id = q.args.id;
	/* Soon the server asks for an acknowledgement of this reply. */
	EXPECT_EQ(endpoint_reply(&d.server, &first.from, pattern_bytes(200000), 200000,
				 first.args.id), 0);
	EXPECT_ERR(endpoint_request(&d.server, &q.from, "x", 1, &args, MSG_DONTWAIT), EAGAIN);
	receive(&d.client, 0, &r);
	EXPECT_EQ(r.args.completion_cookie, 1);
	/* With the acknowledgement the memory comes back; the request is still answerable. */
	EXPECT_EQ(endpoint_request(&d.server, &q.from, "x", 1, &args, 0), 0);
	receive(&d.client, 0, &r);
	EXPECT_EQ(r.args.completion_cookie, 2);
}

static void memory_poll(void)
{
	struct duo d = exhausted();

	EXPECT_EQ(polled(&d.client, POLLOUT | POLLWRNORM, 100), 0);
	meanwhile(abort_all, d.client.fd);
	EXPECT_EQ(polled(&d.client, POLLOUT | POLLWRNORM, -1), POLLOUT | POLLWRNORM);
}

/* A thread that makes one waiting call. */
struct waiter {
	pthread_t thread;
	const struct duo *duo;
	uint64_t id; /* of a private RPC, or 0 */
	int result; /* of the call */
	int error;
};

static void *wait_receive(void *arg)
{
	struct waiter *w = arg;
	struct received r = { 0 };

	w->result = (int)endpoint_receive(&w->duo->client, w->id, 0, &r);
	w->error = errno;
	return NULL;
}

static void *wait_send(void *arg)
{
	struct waiter *w = arg;
	struct homa_sendmsg_args args = { 0 };

	w->result = endpoint_request(&w->duo->client, &w->duo->to, "x", 1, &args, 0);
	w->error = errno;
	return NULL;
}

static void *wait_poll(void *arg)
{
	struct waiter *w = arg;

	w->result = polled(&w->duo->client, POLLIN | POLLRDNORM, -1);
	return NULL;
}

static void *wait_epoll(void *arg)
{
	struct waiter *w = arg;
	struct epoll_event want = { .events = EPOLLIN | EPOLLRDNORM }, got = { 0 };
	int set = epoll_create1(0);

	EXPECT_OK(epoll_ctl(set, EPOLL_CTL_ADD, w->duo->client.fd, &want));
	EXPECT_EQ(epoll_wait(set, &got, 1, -1), 1);
	w->result = (int)got.events;
	close(set);
	return NULL;
}

static void start(struct waiter *w, const struct duo *d, void *(*call)(void *), uint64_t id)
{
	*w = (struct waiter) { .duo = d, .id = id };
	EXPECT_EQ(pthread_create(&w->thread, NULL, call, w), 0);
}

static void expect_end(struct waiter *w, int result, int error)
{
	EXPECT_EQ(pthread_join(w->thread, NULL), 0);
	EXPECT_EQ(w->result, result);
	if (result < 0)
		EXPECT_EQ(w->error, error);
}

static void shutdown_wakes_everybody(void)
{
	enum { EACH = 3 };
	struct waiter shared[EACH], private[EACH], sender[EACH], poller[EACH], epoller[EACH];
	struct duo d = open_duo();
	uint64_t id[EACH];
	int least = 1;

	for (int i = 0; i < EACH; i++)
		id[i] = request(&d, 100, 0, HOMA_SENDMSG_PRIVATE);
	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)));
	request(&d, 200000, 0, 0);
	for (int i = 0; i < EACH; i++) {
		start(&shared[i], &d, wait_receive, 0);
		start(&private[i], &d, wait_receive, id[i]);
		start(&sender[i], &d, wait_send, 0);
		start(&poller[i], &d, wait_poll, 0);
		start(&epoller[i], &d, wait_epoll, 0);
	}
	usleep(200000); /* likely they all wait by then; if not, they fail at once */
	EXPECT_OK(shutdown(d.client.fd, SHUT_RDWR));
	for (int i = 0; i < EACH; i++) {
		expect_end(&shared[i], -1, ESHUTDOWN);
		expect_end(&private[i], -1, EINVAL);
		expect_end(&sender[i], -1, ESHUTDOWN);
		expect_end(&poller[i], POLLIN, 0);
		expect_end(&epoller[i], EPOLLIN, 0);
	}
}

static void each_waiter_gets_one(void)
{
	enum { WAITERS = 8 };
	struct waiter waiter[WAITERS];
	struct duo d = open_duo();

	for (int i = 0; i < WAITERS; i++)
		start(&waiter[i], &d, wait_receive, 0);
	for (int i = 0; i < WAITERS; i++)
		request(&d, 10, 0, 0);
	for (int i = 0; i < WAITERS; i++)
		serve_one(&d, (size_t)100 * WAITERS);
	for (int i = 0; i < WAITERS; i++)
		expect_end(&waiter[i], 100 * WAITERS, 0);
}

static void private_waiter_aborted(void)
{
	struct duo d = open_duo();
	struct homa_abort_args args = { .error = ECANCELED };
	struct waiter w;

	args.id = request(&d, 100, 0, HOMA_SENDMSG_PRIVATE);
	start(&w, &d, wait_receive, args.id);
	usleep(50000);
	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &args));
	expect_end(&w, -1, ECANCELED);
}

const struct abi_case waiting_cases[] = {
	{ "receive_interrupted", receive_interrupted },
	{ "private_interrupted", private_interrupted },
	{ "private_second_waiter", private_second_waiter },
	{ "private_waiter_aborted", private_waiter_aborted },
	{ "local_receive_timeout", local_receive_timeout },
	{ "receive_each_waiter_gets_one", each_waiter_gets_one },
	{ "memory_nonblocking", memory_nonblocking },
	{ "memory_timeout", memory_timeout },
	{ "memory_interrupted", memory_interrupted },
	{ "memory_shutdown", memory_shutdown },
	{ "memory_returns_with_responses", memory_returns_with_responses },
	{ "memory_reply", memory_reply },
	{ "memory_poll", memory_poll },
	{ "shutdown_wakes_everybody", shutdown_wakes_everybody },
	{ NULL, NULL },
};
