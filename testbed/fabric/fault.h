// SPDX-License-Identifier: Apache-2.0
// What happens to whole nodes and their links, at times the topology file names.
#ifndef FABRIC_FAULT_H_
#define FABRIC_FAULT_H_

#include <vector>

#include "config.h"
#include "events.h"

namespace fabric {

// Whether each host's link is up; faults set it, ports ask.
class LinkStates {
 public:
  explicit LinkStates(int nodes) : down_(size_t(nodes)) {}
  bool Up(int node) const { return !down_[size_t(node)]; }
  void Change(int node, bool down) { down_[size_t(node)] += down ? 1 : -1; }

 private:
  std::vector<int> down_;  // faults that overlap
};

// What faults do to nodes, besides their links.
class Victims {
 public:
  virtual ~Victims() = default;
  virtual void Kill(int node) = 0;
};

// Plans all of them. links and victims must outlive the events.
void PlanFaults(const std::vector<FaultConfig>& faults, EventQueue* events, LinkStates* links, Victims* victims);

}  // namespace fabric

#endif  // FABRIC_FAULT_H_
