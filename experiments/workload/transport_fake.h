// SPDX-License-Identifier: Apache-2.0
// A client transport without a network, for tests of the engine: answers in memory, in an order and
// with faults that the test chooses.
#ifndef RPCLOAD_TRANSPORT_FAKE_H_
#define RPCLOAD_TRANSPORT_FAKE_H_

#include <sys/eventfd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "crew.h"
#include "transport.h"

namespace rpcload {

// What the fake's objects have seen, and what shall go wrong. RPCs are numbered from 0 in the order
// of Send.
struct FakePlan {
  std::set<uint64_t> refuse;     // Send fails with ENETUNREACH
  std::set<uint64_t> fail;       // completes with ETIMEDOUT
  std::set<uint64_t> corrupt;    // the last byte of the response is wrong
  std::set<uint64_t> shorten;    // the response lacks a byte
  std::set<uint64_t> lose;       // never answered
  bool newest_first = false;     // order of answers
  uint32_t together = 1;         // answers that one call takes, if they are there
  uint64_t fatal_at = UINT64_MAX;  // Receive fails for good after so many answers

  std::atomic<uint64_t> sent = 0;
  std::mutex mutex;  // threads share what follows
  uint64_t answered = 0;
  uint64_t abandoned = 0;
  uint32_t max_in_flight = 0;
  std::vector<uint32_t> lengths;  // of the requests
};

class FakeClient : public ClientTransport {
 public:
  FakeClient(const ClientConfig& config, FakePlan* plan) : plan_(plan), slots_(config.slots) {}

  int Send(uint32_t slot, const uint8_t* message, uint32_t length, uint32_t response_length,
           uint64_t* rpc_id) override;
  Event Receive(bool wait) override;
  int PollFd() const override { return ready_.get(); }
  int Abandon(uint32_t slot) override;
  uint16_t LocalPort(uint32_t slot) const override { return static_cast<uint16_t>(5000 + slot); }

 private:
  struct Slot {
    bool busy = false;
    uint64_t rpc = 0;
    std::vector<uint8_t> response;
  };

  FakePlan* plan_;
  std::vector<Slot> slots_;
  uint32_t taken_ = 0;  // answers that need no call
  Fd ready_{eventfd(1, EFD_CLOEXEC)};  // whether there is an answer shows in Receive only
};

}  // namespace rpcload

#endif  // RPCLOAD_TRANSPORT_FAKE_H_
