/* SPDX-License-Identifier: Apache-2.0 */
/* What client and server of the example have in common: a Homa socket that can receive. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <arpa/inet.h>
#include <homa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Room for messages; at least 64 KiB for every CPU and 2 MB more. */
#define REGION_BYTES ((size_t)64 << 20)

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Returns a socket; *@region is where its messages arrive. */
static inline int open_socket(char **region)
{
	struct homa_rcvbuf_args args = { .length = REGION_BYTES };
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_HOMA);

	if (fd < 0)
		die("socket (is homa.ko loaded?)");
	*region = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*region == MAP_FAILED)
		die("mmap");
	args.start = (uintptr_t)*region;
	if (setsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args)))
		die("SO_HOMA_RCVBUF");
	return fd;
}

/* Sends the pieces of @iov: a request if args->id is 0, else the reply to that request. */
static inline int send_message(int fd, struct sockaddr_in *peer, struct iovec *iov, size_t count,
			       struct homa_sendmsg_args *args)
{
	struct msghdr msg = {
		.msg_name = peer,
		.msg_namelen = sizeof(*peer),
		.msg_iov = iov,
		.msg_iovlen = count,
		.msg_control = args,
	};

	return (int)sendmsg(fd, &msg, 0);
}

/* Gives back the bpages that @args names and waits for a message; its length or -1. */
static inline ssize_t receive_message(int fd, struct sockaddr_in *peer,
				      struct homa_recvmsg_args *args)
{
	struct msghdr msg = {
		.msg_name = peer,
		.msg_namelen = sizeof(*peer),
		.msg_control = args,
		.msg_controllen = sizeof(*args),
	};

	args->id = 0;
	return recvmsg(fd, &msg, 0);
}

/* Describes a received message by one piece for each bpage; returns their number. */
static inline size_t pieces(char *region, const struct homa_recvmsg_args *args, size_t bytes,
			    struct iovec iov[HOMA_MAX_BPAGES])
{
	for (uint32_t i = 0; i < args->num_bpages; i++) {
		iov[i].iov_base = region + args->bpage_offsets[i];
		iov[i].iov_len = bytes < HOMA_BPAGE_SIZE ? bytes : HOMA_BPAGE_SIZE;
		bytes -= iov[i].iov_len;
	}
	return args->num_bpages;
}

#endif
