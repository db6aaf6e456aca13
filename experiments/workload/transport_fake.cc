// SPDX-License-Identifier: Apache-2.0
#include "transport_fake.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

namespace rpcload {

int FakeClient::Send(uint32_t slot, const uint8_t* message, uint32_t length,
                     uint32_t response_length, uint64_t* rpc_id) {
  std::lock_guard lock(plan_->mutex);
  uint64_t rpc = plan_->sent++;
  plan_->lengths.push_back(length);
  *rpc_id = rpc;
  if (plan_->refuse.count(rpc)) return ENETUNREACH;
  Header header;
  if (!Header::Parse(message, length, &header) || header.request_length != length ||
      header.response_length != response_length ||
      !PayloadMatches(header, {message, nullptr, length}))
    return EPROTO;
  MessageBuffer responses;
  const uint8_t* response = responses.Build(header, response_length);
  slots_[slot] = {true, rpc, {response, response + response_length}};
  auto in_flight = std::count_if(slots_.begin(), slots_.end(), [](auto& s) { return s.busy; });
  plan_->max_in_flight = std::max(plan_->max_in_flight, static_cast<uint32_t>(in_flight));
  return 0;
}

Event FakeClient::Receive(bool wait) {
  std::unique_lock lock(plan_->mutex);
  if (plan_->answered >= plan_->fatal_at) return {Event::kFatal, ESHUTDOWN};
  Slot* next = nullptr;
  uint32_t ready = 0;
  for (Slot& s : slots_) {
    if (!s.busy || plan_->lose.count(s.rpc)) continue;
    ready++;
    if (!next || (s.rpc > next->rpc) == plan_->newest_first) next = &s;
  }
  if (!next) {
    if (!wait) return {};
    lock.unlock();
    pause();  // as in a real transport, until the crew interrupts
    return {Event::kAgain, EINTR};
  }
  plan_->answered++;
  next->busy = false;
  auto slot = static_cast<uint32_t>(next - slots_.data());
  if (plan_->fail.count(next->rpc)) return {Event::kDone, ETIMEDOUT, slot};
  if (plan_->corrupt.count(next->rpc)) next->response.back() ^= 1;
  if (plan_->shorten.count(next->rpc)) next->response.pop_back();
  auto length = static_cast<uint32_t>(next->response.size());
  taken_ = (taken_ ? taken_ : std::min(ready, plan_->together)) - 1;
  return {Event::kDone, 0, slot, {next->response.data(), nullptr, length}, taken_ > 0};
}

int FakeClient::Abandon(uint32_t slot) {
  std::lock_guard lock(plan_->mutex);
  plan_->abandoned++;
  slots_[slot].busy = false;
  return 0;
}

}  // namespace rpcload
