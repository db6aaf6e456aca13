/* SPDX-License-Identifier: GPL-2.0-only */
/* The queueing discipline "homa". */
#ifndef _HOMA_QDISC_H
#define _HOMA_QDISC_H

/* Return: 0 or an errno. */
int homa_qdisc_register(void);

/* No device has it: each holds the module. */
void homa_qdisc_unregister(void);

#endif /* _HOMA_QDISC_H */
