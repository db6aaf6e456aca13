// SPDX-License-Identifier: Apache-2.0
// Lets the nodes run one at a time, in the order of virtual time.
//
// The protocol is linux/um_timetravel.h with its shared page: a node writes when it wants to run next into the page,
// says WAIT, and sleeps until RUN. free_until in the page says how far the running node may go without asking: up to
// when another node's wish or an event may reach it. The fabric has slot 0 of the page and is "running" while its own
// events happen, so that a node it interrupts finds the time there and leaves its wish there.
#ifndef FABRIC_CALENDAR_H_
#define FABRIC_CALENDAR_H_

#include <linux/um_timetravel.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "calendar_page.h"
#include "events.h"
#include "fault.h"
#include "socket.h"

namespace fabric {

// Something a running node may talk to besides the calendar.
class Device {
 public:
  virtual ~Device() = default;
  virtual int PollFd() const = 0;  // -1: nothing to hear at present
  // That descriptor is readable. planned() must be called before the node is answered: from then on it runs again, and
  // by then must know how far.
  virtual void Ready(const std::function<void()>& planned) = 0;
  // Its node has sent what was in the first so many buffers, which is its number modulo 2^16.
  virtual void Kicked(uint16_t buffers) = 0;
  // How to interrupt its node without a message; false: not this one.
  virtual void InterruptBy(std::function<bool(uint32_t queue)> interrupt) = 0;
  // Its node is gone.
  virtual void Unplug() = 0;
};

class Calendar : public Victims {
 public:
  // Node k's device is devices[k]; it boots boot_ns[k] late, if there are so many. Progress and warnings go to stderr.
  Calendar(EventQueue* events, const std::string& socket_path, std::vector<Device*> devices, std::vector<Ns> boot_ns = {},
           Reach reach = {});
  ~Calendar() override;
  Calendar(const Calendar&) = delete;

  // Until all nodes have ended. Throws std::runtime_error if a node breaks the protocol or all sleep forever.
  void Run();

  bool Alive(int node) const { return bool(nodes_[node].socket); }
  // Ends its process; killed() is told before. Not of a node that has ended already.
  void Kill(int node) override;
  void OnKill(std::function<void(int node)> killed) { killed_ = std::move(killed); }
  uint64_t Messages() const { return messages_; }
  uint64_t Turns() const { return turns_; }
  // Wall time since the first event.
  double EventSeconds() const;
  // How often a line about progress is due.
  void ReportEvery(std::chrono::seconds period) { report_every_ = period; }

 private:
  struct Node {
    Fd socket;
    uint32_t start_sequence = 0;
    bool started = false;
    Ns boot_ns = 0;
  };

  void WaitForAll();
  void Start(int node);
  void GiveTurn(int node, Ns time);
  void UntilWait(int node);
  bool HandleMessage(int node);  // true: its turn is over
  void TakeKick(int node);
  bool Interrupt(int node, uint32_t queue);
  Ns WishOf(int node) const;
  Ns FreeUntil(int node) const;
  void Progress();

  EventQueue* events_;
  std::vector<Device*> devices_;
  std::vector<Node> nodes_;
  Reach reach_;
  std::function<void(int)> killed_;
  Fd listener_, page_file_;
  size_t page_bytes_;
  PageHeader* page_;
  PageSlot* slots_;
  uint64_t messages_ = 0, turns_ = 0;
  std::chrono::seconds report_every_{5};
  std::chrono::steady_clock::time_point started_, reported_, first_event_;
};

// Waits until one of the at most two descriptors (-1: none) is readable, returns its index; who says who is waited for, should
// that take suspiciously long.
size_t WaitReadable(std::initializer_list<int> fds, const std::function<std::string()>& who);

}  // namespace fabric

#endif  // FABRIC_CALENDAR_H_
