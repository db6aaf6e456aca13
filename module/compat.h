/* SPDX-License-Identifier: GPL-2.0-only */
/* Differences between kernel versions, all of them. */
#ifndef _HOMA_COMPAT_H
#define _HOMA_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/sysctl.h>
#include <linux/version.h>
#include <net/ip6_fib.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define dst_rt6_info(dst) ((struct rt6_info *)(dst))
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define homa_const_ctl
#else
/* Handlers take a constant table since 6.11. */
#define homa_const_ctl const
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
/* The core took ipv6_pinfo for the last member; ours is. */
#define HOMA_PINFO_OFFSET(type, member)
#else
#define HOMA_PINFO_OFFSET(type, member) .ipv6_pinfo_offset = offsetof(type, member),
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
/* Tables ended with an empty entry; ours always have one. */
#define register_net_sysctl_sz(net, path, table, size) \
	register_net_sysctl(net, path, table)
#endif

/* @skb shall leave at a time of CLOCK_MONOTONIC. */
static inline void homa_skb_depart_at(struct sk_buff *skb, u64 time_ns)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	skb_set_delivery_time(skb, ns_to_ktime(time_ns), true);
#else
	skb_set_delivery_time(skb, ns_to_ktime(time_ns), SKB_CLOCK_MONOTONIC);
#endif
}

/* A device that only owns NAPI instances. */
static inline struct net_device *homa_alloc_dummy(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	struct net_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (dev)
		init_dummy_netdev(dev);
	return dev;
#else
	return alloc_netdev_dummy(0);
#endif
}

static inline void homa_free_dummy(struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	kfree(dev);
#else
	free_netdev(dev);
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
/* Addresses of unknown length got a type of their own in 6.19. */
#define sockaddr_unsized sockaddr
#endif

#endif /* _HOMA_COMPAT_H */
