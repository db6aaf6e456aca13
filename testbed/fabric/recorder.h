// SPDX-License-Identifier: Apache-2.0
// What truly happened to every packet: counters always, on request a binary log and pcapng captures.
// docs/cluster.md describes the log.
#ifndef FABRIC_RECORDER_H_
#define FABRIC_RECORDER_H_

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "packet.h"
#include "events.h"

namespace fabric {

enum class Step : uint8_t {
  kSent = 1,       // the host's NIC begins to send it
  kEnqueued = 2,   // it waits in a switch port
  kDequeued = 3,   // that port begins to send it
  kDelivered = 4,  // the receiving host has it
  kDropped = 5,
  kDuplicated = 6,
  kCorrupted = 7,
  kDelayed = 8,    // held back on the link: reordering
};

enum class Reason : uint8_t { kNone = 0, kBuffer = 1, kLoss = 2, kNoReceiveBuffer = 3, kNoHost = 4, kHostGone = 5, kLinkDown = 6 };
inline constexpr std::array<const char*, 7> kReasonNames = {"none", "buffer", "loss", "no_receive_buffer", "no_host",
                                                            "host_gone", "link_down"};

struct PortCounters {
  std::string name;
  uint64_t sent_packets = 0, sent_bytes = 0, delivered_packets = 0, delivered_bytes = 0;
  uint64_t max_queue_bytes = 0, marked = 0, duplicated = 0, corrupted = 0, delayed = 0;
  std::array<uint64_t, kReasonNames.size()> dropped{};
};

class Recorder {
 public:
  explicit Recorder(const EventQueue* events) : events_(events) {}

  // All throw std::runtime_error if the file cannot be written or the port does not exist.
  void OpenLog(const std::string& path);
  void Capture(const std::string& port, const std::string& path);
  // A line for each period and port in which anything happened there.
  void OpenSeries(const std::string& path, Ns period_ns);
  void Close();

  int AddPort(std::string name);  // its number in log and counters
  PortCounters& Port(int port) { return ports_[port]; }
  const std::vector<PortCounters>& Ports() const { return ports_; }

  void Note(Step step, int port, const Packet& packet, uint64_t queue_bytes = 0, Reason reason = Reason::kNone);

 private:
  struct Closer {
    void operator()(FILE* file) const { fclose(file); }
  };
  struct File {
    std::unique_ptr<FILE, Closer> stream;
    std::string path;
    explicit operator bool() const { return bool(stream); }
  };
  static File Create(const std::string& path);
  static void Write(const File& file, const void* bytes, size_t length);
  // Of one port and period.
  struct Period {
    Ns index = kNever;
    uint64_t max_queue_bytes = 0, sent_wire_bytes = 0;
  };
  struct LogRecord {
    uint64_t time_ns, packet;
    uint32_t queue_bytes;
    uint16_t frame_bytes, port;
    uint8_t step, reason, priority, pad[5];
  };
  static_assert(sizeof(LogRecord) == 32);
  // Writes what was noted before that time: nodes ahead of the events note things that others precede.
  void WriteLog(Ns until);
  void Sample(Step step, int port, const Packet& packet, uint64_t queue_bytes);
  void EndPeriod(int port);
  void Count(Step step, const Packet& packet, uint64_t queue_bytes, Reason reason, PortCounters* port);

  const EventQueue* events_;
  std::vector<PortCounters> ports_;
  std::vector<File> captures_;  // by port
  std::vector<Period> periods_;  // by port
  Ns period_ns_ = 0;
  std::multimap<Ns, LogRecord> unwritten_;
  File log_, series_;
};

}  // namespace fabric

#endif  // FABRIC_RECORDER_H_
