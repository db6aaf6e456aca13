// SPDX-License-Identifier: Apache-2.0
#include "vhost_net.h"

#include <fmt/format.h>
#include <linux/virtio_config.h>

#include <cstring>
#include <stdexcept>

#include "packet.h"

namespace fabric {

namespace {

enum Request : uint32_t {
  kGetFeatures = 1, kSetFeatures = 2, kSetOwner = 3, kSetMemoryTable = 5, kSetQueueSize = 8, kSetQueueAddresses = 9,
  kSetQueueBase = 10, kGetProtocolFeatures = 15, kSetProtocolFeatures = 16, kSetQueueEnable = 18, kSetInterruptFd = 21,
  kGetConfig = 24, kKick = 35,
};
constexpr uint32_t kInterruptRequest = 4;  // in the other direction

constexpr uint32_t kVersion = 1, kReply = 1 << 2, kNeedReply = 1 << 3;
constexpr uint64_t Bit(int n) { return uint64_t{1} << n; }
constexpr int kProtocolFeatures = 30;
constexpr int kEventIndex = 29;
// Of virtio-net: checksums left to the card in both directions, segmentation left to it, frames in several buffers, and
// what the configuration space tells.
constexpr int kChecksum = 0, kGuestChecksum = 1, kMtu = 3, kMac = 5, kTso4 = 11, kTso6 = 12, kMergeable = 15, kSpeed = 63;
// Acknowledged requests, a channel for interrupts, configuration space, kicks and interrupts as messages.
constexpr uint64_t kProtocol = Bit(3) | Bit(5) | Bit(9) | Bit(14);

struct QueueState {
  uint32_t index, value;
};
struct QueueAddresses {
  uint32_t index, flags;
  uint64_t descriptors, used, available, log;
};
struct MemoryTable {
  uint32_t regions, padding;
  uint64_t guest_address, bytes, user_address, offset;
};
struct ConfigRequest {
  uint32_t offset, size, flags;
};
struct __attribute__((packed)) ConfigSpace {
  uint8_t mac[6];
  uint16_t status, queue_pairs, mtu_bytes;
  uint32_t mbits_per_second;
  uint8_t full_duplex;
};

template <typename T>
T As(const uint8_t* payload) {
  T value;
  memcpy(&value, payload, sizeof value);
  return value;
}

}  // namespace

VhostNet::VhostNet(int node, const Config& config, const std::string& socket_path, std::function<void(std::optional<uint16_t>)> on_transmit)
    : node_(node), config_(config), on_transmit_(std::move(on_transmit)), listener_(Listen(socket_path)),
      queues_(2, Virtqueue(&memory_)) {}

Virtqueue& VhostNet::QueueOf(uint32_t index) {
  if (index >= queues_.size()) throw std::runtime_error(fmt::format("node {} names a queue {}", node_, index));
  return queues_[index];
}

void VhostNet::Disconnect() {
  session_.Close();
  interrupts_.Close();
}

bool VhostNet::Handle(Header* header, uint8_t* payload, std::vector<Fd>* fds, bool* has_reply) {
  auto reply = [&](uint64_t value) {
    memcpy(payload, &value, sizeof value);
    header->size = sizeof value;
    *has_reply = true;
  };
  const auto state = As<QueueState>(payload);
  switch (header->request) {
    case kGetFeatures: {
      uint64_t features = Bit(VIRTIO_F_VERSION_1) | Bit(kProtocolFeatures) | Bit(kMac) |
                          Bit(kMtu) | Bit(kSpeed) | Bit(kEventIndex);
      if (config_.checksum_offload) features |= Bit(kChecksum) | Bit(kGuestChecksum);
      if (config_.segmentation_offload) features |= Bit(kTso4) | Bit(kTso6);
      if (config_.mergeable_buffers) features |= Bit(kMergeable);
      reply(features);
      return true;
    }
    case kGetProtocolFeatures: reply(kProtocol); return true;
    case kSetFeatures:
      for (Virtqueue& queue : queues_) queue.UseEventIndex(As<uint64_t>(payload) & Bit(kEventIndex));
      return true;
    case kSetProtocolFeatures:
    case kSetOwner: return true;
    case kSetMemoryTable: {
      const auto table = As<MemoryTable>(payload);
      if (!table.regions || fds->empty()) return false;
      memory_.Map(fds->front(), table.guest_address, table.bytes, table.offset);
      return true;
    }
    case kSetQueueSize: QueueOf(state.index).SetSize(state.value); return true;
    case kSetQueueBase: QueueOf(state.index).SetBase(state.value); return true;
    case kSetQueueEnable: QueueOf(state.index).Enable(state.value); return true;
    case kSetQueueAddresses: {
      const auto addresses = As<QueueAddresses>(payload);
      QueueOf(addresses.index).SetAddresses(addresses.descriptors, addresses.available, addresses.used);
      return true;
    }
    case kSetInterruptFd:
      if (fds->empty()) return false;
      interrupts_ = std::move(fds->front());
      return true;
    case kGetConfig: {
      const auto wanted = As<ConfigRequest>(payload);
      ConfigSpace space = {};
      memcpy(space.mac, MacOf(node_).data(), sizeof space.mac);
      space.mtu_bytes = uint16_t(config_.mtu_bytes);
      space.mbits_per_second = uint32_t(config_.host.rate_bps / 1'000'000);
      space.full_duplex = 1;
      if (wanted.size > kMaxPayload - sizeof wanted || wanted.offset > sizeof space) return false;
      memset(payload + sizeof wanted, 0, wanted.size);
      memcpy(payload + sizeof wanted, reinterpret_cast<uint8_t*>(&space) + wanted.offset,
             std::min<size_t>(wanted.size, sizeof space - wanted.offset));
      *has_reply = true;
      return true;
    }
    case kKick:
      if (state.index == kTransmit) {
        on_transmit_(std::nullopt);
      } else {
        QueueOf(state.index).WantKick(false);  // new receive buffers are found when they are needed
      }
      return true;
    default: return false;
  }
}

void VhostNet::Ready(const std::function<void()>& planned) {
  if (!session_) {
    session_ = Accept(listener_);
    return;
  }
  Header header;
  uint8_t message[sizeof header + kMaxPayload] = {};
  uint8_t* payload = message + sizeof header;
  std::vector<Fd> fds;
  if (!Receive(session_, &header, sizeof header, &fds)) return Disconnect();
  if (header.size > kMaxPayload) throw std::runtime_error(fmt::format("node {} sent a vhost-user message of {} bytes", node_, header.size));
  if (header.size && !Receive(session_, payload, header.size, &fds)) return Disconnect();
  messages_++;
  bool has_reply = false;
  const bool need_reply = header.flags & kNeedReply;
  const uint64_t failed = !Handle(&header, payload, &fds, &has_reply);
  planned();
  if (!has_reply && !need_reply) return;
  if (!has_reply) {
    memcpy(payload, &failed, sizeof failed);
    header.size = sizeof failed;
  }
  header.flags = kVersion | kReply;
  memcpy(message, &header, sizeof header);
  messages_++;
  if (!Send(session_, message, sizeof header + header.size)) Disconnect();
}

void VhostNet::Unplug() { Disconnect(); }

void VhostNet::Interrupt(Queue queue) {
  if (!interrupts_ || !queues_[queue].WantsInterrupt() || interrupt_(queue)) return;
  struct {
    Header header;
    QueueState state;
  } message = {{kInterruptRequest, kVersion | kNeedReply, sizeof(QueueState)}, {queue, 0}};
  struct __attribute__((packed)) {
    Header header;
    uint64_t status;
  } answer;
  messages_ += 2;
  if (!Send(interrupts_, &message, sizeof message)) return Disconnect();
  WaitReadable({interrupts_.Get()}, [&] { return fmt::format("node {} to take the interrupt of queue {}", node_, uint32_t(queue)); });
  if (!Receive(interrupts_, &answer, sizeof answer)) Disconnect();
}

}  // namespace fabric
