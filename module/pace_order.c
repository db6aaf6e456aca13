// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic of sending at the speed of a link; see pace_order.h. */

#include <linux/math64.h>
#include <linux/minmax.h>
#include "pace_order.h"

u64 homa_pace_ns(u32 bytes, u32 mbps, u32 usage)
{
	return div64_u64((u64)bytes * 8 * 1000 * 100, (u64)mbps * usage);
}

u64 homa_pace_late_ns(u64 was_ns, u64 late_ns)
{
	return max(was_ns - min(was_ns, was_ns / 256 + 1), late_ns);
}

u32 homa_pace_bytes(u64 ns, u32 mbps)
{
	return min_t(u64, div_u64(ns * mbps, 8000), ~0u);
}

s64 homa_pace_credit(s64 credit, u32 bytes, bool oldest, u32 fraction)
{
	if (!fraction)
		return 0;
	return oldest ? credit + (s64)div_u64((u64)bytes * (1000 - fraction), fraction) :
			credit - bytes;
}
