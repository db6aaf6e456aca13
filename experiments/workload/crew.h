// SPDX-License-Identifier: Apache-2.0
// Worker threads that block in system calls, and the thread that ends or shakes them.
//
// A worker that waits in the kernel is reached by SIGUSR1, whose handler does nothing: the system
// call returns EINTR. The signal is repeated until the worker is gone, which covers the moment
// between its test of stop() and the call.
#ifndef RPCLOAD_CREW_H_
#define RPCLOAD_CREW_H_

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

namespace rpcload {

class Crew {
 public:
  explicit Crew(uint32_t workers);

  // Runs work(0) .. work(workers-1), each in a thread, and returns when all have returned. SIGTERM
  // and SIGINT request the stop. ready() is called once all threads exist. A worker that has not
  // called Progress() for a whole tick is interrupted; tick_ns 0: never.
  void Run(const std::function<void(uint32_t)>& work, const std::function<void()>& ready,
           uint64_t tick_ns);

  bool stop() const { return stop_.load(std::memory_order_relaxed); }
  // True if the stop came from outside: a signal or Stop().
  bool interrupted() const { return interrupted_; }

  // Ends the run early, from any thread or signal handler.
  void Stop();

  void Progress(uint32_t worker) {
    // Only its own thread writes: no locked instruction needed.
    auto& count = members_[worker].progress;
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Member {
    std::atomic<uint64_t> progress = 0;
    uint64_t seen = 0;
    std::atomic<bool> done = false;
  };

  void Interrupt(bool all);

  std::vector<Member> members_;
  std::vector<pthread_t> threads_;
  std::atomic<bool> stop_ = false;
  bool interrupted_ = false;
  std::atomic<pthread_t> waiter_;
};

}  // namespace rpcload

#endif  // RPCLOAD_CREW_H_
