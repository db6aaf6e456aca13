// SPDX-License-Identifier: Apache-2.0
// What a topology file says. docs/cluster.md explains the keys.
#ifndef FABRIC_CONFIG_H_
#define FABRIC_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "events.h"
#include "packet.h"

namespace fabric {

struct LinkConfig {
  uint64_t rate_bps = 10'000'000'000;
  Ns delay_ns = 500;  // propagation
};

struct QueueConfig {
  uint64_t buffer_bytes = 1 << 20;  // of a port, or of a switch if shared
  bool shared = false;
  uint64_t ecn_bytes = 0;           // mark packets that find more than this in their port; 0: never
};

// Probabilities a packet on any link that leaves a switch; burst: how many in a row once one is lost.
struct ImpairConfig {
  double loss = 0, duplicate = 0, corrupt = 0, reorder = 0;
  uint64_t burst_packets = 1;
  Ns reorder_delay_ns = 20'000;
  int protocol = -1;  // only this IP protocol; -1: all
  int homa_type = -1; // only Homa packets of this type; -1: all
};

struct FaultConfig {
  enum class Kind { kLinkDown, kKill };
  Kind kind = Kind::kLinkDown;
  int node = 0;
  Ns at_ns = 0, for_ns = 0, every_ns = 0;  // since the first node booted; 0: only once
};

// Of one node.
struct ClockConfig {
  Ns offset_ns = 0;      // it boots so much later
  double drift_ppm = 0;  // its clocks run faster
};

struct Config {
  enum class Kind { kSingle, kLeafSpine };
  Kind kind = Kind::kSingle;
  LinkConfig host;
  int mtu_bytes = 1500;
  bool checksum_offload = true, segmentation_offload = false, mergeable_buffers = false;
  Ns switch_delay_ns = 300;
  QueueConfig queue;
  int leaves = 2, spines = 2;
  LinkConfig trunk{.rate_bps = 40'000'000'000, .delay_ns = 500};
  bool spray = false;  // else one path a flow
  ImpairConfig impair;
  std::vector<FaultConfig> faults;
  std::vector<ClockConfig> clocks;  // of the first nodes; those of others are exact
};

// A packet takes longer than this from a switch to a host and from one host to any other, and at least this to be sent.
inline Reach ReachOf(const Config& config) {
  return {config.host.delay_ns, 2 * config.host.delay_ns + config.switch_delay_ns,
          SerialisationNs(Packet().WireBytes(), config.host.rate_bps)};
}

// Throws std::runtime_error with one line: what is wrong, where, and what is allowed.
Config ReadConfig(const std::string& path, int nodes);

}  // namespace fabric

#endif  // FABRIC_CONFIG_H_
