/* SPDX-License-Identifier: GPL-2.0-only */
/* sendmsg and recvmsg. */
#ifndef _HOMA_MESSAGE_H
#define _HOMA_MESSAGE_H

#include <linux/net.h>

int homa_sendmsg(struct socket *sock, struct msghdr *msg, size_t length);
int homa_recvmsg(struct socket *sock, struct msghdr *msg, size_t length, int flags);

#endif /* _HOMA_MESSAGE_H */
