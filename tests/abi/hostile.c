/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile ADDRESS SECONDS [SEED]
 *
 * An application that means harm, with no more rights than any other: threads
 * that make every call on the same few Homa sockets with random, mostly wrong
 * arguments, while regions are unmapped, sockets shut down and replaced, bpages
 * kept, returned twice or invented, and messages sent to nobody. No result is
 * right or wrong here; what counts is that the kernel is well afterwards.
 */
#include "endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS = 8, THREADS = 6, REGION_BPAGES = 64 };

static union endpoint_addr self;
static time_t until;
static _Atomic(int) fds[SOCKETS];
static unsigned char *regions[SOCKETS];
static unsigned char payload[HOMA_MAX_MESSAGE_LENGTH + 1];
static _Atomic(uint64_t) ids[64]; /* seen lately */
static _Atomic(unsigned long) calls;

struct dice {
	uint64_t state;
};

static uint32_t roll(struct dice *d, uint32_t below)
{
	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(d->state >> 33) % below;
}

/* A number at which something changes, or any. */
static uint32_t edge(struct dice *d)
{
	static const uint32_t edges[] = { 0, 1, 2, 15, 16, 17, 88, 99, 32767, 32768, 65535, 65536, 1000000,
					  1000001, 0x7fffffff, 0x80000000, 0xffffffff };

	return roll(d, 4) ? edges[roll(d, sizeof(edges) / sizeof(edges[0]))] : roll(d, 0x7fffffff);
}

static uint64_t some_id(struct dice *d)
{
	uint64_t id = ids[roll(d, 64)];

	switch (roll(d, 4)) {
	case 0:
		return id ^ 1;
	case 1:
		return edge(d);
	default:
		return id;
	}
}

static void *some_address(struct dice *d, void *good)
{
	switch (roll(d, 12)) {
	case 0:
		return NULL;
	case 1:
		return (void *)8;
	case 2:
		return (void *)~0xffful;
	default:
		return good;
	}
}

static void do_send(struct dice *d, int fd)
{
	union endpoint_addr to = self;
	struct homa_sendmsg_args args = { .id = roll(d, 2) ? some_id(d) : 0,
					  .completion_cookie = roll(d, 3) ? 0 : edge(d),
					  .flags = roll(d, 3) ? roll(d, 2) : edge(d),
					  .reserved = roll(d, 20) ? 0 : 1 };
	struct iovec iov = { some_address(d, payload), roll(d, 3) ? 1 + roll(d, 3000) : edge(d) % (sizeof(payload) + 1) };
	struct msghdr msg = { .msg_name = some_address(d, &to), .msg_namelen = endpoint_addr_bytes(&to),
			      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = some_address(d, &args),
			      .msg_controllen = roll(d, 20) ? 0 : edge(d) % 200 };

	endpoint_set_port(&to, (uint16_t)(roll(d, 4) ? 1 + roll(d, 4) : edge(d)));
	if (!roll(d, 20))
		to.sa.sa_family = (sa_family_t)roll(d, 12);
	if (!roll(d, 20))
		msg.msg_namelen = roll(d, 40);
	if (!sendmsg(fd, &msg, roll(d, 3) ? MSG_DONTWAIT : 0))
		ids[roll(d, 64)] = args.id;
}

static void do_receive(struct dice *d, int fd)
{
	struct homa_recvmsg_args args = { .id = roll(d, 3) ? 0 : some_id(d), .reserved = roll(d, 30) ? 0 : 1,
					  .num_bpages = roll(d, 4) ? roll(d, 3) : edge(d) };
	union endpoint_addr from;
	struct msghdr msg = { .msg_name = some_address(d, &from), .msg_namelen = sizeof(from),
			      .msg_control = some_address(d, &args),
			      .msg_controllen = roll(d, 20) ? sizeof(args) : edge(d) % 200 };

	for (int i = 0; i < HOMA_MAX_BPAGES; i++)
		args.bpage_offsets[i] = roll(d, 3) ? roll(d, REGION_BPAGES) * HOMA_BPAGE_SIZE : edge(d);
	if (recvmsg(fd, &msg, MSG_DONTWAIT) > 0)
		ids[roll(d, 64)] = args.id;
}

static void do_ioctl(struct dice *d, int fd)
{
	struct homa_rpc_info rpcs[4];
	struct homa_info info = { .rpc_info = (uintptr_t)some_address(d, rpcs), .rpc_info_length = edge(d) % sizeof(rpcs) };
	struct homa_abort_args args = { .id = roll(d, 4) ? some_id(d) : 0, .error = edge(d), ._pad1 = roll(d, 20) ? 0 : 1 };

	switch (roll(d, 4)) {
	case 0:
		ioctl(fd, HOMAIOCABORT, some_address(d, &args));
		break;
	case 1:
		ioctl(fd, edge(d), some_address(d, &args));
		break;
	default:
		ioctl(fd, HOMAIOCINFO, some_address(d, &info));
	}
}

/* User-Mode Linux panics (maybe_map) if a page table goes while it copies to the
 * memory: there, only the pages do, fewer at a time than a page table has.
 */
static void change_region(unsigned char *region, size_t bytes, int access)
{
	struct utsname kernel;

	if (!uname(&kernel) && strstr(kernel.release, "uml")) {
		for (size_t at = 0; at < bytes; at += HOMA_BPAGE_SIZE)
			madvise(region + at, HOMA_BPAGE_SIZE, MADV_DONTNEED);
		mprotect(region, bytes, access);
		return;
	}
	mmap(region, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static void do_option(struct dice *d, int fd, int slot)
{
	struct homa_rcvbuf_args region = { (uintptr_t)some_address(d, regions[slot]),
					   roll(d, 3) ? (uint64_t)REGION_BPAGES * HOMA_BPAGE_SIZE : edge(d) };
	int value = (int)edge(d);
	struct timeval brief = { .tv_usec = 1000 };
	socklen_t bytes = roll(d, 3) ? sizeof(value) : edge(d) % 100;

	switch (roll(d, 7)) {
	case 0:
		setsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, roll(d, 4) ? sizeof(region) : bytes);
		break;
	case 1:
		setsockopt(fd, IPPROTO_HOMA, SO_HOMA_SERVER, some_address(d, &value), bytes);
		break;
	case 2:
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value));
		break;
	case 3:
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
		break;
	case 4:
		getsockopt(fd, IPPROTO_HOMA, (int)(edge(d) % 20), some_address(d, &region), some_address(d, &bytes));
		break;
	case 5:
		setsockopt(fd, IPPROTO_HOMA, (int)edge(d), &value, bytes);
		break;
	default:
		/* The region's memory goes, comes, or is read-only. */
		change_region(regions[slot], (size_t)REGION_BPAGES * HOMA_BPAGE_SIZE,
			      roll(d, 3) ? PROT_READ | PROT_WRITE : PROT_READ);
	}
}

static int new_socket(struct dice *d, int slot)
{
	struct homa_rcvbuf_args region = { (uintptr_t)regions[slot], (uint64_t)REGION_BPAGES * HOMA_BPAGE_SIZE };
	union endpoint_addr any = { .sa.sa_family = self.sa.sa_family };
	struct timeval brief = { .tv_usec = 1000 };
	int fd = socket(self.sa.sa_family, SOCK_DGRAM, IPPROTO_HOMA);

	if (fd < 0)
		return -1;
	endpoint_set_port(&any, (uint16_t)(1 + roll(d, 4)));
	setsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, sizeof(region));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
	bind(fd, &any.sa, endpoint_addr_bytes(&any));
	return fd;
}

static void do_life(struct dice *d, int fd, int slot)
{
	union endpoint_addr any = self;
	struct pollfd p = { .fd = fd, .events = (short)edge(d) };

	switch (roll(d, 8)) {
	case 0:
		close(atomic_exchange(&fds[slot], new_socket(d, slot)));
		break;
	case 1:
		shutdown(fd, (int)roll(d, 4));
		break;
	case 2:
		any.sa.sa_family = (sa_family_t)(roll(d, 4) ? self.sa.sa_family : roll(d, 12));
		endpoint_set_port(&any, (uint16_t)edge(d));
		bind(fd, &any.sa, roll(d, 40));
		break;
	case 3:
		connect(fd, &any.sa, endpoint_addr_bytes(&any));
		break;
	case 4:
		fcntl(fd, F_SETFL, roll(d, 2) ? O_NONBLOCK : 0);
		break;
	default:
		poll(&p, 1, 0);
	}
}

static void *harm(void *arg)
{
	struct dice d = { (uint64_t)(uintptr_t)arg };

	while (time(NULL) < until) {
		for (int i = 0; i < 1000; i++) {
			int slot = (int)roll(&d, SOCKETS);
			int fd = fds[slot];

			switch (roll(&d, 20)) {
			case 0:
				do_ioctl(&d, fd);
				break;
			case 1:
				do_option(&d, fd, slot);
				break;
			case 2:
				if (!roll(&d, 10))
					do_life(&d, fd, slot);
				break;
			case 3 ... 10:
				do_receive(&d, fd);
				break;
			default:
				do_send(&d, fd);
			}
			calls++;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	struct dice d = { argc > 3 ? strtoull(argv[3], NULL, 10) : 1 };

	if (argc < 3 || !endpoint_parse(argv[1], 0, &self) || atoi(argv[2]) < 1) {
		fprintf(stderr, "usage: hostile ADDRESS SECONDS [SEED]\n");
		return 2;
	}
	until = time(NULL) + atoi(argv[2]);
	for (int i = 0; i < SOCKETS; i++) {
		regions[i] = mmap(NULL, (size_t)REGION_BPAGES * HOMA_BPAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		fds[i] = new_socket(&d, i);
		if (regions[i] == MAP_FAILED || fds[i] < 0) {
			perror("hostile");
			return 1;
		}
	}
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, harm, (void *)(uintptr_t)(d.state * 100 + (uint64_t)i)))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("hostile: %lu calls\n", (unsigned long)calls);
	return 0;
}
