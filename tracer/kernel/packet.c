// SPDX-License-Identifier: GPL-2.0-only
/* Identity of packets, read from their headers wherever those lie in the skb. */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "compat.h"
#include "packet.h"

/* Homa by its wire layout, which is fixed; see docs/protocol.md. */
#define PROTO_HOMA 146
#define HOMA_HEADER_BYTES 28
#define HOMA_SEQUENCE_AT 4
#define HOMA_TYPE_AT 11
#define HOMA_ID_AT 20
#define HOMA_SEG_OFFSET_AT 52
#define HOMA_TYPE_DATA 0x10
#define HOMA_NO_OFFSET 0xffffffffu

#define MAX_EXTENSIONS 4

static u32 ports(const void *header)
{
	return get_unaligned_be32(header);
}

static void parse_homa(const struct sk_buff *skb, int at, struct tt_packet *packet)
{
	u8 buf[HOMA_HEADER_BYTES];
	const u8 *h = skb_header_pointer(skb, at, sizeof(buf), buf);
	__be32 word;
	const __be32 *seg;

	if (!h)
		return;
	packet->ports = ports(h);
	packet->id = get_unaligned_be64(h + HOMA_ID_AT);
	packet->offset = HOMA_NO_OFFSET;
	if (h[HOMA_TYPE_AT] != HOMA_TYPE_DATA)
		return;
	seg = skb_header_pointer(skb, at + HOMA_SEG_OFFSET_AT, sizeof(word), &word);
	if (!seg)
		return;
	packet->offset = get_unaligned_be32(seg);
	/* Senders may leave the offset to the sequence number. */
	if (packet->offset == HOMA_NO_OFFSET)
		packet->offset = get_unaligned_be32(h + HOMA_SEQUENCE_AT);
}

static void parse_transport(const struct sk_buff *skb, int at, int end, u8 proto,
			    struct tt_packet *packet)
{
	struct tcphdr tcp_buf;
	struct udphdr udp_buf;
	const struct tcphdr *tcp;
	const struct udphdr *udp;

	switch (proto) {
	case IPPROTO_TCP:
		tcp = skb_header_pointer(skb, at, sizeof(tcp_buf), &tcp_buf);
		if (!tcp)
			return;
		packet->ports = ports(tcp);
		packet->id = (u64)get_unaligned_be32(&tcp->seq) << 32 |
			     get_unaligned_be32(&tcp->ack_seq);
		packet->offset = max(0, end - at - tcp->doff * 4);
		break;
	case IPPROTO_UDP:
		udp = skb_header_pointer(skb, at, sizeof(udp_buf), &udp_buf);
		if (!udp)
			return;
		packet->ports = ports(udp);
		packet->offset = max(0, end - at - (int)sizeof(*udp));
		break;
	case PROTO_HOMA:
		parse_homa(skb, at, packet);
		break;
	default:
		return;
	}
	packet->proto = proto;
}

static void parse_ipv4(const struct sk_buff *skb, int at, struct tt_packet *packet)
{
	struct iphdr buf;
	const struct iphdr *ip = skb_header_pointer(skb, at, sizeof(buf), &buf);
	int total;

	if (!ip || ip->version != 4 || ip->ihl < 5 || (ip->frag_off & htons(0x1fff)))
		return;
	/* 0 in super-packets longer than the field can say. */
	total = ntohs(ip->tot_len);
	parse_transport(skb, at + ip->ihl * 4, total ? at + total : (int)skb->len, ip->protocol,
			packet);
}

static void parse_ipv6(const struct sk_buff *skb, int at, struct tt_packet *packet)
{
	struct ipv6hdr buf;
	const struct ipv6hdr *ip = skb_header_pointer(skb, at, sizeof(buf), &buf);
	u8 ext_buf[8];
	const u8 *ext;
	u8 proto;
	int end;
	int i;

	if (!ip || ip->version != 6)
		return;
	end = ip->payload_len ? at + (int)sizeof(buf) + ntohs(ip->payload_len) : (int)skb->len;
	proto = ip->nexthdr;
	at += sizeof(buf);
	for (i = 0; i < MAX_EXTENSIONS; i++) {
		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING &&
		    proto != IPPROTO_DSTOPTS)
			break;
		ext = skb_header_pointer(skb, at, sizeof(ext_buf), ext_buf);
		if (!ext)
			return;
		proto = ext[0];
		at += (ext[1] + 1) * 8;
	}
	parse_transport(skb, at, end, proto, packet);
}

/*
 * Homa over IP without options, all of it in the linear part: nearly every
 * packet of an RPC. What it is not sure of it leaves to the others.
 */
static bool parse_plain(const struct sk_buff *skb, int network, struct tt_packet *packet)
{
	const u8 *h = skb->data + network;
	int left = (int)skb_headlen(skb) - network;

	if (skb->protocol == htons(ETH_P_IP)) {
		left -= sizeof(struct iphdr);
		if (left < HOMA_HEADER_BYTES || h[0] != 0x45 || h[9] != PROTO_HOMA ||
		    (get_unaligned_be16(h + 6) & 0x3fff))
			return false;
		h += sizeof(struct iphdr);
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		left -= sizeof(struct ipv6hdr);
		if (left < HOMA_HEADER_BYTES || h[0] >> 4 != 6 || h[6] != PROTO_HOMA)
			return false;
		h += sizeof(struct ipv6hdr);
	} else {
		return false;
	}
	packet->offset = HOMA_NO_OFFSET;
	if (h[HOMA_TYPE_AT] == HOMA_TYPE_DATA) {
		if (left < HOMA_SEG_OFFSET_AT + (int)sizeof(u32))
			return false;
		packet->offset = get_unaligned_be32(h + HOMA_SEG_OFFSET_AT);
		if (packet->offset == HOMA_NO_OFFSET)
			packet->offset = get_unaligned_be32(h + HOMA_SEQUENCE_AT);
	}
	packet->proto = PROTO_HOMA;
	packet->ports = ports(h);
	packet->id = get_unaligned_be64(h + HOMA_ID_AT);
	return true;
}

struct tt_packet tt_packet_parse(const struct sk_buff *skb, int network)
{
	struct tt_packet packet = {
		.dev = skb->dev ? skb->dev->ifindex : 0,
	};

	if (parse_plain(skb, network, &packet))
		return packet;
	if (skb->protocol == htons(ETH_P_IP))
		parse_ipv4(skb, network, &packet);
	else if (skb->protocol == htons(ETH_P_IPV6))
		parse_ipv6(skb, network, &packet);
	return packet;
}
