// SPDX-License-Identifier: Apache-2.0
// The server engine with requests from nobody.
#include "server.h"

#include <errno.h>
#include <gtest/gtest.h>

namespace rpcload {
namespace {

constexpr uint64_t kRequests = 30, kTogether = 3;

// Receives three requests with a call.
class FakeServer : public ServerTransport {
 public:
  Event Receive(Origin* origin) override {
    if (received_ == kRequests) return {Event::kFatal, ESHUTDOWN};
    *origin = {++received_, 5000};
    const uint8_t* request = buffer_.Build(Header::Make(100, 40, received_), 100);
    return {Event::kDone, 0, 0, {request, nullptr, 100}, received_ % kTogether != 0};
  }
  int Reply(const uint8_t*, uint32_t length) override { return length == 40 ? 0 : EPROTO; }

 private:
  MessageBuffer buffer_;
  uint64_t received_ = 0;
};

class FakeListener : public Listener {
 public:
  std::unique_ptr<ServerTransport> NewThread() override { return std::make_unique<FakeServer>(); }
  uint16_t port() const override { return 700; }
};

TEST(Server, RequestsOfOneCallHaveItsTimes) {
  ServerOptions options;
  options.times = true;
  options.log_records = 1000;
  FakeListener listener;
  Crew crew(1);
  RunResult result = RunServer(options, &listener, &crew, [] {});
  std::vector<rpclog_record> log = result.threads[0].LogRecords();
  ASSERT_EQ(log.size(), kRequests);
  EXPECT_EQ(result.Total().errors(), 0u);
  for (size_t i = 0; i < log.size(); i++) {
    const rpclog_record& first = log[i - i % kTogether];
    EXPECT_EQ(log[i].rpc_id, i + 1);
    EXPECT_EQ(log[i].flags, i % kTogether ? RPCLOG_SAME_CALL : 0u);
    EXPECT_EQ(log[i].recv_call_ns, first.recv_call_ns);
    EXPECT_EQ(log[i].recv_return_ns, first.recv_return_ns);
    EXPECT_LE(log[i].recv_return_ns, log[i].send_call_ns);
    if (i) {
      EXPECT_LE(log[i - 1].send_return_ns, log[i].send_call_ns);
    }
    if (i && i % kTogether == 0) {
      EXPECT_LE(log[i - 1].send_return_ns, first.recv_call_ns);
    }
  }
}

}  // namespace
}  // namespace rpcload
