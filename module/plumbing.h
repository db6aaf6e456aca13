/* SPDX-License-Identifier: GPL-2.0-only */
/* What the socket layer and IP call. */
#ifndef _HOMA_PLUMBING_H
#define _HOMA_PLUMBING_H

int homa_plumbing_register(void);
void homa_plumbing_unregister(void);

#endif /* _HOMA_PLUMBING_H */
