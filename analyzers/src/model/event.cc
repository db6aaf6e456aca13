// SPDX-License-Identifier: Apache-2.0
#include "model/event.h"

#include <algorithm>
#include <iterator>

namespace hs {
namespace {

constexpr KindInfo kInfos[] = {
#define HS_EVENT(name, ...) {"homa_" #name, #__VA_ARGS__},
#include "homa_events.def"
#undef HS_EVENT
#define HS_EVENT(name, ...) {#name, #__VA_ARGS__},
#include "timetrace/kernel_events.def"
#undef HS_EVENT
};
static_assert(std::size(kInfos) == kKinds);

}  // namespace

const KindInfo& Info(Kind kind) { return kInfos[static_cast<unsigned>(kind)]; }

std::optional<Kind> FindKind(std::string_view name) {
  auto it = std::find_if(std::begin(kInfos), std::end(kInfos),
                         [&](const KindInfo& info) { return info.name == name; });
  if (it == std::end(kInfos)) return std::nullopt;
  return static_cast<Kind>(it - std::begin(kInfos));
}

}  // namespace hs
