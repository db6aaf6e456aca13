/* SPDX-License-Identifier: Apache-2.0 */
/* Receive regions and the bpages lent to the application. */
#include "abi_test.h"

#include <sys/mman.h>

static int set_region(int fd, const void *start, uint64_t bytes)
{
	struct homa_rcvbuf_args args = { .start = (uintptr_t)start, .length = bytes };

	return setsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args));
}

static void *map(size_t bytes, int protection)
{
	void *at = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

static void region_errors(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	char *good = map(REGION_BYTES, PROT_READ | PROT_WRITE);
	struct homa_rcvbuf_args args[2] = { { .start = (uintptr_t)good, .length = REGION_BYTES } };
	const size_t arg_bytes = sizeof(args[0]);

	EXPECT_ERR(setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, args, arg_bytes - 1), EINVAL);
	EXPECT_ERR(setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, args, arg_bytes + 1), EINVAL);
	EXPECT_ERR(setsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, (void *)8, arg_bytes), EFAULT);
	EXPECT_ERR(set_region(ep.fd, good + 1, REGION_BYTES - 4096), EINVAL);
	EXPECT_ERR(set_region(ep.fd, good, 2000000), EINVAL); /* nothing left for the CPUs */
	EXPECT_ERR(set_region(ep.fd, good, 0), EINVAL);
	EXPECT_ERR(set_region(ep.fd, good, (1ull << 32) + 4096), EINVAL);
	EXPECT_ERR(set_region(ep.fd, map(REGION_BYTES, PROT_READ), REGION_BYTES), EFAULT);
	EXPECT_OK(set_region(ep.fd, good, REGION_BYTES));
	EXPECT_ERR(set_region(ep.fd, good, REGION_BYTES), EINVAL); /* once per socket */
}

static void region_least_and_most(void)
{
	size_t least = (size_t)sysconf(_SC_NPROCESSORS_CONF) * HOMA_BPAGE_SIZE + 2000000;
	uint64_t most = 1ull << 32;
	struct endpoint a = endpoint_open(FAMILY, 0), b = endpoint_open(FAMILY, 0);

	EXPECT_ERR(set_region(a.fd, map(least, PROT_READ | PROT_WRITE), least - 1), EINVAL);
	if (sizeof(size_t) > 4) /* more than a 32-bit program has room for */
		EXPECT_OK(set_region(b.fd, map((size_t)most, PROT_READ | PROT_WRITE), most));
}

static void region_get(void)
{
	struct endpoint ep = endpoint_open(FAMILY, 0);
	char *start = map(REGION_BYTES, PROT_READ | PROT_WRITE);
	struct homa_rcvbuf_args args = { .start = 1, .length = 1 };
	socklen_t bytes = sizeof(args);

	EXPECT_OK(getsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, &bytes));
	EXPECT_EQ(bytes, sizeof(args));
	EXPECT_EQ(args.start, 0);
	EXPECT_EQ(args.length, 0);
	EXPECT_OK(set_region(ep.fd, start, REGION_BYTES - 1000));
	EXPECT_OK(getsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, &bytes));
	EXPECT_EQ(args.start, (uintptr_t)start);
	EXPECT_EQ(args.length, REGION_BYTES - HOMA_BPAGE_SIZE); /* whole bpages */
	bytes = sizeof(args) - 1;
	EXPECT_ERR(getsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, &bytes), EINVAL);
	EXPECT_ERR(getsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, (void *)8), EFAULT);
	bytes = sizeof(args);
	EXPECT_ERR(getsockopt(ep.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, (void *)8, &bytes), EFAULT);
}

static void region_unmapped_later(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	struct homa_rpc_info info;
	union endpoint_addr to;

	EXPECT_OK(munmap(d.server.region, d.server.region_bytes));
	request(&d, 5000, 0, 0);
	EXPECT_ERR(endpoint_receive(&d.server, 0, 0, &r), EFAULT);
	EXPECT(r.args.id & 1);
	/* It is not executed again, and can be answered; recvmsg did not say whom. */
	EXPECT_EQ(info_of(&d.server, &info, 1).num_rpcs, 1);
	memcpy(&to, &info.peer, sizeof(info.peer));
	EXPECT_EQ(endpoint_reply(&d.server, &to, "sorry", 5, r.args.id), 0);
	receive(&d.client, 0, &r);
	EXPECT_EQ(r.length, 5);
}

/* Gives @offset back without waiting for a message. */
static int give_back(const struct endpoint *ep, uint32_t offset)
{
	struct received r = { .args = { .num_bpages = 1, .bpage_offsets = { offset } } };

	return (int)endpoint_receive(ep, 0, MSG_DONTWAIT, &r);
}

static void returned_once(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint32_t offset;

	request(&d, HOMA_BPAGE_SIZE, 0, 0);
	receive(&d.server, 0, &r);
	EXPECT_EQ(r.args.num_bpages, 1);
	offset = r.args.bpage_offsets[0];
	EXPECT_ERR(give_back(&d.server, offset), EAGAIN); /* accepted; no message */
	EXPECT_ERR(give_back(&d.server, offset), EINVAL);
}

/* Few bpages are in use, but the one given back last is not written again at once. */
static void low_ones_in_turn(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint32_t last = ~0u;

	for (int i = 0; i < 20; i++) {
		request(&d, HOMA_BPAGE_SIZE, 0, 0);
		receive(&d.server, 0, &r); /* gives the last one back first */
		EXPECT_EQ(r.args.num_bpages, 1);
		EXPECT(r.args.bpage_offsets[0] != last);
		last = r.args.bpage_offsets[0];
		EXPECT(last < 8 * HOMA_BPAGE_SIZE);
	}
}

static void never_lent(void)
{
	struct duo d = open_duo();

	EXPECT_ERR(give_back(&d.server, 100 * HOMA_BPAGE_SIZE), EINVAL);
	EXPECT_ERR(give_back(&d.server, REGION_BYTES), EINVAL);
	EXPECT_ERR(give_back(&d.server, 0xffffffff), EINVAL);
}

static void entries_before_a_bad_one_count(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };
	uint32_t first, second;

	request(&d, 2 * HOMA_BPAGE_SIZE, 0, 0);
	receive(&d.server, 0, &r);
	EXPECT_EQ(r.args.num_bpages, 2);
	first = r.args.bpage_offsets[0];
	second = r.args.bpage_offsets[1];
	r.args.bpage_offsets[1] = 0xffffffff;
	EXPECT_ERR(endpoint_receive(&d.server, 0, MSG_DONTWAIT, &r), EINVAL);
	EXPECT_EQ(r.args.num_bpages, 0);
	EXPECT_ERR(give_back(&d.server, first), EINVAL);
	EXPECT_ERR(give_back(&d.server, second), EAGAIN);
}

static void sixteen_at_once(void)
{
	struct duo d = open_duo();
	struct received r[HOMA_MAX_BPAGES] = { 0 }, all = { 0 };
	uint64_t before = info_of(&d.server, NULL, 0).bpool_avail_bytes;

	for (int i = 0; i < HOMA_MAX_BPAGES; i++) {
		request(&d, HOMA_BPAGE_SIZE, 0, 0);
		receive(&d.server, 0, &r[i]);
		/* Mixed messages, in reverse order. */
		all.args.bpage_offsets[HOMA_MAX_BPAGES - 1 - i] = r[i].args.bpage_offsets[0];
	}
	EXPECT_EQ(info_of(&d.server, NULL, 0).bpool_avail_bytes,
		  before - HOMA_MAX_BPAGES * HOMA_BPAGE_SIZE);
	all.args.num_bpages = HOMA_MAX_BPAGES;
	EXPECT_ERR(endpoint_receive(&d.server, 0, MSG_DONTWAIT, &all), EAGAIN);
	EXPECT_EQ(info_of(&d.server, NULL, 0).bpool_avail_bytes, before);
}

static void pieces_do_not_overlap(void)
{
	enum { MESSAGES = 40, BYTES = 5000 };
	struct duo d = open_duo();
	struct received r[MESSAGES] = { 0 };

	for (int i = 0; i < MESSAGES; i++) {
		request(&d, BYTES, 0, 0);
		receive(&d.server, 0, &r[i]);
		for (int k = 0; k < i; k++) {
			long gap = (long)r[i].args.bpage_offsets[0] -
				   (long)r[k].args.bpage_offsets[0];

			EXPECT(labs(gap) >= BYTES);
		}
	}
	for (int i = 0; i < MESSAGES; i++) {
		expect_pattern(&d.server, &r[i], BYTES);
		EXPECT_ERR(give_back(&d.server, r[i].args.bpage_offsets[0]), EAGAIN);
	}
}

static void returns_are_not_lost(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	/* Three times the region passes through it. */
	for (size_t sent = 0; sent < 3 * REGION_BYTES; sent += 300000) {
		request(&d, 300000, 0, 0);
		receive(&d.server, 0, &r); /* gives the last one's bpages back */
		expect_pattern(&d.server, &r, 300000);
	}
}

/* More arrives than the region holds; it waits, and nothing times out. */
static void exhaustion_recovers(void)
{
	enum { MESSAGES = 6 };
	size_t least = (size_t)sysconf(_SC_NPROCESSORS_CONF) * HOMA_BPAGE_SIZE + 2000000;
	struct endpoint server = server_open((least + 65535) / 65536 * 65536);
	struct received r[MESSAGES] = { 0 };
	struct duo d = { .client = endpoint_open(FAMILY, REGION_BYTES), .to = self };
	int got = 0, given = 0;

	EXPECT_OK(endpoint_bind(&server, FAMILY, SERVER_PORT));
	endpoint_set_port(&d.to, SERVER_PORT);
	for (int i = 0; i < MESSAGES; i++)
		request(&d, HOMA_MAX_MESSAGE_LENGTH, 0, 0);
	while (got < MESSAGES) {
		struct received *next = &r[got];

		/* Keep what came until nothing comes any more; then give one back. */
		if (!(polled(&server, POLLIN, 300) & POLLIN)) {
			if (given == got)
				continue; /* just slow */
			r[got] = r[given];
			given++;
		}
		if (endpoint_receive(&server, 0, MSG_DONTWAIT, next) < 0) {
			EXPECT_EQ(errno, EAGAIN);
			continue;
		}
		expect_pattern(&server, next, HOMA_MAX_MESSAGE_LENGTH);
		got++;
	}
	EXPECT(given > 0); /* the region was indeed too small */
}

static void returned_by_any_offset(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	request(&d, HOMA_BPAGE_SIZE, 0, 0);
	receive(&d.server, 0, &r);
	EXPECT_ERR(give_back(&d.server, r.args.bpage_offsets[0] + HOMA_BPAGE_SIZE - 1), EAGAIN);
	EXPECT_ERR(give_back(&d.server, r.args.bpage_offsets[0]), EINVAL);
}

/* Memory of the region goes and comes under the socket. */
static void region_comes_back(void)
{
	struct duo d = open_duo();
	struct received r = { 0 };

	EXPECT_OK(mprotect(d.server.region, d.server.region_bytes, PROT_READ));
	request(&d, 5000, 0, 0);
	EXPECT_ERR(endpoint_receive(&d.server, 0, 0, &r), EFAULT);
	EXPECT_EQ(r.args.num_bpages, 0);
	EXPECT_OK(mprotect(d.server.region, d.server.region_bytes, PROT_READ | PROT_WRITE));
	request(&d, 6000, 0, 0);
	do /* some implementations offer the failed one again */
		receive(&d.server, 0, &r);
	while (r.length != 6000);
	expect_pattern(&d.server, &r, 6000);
}

static uint64_t available(const struct endpoint *ep)
{
	return info_of(ep, NULL, 0).bpool_avail_bytes;
}

static void region_is_whole_again(void)
{
	enum { MESSAGES = 100, BYTES = 30000 };
	uint64_t owned = (uint64_t)sysconf(_SC_NPROCESSORS_CONF) * HOMA_BPAGE_SIZE;
	struct duo d = open_duo();
	struct received r[MESSAGES] = { 0 };

	for (int i = 0; i < MESSAGES; i++) {
		request(&d, BYTES, 0, 0);
		receive(&d.server, 0, &r[i]);
	}
	EXPECT(available(&d.server) <= REGION_BYTES - (uint64_t)MESSAGES * BYTES);
	for (int i = 0; i < MESSAGES; i++)
		EXPECT_ERR(give_back(&d.server, r[i].args.bpage_offsets[0]), EAGAIN);
	/* Each CPU may keep one for the next short messages. */
	EXPECT(available(&d.server) >= REGION_BYTES - owned);
}

/* An application that gives nothing back harms itself only. */
static void never_returned(void)
{
	enum { MESSAGES = 12 };
	size_t least = (size_t)sysconf(_SC_NPROCESSORS_CONF) * HOMA_BPAGE_SIZE + 2000000;
	struct duo d = open_duo(), greedy = d;
	struct received r = { 0 };

	greedy.server = server_open((least + 65535) / 65536 * 65536);
	EXPECT_OK(endpoint_bind(&greedy.server, FAMILY, SERVER_PORT + 1));
	endpoint_set_port(&greedy.to, SERVER_PORT + 1);
	for (int i = 0; i < MESSAGES; i++)
		request(&greedy, 400000, 0, 0);
	while (polled(&greedy.server, POLLIN, 300) & POLLIN) {
		r.args.num_bpages = 0; /* keeps them */
		EXPECT(endpoint_receive(&greedy.server, 0, MSG_DONTWAIT, &r) > 0 || errno == EAGAIN);
	}
	/* Those that wait for room do not time out, and do not stop others. */
	EXPECT_EQ(info_of(&greedy.client, NULL, 0).num_rpcs, MESSAGES);
	for (int i = 0; i < 5; i++) {
		request(&d, 100000, 0, 0);
		serve_one(&d, 1000);
		r.args.num_bpages = 0;
		receive(&d.client, 0, &r);
		EXPECT_EQ(r.length, 1000);
	}
	endpoint_close(&greedy.server);
	for (int i = 0; i < MESSAGES; i++)
		EXPECT_ERR(endpoint_receive(&d.client, 0, 0, &r), ENOTCONN);
}

/* The same with messages of which many fit into one bpage. */
static void exhaustion_by_short_messages(void)
{
	enum { MESSAGES = 120, BYTES = 30000 };
	size_t least = (size_t)sysconf(_SC_NPROCESSORS_CONF) * HOMA_BPAGE_SIZE + 2000000;
	struct duo d = { .server = server_open((least + 65535) / 65536 * 65536),
			 .client = endpoint_open(FAMILY, REGION_BYTES), .to = self };
	struct received r[MESSAGES] = { 0 };
	int got = 0, given = 0;

	EXPECT_OK(endpoint_bind(&d.server, FAMILY, SERVER_PORT));
	endpoint_set_port(&d.to, SERVER_PORT);
	for (int i = 0; i < MESSAGES; i++)
		request(&d, BYTES, 0, 0);
	while (got < MESSAGES) {
		struct received *next = &r[got];

		if (!(polled(&d.server, POLLIN, 300) & POLLIN)) {
			uint32_t n = 0;

			while (given < got && n < HOMA_MAX_BPAGES)
				next->args.bpage_offsets[n++] = r[given++].args.bpage_offsets[0];
			next->args.num_bpages = n;
		}
		if (endpoint_receive(&d.server, 0, MSG_DONTWAIT, next) < 0) {
			EXPECT_EQ(errno, EAGAIN);
			continue;
		}
		expect_pattern(&d.server, next, BYTES);
		got++;
	}
	EXPECT(given > 0);
	EXPECT_EQ(info_of(&d.client, NULL, 0).num_rpcs, MESSAGES);
}

const struct abi_case buffer_cases[] = {
	{ "region_errors", region_errors },
	{ "region_least_and_most", region_least_and_most },
	{ "region_get", region_get },
	{ "region_unmapped_later", region_unmapped_later },
	{ "bpages_low_ones_in_turn", low_ones_in_turn },
	{ "bpage_returned_once", returned_once },
	{ "bpage_never_lent", never_lent },
	{ "bpage_entries_before_a_bad_one_count", entries_before_a_bad_one_count },
	{ "bpage_sixteen_at_once", sixteen_at_once },
	{ "bpage_pieces_do_not_overlap", pieces_do_not_overlap },
	{ "bpage_returns_are_not_lost", returns_are_not_lost },
	{ "bpage_returned_by_any_offset", returned_by_any_offset },
	{ "bpage_never_returned", never_returned },
	{ "bpage_exhaustion_recovers", exhaustion_recovers },
	{ "bpage_exhaustion_by_short_messages", exhaustion_by_short_messages },
	{ "region_comes_back", region_comes_back },
	{ "region_is_whole_again", region_is_whole_again },
	{ NULL, NULL },
};
