// SPDX-License-Identifier: Apache-2.0
// packet_test ADDRESS DEVICE HOST_DEVICE [FUZZ_PACKETS [FUZZ_SEED]] [gtest option...]
//
// Homa packets made by hand against the module of this host, whose own ADDRESS
// ends in 2 and belongs to HOST_DEVICE; DEVICE is the other end of its cable.
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "fixture.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  union endpoint_addr self;
  if (argc < 4 || !endpoint_parse(argv[1], 0, &self)) {
    std::fprintf(stderr, "usage: packet_test ADDRESS DEVICE HOST_DEVICE [FUZZ_PACKETS [FUZZ_SEED]]\n");
    return 2;
  }
  if (argc > 4) fuzz_packets = static_cast<unsigned>(std::atoi(argv[4]));
  if (argc > 5) fuzz_seed = std::strtoull(argv[5], nullptr, 10);
  // A packet is handled where it is sent: on one CPU they cannot overtake each other.
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof(first), &first);
  try {
    RawLink link(self.sa.sa_family, argv[2], argv[3]);
    raw_link = &link;
    return RUN_ALL_TESTS();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "packet_test: %s\n", e.what());
    return 2;
  }
}
