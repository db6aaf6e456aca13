/* SPDX-License-Identifier: GPL-2.0-only */
/* Priority levels of a namespace: what depends on them, and how they follow the traffic. */
#ifndef _HOMA_LEVELS_H
#define _HOMA_LEVELS_H

#include "net.h"

/* Serializes changes of unsched_cutoffs and num_priorities; process context. */
void homa_levels_lock(void);
void homa_levels_unlock(void);

/* One of them has changed: sees to what depends on it, and that peers are told. */
void homa_levels_derive(struct homa_net *hnet);

/* cutoff_interval_msecs has changed. */
void homa_levels_observe(struct homa_net *hnet);

void homa_levels_net_init(struct homa_net *hnet);
/* Nobody can write the settings any more. */
void homa_levels_net_exit(struct homa_net *hnet);

#endif /* _HOMA_LEVELS_H */
