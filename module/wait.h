/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads that wait for messages, and handing RPCs to them. */
#ifndef _HOMA_WAIT_H
#define _HOMA_WAIT_H

#include "rpc.h"

void homa_handoff(struct homa_rpc *rpc);
void homa_rpc_fail(struct homa_rpc *rpc, int error);
struct homa_rpc *homa_wait_shared(struct homa_sock *hsk, bool nonblock,
				  struct homa_wait_stamps *stamps);
struct homa_rpc *homa_wait_private(struct homa_sock *hsk, u64 id, bool nonblock,
				   struct homa_wait_stamps *stamps);
void homa_wake_held(struct homa_sock *hsk);
void homa_wait_note(struct homa_sock *hsk);
void homa_wait_note_private(struct homa_rpc *rpc);
void homa_wake_all(struct homa_sock *hsk);
void homa_wait_init(void);

#endif /* _HOMA_WAIT_H */
