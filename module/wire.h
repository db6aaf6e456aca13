/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets to and from bytes. The only code that knows packet layouts: the
 * rest of the module sees validated values in host byte order.
 */
#ifndef _HOMA_WIRE_H
#define _HOMA_WIRE_H

#include <linux/types.h>
#include "uapi/homa_wire.h"

/* Longest message, bytes; the same as in the user interface. */
#define HOMA_WIRE_MAX_MESSAGE 1000000u

/* Ports and RPC of a packet, from the viewpoint of its sender. */
struct homa_wire_route {
	u16 sport;
	u16 dport;
	u64 sender_id;
};

/* An acknowledgment; client_id 0: none. */
struct homa_wire_ack {
	u64 client_id;
	u16 server_port;
};

/* Where a DATA packet carries its offset, and what segmentation repeats. */
enum homa_wire_form {
	HOMA_FORM_PLAIN, /* both places; what we send unsegmented */
	HOMA_FORM_GSO, /* both places; seg_offset belongs to the segment */
	HOMA_FORM_SEQUENCE, /* only the sequence, as other senders do */
};

/**
 * struct homa_wire_data - what a DATA header says
 * @message_length: bytes of the whole message, 1 to HOMA_WIRE_MAX_MESSAGE.
 * @offset: of the payload in the message.
 * @payload_bytes: parsed: bytes behind the header, at least 1, inside the
 *	message. Ignored when building.
 * @incoming: limit of what is sent without grants, parsed: <= message_length.
 * @ack: acknowledgment riding along.
 * @cutoff_version: of the CUTOFFS the sender knows.
 * @retransmit: the packet answers a RESEND.
 * @response_unsched: most bytes of the response without a grant, 0: no limit.
 * @form: only for building.
 */
struct homa_wire_data {
	u32 message_length;
	u32 offset;
	u32 payload_bytes;
	u32 incoming;
	struct homa_wire_ack ack;
	u16 cutoff_version;
	u16 response_unsched;
	bool retransmit;
	enum homa_wire_form form;
};

/**
 * struct homa_wire_resend - what a RESEND asks for
 * @all: everything sent so far; then @offset is 0 and @end the longest
 *	message.
 * @offset: first byte wanted.
 * @end: first byte not wanted, >= offset, <= HOMA_WIRE_MAX_MESSAGE.
 * @priority: level for the answer.
 */
struct homa_wire_resend {
	bool all;
	u32 offset;
	u32 end;
	u8 priority;
};

/**
 * struct homa_wire_view - one validated packet
 * @type: enum homa_type; selects the member of the union.
 * @sport: port of the packet's sender.
 * @dport: our port.
 * @sender_id: id as the sender knows it.
 * @local_id: id as this host knows it: even: we are the client.
 * @header_bytes: bytes of the header; a DATA packet's payload begins there.
 * @data: DATA.
 * @grant: GRANT: limit (<= HOMA_WIRE_MAX_MESSAGE) and level.
 * @resend: RESEND.
 * @cutoffs: CUTOFFS; value[0] is the largest s32, none is larger.
 * @freeze: FREEZE: name of the moment, 0: none.
 * @acks: ACK: the entries that name an RPC; the header's RPC is not among them.
 */
struct homa_wire_view {
	enum homa_type type;
	u16 sport;
	u16 dport;
	u64 sender_id;
	u64 local_id;
	u32 header_bytes;
	union {
		struct homa_wire_data data;
		struct {
			u32 offset;
			u8 priority;
		} grant;
		struct homa_wire_resend resend;
		struct {
			u32 value[HOMA_MAX_PRIORITIES];
			u16 version;
		} cutoffs;
		struct {
			u32 count;
			struct homa_wire_ack entry[HOMA_MAX_ACKS];
		} acks;
		struct {
			u64 capture;
		} freeze;
	};
};

/* True when this host is the client of the RPC called @local_id here. */
static inline bool homa_is_client(u64 local_id)
{
	return !(local_id & 1);
}

/* Where in its message the payload of a DATA packet begins. */
u32 homa_wire_offset(const struct homa_data_hdr *h);

/* The name of the same RPC at the other side. */
static inline u64 homa_peer_id(u64 id)
{
	return id ^ 1;
}

/**
 * homa_wire_parse() - validate a packet and read its header
 * @bytes: start of the packet, min(@length, HOMA_MAX_HDR_BYTES) bytes of it
 *	readable. Need not be aligned.
 * @length: bytes of the packet as the IP header says, without padding.
 * @num_priorities: levels in use, 1 to HOMA_MAX_PRIORITIES; levels in the
 *	packet are clamped to it.
 * @view: filled on success, undefined otherwise.
 *
 * Bytes behind the header of control packets are ignored. A DATA packet's
 * offset is resolved. An acknowledgment with an odd id is taken for none.
 *
 * Return: HOMA_DROP_NONE, or why the packet must be dropped.
 */
enum homa_drop_reason homa_wire_parse(const void *bytes, u32 length,
				      u32 num_priorities,
				      struct homa_wire_view *view);

/*
 * Builders: each writes a complete header and returns its length. No byte of
 * the header is left as it was.
 */
u32 homa_wire_build_data(struct homa_data_hdr *h,
			 const struct homa_wire_route *route,
			 const struct homa_wire_data *data);
u32 homa_wire_build_grant(struct homa_grant_hdr *h,
			  const struct homa_wire_route *route,
			  u32 offset, u8 priority);
/* @length: HOMA_RESEND_ALL for everything. */
u32 homa_wire_build_resend(struct homa_resend_hdr *h,
			   const struct homa_wire_route *route,
			   u32 offset, u32 length, u8 priority);
u32 homa_wire_build_cutoffs(struct homa_cutoffs_hdr *h,
			    const struct homa_wire_route *route,
			    const u32 cutoffs[HOMA_MAX_PRIORITIES], u16 version);
/* At most HOMA_MAX_ACKS entries are taken. */
u32 homa_wire_build_ack(struct homa_ack_hdr *h,
			const struct homa_wire_route *route,
			const struct homa_wire_ack *acks, u32 num_acks);
/* To a whole host: port and id of its route are 0. */
u32 homa_wire_build_freeze(struct homa_freeze_hdr *h, const struct homa_wire_route *route,
			   u64 capture);
/* RPC_UNKNOWN, BUSY and NEED_ACK are a common header alone. */
u32 homa_wire_build_plain(struct homa_common_hdr *h,
			  const struct homa_wire_route *route,
			  enum homa_type type);

/**
 * homa_wire_seg_bytes() - most payload bytes of an unsegmented DATA packet
 * @mtu: of the route.
 * @ip_header_bytes: 20 for IPv4, 40 for IPv6.
 *
 * Return: the number, 0 if the MTU is too small for any.
 */
u32 homa_wire_seg_bytes(u32 mtu, u32 ip_header_bytes);

/**
 * homa_wire_segments() - segments in one packet to be cut
 * @mtu: of the route.
 * @ip_header_bytes: 20 for IPv4, 40 for IPv6.
 * @gso_bytes: longest such packet with IP header; up to the MTU: none.
 * @form: of the packet.
 *
 * Return: the number, at least 1.
 */
u32 homa_wire_segments(u32 mtu, u32 ip_header_bytes, u32 gso_bytes, enum homa_wire_form form);

static inline bool homa_wire_same_ports(const struct homa_common_hdr *a,
					const struct homa_common_hdr *b)
{
	return a->sport == b->sport && a->dport == b->dport;
}

#endif /* _HOMA_WIRE_H */
