/* SPDX-License-Identifier: GPL-2.0-only */
/* What users can see of sockets and RPCs. */
#ifndef _HOMA_INFO_H
#define _HOMA_INFO_H

#include "rpc.h"

int homa_ioctl_info(struct homa_sock *hsk, void __user *arg);

/* /proc/net/homa. */
int homa_info_net_init(struct homa_net *hnet);
void homa_info_net_exit(struct homa_net *hnet);

#endif /* _HOMA_INFO_H */
