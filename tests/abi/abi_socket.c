/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: creation, ports, options, shutdown, calls that are not supported. */
#include "abi_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

static int other_family(void)
{
	return FAMILY == AF_INET ? AF_INET6 : AF_INET;
}

static void types(void)
{
	int fd, protocol = 0;
	socklen_t bytes = sizeof(protocol);

	EXPECT_OK(fd = socket(FAMILY, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_HOMA));
	EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_OK(fd = socket(FAMILY, SOCK_DGRAM, 0)); /* something else */
	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &bytes));
	EXPECT(protocol != IPPROTO_HOMA);
	fd = socket(FAMILY, SOCK_STREAM, IPPROTO_HOMA);
	EXPECT(fd == -1 && (errno == ESOCKTNOSUPPORT || errno == EPROTONOSUPPORT));
}

static void automatic_port(void)
{
	struct endpoint a = endpoint_open(FAMILY, 0), b = endpoint_open(FAMILY, 0);

	EXPECT(endpoint_port(&a) >= HOMA_MIN_DEFAULT_PORT);
	EXPECT(endpoint_port(&b) >= HOMA_MIN_DEFAULT_PORT);
	EXPECT(endpoint_port(&a) != endpoint_port(&b));
}

static void slow_ports_run_out(void)
{
	enum { PORTS = 65536 - HOMA_MIN_DEFAULT_PORT };
	struct rlimit limit = { PORTS + 100, PORTS + 100 };
	int last = -1, count = 0, fd;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		skip("not allowed to open so many files");
	while ((fd = socket(FAMILY, SOCK_DGRAM, IPPROTO_HOMA)) >= 0 && count++ < PORTS)
		last = fd;
	EXPECT_EQ(fd, -1);
	EXPECT_EQ(errno, EADDRNOTAVAIL);
	EXPECT(count > PORTS - 100); /* others have some */
	close(last);
	EXPECT_OK(socket(FAMILY, SOCK_DGRAM, IPPROTO_HOMA));
}

static void getsockname_family(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	union endpoint_addr addr;
	socklen_t bytes = sizeof(addr);

	EXPECT_OK(getsockname(ep.fd, &addr.sa, &bytes));
	EXPECT_EQ(addr.sa.sa_family, FAMILY);
	EXPECT_EQ(bytes, endpoint_addr_bytes(&addr));
}

static void listen_accept(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);

	EXPECT_ERR(listen(ep.fd, 1), EOPNOTSUPP);
	EXPECT_ERR(accept(ep.fd, NULL, NULL), EOPNOTSUPP);
}

static void socket_pair(void)
{
	int fds[2];

	EXPECT_ERR(socketpair(FAMILY, SOCK_DGRAM, IPPROTO_HOMA, fds), EOPNOTSUPP);
}

static void map(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ep.fd, 0);

	EXPECT(at == MAP_FAILED && errno == ENODEV);
}

static void stream_calls(void)
{
	struct endpoint ep = endpoint_open(FAMILY, REGION_BYTES);
	char c = 0;

	EXPECT_ERR(read(ep.fd, &c, 1), EINVAL);
	EXPECT_ERR(write(ep.fd, &c, 1), EINVAL);
	EXPECT_ERR(send(ep.fd, &c, 1, 0), EINVAL);
	EXPECT_ERR(recv(ep.fd, &c, 1, 0), EINVAL);
	EXPECT_ERR(recvfrom(ep.fd, &c, 1, 0, NULL, NULL), EINVAL);
	EXPECT_EQ(sendto(ep.fd, &c, 1, 0, &self.sa, endpoint_addr_bytes(&self)), -1);
	EXPECT(errno == EINVAL || errno == EFAULT);
}

static void connect_names_no_destination(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	union endpoint_addr to = self;
	struct homa_sendmsg_args args = { 0 };
	struct iovec iov = { .iov_base = &args, .iov_len = sizeof(args) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &args };

	endpoint_set_port(&to, SERVER_PORT);
	connect(ep.fd, &to.sa, endpoint_addr_bytes(&to));
	EXPECT_ERR(sendmsg(ep.fd, &msg, 0), EINVAL);
}

static int serving(const struct endpoint *ep)
{
	int value = -1;
	socklen_t bytes = sizeof(value);

	EXPECT_OK(getsockopt(ep->fd, IPPROTO_HOMA, SO_HOMA_SERVER, &value, &bytes));
	EXPECT_EQ(bytes, sizeof(value));
	return value;
}

static void bind_zero(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	uint16_t port = endpoint_port(&ep);

	EXPECT_EQ(endpoint_bind(&ep, FAMILY, 0), 0);
	EXPECT_EQ(endpoint_port(&ep), port);
	EXPECT_EQ(serving(&ep), 0);
}

static void bind_replaces_port_and_serves(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0), other = endpoint_open(FAMILY, 0);

	EXPECT_EQ(endpoint_bind(&ep, FAMILY, 1), 0);
	EXPECT_EQ(endpoint_port(&ep), 1);
	EXPECT_EQ(serving(&ep), 1);
	EXPECT_EQ(endpoint_bind(&ep, FAMILY, 32767), 0);
	EXPECT_EQ(endpoint_port(&ep), 32767);
	EXPECT_EQ(endpoint_bind(&ep, FAMILY, 32767), 0); /* its own */
	EXPECT_EQ(endpoint_bind(&other, FAMILY, 1), 0); /* given up */
}

static void bind_taken(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0), other = endpoint_open(FAMILY, 0);
	uint16_t port = endpoint_port(&other);

	EXPECT_EQ(endpoint_bind(&ep, FAMILY, SERVER_PORT), 0);
	EXPECT_ERR(endpoint_bind(&other, FAMILY, SERVER_PORT), EADDRINUSE);
	EXPECT_EQ(endpoint_port(&other), port);
	EXPECT_EQ(serving(&other), 0);
}

static void bind_taken_by_other_family(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0), other;

	other.fd = socket(other_family(), SOCK_DGRAM, IPPROTO_HOMA);
	if (other.fd < 0)
		return; /* a kernel without IPv6 */
	EXPECT_EQ(endpoint_bind(&ep, FAMILY, SERVER_PORT), 0);
	EXPECT_ERR(endpoint_bind(&other, other_family(), SERVER_PORT), EADDRINUSE);
}

static void bind_automatic_range(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);

	EXPECT_ERR(endpoint_bind(&ep, FAMILY, HOMA_MIN_DEFAULT_PORT), EINVAL);
	EXPECT_ERR(endpoint_bind(&ep, FAMILY, 65535), EINVAL);
}

static void bind_family(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	union endpoint_addr unspecific = { .sa.sa_family = AF_UNSPEC };

	EXPECT_ERR(endpoint_bind(&ep, other_family(), SERVER_PORT), EAFNOSUPPORT);
	EXPECT_ERR(bind(ep.fd, &unspecific.sa, sizeof(unspecific.in6)), EAFNOSUPPORT);
}

static void bind_short_address(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	union endpoint_addr addr = self;

	endpoint_set_port(&addr, SERVER_PORT);
	for (socklen_t bytes = 0; bytes < endpoint_addr_bytes(&addr); bytes++)
		EXPECT_ERR(bind(ep.fd, &addr.sa, bytes), EINVAL);
	EXPECT_EQ(serving(&ep), 0);
}

static void bind_ignores_address(void)
{
	struct duo d = open_duo();
	struct endpoint ep = server_open(REGION_BYTES);
	struct received r = { 0 };
	union endpoint_addr addr;

	EXPECT(endpoint_parse(FAMILY == AF_INET ? "203.0.113.9" : "2001:db8::9", 98, &addr));
	EXPECT_EQ(bind(ep.fd, &addr.sa, endpoint_addr_bytes(&addr)), 0);
	endpoint_set_port(&d.to, 98);
	request(&d, 10, 0, 0);
	receive(&ep, 0, &r);
	EXPECT_EQ(r.length, 10);
}

static void bind_after_shutdown(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);

	EXPECT_OK(shutdown(ep.fd, SHUT_RDWR));
	EXPECT_ERR(endpoint_bind(&ep, FAMILY, SERVER_PORT), ESHUTDOWN);
}

static void port_free_after_close(void)
{
	for (int i = 0; i < 20; i++) {
		struct endpoint ep = endpoint_open(FAMILY, 0);

		EXPECT_EQ(endpoint_bind(&ep, FAMILY, SERVER_PORT), 0);
		endpoint_close(&ep);
	}
}

static void port_free_after_shutdown(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0), other = endpoint_open(FAMILY, 0);

	EXPECT_EQ(endpoint_bind(&ep, FAMILY, SERVER_PORT), 0);
	EXPECT_OK(shutdown(ep.fd, SHUT_RDWR));
	EXPECT_EQ(endpoint_bind(&other, FAMILY, SERVER_PORT), 0);
}

static void option_server(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	int value = 7;

	EXPECT_EQ(serving(&ep), 0);
	EXPECT_OK(setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &value, sizeof(value)));
	EXPECT_EQ(serving(&ep), 1);
	value = 0;
	EXPECT_OK(setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &value, sizeof(value)));
	EXPECT_EQ(serving(&ep), 0);
}

static void option_server_errors(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	long long value = 1;
	socklen_t bytes = 3;

	EXPECT_ERR(setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &value, 3), EINVAL);
	EXPECT_ERR(setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &value, 8), EINVAL);
	EXPECT_ERR(setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_SERVER, (void *)8, 4), EFAULT);
	EXPECT_ERR(getsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &value, &bytes), EINVAL);
	EXPECT_ERR(getsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &value, NOWHERE), EFAULT);
	bytes = sizeof(int);
	EXPECT_ERR(getsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_SERVER, NOWHERE, &bytes), EFAULT);
	EXPECT_EQ(serving(&ep), 0);
}

/* Refused, it also bounces packets of RPCs it has begun. */
static void option_server_withdrawn(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	int no = 0, yes = 1;

	EXPECT_OK(setsockopt(d.server.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &no, sizeof(no)));
	request(&d, 100, 0, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
	EXPECT_OK(setsockopt(d.server.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &yes, sizeof(yes)));
	request(&d, 100, 0, 0);
	serve_one(&d, 10);
	receive(&d.client, 0, &r);
	EXPECT_EQ(r.length, 10);
	/* A client's own RPCs do not need it. */
	EXPECT_OK(setsockopt(d.client.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &no, sizeof(no)));
	request(&d, 100, 0, 0);
	serve_one(&d, 10);
	receive(&d.client, 0, &r);
}

static void option_unknown(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	int value = 1;
	socklen_t bytes = sizeof(value);

	EXPECT_ERR(setsockopt(ep.fd, IPPROTO_HOMA, 99, &value, bytes), ENOPROTOOPT);
	EXPECT_ERR(getsockopt(ep.fd, IPPROTO_HOMA, 99, &value, &bytes), ENOPROTOOPT);
	EXPECT_ERR(setsockopt(ep.fd, IPPROTO_TCP, SO_HOMA_SERVER, &value, bytes), ENOPROTOOPT);
	EXPECT_ERR(getsockopt(ep.fd, IPPROTO_TCP, SO_HOMA_SERVER, &value, &bytes), ENOPROTOOPT);
}

static void option_generic(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	int value = 0;
	socklen_t bytes = sizeof(value);

	EXPECT_OK(getsockopt(ep.fd, SOL_SOCKET, SO_PROTOCOL, &value, &bytes));
	EXPECT_EQ(value, IPPROTO_HOMA);
	value = 50000;
	EXPECT_OK(setsockopt(ep.fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
	EXPECT_OK(getsockopt(ep.fd, SOL_SOCKET, SO_SNDBUF, &value, &bytes));
	EXPECT_EQ(value, 100000); /* the kernel doubles it */
}

static void shutdown_any_way(void)
{
	for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
		struct endpoint ep = endpoint_open(FAMILY, REGION_BYTES);
		union endpoint_addr to = self;
		struct received r = { 0 };

		EXPECT_EQ(shutdown(ep.fd, how), 0);
		EXPECT_EQ(shutdown(ep.fd, how), 0);
		EXPECT_ERR(endpoint_receive(&ep, 0, 0, &r), ESHUTDOWN);
		endpoint_set_port(&to, SERVER_PORT);
		EXPECT_EQ(connect(ep.fd, &to.sa, endpoint_addr_bytes(&to)), -1); /* no port again */
		endpoint_close(&ep);
	}
}

static void shutdown_wakes_receiver(void)
{
	struct endpoint ep = endpoint_open(FAMILY, REGION_BYTES);
	struct received r = { 0 };

	meanwhile(shut_down, ep.fd);
	EXPECT_ERR(endpoint_receive(&ep, 0, 0, &r), ESHUTDOWN);
	EXPECT_EQ(r.args.id, 0);
}

static void shutdown_wakes_private_receiver(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint64_t id = request(&d, 100, 0, HOMA_SENDMSG_PRIVATE);

	meanwhile(shut_down, d.client.fd);
	EXPECT_ERR(endpoint_receive(&d.client, id, 0, &r), EINVAL);
}

static void shutdown_refuses_requests_but_not_replies(void)
{
	struct duo d = open_duo();
	struct homa_sendmsg_args args = { 0 };
	struct received r = { 0 };

	request(&d, 100, 0, 0);
	receive(&d.server, 0, &r);
	EXPECT_OK(shutdown(d.server.fd, SHUT_RDWR));
	EXPECT_EQ(endpoint_reply(&d.server, &r.from, "x", 1, r.args.id), 0);
	EXPECT_ERR(endpoint_request(&d.server, &d.to, "x", 1, &args, 0), ESHUTDOWN);
}

static void close_with_rpcs(void)
{
	for (int i = 0; i < 10; i++) {
		struct duo d = open_duo();

		for (int k = 0; k < 5; k++)
			request(&d, 300000, 0, 0);
		endpoint_close(i % 2 ? &d.server : &d.client);
		endpoint_close(i % 2 ? &d.client : &d.server);
	}
}

const struct abi_case socket_cases[] = {
	{ "socket_types", types },
	{ "socket_automatic_port", automatic_port },
	{ "slow_socket_ports_run_out", slow_ports_run_out },
	{ "socket_getsockname_family", getsockname_family },
	{ "socket_listen_accept", listen_accept },
	{ "socket_pair", socket_pair },
	{ "socket_mmap", map },
	{ "socket_stream_calls", stream_calls },
	{ "socket_connect_names_no_destination", connect_names_no_destination },
	{ "bind_zero", bind_zero },
	{ "bind_replaces_port_and_serves", bind_replaces_port_and_serves },
	{ "bind_taken", bind_taken },
	{ "bind_taken_by_other_family", bind_taken_by_other_family },
	{ "bind_automatic_range", bind_automatic_range },
	{ "bind_family", bind_family },
	{ "bind_short_address", bind_short_address },
	{ "bind_ignores_address", bind_ignores_address },
	{ "bind_after_shutdown", bind_after_shutdown },
	{ "port_free_after_close", port_free_after_close },
	{ "port_free_after_shutdown", port_free_after_shutdown },
	{ "option_server", option_server },
	{ "option_server_errors", option_server_errors },
	{ "option_server_withdrawn", option_server_withdrawn },
	{ "option_unknown", option_unknown },
	{ "option_generic", option_generic },
	{ "shutdown_any_way", shutdown_any_way },
	{ "shutdown_wakes_receiver", shutdown_wakes_receiver },
	{ "shutdown_wakes_private_receiver", shutdown_wakes_private_receiver },
	{ "shutdown_refuses_requests_but_not_replies", shutdown_refuses_requests_but_not_replies },
	{ "close_with_rpcs", close_with_rpcs },
	{ NULL, NULL },
};
