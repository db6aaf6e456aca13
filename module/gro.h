/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that a device delivers together, in bundles. */
#ifndef _HOMA_GRO_H
#define _HOMA_GRO_H

#include <linux/skbuff.h>

struct sk_buff *homa_gro_receive(struct list_head *held, struct sk_buff *skb);
int homa_gro_complete(struct sk_buff *skb, int transport_offset);

#endif /* _HOMA_GRO_H */
