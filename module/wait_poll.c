// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: wait = poll
 *
 * Looks for a message for poll_usecs, then sleeps. Saves the wake-up of
 * messages that come in that time; costs up to poll_usecs of a CPU nobody else
 * wants for each that does not. Right where RPCs take microseconds.
 */

#include "wait_strategy.h"

static u64 poll_spin_ns(const struct homa_sock *hsk)
{
	return homa_poll_ns(hsk);
}

const struct homa_wait_policy homa_wait_poll = {
	.strategy.name = "poll",
	.spin_ns = poll_spin_ns,
};
