/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's administrator decides: who may freeze the recorder, which
 * device and route a socket has. The device other0 and the rule that forbids
 * packets with mark 7 are abi.sh's, hence the names.
 */
#include "abi_test.h"

#include <stdio.h>

#define OTHER_DEVICE "other0"
#define FORBIDDEN_MARK 7
#define NOBODY 65534

static int bind_device(const struct endpoint *ep, const char *device)
{
	return setsockopt(ep->fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device));
}

/* Succeeds; that it has no effect, control.sh looks at. */
static void freeze_without_privilege(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);

	EXPECT_OK(setuid(NOBODY));
	EXPECT_OK(ioctl(ep.fd, HOMAIOCFREEZE, NULL));
}

static void device_of_the_route(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	EXPECT_OK(bind_device(&d.client, "lo"));
	EXPECT_OK(bind_device(&d.server, "lo"));
	request(&d, 50000, 0, 0);
	serve_one(&d, 50000);
	receive(&d.client, 0, &r);
	expect_pattern(&d.client, &r, 50000);
}

static void device_of_others(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	EXPECT_OK(bind_device(&d.server, OTHER_DEVICE));
	request(&d, 100, 0, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
	EXPECT_EQ(info_of(&d.server, NULL, 0).num_rpcs, 0);
}

static void mark_chooses_the_route(void)
{
	struct duo d = open_duo();
	struct homa_sendmsg_args args = { 0 };
	int mark = FORBIDDEN_MARK;

	request(&d, 100, 0, 0);
	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	EXPECT_ERR(endpoint_request(&d.client, &d.to, "x", 1, &args, 0), EACCES);
	mark = 0;
	EXPECT_OK(setsockopt(d.client.fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	request(&d, 100, 0, 0);
}

/* Lines of the dump that begin with @what. */
static int dumped(const char *what)
{
	FILE *dump = fopen("/proc/net/homa", "r");
	char line[512];
	int count = 0;

	EXPECT(dump);
	while (fgets(line, sizeof(line), dump))
		count += !strncmp(line, what, strlen(what));
	fclose(dump);
	return count;
}

static void dump_hides_rpcs_of_others(void)
{
	struct duo d = open_duo();
	struct endpoint own;
	struct homa_sendmsg_args args = { 0 };
	struct received r = { 0 };

	request(&d, 100, 0, 0);
	receive(&d.server, 0, &r);
	EXPECT_EQ(dumped("socket "), 2);
	EXPECT_EQ(dumped("rpc "), 2);
	EXPECT_EQ(dumped("socket port=99 family="), 1);
	EXPECT_EQ(dumped("rpc id=1 "), 0);
	EXPECT_OK(setuid(NOBODY));
	EXPECT_EQ(dumped("socket "), 2);
	EXPECT_EQ(dumped("rpc "), 0);
	own = endpoint_open(FAMILY, 0);
	EXPECT_OK(endpoint_request(&own, &d.to, "x", 1, &args, 0));
	EXPECT_EQ(dumped("rpc "), 1);
}

/* Errors belong to RPCs: the socket has none, and poll() says so. */
static void no_error_of_the_socket(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	int error = -1;
	socklen_t bytes = sizeof(error);

	endpoint_set_port(&d.to, SERVER_PORT + 1);
	request(&d, 100, 0, 0);
	EXPECT_EQ(polled(&d.client, POLLIN | POLLERR | POLLHUP, 10000), POLLIN);
	EXPECT_OK(getsockopt(d.client.fd, SOL_SOCKET, SO_ERROR, &error, &bytes));
	EXPECT_EQ(error, 0);
	EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
}

const struct abi_case host_cases[] = {
	{ "freeze_without_privilege", freeze_without_privilege },
	{ "local_device_of_the_route", device_of_the_route },
	{ "local_device_of_others", device_of_others },
	{ "local_mark_chooses_the_route", mark_chooses_the_route },
	{ "local_dump_hides_rpcs_of_others", dump_hides_rpcs_of_others },
	{ "local_no_error_of_the_socket", no_error_of_the_socket },
	{ NULL, NULL },
};
