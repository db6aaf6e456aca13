/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases of the user interface. Each runs in a process of its own, so that a
 * hang or a crash costs one case and no socket outlives it. A case ends by
 * returning (ok) or by the first expectation that fails.
 */
#ifndef TESTS_ABI_TEST_H
#define TESTS_ABI_TEST_H

#include "endpoint.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct abi_case {
	const char *name;
	void (*run)(void);
};

/* Each table ends with a NULL name. */
extern const struct abi_case socket_cases[];
extern const struct abi_case message_cases[];
extern const struct abi_case batch_cases[];
extern const struct abi_case buffer_cases[];
extern const struct abi_case control_cases[];
extern const struct abi_case host_cases[];
extern const struct abi_case waiting_cases[];

/* Our own address and its family, from the command line. */
extern union endpoint_addr self;
#define FAMILY (self.sa.sa_family)

#define SERVER_PORT 99
#define REGION_BYTES ((size_t)256 * HOMA_BPAGE_SIZE)

_Noreturn void fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends the case: it has no meaning here. */
_Noreturn void skip(const char *why);

#define EXPECT(cond) \
	do { \
		if (!(cond)) \
			fail(__FILE__, __LINE__, "expected %s", #cond); \
	} while (0)

#define EXPECT_EQ(got, want) \
	do { \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_) \
			fail(__FILE__, __LINE__, "%s is %lld, expected %lld", #got, got_, want_); \
	} while (0)

#define EXPECT_OK(call) \
	do { \
		if ((long)(call) < 0) \
			fail(__FILE__, __LINE__, "%s: %s", #call, strerror(errno)); \
	} while (0)

#define EXPECT_ERR(call, want) \
	do { \
		errno = 0; \
		long got_ = (long)(call); \
		if (got_ != -1 || errno != (want)) \
			fail(__FILE__, __LINE__, "%s returned %ld (%s), expected %s", #call, got_, \
			     strerrorname_np(errno), #want); \
	} while (0)

/* A serving socket at SERVER_PORT, a client and where it sends. */
struct duo {
	struct endpoint server;
	struct endpoint client;
	union endpoint_addr to;
};

struct duo open_duo(void);

/* endpoint_open() where the servers are: here, or in the namespace of --servers-in. */
struct endpoint server_open(size_t region_bytes);
bool same_host(void);

/* Sends @bytes bytes of a pattern; returns the id. */
uint64_t request(const struct duo *d, size_t bytes, uint64_t cookie, uint32_t flags);

/* Waits for a message that must arrive; @r as in endpoint_receive(). */
void receive(const struct endpoint *ep, uint64_t id, struct received *r);

/* Server takes one request and replies with @bytes bytes of the pattern; it
 * keeps the bpages, of which there are plenty.
 */
void serve_one(const struct duo *d, size_t bytes);

/* Byte @k of every message the cases send. */
static inline unsigned char pattern(size_t k)
{
	return (unsigned char)(k * 7 + (k >> 8) * 13 + (k >> 16) * 31);
}

/* @bytes bytes of the pattern, static. */
const void *pattern_bytes(size_t bytes);

/* The message in @r is @bytes bytes of the pattern, well laid out. */
void expect_pattern(const struct endpoint *ep, const struct received *r, size_t bytes);

/* Runs @action(@arg) in a child process every 20 ms until this one ends. */
void meanwhile(void (*action)(int arg), int arg);
void shut_down(int fd); /* an action */
void interrupt_parent(int unused); /* an action: SIGUSR1, handled, no restart */
void abort_all(int fd); /* an action */

/* An address at which nothing can be read or written. */
#define NOWHERE ((void *)8)
/* A page that can be read only. */
void *read_only_page(void);

/* Events poll() sees within @timeout_ms. */
short polled(const struct endpoint *ep, short events, int timeout_ms);

/* HOMAIOCINFO with room for @count entries; dies on an error. */
struct homa_info info_of(const struct endpoint *ep, struct homa_rpc_info *rpcs, size_t count);

#endif
