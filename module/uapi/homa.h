/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0 */
/*
 * User-space interface of the Homa transport: socket options, ioctls and the
 * control blocks that travel through msg_control of sendmsg and recvmsg.
 *
 * A socket is made with socket(AF_INET or AF_INET6, SOCK_DGRAM, IPPROTO_HOMA).
 * Every structure has the same layout on 32-bit and 64-bit systems (except
 * the tail padding of struct homa_rpc_info, see there).
 */
#ifndef _UAPI_LINUX_HOMA_H
#define _UAPI_LINUX_HOMA_H

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/socket.h>
#else
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/ioctl.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* IANA protocol number; also the level of setsockopt and getsockopt. */
#ifndef IPPROTO_HOMA
#define IPPROTO_HOMA 146
#endif

/* Longest message, bytes. */
#define HOMA_MAX_MESSAGE_LENGTH 1000000

/* Receive regions are divided into bpages of this size, bytes. */
#define HOMA_BPAGE_SHIFT 16
#define HOMA_BPAGE_SIZE (1 << HOMA_BPAGE_SHIFT)

/* Most bpages one message can occupy, and one recvmsg call can return. */
#define HOMA_MAX_BPAGES \
	((HOMA_MAX_MESSAGE_LENGTH + HOMA_BPAGE_SIZE - 1) >> HOMA_BPAGE_SHIFT)

/* Smallest automatically assigned port; smaller ones are for bind. */
#define HOMA_MIN_DEFAULT_PORT 0x8000

/* Socket options. */
#define SO_HOMA_RCVBUF 10 /* struct homa_rcvbuf_args */
#define SO_HOMA_SERVER 11 /* int: nonzero accepts requests */

/* Bits of homa_sendmsg_args.flags. */
#define HOMA_SENDMSG_PRIVATE 0x01
#define HOMA_SENDMSG_VALID_FLAGS 0x01

/* Bits of the sysctl net.homa.flags. */
#define HOMA_FLAG_DONT_THROTTLE 2

/**
 * struct homa_sendmsg_args - control block of sendmsg (msg_control;
 * msg_controllen must be 0)
 * @id: 0 to send a request, and the kernel stores its new id here; otherwise
 *	the id of the request to reply to.
 * @completion_cookie: for requests any value, given back with the response;
 *	for replies 0.
 * @flags: HOMA_SENDMSG_PRIVATE: only a recvmsg naming this id gets the
 *	response. Ignored for replies.
 * @reserved: must be 0.
 */
struct homa_sendmsg_args {
	__u64 id;
	__u64 completion_cookie;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct homa_recvmsg_args - control block of recvmsg (msg_control;
 * msg_controllen must be its size)
 * @id: in: 0 for any message that is not private, else the private RPC to
 *	wait for. Out: id of the message or of the RPC that failed, or 0.
 * @completion_cookie: out: cookie of the request, 0 for requests.
 * @num_bpages: in: entries of @bpage_offsets given back to the kernel; out:
 *	entries that hold the message.
 * @reserved: must be 0.
 * @bpage_offsets: offsets into the receive region. Byte k of a message is at
 *	bpage_offsets[k >> HOMA_BPAGE_SHIFT] + (k & (HOMA_BPAGE_SIZE - 1)).
 */
struct homa_recvmsg_args {
	__u64 id;
	__u64 completion_cookie;
	__u32 num_bpages;
	__u32 reserved;
	__u32 bpage_offsets[HOMA_MAX_BPAGES];
};

/**
 * struct homa_rcvbuf_args - argument of SO_HOMA_RCVBUF
 * @start: page-aligned address of the region that receives messages.
 * @length: its size in bytes.
 */
struct homa_rcvbuf_args {
	__u64 start;
	__u64 length;
};

/**
 * struct homa_abort_args - argument of HOMAIOCABORT
 * @id: client RPC to abort, 0 for all of the socket's client RPCs.
 * @error: 0 discards the RPC; else the errno recvmsg reports for it.
 * @_pad1: must be 0.
 * @_pad2: must be 0.
 */
struct homa_abort_args {
	__u64 id;
	__u32 error;
	__u32 _pad1;
	__u64 _pad2[2];
};

/* Bits of homa_rpc_info.flags. */
#define HOMA_RPC_BUF_STALL 1 /* waits for space in the receive region */
#define HOMA_RPC_PRIVATE 2 /* sent with HOMA_SENDMSG_PRIVATE */
#define HOMA_RPC_RX_READY 4 /* complete and copied, waits for recvmsg */
#define HOMA_RPC_RX_COPY 8 /* received bytes not copied out yet */

/**
 * struct homa_rpc_info - state of one RPC, returned by HOMAIOCINFO
 * @id: id as this host knows it (even: client, odd: server).
 * @peer: address of the other side.
 * @completion_cookie: the client's cookie, 0 on servers.
 * @tx_length: bytes of the outgoing message, -1 before there is one.
 * @tx_sent: bytes passed to IP at least once.
 * @tx_granted: bytes that may be sent now.
 * @tx_prio: level of scheduled packets.
 * @rx_length: bytes of the incoming message, -1 if unknown.
 * @rx_remaining: bytes not received yet.
 * @rx_gaps: holes in the received bytes.
 * @rx_gap_bytes: bytes in those holes.
 * @rx_granted: bytes the peer may send now.
 * @flags: HOMA_RPC_* bits.
 */
struct homa_rpc_info {
	__u64 id;
	union {
		struct sockaddr_storage storage;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} peer;
	__u64 completion_cookie;
	__s32 tx_length;
	__u32 tx_sent;
	__u32 tx_granted;
	__u32 tx_prio;
	__s32 rx_length;
	__u32 rx_remaining;
	__u32 rx_gaps;
	__u32 rx_gap_bytes;
	__u32 rx_granted;
	__u16 flags;
};

#define HOMA_ERROR_MSG_SIZE 104

/**
 * struct homa_info - argument of HOMAIOCINFO
 * @rpc_info: in: address of an array of struct homa_rpc_info, or 0.
 * @rpc_info_length: in: bytes in that array.
 * @bpool_avail_bytes: out: free bytes in the receive region.
 * @port: out: local port.
 * @num_rpcs: out: live RPCs of the socket, may exceed what fits the array.
 * @error_msg: out: what was wrong with the last call that failed.
 */
struct homa_info {
	__u64 rpc_info;
	__u64 rpc_info_length;
	__u64 bpool_avail_bytes;
	__u32 port;
	__u32 num_rpcs;
	char error_msg[HOMA_ERROR_MSG_SIZE];
};

#define HOMAIOCINFO _IOWR('h', 0x90, struct homa_info)
#define HOMAIOCABORT _IOWR('h', 0x91, struct homa_abort_args)
#define HOMAIOCFREEZE _IO('h', 0x92)

#ifdef __cplusplus
}
#endif

#endif /* _UAPI_LINUX_HOMA_H */
