// SPDX-License-Identifier: Apache-2.0
#include "recorder.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <string.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "output.h"
#include "report.h"

namespace rpcload {
namespace {

rpclog_record At(uint64_t time, uint32_t flags = 0) {
  rpclog_record r = {};
  r.rpc_id = time;
  r.send_call_ns = time;
  r.request_bytes = 10;
  r.response_bytes = 20;
  r.flags = flags;
  return r;
}

TEST(Recorder, KeepsTheNewestRecords) {
  Recorder r(4);
  for (uint64_t t = 1; t <= 3; t++) r.Add(At(t), t);
  EXPECT_EQ(r.LogRecords().size(), 3u);
  EXPECT_EQ(r.log_dropped(), 0u);
  for (uint64_t t = 4; t <= 10; t++) r.Add(At(t), t);
  std::vector<rpclog_record> kept = r.LogRecords();
  ASSERT_EQ(kept.size(), 4u);
  for (size_t i = 0; i < 4; i++) EXPECT_EQ(kept[i].rpc_id, 7 + i);
  EXPECT_EQ(r.log_dropped(), 6u);
}

TEST(Recorder, WarmupIsLoggedNotCounted) {
  Recorder r(10);
  r.Add(At(1, RPCLOG_WARMUP), 1000);
  r.Add(At(2), 5);
  r.AddError(At(3, RPCLOG_ERROR), ETIMEDOUT);
  EXPECT_EQ(r.rpcs(), 1u);
  EXPECT_EQ(r.errors(), 1u);
  EXPECT_EQ(r.request_bytes(), 10u);
  EXPECT_EQ(r.response_bytes(), 20u);
  EXPECT_EQ(r.latency().max(), 5u);
  EXPECT_EQ(r.LogRecords().size(), 3u);
  EXPECT_EQ(r.ErrorsByName().at("ETIMEDOUT"), 1u);
}

TEST(Rpclog, HeaderAndOrder) {
  std::vector<Recorder> threads;
  threads.emplace_back(10);
  threads.emplace_back(2);
  for (uint64_t t : {5, 7}) threads[0].Add(At(t), 1);
  for (uint64_t t : {2, 4, 6}) threads[1].Add(At(t), 1);
  std::string bytes = EncodeRpclog(RPCLOG_CLIENT, RPCLOG_UDP, threads);

  rpclog_header header;
  ASSERT_GE(bytes.size(), sizeof(header));
  memcpy(&header, bytes.data(), sizeof(header));
  EXPECT_EQ(header.magic, RPCLOG_MAGIC);
  EXPECT_EQ(bytes.substr(0, 8), "HRPCLOG1");
  EXPECT_EQ(header.header_bytes, sizeof(rpclog_header));
  EXPECT_EQ(header.record_bytes, sizeof(rpclog_record));
  EXPECT_EQ(header.role, RPCLOG_CLIENT);
  EXPECT_EQ(header.transport, RPCLOG_UDP);
  EXPECT_EQ(header.records, 4u);
  EXPECT_EQ(header.dropped, 1u);
  EXPECT_NE(header.host[0], '\0');
  ASSERT_EQ(bytes.size(), sizeof(header) + 4 * sizeof(rpclog_record));
  const uint64_t expected[] = {4, 5, 6, 7};
  for (size_t i = 0; i < 4; i++) {
    rpclog_record r;
    memcpy(&r, bytes.data() + sizeof(header) + i * sizeof(r), sizeof(r));
    EXPECT_EQ(r.rpc_id, expected[i]);
  }
}

TEST(Report, JsonHoldsWhatWasRecorded) {
  ClientOptions options;
  ASSERT_TRUE(Address::Parse("10.0.1.2", 4000, &options.servers.emplace_back()));
  RunResult result;
  result.elapsed_ns = 1234;
  result.threads.emplace_back(0);
  for (uint64_t v : {10, 20, 30}) result.threads[0].Add(At(v), v);
  result.threads[0].AddError(At(4, RPCLOG_ERROR), ECONNREFUSED);

  auto json = nlohmann::json::parse(ClientJson(options, result));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["role"], "client");
  EXPECT_EQ(json["options"]["transport"], "homa");
  EXPECT_EQ(json["options"]["server"], "10.0.1.2:4000");
  EXPECT_TRUE(json["options"]["response_length"].is_null());
  EXPECT_EQ(json["rpcs"], 3);
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["errors_by_name"]["ECONNREFUSED"], 1);
  EXPECT_EQ(json["elapsed_ns"], 1234);
  EXPECT_EQ(json["request_bytes"], 30);
  EXPECT_EQ(json["latency_ns"]["p50"], 20);
  EXPECT_EQ(json["latency_ns"]["max"], 30);
  auto expected = nlohmann::json::parse("[[10,10,1],[20,20,1],[30,30,1]]");
  EXPECT_EQ(json["histogram"]["buckets"], expected);
}

TEST(Output, ReplacesOrLeavesAlone) {
  std::string path = testing::TempDir() + "rpcload_output." + std::to_string(getpid()), error;
  ASSERT_TRUE(WriteFile(path, "one", &error)) << error;
  ASSERT_TRUE(WriteFile(path, "two", &error)) << error;
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  EXPECT_EQ(content.str(), "two");
  unlink(path.c_str());

  EXPECT_FALSE(WriteFile("/nonexistent/file", "x", &error));
  EXPECT_EQ(error, "write /nonexistent/file: No such file or directory (ENOENT)");
}

}  // namespace
}  // namespace rpcload
