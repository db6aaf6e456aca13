// SPDX-License-Identifier: Apache-2.0
#include "open_loop.h"

#include <errno.h>
#include <gtest/gtest.h>

#include "transport_fake.h"

namespace rpcload {
namespace {

class OpenLoopTest : public testing::Test {
 protected:
  OpenLoopTest() {
    std::string error;
    LengthTable::Parse("length_bytes,weight\n8,1\n1000,1\n", 1000, &options_.lengths, &error);
    options_.servers.resize(plans_.size());
    for (Address& server : options_.servers) Address::Parse("127.0.0.1", 4000, &server);
    options_.interval_ns = 20'000;
    options_.duration_ns = 20'000'000;
    options_.timeout_ns = 40'000'000;
    options_.verify = true;
  }

  OpenLoopResult Run() {
    Crew crew(1);
    size_t next = 0;
    return RunOpenLoop(
        options_,
        [&](const ClientConfig& config, std::string*) {
          return std::make_unique<FakeClient>(config, &plans_[next++]);
        },
        &crew);
  }

  OpenLoopOptions options_;
  std::array<FakePlan, 3> plans_;
};

TEST_F(OpenLoopTest, TheSeedDecidesWhatIsSentWhereAndWhen) {
  const OpenLoopResult result = Run();
  ASSERT_EQ(result.run.fatal, "");
  ASSERT_GT(result.rpcs.size(), 800u);  // 1000 are expected
  ASSERT_LT(result.rpcs.size(), 1200u);
  std::array<size_t, 3> by_server{};
  uint64_t bytes = 0;
  for (const OpenLoopRpc& rpc : result.rpcs) {
    by_server[rpc.server]++;
    bytes += rpc.length;
    EXPECT_EQ(rpc.error, 0);
  }
  EXPECT_EQ(bytes, result.due_bytes);
  for (size_t i = 0; i < 3; i++) {
    EXPECT_GT(by_server[i], result.rpcs.size() / 4);
    EXPECT_EQ(by_server[i], plans_[i].sent);
  }
  const auto lengths = plans_[0].lengths;
  for (FakePlan& plan : plans_) plan.sent = 0, plan.lengths.clear();
  Run();
  EXPECT_EQ(plans_[0].lengths, lengths);
  options_.seed = 2;
  for (FakePlan& plan : plans_) plan.sent = 0, plan.lengths.clear();
  Run();
  EXPECT_NE(plans_[0].lengths, lengths);
}

TEST_F(OpenLoopTest, WarmupIsNotCounted) {
  options_.warmup_ns = 10'000'000;
  const OpenLoopResult result = Run();
  uint64_t sent = 0;
  for (const FakePlan& plan : plans_) sent += plan.sent;
  EXPECT_LT(result.rpcs.size(), sent);
  EXPECT_EQ(result.run.Total().rpcs(), result.rpcs.size());
}

TEST_F(OpenLoopTest, WaitsForAFreeSlotAndCountsTheWait) {
  options_.outstanding = 1;
  plans_[0].lose = {0};
  const OpenLoopResult result = Run();
  EXPECT_EQ(plans_[0].max_in_flight, 1u);
  EXPECT_EQ(plans_[0].abandoned, 1u);
  uint64_t late = 0;
  for (const OpenLoopRpc& rpc : result.rpcs) {
    EXPECT_GE(rpc.latency_ns, rpc.late_ns);
    if (rpc.server == 0) late = std::max(late, rpc.late_ns);
  }
  EXPECT_GT(late, options_.timeout_ns / 2);
  EXPECT_EQ(result.run.Total().ErrorsByName().at("ETIMEDOUT"), 1u);
}

TEST_F(OpenLoopTest, FailuresAreRecorded) {
  plans_[1].refuse = {0};
  plans_[1].fail = {1};
  plans_[1].corrupt = {2};
  plans_[1].shorten = {3};
  const auto errors = Run().run.Total().ErrorsByName();
  EXPECT_EQ(errors.size(), 4u);
  for (const char* name : {"ENETUNREACH", "ETIMEDOUT", "EBADMSG", "EMSGSIZE"})
    EXPECT_EQ(errors.at(name), 1u) << name;
}

TEST_F(OpenLoopTest, AFatalErrorEndsTheRun) {
  plans_[2].fatal_at = 5;
  EXPECT_NE(Run().run.fatal, "");
}

}  // namespace
}  // namespace rpcload
