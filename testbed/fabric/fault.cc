// SPDX-License-Identifier: Apache-2.0
#include "fault.h"

namespace fabric {

namespace {

void Plan(const FaultConfig& fault, Ns at, EventQueue* events, LinkStates* links, Victims* victims) {
  events->At(at, [=] {
    switch (fault.kind) {
      case FaultConfig::Kind::kLinkDown:
        links->Change(fault.node, true);
        events->After(fault.for_ns, [=] { links->Change(fault.node, false); }, EventQueue::kEverybody);
        break;
      case FaultConfig::Kind::kKill: victims->Kill(fault.node); break;
    }
    // One at a time: an endless row of events would keep a finished cluster alive.
    if (fault.every_ns) Plan(fault, at + fault.every_ns, events, links, victims);
  }, EventQueue::kEverybody);
}

}  // namespace

void PlanFaults(const std::vector<FaultConfig>& faults, EventQueue* events, LinkStates* links, Victims* victims) {
  for (const FaultConfig& fault : faults) Plan(fault, fault.at_ns, events, links, victims);
}

}  // namespace fabric
