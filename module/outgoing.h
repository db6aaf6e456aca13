/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to packets; sending of data and control packets. */
#ifndef _HOMA_OUTGOING_H
#define _HOMA_OUTGOING_H

#include "rpc.h"

int homa_tx_prepare(struct homa_rpc *rpc, u32 *seg_bytes);
struct sk_buff *homa_tx_whole(struct homa_rpc *rpc, u32 seg_bytes);
bool homa_xmit_alone(const struct homa_sock *hsk);
int homa_xmit_skb(struct homa_sock *hsk, struct homa_peer *peer, struct sk_buff *skb, u8 level);
void homa_xmit_data(struct homa_rpc *rpc);
void homa_xmit_released(struct homa_rpc *rpc);
void homa_resend_data(struct homa_rpc *rpc, u32 start, u32 end, u8 level);

/*
 * Control packets. No lock of Homa held; @rpc with a reference. Lost ones are
 * made up for by the timers, so there is nothing to return.
 */
void homa_xmit_grant(struct homa_rpc *rpc, u32 offset, u8 level);
/* @length: HOMA_RESEND_ALL for everything. @below: the answer's level, from the highest down. */
void homa_xmit_resend(struct homa_rpc *rpc, u32 offset, u32 length, u8 below);
/* FREEZE, which names the moment @capture. */
void homa_xmit_freeze(struct homa_sock *hsk, struct homa_peer *peer, u64 capture);

/* RPC_UNKNOWN, BUSY or NEED_ACK; @id is ours. */
void homa_xmit_plain(struct homa_sock *hsk, struct homa_peer *peer, u16 dport, u64 id,
		     enum homa_type type);
/* Tells @peer which levels its unscheduled packets shall have. */
void homa_xmit_cutoffs(struct homa_sock *hsk, struct homa_peer *peer, u16 dport, u64 id);
/* Acknowledges our RPC @id and up to HOMA_MAX_ACKS that wait for @peer. */
void homa_xmit_ack(struct homa_sock *hsk, struct homa_peer *peer, u16 dport, u64 id);

#endif /* _HOMA_OUTGOING_H */
