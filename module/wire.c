// SPDX-License-Identifier: GPL-2.0-only
/* Packets to and from bytes; see wire.h. */

#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include "wire.h"

#define HOMA_WIRE_MAX_S32 0x7fffffffu

/* An RPC is named by the pair of its ids, which differ in bit 0. */
static bool valid_id(u64 id)
{
	return id >> 1;
}

/* Bytes every packet of a type must have, 0 for unknown types. */
static u32 min_length(u8 type)
{
	switch (type) {
	case HOMA_DATA:
		return sizeof(struct homa_data_hdr);
	case HOMA_GRANT:
		return sizeof(struct homa_grant_hdr);
	case HOMA_RESEND:
		/* Some senders have no priorities and leave the last byte out. */
		return offsetof(struct homa_resend_hdr, priority);
	case HOMA_CUTOFFS:
		return sizeof(struct homa_cutoffs_hdr);
	case HOMA_ACK:
		return sizeof(struct homa_ack_hdr);
	case HOMA_RPC_UNKNOWN:
	case HOMA_BUSY:
	case HOMA_FREEZE:
	case HOMA_NEED_ACK:
		return sizeof(struct homa_common_hdr);
	default:
		return 0;
	}
}

static u8 clamp_level(u8 level, u32 num_priorities)
{
	return min_t(u32, level, num_priorities - 1);
}

/* An ack names the client's id; anything else is no entry. */
static struct homa_wire_ack parse_ack(const struct homa_ack *ack)
{
	struct homa_wire_ack out = {
		.client_id = be64_to_cpu(ack->client_id),
		.server_port = be16_to_cpu(ack->server_port),
	};

	if (!valid_id(out.client_id) || !homa_is_client(out.client_id) ||
	    !out.server_port)
		memset(&out, 0, sizeof(out));
	return out;
}

u32 homa_wire_offset(const struct homa_data_hdr *h)
{
	u32 offset = be32_to_cpu(h->seg_offset);

	return offset == HOMA_OFFSET_IN_SEQUENCE ? be32_to_cpu(h->common.sequence) : offset;
}

static enum homa_drop_reason parse_data(const struct homa_data_hdr *h,
					u32 length, struct homa_wire_data *data)
{
	u32 incoming = be32_to_cpu(h->incoming);

	*data = (struct homa_wire_data) {
		.message_length = be32_to_cpu(h->message_length),
		.offset = homa_wire_offset(h),
		.payload_bytes = length - sizeof(*h),
		.ack = parse_ack(&h->ack),
		.cutoff_version = be16_to_cpu(h->cutoff_version),
		.retransmit = h->retransmit,
		.response_unsched = be16_to_cpu(h->response_unsched),
	};
	if (!data->message_length ||
	    data->message_length > HOMA_WIRE_MAX_MESSAGE)
		return HOMA_DROP_MESSAGE_LENGTH;
	if (!data->payload_bytes || data->offset >= data->message_length ||
	    data->payload_bytes > data->message_length - data->offset)
		return HOMA_DROP_RANGE;
	/* Other senders treat it as signed. */
	if (incoming <= HOMA_WIRE_MAX_S32)
		data->incoming = min(incoming, data->message_length);
	return HOMA_DROP_NONE;
}

static enum homa_drop_reason parse_resend(const struct homa_resend_hdr *h,
					  u32 length, u32 num_priorities,
					  struct homa_wire_resend *resend)
{
	u32 offset = be32_to_cpu(h->offset);
	u32 bytes = be32_to_cpu(h->length);

	resend->priority = length < sizeof(*h) ?
		num_priorities - 1 : clamp_level(h->priority, num_priorities);
	resend->all = bytes == HOMA_RESEND_ALL;
	if (resend->all) {
		resend->offset = 0;
		resend->end = HOMA_WIRE_MAX_MESSAGE;
		return HOMA_DROP_NONE;
	}
	if (offset > HOMA_WIRE_MAX_MESSAGE ||
	    bytes > HOMA_WIRE_MAX_MESSAGE - offset)
		return HOMA_DROP_RANGE;
	resend->offset = offset;
	resend->end = offset + bytes;
	return HOMA_DROP_NONE;
}

static void parse_cutoffs(const struct homa_cutoffs_hdr *h,
			  struct homa_wire_view *view)
{
	u32 i;

	view->cutoffs.value[0] = HOMA_WIRE_MAX_S32;
	for (i = 1; i < HOMA_MAX_PRIORITIES; i++)
		view->cutoffs.value[i] = min(be32_to_cpu(h->cutoffs[i]),
					     HOMA_WIRE_MAX_S32);
	view->cutoffs.version = be16_to_cpu(h->version);
}

static void parse_acks(const struct homa_ack_hdr *h, struct homa_wire_view *view)
{
	u32 count = min_t(u32, be16_to_cpu(h->num_acks), HOMA_MAX_ACKS);
	u32 i;

	view->acks.count = 0;
	for (i = 0; i < count; i++) {
		struct homa_wire_ack ack = parse_ack(&h->acks[i]);

		if (ack.client_id)
			view->acks.entry[view->acks.count++] = ack;
	}
}

enum homa_drop_reason homa_wire_parse(const void *bytes, u32 length,
				      u32 num_priorities,
				      struct homa_wire_view *view)
{
	const struct homa_common_hdr *common = bytes;
	const struct homa_grant_hdr *grant = bytes;

	if (length < sizeof(*common))
		return HOMA_DROP_SHORT;
	view->type = common->type;
	view->sport = be16_to_cpu(common->sport);
	view->dport = be16_to_cpu(common->dport);
	view->sender_id = be64_to_cpu(common->sender_id);
	view->local_id = homa_peer_id(view->sender_id);
	view->header_bytes = min_length(common->type);
	if (!view->header_bytes)
		return HOMA_DROP_TYPE;
	if (length < view->header_bytes)
		return HOMA_DROP_SHORT;
	/* FREEZE concerns a host, not an RPC. */
	if (view->type == HOMA_FREEZE) {
		const struct homa_freeze_hdr *freeze = bytes;

		view->freeze.capture = length < sizeof(*freeze) ? 0 :
				       be64_to_cpu(freeze->capture);
		return HOMA_DROP_NONE;
	}
	if (!view->sport || !view->dport)
		return HOMA_DROP_PORT;
	if (!valid_id(view->sender_id))
		return HOMA_DROP_ID;

	switch (view->type) {
	case HOMA_DATA:
		return parse_data(bytes, length, &view->data);
	case HOMA_GRANT:
		view->grant.offset = min(be32_to_cpu(grant->offset),
					 HOMA_WIRE_MAX_MESSAGE);
		view->grant.priority = clamp_level(grant->priority,
						   num_priorities);
		return HOMA_DROP_NONE;
	case HOMA_RESEND:
		view->header_bytes = min_t(u32, length,
					   sizeof(struct homa_resend_hdr));
		return parse_resend(bytes, length, num_priorities,
				    &view->resend);
	case HOMA_CUTOFFS:
		parse_cutoffs(bytes, view);
		return HOMA_DROP_NONE;
	case HOMA_NEED_ACK:
		return homa_is_client(view->local_id) ?
			HOMA_DROP_NONE : HOMA_DROP_DIRECTION;
	case HOMA_ACK:
		if (homa_is_client(view->local_id))
			return HOMA_DROP_DIRECTION;
		parse_acks(bytes, view);
		return HOMA_DROP_NONE;
	default: /* RPC_UNKNOWN, BUSY: nothing beyond the common header */
		return HOMA_DROP_NONE;
	}
}

static void build_common(struct homa_common_hdr *h,
			 const struct homa_wire_route *route,
			 enum homa_type type, u8 doff)
{
	*h = (struct homa_common_hdr) {
		.sport = cpu_to_be16(route->sport),
		.dport = cpu_to_be16(route->dport),
		.type = type,
		.doff = doff,
		.flags = HOMA_TCP_FLAGS,
		.urgent = cpu_to_be16(HOMA_TCP_URGENT),
		.sender_id = cpu_to_be64(route->sender_id),
	};
}

static struct homa_ack build_ack_entry(const struct homa_wire_ack *ack)
{
	return (struct homa_ack) {
		.client_id = cpu_to_be64(ack->client_id),
		.server_port = cpu_to_be16(ack->server_port),
	};
}

u32 homa_wire_build_data(struct homa_data_hdr *h,
			 const struct homa_wire_route *route,
			 const struct homa_wire_data *data)
{
	u32 seg_offset = data->form == HOMA_FORM_SEQUENCE ?
		HOMA_OFFSET_IN_SEQUENCE : data->offset;

	*h = (struct homa_data_hdr) {
		.message_length = cpu_to_be32(data->message_length),
		.incoming = cpu_to_be32(data->incoming),
		.ack = build_ack_entry(&data->ack),
		.cutoff_version = cpu_to_be16(data->cutoff_version),
		.retransmit = data->retransmit,
		.response_unsched = cpu_to_be16(data->response_unsched),
		.seg_offset = cpu_to_be32(seg_offset),
	};
	build_common(&h->common, route, HOMA_DATA,
		     data->form == HOMA_FORM_GSO ?
		     HOMA_DOFF_DATA_GSO : HOMA_DOFF_DATA);
	h->common.sequence = cpu_to_be32(data->offset);
	return sizeof(*h);
}

u32 homa_wire_build_grant(struct homa_grant_hdr *h,
			  const struct homa_wire_route *route,
			  u32 offset, u8 priority)
{
	build_common(&h->common, route, HOMA_GRANT, HOMA_DOFF_CONTROL);
	h->offset = cpu_to_be32(offset);
	h->priority = priority;
	return sizeof(*h);
}

u32 homa_wire_build_resend(struct homa_resend_hdr *h,
			   const struct homa_wire_route *route,
			   u32 offset, u32 length, u8 priority)
{
	build_common(&h->common, route, HOMA_RESEND, HOMA_DOFF_CONTROL);
	h->offset = cpu_to_be32(offset);
	h->length = cpu_to_be32(length);
	h->priority = priority;
	return sizeof(*h);
}

u32 homa_wire_build_cutoffs(struct homa_cutoffs_hdr *h,
			    const struct homa_wire_route *route,
			    const u32 cutoffs[HOMA_MAX_PRIORITIES], u16 version)
{
	u32 i;

	build_common(&h->common, route, HOMA_CUTOFFS, HOMA_DOFF_CONTROL);
	for (i = 0; i < HOMA_MAX_PRIORITIES; i++)
		h->cutoffs[i] = cpu_to_be32(cutoffs[i]);
	h->version = cpu_to_be16(version);
	return sizeof(*h);
}

u32 homa_wire_build_ack(struct homa_ack_hdr *h,
			const struct homa_wire_route *route,
			const struct homa_wire_ack *acks, u32 num_acks)
{
	u32 i;

	num_acks = min_t(u32, num_acks, HOMA_MAX_ACKS);
	memset(h, 0, sizeof(*h));
	build_common(&h->common, route, HOMA_ACK, HOMA_DOFF_CONTROL);
	h->num_acks = cpu_to_be16(num_acks);
	for (i = 0; i < num_acks; i++)
		h->acks[i] = build_ack_entry(&acks[i]);
	return sizeof(*h);
}

u32 homa_wire_build_freeze(struct homa_freeze_hdr *h, const struct homa_wire_route *route,
			   u64 capture)
{
	build_common(&h->common, route, HOMA_FREEZE, HOMA_DOFF_CONTROL);
	h->capture = cpu_to_be64(capture);
	return sizeof(*h);
}

u32 homa_wire_build_plain(struct homa_common_hdr *h,
			  const struct homa_wire_route *route,
			  enum homa_type type)
{
	build_common(h, route, type, HOMA_DOFF_CONTROL);
	return sizeof(*h);
}

u32 homa_wire_seg_bytes(u32 mtu, u32 ip_header_bytes)
{
	u32 headers = ip_header_bytes + sizeof(struct homa_data_hdr);

	return mtu > headers ? mtu - headers : 0;
}

u32 homa_wire_segments(u32 mtu, u32 ip_header_bytes, u32 gso_bytes, enum homa_wire_form form)
{
	/* Repeated once, and in front of each segment. */
	u32 per_segment = form == HOMA_FORM_GSO ? sizeof(__be32) : 0;
	u32 headers = ip_header_bytes + sizeof(struct homa_data_hdr) - per_segment;
	u32 seg_bytes = homa_wire_seg_bytes(mtu, ip_header_bytes);

	if (!seg_bytes || gso_bytes <= mtu)
		return 1;
	return (gso_bytes - headers) / (seg_bytes + per_segment);
}
