/* SPDX-License-Identifier: Apache-2.0 */
/* Sending and receiving: ids, cookies, private RPCs, errors, send memory. */
#include "abi_test.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>

/* sendmsg with @tweak applied to an otherwise good request of 100 bytes. */
struct attempt {
	struct homa_sendmsg_args args;
	struct iovec iov;
	struct msghdr msg;
};

static struct attempt good_request(struct duo *d)
{
	return (struct attempt) {
		.iov = { .iov_base = (void *)pattern_bytes(100), .iov_len = 100 },
		.msg = {
			.msg_name = &d->to,
			.msg_namelen = endpoint_addr_bytes(&d->to),
			.msg_iovlen = 1,
		},
	};
}

static ssize_t attempt(const struct duo *d, struct attempt *a)
{
	a->msg.msg_iov = &a->iov;
	if (!a->msg.msg_control)
		a->msg.msg_control = &a->args;
	return sendmsg(d->client.fd, &a->msg, 0);
}

static void echo(void)
{
	const size_t sizes[] = { 1, 2, 99, 1403, 1404, 1405, 1423, 1424, 1425, 2848, 39999, 40000,
				 40001, 65535, 65536, 65537, 131072, 500000, 999999, 1000000 };
	struct duo d = open_duo();
	struct received q = { 0 }, r = { 0 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t id = request(&d, sizes[i], 1000 + i, 0);

		receive(&d.server, 0, &q);
		expect_pattern(&d.server, &q, sizes[i]);
		EXPECT_EQ(q.args.id, id ^ 1);
		EXPECT_EQ(q.args.completion_cookie, 0);
		EXPECT_EQ(endpoint_reply(&d.server, &q.from, pattern_bytes(sizes[i]), sizes[i],
					 q.args.id), 0);
		receive(&d.client, 0, &r);
		expect_pattern(&d.client, &r, sizes[i]);
		EXPECT_EQ(r.args.id, id);
		EXPECT_EQ(r.args.completion_cookie, 1000 + i);
	}
}

static void ids(void)
{
	struct duo d = open_duo();
	uint64_t seen[20];

	for (int i = 0; i < 20; i++) {
		seen[i] = request(&d, 10, 0, 0);
		EXPECT_EQ(seen[i] & 1, 0);
		for (int k = 0; k < i; k++)
			EXPECT(seen[k] != seen[i]);
	}
}

static void addresses(void)
{
	struct duo d = open_duo();
	struct received q = { 0 }, r = { 0 };

	request(&d, 100, 0, 0);
	memset(&q.from, 0xff, sizeof(q.from));
	receive(&d.server, 0, &q);
	EXPECT_EQ(q.from.sa.sa_family, FAMILY);
	EXPECT_EQ(endpoint_get_port(&q.from), endpoint_port(&d.client));
	EXPECT_EQ(q.from_bytes, endpoint_addr_bytes(&q.from));
	EXPECT_EQ(q.controllen, 0);
	if (FAMILY == AF_INET) {
		if (same_host())
			EXPECT_EQ(q.from.in4.sin_addr.s_addr, self.in4.sin_addr.s_addr);
		for (int i = 0; i < 8; i++)
			EXPECT_EQ(q.from.in4.sin_zero[i], 0);
	} else {
		if (same_host())
			EXPECT(!memcmp(&q.from.in6.sin6_addr, &self.in6.sin6_addr, 16));
		EXPECT_EQ(q.from.in6.sin6_flowinfo, 0);
		EXPECT_EQ(q.from.in6.sin6_scope_id, 0);
	}
	EXPECT_EQ(endpoint_reply(&d.server, &q.from, "x", 1, q.args.id), 0);
	receive(&d.client, 0, &r);
	EXPECT_EQ(endpoint_get_port(&r.from), SERVER_PORT);
	if (FAMILY == AF_INET)
		EXPECT_EQ(r.from.in4.sin_addr.s_addr, self.in4.sin_addr.s_addr);
	else
		EXPECT(!memcmp(&r.from.in6.sin6_addr, &self.in6.sin6_addr, 16));
}

/* IPv4 from a socket of IPv6: to a server of either family. */
static void mapped_addresses(void)
{
	const int families[] = { AF_INET, AF_INET6 };
	union endpoint_addr to;

	if (FAMILY != AF_INET6 || !same_host())
		skip("for IPv6 on one host");
	EXPECT(endpoint_parse("::ffff:127.0.0.1", SERVER_PORT, &to));
	for (int i = 0; i < 2; i++) {
		struct duo d = { .server = endpoint_open(families[i], REGION_BYTES),
				 .client = endpoint_open(AF_INET6, REGION_BYTES), .to = to };
		struct received q = { 0 }, r = { 0 };

		EXPECT_OK(endpoint_bind(&d.server, families[i], SERVER_PORT));
		request(&d, 3000, 0, 0);
		receive(&d.server, 0, &q);
		expect_pattern(&d.server, &q, 3000);
		EXPECT_EQ(q.from.sa.sa_family, families[i]);
		EXPECT_EQ(endpoint_reply(&d.server, &q.from, pattern_bytes(70000), 70000,
					 q.args.id), 0);
		receive(&d.client, 0, &r);
		expect_pattern(&d.client, &r, 70000);
		EXPECT(!memcmp(&r.from.in6.sin6_addr, &to.in6.sin6_addr, 16));
		endpoint_close(&d.server);
	}
}

/* A socket of IPv4 at the port does not get packets of IPv6. */
static void other_family_is_closed(void)
{
	struct duo d = open_duo();
	struct endpoint other;
	struct received r = { 0 };

	if (FAMILY != AF_INET6 || !same_host())
		skip("for IPv6 on one host");
	other = endpoint_open(AF_INET, REGION_BYTES);
	EXPECT_OK(endpoint_bind(&other, AF_INET, SERVER_PORT + 1));
	endpoint_set_port(&d.to, SERVER_PORT + 1);
	request(&d, 100, 0, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
}

static void gather(void)
{
	struct duo d = open_duo();
	struct received q = { 0 };
	struct homa_sendmsg_args args = { 0 };
	const unsigned char *data = pattern_bytes(3000);
	struct iovec iov[3] = { { (void *)data, 1 }, { (void *)(data + 1), 1999 },
				{ (void *)(data + 2000), 1000 } };
	struct msghdr msg = { .msg_name = &d.to, .msg_namelen = endpoint_addr_bytes(&d.to),
			      .msg_iov = iov, .msg_iovlen = 3, .msg_control = &args };

	EXPECT_EQ(sendmsg(d.client.fd, &msg, 0), 0);
	receive(&d.server, 0, &q);
	expect_pattern(&d.server, &q, 3000);
}

static void send_einval(void)
{
	struct duo d = open_duo();
	struct attempt a;

	a = good_request(&d);
	a.msg.msg_name = NULL;
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	a = good_request(&d);
	a.msg.msg_namelen--;
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	a = good_request(&d);
	a.msg.msg_namelen = 1;
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	a = good_request(&d);
	a.msg.msg_iov = &a.iov; /* no control block */
	EXPECT_ERR(sendmsg(d.client.fd, &a.msg, 0), EINVAL);
	a = good_request(&d);
	a.msg.msg_controllen = sizeof(a.args);
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	a = good_request(&d);
	a.args.flags = HOMA_SENDMSG_VALID_FLAGS + 1;
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	a = good_request(&d);
	a.args.reserved = 1;
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	a = good_request(&d);
	a.iov.iov_len = 0;
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	a = good_request(&d);
	a.iov.iov_len = HOMA_MAX_MESSAGE_LENGTH + 1;
	a.iov.iov_base = (void *)pattern_bytes(HOMA_MAX_MESSAGE_LENGTH + 1);
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 0);
	a = good_request(&d);
	EXPECT_EQ(attempt(&d, &a), 0);
}

static void send_efault(void)
{
	struct duo d = open_duo();
	struct attempt a = good_request(&d);

	a.msg.msg_control = NOWHERE;
	EXPECT_ERR(attempt(&d, &a), EFAULT);
	a = good_request(&d);
	a.msg.msg_control = read_only_page(); /* readable: a request; the id has nowhere to go */
	EXPECT_ERR(attempt(&d, &a), EFAULT);
	a = good_request(&d);
	a.iov.iov_base = NOWHERE;
	EXPECT_ERR(attempt(&d, &a), EFAULT);
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 0);
}

static void send_family(void)
{
	struct duo d = open_duo();
	struct attempt a = good_request(&d);
	union endpoint_addr other = { .sa.sa_family = FAMILY == AF_INET ? AF_INET6 : AF_INET };

	a.msg.msg_name = &other;
	a.msg.msg_namelen = sizeof(other.in6);
	EXPECT_ERR(attempt(&d, &a), EAFNOSUPPORT);
}

/* Loopback of a namespace of our own, with @mtu bytes. */
static void own_loopback(int mtu)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		skip("not allowed to make a network namespace");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_OK(ioctl(fd, SIOCSIFFLAGS, &request));
	request.ifr_mtu = mtu;
	EXPECT_OK(ioctl(fd, SIOCSIFMTU, &request));
	close(fd);
}

static void send_mtu_too_small(void)
{
	const int headers = 20 + 56; /* IP, Homa */
	struct received r = { 0 };
	struct attempt a;
	struct duo d;

	if (FAMILY != AF_INET || !same_host())
		skip("IPv6 has no such MTU");
	own_loopback(headers);
	d = open_duo();
	a = good_request(&d);
	EXPECT_ERR(attempt(&d, &a), EINVAL);
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 0);
	own_loopback(headers + 1);
	d = open_duo();
	request(&d, 50, 0, 0); /* byte by byte */
	receive(&d.server, 0, &r);
	expect_pattern(&d.server, &r, 50);
}

static void send_no_route(void)
{
	struct duo d = open_duo();
	struct attempt a = good_request(&d);

	EXPECT(endpoint_parse(FAMILY == AF_INET ? "203.0.113.9" : "2001:db8::9", 99, &d.to));
	EXPECT_EQ(attempt(&d, &a), -1);
	EXPECT(errno == ENETUNREACH || errno == EHOSTUNREACH);
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 0);
}

static void reply_rules(void)
{
	struct duo d = open_duo();
	struct homa_sendmsg_args args = { .completion_cookie = 1 };
	struct received q = { 0 }, r = { 0 };

	EXPECT_EQ(endpoint_reply(&d.server, &d.to, "x", 1, 123457), 0); /* no such RPC */
	request(&d, 100, 0, 0);
	receive(&d.server, 0, &q);
	args.id = q.args.id;
	EXPECT_ERR(endpoint_request(&d.server, &q.from, "x", 1, &args, 0), EINVAL);
	args.completion_cookie = 0;
	args.flags = HOMA_SENDMSG_PRIVATE; /* ignored here */
	EXPECT_EQ(endpoint_request(&d.server, &q.from, "x", 1, &args, 0), 0);
	receive(&d.client, 0, &r);
	EXPECT_EQ(r.length, 1);
}

static void reply_twice(void)
{
	struct duo d = open_duo();
	struct received q = { 0 }, r = { 0 };
	int second;

	request(&d, 100, 0, 0);
	receive(&d.server, 0, &q);
	EXPECT_EQ(endpoint_reply(&d.server, &q.from, pattern_bytes(5), 5, q.args.id), 0);
	/* EINVAL while the first is kept, 0 once it was acknowledged. */
	second = endpoint_reply(&d.server, &q.from, "xxxxxxx", 7, q.args.id);
	EXPECT(second == 0 || errno == EINVAL);
	receive(&d.client, 0, &r);
	expect_pattern(&d.client, &r, 5);
	EXPECT_ERR(endpoint_receive(&d.client, 0, MSG_DONTWAIT, &r), EAGAIN);
}

static void local_failed_reply_stays_answerable(void)
{
	struct duo d = open_duo();
	struct received q = { 0 }, r = { 0 };

	request(&d, 100, 0, 0);
	receive(&d.server, 0, &q);
	EXPECT_ERR(endpoint_reply(&d.server, &q.from, NOWHERE, 2000, q.args.id), EFAULT);
	EXPECT_ERR(endpoint_reply(&d.server, &q.from, "x", 0, q.args.id), EINVAL);
	EXPECT_ERR(endpoint_reply(&d.server, &q.from, pattern_bytes(HOMA_MAX_MESSAGE_LENGTH + 1),
				  HOMA_MAX_MESSAGE_LENGTH + 1, q.args.id), EINVAL);
	EXPECT_EQ(endpoint_reply(&d.server, &q.from, pattern_bytes(9), 9, q.args.id), 0);
	receive(&d.client, 0, &r);
	expect_pattern(&d.client, &r, 9);
	/* And the request was not handed out again. */
	EXPECT_EQ(polled(&d.server, POLLIN, 200), 0);
}

/* Nobody can ever receive it. */
static void local_response_without_region(void)
{
	struct duo d = open_duo();
	struct endpoint bare = endpoint_open(FAMILY, 0);
	struct homa_rcvbuf_args region = { (uintptr_t)d.client.region, REGION_BYTES };
	struct homa_sendmsg_args args = { .completion_cookie = 7 };
	struct received r = { 0 };

	EXPECT_OK(endpoint_request(&bare, &d.to, "x", 1, &args, 0));
	serve_one(&d, 9);
	EXPECT_EQ(polled(&bare, POLLIN, 5000), POLLIN);
	EXPECT_OK(setsockopt(bare.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, sizeof(region)));
	EXPECT_ERR(endpoint_receive(&bare, 0, MSG_DONTWAIT, &r), EINVAL);
	EXPECT(r.args.id == args.id && r.args.completion_cookie == 7);
	EXPECT_EQ(info_of(&bare, NULL, 0).num_rpcs, 0);
}

static void receive_einval(void)
{
	struct endpoint bare = endpoint_open(FAMILY, 0);
	struct duo d = open_duo();
	struct received r = { 0 };
	struct homa_recvmsg_args args = { 0 };
	struct msghdr msg = { 0 };
	uint64_t id;

	EXPECT_ERR(endpoint_receive(&bare, 0, MSG_DONTWAIT, &r), EINVAL); /* no region */
	EXPECT_ERR(recvmsg(d.server.fd, &msg, MSG_DONTWAIT), EINVAL);
	msg.msg_control = &args;
	msg.msg_controllen = sizeof(args) - 1;
	EXPECT_ERR(recvmsg(d.server.fd, &msg, MSG_DONTWAIT), EINVAL);
	msg.msg_controllen = sizeof(args);
	args.reserved = 1;
	EXPECT_ERR(recvmsg(d.server.fd, &msg, MSG_DONTWAIT), EINVAL);
	r.args.num_bpages = HOMA_MAX_BPAGES + 1;
	EXPECT_ERR(endpoint_receive(&d.server, 0, MSG_DONTWAIT, &r), EINVAL);
	r.args.num_bpages = 0;
	EXPECT_ERR(endpoint_receive(&d.client, 123456, MSG_DONTWAIT, &r), EINVAL); /* unknown */
	id = request(&d, 100, 0, 0);
	r.args.num_bpages = 0;
	EXPECT_ERR(endpoint_receive(&d.client, id, MSG_DONTWAIT, &r), EINVAL); /* not private */
	receive(&d.server, 0, &r);
	id = r.args.id;
	EXPECT_ERR(endpoint_receive(&d.server, id, MSG_DONTWAIT, &r), EINVAL); /* not a client */
}

static void receive_efault(void)
{
	struct duo d = open_duo();
	struct msghdr msg = { .msg_control = NOWHERE,
			      .msg_controllen = sizeof(struct homa_recvmsg_args) };

	EXPECT_ERR(recvmsg(d.server.fd, &msg, MSG_DONTWAIT), EFAULT);
	msg.msg_control = read_only_page();
	msg.msg_controllen = sizeof(struct homa_recvmsg_args);
	EXPECT_ERR(recvmsg(d.server.fd, &msg, MSG_DONTWAIT), EFAULT);
}

static void receive_nothing(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	EXPECT_ERR(endpoint_receive(&d.server, 0, MSG_DONTWAIT, &r), EAGAIN);
	EXPECT_EQ(r.args.id, 0);
	EXPECT_EQ(r.args.num_bpages, 0);
	EXPECT_OK(fcntl(d.server.fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(endpoint_receive(&d.server, 0, 0, &r), EAGAIN);
}

/* It answers nothing: without a region it cannot take the request. */
static void silent_server(void)
{
	struct duo d = open_duo();
	struct endpoint silent = server_open(0);
	struct received r = { 0 };
	uint64_t id;

	EXPECT_OK(endpoint_bind(&silent, FAMILY, SERVER_PORT + 1));
	endpoint_set_port(&d.to, SERVER_PORT + 1);
	id = request(&d, 100, 77, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ETIMEDOUT);
	EXPECT_EQ(r.args.id, id);
	EXPECT_EQ(r.args.completion_cookie, 77);
	EXPECT_EQ(r.args.num_bpages, 0);
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 0);
	id = request(&d, 100, 78, HOMA_SENDMSG_PRIVATE);
	EXPECT_ERR(endpoint_receive(&d.client, id, 0, &r), ETIMEDOUT);
	EXPECT_EQ(r.args.id, id);
}

static void closed_port(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t id;

	endpoint_set_port(&d.to, SERVER_PORT + 1);
	id = request(&d, 100, 77, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
	EXPECT_EQ(r.args.id, id);
	EXPECT_EQ(r.args.completion_cookie, 77);
	EXPECT_EQ(r.args.num_bpages, 0);
}

static void not_serving(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	int no = 0;

	endpoint_set_port(&d.to, endpoint_port(&d.client)); /* a client's port */
	request(&d, 100, 0, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
	EXPECT_OK(setsockopt(d.server.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &no, sizeof(no)));
	endpoint_set_port(&d.to, SERVER_PORT);
	request(&d, 100, 0, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
}

static void server_closes(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t id = request(&d, 100, 5, 0);

	receive(&d.server, 0, &r);
	endpoint_close(&d.server);
	r.args.num_bpages = 0;
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
	EXPECT_EQ(r.args.id, id);
	EXPECT_EQ(r.args.completion_cookie, 5);
}

static void private_rpc(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t first = request(&d, 100, 1, HOMA_SENDMSG_PRIVATE);
	uint64_t second = request(&d, 100, 2, HOMA_SENDMSG_PRIVATE);
	uint64_t shared = request(&d, 100, 3, 0);

	EXPECT_ERR(endpoint_receive(&d.client, first, MSG_DONTWAIT, &r), EAGAIN);
	EXPECT_EQ(r.args.id, 0);
	for (int i = 0; i < 3; i++)
		serve_one(&d, 50);
	receive(&d.client, 0, &r);
	EXPECT_EQ(r.args.id, shared); /* never a private one */
	receive(&d.client, second, &r);
	EXPECT_EQ(r.args.id, second);
	EXPECT_EQ(r.args.completion_cookie, 2);
	EXPECT_ERR(endpoint_receive(&d.client, 0, MSG_DONTWAIT, &r), EAGAIN);
	receive(&d.client, first, &r);
	EXPECT_EQ(r.args.id, first);
	EXPECT_EQ(r.args.completion_cookie, 1);
	EXPECT_ERR(endpoint_receive(&d.client, first, MSG_DONTWAIT, &r), EINVAL); /* over */
}

static void private_error(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t id;

	endpoint_set_port(&d.to, SERVER_PORT + 1);
	id = request(&d, 100, 9, HOMA_SENDMSG_PRIVATE);
	EXPECT_ERR(endpoint_receive(&d.client, id, 0, &r), ENOTCONN);
	EXPECT_EQ(r.args.id, id);
	EXPECT_EQ(r.args.completion_cookie, 9);
}

static void abort_reports_error(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t id = request(&d, 100, 6, 0);
	struct homa_abort_args args = { .id = id, .error = ECANCELED };

	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &args));
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ECANCELED);
	EXPECT_EQ(r.args.id, id);
	EXPECT_EQ(r.args.completion_cookie, 6);
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 0);
}

const struct abi_case message_cases[] = {
	{ "message_echo", echo },
	{ "message_ids", ids },
	{ "message_addresses", addresses },
	{ "message_gather", gather },
	{ "message_mapped_addresses", mapped_addresses },
	{ "message_other_family_is_closed", other_family_is_closed },
	{ "send_einval", send_einval },
	{ "send_efault", send_efault },
	{ "send_family", send_family },
	{ "send_no_route", send_no_route },
	{ "send_mtu_too_small", send_mtu_too_small },
	{ "reply_rules", reply_rules },
	{ "reply_twice", reply_twice },
	{ "local_failed_reply_stays_answerable", local_failed_reply_stays_answerable },
	{ "local_response_without_region", local_response_without_region },
	{ "receive_einval", receive_einval },
	{ "receive_efault", receive_efault },
	{ "receive_nothing", receive_nothing },
	{ "receive_silent_server", silent_server },
	{ "receive_closed_port", closed_port },
	{ "receive_not_serving", not_serving },
	{ "receive_server_closes", server_closes },
	{ "receive_aborted", abort_reports_error },
	{ "private_rpc", private_rpc },
	{ "private_error", private_error },
	{ NULL, NULL },
};
