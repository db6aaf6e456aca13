// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network devices as links to be paced.
 *
 * A link's speed is link_mbps if that is set, else what its device tells. Only
 * devices with hardware below them are believed: veth and tun name a speed too,
 * but their packets take no time. What nobody knows the speed of is not paced,
 * nor is the loopback device.
 */

#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "gso.h"
#include "link.h"
#include "pacer_timer.h"
#include "wire.h"

/* Assumed where a speed is needed and none is known. */
#define HOMA_ASSUMED_MBPS 25000

/* Changes of links and of strategies; nests in RTNL. */
static DEFINE_MUTEX(links_mutex);

void homa_links_lock(void)
{
	mutex_lock(&links_mutex);
}

void homa_links_unlock(void)
{
	mutex_unlock(&links_mutex);
}

struct homa_link *homa_link_paced(struct homa_net *hnet, int ifindex)
{
	struct homa_link *link = xa_load(&hnet->links, ifindex);

	return link && READ_ONCE(link->mbps) ? link : NULL;
}

u32 homa_link_mbps(struct homa_net *hnet, int ifindex)
{
	const struct homa_link *link;
	u32 mbps;

	rcu_read_lock();
	link = homa_link_paced(hnet, ifindex);
	mbps = link ? READ_ONCE(link->mbps) : 0;
	rcu_read_unlock();
	return mbps ?: (u32)READ_ONCE(hnet->tun.link_mbps) ?: HOMA_ASSUMED_MBPS;
}

u32 homa_link_packet_bytes(struct homa_net *hnet, int ifindex)
{
	const struct homa_link *link;
	u32 bytes = U32_MAX;

	if (!READ_ONCE(hnet->num_paced))
		return bytes;
	rcu_read_lock();
	link = homa_link_paced(hnet, ifindex);
	if (link)
		bytes = homa_pace_bytes(homa_pacer_packet_ns(hnet), READ_ONCE(link->mbps));
	rcu_read_unlock();
	return bytes;
}

/* @ns before *@time_ns. */
static u64 before(const atomic64_t *time_ns, u64 ns)
{
	u64 then_ns = atomic64_read(time_ns);

	return then_ns > ns ? then_ns - ns : 0;
}

u64 homa_link_due_ns(const struct homa_link *link, const struct homa_link_clock *clock,
		     u64 early_ns)
{
	return max(before(&clock->idle_ns, early_ns),
		   before(&clock->planned_ns, homa_pacer_queue_ns(link->hnet)));
}

void homa_link_given(const struct homa_link *link, struct homa_link_clock *clock, u64 due_ns)
{
	u64 now_ns = ktime_get_ns(), late_ns = now_ns > due_ns ? now_ns - due_ns : 0;

	late_ns = homa_pace_late_ns(READ_ONCE(clock->late_ns), late_ns);
	WRITE_ONCE(clock->late_ns, clamp_t(u64, late_ns, hrtimer_resolution,
					   homa_pacer_packet_ns(link->hnet)));
}

/* Return: when what takes @cost_ns begins. */
static u64 advance(atomic64_t *end_ns, u64 now_ns, u64 cost_ns)
{
	s64 was_ns = atomic64_read(end_ns);
	u64 begin_ns;

	do {
		begin_ns = max_t(u64, was_ns, now_ns);
	} while (!atomic64_try_cmpxchg(end_ns, &was_ns, begin_ns + cost_ns));
	return begin_ns;
}

u64 homa_link_occupy(const struct homa_link *link, struct homa_link_clock *clock, u32 bytes)
{
	u32 mbps = READ_ONCE(link->mbps), usage = READ_ONCE(link->hnet->tun.max_link_usage);
	u64 now_ns;

	if (!mbps)
		return 0;
	now_ns = ktime_get_ns();
	advance(&clock->idle_ns, now_ns, homa_pace_ns(bytes, mbps, 100));
	return advance(&clock->planned_ns, now_ns, homa_pace_ns(bytes, mbps, usage));
}

/**
 * homa_link_count_packet() - a packet goes to its device
 * @hnet: namespace.
 * @skb: packet from the transport header on, with its route.
 * @ip_bytes: length of the IP header it will get.
 */
void homa_link_count_packet(struct homa_net *hnet, struct sk_buff *skb, u32 ip_bytes)
{
	const struct net_device *dev = skb_dst(skb)->dev;
	u32 frame_bytes = HOMA_PACE_FRAME_BYTES + (is_vlan_dev(dev) ? VLAN_HLEN : 0);
	u32 segments = skb_shinfo(skb)->gso_segs ?: 1;
	bool bundle = homa_gso_is_bundle(skb);
	u32 headers = bundle ? 0 : (segments - 1) * sizeof(struct homa_data_hdr);
	u32 bytes = skb->len + headers + segments * (ip_bytes + frame_bytes);
	const struct homa_pacer *pacer;
	struct homa_link *link;
	u64 begin_ns;

	rcu_read_lock();
	link = homa_link_paced(hnet, dev->ifindex);
	begin_ns = link ? homa_link_occupy(link, &link->clock, bytes) : 0;
	if (!begin_ns)
		goto out;
	pacer = READ_ONCE(link->pacer);
	/* What is in a bundle is short. */
	if (pacer && pacer->depart && !bundle &&
	    skb->len > (u32)READ_ONCE(hnet->tun.defer_min_bytes))
		pacer->depart(skb, begin_ns);
out:
	rcu_read_unlock();
}

static int is_hardware(struct net_device *dev, struct netdev_nested_priv *unused)
{
	return !!dev->dev.parent;
}

/* Speed a device tells in Mbit/s, 0: none. */
static u32 told_mbps(struct net_device *dev)
{
	struct netdev_nested_priv unused = {};
	struct ethtool_link_ksettings settings;

	ASSERT_RTNL();
	if (!is_hardware(dev, &unused) && !netdev_walk_all_lower_dev(dev, is_hardware, &unused))
		return 0;
	if (__ethtool_get_link_ksettings(dev, &settings) || settings.base.speed > S32_MAX)
		return 0;
	return settings.base.speed;
}

static void set_mbps(struct homa_link *link, u32 mbps)
{
	struct homa_net *hnet = link->hnet;

	lockdep_assert_held(&links_mutex);
	WRITE_ONCE(hnet->num_paced, hnet->num_paced + !!mbps - !!link->mbps);
	WRITE_ONCE(link->mbps, mbps);
	/* What waits was held back at another speed. */
	homa_pacer_kick(link);
}

static void update(struct homa_link *link)
{
	u32 mbps = READ_ONCE(link->hnet->tun.link_mbps) ?: link->device_mbps;

	set_mbps(link, link->dev->flags & IFF_LOOPBACK ? 0 : mbps);
}

void homa_link_update_all(struct homa_net *hnet)
{
	struct homa_link *link;
	unsigned long i;

	mutex_lock(&links_mutex);
	xa_for_each(&hnet->links, i, link)
		update(link);
	mutex_unlock(&links_mutex);
}

/*
 * Asks all devices. Not done where an event is told, since some are told with
 * the lock of the device and some without.
 */
static void ask_all(struct work_struct *work)
{
	struct homa_net *hnet = container_of(work, struct homa_net, links_work);
	struct homa_link *link;
	unsigned long i;

	rtnl_lock();
	mutex_lock(&links_mutex);
	xa_for_each(&hnet->links, i, link) {
		link->device_mbps = told_mbps(link->dev);
		update(link);
	}
	mutex_unlock(&links_mutex);
	rtnl_unlock();
}

void homa_links_net_init(struct homa_net *hnet)
{
	xa_init(&hnet->links);
	INIT_WORK(&hnet->links_work, ask_all);
}

void homa_links_net_exit(struct homa_net *hnet)
{
	cancel_work_sync(&hnet->links_work);
	xa_destroy(&hnet->links);
}

/* Without memory the device is not paced. */
static void add_link(struct homa_net *hnet, struct net_device *dev)
{
	struct homa_link *link = kzalloc(sizeof(*link), GFP_KERNEL);

	lockdep_assert_held(&links_mutex);
	if (!link)
		return;
	link->hnet = hnet;
	link->dev = dev;
	spin_lock_init(&link->lock);
	link->shortest = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&link->oldest);
	homa_pacer_timer_init(link);
	if (homa_pacer_attach(link, READ_ONCE(hnet->pacer)) ||
	    xa_err(xa_store(&hnet->links, dev->ifindex, link, GFP_KERNEL))) {
		homa_pacer_attach(link, NULL);
		kfree(link);
		return;
	}
	update(link);
}

static void drop_link(struct homa_net *hnet, struct homa_link *link)
{
	xa_erase(&hnet->links, link->dev->ifindex);
	/* Whoever has found it holds nothing back any more. */
	homa_pacer_attach(link, NULL);
	set_mbps(link, 0);
	kfree_rcu(link, rcu);
}

static int device_event(struct notifier_block *unused, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct homa_net *hnet = homa_net(dev_net(dev));
	struct homa_link *link;

	mutex_lock(&links_mutex);
	link = xa_load(&hnet->links, dev->ifindex);
	switch (event) {
	case NETDEV_REGISTER:
		if (!link)
			add_link(hnet, dev);
		break;
	case NETDEV_UNREGISTER:
		if (link)
			drop_link(hnet, link);
		break;
	case NETDEV_UP:
	case NETDEV_CHANGE:
	case NETDEV_CHANGEUPPER:
		queue_work(homa_wq, &hnet->links_work);
		break;
	}
	mutex_unlock(&links_mutex);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = device_event };

/* Knows all devices there are when it returns. Return: 0 or an errno. */
int homa_links_init(void)
{
	return register_netdevice_notifier(&notifier);
}

/* No sockets any more. Forgets all devices. */
void homa_links_exit(void)
{
	unregister_netdevice_notifier(&notifier);
}
