// SPDX-License-Identifier: Apache-2.0
// Who is granted when not all can be: spread over peers, order, budget.
#include <unistd.h>

#include <set>

#include "fixture.h"

namespace {

constexpr std::uint32_t kFirstBytes = 1400;

class GrantTest : public PacketTest {
 protected:
  // The first packet of a message of @length, all of whose other bytes need grants.
  std::uint64_t begin(const Address& from, std::uint32_t length) {
    const std::uint64_t id = new_id();
    Data data = {length, 0, pattern_bytes(0, kFirstBytes)};
    data.incoming = kFirstBytes;
    send_from(from, data_packet(to_server(id), data));
    return id;
  }
};

std::set<std::uint64_t> granted(const std::vector<Frame>& frames) {
  std::set<std::uint64_t> out;
  for (const Frame& frame : frames)
    if (frame.bytes.size() == sizeof(homa_grant_hdr) && frame.bytes[11] == HOMA_GRANT)
      out.insert(host64(header<homa_common_hdr>(frame.bytes).sender_id) ^ 1);
  return out;
}

TEST_F(GrantTest, OnePeerDoesNotHideAnother) {
  Setting slots("max_overcommit", "2"), window("window", "5000"), share("grant_fifo_fraction", "0");
  std::set<std::uint64_t> want;
  for (std::uint32_t i = 0; i < 40; i++) {
    const std::uint64_t id = begin(peer_, 60000 + i);  // in a bpage each
    if (i < 2) want.insert(id);
  }
  want.insert(begin(raw_link->host(200), 900000));
  EXPECT_EQ(granted(settle()), want);
}

TEST_F(GrantTest, RoundRobin) {
  Setting slots("max_overcommit", "1"), window("window", "5000"), share("grant_fifo_fraction", "0");
  std::vector<std::uint64_t> ids;
  for (std::uint32_t i = 0; i < 6; i++) ids.push_back(begin(peer_, 100000 + i));
  EXPECT_EQ(granted(settle()), std::set<std::uint64_t>{ids[0]});
  Setting order("grant_order", "rr");
  for (std::size_t i = 1; i < ids.size(); i++) await(HOMA_GRANT, ids[i] | 1);
}

// What was granted and does not come is asked for at once, and then not again until something has come.
TEST_F(GrantTest, IdleLink) {
  constexpr useconds_t kLongUs = 20'000;
  Setting patience("resend_ticks", "100000"), timeout("timeout_ticks", "100000");
  Setting share("grant_fifo_fraction", "0"), window("window", "5000");
  Setting never("resend_idle_usecs", "0");
  const std::uint64_t other = begin(peer_, 60000);
  usleep(kLongUs);
  EXPECT_TRUE(of(settle(), HOMA_RESEND, other | 1).empty());

  Setting soon("resend_idle_usecs", "1000");
  const std::uint64_t id = begin(peer_, 50000);
  Frame resend = await(HOMA_RESEND, id | 1);
  EXPECT_EQ(ntohl(header<homa_resend_hdr>(resend.bytes).offset), kFirstBytes);
  usleep(kLongUs);
  EXPECT_TRUE(of(settle(), HOMA_RESEND, id | 1).empty());

  Data data = {50000, 2 * kFirstBytes, pattern_bytes(2 * kFirstBytes, 3 * kFirstBytes)};
  data.incoming = kFirstBytes;
  send(data_packet(to_server(id), data));
  resend = await(HOMA_RESEND, id | 1);
  EXPECT_EQ(ntohl(header<homa_resend_hdr>(resend.bytes).offset), kFirstBytes);
  EXPECT_EQ(ntohl(header<homa_resend_hdr>(resend.bytes).length), kFirstBytes);
  EXPECT_EQ(counted("resends_idle"), 3u);  // and once for the other
}

TEST_F(GrantTest, EachDeviceHasABudget) {
  Setting budget("max_incoming", "20000"), window("window", "1000000"), share("grant_fifo_fraction", "0");
  const std::uint64_t id = begin(peer_, 500000);
  EXPECT_EQ(granted(settle()), std::set<std::uint64_t>{id});
  begin(raw_link->host(200), 400000);
  EXPECT_EQ(granted(settle()), std::set<std::uint64_t>{});  // nothing is left of it here

  const Bytes message = pattern_bytes(0, 300000);
  const union endpoint_addr to = socket_address(self_, kServerPort);
  homa_sendmsg_args args = {};
  received r = {};
  ASSERT_EQ(endpoint_request(&client_, &to, message.data(), message.size(), &args, 0), 0);
  ASSERT_EQ(endpoint_receive(&server_, 0, 0, &r), static_cast<ssize_t>(message.size()));
  EXPECT_EQ(r.args.id, args.id | 1);
}

}  // namespace
