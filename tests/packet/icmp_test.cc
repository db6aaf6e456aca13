// SPDX-License-Identifier: Apache-2.0
// ICMP errors about what the module sent, true and false ones.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fixture.h"

namespace {

class IcmpTest : public PacketTest {
 protected:
  bool v4() const { return raw_link->family() == AF_INET; }

  // A request of ours and its one packet.
  std::pair<std::uint64_t, Bytes> one_request() {
    const std::uint64_t id = client_request(100);
    return {id, of(settle(), HOMA_DATA, id).at(0).bytes};
  }

  IcmpError port_unreachable() const {
    return v4() ? IcmpError{ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, ENOTCONN}
                : IcmpError{ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, ENOTCONN};
  }

  void forget(std::uint64_t id) {
    homa_abort_args args = {};
    args.id = id;
    EXPECT_EQ(ioctl(client_.fd, HOMAIOCABORT, &args), 0) << strerror(errno);
  }

  void expect_alive(const std::string& why) {
    // Errors end RPCs at a tick.
    usleep(30000);
    EXPECT_EQ(rpcs(client_), 1u) << why;
    EXPECT_TRUE(nothing_for(client_)) << why;
  }
};

TEST_F(IcmpTest, Unreachable) {
  const std::vector<IcmpError> errors =
      v4() ? std::vector<IcmpError>{{ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, ENOTCONN},
                                {ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, EPROTONOSUPPORT},
                                {ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, EHOSTUNREACH},
                                {ICMP_DEST_UNREACH, ICMP_NET_UNREACH, EHOSTUNREACH},
                                {ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, EHOSTUNREACH},
                                {ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 0},
                                {ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0},
                                {ICMP_PARAMETERPROB, 0, 0},
                                {ICMP_SOURCE_QUENCH, 0, 0}}
           : std::vector<IcmpError>{{ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, ENOTCONN},
                                {ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, EPROTONOSUPPORT},
                                {ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, EHOSTUNREACH},
                                {ICMP6_PACKET_TOO_BIG, 0, 0},
                                {ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT, 0},
                                {ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, 0}};
  for (const IcmpError& error : errors) {
    const std::string name = std::to_string(error.type) + "/" + std::to_string(error.code);
    SCOPED_TRACE(name);
    const auto [id, packet] = one_request();
    refuse(error, peer_, packet);
    if (!error.error) {
      expect_alive(name);
      forget(id);
      continue;
    }
    received r = {};
    EXPECT_EQ(endpoint_receive(&client_, 0, 0, &r), -1);
    EXPECT_EQ(errno, error.error);
    EXPECT_EQ(r.args.id, id);
  }
}

TEST_F(IcmpTest, OfAnotherPort) {
  const auto [id, packet] = one_request();
  const Route route = {client_port_, kRawPort, id};
  refuse(port_unreachable(), peer_, plain_packet({client_port_, kRawPort + 1, id}, HOMA_DATA));
  expect_alive("destination port");
  refuse(port_unreachable(), peer_, plain_packet({7, kRawPort, id}, HOMA_DATA));
  expect_alive("source port");
  refuse(port_unreachable(), raw_link->host(250), plain_packet(route, HOMA_DATA));
  expect_alive("host");
  refuse(port_unreachable(), peer_, packet);
  await_rpcs(client_, 1);  // until it is fetched
  received r = {};
  EXPECT_EQ(endpoint_receive(&client_, 0, 0, &r), -1);
  EXPECT_EQ(errno, ENOTCONN);
}

TEST_F(IcmpTest, QuotesTooLittle) {
  const auto [id, packet] = one_request();
  for (std::size_t quoted : {0, 1, 3}) refuse(port_unreachable(), peer_, packet, quoted);
  expect_alive("no ports quoted");
}

// The server forgets a client whose port is closed, not one whose host is said to be gone.
TEST_F(IcmpTest, ToServer) {
  const std::uint64_t id = open_request();
  reply(id, 100);
  const Bytes packet = of(settle(), HOMA_DATA, id | 1).at(0).bytes;
  if (v4())
    refuse({ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0}, peer_, packet);
  else
    refuse({ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, 0}, peer_, packet);
  settle();
  usleep(30000);
  EXPECT_EQ(rpcs(server_), 1u);
  refuse(port_unreachable(), peer_, packet);
  await_rpcs(server_, 0);
}

}  // namespace
