/* SPDX-License-Identifier: GPL-2.0-only */
/* The timer of a link, for the strategies that release by it. */
#ifndef _HOMA_PACER_TIMER_H
#define _HOMA_PACER_TIMER_H

#include "pacer.h"

/* Once for each link. */
void homa_pacer_timer_init(struct homa_link *link);

/* Functions of struct homa_pacer. */
void homa_pacer_timer_stop(struct homa_link *link);
void homa_pacer_timer_wake(struct homa_link *link, u64 wait_ns);

#endif /* _HOMA_PACER_TIMER_H */
