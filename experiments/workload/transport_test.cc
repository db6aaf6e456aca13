// SPDX-License-Identifier: Apache-2.0
// The real TCP and UDP transports over the loopback device, both engines in one process.
#include "transport.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "client.h"
#include "server.h"

namespace rpcload {
namespace {

struct Case {
  const char* name;
  Protocol protocol;
  const char* address;
  uint32_t server_threads;
  bool per_connection;
  uint32_t batch = 1;
};

// A server in a thread of its own, on a port the kernel chooses.
class RunningServer {
 public:
  explicit RunningServer(const Case& c) : crew_(c.server_threads) {
    options_.protocol = c.protocol;
    EXPECT_TRUE(Address::Parse(c.address, 0, &options_.config.bind));
    options_.config.threads = c.server_threads;
    options_.config.per_connection = c.per_connection;
    options_.config.batch = c.batch;
    options_.verify = true;
    options_.times = true;
    options_.log_records = 10000;
    std::string error;
    listener_ = MakeListener(c.protocol, options_.config, &error);
    if (!listener_) return;
    std::promise<void> ready;
    thread_ = std::thread([&] {
      result_ = RunServer(options_, listener_.get(), &crew_, [&] { ready.set_value(); });
    });
    ready.get_future().wait();
  }
  ~RunningServer() { Finish(); }

  bool up() const { return listener_ != nullptr; }
  uint16_t port() const { return listener_->port(); }

  const RunResult& Finish() {
    if (thread_.joinable()) {
      crew_.Stop();
      thread_.join();
    }
    return result_;
  }

 private:
  ServerOptions options_;
  Crew crew_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
  RunResult result_;
};

RunResult RunClientOf(const Case& c, uint16_t port, ClientOptions options) {
  options.protocol = c.protocol;
  EXPECT_TRUE(Address::Parse(c.address, port, &options.servers.emplace_back()));
  options.verify = true;
  options.batch = c.batch;
  Crew crew(options.threads);
  return RunClient(
      options,
      [&](const ClientConfig& config, std::string* e) { return MakeClient(c.protocol, config, e); },
      &crew);
}

class TransportTest : public testing::TestWithParam<Case> {
 protected:
  void Check(ClientOptions options) {
    RunningServer server(GetParam());
    if (!server.up()) GTEST_SKIP() << "no " << GetParam().address << " on this machine";
    options.warmup = 5;
    RunResult client = RunClientOf(GetParam(), server.port(), options);
    EXPECT_EQ(client.fatal, "");
    Recorder sent = client.Total(), served = server.Finish().Total();
    EXPECT_EQ(sent.rpcs(), options.count);
    EXPECT_EQ(sent.errors(), 0u);
    EXPECT_EQ(served.rpcs(), options.count + 5);
    EXPECT_EQ(served.errors(), 0u);
    for (const Recorder& thread : server.Finish().threads) {
      for (const rpclog_record& r : thread.LogRecords()) {
        EXPECT_LE(r.recv_call_ns, r.recv_return_ns);
        EXPECT_LE(r.recv_return_ns, r.send_call_ns);
        EXPECT_LE(r.send_call_ns, r.send_return_ns);
        EXPECT_NE(r.client_port, 0);
        EXPECT_EQ(r.server_port, server.port());
      }
    }
  }
};

TEST_P(TransportTest, PingPong) { Check({.count = 200}); }

TEST_P(TransportTest, EveryShortLength) { Check({.length = {1, 20}, .count = 300}); }

TEST_P(TransportTest, OtherResponseLength) {
  Check({.length = {8, 8}, .response_length = 60000, .count = 30});
}

TEST_P(TransportTest, ManyOutstanding) {
  if (GetParam().per_connection) GTEST_SKIP() << "one thread serves one connection";
  Check({.length = {1, 3000}, .outstanding = 12, .threads = 3, .count = 600});
}

TEST_P(TransportTest, LongestMessages) {
  uint32_t max = MaxMessage(GetParam().protocol);
  Check({.length = {max, max}, .count = 10});
}

INSTANTIATE_TEST_SUITE_P(
    All, TransportTest,
    testing::Values(Case{"tcp", Protocol::kTcp, "127.0.0.1", 1, false},
                    Case{"tcp_batch", Protocol::kTcp, "127.0.0.1", 2, false, 8},
                    Case{"tcp_18_threads", Protocol::kTcp, "127.0.0.1", 18, false},
                    Case{"tcp_per_connection", Protocol::kTcp, "127.0.0.1", 2, true},
                    Case{"tcp_v6", Protocol::kTcp, "::1", 2, false},
                    Case{"udp", Protocol::kUdp, "127.0.0.1", 1, false},
                    Case{"udp_18_threads", Protocol::kUdp, "127.0.0.1", 18, false},
                    Case{"udp_v6", Protocol::kUdp, "::1", 2, false}),
    [](const auto& param) { return std::string(param.param.name); });

const Case kTcp = {"tcp", Protocol::kTcp, "127.0.0.1", 2, false};

// Sends raw bytes on a connection of its own; true if the server closes it.
bool ServerHangsUp(uint16_t port, const std::string& bytes) {
  Address to;
  EXPECT_TRUE(Address::Parse("127.0.0.1", port, &to));
  Fd fd(socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(connect(fd.get(), to.raw(), to.size()), 0);
  EXPECT_EQ(send(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  pollfd poll_fd = {fd.get(), POLLIN, 0};
  char byte;
  return poll(&poll_fd, 1, 10000) == 1 && recv(fd.get(), &byte, 1, 0) <= 0;
}

TEST(TcpServer, RefusesNonsenseAndGoesOn) {
  RunningServer server(kTcp);
  EXPECT_TRUE(ServerHangsUp(server.port(), "\xffnonsense"));
  EXPECT_TRUE(ServerHangsUp(server.port(), std::string("\0\x08\0\0\x08\0\0\0more", 12)));
  RunResult client = RunClientOf(kTcp, server.port(), {.count = 20});
  EXPECT_EQ(client.Total().rpcs(), 20u);
  EXPECT_EQ(server.Finish().Total().ErrorsByName().at("EBADMSG"), 2u);
}

TEST(TcpServer, RequestInPieces) {
  RunningServer server(kTcp);
  Address to;
  ASSERT_TRUE(Address::Parse("127.0.0.1", server.port(), &to));
  Fd fd(socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(connect(fd.get(), to.raw(), to.size()), 0);
  MessageBuffer buffer;
  Header header = Header::Make(300, 40, 5);
  std::vector<uint8_t> request(300);
  memcpy(request.data(), buffer.Build(header, 300), 300);
  for (uint8_t byte : request) ASSERT_EQ(send(fd.get(), &byte, 1, MSG_NOSIGNAL), 1);
  uint8_t response[40];
  ASSERT_EQ(recv(fd.get(), response, sizeof(response), MSG_WAITALL), 40);
  EXPECT_TRUE(PayloadMatches(header, {response, nullptr, 40}));
  EXPECT_EQ(server.Finish().Total().errors(), 0u);
}

TEST(TcpClient, SaysWhoDoesNotListen) {
  ClientConfig config;
  ASSERT_TRUE(Address::Parse("127.0.0.1", 1, &config.servers.emplace_back()));
  std::string error;
  EXPECT_EQ(MakeClient(Protocol::kTcp, config, &error), nullptr);
  EXPECT_EQ(error, "connect TCP 127.0.0.1:1: Connection refused (ECONNREFUSED)");
}

TEST(TcpClient, SurvivesALostConnection) {
  auto server = std::make_unique<RunningServer>(kTcp);
  ClientConfig config;
  ASSERT_TRUE(Address::Parse("127.0.0.1", server->port(), &config.servers.emplace_back()));
  std::string error;
  auto client = MakeClient(Protocol::kTcp, config, &error);
  ASSERT_NE(client, nullptr) << error;
  // Closes the listener before its port is known to a client that retries.
  server.reset();
  MessageBuffer buffer;
  Header header = Header::Make(100, 100, 0);
  uint64_t id;
  const uint8_t* message = buffer.Build(header, 100);
  int first = client->Send(0, message, 100, 100, &id);
  if (!first) first = client->Receive(true).error;
  EXPECT_TRUE(first == ECONNRESET || first == EPIPE) << first;
  EXPECT_EQ(client->Send(0, message, 100, 100, &id), ECONNREFUSED);
}

TEST(UdpClient, LateAnswersDoNotCount) {
  Fd socket_fd(socket(AF_INET, SOCK_DGRAM, 0));
  ClientConfig config;
  Address& server = config.servers.emplace_back();
  ASSERT_TRUE(Address::Parse("127.0.0.1", 0, &server));
  ASSERT_EQ(bind(socket_fd.get(), server.raw(), server.size()), 0);
  ASSERT_TRUE(Address::Parse("127.0.0.1", LocalPort(socket_fd.get()), &server));
  config.max_response = 4;
  std::string error;
  auto client = MakeClient(Protocol::kUdp, config, &error);
  ASSERT_NE(client, nullptr) << error;

  uint64_t id;
  Address from;
  socklen_t size = sizeof(from.storage);
  char request[10];
  ASSERT_EQ(client->Send(0, reinterpret_cast<const uint8_t*>("old"), 3, 4, &id), 0);
  ASSERT_EQ(recvfrom(socket_fd.get(), request, sizeof(request), 0, from.raw(), &size), 3);
  ASSERT_EQ(client->Abandon(0), 0);
  sendto(socket_fd.get(), "late", 4, 0, from.raw(), from.size());
  ASSERT_EQ(client->Send(0, reinterpret_cast<const uint8_t*>("new"), 3, 4, &id), 0);
  size = sizeof(from.storage);
  ASSERT_EQ(recvfrom(socket_fd.get(), request, sizeof(request), 0, from.raw(), &size), 3);
  sendto(socket_fd.get(), "good", 4, 0, from.raw(), from.size());
  Event event = client->Receive(true);
  ASSERT_EQ(event.kind, Event::kDone);
  EXPECT_EQ(memcmp(event.payload.base, "good", 4), 0);
}

TEST(Homa, SaysWhatIsMissing) {
  Fd probe(socket(AF_INET, SOCK_DGRAM, 146));
  if (probe) GTEST_SKIP() << "homa.ko is loaded here";
  ClientConfig config;
  ASSERT_TRUE(Address::Parse("127.0.0.1", 4000, &config.servers.emplace_back()));
  std::string error;
  EXPECT_EQ(MakeClient(Protocol::kHoma, config, &error), nullptr);
  EXPECT_NE(error.find("homa.ko is not loaded"), std::string::npos) << error;
}

}  // namespace
}  // namespace rpcload
