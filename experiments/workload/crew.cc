// SPDX-License-Identifier: Apache-2.0
#include "crew.h"

#include <signal.h>
#include <time.h>

#include <thread>

namespace rpcload {
namespace {

constexpr uint64_t kStopTickNs = 10'000'000;  // between the interruptions of a stopping worker

void Nothing(int) {}

sigset_t WaitedSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR2);  // a worker has ended, or Stop()
  return set;
}

}  // namespace

Crew::Crew(uint32_t workers) : members_(workers), threads_(workers), waiter_(pthread_self()) {
  // Workers inherit the mask, so these signals reach only the thread that waits for them.
  sigset_t set = WaitedSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  struct sigaction action = {};
  action.sa_handler = Nothing;  // without SA_RESTART
  sigaction(SIGUSR1, &action, nullptr);
}

void Crew::Stop() {
  stop_ = true;
  pthread_kill(waiter_, SIGUSR2);
}

void Crew::Interrupt(bool all) {
  for (size_t i = 0; i < members_.size(); i++) {
    uint64_t progress = members_[i].progress.load(std::memory_order_relaxed);
    bool stuck = progress == members_[i].seen;
    members_[i].seen = progress;
    if ((all || stuck) && !members_[i].done) pthread_kill(threads_[i], SIGUSR1);
  }
}

void Crew::Run(const std::function<void(uint32_t)>& work, const std::function<void()>& ready,
               uint64_t tick_ns) {
  waiter_ = pthread_self();
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < members_.size(); i++) {
    threads.emplace_back([&, i] {
      work(i);
      members_[i].done = true;
      pthread_kill(waiter_, SIGUSR2);
    });
    threads_[i] = threads[i].native_handle();
  }
  ready();

  sigset_t set = WaitedSignals();
  auto running = [&] {
    for (const Member& m : members_)
      if (!m.done) return true;
    return false;
  };
  while (running()) {
    uint64_t tick = stop() ? kStopTickNs : tick_ns;
    timespec timeout = {static_cast<time_t>(tick / 1'000'000'000),
                        static_cast<long>(tick % 1'000'000'000)};
    int signal = tick ? sigtimedwait(&set, nullptr, &timeout) : sigwaitinfo(&set, nullptr);
    if (signal == SIGTERM || signal == SIGINT) stop_ = true;
    if (stop() || signal < 0) Interrupt(stop());
  }
  for (std::thread& thread : threads) thread.join();
  // A worker may have seen it, and ended, before this thread did.
  interrupted_ = stop();
}

}  // namespace rpcload
