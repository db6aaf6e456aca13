/* SPDX-License-Identifier: Apache-2.0 */
/* The layouts and numbers existing programs were compiled with; C and C++. */
#include <homa.h>
#include <homa_wire.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>

#ifdef __cplusplus
#define CHECK(cond) static_assert(cond, #cond)
#else
#define CHECK(cond) _Static_assert(cond, #cond)
#endif
#define AT(type, field, offset) CHECK(offsetof(struct type, field) == (offset))

CHECK(IPPROTO_HOMA == 146);
CHECK(HOMA_MAX_MESSAGE_LENGTH == 1000000);
CHECK(HOMA_BPAGE_SHIFT == 16);
CHECK(HOMA_BPAGE_SIZE == 65536);
CHECK(HOMA_MAX_BPAGES == 16);
CHECK(HOMA_MIN_DEFAULT_PORT == 0x8000);
CHECK(SO_HOMA_RCVBUF == 10);
CHECK(SO_HOMA_SERVER == 11);
CHECK(HOMA_SENDMSG_PRIVATE == 1);
CHECK(HOMA_SENDMSG_VALID_FLAGS == 1);
CHECK(HOMA_FLAG_DONT_THROTTLE == 2);
CHECK(HOMA_RPC_BUF_STALL == 1);
CHECK(HOMA_RPC_PRIVATE == 2);
CHECK(HOMA_RPC_RX_READY == 4);
CHECK(HOMA_RPC_RX_COPY == 8);
CHECK(HOMA_ERROR_MSG_SIZE == 104);
CHECK(HOMAIOCINFO == 0xC0886890u);
CHECK(HOMAIOCABORT == 0xC0206891u);
CHECK(HOMAIOCFREEZE == 0x6892u);

CHECK(sizeof(struct homa_sendmsg_args) == 24);
AT(homa_sendmsg_args, id, 0);
AT(homa_sendmsg_args, completion_cookie, 8);
AT(homa_sendmsg_args, flags, 16);
AT(homa_sendmsg_args, reserved, 20);

CHECK(sizeof(struct homa_recvmsg_args) == 88);
AT(homa_recvmsg_args, id, 0);
AT(homa_recvmsg_args, completion_cookie, 8);
AT(homa_recvmsg_args, num_bpages, 16);
AT(homa_recvmsg_args, reserved, 20);
AT(homa_recvmsg_args, bpage_offsets, 24);

CHECK(sizeof(struct homa_rcvbuf_args) == 16);
AT(homa_rcvbuf_args, start, 0);
AT(homa_rcvbuf_args, length, 8);

CHECK(sizeof(struct homa_abort_args) == 32);
AT(homa_abort_args, id, 0);
AT(homa_abort_args, error, 8);
AT(homa_abort_args, _pad1, 12);
AT(homa_abort_args, _pad2, 16);

CHECK(sizeof(struct homa_rpc_info) == 184);
AT(homa_rpc_info, id, 0);
AT(homa_rpc_info, peer, 8);
AT(homa_rpc_info, completion_cookie, 136);
AT(homa_rpc_info, tx_length, 144);
AT(homa_rpc_info, tx_sent, 148);
AT(homa_rpc_info, tx_granted, 152);
AT(homa_rpc_info, tx_prio, 156);
AT(homa_rpc_info, rx_length, 160);
AT(homa_rpc_info, rx_remaining, 164);
AT(homa_rpc_info, rx_gaps, 168);
AT(homa_rpc_info, rx_gap_bytes, 172);
AT(homa_rpc_info, rx_granted, 176);
AT(homa_rpc_info, flags, 180);

CHECK(sizeof(struct homa_info) == 136);
AT(homa_info, rpc_info, 0);
AT(homa_info, rpc_info_length, 8);
AT(homa_info, bpool_avail_bytes, 16);
AT(homa_info, port, 24);
AT(homa_info, num_rpcs, 28);
AT(homa_info, error_msg, 32);

int main(void)
{
	/* The wire header's own asserts were compiled above. */
	printf("homa_sendmsg_args %zu, homa_recvmsg_args %zu, homa_rpc_info %zu, homa_info %zu, "
	       "homa_data_hdr %zu\n",
	       sizeof(struct homa_sendmsg_args), sizeof(struct homa_recvmsg_args),
	       sizeof(struct homa_rpc_info), sizeof(struct homa_info),
	       sizeof(struct homa_data_hdr));
	return 0;
}
