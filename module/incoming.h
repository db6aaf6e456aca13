/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that arrive: dispatch, reassembly, copying to the application. */
#ifndef _HOMA_INCOMING_H
#define _HOMA_INCOMING_H

#include "rpc.h"

int homa_rcv(struct sk_buff *skb);
void homa_rcv_steered(struct sk_buff *skb);
void homa_retry_buffers(struct homa_sock *hsk);

#endif /* _HOMA_INCOMING_H */
