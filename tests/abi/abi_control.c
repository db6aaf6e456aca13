/* SPDX-License-Identifier: Apache-2.0 */
/* ioctl and poll. */
#include "abi_test.h"

#include <sys/epoll.h>
#include <sys/select.h>

static void info_of_idle_socket(void)
{
	struct endpoint ep = endpoint_open(FAMILY, REGION_BYTES), bare = endpoint_open(FAMILY, 0);
	struct homa_info info = info_of(&ep, NULL, 0);

	EXPECT_EQ(info.port, endpoint_port(&ep));
	EXPECT_EQ(info.num_rpcs, 0);
	EXPECT_EQ(info.bpool_avail_bytes, REGION_BYTES);
	EXPECT_EQ(info.error_msg[0], 0);
	EXPECT_EQ(info_of(&bare, NULL, 0).bpool_avail_bytes, 0);
}

static void info_error_message(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	struct homa_info info;

	EXPECT_ERR(endpoint_bind(&ep, FAMILY, 40000), EINVAL);
	info = info_of(&ep, NULL, 0);
	EXPECT(info.error_msg[0]);
	EXPECT(memchr(info.error_msg, 0, sizeof(info.error_msg)));
	EXPECT_OK(endpoint_bind(&ep, FAMILY, 0)); /* success clears nothing */
	EXPECT(!strcmp(info_of(&ep, NULL, 0).error_msg, info.error_msg));
}

static void info_of_rpcs(void)
{
	struct duo d = open_duo();
	struct homa_rpc_info client[2], server[2];
	uint64_t id = request(&d, 500, 77, HOMA_SENDMSG_PRIVATE);
	union endpoint_addr peer;

	EXPECT_EQ(info_of(&d.client, client, 2).num_rpcs, 1);
	EXPECT_EQ(client[0].id, id);
	EXPECT_EQ(client[0].completion_cookie, 77);
	EXPECT_EQ(client[0].tx_length, 500);
	EXPECT_EQ(client[0].tx_sent, 500);
	EXPECT_EQ(client[0].tx_granted, 500);
	EXPECT_EQ(client[0].rx_length, -1);
	EXPECT_EQ(client[0].flags, HOMA_RPC_PRIVATE);
	memcpy(&peer, &client[0].peer, sizeof(peer));
	EXPECT_EQ(peer.sa.sa_family, FAMILY);
	EXPECT_EQ(endpoint_get_port(&peer), SERVER_PORT);

	EXPECT(polled(&d.server, POLLIN, 10000) & POLLIN);
	EXPECT_EQ(info_of(&d.server, server, 2).num_rpcs, 1);
	EXPECT_EQ(server[0].id, id ^ 1);
	EXPECT_EQ(server[0].completion_cookie, 0);
	EXPECT_EQ(server[0].tx_length, -1);
	EXPECT_EQ(server[0].rx_length, 500);
	EXPECT_EQ(server[0].rx_remaining, 0);
	EXPECT_EQ(server[0].rx_gaps, 0);
	memcpy(&peer, &server[0].peer, sizeof(peer));
	EXPECT_EQ(endpoint_get_port(&peer), endpoint_port(&d.client));
}

static void info_fills_only_what_fits(void)
{
	struct duo d = open_duo();
	struct homa_rpc_info rpcs[3];
	struct homa_info info = {
		.rpc_info = (uintptr_t)rpcs,
		.rpc_info_length = sizeof(rpcs[0]) * 2 - 1, /* one and a bit */
	};
	const unsigned char *rest = (const unsigned char *)&rpcs[1];

	for (int i = 0; i < 3; i++)
		request(&d, 100, 0, 0);
	memset(rpcs, 0xa5, sizeof(rpcs));
	EXPECT_OK(ioctl(d.client.fd, HOMAIOCINFO, &info));
	EXPECT_EQ(info.num_rpcs, 3);
	EXPECT_EQ(rpcs[0].tx_length, 100);
	for (size_t i = 0; i < 2 * sizeof(rpcs[0]); i++)
		EXPECT_EQ(rest[i], 0xa5);
}

static void info_errors(void)
{
	struct duo d = open_duo();
	struct homa_info info = { .rpc_info = 8, .rpc_info_length = sizeof(struct homa_rpc_info) };

	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCINFO, NOWHERE), EFAULT);
	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCINFO, read_only_page()), EFAULT);
	request(&d, 100, 0, 0);
	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCINFO, &info), EFAULT);
	EXPECT_OK(shutdown(d.client.fd, SHUT_RDWR));
	info.rpc_info = 0;
	info.rpc_info_length = 0;
	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCINFO, &info), ESHUTDOWN);
}

static void abort_errors(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	struct homa_abort_args args = { 0 };

	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCABORT, (void *)8), EFAULT);
	args._pad1 = 1;
	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCABORT, &args), EINVAL);
	args._pad1 = 0;
	args._pad2[1] = 1;
	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCABORT, &args), EINVAL);
	args._pad2[1] = 0;
	args.id = 123456;
	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCABORT, &args), EINVAL);
	request(&d, 100, 0, 0);
	receive(&d.server, 0, &r);
	args.id = r.args.id; /* a server RPC */
	EXPECT_ERR(ioctl(d.server.fd, HOMAIOCABORT, &args), EINVAL);
}

static void local_abort_error_must_exist(void)
{
	struct duo d = open_duo();
	struct homa_abort_args args = { .id = request(&d, 100, 0, 0), .error = 4096 };

	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCABORT, &args), EINVAL);
	args.error = 0xffffffff;
	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCABORT, &args), EINVAL);
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 1);
}

static void abort_discards(void)
{
	struct duo d = open_duo();
	struct homa_abort_args args = { 0 };
	struct received r = { 0 };

	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &args)); /* nothing to abort */
	args.id = request(&d, 100, 0, 0);
	request(&d, 100, 0, 0);
	request(&d, 100, 0, 0);
	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &args));
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 2);
	EXPECT_ERR(ioctl(d.client.fd, HOMAIOCABORT, &args), EINVAL);
	args.id = 0;
	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &args));
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, MSG_DONTWAIT, &r), EAGAIN);
}

static void abort_all_with_error(void)
{
	struct duo d = open_duo();
	struct homa_abort_args args = { .error = ECONNABORTED };
	struct received r = { 0 };
	uint64_t secret;

	request(&d, 100, 0, 0);
	request(&d, 100, 0, 0);
	secret = request(&d, 100, 0, HOMA_SENDMSG_PRIVATE);
	EXPECT_OK(ioctl(d.client.fd, HOMAIOCABORT, &args));
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ECONNABORTED);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ECONNABORTED);
	EXPECT_ERR(endpoint_receive(&d.client, 0, MSG_DONTWAIT, &r), EAGAIN);
	EXPECT_ERR(endpoint_receive(&d.client, secret, 0, &r), ECONNABORTED);
	EXPECT_EQ(r.args.id, secret);
}

static void other_ioctls(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	int value = 0;

	EXPECT_OK(ioctl(ep.fd, HOMAIOCFREEZE, NULL));
	EXPECT_EQ(ioctl(ep.fd, _IO('h', 0x9f), &value), -1);
	EXPECT(errno == EINVAL || errno == ENOTTY);
}

static void poll_idle(void)
{
	struct endpoint ep = endpoint_open(FAMILY, REGION_BYTES);

	EXPECT_EQ(polled(&ep, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM, 0),
		  POLLOUT | POLLWRNORM);
}

static void poll_request_and_response(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	request(&d, 100, 0, 0);
	EXPECT_EQ(polled(&d.server, POLLIN | POLLRDNORM, 10000), POLLIN | POLLRDNORM);
	serve_one(&d, 100);
	EXPECT_EQ(polled(&d.server, POLLIN, 0), 0);
	EXPECT_EQ(polled(&d.client, POLLIN | POLLRDNORM, 10000), POLLIN | POLLRDNORM);
	receive(&d.client, 0, &r);
	EXPECT_EQ(polled(&d.client, POLLIN, 0), 0);
}

static void poll_private(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t id = request(&d, 100, 0, HOMA_SENDMSG_PRIVATE);

	serve_one(&d, 100);
	EXPECT_EQ(polled(&d.client, POLLIN, 200), 0);
	receive(&d.client, id, &r);
}

static void poll_error(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	endpoint_set_port(&d.to, SERVER_PORT + 1);
	request(&d, 100, 0, 0);
	EXPECT(polled(&d.client, POLLIN, 10000) & POLLIN);
	EXPECT_ERR(endpoint_receive(&d.client, 0, MSG_DONTWAIT, &r), ENOTCONN);
}

static void poll_shutdown(void)
{
	struct endpoint ep = endpoint_open(FAMILY, REGION_BYTES);

	meanwhile(shut_down, ep.fd);
	EXPECT_EQ(polled(&ep, POLLIN | POLLRDNORM, -1), POLLIN);
}

static void epoll_messages(void)
{
	struct duo d = open_duo();
	struct epoll_event want = { .events = EPOLLIN }, got;
	int set = epoll_create1(0);
	struct received r = { 0 };

	EXPECT_OK(epoll_ctl(set, EPOLL_CTL_ADD, d.server.fd, &want));
	EXPECT_EQ(epoll_wait(set, &got, 1, 0), 0);
	for (int i = 0; i < 3; i++)
		request(&d, 100000, 0, 0);
	for (int taken = 0; taken < 3;) {
		EXPECT_EQ(epoll_wait(set, &got, 1, -1), 1);
		EXPECT(got.events & EPOLLIN);
		if (endpoint_receive(&d.server, 0, MSG_DONTWAIT, &r) > 0)
			taken++;
		else
			EXPECT_EQ(errno, EAGAIN); /* parts of a message only */
	}
	EXPECT_EQ(epoll_wait(set, &got, 1, 0), 0);
}

/* After one of several ready messages was taken, edges are signalled for the rest. */
static void epoll_edges(void)
{
	enum { MESSAGES = 3 };
	struct duo d = open_duo();
	struct epoll_event want = { .events = EPOLLIN | EPOLLET }, got;
	int set = epoll_create1(0);
	struct received r = { 0 };

	for (int i = 0; i < MESSAGES; i++)
		request(&d, 100, 0, 0);
	while (info_of(&d.server, NULL, 0).num_rpcs < MESSAGES)
		usleep(1000);
	EXPECT_OK(epoll_ctl(set, EPOLL_CTL_ADD, d.server.fd, &want));
	for (int i = 0; i < MESSAGES; i++) {
		EXPECT_EQ(epoll_wait(set, &got, 1, 10000), 1);
		receive(&d.server, 0, &r);
	}
	EXPECT_EQ(epoll_wait(set, &got, 1, 100), 0);
}

static void select_messages(void)
{
	struct duo d = open_duo();
	struct timeval at_once = { 0 }, patient = { .tv_sec = 30 };
	fd_set in, out;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(d.server.fd, &in);
	FD_SET(d.server.fd, &out);
	EXPECT_EQ(select(d.server.fd + 1, &in, &out, NULL, &at_once), 1);
	EXPECT(!FD_ISSET(d.server.fd, &in) && FD_ISSET(d.server.fd, &out));
	request(&d, 100, 0, 0);
	FD_SET(d.server.fd, &in);
	EXPECT_EQ(select(d.server.fd + 1, &in, NULL, NULL, &patient), 1);
	EXPECT(FD_ISSET(d.server.fd, &in));
}

const struct abi_case control_cases[] = {
	{ "info_of_idle_socket", info_of_idle_socket },
	{ "info_error_message", info_error_message },
	{ "info_of_rpcs", info_of_rpcs },
	{ "info_fills_only_what_fits", info_fills_only_what_fits },
	{ "info_errors", info_errors },
	{ "abort_errors", abort_errors },
	{ "local_abort_error_must_exist", local_abort_error_must_exist },
	{ "abort_discards", abort_discards },
	{ "abort_all_with_error", abort_all_with_error },
	{ "ioctl_others", other_ioctls },
	{ "poll_idle", poll_idle },
	{ "poll_request_and_response", poll_request_and_response },
	{ "poll_private", poll_private },
	{ "poll_error", poll_error },
	{ "poll_shutdown", poll_shutdown },
	{ "epoll_messages", epoll_messages },
	{ "epoll_edges", epoll_edges },
	{ "select_messages", select_messages },
	{ NULL, NULL },
};
