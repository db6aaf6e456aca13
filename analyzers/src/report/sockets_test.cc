// SPDX-License-Identifier: Apache-2.0
#include "report/sockets.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "read/sockets.h"

namespace hs {
namespace {

const char kList[] =
    "# Homa sockets of this network namespace, each followed by its RPCs\n"
    "socket port=32768 family=ipv6 uid=1000 inode=635 server=0 rpcs=2 tx_bytes=40325 tx_max=100000000 "
    "rx_bytes=759774 rx_max=3200000 region=33554432 region_free=32833536\n"
    "rpc id=255885386772134 role=client state=incoming peer=10.0.1.2 peer_port=700 tx_length=25 tx_sent=25 "
    "tx_granted=25 tx_level=0 rx_length=131073 rx_remaining=31073 rx_gaps=1 rx_granted=131073 private=1 "
    "stalled=0 ready=0 copying=1\n"
    "rpc id=255885386772136 role=client state=outgoing peer=fd00:1::2 peer_port=700 tx_length=60000 "
    "tx_sent=40000 tx_granted=40000 tx_level=3 rx_length=-1 rx_remaining=0 rx_gaps=0 rx_granted=0 private=0 "
    "stalled=0 ready=0 copying=0 news=5\n"
    "socket port=700 family=ipv4 uid=0 inode=2652 server=1 rpcs=7 tx_bytes=0 tx_max=100000000 rx_bytes=0 "
    "rx_max=3200000 region=0 region_free=0\n";

class SocketList : public ::testing::Test {
 protected:
  Result<std::vector<HomaSocket>> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return ReadSockets(path_);
  }

  std::string path_ = ::testing::TempDir() + "sockets_test." + std::to_string(getpid());
};

TEST_F(SocketList, Reads) {
  auto sockets = Read(kList);
  ASSERT_TRUE(sockets) << sockets.error().message;
  ASSERT_EQ(sockets->size(), 2u);
  const HomaSocket& client = (*sockets)[0];
  EXPECT_EQ(client.port, 32768);
  EXPECT_EQ(client.uid, 1000u);
  EXPECT_FALSE(client.server);
  EXPECT_EQ(client.region_free, 32833536u);
  ASSERT_EQ(client.rpcs.size(), 2u);
  EXPECT_EQ(client.rpcs[0].id, 255885386772134u);
  EXPECT_EQ(client.rpcs[0].flags, (std::vector<std::string>{"private", "copying"}));
  EXPECT_EQ(client.rpcs[1].rx_length, -1);
  EXPECT_TRUE((*sockets)[1].server);
  EXPECT_EQ((*sockets)[1].num_rpcs, 7u);
  EXPECT_TRUE((*sockets)[1].rpcs.empty());
}

TEST_F(SocketList, PrintsLikeATable) {
  auto sockets = Read(kList);
  ASSERT_TRUE(sockets);
  EXPECT_EQ(ToText(*sockets),
            " port family serves    uid     inode   rpcs  send bytes  recv bytes       region  region free\n"
            "32768 ipv6   no       1000       635      2       40325      759774     33554432     32833536\n"
            "      role                     id state      peer                     sent/granted/length     "
            "rcvd/granted/length     flags\n"
            "      client      255885386772134 incoming   10.0.1.2:700             25/25/25                "
            "100000/131073/131073    private,copying\n"
            "      client      255885386772136 outgoing   [fd00:1::2]:700          40000/40000/60000       -\n"
            "  700 ipv4   yes         0      2652      7           0           0            0            0\n");
  const nlohmann::json json = ToJson(*sockets);
  EXPECT_EQ(json["sockets"][0]["rpcs"][0]["rx_received"], 100000);
  EXPECT_EQ(json["sockets"][1]["port"], 700);
}

TEST_F(SocketList, Empty) {
  auto sockets = Read("# nothing\n");
  ASSERT_TRUE(sockets);
  EXPECT_TRUE(sockets->empty());
}

TEST_F(SocketList, RefusesWhatIsNoList) {
  const std::string text = kList;
  for (const std::string& bad :
       {std::string("hello\n"), std::string("rpc id=2\n"), std::string("socket port\n"), std::string("socket port=x\n"),
        text.substr(0, text.find(" region_free")) + "\n", "socket =5 " + text.substr(text.find("port="))}) {
    auto sockets = Read(bad);
    ASSERT_FALSE(sockets) << bad;
    EXPECT_NE(sockets.error().message.find(path_ + ":"), std::string::npos);
  }
  EXPECT_FALSE(ReadSockets("/nonexistent/homa"));
}

}  // namespace
}  // namespace hs
