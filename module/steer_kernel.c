// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: steering = kernel
 *
 * A packet is handled where the layers below hand it over: on the CPU that the
 * device's interrupt chose, or RPS and RFS. Costs nothing. Right when those are
 * set up for the host, and on hosts with few CPUs.
 */

#include "steer.h"

const struct homa_steering homa_steer_kernel = {
	.strategy.name = "kernel",
};
