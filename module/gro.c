// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets between the same two ports that a device delivers together go through
 * the layers below us as one: a bundle, which is the first packet with a list
 * of the others, as the core's "fraglist" makes of UDP. Each stays as it was,
 * with its own header, so that nothing is decided here but that addresses and
 * ports are the same: a filter sees what it would see of each. Protocol input,
 * or a device that takes no bundles, takes them apart.
 */

#include <net/gro.h>
#include "core.h"
#include "delay.h"
#include "gro.h"
#include "gso.h"
#include "net.h"
#include "tracing.h"
#include "wire.h"

/* Length of an IP packet. */
#define HOMA_BUNDLE_BYTES 65535

/* Packets nobody shall wait behind: grants, and messages of one packet. */
static bool is_urgent(const struct homa_common_hdr *h, u32 bytes)
{
	const struct homa_data_hdr *data = (const struct homa_data_hdr *)h;

	return h->type != HOMA_DATA ||
	       (bytes >= sizeof(*data) &&
		be32_to_cpu(data->message_length) == bytes - sizeof(*data));
}

/* What is held of packets between the ports of @h, or NULL. */
static struct sk_buff *find_held(struct list_head *held, const struct homa_common_hdr *h,
				 u32 offset)
{
	struct sk_buff *first;

	list_for_each_entry(first, held, list) {
		if (NAPI_GRO_CB(first)->same_flow &&
		    homa_wire_same_ports(h, (const struct homa_common_hdr *)(first->data + offset)))
			return first;
	}
	return NULL;
}

/* Puts @skb behind what @first holds. */
static void append(struct sk_buff *first, struct sk_buff *skb)
{
	const struct homa_data_hdr *h;

	skb_pull(skb, skb_gro_offset(skb));
	/* Their senders, if they are of this host, were charged for each alone. */
	skb_orphan(first);
	skb_orphan(skb);
	homa_gso_append(first, NAPI_GRO_CB(first)->last, skb);
	NAPI_GRO_CB(first)->last = skb;
	NAPI_GRO_CB(first)->count++;
	NAPI_GRO_CB(skb)->same_flow = 1;
	h = (const struct homa_data_hdr *)skb->data;
	if (h->common.type == HOMA_DATA && skb->len >= sizeof(*h))
		homa_trace_gro_join(homa_peer_id(be64_to_cpu(h->common.sender_id)),
				    homa_wire_offset(h), NAPI_GRO_CB(first)->count);
}

/**
 * homa_gro_receive() - a packet came from a device
 * @held: packets held; those with same_flow are between the same hosts.
 * @skb: packet.
 *
 * Return: one of @held that shall wait no longer, or NULL.
 */
struct sk_buff *homa_gro_receive(struct list_head *held, struct sk_buff *skb)
{
	struct homa_net *hnet = homa_net(dev_net(skb->dev));
	u32 most = READ_ONCE(hnet->tun.max_gro_skbs), offset = skb_gro_offset(skb);
	u32 bytes = skb_gro_len(skb), pull;
	const struct homa_common_hdr *h;
	struct sk_buff *first = NULL;
	bool full;

	homa_core_origin(skb);
	/* Linear, as those who look at what is held, or take it apart, expect. */
	pull = offset + min_t(u32, bytes, sizeof(struct homa_data_hdr));
	h = bytes < sizeof(*h) ? NULL : skb_gro_header_slow(skb, pull, offset);
	if (!h)
		goto alone;
	if (READ_ONCE(hnet->tun.gro_bypass) && is_urgent(h, bytes)) {
		homa_metric_inc(hnet, gro_bypasses);
		goto alone;
	}
	first = find_held(held, h, offset);
	/* A fragment, or long already; one somebody else holds as well, who would see our list. */
	if (most < 2 || NAPI_GRO_CB(skb)->flush || skb_cloned(skb) || skb_shared(skb))
		goto alone;
	if (!first)
		return NULL;
	full = first->len + bytes > HOMA_BUNDLE_BYTES;
	if (!full)
		append(first, skb);
	return full || NAPI_GRO_CB(first)->count >= most ? first : NULL;
alone:
	NAPI_GRO_CB(skb)->flush = 1;
	/* Behind what came before it. */
	return first;
}

/**
 * homa_gro_complete() - a bundle leaves the device
 * @skb: its first packet.
 * @transport_offset: of the Homa header.
 *
 * Return: 0.
 */
int homa_gro_complete(struct sk_buff *skb, int transport_offset)
{
	const struct homa_common_hdr *h = (void *)(skb->data + transport_offset);
	struct skb_shared_info *info = skb_shinfo(skb);

	info->gso_type = SKB_GSO_FRAGLIST;
	info->gso_segs = NAPI_GRO_CB(skb)->count;
	/* None is verified, and none must be computed. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	homa_delay(HOMA_DELAY_gro, homa_peer_id(be64_to_cpu(h->sender_id)));
	return 0;
}
