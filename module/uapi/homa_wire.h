/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0 */
/*
 * Layout of Homa packets. Every packet begins with struct homa_common_hdr,
 * which is laid over a TCP header so that devices able to segment TCP can
 * segment Homa. All fields are big-endian.
 *
 * The offset of the payload of a DATA packet is in seg_offset, or in
 * common.sequence when seg_offset is HOMA_OFFSET_IN_SEQUENCE. We send it in
 * both places and accept it in either.
 */
#ifndef _UAPI_LINUX_HOMA_WIRE_H
#define _UAPI_LINUX_HOMA_WIRE_H

#include <linux/types.h>

#define HOMA_WIRE_PACKED __attribute__((packed))

/* Packet types. */
enum homa_type {
	HOMA_DATA = 0x10, /* payload */
	HOMA_GRANT = 0x11, /* raises the sender's limit */
	HOMA_RESEND = 0x12, /* asks for a range again */
	HOMA_RPC_UNKNOWN = 0x13, /* no such RPC here */
	HOMA_BUSY = 0x14, /* alive, not sending that now */
	HOMA_CUTOFFS = 0x15, /* priorities of unscheduled packets */
	HOMA_FREEZE = 0x16, /* stop the trace */
	HOMA_NEED_ACK = 0x17, /* server asks for an acknowledgment */
	HOMA_ACK = 0x18, /* client's acknowledgments */
};

#define HOMA_TYPE_FIRST HOMA_DATA
#define HOMA_TYPE_LAST HOMA_ACK

/* Priority levels that CUTOFFS can describe. */
#define HOMA_MAX_PRIORITIES 8

/* Acknowledgements in one ACK, besides the RPC of its header. */
#define HOMA_MAX_ACKS 5

/* Never a valid TCP header: SYN and RST at once, urgent data without URG. */
#define HOMA_TCP_FLAGS 0x06
#define HOMA_TCP_URGENT 0xb97d

/* Header words, in the high nibble, that a device repeats per segment. */
#define HOMA_DOFF_CONTROL 0x50
#define HOMA_DOFF_DATA 0xe0
#define HOMA_DOFF_DATA_GSO 0xd0 /* all but seg_offset */

/* Value of seg_offset that refers to common.sequence. */
#define HOMA_OFFSET_IN_SEQUENCE 0xffffffffu

/* Value of homa_resend_hdr.length: nothing arrived, send it all again. */
#define HOMA_RESEND_ALL 0xffffffffu

/**
 * struct homa_common_hdr - start of every packet
 * @sport: port of the packet's sender.
 * @dport: port of its receiver.
 * @sequence: DATA: offset of the payload, advanced by TCP segmentation; else 0.
 * @ack: 0.
 * @type: enum homa_type.
 * @doff: HOMA_DOFF_*.
 * @flags: HOMA_TCP_FLAGS, ignored on reception.
 * @window: 0.
 * @checksum: TCP checksum or 0, not verified by receivers.
 * @urgent: HOMA_TCP_URGENT, ignored on reception.
 * @sender_id: RPC id as the sender of this packet knows it: even from the
 *	client, odd from the server. The receiver's id is this XOR 1.
 */
struct homa_common_hdr {
	__be16 sport;
	__be16 dport;
	__be32 sequence;
	__u8 ack[3];
	__u8 type;
	__u8 doff;
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
	__be64 sender_id;
} HOMA_WIRE_PACKED;

/**
 * struct homa_ack - one acknowledgment inside DATA or ACK
 * @client_id: the client's (even) id of an RPC that is over, 0: no entry.
 * @server_port: its server's port.
 */
struct homa_ack {
	__be64 client_id;
	__be16 server_port;
} HOMA_WIRE_PACKED;

/**
 * struct homa_data_hdr - DATA; the payload follows
 * @common: every packet's start.
 * @message_length: payload bytes of the whole message.
 * @incoming: bytes the sender sends without further grants, or the end of the
 *	range being retransmitted.
 * @ack: one acknowledgment riding along.
 * @cutoff_version: version of the receiver's CUTOFFS the sender knows, or 0.
 * @retransmit: 1 when this answers a RESEND.
 * @pad: 0.
 * @response_unsched: of a request: most bytes of the response that may come
 *	without a grant, 0: as many as its sender likes. Of a response: 0. Other
 *	implementations have 0 here and do not look at it.
 * @seg_offset: offset of the payload, or HOMA_OFFSET_IN_SEQUENCE.
 */
struct homa_data_hdr {
	struct homa_common_hdr common;
	__be32 message_length;
	__be32 incoming;
	struct homa_ack ack;
	__be16 cutoff_version;
	__u8 retransmit;
	__u8 pad;
	__be16 response_unsched;
	__be32 seg_offset;
} HOMA_WIRE_PACKED;

/* Bytes of homa_data_hdr that segmentation repeats in front of seg_offset. */
#define HOMA_DATA_GSO_HDR_BYTES 52

/**
 * struct homa_grant_hdr - GRANT
 * @common: every packet's start.
 * @offset: bytes of the message that may be sent.
 * @priority: level of the scheduled packets from now on.
 */
struct homa_grant_hdr {
	struct homa_common_hdr common;
	__be32 offset;
	__u8 priority;
} HOMA_WIRE_PACKED;

/**
 * struct homa_resend_hdr - RESEND
 * @common: every packet's start.
 * @offset: first byte wanted.
 * @length: bytes wanted, or HOMA_RESEND_ALL.
 * @priority: level of the retransmitted packets; some senders leave it out.
 */
struct homa_resend_hdr {
	struct homa_common_hdr common;
	__be32 offset;
	__be32 length;
	__u8 priority;
} HOMA_WIRE_PACKED;

/**
 * struct homa_cutoffs_hdr - CUTOFFS
 * @common: every packet's start.
 * @cutoffs: [i] is the longest message whose unscheduled packets use level i.
 * @version: value to echo in DATA.
 */
struct homa_cutoffs_hdr {
	struct homa_common_hdr common;
	__be32 cutoffs[HOMA_MAX_PRIORITIES];
	__be16 version;
} HOMA_WIRE_PACKED;

/**
 * struct homa_ack_hdr - ACK, always sent in full
 * @common: every packet's start; acknowledges sender_id as well.
 * @num_acks: entries in use.
 * @acks: further RPCs that are over.
 */
struct homa_ack_hdr {
	struct homa_common_hdr common;
	__be16 num_acks;
	struct homa_ack acks[HOMA_MAX_ACKS];
} HOMA_WIRE_PACKED;

/**
 * struct homa_freeze_hdr - FREEZE, as we send it
 * @common: every packet's start.
 * @capture: names the moment in the traces of all hosts. Receivers accept
 *	packets that are longer than their type needs, and senders that know nothing
 *	of it leave it out.
 */
struct homa_freeze_hdr {
	struct homa_common_hdr common;
	__be64 capture;
} HOMA_WIRE_PACKED;

/* Longest header of any type. */
#define HOMA_MAX_HDR_BYTES 80

#ifdef __cplusplus
#define HOMA_WIRE_ASSERT(cond) static_assert(cond, #cond)
#else
#define HOMA_WIRE_ASSERT(cond) _Static_assert(cond, #cond)
#endif
#define HOMA_WIRE_OFFSET(type, field, at) \
	HOMA_WIRE_ASSERT(__builtin_offsetof(struct type, field) == (at))

HOMA_WIRE_ASSERT(sizeof(struct homa_common_hdr) == 28);
HOMA_WIRE_ASSERT(sizeof(struct homa_ack) == 10);
HOMA_WIRE_ASSERT(sizeof(struct homa_data_hdr) == 56);
HOMA_WIRE_ASSERT(sizeof(struct homa_grant_hdr) == 33);
HOMA_WIRE_ASSERT(sizeof(struct homa_resend_hdr) == 37);
HOMA_WIRE_ASSERT(sizeof(struct homa_cutoffs_hdr) == 62);
HOMA_WIRE_ASSERT(sizeof(struct homa_freeze_hdr) == 36);
HOMA_WIRE_ASSERT(sizeof(struct homa_ack_hdr) == HOMA_MAX_HDR_BYTES);
HOMA_WIRE_OFFSET(homa_common_hdr, type, 11);
HOMA_WIRE_OFFSET(homa_common_hdr, doff, 12);
HOMA_WIRE_OFFSET(homa_common_hdr, checksum, 16);
HOMA_WIRE_OFFSET(homa_common_hdr, sender_id, 20);
HOMA_WIRE_OFFSET(homa_data_hdr, message_length, 28);
HOMA_WIRE_OFFSET(homa_data_hdr, ack, 36);
HOMA_WIRE_OFFSET(homa_data_hdr, cutoff_version, 46);
HOMA_WIRE_OFFSET(homa_data_hdr, retransmit, 48);
HOMA_WIRE_OFFSET(homa_data_hdr, response_unsched, 50);
HOMA_WIRE_OFFSET(homa_data_hdr, seg_offset, HOMA_DATA_GSO_HDR_BYTES);
HOMA_WIRE_OFFSET(homa_grant_hdr, priority, 32);
HOMA_WIRE_OFFSET(homa_resend_hdr, priority, 36);
HOMA_WIRE_OFFSET(homa_cutoffs_hdr, version, 60);
HOMA_WIRE_OFFSET(homa_ack_hdr, acks, 30);

/*
 * Why a receiver refuses a packet: X(NAME, "text"). Traces carry the number
 * HOMA_DROP_NAME, so new reasons go to the end.
 */
#define HOMA_DROP_REASONS(X) \
	X(NONE, "not dropped") \
	X(SHORT, "shorter than its header") \
	X(TYPE, "unknown packet type") \
	X(PORT, "port 0") \
	X(ID, "RPC id 0") \
	X(DIRECTION, "type not allowed in this direction") \
	X(MESSAGE_LENGTH, "message length out of range") \
	X(RANGE, "payload or range outside the message") \
	X(LENGTH_CHANGED, "message length differs from earlier packets") \
	X(GAPS, "too many holes in the message") \
	X(DUPLICATE, "all its bytes were already received") \
	X(NO_SOCKET, "no socket has this port") \
	X(NOT_SERVING, "socket does not accept requests") \
	X(NO_RPC, "RPC unknown here") \
	X(FINISHED, "request belongs to an RPC that is over") \
	X(STATE, "meaningless in the state of the RPC") \
	X(NO_BUFFERS, "no space in the receive region") \
	X(NO_MEMORY, "out of kernel memory or over a limit") \
	X(NOT_ALLOWED, "not accepted from this peer") \
	X(RATE, "more of them than are accepted") \
	X(RCVBUF, "receive memory of the socket used up")

enum homa_drop_reason {
#define HOMA_DROP_ENUM(name, text) HOMA_DROP_##name,
	HOMA_DROP_REASONS(HOMA_DROP_ENUM)
#undef HOMA_DROP_ENUM
	HOMA_DROP_COUNT
};

#endif /* _UAPI_LINUX_HOMA_WIRE_H */
