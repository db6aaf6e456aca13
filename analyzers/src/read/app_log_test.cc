// SPDX-License-Identifier: Apache-2.0
#include "read/app_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "timetrace/writer.h"

namespace hs {
namespace {

tt_event_desc Describe(const char* name, std::vector<tt_field> fields) {
  tt_event_desc event{};
  event.name = name;
  event.group = "app";
  event.doc = "";
  event.nargs = static_cast<unsigned>(fields.size());
  std::copy(fields.begin(), fields.end(), event.fields);
  return event;
}

const std::vector<tt_field> kReturn = {
    {"role", "", TT_U8},          {"transport", "", TT_U8},     {"rpc_id", "", TT_U64},
    {"client_port", "", TT_U16},  {"server_port", "", TT_U16},  {"request", "", TT_U32},
    {"response", "", TT_U32},     {"flags", "", TT_U8}};
const tt_event_desc kDictionary[] = {
    Describe("rpcload:send_call", {{"role", "", TT_U8}}), Describe("rpcload:sent", kReturn),
    Describe("rpcload:recv_call", {{"role", "", TT_U8}}), Describe("rpcload:received", kReturn)};
enum { kSendCall, kSent, kRecvCall, kReceived };
constexpr std::uint32_t kClientRing = 4, kServerRing = 5;

class AppLog : public ::testing::Test {
 protected:
  AppLog() : writer(tt_writer_new(kDictionary, 4)) {
    for (std::uint32_t ring : {kClientRing, kServerRing}) {
      tt_thread thread{100, 100 + ring, "rpcload"};
      EXPECT_EQ(tt_writer_set_thread(writer, ring, &thread), 0);
    }
  }
  ~AppLog() override { tt_writer_free(writer); }

  void Call(std::uint64_t time, std::uint32_t ring, std::uint32_t event) {
    const std::uint64_t role = ring == kClientRing ? RPCLOG_CLIENT : RPCLOG_SERVER;
    ASSERT_EQ(tt_writer_add(writer, time, ring, event, &role), 0);
  }
  void Return(std::uint64_t time, std::uint32_t ring, std::uint32_t event, std::uint64_t id,
              std::uint64_t flags = 0) {
    const std::uint64_t role = ring == kClientRing ? RPCLOG_CLIENT : RPCLOG_SERVER;
    const std::uint64_t args[] = {role, RPCLOG_TCP, id, 40000, 700, 100, 200, flags};
    ASSERT_EQ(tt_writer_add(writer, time, ring, event, args), 0);
  }
  std::vector<RpcLog> Read() {
    char error[256] = "";
    EXPECT_EQ(tt_writer_save(writer, path.c_str(), error, sizeof(error)), 0) << error;
    auto logs = ReadAppLogs(path);
    EXPECT_TRUE(logs);
    return logs ? *logs : std::vector<RpcLog>{};
  }

  tt_writer* writer;
  std::string path = ::testing::TempDir() + "app_log_test." + std::to_string(getpid());
};

TEST_F(AppLog, BothSidesOfAnRpc) {
  Call(1000, kClientRing, kSendCall);
  Return(1100, kClientRing, kSent, 7, RPCLOG_WARMUP);
  Call(1200, kClientRing, kRecvCall);
  Call(900, kServerRing, kRecvCall);
  Return(1300, kServerRing, kReceived, 7);
  Call(1400, kServerRing, kSendCall);
  Return(1500, kServerRing, kSent, 7);
  Return(1600, kClientRing, kReceived, 7, RPCLOG_WARMUP);
  const auto logs = Read();
  ASSERT_EQ(logs.size(), 2u);
  const RpcLog& server = logs[0];
  const RpcLog& client = logs[1];
  ASSERT_TRUE(client.client && !server.client);
  EXPECT_EQ(client.transport, Transport::kTcp);
  ASSERT_EQ(client.records.size(), 1u);
  ASSERT_EQ(server.records.size(), 1u);
  EXPECT_EQ(client.dropped + server.dropped, 0u);
  const rpclog_record& c = client.records[0];
  EXPECT_EQ(c.rpc_id, 7u);
  EXPECT_EQ(c.send_call_ns, 1000u);
  EXPECT_EQ(c.send_return_ns, 1100u);
  EXPECT_EQ(c.recv_call_ns, 1200u);
  EXPECT_EQ(c.recv_return_ns, 1600u);
  EXPECT_EQ(c.send_tid, 100 + kClientRing);
  EXPECT_EQ(c.request_bytes, 100u);
  EXPECT_EQ(c.response_bytes, 200u);
  EXPECT_EQ(c.client_port, 40000u);
  EXPECT_EQ(c.flags, static_cast<std::uint32_t>(RPCLOG_WARMUP));
  const rpclog_record& s = server.records[0];
  EXPECT_EQ(s.recv_call_ns, 900u);
  EXPECT_EQ(s.recv_return_ns, 1300u);
  EXPECT_EQ(s.send_call_ns, 1400u);
  EXPECT_EQ(s.send_return_ns, 1500u);
  EXPECT_EQ(s.recv_tid, 100 + kServerRing);
}

// What the ring does not have any more, or not yet, makes no RPC.
TEST_F(AppLog, HalvesAreDropped) {
  Return(1000, kClientRing, kSent, 1);  // its call is lost
  Call(1100, kClientRing, kRecvCall);
  Return(1200, kClientRing, kReceived, 2);  // it was never sent
  Call(1300, kClientRing, kSendCall);
  Return(1400, kClientRing, kSent, 3);  // unanswered
  const auto logs = Read();
  ASSERT_EQ(logs.size(), 1u);
  EXPECT_TRUE(logs[0].records.empty());
  EXPECT_EQ(logs[0].dropped, 3u);
}

// All that one call received has its times; what follows a call that is lost is dropped.
TEST_F(AppLog, ManyOfOneCall) {
  Return(800, kServerRing, kReceived, 1);
  Return(850, kServerRing, kReceived, 2, RPCLOG_SAME_CALL);
  Call(900, kServerRing, kRecvCall);
  for (std::uint64_t id : {3, 4}) {
    const std::uint64_t flags = id == 3 ? 0 : RPCLOG_SAME_CALL;
    Return(1000 * id, kServerRing, kReceived, id, flags);
    Call(1000 * id + 100, kServerRing, kSendCall);
    Return(1000 * id + 200, kServerRing, kSent, id, flags);
  }
  const auto logs = Read();
  ASSERT_EQ(logs.size(), 1u);
  EXPECT_EQ(logs[0].dropped, 2u);
  ASSERT_EQ(logs[0].records.size(), 2u);
  for (const rpclog_record& r : logs[0].records) {
    EXPECT_EQ(r.recv_call_ns, 900u);
    EXPECT_EQ(r.recv_return_ns, 3000u);
    EXPECT_EQ(r.send_call_ns, 1000 * r.rpc_id + 100);
    EXPECT_EQ(r.send_return_ns, 1000 * r.rpc_id + 200);
  }
}

TEST_F(AppLog, FailedToSend) {
  Call(1000, kClientRing, kSendCall);
  Return(1100, kClientRing, kSent, 1, RPCLOG_ERROR);
  const auto logs = Read();
  ASSERT_EQ(logs.size(), 1u);
  ASSERT_EQ(logs[0].records.size(), 1u);
  EXPECT_EQ(logs[0].records[0].flags, static_cast<std::uint32_t>(RPCLOG_ERROR));
}

// Only the rings of threads count: nobody else writes these events.
TEST_F(AppLog, NoEventsNoLogs) {
  EXPECT_TRUE(Read().empty());
  Call(1000, 0, kSendCall);
  Return(1100, 0, kSent, 1);
  EXPECT_TRUE(Read().empty());
}

}  // namespace
}  // namespace hs
