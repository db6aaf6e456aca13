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

#define MAX_EXTENSIONS 4

static u32 ports(const void *header)
{
	return get_unaligned_be32(header);
}

static void parse_homa(const struct sk_buff *skb, int at, struct tt_packet *packet)
{
	u8 buf[TT_HOMA_HEADER_BYTES];
	const u8 *h = skb_header_pointer(skb, at, sizeof(buf), buf);
	__be32 word;
	const __be32 *seg;

	if (!h)
		return;
	packet->ports = ports(h);
	packet->id = get_unaligned_be64(h + TT_HOMA_ID_AT);
	packet->offset = TT_HOMA_NO_OFFSET;
	if (h[TT_HOMA_TYPE_AT] != TT_HOMA_TYPE_DATA)
		return;
	seg = skb_header_pointer(skb, at + TT_HOMA_SEG_OFFSET_AT, sizeof(word), &word);
	if (!seg)
		return;
	packet->offset = get_unaligned_be32(seg);
	/* Senders may leave the offset to the sequence number. */
	if (packet->offset == TT_HOMA_NO_OFFSET)
		packet->offset = get_unaligned_be32(h + TT_HOMA_SEQUENCE_AT);
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
	case TT_PROTO_HOMA:
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

struct tt_packet tt_packet_parse(const struct sk_buff *skb, int network)
{
	struct tt_packet packet = {
		.dev = skb->dev ? skb->dev->ifindex : 0,
	};

	if (skb->protocol == htons(ETH_P_IP))
		parse_ipv4(skb, network, &packet);
	else if (skb->protocol == htons(ETH_P_IPV6))
		parse_ipv6(skb, network, &packet);
	return packet;
}
