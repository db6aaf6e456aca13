// SPDX-License-Identifier: GPL-2.0-only
/* Events that could not share a record: each as of the time it has noted. */
#include "folds.h"

void homa_tt_send_apart(u32 low, u32 high, struct homa_send_stamps *stamps, u64 id, u32 length,
			bool client, u16 sport, u16 dport, bool returned)
{
	struct tt_time now = { low, high };

	if (stamps->enter)
		homa_tt_send_enter_at(tt_ago(now, stamps->enter), id, length);
	if (stamps->copied)
		homa_tt_send_copied_at(tt_ago(now, stamps->copied), id, length);
	if (client)
		homa_tt_rpc_client_at(stamps->xmit ? tt_ago(now, stamps->xmit) : now, id, sport,
				      dport);
	if (stamps->xmit)
		homa_tt_data_xmit_at(tt_ago(now, stamps->xmit), id, 0, length);
	if (returned)
		homa_tt_send_return_at(now, id);
	*stamps = (struct homa_send_stamps){};
}

void homa_tt_arrival_apart(u32 low, u32 high, struct homa_rpc *rpc, u32 payload_bytes)
{
	struct tt_time now = { low, high };
	struct homa_arrival_stamps *stamps = &rpc->arrival;

	if (stamps->in)
		homa_tt_data_in_at(tt_ago(now, stamps->in), rpc->id, 0, payload_bytes);
	if (stamps->created)
		homa_tt_rpc_server_at(tt_ago(now, stamps->created), rpc->id, rpc->dport,
				      rpc->hsk->port);
	if (stamps->complete)
		homa_tt_msg_complete_at(tt_ago(now, stamps->complete), rpc->id, rpc->rx.length);
	*stamps = (struct homa_arrival_stamps){};
}

void homa_tt_receive_apart(u32 low, u32 high, struct homa_receive_stamps *stamps, u64 id,
			   u32 tid, u32 length)
{
	struct tt_time now = { low, high };

	if (stamps->running)
		homa_tt_recv_running_at(tt_ago(now, stamps->running), id, tid);
	if (stamps->end)
		homa_tt_rpc_end_at(tt_ago(now, stamps->end), id);
	if (stamps->copy)
		homa_tt_copy_out_at(tt_ago(now, stamps->copy), id, 0);
	if (stamps->copied)
		homa_tt_copy_out_done_at(tt_ago(now, stamps->copied), id, length);
	*stamps = (struct homa_receive_stamps){};
}
