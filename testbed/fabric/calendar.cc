// SPDX-License-Identifier: Apache-2.0
#include "calendar.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace fabric {

namespace {

constexpr uint16_t kFabricSlot = 0;
constexpr int kWarnEveryMs = 10'000;
// The kernel's "never"; it must not be told to run that far.
constexpr Ns kForever = std::numeric_limits<int64_t>::max();
constexpr Ns kLongest = 3'600'000'000'000;

uint16_t SlotOf(int node) { return uint16_t(node + 1); }

[[noreturn]] void Fail(const std::string& what) { throw std::runtime_error(what); }

}  // namespace

size_t WaitReadable(std::initializer_list<int> fds, const std::function<std::string()>& who) {
  std::array<pollfd, 2> polls;
  if (fds.size() > polls.size()) throw std::logic_error("too many descriptors");
  size_t count = 0;
  for (int fd : fds) polls[count++] = {fd, POLLIN, 0};
  for (int waited_ms = kWarnEveryMs;; waited_ms += kWarnEveryMs) {
    int ready;
    do ready = poll(polls.data(), count, kWarnEveryMs);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) Fail(fmt::format("poll: {}", strerror(errno)));
    for (size_t i = 0; i < count; i++)
      if (polls[i].revents) return i;
    fmt::print(stderr, "fabric: waiting for {} s of wall time for {}\n", waited_ms / 1000, who());
  }
}

Calendar::Calendar(EventQueue* events, const std::string& socket_path, std::vector<Device*> devices, std::vector<Ns> boot_ns,
                   Reach reach)
    : events_(events), devices_(std::move(devices)), nodes_(devices_.size()), reach_(reach), listener_(Listen(socket_path)),
      page_file_(memfd_create("calendar", MFD_CLOEXEC)),
      page_bytes_(kSlotsOffset + (nodes_.size() + 1) * sizeof(PageSlot)) {
  if (!page_file_ || ftruncate(page_file_.Get(), off_t(page_bytes_))) Fail(fmt::format("no memory for the calendar: {}", strerror(errno)));
  void* memory = mmap(nullptr, page_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, page_file_.Get(), 0);
  if (memory == MAP_FAILED) Fail(fmt::format("no memory for the calendar: {}", strerror(errno)));
  page_ = static_cast<PageHeader*>(memory);
  slots_ = reinterpret_cast<PageSlot*>(static_cast<char*>(memory) + kSlotsOffset);
  page_->version = kPageVersion;
  page_->length = uint32_t(page_bytes_);
  page_->slots = uint16_t(nodes_.size() + 1);
  page_->running = kFabricSlot;
  slots_[kFabricSlot].capabilities = kUsesPage;
  for (size_t node = 0; node < std::min(boot_ns.size(), nodes_.size()); node++) nodes_[node].boot_ns = boot_ns[node];
  for (size_t node = 0; node < nodes_.size(); node++) {
    slots_[SlotOf(int(node))].kick_gap_ns = uint32_t(reach_.self_ns);
    devices_[node]->InterruptBy([this, node](uint32_t queue) { return Interrupt(int(node), queue); });
  }
}

Calendar::~Calendar() { munmap(page_, page_bytes_); }

// All of them before any runs, so that who came first does not matter.
void Calendar::WaitForAll() {
  for (size_t missing = nodes_.size(); missing; missing--) {
    WaitReadable({listener_.Get()}, [&] {
      std::string names;
      for (size_t i = 0; i < nodes_.size(); i++)
        if (!nodes_[i].socket) names += fmt::format(" {}", i);
      return fmt::format("these nodes to connect:{}", names);
    });
    Fd socket = Accept(listener_);
    um_timetravel_msg message;
    if (!Receive(socket, &message, sizeof message) || message.op != UM_TIMETRAVEL_START)
      Fail("a node connected and left without a word");
    messages_++;
    if (message.time >= nodes_.size() || nodes_[message.time].socket)
      Fail(fmt::format("a node says it is number {}, which is {}", message.time,
                       message.time < nodes_.size() ? "taken" : "too large"));
    nodes_[message.time].socket = std::move(socket);
    nodes_[message.time].start_sequence = message.seq;
  }
}

Ns Calendar::WishOf(int node) const {
  const auto& slot = slots_[SlotOf(node)];
  const bool wishes = nodes_[node].socket && slot.flags & kWantsRun && slot.wish_ns < kForever;
  return wishes ? slot.wish_ns : kNever;
}

Ns Calendar::FreeUntil(int node) const {
  Ns earliest = kNever;
  for (size_t other = 0; other < nodes_.size(); other++) {
    if (int(other) == node || !nodes_[other].socket) continue;
    earliest = std::min(earliest, nodes_[other].started ? WishOf(int(other)) : nodes_[other].boot_ns);
  }
  return std::min({Later(earliest, reach_.host_ns), events_->NextFor(node, reach_), events_->Now() + kLongest});
}

void Calendar::GiveTurn(int node, Ns time) {
  events_->ActAt(time);
  turns_++;
  page_->current_ns = events_->Now();
  page_->free_until_ns = FreeUntil(node);
  page_->running = SlotOf(node);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Calendar::Start(int node) {
  Node& at = nodes_[node];
  GiveTurn(node, at.boot_ns);
  at.started = true;
  const um_timetravel_msg ack = {UM_TIMETRAVEL_ACK, at.start_sequence, SlotOf(node)};
  // The kernel closes both descriptors; the second is for a log that it does not write.
  messages_++;
  if (!Send(at.socket, &ack, sizeof ack, {page_file_.Get(), page_file_.Get()})) Fail(fmt::format("node {} left before it started", node));
  UntilWait(node);
  if (at.socket && !(slots_[SlotOf(node)].capabilities & kUsesPage))
    Fail(fmt::format("the kernel of node {} does not know the calendar's shared page, version {}", node,
                     kPageVersion));
}

void Calendar::Kill(int node) {
  Node& at = nodes_[node];
  ucred who;
  socklen_t length = sizeof who;
  if (!at.socket) return;
  if (getsockopt(at.socket.Get(), SOL_SOCKET, SO_PEERCRED, &who, &length)) Fail(fmt::format("getsockopt: {}", strerror(errno)));
  if (killed_) killed_(node);
  kill(who.pid, SIGKILL);
  // Once it is gone it cannot write into the page any more.
  char byte;
  while (Receive(at.socket, &byte, 1)) {}
  at.socket.Close();
  devices_[node]->Unplug();
}

bool Calendar::HandleMessage(int node) {
  Node& at = nodes_[node];
  um_timetravel_msg message;
  if (!Receive(at.socket, &message, sizeof message)) {
    at.socket.Close();
    return true;
  }
  messages_++;
  switch (message.op) {
    case UM_TIMETRAVEL_WAIT: return true;
    case UM_TIMETRAVEL_GET_TOD: {
      const um_timetravel_msg ack = {UM_TIMETRAVEL_ACK, message.seq, events_->Now()};
      messages_++;
      if (!Send(at.socket, &ack, sizeof ack)) at.socket.Close();
      return !at.socket;
    }
    default: Fail(fmt::format("node {} sent the calendar operation {}, which the shared page replaces", node, message.op));
  }
}

// It did not wait for that, but has not run on for longer than reach_.self_ns.
void Calendar::TakeKick(int node) {
  PageSlot& slot = slots_[SlotOf(node)];
  if (!slot.kicked) return;
  events_->ActAt(slot.kick_ns);
  devices_[node]->Kicked(uint16_t(slot.kicked));
  slot.kicked = 0;
}

bool Calendar::Interrupt(int node, uint32_t queue) {
  PageSlot& slot = slots_[SlotOf(node)];
  if (!(slot.capabilities & kCardUsesPage)) return false;
  slot.interrupts |= 1u << queue;
  slot.wish_ns = std::min(WishOf(node), events_->Now());
  slot.flags |= kWantsRun;
  return true;
}

void Calendar::UntilWait(int node) {
  for (;;) {
    const size_t ready = WaitReadable({devices_[node]->PollFd(), nodes_[node].socket.Get()}, [&] {
      return fmt::format("node {}, which runs since {} ns of virtual time and may go on until {} ns", node,
                         events_->Now(), uint64_t(page_->free_until_ns));
    });
    TakeKick(node);
    if (ready == 0) {
      events_->ActAt(page_->current_ns);
      devices_[node]->Ready([this, node] {
        page_->free_until_ns = std::min<Ns>(page_->free_until_ns, events_->NextFor(node, reach_));
        std::atomic_thread_fence(std::memory_order_seq_cst);
      });
    } else if (HandleMessage(node)) {
      break;
    }
  }
  page_->running = kFabricSlot;
}

double Calendar::EventSeconds() const {
  if (!events_->Count()) return 0;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - first_event_).count();
}

void Calendar::Progress() {
  const auto now = std::chrono::steady_clock::now();
  if (now - reported_ < report_every_) return;
  reported_ = now;
  fmt::print(stderr, "fabric: virtual {:.6f} s, wall {:.0f} s, {} events, {} turns\n", double(events_->Now()) / 1e9,
             std::chrono::duration<double>(now - started_).count(), events_->Count(), turns_);
}

void Calendar::Run() {
  WaitForAll();
  started_ = reported_ = std::chrono::steady_clock::now();
  for (;;) {
    int next = -1;
    Ns time = kNever;
    bool alive = false;
    for (size_t node = 0; node < nodes_.size(); node++) {
      alive |= bool(nodes_[node].socket);
      const Ns wish = nodes_[node].started ? WishOf(int(node)) : nodes_[node].boot_ns;
      if (wish < time) time = wish, next = int(node);
    }
    if (!alive) return;
    if (turns_ % 1024 == 0 || events_->Count() % 1024 == 0) Progress();
    if (events_->Next() <= time && events_->Next() != kNever) {
      if (!events_->Count()) first_event_ = std::chrono::steady_clock::now();
      page_->current_ns = events_->Next();
      std::atomic_thread_fence(std::memory_order_seq_cst);
      events_->RunNext();
      continue;
    }
    if (next < 0) Fail(fmt::format("all nodes sleep forever since {} ns of virtual time", events_->Now()));
    if (!nodes_[next].started) {
      Start(next);
      continue;
    }
    GiveTurn(next, time);
    // In this message, unlike in the page, the kernel wants its own time.
    const um_timetravel_msg run = {UM_TIMETRAVEL_RUN, uint32_t(turns_), events_->Now() - nodes_[next].boot_ns};
    messages_++;
    if (Send(nodes_[next].socket, &run, sizeof run)) {
      UntilWait(next);
    } else {
      nodes_[next].socket.Close();
    }
  }
}

}  // namespace fabric
