/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

bool endpoint_parse(const char *text, uint16_t port, union endpoint_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, &addr->in4.sin_addr) == 1)
		addr->sa.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &addr->in6.sin6_addr) == 1)
		addr->sa.sa_family = AF_INET6;
	else
		return false;
	endpoint_set_port(addr, port);
	return true;
}

socklen_t endpoint_addr_bytes(const union endpoint_addr *addr)
{
	return addr->sa.sa_family == AF_INET ? sizeof(addr->in4) : sizeof(addr->in6);
}

void endpoint_set_port(union endpoint_addr *addr, uint16_t port)
{
	if (addr->sa.sa_family == AF_INET)
		addr->in4.sin_port = htons(port);
	else
		addr->in6.sin6_port = htons(port);
}

uint16_t endpoint_get_port(const union endpoint_addr *addr)
{
	return ntohs(addr->sa.sa_family == AF_INET ? addr->in4.sin_port : addr->in6.sin6_port);
}

struct endpoint endpoint_open(int family, size_t region_bytes)
{
	struct endpoint ep = { .region_bytes = region_bytes };
	struct homa_rcvbuf_args args;

	ep.fd = socket(family, SOCK_DGRAM, IPPROTO_HOMA);
	if (ep.fd < 0)
		die("socket (is homa.ko loaded?)");
	if (!region_bytes)
		return ep;
	ep.region = mmap(NULL, region_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ep.region == MAP_FAILED)
		die("mmap");
	args.start = (uintptr_t)ep.region;
	args.length = region_bytes;
	if (setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args)))
		die("setsockopt SO_HOMA_RCVBUF");
	return ep;
}

void endpoint_close(struct endpoint *ep)
{
	close(ep->fd);
	if (ep->region)
		munmap(ep->region, ep->region_bytes);
}

uint16_t endpoint_port(const struct endpoint *ep)
{
	union endpoint_addr addr;
	socklen_t bytes = sizeof(addr);

	if (getsockname(ep->fd, &addr.sa, &bytes))
		die("getsockname");
	return endpoint_get_port(&addr);
}

int endpoint_bind(const struct endpoint *ep, int family, uint16_t port)
{
	union endpoint_addr addr = { .sa.sa_family = (sa_family_t)family };

	endpoint_set_port(&addr, port);
	return bind(ep->fd, &addr.sa, endpoint_addr_bytes(&addr));
}

int endpoint_request(const struct endpoint *ep, const union endpoint_addr *to, const void *data,
		     size_t bytes, struct homa_sendmsg_args *args, int flags)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = bytes };
	struct msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = endpoint_addr_bytes(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = args,
	};

	return (int)sendmsg(ep->fd, &msg, flags);
}

int endpoint_reply(const struct endpoint *ep, const union endpoint_addr *to, const void *data,
		   size_t bytes, uint64_t id)
{
	struct homa_sendmsg_args args = { .id = id };

	return endpoint_request(ep, to, data, bytes, &args, 0);
}

ssize_t endpoint_receive(const struct endpoint *ep, uint64_t id, int flags, struct received *r)
{
	struct msghdr msg = {
		.msg_name = &r->from,
		.msg_namelen = sizeof(r->from),
		.msg_control = &r->args,
		.msg_controllen = sizeof(r->args),
	};

	r->args.id = id;
	r->args.reserved = 0;
	r->length = recvmsg(ep->fd, &msg, flags);
	r->from_bytes = msg.msg_namelen;
	r->controllen = msg.msg_controllen;
	return r->length;
}

void endpoint_copy(const struct endpoint *ep, const struct received *r, void *out)
{
	size_t done = 0, bytes = (size_t)r->length;
	unsigned char *to = out;

	for (unsigned int i = 0; done < bytes; i++) {
		size_t piece = bytes - done < HOMA_BPAGE_SIZE ? bytes - done : HOMA_BPAGE_SIZE;

		memcpy(to + done, ep->region + r->args.bpage_offsets[i], piece);
		done += piece;
	}
}
