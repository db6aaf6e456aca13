// SPDX-License-Identifier: Apache-2.0
// The switches between the hosts, as a topology file describes them.
#ifndef FABRIC_NETWORK_H_
#define FABRIC_NETWORK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config.h"
#include "egress.h"
#include "recorder.h"

namespace fabric {

class Network {
 public:
  using Deliver = std::function<void(int node, const PacketPtr&)>;

  // Ports of the hosts must be numbered 0..nodes-1 in the recorder already.
  Network(EventQueue* events, Recorder* recorder, const Config& config, int nodes, uint64_t seed, Deliver deliver);

  // A packet of that host is complete at its first switch.
  void FromHost(int node, const PacketPtr& packet);

 private:
  struct Switch {
    std::vector<std::unique_ptr<Egress>> down, up;  // to hosts or leaves; to spines
    int first_node = 0;                             // a leaf: the host of down[0]
    uint64_t sprayed = 0;
  };

  void AddPort(std::vector<std::unique_ptr<Egress>>* ports, const std::string& name, const LinkConfig& link,
               const std::shared_ptr<Buffer>& shared, int host, Egress::Arrive arrive);
  void AtLeaf(size_t leaf, int from_node, const PacketPtr& packet);
  void AtSpine(size_t spine, size_t from_leaf, const PacketPtr& packet);
  size_t PathOf(Switch* leaf, const Packet& packet);
  size_t LeafOf(int node) const { return size_t(node) / hosts_a_leaf_; }

  EventQueue* events_;
  Recorder* recorder_;
  Config config_;
  int nodes_;
  uint64_t seed_;
  int hosts_a_leaf_;
  std::vector<Switch> leaves_, spines_;  // a single switch is a leaf without spines
};

}  // namespace fabric

#endif  // FABRIC_NETWORK_H_
