/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of several messages that leave as one. */
#ifndef _HOMA_BUNDLE_H
#define _HOMA_BUNDLE_H

#include "sock.h"

void homa_bundle_xmit(struct homa_sock *hsk, struct homa_peer *peer, struct sk_buff *skb,
		      u64 id, u32 length, bool more);
void homa_bundle_send(struct homa_sock *hsk);

/* Something is held, or was a moment ago. */
static inline bool homa_bundle_held(const struct homa_sock *hsk)
{
	return READ_ONCE(hsk->bundle.first);
}

/* What is held waits no longer. No lock of Homa held. */
static inline void homa_bundle_flush(struct homa_sock *hsk)
{
	if (unlikely(homa_bundle_held(hsk)))
		homa_bundle_send(hsk);
}

#endif /* _HOMA_BUNDLE_H */
