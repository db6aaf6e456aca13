// SPDX-License-Identifier: Apache-2.0
// The calendar against clients that speak the kernel's side of the protocol.
#include "calendar.h"

#include <gtest/gtest.h>
#include <linux/um_timetravel.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

namespace fabric {
namespace {

struct Turn {
  Ns time;
  int node;
  Ns free_until;
  bool operator==(const Turn&) const = default;
};

// A node that wants to run at each of these times and then ends; it kicks its card 1 ns after the first, if it may. Only one runs at a time, so they may share a log.
class FakeNode {
 public:
  FakeNode(int node, std::string path, std::vector<Ns> wishes, std::vector<Turn>* log)
      : node_(node), thread_([=, this] { Live(path, wishes, log); }) {}
  ~FakeNode() { thread_.join(); }
  FakeNode(const FakeNode&) = delete;

 private:
  void Live(const std::string& path, const std::vector<Ns>& wishes, std::vector<Turn>* log) {
    Fd socket_fd(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    strcpy(address.sun_path, path.c_str());
    while (connect(socket_fd.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address)) std::this_thread::yield();
    um_timetravel_msg message = {UM_TIMETRAVEL_START, 7, uint64_t(node_)};
    Send(socket_fd, &message, sizeof message);
    std::vector<Fd> fds;
    if (!Receive(socket_fd, &message, sizeof message, &fds)) return;
    EXPECT_EQ(message.op, uint32_t{UM_TIMETRAVEL_ACK});
    EXPECT_EQ(message.seq, 7u);
    ASSERT_EQ(fds.size(), 2u);
    auto* page = static_cast<PageHeader*>(mmap(nullptr, kSlotsOffset + 8 * sizeof(PageSlot), PROT_READ | PROT_WRITE, MAP_SHARED, fds[0].Get(), 0));
    auto& slot = reinterpret_cast<PageSlot*>(reinterpret_cast<char*>(page) + kSlotsOffset)[message.time];
    slot.capabilities = kUsesPage | kCardUsesPage;
    for (Ns wish : wishes) {
      slot.wish_ns = wish;
      slot.flags = kWantsRun;
      message = {UM_TIMETRAVEL_WAIT, 8, 0};
      Send(socket_fd, &message, sizeof message);
      if (!Receive(socket_fd, &message, sizeof message)) return;
      EXPECT_EQ(message.op, uint32_t{UM_TIMETRAVEL_RUN});
      EXPECT_EQ(page->current_ns, message.time);
      slot.flags = 0;
      log->push_back({message.time, node_, page->free_until_ns});
      if (wish != wishes.front() || !slot.kick_gap_ns) continue;
      slot.kick_ns = message.time + 1;
      slot.kicked = kKicked | 3;
    }
  }

  int node_;
  std::thread thread_;
};

struct NoDevice : Device {
  int PollFd() const override { return -1; }
  void Ready(const std::function<void()>&) override {}
  void Kicked(uint16_t) override {}
  void InterruptBy(std::function<bool(uint32_t)>) override {}
  void Unplug() override {}
};

// Interrupts its node 100 ns after a kick.
struct Card : NoDevice {
  explicit Card(EventQueue* e) : events(e) {}
  void Kicked(uint16_t buffers) override {
    kicks.emplace_back(events->Now(), buffers);
    events->After(100, [this] { EXPECT_TRUE(interrupt(1)); }, 0);
  }
  void InterruptBy(std::function<bool(uint32_t)> by) override { interrupt = by; }

  EventQueue* events;
  std::function<bool(uint32_t)> interrupt;
  std::vector<std::pair<Ns, int>> kicks;
};

std::vector<Turn> RunNodes(const std::vector<std::vector<Ns>>& wishes, EventQueue* events, Reach reach = {}, Device* card = nullptr) {
  const std::string path = testing::TempDir() + "fabric_calendar_test." + std::to_string(getpid());
  NoDevice none;
  Device& device = card ? *card : none;
  std::vector<Turn> log;
  {
    std::vector<std::unique_ptr<FakeNode>> nodes;  // they end after the calendar, whatever becomes of it
    for (size_t i = wishes.size(); i-- > 0;) nodes.push_back(std::make_unique<FakeNode>(int(i), path, wishes[i], &log));
    Calendar(events, path, std::vector<Device*>(wishes.size(), &device), {}, reach).Run();
  }
  unlink(path.c_str());
  return log;
}

TEST(CalendarTest, NodesRunInOrderOfTimeThenOfNumber) {
  EventQueue events;
  const auto log = RunNodes({{10, 30, 40}, {10, 20}, {5, 40}}, &events);
  std::vector<std::pair<Ns, int>> order;
  for (const Turn& turn : log) order.emplace_back(turn.time, turn.node);
  EXPECT_EQ(order, (std::vector<std::pair<Ns, int>>{{5, 2}, {10, 0}, {10, 1}, {20, 1}, {30, 0}, {40, 0}, {40, 2}}));
  EXPECT_EQ(events.Now(), 40u);
}

TEST(CalendarTest, FreeUntilIsTheEarliestWishOfTheOthersOrEvent) {
  EventQueue events;
  int seen = 0;
  events.At(25, [&] { seen++; });
  const auto log = RunNodes({{10, 30}, {20, 50}}, &events);
  ASSERT_EQ(log.size(), 4u);
  EXPECT_EQ(log[0], (Turn{10, 0, 20}));
  EXPECT_EQ(log[1], (Turn{20, 1, 25}));
  EXPECT_EQ(log[2], (Turn{30, 0, 50}));
  EXPECT_EQ(seen, 1);
}

TEST(CalendarTest, LookaheadLetsNodesPassEachOtherButNoEvent) {
  EventQueue events;
  events.At(45, [] {});
  events.At(200, [] {});
  const auto log = RunNodes({{10, 46, 60}, {20, 50}}, &events, {.host_ns = 30});
  ASSERT_EQ(log.size(), 5u);
  EXPECT_EQ(log[0], (Turn{10, 0, 45}));   // not 20 + 30: an event
  EXPECT_EQ(log[1], (Turn{20, 1, 45}));   // not 46 + 30
  EXPECT_EQ(log[2], (Turn{46, 0, 80}));
  EXPECT_EQ(log[3], (Turn{50, 1, 90}));
  EXPECT_EQ(log[4], (Turn{60, 0, 200}));  // the other has ended
}

TEST(CalendarTest, EventsStopWhomTheyReach) {
  EventQueue events;
  events.At(30, [] {}, 1);
  events.At(45, [] {}, 0);
  events.At(50, [] {});
  events.At(90, [] {}, EventQueue::kEverybody);
  const auto log = RunNodes({{10, 46, 81}, {1000}}, &events, {.event_ns = 30, .host_ns = 20});
  ASSERT_EQ(log.size(), 4u);
  EXPECT_EQ(log[0], (Turn{10, 0, 45}));  // its own event; that of node 1 would reach it at 50
  EXPECT_EQ(log[1], (Turn{46, 0, 80}));
  EXPECT_EQ(log[2], (Turn{81, 0, 90}));
}

TEST(CalendarTest, KicksAndInterruptsNeedNoMessages) {
  EventQueue events;
  Card card(&events);
  const auto log = RunNodes({{10, 500}}, &events, {.self_ns = 67}, &card);
  EXPECT_EQ(card.kicks, (std::vector<std::pair<Ns, int>>{{11, 3}}));
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1].time, 111u);  // the interrupt is before what it wished for
}

TEST(CalendarTest, SaysThatAllSleepForever) {
  EventQueue events;
  const Ns forever = std::numeric_limits<int64_t>::max();
  EXPECT_THROW(RunNodes({{10, forever}, {forever}}, &events), std::runtime_error);
}

}  // namespace
}  // namespace fabric
