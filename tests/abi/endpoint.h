/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Homa socket with its receive region, for test programs in C and C++.
 * Calls return what the system call returns and leave errno alone.
 */
#ifndef TESTS_ABI_ENDPOINT_H
#define TESTS_ABI_ENDPOINT_H

#include <homa.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

union endpoint_addr {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

struct endpoint {
	int fd;
	unsigned char *region; /* NULL without one */
	size_t region_bytes;
};

/* What one recvmsg call said. */
struct received {
	ssize_t length; /* or -1 and errno */
	struct homa_recvmsg_args args;
	union endpoint_addr from;
	socklen_t from_bytes;
	size_t controllen;
};

/* Parses @text ("10.0.1.2", "fd00:1::2"); false if it is no address. */
bool endpoint_parse(const char *text, uint16_t port, union endpoint_addr *addr);
socklen_t endpoint_addr_bytes(const union endpoint_addr *addr);
void endpoint_set_port(union endpoint_addr *addr, uint16_t port);
uint16_t endpoint_get_port(const union endpoint_addr *addr);

/* A socket of @family with a region of @region_bytes (0: none); dies if the
 * system refuses, since no test can go on then.
 */
struct endpoint endpoint_open(int family, size_t region_bytes);
void endpoint_close(struct endpoint *ep);

/* Port of the socket, or dies. */
uint16_t endpoint_port(const struct endpoint *ep);

/* Binds to @port of any address. */
int endpoint_bind(const struct endpoint *ep, int family, uint16_t port);

int endpoint_request(const struct endpoint *ep, const union endpoint_addr *to, const void *data,
		     size_t bytes, struct homa_sendmsg_args *args, int flags);
int endpoint_reply(const struct endpoint *ep, const union endpoint_addr *to, const void *data,
		   size_t bytes, uint64_t id);

/* Waits for a message or for the private RPC @id, giving back the bpages that
 * @r still names from the call before.
 */
ssize_t endpoint_receive(const struct endpoint *ep, uint64_t id, int flags, struct received *r);

/* Copies a received message out of the region. */
void endpoint_copy(const struct endpoint *ep, const struct received *r, void *out);

#ifdef __cplusplus
}
#endif

#endif
