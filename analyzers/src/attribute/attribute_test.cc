// SPDX-License-Identifier: Apache-2.0
#include "attribute/attribute.h"

#include <gtest/gtest.h>

#include <random>

#include "attribute/testing.h"

namespace hs {
namespace {

using namespace hs::testing;

RpcTiles Only(const Script& script, Transport transport = Transport::kHoma) {
  const Trace trace = script.trace.Build();
  const Timeline timeline(trace);
  auto set = FindRpcs(timeline, script.Logs(transport));
  EXPECT_TRUE(set) << (set ? "" : set.error().message);
  EXPECT_EQ(set->rpcs.size(), 1u);
  if (set->rpcs.empty()) return {};
  const RpcTiles tiles = AttributeRpc(timeline, transport, set->rpcs[0]);
  EXPECT_EQ(Sum(tiles), tiles.rtt);
  return tiles;
}

void Drop(Script& script, Kind kind, int which = 0) {
  for (auto it = script.trace.events.begin(); it != script.trace.events.end(); ++it)
    if (it->kind == kind && which-- == 0) {
      script.trace.events.erase(it);
      return;
    }
  FAIL() << "no such event";
}

TEST(AttributeHoma, EveryTileOfBothDirections) {
  const Tiles one = {{"syscall_entry", 11}, {"copy_in", 12},    {"send", 13},
                     {"ip_output", 14},     {"qdisc", 15},      {"network", 16},
                     {"rps_ipi", 17},       {"rps_softirq", 18}, {"batch", 19},
                     {"ip_input", 20},      {"transport_input", 21}, {"handoff", 22},
                     {"wakeup", 23},        {"resume", 24},     {"receive", 25 + 27},
                     {"copy_out", 26},      {"syscall_exit", 28}};
  Tiles expected = {{"server_app", 1000}};
  for (const auto& [name, ns] : one) expected["req_" + name] = expected["resp_" + name] = ns;
  EXPECT_EQ(NonZero(Only(HomaRpc())), expected);
}

TEST(AttributeHoma, CountsCpus) {
  const RpcTiles third = Only(HomaRpc(1234, 2));
  EXPECT_EQ(third.softirqs, 2);
  EXPECT_EQ(third.remote_softirqs, 2);
  EXPECT_EQ(third.third_softirqs, 2);
  EXPECT_EQ(third.cpus, 3);
  EXPECT_EQ(third.cpu_changes, 5);  // 0 2 1 0 2 1
  const RpcTiles receivers = Only(HomaRpc(1234, 1));
  EXPECT_EQ(receivers.remote_softirqs, 2);
  EXPECT_EQ(receivers.third_softirqs, 0);
  EXPECT_EQ(Only(HomaRpc(1234, 0)).remote_softirqs, 0);
}

TEST(AttributeHoma, SoftirqOnTheSendersCpuIsNotSpreading) {
  Tiles tiles = NonZero(Only(HomaRpc(1234, 0)));
  EXPECT_EQ(tiles["req_softirq_wait"], 17 + 18);
  EXPECT_EQ(tiles.count("req_rps_ipi"), 0u);
  EXPECT_EQ(tiles.count("req_rps_softirq"), 0u);
}

TEST(AttributeHoma, SoftirqOnTheReceiversCpuMustEndFirst) {
  Tiles tiles = NonZero(Only(HomaRpc(1234, 1)));
  EXPECT_EQ(tiles["req_softirq_tail"], 9);
  EXPECT_EQ(tiles["req_wakeup"], 14);
}

TEST(AttributeHoma, RaiseIsOptional) {
  Script s = HomaRpc();
  Drop(s, Kind::softirq_raise);
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_rps_ipi"], 17 + 18);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);
}

TEST(AttributeHoma, HandlerAlreadyAtWork) {
  Script s = HomaRpc();
  for (Event& event : s.trace.events)
    if (event.kind == Kind::softirq_entry) event.time -= 17 + 18 + 5;
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_batch"], 17 + 18 + 19);
  EXPECT_EQ(tiles.count("req_rps_ipi"), 0u);
}

// A missing milestone makes the time on both of its sides unexplained, and
// nothing else.
struct Missing {
  Kind kind;
  Nanos unexplained;
};
class AttributeMissing : public ::testing::TestWithParam<Missing> {};

TEST_P(AttributeMissing, NeighboursAreUnexplained) {
  Script s = HomaRpc();
  Drop(s, GetParam().kind, 0);
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_unexplained"], GetParam().unexplained);
  EXPECT_EQ(tiles.count("resp_unexplained"), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, AttributeMissing,
    ::testing::Values(Missing{Kind::homa_send_enter, 11 + 12},
                      Missing{Kind::homa_send_copied, 12 + 13},
                      Missing{Kind::homa_data_xmit, 11 + 12 + 13 + 14},
                      Missing{Kind::net_dev_queue, 14 + 15},
                      Missing{Kind::net_dev_start_xmit, 15 + 16},
                      Missing{Kind::netif_rx, 16 + 17 + 18 + 19},
                      Missing{Kind::softirq_entry, 17 + 18 + 19},
                      Missing{Kind::netif_receive_skb, 16 + 17 + 18 + 19 + 20},
                      Missing{Kind::homa_data_in, 20 + 21},
                      Missing{Kind::homa_msg_complete, 21 + 22 + 23 + 24 + 25 + 26 + 27 + 28},
                      Missing{Kind::sched_waking, 22 + 23},
                      Missing{Kind::homa_recv_running, 24 + 25},
                      Missing{Kind::homa_copy_out, 25 + 26},
                      Missing{Kind::homa_copy_out_done, 26 + 27},
                      Missing{Kind::homa_recv_return, 27 + 28}),
    [](const auto& test) { return std::string(Info(test.param.kind).name); });

TEST(AttributeHoma, WithoutLogsTheEventsGiveTheEnds) {
  const Script s = HomaRpc();
  const Trace trace = s.trace.Build();
  const Timeline timeline(trace);
  auto set = FindRpcs(timeline, {});
  ASSERT_TRUE(set);
  ASSERT_EQ(set->rpcs.size(), 1u);
  const RpcTiles rpc = AttributeRpc(timeline, Transport::kHoma, set->rpcs[0]);
  Tiles tiles = NonZero(rpc);
  EXPECT_EQ(Sum(rpc), rpc.rtt);
  EXPECT_EQ(tiles["server_app"], 28 + 1000 + 11);
  EXPECT_EQ(tiles.count("req_syscall_entry"), 0u);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);
  EXPECT_EQ(tiles["resp_receive"], 25 + 27);
}

TEST(AttributeHoma, PreemptionIsSplitOut) {
  Script s = HomaRpc();
  const auto begin = static_cast<Nanos>(s.client.send_call_ns);
  s.trace.Cpu(0).At(begin + 3, Kind::sched_switch, {kClient, 0, 999});
  s.trace.Cpu(0).At(begin + 10, Kind::sched_switch, {999, 0, kClient});
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_syscall_entry"], 4);
  EXPECT_EQ(tiles["req_preempted"], 7);
}

// One CPU for everything: the receiver runs only after the sender sleeps.
TEST(AttributeHoma, BehindTheSenderOnOneCpu) {
  Script s;
  s.client.rpc_id = 8;
  s.server.rpc_id = 9;
  s.Cpu(0).Switch(10, kServer, kClient);
  s.client.send_call_ns = static_cast<std::uint64_t>(s.Step(100).now);
  s.On(11, Kind::homa_send_enter, {8, 100});
  s.On(12, Kind::homa_send_copied, {8, 100});
  s.On(13, Kind::homa_data_xmit, {8, 0, 100});
  s.Packet(14, Kind::net_dev_queue, kProtoHoma, 0, 8, 0);
  s.Packet(15, Kind::net_dev_start_xmit, kProtoHoma, 0, 8, 0);
  s.Packet(16, Kind::netif_rx, kProtoHoma, 0, 8, 0, 2);
  s.On(17, Kind::softirq_entry, {kNetRx});
  s.Packet(19, Kind::netif_receive_skb, kProtoHoma, 0, 8, 0, 2);
  s.On(20, Kind::homa_data_in, {9, 0, 100});
  s.On(21, Kind::homa_msg_complete, {9, 100});
  s.Waking(22, kServer);
  s.On(9, Kind::softirq_exit, {kNetRx});
  s.Switch(40, kClient, 999).Switch(50, 999, 0).Switch(60, 0, kServer);
  s.On(24, Kind::homa_recv_running, {9, kServer});
  s.On(25, Kind::homa_copy_out, {9, 0});
  s.On(26, Kind::homa_copy_out_done, {9, 0});
  s.On(27, Kind::homa_recv_return, {9, kServer, 100});
  s.server.recv_return_ns = static_cast<std::uint64_t>(s.Step(28).now);
  s.server.send_call_ns = static_cast<std::uint64_t>(s.Step(1).now);
  s.client.recv_return_ns = static_cast<std::uint64_t>(s.Step(500).now);
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_softirq_tail"], 9);
  EXPECT_EQ(tiles["req_behind_sender"], 40);
  EXPECT_EQ(tiles["req_runqueue"], 50);
  EXPECT_EQ(tiles["req_wakeup"], 60);
  EXPECT_EQ(tiles["resp_unexplained"], 500);
}

TEST(AttributeHoma, RunningReceiverNotices) {
  Script s = HomaRpc();
  Drop(s, Kind::sched_waking);
  for (auto it = s.trace.events.begin(); it != s.trace.events.end();) {
    const bool of_server = it->kind == Kind::sched_switch && it->cpu == 1 &&
                           (it->args[0] == kServer || it->args[2] == kServer);
    it = of_server ? s.trace.events.erase(it) : it + 1;
  }
  s.trace.Cpu(1).At(1, Kind::sched_switch, {0, 0, kServer});
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_notice"], 22 + 23 + 24);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);

  // It had not asked for the message yet.
  s.server.recv_call_ns = s.server.recv_return_ns - (28 + 27 + 26 + 25 + 4);
  tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_receiver_busy"], 22 + 23 + 20);
  EXPECT_EQ(tiles["req_notice"], 4);
}

// The client was preempted in its send call; nothing had to wake it.
TEST(AttributeHoma, ReceiverHasToFinishItsOwnCallFirst) {
  Script s = HomaRpc();
  Drop(s, Kind::sched_waking, 1);
  for (Event& e : s.trace.events)
    if (e.kind == Kind::sched_switch && e.args[0] == kClient) e.args[1] = 0;
  const auto in = s.client.recv_return_ns - (24 + 25 + 26 + 27 + 28);
  s.client.send_return_ns = in + 10;
  s.client.recv_call_ns = in + 14;
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["resp_wakeup"], 22 + 23);
  EXPECT_EQ(tiles["resp_still_sending"], 10);
  EXPECT_EQ(tiles["resp_dispatch"], 4);
  EXPECT_EQ(tiles["resp_resume"], 10);
  EXPECT_EQ(tiles.count("resp_unexplained"), 0u);
}

// Three packets: the first at once, the second after the pacer, the third,
// which completes the message, after a grant.
Script LongMessage() {
  Script s = HomaRpc();
  auto& events = s.trace.events;
  const auto is_request_start = [](const Event& e) {
    return (e.kind == Kind::homa_data_xmit || e.kind == Kind::net_dev_queue ||
            e.kind == Kind::net_dev_start_xmit || e.kind == Kind::netif_rx ||
            e.kind == Kind::netif_receive_skb) &&
           (e.args[0] == 1234 || e.args[arg::packet::id] == 1234);
  };
  Nanos xmit = 0;
  for (Event& e : events) {
    if (is_request_start(e) && e.kind == Kind::homa_data_xmit) xmit = e.time;
    if (is_request_start(e) && e.kind == Kind::homa_data_xmit) e.args = {1234, 2800, 1400};
    else if (is_request_start(e)) e.args[arg::packet::offset] = 2800;
    if (e.kind == Kind::homa_data_in && e.args[0] == 1235) e.args = {1235, 2800, 1400};
  }
  // 1,000 ns more between the copy and the last transmission.
  for (Event& e : events)
    if (e.time >= xmit) e.time += 1000;
  s.server.recv_return_ns += 1000;
  s.server.send_call_ns += 1000;
  s.client.recv_call_ns += 1000;
  s.client.recv_return_ns += 1000;
  const Nanos copied = xmit - 13;
  s.trace.Cpu(0);
  s.trace.At(copied + 50, Kind::homa_data_xmit, {1234, 0, 1400});
  s.trace.At(copied + 110, Kind::homa_pacer_defer, {1234, 1400, 0});
  s.trace.At(copied + 310, Kind::homa_pacer_release, {1234, 1400});
  s.trace.At(copied + 330, Kind::homa_data_xmit, {1234, 1400, 1400});
  s.trace.At(copied + 370, Kind::homa_grant_wait, {1234, 2800});
  s.trace.Cpu(1).At(copied + 670, Kind::homa_grant_xmit, {1235, 4200, 0});
  s.trace.Cpu(0).At(copied + 870, Kind::homa_grant_in, {1234, 4200, 0});
  return s;
}

TEST(AttributeHoma, LongMessageWaitsForPacerAndGrant) {
  Tiles tiles = NonZero(Only(LongMessage()));
  EXPECT_EQ(tiles["req_send"], 50 + 20 + (1013 - 870));
  EXPECT_EQ(tiles["req_own_packets"], 60 + 40);
  EXPECT_EQ(tiles["req_pacer"], 200);
  EXPECT_EQ(tiles["req_grant_remote"], 300);
  EXPECT_EQ(tiles["req_grant_network"], 200);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);
}

TEST(AttributeHoma, GrantThatWasNotSeenLeaving) {
  Script s = LongMessage();
  Drop(s, Kind::homa_grant_xmit);
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_grant_remote"], 500);
  s = LongMessage();
  Drop(s, Kind::homa_grant_in);
  tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_unexplained"], 1013 - 370);
}

TEST(AttributeHoma, RetransmissionIsChargedToLoss) {
  Script s = HomaRpc();
  for (Event& e : s.trace.events)
    if (e.kind == Kind::homa_data_xmit && e.args[0] == 1234) {
      Event first = e;
      first.time -= 10;
      e.kind = Kind::homa_data_resend;
      s.trace.events.push_back(first);
      break;
    }
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_send"], 3);
  EXPECT_EQ(tiles["req_loss_wait"], 10);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);
}

TEST(AttributeHoma, SeveralDevicesAreForwarding) {
  Script s = HomaRpc();
  Event hop{};
  for (Event& e : s.trace.events)
    if (e.kind == Kind::netif_rx && e.args[arg::packet::id] == 1234) hop = e;
  for (Nanos back : {10, 9, 6, 4}) {
    Event e = hop;
    e.time -= back;
    e.args[arg::packet::dev] = 7;
    e.kind = back == 10  ? Kind::netif_rx
             : back == 9 ? Kind::netif_receive_skb
             : back == 6 ? Kind::net_dev_queue
                         : Kind::net_dev_start_xmit;
    s.trace.events.push_back(e);
  }
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_forward"], 12);
  EXPECT_EQ(tiles["req_network"], 4);
  EXPECT_EQ(tiles["req_batch"], 19);
}

TEST(AttributeHoma, DriverWithGro) {
  Script s = HomaRpc(1234, 0);
  for (Event& e : s.trace.events)
    if (e.kind == Kind::netif_rx) {
      e.kind = Kind::napi_gro_receive;
      e.time += 17 + 18 + 6;
    }
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_network"], 16 + 17 + 18);
  EXPECT_EQ(tiles["req_batch"], 19);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);
}

TEST(AttributeHoma, PacketInABundle) {
  Script s = HomaRpc(1234, 0);
  for (Event& e : s.trace.events) {
    if (e.kind == Kind::netif_rx) {
      e.kind = Kind::napi_gro_receive;
      e.time += 17 + 18 + 6;
    } else if (e.kind == Kind::netif_receive_skb) {
      e.kind = Kind::homa_gro_join;
      e.args = {e.args[arg::packet::id] ^ 1, e.args[arg::packet::offset], 2};
    }
  }
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_network"], 16 + 17 + 18);
  EXPECT_EQ(tiles["req_batch"], 19 + 20);
  EXPECT_EQ(tiles.count("req_ip_input"), 0u);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);
}

// The request of HomaRpc() leaves in a bundle, of which it is the first packet or not.
Script Held(std::uint64_t first_id, bool cut) {
  Script s = HomaRpc();
  std::vector<Event> more;
  for (Event& e : s.trace.events) {
    const bool packet = e.kind == Kind::net_dev_queue || e.kind == Kind::net_dev_start_xmit ||
                        e.kind == Kind::netif_rx || e.kind == Kind::netif_receive_skb;
    if (e.kind == Kind::homa_data_xmit && e.args[0] == 1234)
      more.push_back({e.time + 3, e.cpu, Kind::homa_data_hold, {1234, first_id, 5}});
    if (packet && e.args[arg::packet::id] == 1234 && (!cut || e.kind == Kind::net_dev_queue))
      e.args[arg::packet::id] = first_id;
  }
  s.trace.events.insert(s.trace.events.end(), more.begin(), more.end());
  return s;
}

TEST(AttributeHoma, LeavesInABundle) {
  for (std::uint64_t first_id : {1234, 1232})
    for (bool cut : {false, true}) {
      Tiles expected = NonZero(Only(HomaRpc()));
      expected["req_hold"] = expected["req_ip_output"];
      expected.erase("req_ip_output");
      if (first_id != 1234 && !cut) {  // others are taken out of the bundle before it
        expected["req_batch"] += expected["req_ip_input"];
        expected.erase("req_ip_input");
      }
      EXPECT_EQ(NonZero(Only(Held(first_id, cut))), expected) << first_id << cut;
    }
}

TEST(AttributeHoma, SteeredToAnotherCpu) {
  Script s = HomaRpc();
  std::vector<Event> more;
  for (Event& e : s.trace.events) {
    if (e.kind != Kind::homa_data_in || e.args[0] != (1234 ^ 1)) continue;
    // Sent on half-way through IP input's 20: told after 6, handled after 7 more.
    const auto at = [&](Nanos before, std::uint16_t cpu, Kind kind,
                        std::array<std::uint64_t, kMaxArgs> args) {
      more.push_back({e.time - before, cpu, kind, args});
    };
    at(18, e.cpu, Kind::homa_steer, {e.args[0], 0, 3, 1, 0});
    at(12, 3, Kind::softirq_raise, {kNetRx});
    at(5, 3, Kind::softirq_entry, {kNetRx});
    at(-1, 3, Kind::softirq_exit, {kNetRx});
    e.cpu = 3;
  }
  s.trace.events.insert(s.trace.events.end(), more.begin(), more.end());
  Tiles tiles = NonZero(Only(s));
  EXPECT_EQ(tiles["req_ip_input"], 2);
  EXPECT_EQ(tiles["req_rps_ipi"], 17 + 6);
  EXPECT_EQ(tiles["req_rps_softirq"], 18 + 7);
  EXPECT_EQ(tiles["req_batch"], 19 + 5);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);
}

Tiles FlowTiles(const Tiles& one) {
  Tiles tiles = {{"server_app", 1000}};
  for (const auto& [name, ns] : one) tiles["req_" + name] = tiles["resp_" + name] = ns;
  return tiles;
}

TEST(AttributeFlow, EveryTileOfBothDirections) {
  const Tiles expected = FlowTiles({{"send_path", 11}, {"qdisc", 12}, {"network", 13},
                                    {"softirq_wait", 14}, {"batch", 15}, {"input", 16},
                                    {"handoff", 17}, {"wakeup", 18}, {"receive_path", 19}});
  EXPECT_EQ(NonZero(Only(FlowRpc(kProtoTcp), Transport::kTcp)), expected);
  EXPECT_EQ(NonZero(Only(FlowRpc(kProtoUdp), Transport::kUdp)), expected);
}

TEST(AttributeFlow, KernelThatDoesNotSayDataReady) {
  const Tiles expected = FlowTiles({{"send_path", 11}, {"qdisc", 12}, {"network", 13},
                                    {"softirq_wait", 14}, {"batch", 15}, {"input", 16 + 17},
                                    {"wakeup", 18}, {"receive_path", 19}});
  EXPECT_EQ(NonZero(Only(FlowRpc(kProtoTcp, false), Transport::kTcp)), expected);
}

TEST(AttributeFlow, SocketWithoutRemotePort) {
  Script s = FlowRpc(kProtoUdp);
  for (Event& e : s.trace.events)
    if (e.kind == Kind::sk_data_ready && e.args[arg::sk_data_ready::sport] == kServerPort)
      e.args[arg::sk_data_ready::dport] = 0;
  Tiles tiles = NonZero(Only(s, Transport::kUdp));
  EXPECT_EQ(tiles["req_input"], 16);
  EXPECT_EQ(tiles.count("req_unexplained"), 0u);
}

// The response is there before the client has returned from its send call.
TEST(AttributeFlow, ReceiverStillSendsOrIsBusy) {
  Script s = FlowRpc(kProtoTcp);
  std::erase_if(s.trace.events, [](const Event& e) {
    return (e.kind == Kind::sched_waking && e.args[0] == kClient) ||
           (e.kind == Kind::sched_switch && e.time > 1200 &&
            (e.args[0] == kClient || e.args[2] == kClient));
  });
  s.client.send_return_ns = s.client.recv_return_ns - 30;
  s.client.recv_call_ns = s.client.recv_return_ns - 20;
  Tiles tiles = NonZero(Only(s, Transport::kTcp));
  EXPECT_EQ(tiles["resp_still_sending"], 17 + 18 + 19 - 30);
  EXPECT_EQ(tiles["resp_receiver_busy"], 10);
  EXPECT_EQ(tiles["resp_receive_path"], 20);
  EXPECT_EQ(tiles.count("resp_unexplained"), 0u);
}

TEST(AttributeFlow, EventLoop) {
  Tiles tiles = NonZero(Only(FlowRpc(kProtoTcp, true, true), Transport::kTcp));
  EXPECT_EQ(tiles["req_dispatch"], 7);
  EXPECT_EQ(tiles["req_receive_path"], 19);
  EXPECT_EQ(tiles.count("resp_dispatch"), 0u);
}

TEST(AttributeFlow, EarlierPacketsAndRetransmission) {
  Script s = FlowRpc(kProtoTcp);
  Event queue{};
  for (const Event& e : s.trace.events)
    if (e.kind == Kind::net_dev_queue && queue.time == 0) queue = e;
  Event earlier = queue;
  earlier.time -= 6;
  earlier.args[arg::packet::id] -= 1;
  s.trace.events.push_back(earlier);
  Tiles tiles = NonZero(Only(s, Transport::kTcp));
  EXPECT_EQ(tiles["req_send_path"], 5);
  EXPECT_EQ(tiles["req_own_packets"], 6);

  s = FlowRpc(kProtoTcp);
  Event lost = queue;
  lost.time -= 8;
  s.trace.events.push_back(lost);
  tiles = NonZero(Only(s, Transport::kTcp));
  EXPECT_EQ(tiles["req_send_path"], 3);
  EXPECT_EQ(tiles["req_loss_wait"], 8);
  EXPECT_EQ(tiles["req_qdisc"], 12);
}

// Whatever happens to the trace, the tiles of every RPC add up, and none is
// negative.
TEST(AttributeFuzz, SumsStayExact) {
  std::mt19937 random(20);
  int explained = 0;
  for (int round = 0; round < 3000; round++) {
    const bool homa = round % 3 != 0;
    Script s = homa ? (round % 2 ? HomaRpc(1234, round % 3) : LongMessage())
                    : FlowRpc(round % 2 ? kProtoTcp : kProtoUdp, round % 4 != 0);
    const Transport transport = homa           ? Transport::kHoma
                                : round % 2 ? Transport::kTcp
                                              : Transport::kUdp;
    auto& events = s.trace.events;
    for (int n = std::uniform_int_distribution(0, 12)(random); n > 0; n--) {
      const auto i = random() % events.size();
      switch (random() % 4) {
        case 0:
          events.erase(events.begin() + static_cast<std::ptrdiff_t>(i));
          break;
        case 1:
          events.push_back(events[i]);
          break;
        case 2:
          events[i].time += static_cast<Nanos>(random() % 400) - 200;
          break;
        default:
          events[i].cpu = static_cast<std::uint16_t>(random() % 4);
          break;
      }
    }
    const Trace trace = s.trace.Build();
    const Timeline timeline(trace);
    auto set = FindRpcs(timeline, s.Logs(transport));
    ASSERT_TRUE(set);
    std::uint64_t excluded = 0;
    for (const auto& [reason, count] : set->excluded) excluded += count;
    ASSERT_EQ(set->seen, set->rpcs.size() + excluded);
    for (const RpcTiles& rpc : AttributeAll(timeline, *set)) {
      ASSERT_EQ(Sum(rpc), rpc.rtt) << "round " << round;
      for (Nanos ns : rpc.ns) ASSERT_GE(ns, 0) << "round " << round;
      explained++;
    }
  }
  EXPECT_GT(explained, 2900);
}

}  // namespace
}  // namespace hs
