/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where rust/net/ finds the fields of the network's structures in memory. A
 * constant for each: its offset in the upper bits, its size in the lower 16.
 * The structures themselves hold too much for bindgen to be of use.
 */

#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/flow.h>
#include <net/ip_fib.h>
#include <net/net_namespace.h>
#include <net/route.h>

#define FAULTLINE_AT(name, type, field)					\
	static const unsigned long long faultline_at_##name =		\
		(unsigned long long)__builtin_offsetof(type, field) << 16 | \
		sizeof(((type *)0)->field)

FAULTLINE_AT(net_inum, struct net, ns.inum);
FAULTLINE_AT(net_dev_index_head, struct net, dev_index_head);
FAULTLINE_AT(net_devconf_all, struct net, ipv4.devconf_all);

FAULTLINE_AT(net_device_name, struct net_device, name);
FAULTLINE_AT(net_device_ifindex, struct net_device, ifindex);
FAULTLINE_AT(net_device_net, struct net_device, nd_net);
FAULTLINE_AT(net_device_ip_ptr, struct net_device, ip_ptr);
FAULTLINE_AT(net_device_index_hlist, struct net_device, index_hlist);
FAULTLINE_AT(net_device_addr_len, struct net_device, addr_len);

FAULTLINE_AT(in_device_ifa_list, struct in_device, ifa_list);
FAULTLINE_AT(in_device_rp_filter, struct in_device,
	     cnf.data[IPV4_DEVCONF_RP_FILTER - 1]);
FAULTLINE_AT(ipv4_devconf_rp_filter, struct ipv4_devconf,
	     data[IPV4_DEVCONF_RP_FILTER - 1]);

FAULTLINE_AT(sk_buff_dev, struct sk_buff, dev);
FAULTLINE_AT(sk_buff_mark, struct sk_buff, mark);
FAULTLINE_AT(sk_buff_head, struct sk_buff, head);
FAULTLINE_AT(sk_buff_network_header, struct sk_buff, network_header);

FAULTLINE_AT(flowi4_oif, struct flowi4, flowi4_oif);
FAULTLINE_AT(flowi4_iif, struct flowi4, flowi4_iif);
FAULTLINE_AT(flowi4_mark, struct flowi4, flowi4_mark);
#ifdef flowi4_dscp
FAULTLINE_AT(flowi4_tos, struct flowi4, flowi4_dscp);
#else
FAULTLINE_AT(flowi4_tos, struct flowi4, flowi4_tos);
#endif
FAULTLINE_AT(flowi4_saddr, struct flowi4, saddr);
FAULTLINE_AT(flowi4_daddr, struct flowi4, daddr);

FAULTLINE_AT(fib_table_id, struct fib_table, tb_id);

FAULTLINE_AT(fib_result_prefix, struct fib_result, prefix);
FAULTLINE_AT(fib_result_prefixlen, struct fib_result, prefixlen);
FAULTLINE_AT(fib_result_type, struct fib_result, type);
FAULTLINE_AT(fib_result_scope, struct fib_result, scope);
FAULTLINE_AT(fib_result_nhc, struct fib_result, nhc);
FAULTLINE_AT(fib_result_fi, struct fib_result, fi);

FAULTLINE_AT(fib_info_net, struct fib_info, fib_net);

FAULTLINE_AT(fib_nh_dev, struct fib_nh_common, nhc_dev);
FAULTLINE_AT(fib_nh_gw_family, struct fib_nh_common, nhc_gw_family);
FAULTLINE_AT(fib_nh_gw, struct fib_nh_common, nhc_gw.ipv4);

FAULTLINE_AT(rtable_dev, struct rtable, dst.dev);
FAULTLINE_AT(rtable_type, struct rtable, rt_type);
FAULTLINE_AT(rtable_uses_gateway, struct rtable, rt_uses_gateway);
FAULTLINE_AT(rtable_gw_family, struct rtable, rt_gw_family);
FAULTLINE_AT(rtable_gw, struct rtable, rt_gw4);
