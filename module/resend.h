/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking for what did not arrive. */
#ifndef _HOMA_RESEND_H
#define _HOMA_RESEND_H

#include "rpc.h"

bool homa_request_missing(struct homa_rpc *rpc);

#endif /* _HOMA_RESEND_H */
