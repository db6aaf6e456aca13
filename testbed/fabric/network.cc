// SPDX-License-Identifier: Apache-2.0
#include "network.h"

#include <fmt/format.h>

namespace fabric {

Network::Network(EventQueue* events, Recorder* recorder, const Config& config, int nodes, uint64_t seed, Deliver deliver)
    : events_(events), recorder_(recorder), config_(config), nodes_(nodes), seed_(seed) {
  const bool single = config.kind == Config::Kind::kSingle;
  leaves_.resize(single ? 1 : config.leaves);
  spines_.resize(single ? 0 : config.spines);
  hosts_a_leaf_ = (nodes + int(leaves_.size()) - 1) / int(leaves_.size());
  auto buffer = [&] { return config.queue.shared ? std::make_shared<Buffer>(Buffer{config.queue.buffer_bytes}) : nullptr; };

  for (size_t leaf = 0; leaf < leaves_.size(); leaf++) {
    Switch& at = leaves_[leaf];
    const auto shared = buffer();
    at.first_node = int(leaf) * hosts_a_leaf_;
    for (int node = at.first_node; node < std::min(nodes, at.first_node + hosts_a_leaf_); node++)
      AddPort(&at.down, fmt::format("leaf{}-host{}", leaf, node), config.host, shared, node,
              [deliver, node](const PacketPtr& packet) { deliver(node, packet); });
    for (size_t spine = 0; spine < spines_.size(); spine++)
      AddPort(&at.up, fmt::format("leaf{}-spine{}", leaf, spine), config.trunk, shared, EventQueue::kNobody,
              [this, spine, leaf](const PacketPtr& packet) { AtSpine(spine, leaf, packet); });
  }
  for (size_t spine = 0; spine < spines_.size(); spine++) {
    const auto shared = buffer();
    for (size_t leaf = 0; leaf < leaves_.size(); leaf++)
      AddPort(&spines_[spine].down, fmt::format("spine{}-leaf{}", spine, leaf), config.trunk, shared, EventQueue::kNobody,
              [this, leaf](const PacketPtr& packet) { AtLeaf(leaf, -1, packet); });
  }
}

void Network::AddPort(std::vector<std::unique_ptr<Egress>>* ports, const std::string& name,
                      const LinkConfig& link, const std::shared_ptr<Buffer>& shared, int host, Egress::Arrive arrive) {
  const int port = recorder_->AddPort(name);
  ports->push_back(std::make_unique<Egress>(
      events_, recorder_, port, link, config_.queue.ecn_bytes,
      shared ? shared : std::make_shared<Buffer>(Buffer{config_.queue.buffer_bytes}),
      Impairment(config_.impair, seed_, port), host, std::move(arrive)));
}

void Network::FromHost(int node, const PacketPtr& packet) { AtLeaf(LeafOf(node), node, packet); }

size_t Network::PathOf(Switch* leaf, const Packet& packet) {
  return (config_.spray ? leaf->sprayed++ : packet.FlowHash()) % leaf->up.size();
}

// from_node: -1 if the packet comes from a spine.
void Network::AtLeaf(size_t leaf, int from_node, const PacketPtr& packet) {
  Switch& at = leaves_[leaf];
  auto forward = [&](Egress* egress) { events_->After(config_.switch_delay_ns, [egress, packet] { egress->Enqueue(packet); }); };
  if (packet->ForAll()) {
    for (size_t i = 0; i < at.down.size(); i++)
      if (at.first_node + int(i) != from_node) forward(at.down[i].get());
    if (from_node >= 0 && !at.up.empty()) forward(at.up[PathOf(&at, *packet)].get());
    return;
  }
  const auto node = packet->Node();
  if (!node || *node >= nodes_) {
    if (from_node >= 0) recorder_->Note(Step::kDropped, from_node, *packet, 0, Reason::kNoHost);
  } else if (LeafOf(*node) == leaf) {
    forward(at.down[*node - at.first_node].get());
  } else {
    forward(at.up[PathOf(&at, *packet)].get());
  }
}

void Network::AtSpine(size_t spine, size_t from_leaf, const PacketPtr& packet) {
  Switch& at = spines_[spine];
  for (size_t leaf = 0; leaf < at.down.size(); leaf++)
    if (packet->ForAll() ? leaf != from_leaf : leaf == LeafOf(*packet->Node()))
      events_->After(config_.switch_delay_ns, [egress = at.down[leaf].get(), packet] { egress->Enqueue(packet); });
}

}  // namespace fabric
