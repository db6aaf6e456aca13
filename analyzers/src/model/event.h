// SPDX-License-Identifier: Apache-2.0
//
// The flat form in which everything above the readers sees a trace. Kinds and
// argument positions come from the lists the kernel modules are built from;
// what a dump calls by the same names is mapped onto them when it is read.
#ifndef HOMASCOPE_MODEL_EVENT_H
#define HOMASCOPE_MODEL_EVENT_H

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/nanos.h"

#define TT_GROUP(group)
#define TT_EVENT1(name, doc, t1, f1, u1) HS_EVENT(name, f1)
#define TT_EVENT2(name, doc, t1, f1, u1, t2, f2, u2) HS_EVENT(name, f1, f2)
#define TT_EVENT3(name, doc, t1, f1, u1, t2, f2, u2, t3, f3, u3) HS_EVENT(name, f1, f2, f3)
#define TT_EVENT4(name, doc, t1, f1, u1, t2, f2, u2, t3, f3, u3, t4, f4, u4) \
  HS_EVENT(name, f1, f2, f3, f4)
#define TT_EVENT5(name, doc, t1, f1, u1, t2, f2, u2, t3, f3, u3, t4, f4, u4, t5, f5, u5) \
  HS_EVENT(name, f1, f2, f3, f4, f5)
#define TT_EVENT6(name, doc, t1, f1, u1, t2, f2, u2, t3, f3, u3, t4, f4, u4, t5, f5, u5, t6, f6, \
                  u6)                                                                            \
  HS_EVENT(name, f1, f2, f3, f4, f5, f6)

namespace hs {

inline constexpr unsigned kMaxArgs = 6;

enum class Kind : std::uint8_t {
#define HS_EVENT(name, ...) homa_##name,
#include "homa_events.def"
#undef HS_EVENT
#define HS_EVENT(name, ...) name,
#include "timetrace/kernel_events.def"
#undef HS_EVENT
  kCount
};

inline constexpr unsigned kKinds = static_cast<unsigned>(Kind::kCount);

// Positions in Event::args: arg::homa_handoff::tid.
namespace arg {
#define HS_EVENT(name, ...) \
  namespace homa_##name {   \
    enum { __VA_ARGS__ };   \
  }
#include "homa_events.def"
#undef HS_EVENT
#define HS_EVENT(name, ...) \
  namespace name {          \
  enum { __VA_ARGS__ };     \
  }
#include "timetrace/kernel_events.def"
#undef HS_EVENT
// The packet events all have the same arguments.
namespace packet = net_dev_queue;
}  // namespace arg

struct Event {
  Nanos time;
  std::uint16_t cpu;
  Kind kind;
  std::array<std::uint64_t, kMaxArgs> args;
};

struct KindInfo {
  std::string_view name;
  std::string_view fields;  // "rpc_id, length"
};

const KindInfo& Info(Kind kind);
std::optional<Kind> FindKind(std::string_view name);

// IP protocol numbers as packet events carry them.
inline constexpr std::uint64_t kProtoTcp = 6;
inline constexpr std::uint64_t kProtoUdp = 17;
inline constexpr std::uint64_t kProtoHoma = 146;

// Softirq vector of incoming packets.
inline constexpr std::uint64_t kNetRx = 3;

}  // namespace hs

#endif  // HOMASCOPE_MODEL_EVENT_H
