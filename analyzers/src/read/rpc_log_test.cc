// SPDX-License-Identifier: Apache-2.0
#include "read/rpc_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

namespace hs {
namespace {

class RpcLogFile : public ::testing::Test {
 protected:
  RpcLogFile() {
    header.magic = RPCLOG_MAGIC;
    header.header_bytes = sizeof(header);
    header.record_bytes = sizeof(rpclog_record);
    header.role = RPCLOG_CLIENT;
    header.transport = RPCLOG_TCP;
    header.records = 2;
    header.dropped = 5;
    std::strcpy(header.host, "h1");
  }

  Result<RpcLog> Read(std::size_t cut = 0, std::uint32_t stride = sizeof(rpclog_record)) {
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
    for (std::uint64_t id : {7, 8}) {
      rpclog_record record{};
      record.rpc_id = id;
      bytes.append(reinterpret_cast<const char*>(&record), sizeof(record));
      bytes.append(stride - sizeof(record), 'x');
    }
    bytes.resize(bytes.size() - cut);
    std::ofstream(path, std::ios::binary) << bytes;
    return ReadRpcLog(path);
  }

  rpclog_header header{};
  std::string path = ::testing::TempDir() + "rpc_log_test." + std::to_string(getpid());
};

TEST_F(RpcLogFile, Reads) {
  auto log = Read();
  ASSERT_TRUE(log);
  EXPECT_TRUE(log->client);
  EXPECT_EQ(log->transport, Transport::kTcp);
  EXPECT_EQ(log->host, "h1");
  EXPECT_EQ(log->dropped, 5u);
  ASSERT_EQ(log->records.size(), 2u);
  EXPECT_EQ(log->records[1].rpc_id, 8u);
}

TEST_F(RpcLogFile, ReadsWhatALaterWriterAppended) {
  header.record_bytes = sizeof(rpclog_record) + 16;
  auto log = Read(0, header.record_bytes);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->records[1].rpc_id, 8u);
}

TEST_F(RpcLogFile, ReadsToTheEndWhenTheCountIsNotWritten) {
  header.records = 0;
  auto log = Read();
  ASSERT_TRUE(log);
  EXPECT_EQ(log->records.size(), 2u);
}

TEST_F(RpcLogFile, RefusesDamage) {
  EXPECT_FALSE(Read(1)) << "cut off";
  EXPECT_FALSE(Read(sizeof(rpclog_record))) << "a record is missing";
  header.magic++;
  EXPECT_FALSE(Read());
  header.magic--;
  header.header_bytes = 1 << 30;
  EXPECT_FALSE(Read());
  header.header_bytes = sizeof(header);
  header.record_bytes = 1;
  EXPECT_FALSE(Read());
  header.record_bytes = sizeof(rpclog_record);
  header.role = 3;
  EXPECT_FALSE(Read());
  header.role = RPCLOG_SERVER;
  header.transport = 0;
  EXPECT_FALSE(Read());
  EXPECT_FALSE(ReadRpcLog("/nonexistent")) << "no file";
}

}  // namespace
}  // namespace hs
