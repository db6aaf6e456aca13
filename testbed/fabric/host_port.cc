// SPDX-License-Identifier: Apache-2.0
#include "host_port.h"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

#include "segment.h"

namespace fabric {

namespace {

constexpr size_t kEthernetBytes = 14, kVlanBytes = 4, kMaxSegmentable = 65'536;

}  // namespace

HostPort::HostPort(EventQueue* events, Recorder* recorder, int node, const Config& config, const std::string& socket_path,
                   const LinkStates* links, uint64_t* next_id, Arrive arrive)
    : events_(events), recorder_(recorder), node_(node), config_(config), links_(links), next_id_(next_id),
      arrive_(std::move(arrive)), card_(node, config, socket_path, [this](std::optional<uint16_t> among) { Fetch(among); }) {}

// While a packet is on the wire the guest need not tell about the next: it is looked for when that was sent.
void HostPort::Fetch(std::optional<uint16_t> among) {
  Virtqueue& queue = card_.At(VhostNet::kTransmit);
  while (auto chain = queue.Take(among)) {
    Packet packet;
    for (const auto& part : chain->parts) packet.frame.insert(packet.frame.end(), part.begin(), part.end());
    CardHeader header;
    const size_t most = sizeof header + kEthernetBytes + kVlanBytes + size_t(config_.mtu_bytes);
    if (packet.frame.size() < sizeof header + kEthernetBytes)
      throw std::runtime_error(fmt::format("node {} sends a frame without header", node_));
    memcpy(&header, packet.frame.data(), sizeof header);
    if (packet.frame.size() > (header.segmentation ? kMaxSegmentable : most))
      throw std::runtime_error(fmt::format("node {} sends a frame of {} bytes; its MTU is {}", node_,
                                           packet.frame.size() - sizeof header, config_.mtu_bytes));
    packet.frame.erase(packet.frame.begin(), packet.frame.begin() + sizeof header);
    packet.checksum = header.flags & CardHeader::kNeedsChecksum ? Checksum::kPartial : Checksum::kGood;
    packet.checksum_start = header.checksum_start;
    packet.checksum_offset = header.checksum_offset;
    Queue(chain->head, std::move(packet), header);
  }
  if (!sending_) SendNext();
  queue.WantKick(!sending_);
}

void HostPort::Queue(uint16_t head, Packet packet, const CardHeader& header) {
  std::vector<Packet> segments;
  if (header.segmentation) {
    segments = Segment(packet, header.header_bytes, header.segment_bytes);
  } else {
    segments.push_back(std::move(packet));
  }
  for (Packet& segment : segments) {
    segment.id = (*next_id_)++;
    waiting_bytes_ += segment.frame.size();
    waiting_.push_back({std::nullopt, std::make_shared<Packet>(std::move(segment))});
  }
  waiting_.back().head = head;
}

void HostPort::SendNext() {
  sending_ = !waiting_.empty();
  if (!sending_) return;
  Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= next.packet->frame.size();
  recorder_->Note(Step::kSent, node_, *next.packet, waiting_bytes_);
  const Ns sent = events_->Now() + SerialisationNs(next.packet->WireBytes(), config_.host.rate_bps);
  events_->At(sent, [this, next] { Sent(next); }, node_);
  if (!links_->Up(node_)) {
    recorder_->Note(Step::kDropped, node_, *next.packet, 0, Reason::kLinkDown);
    return;
  }
  events_->At(sent + config_.host.delay_ns, [this, packet = next.packet] {
    if (links_->Up(node_)) {
      arrive_(node_, packet);
    } else {
      recorder_->Note(Step::kDropped, node_, *packet, 0, Reason::kLinkDown);
    }
  });
}

void HostPort::Sent(const Waiting& packet) {
  sending_ = false;
  Fetch();
  if (!packet.head) return;
  card_.At(VhostNet::kTransmit).Return(*packet.head, 0);
  card_.Interrupt(VhostNet::kTransmit);
}

void HostPort::Deliver(const PacketPtr& packet) {
  auto drop = [&](Reason reason) { recorder_->Note(Step::kDropped, node_, *packet, 0, reason); };
  if (!card_.Connected()) return drop(Reason::kHostGone);
  if (!links_->Up(node_)) return drop(Reason::kLinkDown);

  Virtqueue& queue = card_.At(VhostNet::kReceive);
  const size_t total = sizeof(CardHeader) + packet->frame.size();
  std::vector<Virtqueue::Chain> chains;
  size_t room = 0;
  while (room < total) {
    auto chain = queue.Take();
    if (!chain) {
      queue.PutBack(chains.size());
      return drop(Reason::kNoReceiveBuffer);
    }
    for (const auto& part : chain->parts) room += part.size();
    chains.push_back(std::move(*chain));
    if (room < total && !config_.mergeable_buffers)
      throw std::runtime_error(fmt::format("node {} offers receive buffers smaller than its MTU", node_));
  }

  CardHeader header = {};
  header.buffers = uint16_t(chains.size());
  if (config_.checksum_offload && packet->checksum == Checksum::kPartial) {
    header.flags = CardHeader::kNeedsChecksum;
    header.checksum_start = packet->checksum_start;
    header.checksum_offset = packet->checksum_offset;
  } else if (config_.checksum_offload && packet->checksum == Checksum::kGood) {
    header.flags = CardHeader::kChecksumGood;
  }
  std::vector<uint8_t> bytes(sizeof header);
  memcpy(bytes.data(), &header, sizeof header);
  bytes.insert(bytes.end(), packet->frame.begin(), packet->frame.end());
  recorder_->Note(Step::kDelivered, node_, *packet);
  size_t written = 0;
  for (const auto& chain : chains) {
    const size_t before = written;
    for (const auto& part : chain.parts) {
      const size_t length = std::min(part.size(), bytes.size() - written);
      memcpy(part.data(), bytes.data() + written, length);
      written += length;
    }
    queue.Return(chain.head, uint32_t(written - before));
  }
  card_.Interrupt(VhostNet::kReceive);
}

}  // namespace fabric
