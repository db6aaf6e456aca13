/* SPDX-License-Identifier: GPL-2.0-only */
/* The one periodic pass: repeated requests, time-outs, late acknowledgements. */
#ifndef _HOMA_TIMER_H
#define _HOMA_TIMER_H

#include "net.h"

void homa_timer_net_init(struct homa_net *hnet);
void homa_timer_net_exit(struct homa_net *hnet);
void homa_timer_init(void);

#endif /* _HOMA_TIMER_H */
