// SPDX-License-Identifier: GPL-2.0-only
/* Loading, unloading, and the life of network namespaces. */

#include <linux/module.h>
#include <net/sock.h>
#include "delay.h"
#include "freeze.h"
#include "grant.h"
#include "incoming.h"
#include "info.h"
#include "levels.h"
#include "link.h"
#include "net.h"
#include "pacer.h"
#include "peer.h"
#include "plumbing.h"
#include "qdisc.h"
#include "rpc.h"
#include "sock.h"
#include "steer.h"
#include "sysctl.h"
#include "timer.h"
#include "tracing.h"
#include "uapi/homa.h"
#include "wait.h"

unsigned int homa_net_id __read_mostly;
struct workqueue_struct *homa_wq;

static int __net_init homa_net_init(struct net *net)
{
	struct homa_net *hnet = homa_net(net);
	int err;

	hnet->net = net;
	spin_lock_init(&hnet->sock_lock);
	INIT_LIST_HEAD(&hnet->socks);
	hnet->next_port = HOMA_MIN_DEFAULT_PORT;
	spin_lock_init(&hnet->peer_lock);
	INIT_LIST_HEAD(&hnet->peers);
	homa_levels_net_init(hnet);
	homa_links_net_init(hnet);
	homa_grant_net_init(hnet);
	homa_rpc_net_init(hnet);
	homa_timer_net_init(hnet);
	err = homa_metrics_net_init(net, &hnet->metrics);
	if (err)
		return err;
	err = homa_sysctl_net_init(hnet);
	if (err)
		goto fail_sysctl;
	err = homa_info_net_init(hnet);
	if (err)
		goto fail_info;
	return 0;

fail_info:
	homa_sysctl_net_exit(hnet);
	homa_levels_net_exit(hnet);
fail_sysctl:
	homa_metrics_net_exit(net, hnet->metrics);
	return err;
}

/* Sockets hold their namespace, so there are none. */
static void __net_exit homa_net_exit(struct net *net)
{
	struct homa_net *hnet = homa_net(net);

	homa_info_net_exit(hnet);
	homa_sysctl_net_exit(hnet);
	homa_levels_net_exit(hnet);
	homa_freeze_net_exit(hnet);
	homa_timer_net_exit(hnet);
	flush_work(&hnet->reap_work);
	homa_links_net_exit(hnet);
	homa_peer_net_exit(hnet);
}

static void __net_exit homa_net_exit_batch(struct list_head *nets)
{
	struct net *net;

	/* Peers still refer to routes of the namespaces until then. */
	rcu_barrier();
	list_for_each_entry(net, nets, exit_list)
		homa_metrics_net_exit(net, homa_net(net)->metrics);
}

static struct pernet_operations homa_net_ops = {
	.init = homa_net_init,
	.exit = homa_net_exit,
	.exit_batch = homa_net_exit_batch,
	.id = &homa_net_id,
	.size = sizeof(struct homa_net),
};

static int __init homa_load(void)
{
	int err;

	homa_wait_init();
	homa_wq = alloc_workqueue("homa", WQ_UNBOUND, 0);
	if (!homa_wq)
		return -ENOMEM;
	err = homa_sock_table_init();
	if (err)
		goto fail_sock;
	err = homa_peer_table_init();
	if (err)
		goto fail_peer;
	err = homa_rpc_table_init(homa_grant_leave, homa_pacer_leave);
	if (err)
		goto fail_rpc;
	err = register_pernet_subsys(&homa_net_ops);
	if (err)
		goto fail_net;
	err = homa_links_init();
	if (err)
		goto fail_links;
	homa_freeze_init();
	homa_timer_init();
	err = homa_tracing_init();
	if (err)
		goto fail_tracing;
	err = homa_steer_init(homa_rcv_steered);
	if (err)
		goto fail_steer;
	err = homa_plumbing_register();
	if (err)
		goto fail_plumbing;
	err = homa_qdisc_register();
	if (err)
		goto fail_qdisc;
	homa_delay_init();
	return 0;

fail_qdisc:
	homa_plumbing_unregister();
fail_plumbing:
	homa_steer_exit();
fail_steer:
	homa_freeze_exit();
	homa_tracing_exit();
fail_tracing:
	homa_links_exit();
fail_links:
	unregister_pernet_subsys(&homa_net_ops);
fail_net:
	homa_rpc_table_exit();
fail_rpc:
	homa_peer_table_exit();
fail_peer:
	homa_sock_table_exit();
fail_sock:
	destroy_workqueue(homa_wq);
	homa_delay_exit();
	return err;
}

static void __exit homa_unload(void)
{
	homa_qdisc_unregister();
	homa_plumbing_unregister();
	homa_steer_exit();
	homa_freeze_exit();
	homa_links_exit();
	unregister_pernet_subsys(&homa_net_ops);
	/* Sockets and peers are freed by RCU callbacks of ours. */
	rcu_barrier();
	homa_tracing_exit();
	homa_rpc_table_exit();
	homa_peer_table_exit();
	homa_sock_table_exit();
	destroy_workqueue(homa_wq);
	homa_delay_exit();
}

module_init(homa_load);
module_exit(homa_unload);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Homa transport");
/* Numbers, since the macro makes text of them: IPPROTO_HOMA, SOCK_DGRAM. */
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 146, 2);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 146, 2);
