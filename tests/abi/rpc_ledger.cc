// SPDX-License-Identifier: Apache-2.0
//
// Checks what an RPC transport promises, whatever the network does:
//
//   rpc_ledger server --bind ADDR --port P [--threads N] [--seed S]
//   rpc_ledger client --server ADDR[,ADDR...] --port P [--count N] [--outstanding M] [--seed S]
//                     [--max-length BYTES] [--long-permille N] [--deadline SECONDS]
//
// With --more 1 they say of a message whether others follow (MSG_MORE).
//
// The server keeps a ledger: which requests it executed, how often, and whether
// every byte was the one sent. It prints READY when it serves and its ledger on
// SIGTERM. The client sends N requests of 1 to 1,000,000 bytes, the boundaries
// of the protocol among them, to the servers in turn and verifies every byte of
// every response. --long-permille makes all but so many messages 1000 bytes at most.
//
// Requests and responses are functions of the seed and the RPC's number or id,
// so both sides know each byte without talking about it. Exit status 0 only if
// nothing was repeated, damaged or lost; 2 for wrong usage. Homa does not verify
// checksums: where the network itself alters bytes, --corrupt 1 at both ends lets
// messages be damaged and RPCs end with an error, but not be executed twice or
// never end.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "endpoint.h"

namespace {

constexpr size_t kMaxLength = HOMA_MAX_MESSAGE_LENGTH;
constexpr size_t kRegionBytes = size_t{512} * HOMA_BPAGE_SIZE;

// Requests that have room for it begin with this; shorter ones are answered in
// their own length.
struct RequestHead {
	uint64_t number;
	uint32_t length;
	uint32_t response_length;
};

uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

// Bytes from..length of the stream called @key, eight at a time.
void fill(unsigned char *data, size_t from, size_t length, uint64_t key)
{
	for (size_t at = from; at < length; at += 8) {
		uint64_t word = mix(key + at);
		memcpy(data + at, &word, std::min<size_t>(8, length - at));
	}
}

bool matches(const unsigned char *data, size_t from, size_t length, uint64_t key)
{
	for (size_t at = from; at < length; at += 8) {
		uint64_t word = mix(key + at);
		if (memcmp(data + at, &word, std::min<size_t>(8, length - at)) != 0)
			return false;
	}
	return true;
}

void make_request(std::vector<unsigned char> &data, size_t length, size_t response_length,
		  uint64_t number, uint64_t seed)
{
	data.resize(length);
	if (length < sizeof(RequestHead)) {
		fill(data.data(), 0, length, mix(seed) ^ length);
		return;
	}
	RequestHead head = {number, static_cast<uint32_t>(length),
			    static_cast<uint32_t>(response_length)};
	memcpy(data.data(), &head, sizeof(head));
	fill(data.data(), sizeof(head), length, mix(seed ^ number));
}

// Length of the response, 0 if the request is damaged.
size_t check_request(const unsigned char *data, size_t length, uint64_t seed)
{
	RequestHead head;

	if (length < sizeof(head))
		return matches(data, 0, length, mix(seed) ^ length) ? length : 0;
	memcpy(&head, data, sizeof(head));
	if (head.length != length || !head.response_length || head.response_length > kMaxLength ||
	    !matches(data, sizeof(head), length, mix(seed ^ head.number)))
		return 0;
	return head.response_length;
}

uint64_t response_key(uint64_t client_id, uint64_t seed) { return mix(seed + ~client_id); }

struct Options {
	bool server = false;
	std::vector<std::string> addresses;
	uint16_t port = 0;
	unsigned threads = 2;
	uint64_t count = 1000;
	unsigned outstanding = 10;
	uint64_t seed = 1;
	size_t max_length = kMaxLength;
	unsigned long_permille = 1000;
	bool corrupt = false;
	bool more = false;
	unsigned reply_tries = 1;
	unsigned deadline_s = 300;
};

[[noreturn]] void usage(const std::string &why)
{
	fprintf(stderr,
		"rpc_ledger: %s\n"
		"usage: rpc_ledger server --bind ADDR --port P [--threads N] [--seed S] [--corrupt 0|1]\n"
		"                  [--more 0|1] [--reply-tries N]\n"
		"       rpc_ledger client --server ADDR[,ADDR...] --port P [--count N]\n"
		"                  [--outstanding M] [--seed S] [--max-length BYTES]\n"
		"                  [--long-permille N] [--corrupt 0|1] [--more 0|1] [--deadline SECONDS]\n",
		why.c_str());
	exit(2);
}

Options parse(int argc, char **argv)
{
	Options o;

	if (argc < 2 || (strcmp(argv[1], "server") != 0 && strcmp(argv[1], "client") != 0))
		usage("say server or client first");
	o.server = strcmp(argv[1], "server") == 0;
	for (int i = 2; i < argc; i += 2) {
		std::string name = argv[i];
		if (i + 1 == argc)
			usage(name + " needs a value");
		const char *value = argv[i + 1];
		if (name == (o.server ? "--bind" : "--server")) {
			std::istringstream list(value);
			for (std::string one; std::getline(list, one, ',');)
				o.addresses.push_back(one);
			continue;
		}
		char *end;
		uint64_t number = strtoull(value, &end, 10);
		if (*value < '0' || *value > '9' || *end)
			usage(name + ": not a number: " + value);
		if (name == "--port" && number && number < HOMA_MIN_DEFAULT_PORT)
			o.port = static_cast<uint16_t>(number);
		else if (name == "--threads" && o.server && number && number <= 64)
			o.threads = static_cast<unsigned>(number);
		else if (name == "--seed")
			o.seed = number;
		else if (name == "--count" && !o.server && number)
			o.count = number;
		else if (name == "--outstanding" && !o.server && number && number <= 100000)
			o.outstanding = static_cast<unsigned>(number);
		else if (name == "--max-length" && !o.server && number && number <= kMaxLength)
			o.max_length = number;
		else if (name == "--long-permille" && !o.server && number <= 1000)
			o.long_permille = static_cast<unsigned>(number);
		else if (name == "--corrupt" && number <= 1)
			o.corrupt = number;
		else if (name == "--more" && number <= 1)
			o.more = number;
		else if (name == "--reply-tries" && o.server && number)
			o.reply_tries = static_cast<unsigned>(number);
		else if (name == "--deadline" && !o.server && number)
			o.deadline_s = static_cast<unsigned>(number);
		else
			usage("unknown option or value out of range: " + name + " " + value);
	}
	if (o.addresses.empty() || !o.port)
		usage("address and --port are needed");
	if (o.server && o.addresses.size() > 1)
		usage("a server has one address");
	return o;
}

// ---- Server -----------------------------------------------------------------

class Ledger {
public:
	void executed(const endpoint_addr &from, uint64_t id, bool intact)
	{
		std::array<unsigned char, 16> host = {};
		if (from.sa.sa_family == AF_INET)
			memcpy(host.data(), &from.in4.sin_addr, 4);
		else
			memcpy(host.data(), &from.in6.sin6_addr, 16);
		std::lock_guard lock(mutex_);
		executed_++;
		damaged_ += !intact;
		repeated_ += !seen_.emplace(host, id).second;
	}
	void failed_reply(int error)
	{
		std::lock_guard lock(mutex_);
		failed_replies_++;
		fprintf(stderr, "reply: %s\n", strerror(error));
	}
	bool print(bool corrupt)
	{
		std::lock_guard lock(mutex_);
		printf("ledger: executed %llu, distinct %zu, repeated %llu, damaged %llu, "
		       "failed replies %llu\n",
		       executed_, seen_.size(), repeated_, damaged_, failed_replies_);
		fflush(stdout);
		return !repeated_ && !failed_replies_ && (corrupt || !damaged_);
	}

private:
	std::mutex mutex_;
	std::set<std::pair<std::array<unsigned char, 16>, uint64_t>> seen_;
	unsigned long long executed_ = 0, repeated_ = 0, damaged_ = 0, failed_replies_ = 0;
};

// The RPCs a socket has, for the log of a run that hangs.
void print_rpcs(int fd)
{
	std::array<homa_rpc_info, 64> rpcs;
	homa_info info = {};

	info.rpc_info = reinterpret_cast<uintptr_t>(rpcs.data());
	info.rpc_info_length = sizeof(rpcs);
	if (ioctl(fd, HOMAIOCINFO, &info))
		return;
	for (size_t i = 0; i < std::min<size_t>(info.num_rpcs, rpcs.size()); i++) {
		const homa_rpc_info &rpc = rpcs[i];
		fprintf(stderr,
			"RPC %llu: flags 0x%x, tx %u of %d, granted %u; rx %u left of %d, "
			"gaps %u, granted %u\n",
			static_cast<unsigned long long>(rpc.id), rpc.flags, rpc.tx_sent,
			rpc.tx_length, rpc.tx_granted, rpc.rx_remaining, rpc.rx_length, rpc.rx_gaps,
			rpc.rx_granted);
	}
}

// A reply that failed for want of memory or of a route may be given again; a route takes a while to come back.
bool may_pass(int error)
{
	if (error == ENETUNREACH || error == EHOSTUNREACH)
		usleep(10000);
	return error == ENOMEM || error == ENETUNREACH || error == EHOSTUNREACH;
}

// A request that was executed and not answered yet.
struct Unanswered {
	endpoint_addr from;
	uint64_t id;
	size_t response_length;
};

void answer(const endpoint &ep, const Options &o, Ledger &ledger, const Unanswered &request,
	    bool more, std::vector<unsigned char> &data)
{
	unsigned tries = o.reply_tries;
	int result;

	fill(data.data(), 0, request.response_length, response_key(request.id ^ 1, o.seed));
	do {
		homa_sendmsg_args args = {};
		args.id = request.id;
		result = endpoint_request(&ep, &request.from, data.data(), request.response_length,
					  &args, more ? MSG_MORE : 0);
	} while (result < 0 && may_pass(errno) && --tries);
	if (result < 0)
		ledger.failed_reply(errno);
}

void serve(const endpoint &ep, const Options &o, Ledger &ledger)
{
	constexpr size_t most = 16; // requests answered together with --more
	std::vector<unsigned char> data(kMaxLength);
	std::vector<Unanswered> unanswered;
	received r = {};

	for (;;) {
		ssize_t got = endpoint_receive(&ep, 0, unanswered.empty() ? 0 : MSG_DONTWAIT, &r);
		bool none = got < 0 && errno == EAGAIN && !unanswered.empty();
		if (got < 0 && !none) {
			if (errno == ESHUTDOWN)
				return;
			if (errno == EINTR)
				continue;
			perror("rpc_ledger: recvmsg");
			_exit(1);
		}
		if (!none) {
			size_t length = static_cast<size_t>(got);
			endpoint_copy(&ep, &r, data.data());
			size_t response_length = check_request(data.data(), length, o.seed);
			ledger.executed(r.from, r.args.id, response_length != 0);
			unanswered.push_back({r.from, r.args.id, std::max<size_t>(response_length, 1)});
			if (o.more && unanswered.size() < most)
				continue;
		}
		for (size_t i = 0; i < unanswered.size(); i++)
			answer(ep, o, ledger, unanswered[i], i + 1 < unanswered.size(), data);
		unanswered.clear();
	}
}

int run_server(const Options &o, const endpoint_addr &address)
{
	// Blocked here and so in every thread: only sigwait() takes them.
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, nullptr);

	endpoint ep = endpoint_open(address.sa.sa_family, kRegionBytes);
	if (bind(ep.fd, &address.sa, endpoint_addr_bytes(&address))) {
		perror("rpc_ledger: bind");
		return 1;
	}
	Ledger ledger;
	std::vector<std::thread> threads;
	for (unsigned i = 0; i < o.threads; i++)
		threads.emplace_back([&] { serve(ep, o, ledger); });
	printf("READY\n");
	fflush(stdout);
	int which;
	sigwait(&ends, &which);
	print_rpcs(ep.fd);
	shutdown(ep.fd, SHUT_RDWR);
	for (auto &thread : threads)
		thread.join();
	return ledger.print(o.corrupt) ? 0 : 1;
}

// ---- Client -----------------------------------------------------------------

class Lengths {
public:
	Lengths(uint64_t seed, size_t most, unsigned long_permille)
	    : random_(seed), most_(most), long_permille_(long_permille)
	{
	}

	// Of the long ones every other is a boundary, the rest are spread over the magnitudes.
	size_t next()
	{
		static constexpr size_t boundaries[] = {
			1, 2, 15, 16, 1423, 1424, 1425, 2847, 2848, 2849, 39999, 40000, 40001,
			65535, 65536, 65537, 131071, 131072, 131073, 400000, 999999, 1000000};
		size_t length;
		if (random_() % 1000 >= long_permille_)
			length = 1 + random_() % 1000;
		else if (turn_++ % 2)
			length = boundaries[random_() % std::size(boundaries)];
		else
			length = 1 + random_() % (size_t{1} << (random_() % 20));
		return std::min(length, most_);
	}

private:
	std::mt19937_64 random_;
	size_t most_;
	unsigned long_permille_;
	unsigned turn_ = 0;
};

struct Tally {
	uint64_t sent = 0, completed = 0, damaged = 0, strangers = 0, bytes = 0;
	std::map<int, uint64_t> errors;

	bool print(bool corrupt) const
	{
		std::string detail;
		uint64_t failed = 0;
		for (auto [error, count] : errors) {
			failed += count;
			detail += std::string(", ") + strerrorname_np(error) + " " +
				  std::to_string(count);
		}
		printf("client: sent %llu, completed %llu, damaged %llu, unasked %llu, "
		       "bytes %llu%s\n",
		       static_cast<unsigned long long>(sent),
		       static_cast<unsigned long long>(completed),
		       static_cast<unsigned long long>(damaged),
		       static_cast<unsigned long long>(strangers),
		       static_cast<unsigned long long>(bytes), detail.c_str());
		fflush(stdout);
		if (corrupt)
			return completed + failed == sent && completed > failed && !strangers;
		return completed == sent && !damaged && !strangers;
	}
};

int client_fd;

void too_late(int)
{
	print_rpcs(client_fd);
	static constexpr char text[] = "rpc_ledger: not done by the deadline\n";
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

int run_client(const Options &o, const std::vector<endpoint_addr> &servers)
{
	endpoint ep = endpoint_open(servers[0].sa.sa_family, kRegionBytes);
	Lengths lengths(o.seed, o.max_length, o.long_permille);
	std::map<uint64_t, size_t> pending; // id to length of the response
	std::vector<unsigned char> data(kMaxLength);
	Tally tally;
	received r = {};
	bool refill = true;

	client_fd = ep.fd;
	signal(SIGALRM, too_late);
	alarm(o.deadline_s);
	while (tally.sent < o.count || !pending.empty()) {
		// With --more by bursts: all there is room for, when half of them are answered.
		refill = refill || !o.more || pending.size() <= o.outstanding / 2;
		if (tally.sent < o.count && pending.size() < o.outstanding && refill) {
			size_t length = lengths.next(), response_length = lengths.next();
			if (length < sizeof(RequestHead))
				response_length = length;
			make_request(data, length, response_length, tally.sent, o.seed);
			homa_sendmsg_args args = {};
			args.completion_cookie = tally.sent;
			const endpoint_addr &to = servers[tally.sent % servers.size()];
			tally.sent++;
			bool more = o.more && tally.sent < o.count && pending.size() + 1 < o.outstanding;
			refill = more;
			if (endpoint_request(&ep, &to, data.data(), length, &args,
					     more ? MSG_MORE : 0) < 0)
				tally.errors[errno]++;
			else
				pending.emplace(args.id, response_length);
			continue;
		}
		ssize_t got = endpoint_receive(&ep, 0, 0, &r);
		int error = errno;
		auto entry = pending.find(r.args.id);
		if (entry == pending.end()) {
			if (got < 0 && !r.args.id) {
				fprintf(stderr, "rpc_ledger: recvmsg: %s\n", strerror(error));
				tally.print(o.corrupt);
				return 1;
			}
			tally.strangers++;
			continue;
		}
		if (got < 0) {
			tally.errors[error]++;
		} else {
			data.resize(kMaxLength);
			endpoint_copy(&ep, &r, data.data());
			size_t length = static_cast<size_t>(got);
			bool intact = length == entry->second &&
				      matches(data.data(), 0, length, response_key(r.args.id, o.seed));
			tally.completed++;
			tally.damaged += !intact;
			tally.bytes += length;
		}
		pending.erase(entry);
	}
	return tally.print(o.corrupt) ? 0 : 1;
}

} // namespace

int main(int argc, char **argv)
{
	Options o = parse(argc, argv);
	std::vector<endpoint_addr> addresses(o.addresses.size());

	for (size_t i = 0; i < addresses.size(); i++)
		if (!endpoint_parse(o.addresses[i].c_str(), o.port, &addresses[i]))
			usage("not an address: " + o.addresses[i]);
	return o.server ? run_server(o, addresses[0]) : run_client(o, addresses);
}
