/* SPDX-License-Identifier: Apache-2.0 */
/* Several messages with one call, and messages that others follow (MSG_MORE). */
#include "abi_test.h"

#include <stdio.h>
#include <sys/mman.h>

#define BATCH 40

/* Room for a sendmmsg or recvmmsg call. */
struct batch {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	union {
		struct homa_sendmsg_args send;
		struct homa_recvmsg_args recv;
	} args[BATCH];
	union endpoint_addr addr[BATCH];
};

static void make_sends(struct batch *b, const union endpoint_addr *to, size_t bytes)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ (void *)pattern_bytes(bytes), bytes };
		b->addr[i] = *to;
		b->args[i].send.completion_cookie = 1 + i;
		b->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &b->addr[i],
			.msg_namelen = endpoint_addr_bytes(to),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = &b->args[i],
		};
	}
}

static void make_receives(struct batch *b)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < BATCH; i++) {
		b->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &b->addr[i],
			.msg_namelen = sizeof(b->addr[i]),
			.msg_control = &b->args[i],
			.msg_controllen = sizeof(b->args[i].recv),
		};
	}
}

/* The server gets @count requests of @bytes bytes, and nothing else. */
static void expect_requests(const struct endpoint *server, int count, size_t bytes)
{
	struct received r = { 0 };

	for (int i = 0; i < count; i++) {
		receive(server, 0, &r);
		expect_pattern(server, &r, bytes);
	}
	EXPECT_ERR(endpoint_receive(server, 0, MSG_DONTWAIT, &r), EAGAIN);
}

static void more(const struct duo *d, const union endpoint_addr *to, size_t bytes)
{
	struct homa_sendmsg_args args = { 0 };

	EXPECT_OK(endpoint_request(&d->client, to, pattern_bytes(bytes), bytes, &args, MSG_MORE));
}

/* Sum of a counter of this namespace; sockets of another are of no interest. */
static unsigned long long metric(const char *name)
{
	FILE *file = fopen("/proc/net/homa_metrics", "re");
	unsigned long long sum = 0, value;
	char line[256], this[64];

	EXPECT(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %llu", this, &value) == 2 && !strcmp(this, name))
			sum += value;
	}
	fclose(file);
	return sum;
}

/* Requests, and then replies, with one call each. */
static void batch_echo(void)
{
	struct duo d = open_duo();
	struct received q[BATCH] = { 0 }, r = { 0 };
	bool answered[BATCH] = { false };
	struct batch b;

	make_sends(&b, &d.to, 100);
	EXPECT_EQ(sendmmsg(d.client.fd, b.msgs, BATCH, 0), BATCH);
	for (int i = 0; i < BATCH; i++)
		EXPECT(b.args[i].send.id && !(b.args[i].send.id & 1));
	for (int i = 0; i < BATCH; i++) {
		receive(&d.server, 0, &q[i]);
		expect_pattern(&d.server, &q[i], 100);
	}
	make_sends(&b, &q[0].from, 200);
	for (int i = 0; i < BATCH; i++)
		b.args[i].send = (struct homa_sendmsg_args){ .id = q[i].args.id };
	EXPECT_EQ(sendmmsg(d.server.fd, b.msgs, BATCH, 0), BATCH);
	for (int i = 0; i < BATCH; i++) {
		receive(&d.client, 0, &r);
		expect_pattern(&d.client, &r, 200);
		EXPECT(r.args.completion_cookie >= 1 && r.args.completion_cookie <= BATCH);
		EXPECT(!answered[r.args.completion_cookie - 1]);
		answered[r.args.completion_cookie - 1] = true;
	}
}

static void local_batch_is_bundled(void)
{
	unsigned long long sent = metric("tx_bundled"), received = metric("gro_bundled");
	struct duo d = open_duo();
	struct batch b;

	if (!same_host())
		skip("the receiver's counters are in another namespace");
	/* The route is known. */
	request(&d, 100, 0, 0);
	make_sends(&b, &d.to, 100);
	EXPECT_EQ(sendmmsg(d.client.fd, b.msgs, BATCH, 0), BATCH);
	expect_requests(&d.server, BATCH + 1, 100);
	/* Most of them, whatever the tick or another process has sent early. */
	EXPECT(metric("tx_bundled") - sent >= BATCH / 2);
	EXPECT(metric("gro_bundled") - received >= BATCH / 2);
}

/* What was accepted before an error arrives. */
static void batch_error_half_way(void)
{
	struct duo d = open_duo();
	struct batch b;

	make_sends(&b, &d.to, 100);
	endpoint_set_port(&b.addr[7], 0);
	EXPECT_EQ(sendmmsg(d.client.fd, b.msgs, BATCH, 0), 7);
	expect_requests(&d.server, 7, 100);
}

/* The same where the call ends without a word to the protocol. */
static void batch_fault_half_way(void)
{
	struct duo d = open_duo();
	struct batch b;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 7 * sizeof(struct mmsghdr);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);

	EXPECT(pages != MAP_FAILED);
	EXPECT_OK(munmap(pages + page, page));
	make_sends(&b, &d.to, 100);
	memcpy(pages + page - bytes, b.msgs, bytes);
	EXPECT_EQ(sendmmsg(d.client.fd, (struct mmsghdr *)(pages + page - bytes), BATCH, 0), 7);
	expect_requests(&d.server, 7, 100);
}

/* A hint that nothing follows delays a message and does not hold it for ever. */
static void more_alone(void)
{
	struct duo d = open_duo();

	for (int i = 0; i < 3; i++) {
		more(&d, &d.to, 100);
		expect_requests(&d.server, 1, 100);
	}
}

static void more_reply_alone(void)
{
	struct duo d = open_duo();
	struct received q = { 0 }, r = { 0 };
	struct homa_sendmsg_args args = { 0 };

	request(&d, 100, 0, 0);
	receive(&d.server, 0, &q);
	args.id = q.args.id;
	EXPECT_OK(endpoint_request(&d.server, &q.from, pattern_bytes(100), 100, &args, MSG_MORE));
	receive(&d.client, 0, &r);
	expect_pattern(&d.client, &r, 100);
}

/* To two servers in turn, by one socket. */
static void more_other_server(void)
{
	struct duo d = open_duo();
	struct endpoint other = server_open(REGION_BYTES);
	union endpoint_addr to_other = d.to;

	EXPECT_OK(endpoint_bind(&other, FAMILY, SERVER_PORT + 1));
	endpoint_set_port(&to_other, SERVER_PORT + 1);
	for (int i = 0; i < 10; i++) {
		more(&d, &d.to, 100);
		more(&d, &d.to, 100);
		more(&d, &to_other, 90);
	}
	expect_requests(&d.server, 20, 100);
	expect_requests(&other, 10, 90);
}

/* Messages of several packets, and those that fill one, among short ones. */
static void more_other_lengths(void)
{
	const size_t lengths[] = { 100, 100, 200000, 100, 1400, 1000, 1001, 100, 5000, 1 };
	const size_t count = sizeof(lengths) / sizeof(lengths[0]);
	struct duo d = open_duo();
	struct received r = { 0 };
	size_t got[sizeof(lengths) / sizeof(lengths[0])] = { 0 };

	for (size_t i = 0; i < count; i++)
		more(&d, &d.to, lengths[i]);
	for (size_t i = 0; i < count; i++) {
		receive(&d.server, 0, &r);
		expect_pattern(&d.server, &r, (size_t)r.length);
		for (size_t k = 0; k < count; k++) {
			if (lengths[k] == (size_t)r.length && ++got[k])
				break;
		}
	}
	for (size_t k = 0; k < count; k++)
		EXPECT_EQ(got[k], lengths[k] == 100 ? (k ? 0 : 4) : 1);
}

/* More than one bundle holds. */
static void more_many(void)
{
	struct duo d = open_duo();

	for (int i = 0; i < 300; i++)
		more(&d, &d.to, 900);
	expect_requests(&d.server, 300, 900);
}

/* The memory for messages ends while some are held. */
static void more_until_full(void)
{
	struct duo d = open_duo();
	struct homa_sendmsg_args args;
	int bytes = 1, sent = 0;

	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)));
	do {
		args = (struct homa_sendmsg_args){ 0 };
		errno = 0;
		if (endpoint_request(&d.client, &d.to, pattern_bytes(900), 900, &args,
				     MSG_MORE | MSG_DONTWAIT))
			break;
	} while (++sent < 10000);
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(sent);
	expect_requests(&d.server, sent, 900);
}

/* What was accepted is on its way when the socket goes. */
static void more_then_shutdown(void)
{
	struct duo d = open_duo();
	struct homa_sendmsg_args args = { 0 };
	struct received q = { 0 }, r = { 0 };

	request(&d, 100, 0, 0);
	receive(&d.server, 0, &q);
	args.id = q.args.id;
	EXPECT_OK(endpoint_request(&d.server, &q.from, pattern_bytes(100), 100, &args, MSG_MORE));
	EXPECT_OK(shutdown(d.server.fd, SHUT_RDWR));
	receive(&d.client, 0, &r);
	expect_pattern(&d.client, &r, 100);
}

static void more_then_close(void)
{
	struct duo d = open_duo();

	more(&d, &d.to, 100);
	more(&d, &d.to, 100);
	endpoint_close(&d.client);
	expect_requests(&d.server, 2, 100);
}

static void more_then_abort(void)
{
	struct duo d = open_duo();
	struct homa_abort_args all = { 0 };
	struct received q = { 0 }, r = { 0 };

	more(&d, &d.to, 100);
	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &all));
	request(&d, 200, 7, 0);
	receive(&d.server, 0, &q);
	if (q.length == 100)
		receive(&d.server, 0, &q);
	expect_pattern(&d.server, &q, 200);
	EXPECT_EQ(endpoint_reply(&d.server, &q.from, pattern_bytes(10), 10, q.args.id), 0);
	receive(&d.client, 0, &r);
	EXPECT_EQ(r.args.completion_cookie, 7);
}

/* recvmmsg() takes what has arrived; of an RPC that failed it tells with the next call. */
static void receive_batch(void)
{
	struct duo d = open_duo();
	struct homa_abort_args failure = { .error = ECANCELED };
	struct received q[3] = { 0 };
	uint64_t id[3];
	struct batch b;

	for (int i = 0; i < 3; i++) {
		id[i] = request(&d, 100, 1 + i, 0);
		receive(&d.server, 0, &q[i]);
		EXPECT_EQ(q[i].args.id, id[i] ^ 1);
	}
	failure.id = id[1];
	EXPECT_EQ(endpoint_reply(&d.server, &q[0].from, pattern_bytes(50), 50, q[0].args.id), 0);
	EXPECT(polled(&d.client, POLLIN, 10000) & POLLIN);
	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &failure));
	make_receives(&b);
	EXPECT_EQ(recvmmsg(d.client.fd, b.msgs, BATCH, MSG_WAITFORONE, NULL), 1);
	EXPECT_EQ(b.msgs[0].msg_len, 50);
	EXPECT_EQ(b.args[0].recv.id, id[0]);
	EXPECT_EQ(b.args[1].recv.id, id[1]);
	EXPECT_EQ(b.args[1].recv.completion_cookie, 2);
	EXPECT_EQ(endpoint_reply(&d.server, &q[2].from, pattern_bytes(60), 60, q[2].args.id), 0);
	make_receives(&b);
	EXPECT_ERR(recvmmsg(d.client.fd, b.msgs, BATCH, MSG_WAITFORONE, NULL), ECANCELED);
	make_receives(&b);
	EXPECT_EQ(recvmmsg(d.client.fd, b.msgs, BATCH, MSG_WAITFORONE, NULL), 1);
	EXPECT_EQ(b.msgs[0].msg_len, 60);
	EXPECT_EQ(b.args[0].recv.id, id[2]);
}

const struct abi_case batch_cases[] = {
	{ "batch_echo", batch_echo },
	{ "local_batch_is_bundled", local_batch_is_bundled },
	{ "batch_error_half_way", batch_error_half_way },
	{ "batch_fault_half_way", batch_fault_half_way },
	{ "more_alone", more_alone },
	{ "more_reply_alone", more_reply_alone },
	{ "more_other_server", more_other_server },
	{ "more_other_lengths", more_other_lengths },
	{ "more_many", more_many },
	{ "more_until_full", more_until_full },
	{ "more_then_shutdown", more_then_shutdown },
	{ "more_then_close", more_then_close },
	{ "more_then_abort", more_then_abort },
	{ "receive_batch", receive_batch },
	{ NULL, NULL },
};
