/* SPDX-License-Identifier: GPL-2.0-only */
/* FREEZE: hosts that stop each other's flight recorder, so that traces of one
 * moment can be compared.
 */
#ifndef _HOMA_FREEZE_H
#define _HOMA_FREEZE_H

#include "peer.h"

/* Longest list of allowed peers as text, with its end. */
#define HOMA_FREEZE_TEXT 512

/**
 * homa_freeze_self() - freeze this host's recorder
 *
 * Return: 0 (also without a recorder), or -EPERM: the caller does not
 * administer the host.
 */
int homa_freeze_self(void);

/* The same, and asks all peers of @hnet to do so. May sleep. */
int homa_freeze_all(struct homa_net *hnet);

/* Between these the recorder, when its trigger fires, lets all peers of all namespaces know. */
void homa_freeze_init(void);
void homa_freeze_exit(void);

/* Between these: for all namespaces. May sleep. */
void homa_freeze_each_net(void (*visit)(struct homa_net *hnet, u64 arg), u64 arg);

/* A FREEZE from @addr, which calls the moment @capture. Softirq.
 * Return: HOMA_DROP_NONE, or why it is refused.
 */
enum homa_drop_reason homa_freeze_in(struct homa_net *hnet, const struct in6_addr *addr,
				     u64 capture);

/* Writes the peers that are allowed to send FREEZE to @text. */
void homa_freeze_print(struct homa_net *hnet, char *text, size_t size);

/**
 * homa_freeze_allow() - set the peers that are allowed to send FREEZE
 * @hnet: namespace.
 * @text: addresses or ADDRESS/BITS, separated by blanks or commas; changed.
 *
 * Return: 0 or an errno, and nothing changed.
 */
int homa_freeze_allow(struct homa_net *hnet, char *text);

void homa_freeze_net_exit(struct homa_net *hnet);

#endif /* _HOMA_FREEZE_H */
