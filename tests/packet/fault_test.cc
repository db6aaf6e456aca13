// SPDX-License-Identifier: Apache-2.0
// Packets for which there is no memory; faults.sh has prepared the kernel.
#include <fstream>

#include "fixture.h"

namespace {

constexpr char kProbability[] = "/sys/kernel/debug/failslab/probability";
constexpr std::uint8_t kDestinationOptions = 60, kExperiment = 0x1e;
constexpr std::size_t kLong = 6000;  // the kernel keeps nearly all of it in pages

class FaultTest : public PacketTest {
 protected:
  void SetUp() override {
    if (raw_link->family() != AF_INET6 || !std::ifstream(kProbability))
      GTEST_SKIP() << "wants IPv6 and a kernel whose allocations can be made to fail";
    PacketTest::SetUp();
  }

  // @packet behind @option_bytes of an option that hosts skip; a multiple of 8.
  Bytes behind_options(std::size_t option_bytes, const Bytes& packet) {
    Bytes out = raw_link->ip_header(peer_, self_, kDestinationOptions, option_bytes + packet.size());
    Bytes options = {kHomaProtocol, static_cast<std::uint8_t>(option_bytes / 8 - 1)};
    while (options.size() < option_bytes) {
      const auto data = static_cast<std::uint8_t>(std::min<std::size_t>(option_bytes - options.size() - 2, 64));
      // Two bytes at least are left for the next one, or none.
      const auto kept = static_cast<std::uint8_t>(option_bytes - options.size() - 2 - data == 1 ? data - 1 : data);
      options.insert(options.end(), {kExperiment, kept});
      options.resize(options.size() + kept);
    }
    out.insert(out.end(), options.begin(), options.end());
    out.insert(out.end(), packet.begin(), packet.end());
    return out;
  }
};

// The header lies in pages, and there is no memory to bring it together: how many
// bytes of room the kernel left depends on what it brought together before.
TEST_F(FaultTest, HeaderInPages) {
  const Bytes request = data_packet(to_server(new_id()), {kLong, 0, pattern_bytes(0, kLong)});
  const Bytes control = longer(ack_packet(to_server(new_id())), kLong);
  for (const Bytes& packet : {request, control}) {
    const std::uint64_t before = counted("drop_NO_MEMORY");
    std::ofstream(kProbability) << 100 << std::flush;
    for (std::size_t bytes = 64; bytes < 1500; bytes += 8) raw_link->send_ip(behind_options(bytes, packet));
    std::ofstream(kProbability) << 0 << std::flush;
    settle();
    EXPECT_GT(counted("drop_NO_MEMORY"), before);
  }
}

// Segments that a device did not cut.
TEST_F(FaultTest, Segments) {
  constexpr std::uint32_t kSegment = 1400;
  const Bytes packet = gso_packet(to_server(new_id()), 10 * kSegment, kSegment);
  std::ofstream(kProbability) << 100 << std::flush;
  raw_link->send_super(peer_, self_, kHomaProtocol, packet, kSegment + sizeof(std::uint32_t));
  std::ofstream(kProbability) << 0 << std::flush;
  settle();
  EXPECT_EQ(counted("drop_NO_MEMORY"), 1u);
}

}  // namespace
