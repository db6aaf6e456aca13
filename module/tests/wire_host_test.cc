// SPDX-License-Identifier: GPL-2.0-only
// Packets built and parsed byte for byte, and every rule of validation.
extern "C" {
#include "wire.h"
}

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using Bytes = std::vector<unsigned char>;

Bytes from_hex(const std::string &text)
{
	Bytes out;
	std::string digits;

	for (char c : text) {
		if (c == ' ')
			continue;
		digits += c;
		if (digits.size() == 2) {
			out.push_back(static_cast<unsigned char>(std::stoi(digits, nullptr, 16)));
			digits.clear();
		}
	}
	return out;
}

// Parses from a heap block that ends where the contract says reading ends, so
// that the sanitizer sees every byte read beyond it; odd alignment on purpose.
homa_drop_reason parse(const Bytes &packet, homa_wire_view &view, u32 num_priorities = 8)
{
	size_t readable = std::min<size_t>(packet.size(), HOMA_MAX_HDR_BYTES);
	auto block = std::make_unique<unsigned char[]>(readable + 1);

	std::copy_n(packet.begin(), readable, block.get() + 1);
	memset(&view, 0xee, sizeof(view));
	return homa_wire_parse(block.get() + 1, static_cast<u32>(packet.size()), num_priorities,
			       &view);
}

homa_drop_reason verdict(const Bytes &packet)
{
	homa_wire_view view;

	return parse(packet, view);
}

template <typename Header, typename Build> Bytes build(Build fill)
{
	Header h;

	memset(&h, 0xff, sizeof(h)); // what a builder forgets shows up
	u32 length = fill(&h);
	EXPECT_EQ(length, sizeof(h));
	auto *bytes = reinterpret_cast<unsigned char *>(&h);
	return Bytes(bytes, bytes + sizeof(h));
}

constexpr homa_wire_route kFromClient(u64 id) { return {32769, 99, id}; }
constexpr homa_wire_route kFromServer(u64 id) { return {99, 32769, id}; }

Bytes data_packet(const homa_wire_data &data, u32 payload_bytes, u64 id = 0x1234)
{
	homa_wire_route route = kFromClient(id);
	Bytes packet = build<homa_data_hdr>(
		[&](homa_data_hdr *h) { return homa_wire_build_data(h, &route, &data); });

	packet.resize(packet.size() + payload_bytes, 0xab);
	return packet;
}

void set_u32(Bytes &packet, size_t at, u32 value)
{
	for (int i = 0; i < 4; i++)
		packet[at + i] = static_cast<unsigned char>(value >> (24 - 8 * i));
}

// ---- Reference byte strings -------------------------------------------------

const char *kData1 = "80010063 00000000 00000010 e0060000 0000b97d 00000000 00001234 00000064 "
		     "00000064 00000000 00000000 00000000 00000000 ffffffff";
const char *kData2 = "80010063 00000590 00000010 e0060000 0000b97d 00000000 00001236 00001388 "
		     "00001388 00000000 00001234 00630001 01000000 00000590";
const char *kGrant = "00638001 00000000 00000011 50060000 0000b97d 00000000 00001237 0000ea60 03";
const char *kResend = "80010063 00000000 00000012 50060000 0000b97d 00000000 00001236 00000000 "
		      "ffffffff 07";
const char *kCutoffs = "00638001 00000000 00000015 50060000 0000b97d 00000000 00001237 00000000 "
		       "00000000 00000000 00000000 000f4240 00003a98 00000af0 000000c8 0001";
const char *kAck = "80010063 00000000 00000018 50060000 0000b97d 00000000 00001236 00010000 "
		   "00000000 12340063";
const char *kNeedAck = "00638001 00000000 00000017 50060000 0000b97d 00000000 00001237";

Bytes ack_reference()
{
	Bytes bytes = from_hex(kAck);

	bytes.resize(bytes.size() + 40, 0);
	return bytes;
}

TEST(WireReference, DataFirst)
{
	homa_wire_data data = {.message_length = 100, .incoming = 100,
			       .form = HOMA_FORM_SEQUENCE};
	EXPECT_EQ(data_packet(data, 0), from_hex(kData1));

	Bytes packet = from_hex(kData1);
	packet.resize(packet.size() + 100);
	homa_wire_view v;
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	EXPECT_EQ(v.type, HOMA_DATA);
	EXPECT_EQ(v.sport, 32769);
	EXPECT_EQ(v.dport, 99);
	EXPECT_EQ(v.sender_id, 0x1234u);
	EXPECT_EQ(v.local_id, 0x1235u);
	EXPECT_EQ(v.header_bytes, 56u);
	EXPECT_EQ(v.data.message_length, 100u);
	EXPECT_EQ(v.data.offset, 0u);
	EXPECT_EQ(v.data.payload_bytes, 100u);
	EXPECT_EQ(v.data.incoming, 100u);
	EXPECT_EQ(v.data.ack.client_id, 0u);
	EXPECT_EQ(v.data.cutoff_version, 0);
	EXPECT_FALSE(v.data.retransmit);
}

TEST(WireReference, DataRetransmitted)
{
	homa_wire_data data = {.message_length = 5000, .offset = 1424, .incoming = 5000,
			       .ack = {0x1234, 99}, .cutoff_version = 1, .retransmit = true};
	EXPECT_EQ(data_packet(data, 0, 0x1236), from_hex(kData2));

	Bytes packet = from_hex(kData2);
	packet.resize(packet.size() + 1424);
	homa_wire_view v;
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	EXPECT_EQ(v.data.message_length, 5000u);
	EXPECT_EQ(v.data.offset, 1424u);
	EXPECT_EQ(v.data.incoming, 5000u);
	EXPECT_EQ(v.data.ack.client_id, 0x1234u);
	EXPECT_EQ(v.data.ack.server_port, 99);
	EXPECT_EQ(v.data.cutoff_version, 1);
	EXPECT_TRUE(v.data.retransmit);
}

TEST(WireBuild, LimitOfTheResponse)
{
	Bytes none = data_packet({.message_length = 9, .incoming = 9}, 9);
	Bytes packet = data_packet({.message_length = 9, .incoming = 9, .response_unsched = 0x1234}, 9);
	EXPECT_EQ(none[50] | none[51], 0);
	EXPECT_EQ(packet[50], 0x12);
	EXPECT_EQ(packet[51], 0x34);
	homa_wire_view v;
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	EXPECT_EQ(v.data.response_unsched, 0x1234);
	packet[50] = packet[51] = 0;
	EXPECT_EQ(packet, none);
}

TEST(WireReference, Grant)
{
	homa_wire_route route = kFromServer(0x1237);
	EXPECT_EQ(build<homa_grant_hdr>([&](auto *h) {
			  return homa_wire_build_grant(h, &route, 60000, 3);
		  }),
		  from_hex(kGrant));

	homa_wire_view v;
	ASSERT_EQ(parse(from_hex(kGrant), v), HOMA_DROP_NONE);
	EXPECT_EQ(v.type, HOMA_GRANT);
	EXPECT_EQ(v.local_id, 0x1236u);
	EXPECT_EQ(v.grant.offset, 60000u);
	EXPECT_EQ(v.grant.priority, 3);
}

TEST(WireReference, Resend)
{
	homa_wire_route route = kFromClient(0x1236);
	EXPECT_EQ(build<homa_resend_hdr>([&](auto *h) {
			  return homa_wire_build_resend(h, &route, 0, HOMA_RESEND_ALL, 7);
		  }),
		  from_hex(kResend));

	homa_wire_view v;
	ASSERT_EQ(parse(from_hex(kResend), v), HOMA_DROP_NONE);
	EXPECT_EQ(v.type, HOMA_RESEND);
	EXPECT_TRUE(v.resend.all);
	EXPECT_EQ(v.resend.offset, 0u);
	EXPECT_EQ(v.resend.end, 1000000u);
	EXPECT_EQ(v.resend.priority, 7);
}

TEST(WireReference, Cutoffs)
{
	const u32 table[8] = {0, 0, 0, 0, 1000000, 15000, 2800, 200};
	homa_wire_route route = kFromServer(0x1237);
	EXPECT_EQ(build<homa_cutoffs_hdr>([&](auto *h) {
			  return homa_wire_build_cutoffs(h, &route, table, 1);
		  }),
		  from_hex(kCutoffs));

	homa_wire_view v;
	ASSERT_EQ(parse(from_hex(kCutoffs), v), HOMA_DROP_NONE);
	EXPECT_EQ(v.type, HOMA_CUTOFFS);
	EXPECT_EQ(v.cutoffs.version, 1);
	EXPECT_EQ(v.cutoffs.value[0], 0x7fffffffu); // forced
	for (int i = 1; i < 8; i++)
		EXPECT_EQ(v.cutoffs.value[i], table[i]) << i;
}

TEST(WireReference, Ack)
{
	homa_wire_route route = kFromClient(0x1236);
	homa_wire_ack acks[] = {{0x1234, 99}};
	EXPECT_EQ(build<homa_ack_hdr>([&](auto *h) {
			  return homa_wire_build_ack(h, &route, acks, 1);
		  }),
		  ack_reference());

	homa_wire_view v;
	ASSERT_EQ(parse(ack_reference(), v), HOMA_DROP_NONE);
	EXPECT_EQ(v.type, HOMA_ACK);
	EXPECT_EQ(v.local_id, 0x1237u);
	ASSERT_EQ(v.acks.count, 1u);
	EXPECT_EQ(v.acks.entry[0].client_id, 0x1234u);
	EXPECT_EQ(v.acks.entry[0].server_port, 99);
}

TEST(WireReference, NeedAck)
{
	homa_wire_route route = kFromServer(0x1237);
	EXPECT_EQ(build<homa_common_hdr>([&](auto *h) {
			  return homa_wire_build_plain(h, &route, HOMA_NEED_ACK);
		  }),
		  from_hex(kNeedAck));

	homa_wire_view v;
	ASSERT_EQ(parse(from_hex(kNeedAck), v), HOMA_DROP_NONE);
	EXPECT_EQ(v.type, HOMA_NEED_ACK);
	EXPECT_EQ(v.local_id, 0x1236u);
}

// ---- Building ---------------------------------------------------------------

TEST(WireBuild, PlainTypesRoundTrip)
{
	for (homa_type type : {HOMA_RPC_UNKNOWN, HOMA_BUSY}) {
		homa_wire_route route = kFromServer(0x77);
		Bytes packet = build<homa_common_hdr>([&](auto *h) {
			return homa_wire_build_plain(h, &route, type);
		});
		homa_wire_view v;
		ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
		EXPECT_EQ(v.type, type);
		EXPECT_EQ(v.header_bytes, 28u);
		EXPECT_EQ(packet[12], 0x50);
	}
}

TEST(WireBuild, OffsetPlacesAndDoff)
{
	homa_wire_data data = {.message_length = 9000, .offset = 2848, .incoming = 9000};
	struct {
		homa_wire_form form;
		unsigned char doff;
		u32 seg_offset;
	} cases[] = {{HOMA_FORM_PLAIN, 0xe0, 2848},
		     {HOMA_FORM_GSO, 0xd0, 2848},
		     {HOMA_FORM_SEQUENCE, 0xe0, 0xffffffff}};

	for (auto &c : cases) {
		data.form = c.form;
		Bytes packet = data_packet(data, 10), want = packet;
		set_u32(want, 4, 2848);
		set_u32(want, 52, c.seg_offset);
		EXPECT_EQ(packet, want);
		EXPECT_EQ(packet[12], c.doff);
		homa_wire_view v;
		ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
		EXPECT_EQ(v.data.offset, 2848u);
		EXPECT_EQ(v.header_bytes, 56u); // doff 0xd0 does not move the payload
	}
}

TEST(WireBuild, AckHoldsFiveAndIsAlwaysFull)
{
	homa_wire_route route = kFromClient(2);
	std::vector<homa_wire_ack> acks;
	for (u64 i = 1; i <= 7; i++)
		acks.push_back({100 * i, static_cast<u16>(i)});

	for (u32 count : {0u, 5u, 7u}) {
		Bytes packet = build<homa_ack_hdr>([&](auto *h) {
			return homa_wire_build_ack(h, &route, acks.data(), count);
		});
		homa_wire_view v;
		ASSERT_EQ(packet.size(), 80u);
		ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
		ASSERT_EQ(v.acks.count, std::min(count, 5u));
		for (u32 i = 0; i < v.acks.count; i++) {
			EXPECT_EQ(v.acks.entry[i].client_id, acks[i].client_id);
			EXPECT_EQ(v.acks.entry[i].server_port, acks[i].server_port);
		}
	}
}

// ---- Validation -------------------------------------------------------------

TEST(WireValidate, MinimumLengthOfEveryType)
{
	struct {
		Bytes packet;
		size_t least;
	} cases[] = {{from_hex(kGrant), 33},   {from_hex(kResend), 36},
		     {from_hex(kCutoffs), 62}, {ack_reference(), 80},
		     {from_hex(kNeedAck), 28}, {data_packet({.message_length = 9}, 9), 57}};

	for (auto &c : cases) {
		for (size_t length = 0; length < c.least; length++) {
			Bytes cut(c.packet.begin(), c.packet.begin() + length);
			// A bare DATA header is long enough but has no payload.
			auto want = length == 56 && c.least == 57 ? HOMA_DROP_RANGE : HOMA_DROP_SHORT;
			EXPECT_EQ(verdict(cut), want) << +c.packet[11] << " " << length;
		}
		c.packet.resize(c.least);
		EXPECT_EQ(verdict(c.packet), HOMA_DROP_NONE) << +c.packet[11];
	}
}

TEST(WireValidate, TypeRange)
{
	Bytes packet = ack_reference();

	for (int type = 0; type < 256; type++) {
		packet[11] = static_cast<unsigned char>(type);
		bool known = type >= HOMA_TYPE_FIRST && type <= HOMA_TYPE_LAST;
		EXPECT_EQ(verdict(packet) == HOMA_DROP_TYPE, !known) << type;
	}
}

TEST(WireValidate, PortsAndIds)
{
	Bytes good = data_packet({.message_length = 9}, 9);
	Bytes packet = good;
	packet[0] = packet[1] = 0;
	EXPECT_EQ(verdict(packet), HOMA_DROP_PORT);
	packet = good;
	packet[2] = packet[3] = 0;
	EXPECT_EQ(verdict(packet), HOMA_DROP_PORT);
	EXPECT_EQ(verdict(data_packet({.message_length = 9}, 9, 0)), HOMA_DROP_ID);
	EXPECT_EQ(verdict(data_packet({.message_length = 9}, 9, 1)), HOMA_DROP_ID);
	EXPECT_EQ(verdict(data_packet({.message_length = 9}, 9, 2)), HOMA_DROP_NONE);
	EXPECT_EQ(verdict(data_packet({.message_length = 9}, 9, ~0ull)), HOMA_DROP_NONE);
}

TEST(WireValidate, BroadcastFreezeHasNeitherPortNorId)
{
	homa_wire_route route = {99, 0, 0};
	Bytes packet = build<homa_common_hdr>(
		[&](auto *h) { return homa_wire_build_plain(h, &route, HOMA_FREEZE); });
	homa_wire_view v;
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	EXPECT_EQ(v.freeze.capture, 0u);
	packet = build<homa_freeze_hdr>(
		[&](auto *h) { return homa_wire_build_freeze(h, &route, 0x1122334455667788); });
	ASSERT_EQ(packet.size(), 36u);
	EXPECT_EQ(packet[28], 0x11);
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	EXPECT_EQ(v.freeze.capture, 0x1122334455667788u);
	packet.pop_back(); // of somebody who puts something else there
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	EXPECT_EQ(v.freeze.capture, 0u);
}

TEST(WireValidate, DirectionOfAckAndNeedAck)
{
	Bytes ack = ack_reference();
	ack[27] |= 1; // from a server
	EXPECT_EQ(verdict(ack), HOMA_DROP_DIRECTION);
	Bytes need = from_hex(kNeedAck);
	need[27] &= 0xfe; // from a client
	EXPECT_EQ(verdict(need), HOMA_DROP_DIRECTION);
}

TEST(WireValidate, MessageLength)
{
	EXPECT_EQ(verdict(data_packet({.message_length = 0}, 1)), HOMA_DROP_MESSAGE_LENGTH);
	EXPECT_EQ(verdict(data_packet({.message_length = 1}, 1)), HOMA_DROP_NONE);
	EXPECT_EQ(verdict(data_packet({.message_length = 1000000}, 1)), HOMA_DROP_NONE);
	EXPECT_EQ(verdict(data_packet({.message_length = 1000001}, 1)), HOMA_DROP_MESSAGE_LENGTH);
	EXPECT_EQ(verdict(data_packet({.message_length = 0x80000000}, 1)),
		  HOMA_DROP_MESSAGE_LENGTH);
	EXPECT_EQ(verdict(data_packet({.message_length = ~0u}, 1)), HOMA_DROP_MESSAGE_LENGTH);
}

TEST(WireValidate, PayloadInsideMessage)
{
	EXPECT_EQ(verdict(data_packet({.message_length = 100, .offset = 99}, 1)), HOMA_DROP_NONE);
	EXPECT_EQ(verdict(data_packet({.message_length = 100, .offset = 99}, 2)), HOMA_DROP_RANGE);
	EXPECT_EQ(verdict(data_packet({.message_length = 100, .offset = 100}, 1)),
		  HOMA_DROP_RANGE);
	EXPECT_EQ(verdict(data_packet({.message_length = 100, .offset = 0x80000000}, 1)),
		  HOMA_DROP_RANGE);
	EXPECT_EQ(verdict(data_packet({.message_length = 100, .offset = 0xfffffff0}, 90)),
		  HOMA_DROP_RANGE);
	EXPECT_EQ(verdict(data_packet({.message_length = 100}, 0)), HOMA_DROP_RANGE);
	EXPECT_EQ(verdict(data_packet({.message_length = 100}, 101)), HOMA_DROP_RANGE);
}

TEST(WireValidate, OffsetFromSequenceIsChecked)
{
	homa_wire_data data = {.message_length = 100, .offset = 60, .form = HOMA_FORM_SEQUENCE};

	EXPECT_EQ(verdict(data_packet(data, 40)), HOMA_DROP_NONE);
	EXPECT_EQ(verdict(data_packet(data, 41)), HOMA_DROP_RANGE);
	data.offset = 0xffffffff; // both places say -1
	EXPECT_EQ(verdict(data_packet(data, 1)), HOMA_DROP_RANGE);
}

TEST(WireValidate, IncomingIsClamped)
{
	struct {
		u32 sent, seen;
	} cases[] = {{0, 0}, {50, 50}, {100, 100}, {101, 100}, {0x7fffffff, 100},
		     {0x80000000, 0}, {0xffffffff, 0}};

	for (auto &c : cases) {
		homa_wire_view v;
		Bytes packet = data_packet({.message_length = 100, .incoming = c.sent}, 1);
		ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
		EXPECT_EQ(v.data.incoming, c.seen) << c.sent;
	}
}

TEST(WireValidate, AckEntriesThatNameNothingAreIgnored)
{
	homa_wire_route route = kFromClient(2);
	homa_wire_ack acks[] = {{0, 99}, {11, 99}, {12, 0}, {1, 99}, {14, 98}};
	Bytes packet = build<homa_ack_hdr>(
		[&](auto *h) { return homa_wire_build_ack(h, &route, acks, 5); });
	homa_wire_view v;
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	ASSERT_EQ(v.acks.count, 1u);
	EXPECT_EQ(v.acks.entry[0].client_id, 14u);
	EXPECT_EQ(v.acks.entry[0].server_port, 98);

	for (auto ack : {acks[0], acks[1], acks[2], acks[3]}) {
		packet = data_packet({.message_length = 9, .ack = ack}, 9);
		ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
		EXPECT_EQ(v.data.ack.client_id, 0u);
	}
}

TEST(WireValidate, NumAcksIsClamped)
{
	Bytes packet = ack_reference();
	for (int i = 0; i < 5; i++) {
		packet[30 + 10 * i + 7] = static_cast<unsigned char>(2 * i + 2);
		packet[30 + 10 * i + 9] = 99;
	}
	for (u32 sent : {4u, 5u, 6u, 0x7fffu, 0xffffu}) {
		packet[28] = static_cast<unsigned char>(sent >> 8);
		packet[29] = static_cast<unsigned char>(sent);
		homa_wire_view v;
		ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
		EXPECT_EQ(v.acks.count, std::min(sent, 5u));
	}
}

TEST(WireValidate, PrioritiesAreClamped)
{
	Bytes grant = from_hex(kGrant), resend = from_hex(kResend);
	homa_wire_view v;

	for (u32 levels = 1; levels <= 8; levels++) {
		for (int sent = 0; sent < 256; sent++) {
			u32 want = std::min<u32>(sent, levels - 1);
			grant[32] = resend[36] = static_cast<unsigned char>(sent);
			ASSERT_EQ(parse(grant, v, levels), HOMA_DROP_NONE);
			EXPECT_EQ(v.grant.priority, want);
			ASSERT_EQ(parse(resend, v, levels), HOMA_DROP_NONE);
			EXPECT_EQ(v.resend.priority, want);
		}
	}
}

TEST(WireValidate, GrantOffsetIsClamped)
{
	Bytes packet = from_hex(kGrant);
	homa_wire_view v;

	for (u32 sent : {0u, 999999u, 1000000u, 1000001u, 0x80000000u, 0xffffffffu}) {
		set_u32(packet, 28, sent);
		ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
		EXPECT_EQ(v.grant.offset, std::min(sent, 1000000u));
	}
}

TEST(WireValidate, ResendRange)
{
	struct {
		u32 offset, length;
		homa_drop_reason want;
	} cases[] = {{0, 0, HOMA_DROP_NONE},
		     {1424, 1424, HOMA_DROP_NONE},
		     {0, 1000000, HOMA_DROP_NONE},
		     {1000000, 0, HOMA_DROP_NONE},
		     {0, 1000001, HOMA_DROP_RANGE},
		     {1000001, 0, HOMA_DROP_RANGE},
		     {999999, 2, HOMA_DROP_RANGE},
		     {1, 0xfffffffe, HOMA_DROP_RANGE},
		     {0xffffffff, 1, HOMA_DROP_RANGE}};

	for (auto &c : cases) {
		homa_wire_route route = kFromClient(2);
		Bytes packet = build<homa_resend_hdr>([&](auto *h) {
			return homa_wire_build_resend(h, &route, c.offset, c.length, 0);
		});
		homa_wire_view v;
		ASSERT_EQ(parse(packet, v), c.want) << c.offset << "+" << c.length;
		if (c.want == HOMA_DROP_NONE) {
			EXPECT_FALSE(v.resend.all);
			EXPECT_EQ(v.resend.offset, c.offset);
			EXPECT_EQ(v.resend.end, c.offset + c.length);
		}
	}
}

TEST(WireValidate, ResendForEverythingIgnoresItsOffset)
{
	Bytes packet = from_hex(kResend);
	set_u32(packet, 28, 0xdeadbeef);
	homa_wire_view v;
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	EXPECT_TRUE(v.resend.all);
	EXPECT_EQ(v.resend.offset, 0u);
}

TEST(WireValidate, CutoffsBeyondS32AreClamped)
{
	Bytes packet = from_hex(kCutoffs);
	set_u32(packet, 32, 0x80000000);
	set_u32(packet, 36, 0x7fffffff);
	homa_wire_view v;
	ASSERT_EQ(parse(packet, v), HOMA_DROP_NONE);
	EXPECT_EQ(v.cutoffs.value[1], 0x7fffffffu);
	EXPECT_EQ(v.cutoffs.value[2], 0x7fffffffu);
}

// ---- Tolerance --------------------------------------------------------------

TEST(WireTolerance, ResendWithoutPriorityTakesTheHighestLevel)
{
	Bytes packet = from_hex(kResend);
	packet[36] = 0;
	homa_wire_view v;
	ASSERT_EQ(parse(packet, v, 6), HOMA_DROP_NONE);
	EXPECT_EQ(v.resend.priority, 0);
	packet.resize(36);
	ASSERT_EQ(parse(packet, v, 6), HOMA_DROP_NONE);
	EXPECT_EQ(v.resend.priority, 5);
	EXPECT_EQ(v.header_bytes, 36u);
}

TEST(WireTolerance, LongerControlPackets)
{
	// 34 bytes is the GRANT of older senders.
	for (Bytes packet : {from_hex(kGrant), from_hex(kResend), from_hex(kCutoffs),
			     ack_reference(), from_hex(kNeedAck)}) {
		homa_wire_view plain, longer;
		ASSERT_EQ(parse(packet, plain), HOMA_DROP_NONE);
		for (size_t extra : {1u, 18u, 1400u}) {
			Bytes more = packet;
			more.resize(more.size() + extra, 0xff);
			ASSERT_EQ(parse(more, longer), HOMA_DROP_NONE) << +packet[11];
			EXPECT_EQ(longer.header_bytes, plain.header_bytes);
		}
	}
	Bytes older = from_hex(kGrant);
	older.push_back(1);
	homa_wire_view v;
	ASSERT_EQ(parse(older, v), HOMA_DROP_NONE);
	EXPECT_EQ(v.grant.offset, 60000u);
	EXPECT_EQ(v.grant.priority, 3);
}

TEST(WireTolerance, FieldsOfTcpAreIgnored)
{
	Bytes good = data_packet({.message_length = 9, .incoming = 9}, 9);
	homa_wire_view want, got;
	ASSERT_EQ(parse(good, want), HOMA_DROP_NONE);
	Bytes packet = good;
	for (size_t at : {4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 49})
		packet[at] ^= 0x5a; // sequence, ack, doff ... urgent, pad
	ASSERT_EQ(parse(packet, got), HOMA_DROP_NONE);
	EXPECT_EQ(got.data.offset, want.data.offset);
	EXPECT_EQ(got.data.payload_bytes, want.data.payload_bytes);
	EXPECT_EQ(got.local_id, want.local_id);
}

// ---- Random bytes -----------------------------------------------------------

TEST(WireRandom, WhateverIsAcceptedIsWithinBounds)
{
	std::mt19937_64 random(1);
	const Bytes seeds[] = {from_hex(kGrant), from_hex(kResend), from_hex(kCutoffs),
			       ack_reference(), from_hex(kNeedAck),
			       data_packet({.message_length = 500000, .offset = 1424,
					    .incoming = 40000},
					   1424)};
	unsigned accepted = 0, refused = 0;

	for (int round = 0; round < 200000; round++) {
		Bytes packet = seeds[random() % std::size(seeds)];
		for (u64 flips = random() % 6; flips; flips--)
			packet[random() % std::min<size_t>(packet.size(), 84)] =
				static_cast<unsigned char>(random());
		if (random() % 4 == 0)
			packet.resize(random() % (packet.size() + 20), 0xff);
		u32 levels = 1 + random() % 8;
		homa_wire_view v;
		homa_drop_reason reason = parse(packet, v, levels);
		ASSERT_LT(reason, HOMA_DROP_COUNT);
		if (reason != HOMA_DROP_NONE) {
			refused++;
			continue;
		}
		accepted++;
		ASSERT_LE(v.header_bytes, packet.size());
		switch (v.type) {
		case HOMA_DATA:
			ASSERT_GE(v.data.message_length, 1u);
			ASSERT_LE(v.data.message_length, 1000000u);
			ASSERT_EQ(v.data.payload_bytes, packet.size() - 56);
			ASSERT_LE(u64{v.data.offset} + v.data.payload_bytes,
				  v.data.message_length);
			ASSERT_LE(v.data.incoming, v.data.message_length);
			break;
		case HOMA_GRANT:
			ASSERT_LE(v.grant.offset, 1000000u);
			ASSERT_LT(v.grant.priority, levels);
			break;
		case HOMA_RESEND:
			ASSERT_LE(v.resend.offset, v.resend.end);
			ASSERT_LE(v.resend.end, 1000000u);
			ASSERT_LT(v.resend.priority, levels);
			break;
		case HOMA_ACK:
			ASSERT_LE(v.acks.count, 5u);
			for (u32 i = 0; i < v.acks.count; i++)
				ASSERT_TRUE(homa_is_client(v.acks.entry[i].client_id) &&
					    v.acks.entry[i].client_id);
			break;
		default:
			break;
		}
	}
	EXPECT_GT(accepted, 10000u);
	EXPECT_GT(refused, 10000u);
}

// ---- Geometry ---------------------------------------------------------------

TEST(WireGeometry, PayloadAndSegments)
{
	struct {
		u32 mtu, ip, seg, at_10000, at_100000;
	} cases[] = {{1500, 20, 1424, 6, 69},
		     {1500, 40, 1404, 7, 70},
		     {9000, 20, 8924, 1, 11},
		     {9000, 40, 8904, 1, 11}};

	for (auto &c : cases) {
		EXPECT_EQ(homa_wire_seg_bytes(c.mtu, c.ip), c.seg);
		EXPECT_EQ(homa_wire_segments(c.mtu, c.ip, 0, HOMA_FORM_GSO), 1u);
		EXPECT_EQ(homa_wire_segments(c.mtu, c.ip, 10000, HOMA_FORM_GSO), c.at_10000);
		EXPECT_EQ(homa_wire_segments(c.mtu, c.ip, 100000, HOMA_FORM_GSO), c.at_100000);
	}
	EXPECT_EQ(homa_wire_seg_bytes(76, 20), 0u);
	EXPECT_EQ(homa_wire_seg_bytes(77, 20), 1u);
	EXPECT_EQ(homa_wire_seg_bytes(0, 20), 0u);
	EXPECT_EQ(homa_wire_segments(60, 20, 10000, HOMA_FORM_GSO), 1u);
}

} // namespace
