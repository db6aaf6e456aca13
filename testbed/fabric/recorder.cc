// SPDX-License-Identifier: Apache-2.0
#include "recorder.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace fabric {

namespace {

// All files are little-endian, as are the hosts this runs on.
struct LogHeader {
  char magic[8] = {'H', 'S', 'F', 'T', 'R', 'U', 'T', 'H'};
  uint32_t version = 1, record_bytes = 32;
};
static_assert(sizeof(LogHeader) == 16);

// pcapng: the nodes' wall clock begins here.
constexpr uint64_t kEpochNs = 1'700'000'000'000'000'000;

void Append(std::vector<uint8_t>* block, const void* bytes, size_t length) {
  const auto* from = static_cast<const uint8_t*>(bytes);
  block->insert(block->end(), from, from + length);
  block->resize((block->size() + 3) / 4 * 4);
}

template <typename T>
void Append(std::vector<uint8_t>* block, T value) {
  const auto* from = reinterpret_cast<const uint8_t*>(&value);
  block->insert(block->end(), from, from + sizeof value);
}

std::vector<uint8_t> Block(uint32_t type, const std::vector<uint8_t>& body) {
  const auto length = uint32_t(body.size() + 12);
  std::vector<uint8_t> block;
  Append(&block, type);
  Append(&block, length);
  block.insert(block.end(), body.begin(), body.end());
  Append(&block, length);
  return block;
}

}  // namespace

Recorder::File Recorder::Create(const std::string& path) {
  File file{std::unique_ptr<FILE, Closer>(fopen(path.c_str(), "wb")), path};
  if (!file) throw std::runtime_error("cannot write " + path + ": " + strerror(errno));
  return file;
}

void Recorder::Write(const File& file, const void* bytes, size_t length) {
  if (fwrite(bytes, 1, length, file.stream.get()) != length)
    throw std::runtime_error("cannot write " + file.path + ": " + strerror(errno));
}

void Recorder::OpenLog(const std::string& path) {
  log_ = Create(path);
  const LogHeader header;
  Write(log_, &header, sizeof header);
}

void Recorder::Capture(const std::string& port, const std::string& path) {
  size_t index = 0;
  while (index < ports_.size() && ports_[index].name != port) index++;
  if (index == ports_.size()) {
    std::string all;
    for (const PortCounters& p : ports_) all += " " + p.name;
    throw std::runtime_error("no port '" + port + "' to capture; there are:" + all);
  }
  captures_.resize(ports_.size());
  captures_[index] = Create(path);

  std::vector<uint8_t> section, device;
  Append(&section, uint32_t{0x1a2b3c4d});
  Append(&section, uint16_t{1});
  Append(&section, uint16_t{0});
  Append(&section, int64_t{-1});
  Append(&device, uint16_t{1});  // Ethernet
  Append(&device, uint16_t{0});
  Append(&device, uint32_t{0});
  Append(&device, uint16_t{2});  // name
  Append(&device, uint16_t(port.size()));
  Append(&device, port.data(), port.size());
  Append(&device, uint16_t{9});  // resolution: nanoseconds
  Append(&device, uint16_t{1});
  Append(&device, "\x09", 1);
  Append(&device, uint32_t{0});
  for (const auto& block : {Block(0x0a0d0d0a, section), Block(1, device)})
    Write(captures_[index], block.data(), block.size());
}

int Recorder::AddPort(std::string name) {
  ports_.push_back({.name = std::move(name)});
  return int(ports_.size()) - 1;
}

void Recorder::Count(Step step, const Packet& packet, uint64_t queue_bytes, Reason reason, PortCounters* port) {
  switch (step) {
    case Step::kSent:
    case Step::kDequeued:
      port->sent_packets++;
      port->sent_bytes += packet.frame.size();
      break;
    case Step::kEnqueued: port->max_queue_bytes = std::max(port->max_queue_bytes, queue_bytes); break;
    case Step::kDelivered:
      port->delivered_packets++;
      port->delivered_bytes += packet.frame.size();
      break;
    case Step::kDropped: port->dropped[size_t(reason)]++; break;
    case Step::kDuplicated: port->duplicated++; break;
    case Step::kCorrupted: port->corrupted++; break;
    case Step::kDelayed: port->delayed++; break;
  }
}

void Recorder::Note(Step step, int port, const Packet& packet, uint64_t queue_bytes, Reason reason) {
  Count(step, packet, queue_bytes, reason, &ports_[port]);
  if (series_) Sample(step, port, packet, queue_bytes);
  if (log_) {
    const LogRecord record = {events_->Now(), packet.id, uint32_t(queue_bytes), uint16_t(packet.frame.size()),
                              uint16_t(port), uint8_t(step), uint8_t(reason), uint8_t(packet.Priority()), {}};
    unwritten_.emplace(record.time_ns, record);
    WriteLog(events_->Reached());
  }
  const bool on_wire = step == Step::kSent || step == Step::kDequeued || step == Step::kDelivered;
  if (on_wire && size_t(port) < captures_.size() && captures_[port]) {
    const uint64_t time = kEpochNs + events_->Now();
    std::vector<uint8_t> body;
    Append(&body, uint32_t{0});
    Append(&body, uint32_t(time >> 32));
    Append(&body, uint32_t(time));
    Append(&body, uint32_t(packet.frame.size()));
    Append(&body, uint32_t(packet.frame.size()));
    Append(&body, packet.frame.data(), packet.frame.size());
    const auto block = Block(6, body);
    Write(captures_[port], block.data(), block.size());
  }
}

void Recorder::OpenSeries(const std::string& path, Ns period_ns) {
  series_ = Create(path);
  period_ns_ = period_ns;
  fputs("start_ns,port,max_queue_bytes,sent_wire_bytes\n", series_.stream.get());
}

void Recorder::EndPeriod(int port) {
  const Period& period = periods_[port];
  if (period.index == kNever) return;
  if (fprintf(series_.stream.get(), "%llu,%s,%llu,%llu\n", (unsigned long long)(period.index * period_ns_),
              ports_[port].name.c_str(), (unsigned long long)period.max_queue_bytes,
              (unsigned long long)period.sent_wire_bytes) < 0)
    throw std::runtime_error("cannot write " + series_.path + ": " + strerror(errno));
}

void Recorder::Sample(Step step, int port, const Packet& packet, uint64_t queue_bytes) {
  periods_.resize(ports_.size());
  Period& period = periods_[port];
  const Ns index = events_->Now() / period_ns_;
  if (period.index != index) {
    EndPeriod(port);
    period = {.index = index};
  }
  period.max_queue_bytes = std::max(period.max_queue_bytes, queue_bytes);
  if (step == Step::kSent || step == Step::kDequeued) period.sent_wire_bytes += packet.WireBytes();
}

void Recorder::WriteLog(Ns until) {
  const auto end = unwritten_.lower_bound(until);
  for (auto at = unwritten_.begin(); at != end; ++at) Write(log_, &at->second, sizeof at->second);
  unwritten_.erase(unwritten_.begin(), end);
}

void Recorder::Close() {
  WriteLog(kNever);
  for (size_t port = 0; port < periods_.size(); port++) EndPeriod(int(port));
  for (File* file : {&log_, &series_})
    if (*file && fflush(file->stream.get())) throw std::runtime_error("cannot write " + file->path + ": " + strerror(errno));
  for (File& file : captures_)
    if (file && fflush(file.stream.get())) throw std::runtime_error("cannot write " + file.path + ": " + strerror(errno));
}

}  // namespace fabric
