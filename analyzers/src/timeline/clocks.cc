// SPDX-License-Identifier: Apache-2.0
#include "timeline/clocks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace hs {
namespace {

constexpr std::uint64_t kNoOffset = 0xffffffff;  // of Homa's control packets, which nothing tells apart
// What NTP corrects at most. A line with more would follow the queues of a short trace.
constexpr double kMaxDrift = 500e-6;
constexpr int kSteps = 80;  // of a search; each leaves two thirds

// Homa: 0, id its sender gave it, offset. TCP: ports, sequence and acknowledgement, 0.
// Ids and sequence numbers begin at random numbers, so that hosts share none.
using PacketKey = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

PacketKey HomaKey(std::uint64_t sender_id, std::uint64_t offset) { return {0, sender_id, offset}; }

std::optional<PacketKey> KeyOf(const Event& packet) {
  const std::uint64_t id = packet.args[arg::packet::id], offset = packet.args[arg::packet::offset];
  if (packet.args[arg::packet::proto] == kProtoHoma && offset != kNoOffset) return HomaKey(id, offset);
  // Segments of one that was cut, or merged, share the first one's number; ACKs are no evidence.
  if (packet.args[arg::packet::proto] == kProtoTcp && offset > 0)
    return PacketKey{packet.args[arg::packet::ports], id, 0};
  return {};
}

// When a host first sent and first received each packet, as late and as early as its events tell.
// Of a packet that was sent again the first time may be older than the trace: it says nothing.
class Packets {
 public:
  std::map<PacketKey, Nanos> sent, received;

  explicit Packets(const Trace& trace) {
    for (const Event& event : trace.events()) Add(event);
    sent.merge(handed_);
    std::erase_if(sent, [&](const auto& packet) { return again_.contains(packet.first); });
    std::erase_if(received, [&](const auto& packet) { return again_.contains(packet.first); });
  }

 private:
  void Add(const Event& event) {
    switch (event.kind) {
      case Kind::homa_data_xmit:
        handed_.try_emplace(HomaKey(event.args[0], event.args[arg::homa_data_xmit::offset]), event.time);
        break;
      case Kind::homa_data_resend:
        again_.insert(HomaKey(event.args[0], event.args[arg::homa_data_resend::offset]));
        break;
      case Kind::homa_data_in:
        received.try_emplace(HomaKey(event.args[0] ^ 1, event.args[arg::homa_data_in::offset]), event.time);
        break;
      case Kind::net_dev_start_xmit:
      case Kind::netif_rx:
      case Kind::napi_gro_receive:
      case Kind::netif_receive_skb:
        if (const auto key = KeyOf(event)) {
          // Devices on top of each other see a packet once each.
          if (!seen_.emplace(*key, event.kind, event.args[arg::packet::dev]).second) again_.insert(*key);
          (event.kind == Kind::net_dev_start_xmit ? sent : received).try_emplace(*key, event.time);
        }
        break;
      default:
        break;
    }
  }

  std::map<PacketKey, Nanos> handed_;  // to IP
  std::set<PacketKey> again_;
  std::set<std::tuple<PacketKey, Kind, std::uint64_t>> seen_;
};

// At time t (ns after an origin) the clock is not further ahead than y, or not less.
struct Bound {
  double t, y;
};

// Where @value(x), which is concave, is largest in [low, high].
template <typename Value>
double Summit(double low, double high, Value value) {
  for (int i = 0; i < kSteps; i++) {
    const double left = low + (high - low) / 3, right = high - (high - low) / 3;
    (value(left) < value(right) ? low : high) = value(left) < value(right) ? left : right;
  }
  return (low + high) / 2;
}

// Lines between upper and lower bounds.
class Corridor {
 public:
  std::vector<Bound> upper, lower;

  // The line of @drift that is highest below the upper bounds, at time t; and the lowest above the lower ones.
  double Top(double drift, double t) const {
    double top = std::numeric_limits<double>::infinity();
    for (const Bound& b : upper) top = std::min(top, b.y + drift * (t - b.t));
    return top;
  }
  double Bottom(double drift, double t) const {
    double bottom = -std::numeric_limits<double>::infinity();
    for (const Bound& b : lower) bottom = std::max(bottom, b.y + drift * (t - b.t));
    return bottom;
  }
  double Width(double drift) const { return Top(drift, 0) - Bottom(drift, 0); }

  // The drift whose line keeps the largest distance from all bounds, and none when it gains less than 1 ns.
  double Drift() const {
    const double drift = Summit(-kMaxDrift, kMaxDrift, [&](double d) { return Width(d); });
    return Width(drift) < Width(0) + 1 ? 0 : drift;
  }

  // How far a line that keeps all bounds may be from that of @drift through @ahead, where there are bounds.
  double Uncertainty(double drift, double ahead) const {
    if (Width(drift) < 0) return -Width(drift) / 2;  // none does
    const double least = Border(drift, -kMaxDrift), most = Border(drift, kMaxDrift);
    double from = std::numeric_limits<double>::infinity(), to = -from;
    for (const auto* bounds : {&upper, &lower})
      for (const Bound& b : *bounds) from = std::min(from, b.t), to = std::max(to, b.t);
    double uncertainty = 0;
    for (double t : {from, to}) {
      const double line = ahead + drift * t;
      const double top = Top(Summit(least, most, [&](double d) { return Top(d, t); }), t);
      const double bottom = Bottom(Summit(least, most, [&](double d) { return -Bottom(d, t); }), t);
      uncertainty = std::max({uncertainty, top - line, line - bottom});
    }
    return uncertainty;
  }

 private:
  // The drift towards @end up to which lines fit.
  double Border(double fits, double end) const {
    if (Width(end) >= 0) return end;
    for (int i = 0; i < kSteps; i++) {
      const double middle = (fits + end) / 2;
      (Width(middle) >= 0 ? fits : end) = middle;
    }
    return fits;
  }
};

// The clock of host @b by that of host @a, from packets both ways.
std::optional<ClockLine> Relate(const Packets& a, const Packets& b) {
  std::vector<std::pair<Nanos, Nanos>> upper, lower;
  for (const auto& [key, sent] : a.sent)
    if (const auto in = b.received.find(key); in != b.received.end()) upper.emplace_back(sent, in->second - sent);
  for (const auto& [key, sent] : b.sent)
    if (const auto in = a.received.find(key); in != a.received.end())
      lower.emplace_back(in->second, sent - in->second);
  if (upper.empty() || lower.empty()) return {};

  ClockLine line;
  const auto [first, last] = std::minmax_element(upper.begin(), upper.end());
  line.origin = first->first + (last->first - first->first) / 2;
  const Nanos base = upper.front().second;
  Corridor corridor;
  const auto add = [&](std::vector<Bound>& bounds, const auto& pairs) {
    for (const auto& [t, y] : pairs)
      bounds.push_back({static_cast<double>(t - line.origin), static_cast<double>(y - base)});
  };
  add(corridor.upper, upper);
  add(corridor.lower, lower);
  line.drift = corridor.Drift();
  const double ahead = (corridor.Top(line.drift, 0) + corridor.Bottom(line.drift, 0)) / 2;
  line.ahead = base + std::llround(std::floor(ahead));
  line.uncertainty = corridor.Uncertainty(line.drift, ahead);
  return line;
}

ClockLine Reverse(const ClockLine& line) {
  return {line.origin + line.ahead, -line.ahead, -line.drift / (1 + line.drift), line.uncertainty};
}

// c by a, from b by a and c by b.
ClockLine Join(const ClockLine& ab, const ClockLine& bc) {
  return {ab.origin, ab.ahead + bc.Ahead(ab.origin + ab.ahead), (1 + ab.drift) * (1 + bc.drift) - 1,
          ab.uncertainty + bc.uncertainty};
}

}  // namespace

Nanos ClockLine::Ahead(Nanos first) const {
  return ahead + std::llround(drift * static_cast<double>(first - origin));
}

Nanos ClockLine::ToFirst(Nanos other) const {
  const Nanos elapsed = other - ahead - origin;  // on the other's clock
  return origin + elapsed - std::llround(drift / (1 + drift) * static_cast<double>(elapsed));
}

std::vector<std::optional<ClockLine>> RelateClocks(const std::vector<Trace>& traces) {
  const std::size_t n = traces.size();
  const std::vector<Packets> packets(traces.begin(), traces.end());
  std::vector<std::vector<std::optional<ClockLine>>> lines(n, std::vector<std::optional<ClockLine>>(n));
  for (std::size_t a = 0; a < n; a++)
    for (std::size_t b = a + 1; b < n; b++)
      if ((lines[a][b] = Relate(packets[a], packets[b]))) lines[b][a] = Reverse(*lines[a][b]);
  for (std::size_t via = 0; via < n; via++)
    for (std::size_t a = 0; a < n; a++)
      for (std::size_t b = 0; b < n; b++) {
        if (a == b || !lines[a][via] || !lines[via][b]) continue;
        const ClockLine joined = Join(*lines[a][via], *lines[via][b]);
        if (!lines[a][b] || joined.uncertainty < lines[a][b]->uncertainty) lines[a][b] = joined;
      }
  lines[0][0] = ClockLine{};
  return lines[0];
}

}  // namespace hs
