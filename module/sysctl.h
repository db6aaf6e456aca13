/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings of a namespace: /proc/sys/net/homa. */
#ifndef _HOMA_SYSCTL_H
#define _HOMA_SYSCTL_H

#include "net.h"

/* Gives @hnet the default settings and registers its table. */
int homa_sysctl_net_init(struct homa_net *hnet);
void homa_sysctl_net_exit(struct homa_net *hnet);

#endif /* _HOMA_SYSCTL_H */
