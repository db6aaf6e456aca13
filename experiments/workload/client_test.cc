// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <errno.h>
#include <gtest/gtest.h>

#include "transport_fake.h"

namespace rpcload {
namespace {

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    Address::Parse("127.0.0.1", 4000, &options_.servers.emplace_back());
    options_.count = 100;
    options_.verify = true;
    options_.log = true;
    options_.log_records = 1000;
  }

  RunResult Run() {
    Crew crew(options_.threads);
    return RunClient(
        options_,
        [&](const ClientConfig& config, std::string*) {
          return std::make_unique<FakeClient>(config, &plan_);
        },
        &crew);
  }

  ClientOptions options_;
  FakePlan plan_;
};

TEST_F(ClientTest, MeasuresWhatIsAskedFor) {
  options_.warmup = 7;
  RunResult result = Run();
  EXPECT_EQ(result.fatal, "");
  EXPECT_FALSE(result.interrupted);
  EXPECT_EQ(plan_.sent, 107u);
  EXPECT_EQ(plan_.max_in_flight, 1u);
  Recorder total = result.Total();
  EXPECT_EQ(total.rpcs(), 100u);
  EXPECT_EQ(total.errors(), 0u);
  EXPECT_EQ(total.latency().count(), 100u);
  EXPECT_EQ(total.request_bytes(), 100u * 100);

  std::vector<rpclog_record> log = result.threads[0].LogRecords();
  ASSERT_EQ(log.size(), 107u);
  for (size_t i = 0; i < log.size(); i++) {
    const rpclog_record& r = log[i];
    EXPECT_EQ(r.rpc_id, i);
    EXPECT_EQ(r.flags, i < 7 ? RPCLOG_WARMUP : 0u);
    EXPECT_LE(r.send_call_ns, r.send_return_ns);
    EXPECT_LE(r.send_return_ns, r.recv_call_ns);
    EXPECT_LE(r.recv_call_ns, r.recv_return_ns);
    EXPECT_EQ(r.client_port, 5000);
    EXPECT_EQ(r.server_port, 4000);
    EXPECT_NE(r.send_tid, 0u);
  }
  EXPECT_EQ(result.elapsed_ns, log.back().recv_return_ns - log[7].send_call_ns);
}

TEST_F(ClientTest, SlotsOfAllThreadsTakeServersInTurn) {
  ASSERT_TRUE(ParseAddresses("10.0.0.1,10.0.0.2,10.0.0.3", 4000, &options_.servers));
  options_.servers.erase(options_.servers.begin());
  options_.threads = 2;
  options_.outstanding = 5;
  std::vector<std::string> servers;
  Crew crew(options_.threads);
  RunResult result = RunClient(
      options_,
      [&](const ClientConfig& config, std::string*) {
        for (uint32_t slot = 0; slot < config.slots; slot++)
          servers.push_back(config.ServerOf(slot).Text());
        return std::make_unique<FakeClient>(config, &plan_);
      },
      &crew);
  EXPECT_EQ(result.fatal, "");
  const std::string one = "10.0.0.1:4000", two = "10.0.0.2:4000", three = "10.0.0.3:4000";
  EXPECT_EQ(servers, (std::vector{one, three, two, two, one}));
}

TEST(Addresses, ListsAreOfOneFamily) {
  for (const char* bad : {"", ",", "10.0.0.1,,10.0.0.2", "10.0.0.1,x", "10.0.0.1,fd00::1"}) {
    std::vector<Address> addresses;
    EXPECT_FALSE(ParseAddresses(bad, 1, &addresses)) << bad;
  }
  std::vector<Address> addresses;
  ASSERT_TRUE(ParseAddresses("fd00::1,fd00::2", 7, &addresses));
  EXPECT_EQ(AddressTexts(addresses), "[fd00::1]:7,[fd00::2]:7");
}

TEST_F(ClientTest, KeepsOutstandingInFlight) {
  options_.outstanding = 8;
  options_.length = {1, 5000};
  plan_.newest_first = true;
  RunResult result = Run();
  EXPECT_EQ(plan_.max_in_flight, 8u);
  EXPECT_EQ(result.Total().rpcs(), 100u);
  EXPECT_EQ(result.Total().errors(), 0u);
}

TEST_F(ClientTest, AnswersOfOneCallHaveItsTimes) {
  options_.outstanding = 8;
  plan_.together = 4;
  std::vector<rpclog_record> log = Run().threads[0].LogRecords();
  ASSERT_EQ(log.size(), 100u);
  for (size_t i = 0; i < log.size(); i++) {
    const rpclog_record& first = log[i - i % 4];
    EXPECT_EQ(log[i].flags, i % 4 ? RPCLOG_SAME_CALL : 0u);
    EXPECT_EQ(log[i].recv_call_ns, first.recv_call_ns);
    EXPECT_EQ(log[i].recv_return_ns, first.recv_return_ns);
    EXPECT_LE(log[i].send_return_ns, first.recv_call_ns);
    if (i && i % 4 == 0) {
      EXPECT_LE(log[i - 1].recv_return_ns, first.recv_call_ns);
    }
  }
}

TEST_F(ClientTest, SameSeedSameLengths) {
  options_.length = {1, 5000};
  Run();
  std::vector<uint32_t> first = std::exchange(plan_.lengths, {});
  Run();
  EXPECT_EQ(plan_.lengths, first);
  plan_.lengths.clear();
  options_.seed++;
  Run();
  EXPECT_NE(plan_.lengths, first);
}

TEST_F(ClientTest, ResponseLengthOfItsOwn) {
  options_.response_length = 3;
  Recorder total = Run().Total();
  EXPECT_EQ(total.response_bytes(), 300u);
  EXPECT_EQ(total.errors(), 0u);
}

TEST_F(ClientTest, CountsEveryKindOfFailure) {
  plan_.refuse = {1};
  plan_.fail = {2, 3};
  plan_.corrupt = {4};
  plan_.shorten = {5};
  RunResult result = Run();
  EXPECT_EQ(result.fatal, "");
  Recorder total = result.Total();
  EXPECT_EQ(total.rpcs(), 95u);
  EXPECT_EQ(total.errors(), 5u);
  std::map<std::string, uint64_t> expected = {
      {"ENETUNREACH", 1}, {"ETIMEDOUT", 2}, {"EBADMSG", 1}, {"EMSGSIZE", 1}};
  EXPECT_EQ(total.ErrorsByName(), expected);
  uint64_t flagged = 0;
  for (const rpclog_record& r : result.threads[0].LogRecords())
    flagged += (r.flags & RPCLOG_ERROR) != 0;
  EXPECT_EQ(flagged, 5u);
}

TEST_F(ClientTest, GivesUpWhatIsNeverAnswered) {
  options_.timeout_ns = 20'000'000;
  options_.outstanding = 2;
  plan_.lose = {3, 50};
  RunResult result = Run();
  Recorder total = result.Total();
  // On a busy machine others may be late, too; none may be counted twice or not at all.
  EXPECT_EQ(total.rpcs() + total.errors(), 100u);
  EXPECT_EQ(total.ErrorsByName().at("ETIMEDOUT"), total.errors());
  EXPECT_EQ(plan_.abandoned, total.errors());
  std::set<uint64_t> failed;
  for (const rpclog_record& r : result.threads[0].LogRecords())
    if (r.flags & RPCLOG_ERROR) failed.insert(r.rpc_id);
  EXPECT_TRUE(failed.count(3) && failed.count(50));
}

TEST_F(ClientTest, StopsWhenNothingWorks) {
  options_.count = 1000;
  for (uint64_t i = 10; i < 1000; i++) plan_.refuse.insert(i);
  RunResult result = Run();
  EXPECT_EQ(result.Total().rpcs(), 10u);
  EXPECT_EQ(plan_.sent, 110u);
  EXPECT_NE(result.fatal.find("100 RPCs in a row failed"), std::string::npos) << result.fatal;
}

TEST_F(ClientTest, ReportsABrokenTransport) {
  plan_.fatal_at = 5;
  RunResult result = Run();
  EXPECT_EQ(result.Total().rpcs(), 5u);
  EXPECT_NE(result.fatal.find("ESHUTDOWN"), std::string::npos) << result.fatal;
}

TEST_F(ClientTest, DurationEndsTheRun) {
  options_.count = 0;
  options_.duration_ns = 5'000'000;
  options_.outstanding = 4;
  RunResult result = Run();
  EXPECT_EQ(plan_.max_in_flight, 4u);
  EXPECT_GE(result.elapsed_ns, options_.duration_ns);
  EXPECT_GT(result.Total().rpcs(), 0u);
}

TEST_F(ClientTest, StopEndsTheRun) {
  options_.count = 10;
  plan_.lose = {4};
  Crew crew(1);
  RunResult result;
  std::thread stopper([&] {
    while (plan_.sent < 5) std::this_thread::yield();
    crew.Stop();
  });
  result = RunClient(
      options_,
      [&](const ClientConfig& config, std::string*) {
        return std::make_unique<FakeClient>(config, &plan_);
      },
      &crew);
  stopper.join();
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.Total().rpcs(), 4u);
  EXPECT_EQ(result.Total().errors(), 0u);
  EXPECT_EQ(plan_.abandoned, 1u);
}

TEST_F(ClientTest, FailureToStartIsReported) {
  Crew crew(1);
  RunResult result = RunClient(
      options_,
      [](const ClientConfig&, std::string* error) {
        *error = "no such thing";
        return nullptr;
      },
      &crew);
  EXPECT_TRUE(result.threads.empty());
  EXPECT_EQ(result.fatal, "no such thing");
}

}  // namespace
}  // namespace rpcload
