/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0 */
/* Why a packet was sent to another CPU, as traces carry it: new reasons go to the end. */
#ifndef _UAPI_HOMA_STEER_H
#define _UAPI_HOMA_STEER_H

/**
 * enum homa_steer_why - reasons, each of one strategy
 * @HOMA_STEER_ORIGIN: same_core: the CPU took it from its device.
 * @HOMA_STEER_HASH: rpchash: the CPU of its RPC.
 * @HOMA_STEER_LOAD: adaptive: this one was busy without a pause.
 * @HOMA_STEER_IDLE: gen2: nothing waits there, and it takes no packets from devices.
 * @HOMA_STEER_TURN: gen2: no CPU is so; each in turn.
 * @HOMA_STEER_QUIET: gen3: no application was given a message there.
 * @HOMA_STEER_FIRST: gen3: no CPU is so; the first.
 */
enum homa_steer_why {
	HOMA_STEER_ORIGIN,
	HOMA_STEER_HASH,
	HOMA_STEER_LOAD,
	HOMA_STEER_IDLE,
	HOMA_STEER_TURN,
	HOMA_STEER_QUIET,
	HOMA_STEER_FIRST,
};

#endif /* _UAPI_HOMA_STEER_H */
