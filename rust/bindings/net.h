/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where rust/net/ finds the fields of the network's structures in memory. A
 * constant for each: its offset in the upper bits, its size in the lower 16.
 * The structures themselves hold too much for bindgen to be of use.
 */

#include <linux/inetdevice.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/version.h>
#include <net/fib_rules.h>
#include <net/flow.h>
#include <net/if_inet6.h>
#include <net/ip6_fib.h>
#include <net/ip_fib.h>
#include <net/net_namespace.h>
#include <net/nexthop.h>
#include <net/route.h>

#define FAULTLINE_AT(name, type, field)					\
	static const unsigned long long faultline_at_##name =		\
		(unsigned long long)__builtin_offsetof(type, field) << 16 | \
		sizeof(((type *)0)->field)

/*
 * net/ipv4/fib_rules.c keeps it to itself. The build compares it with the stock
 * kernel's, up to the last field that is read.
 */
struct fib4_rule {
	struct fib_rule common;
	u8 dst_len;
	u8 src_len;
	dscp_t dscp;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	dscp_t dscp_mask;
#endif
	u8 dscp_full:1;
	__be32 src;
	__be32 srcmask;
	__be32 dst;
	__be32 dstmask;
#ifdef CONFIG_IP_ROUTE_CLASSID
	u32 tclassid;
#endif
};

/* net/ipv6/fib6_rules.c, in the same way. */
struct fib6_rule {
	struct fib_rule common;
	struct rt6key src;
	struct rt6key dst;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	__be32 flowlabel;
	__be32 flowlabel_mask;
#endif
	dscp_t dscp;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	dscp_t dscp_mask;
#endif
	u8 dscp_full:1;
};

/* What both families have in common is where these begin. */
static_assert(!__builtin_offsetof(struct flowi4, __fl_common));
static_assert(!__builtin_offsetof(struct flowi6, __fl_common));
static_assert(!__builtin_offsetof(struct rtable, dst));
static_assert(!__builtin_offsetof(struct rt6_info, dst));

FAULTLINE_AT(net_inum, struct net, ns.inum);
FAULTLINE_AT(net_dev_index_head, struct net, dev_index_head);
FAULTLINE_AT(net_devconf_all, struct net, ipv4.devconf_all);

/* A kernel without IPv6 calls no function for which they are read. */
#if IS_ENABLED(CONFIG_IPV6)
FAULTLINE_AT(net_ipv6_devconf_all, struct net, ipv6.devconf_all);
FAULTLINE_AT(net_fib6_null_entry, struct net, ipv6.fib6_null_entry);
#else
FAULTLINE_AT(net_ipv6_devconf_all, struct net, ipv4.devconf_all);
FAULTLINE_AT(net_fib6_null_entry, struct net, ipv4.devconf_all);
#endif

FAULTLINE_AT(net_device_name, struct net_device, name);
FAULTLINE_AT(net_device_ifindex, struct net_device, ifindex);
FAULTLINE_AT(net_device_net, struct net_device, nd_net);
FAULTLINE_AT(net_device_ip_ptr, struct net_device, ip_ptr);
FAULTLINE_AT(net_device_ip6_ptr, struct net_device, ip6_ptr);
FAULTLINE_AT(net_device_index_hlist, struct net_device, index_hlist);
FAULTLINE_AT(net_device_addr_len, struct net_device, addr_len);

FAULTLINE_AT(in_device_ifa_list, struct in_device, ifa_list);
FAULTLINE_AT(in_device_rp_filter, struct in_device,
	     cnf.data[IPV4_DEVCONF_RP_FILTER - 1]);
FAULTLINE_AT(in_device_forwarding, struct in_device,
	     cnf.data[IPV4_DEVCONF_FORWARDING - 1]);
FAULTLINE_AT(in_device_arp_ignore, struct in_device,
	     cnf.data[IPV4_DEVCONF_ARP_IGNORE - 1]);
FAULTLINE_AT(ipv4_devconf_arp_ignore, struct ipv4_devconf,
	     data[IPV4_DEVCONF_ARP_IGNORE - 1]);
FAULTLINE_AT(ipv4_devconf_rp_filter, struct ipv4_devconf,
	     data[IPV4_DEVCONF_RP_FILTER - 1]);

FAULTLINE_AT(inet6_dev_dev, struct inet6_dev, dev);
FAULTLINE_AT(ipv6_devconf_forwarding, struct ipv6_devconf, forwarding);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
FAULTLINE_AT(inet6_dev_force_forwarding, struct inet6_dev, cnf.force_forwarding);
#else
static const unsigned long long faultline_at_inet6_dev_force_forwarding = ~0ULL;
#endif

FAULTLINE_AT(sk_buff_dev, struct sk_buff, dev);
FAULTLINE_AT(sk_buff_mark, struct sk_buff, mark);
FAULTLINE_AT(sk_buff_head, struct sk_buff, head);
FAULTLINE_AT(sk_buff_network_header, struct sk_buff, network_header);
FAULTLINE_AT(sk_buff_transport_header, struct sk_buff, transport_header);
FAULTLINE_AT(sk_buff_dst, struct sk_buff, _skb_refdst);

FAULTLINE_AT(flow_oif, struct flowi_common, flowic_oif);
FAULTLINE_AT(flow_iif, struct flowi_common, flowic_iif);
FAULTLINE_AT(flow_mark, struct flowi_common, flowic_mark);
FAULTLINE_AT(flow_uid, struct flowi_common, flowic_uid);
FAULTLINE_AT(flow_proto, struct flowi_common, flowic_proto);
FAULTLINE_AT(flow_flags, struct flowi_common, flowic_flags);

#ifdef flowi4_dscp
FAULTLINE_AT(flowi4_tos, struct flowi4, flowi4_dscp);
#else
FAULTLINE_AT(flowi4_tos, struct flowi4, flowi4_tos);
#endif
FAULTLINE_AT(flowi4_saddr, struct flowi4, saddr);
FAULTLINE_AT(flowi4_daddr, struct flowi4, daddr);
FAULTLINE_AT(flowi4_sport, struct flowi4, fl4_sport);
FAULTLINE_AT(flowi4_dport, struct flowi4, fl4_dport);

FAULTLINE_AT(flowi6_flowlabel, struct flowi6, flowlabel);
FAULTLINE_AT(flowi6_saddr, struct flowi6, saddr);
FAULTLINE_AT(flowi6_daddr, struct flowi6, daddr);
FAULTLINE_AT(flowi6_sport, struct flowi6, fl6_sport);
FAULTLINE_AT(flowi6_dport, struct flowi6, fl6_dport);

FAULTLINE_AT(fib_table_id, struct fib_table, tb_id);

FAULTLINE_AT(fib6_table_id, struct fib6_table, tb6_id);

FAULTLINE_AT(fib_result_prefix, struct fib_result, prefix);
FAULTLINE_AT(fib_result_prefixlen, struct fib_result, prefixlen);
FAULTLINE_AT(fib_result_type, struct fib_result, type);
FAULTLINE_AT(fib_result_scope, struct fib_result, scope);
FAULTLINE_AT(fib_result_nhc, struct fib_result, nhc);
FAULTLINE_AT(fib_result_fi, struct fib_result, fi);

FAULTLINE_AT(fib6_result_type, struct fib6_result, fib6_type);
FAULTLINE_AT(fib6_result_nh, struct fib6_result, nh);
FAULTLINE_AT(fib6_result_f6i, struct fib6_result, f6i);

FAULTLINE_AT(fib_info_net, struct fib_info, fib_net);
FAULTLINE_AT(fib_info_nhs, struct fib_info, fib_nhs);
FAULTLINE_AT(fib_info_nh, struct fib_info, nh);
FAULTLINE_AT(fib_info_first_nh, struct fib_info, fib_nh[0]);

FAULTLINE_AT(fib6_info_next, struct fib6_info, fib6_next);
FAULTLINE_AT(fib6_info_node, struct fib6_info, fib6_node);
FAULTLINE_AT(fib6_info_siblings, struct fib6_info, fib6_siblings.next);
FAULTLINE_AT(fib6_info_nsiblings, struct fib6_info, fib6_nsiblings);
FAULTLINE_AT(fib6_info_metric, struct fib6_info, fib6_metric);
FAULTLINE_AT(fib6_info_type, struct fib6_info, fib6_type);
FAULTLINE_AT(fib6_info_dst, struct fib6_info, fib6_dst.addr);
FAULTLINE_AT(fib6_info_dst_len, struct fib6_info, fib6_dst.plen);
FAULTLINE_AT(fib6_info_nh, struct fib6_info, nh);
FAULTLINE_AT(fib6_node_leaf, struct fib6_node, leaf);
FAULTLINE_AT(fib6_nh_common, struct fib6_nh, nh_common);

FAULTLINE_AT(nexthop_is_group, struct nexthop, is_group);
FAULTLINE_AT(nexthop_group, struct nexthop, nh_grp);
FAULTLINE_AT(nexthop_info, struct nexthop, nh_info);
FAULTLINE_AT(nh_info_nhc, struct nh_info, fib_nhc);
FAULTLINE_AT(nh_group_num_nh, struct nh_group, num_nh);
FAULTLINE_AT(nh_group_first_entry, struct nh_group, nh_entries[0]);
FAULTLINE_AT(nh_grp_entry_nh, struct nh_grp_entry, nh);

FAULTLINE_AT(fib_nh_dev, struct fib_nh_common, nhc_dev);
FAULTLINE_AT(fib_nh_gw_family, struct fib_nh_common, nhc_gw_family);
FAULTLINE_AT(fib_nh_gw, struct fib_nh_common, nhc_gw.ipv4);
FAULTLINE_AT(fib_nh_gw6, struct fib_nh_common, nhc_gw.ipv6);
FAULTLINE_AT(fib_nh_flags, struct fib_nh_common, nhc_flags);

FAULTLINE_AT(dst_dev, struct dst_entry, dev);
FAULTLINE_AT(dst_error, struct dst_entry, error);

FAULTLINE_AT(rtable_type, struct rtable, rt_type);
FAULTLINE_AT(rtable_uses_gateway, struct rtable, rt_uses_gateway);
FAULTLINE_AT(rtable_gw_family, struct rtable, rt_gw_family);
FAULTLINE_AT(rtable_gw, struct rtable, rt_gw4);
FAULTLINE_AT(rtable_gw6, struct rtable, rt_gw6);
FAULTLINE_AT(rtable_flags, struct rtable, rt_flags);

FAULTLINE_AT(rt6_info_from, struct rt6_info, from);
FAULTLINE_AT(rt6_info_dst, struct rt6_info, rt6i_dst.addr);
FAULTLINE_AT(rt6_info_dst_len, struct rt6_info, rt6i_dst.plen);
FAULTLINE_AT(rt6_info_gateway, struct rt6_info, rt6i_gateway);
FAULTLINE_AT(rt6_info_idev, struct rt6_info, rt6i_idev);
FAULTLINE_AT(rt6_info_flags, struct rt6_info, rt6i_flags);

FAULTLINE_AT(fib_rules_ops_family, struct fib_rules_ops, family);
FAULTLINE_AT(fib_rules_ops_net, struct fib_rules_ops, fro_net);
FAULTLINE_AT(fib_lookup_arg_rule, struct fib_lookup_arg, rule);
FAULTLINE_AT(fib_lookup_arg_result, struct fib_lookup_arg, result);

FAULTLINE_AT(fib6_result_rt6, struct fib6_result, rt6);

FAULTLINE_AT(fib_rule_pref, struct fib_rule, pref);
FAULTLINE_AT(fib_rule_action, struct fib_rule, action);
FAULTLINE_AT(fib_rule_l3mdev, struct fib_rule, l3mdev);
FAULTLINE_AT(fib_rule_table, struct fib_rule, table);
FAULTLINE_AT(fib_rule_flags, struct fib_rule, flags);
FAULTLINE_AT(fib_rule_mark, struct fib_rule, mark);
FAULTLINE_AT(fib_rule_mark_mask, struct fib_rule, mark_mask);
FAULTLINE_AT(fib_rule_ip_proto, struct fib_rule, ip_proto);
FAULTLINE_AT(fib_rule_iifname, struct fib_rule, iifname);
FAULTLINE_AT(fib_rule_oifname, struct fib_rule, oifname);
FAULTLINE_AT(fib_rule_uid_start, struct fib_rule, uid_range.start);
FAULTLINE_AT(fib_rule_uid_end, struct fib_rule, uid_range.end);
FAULTLINE_AT(fib_rule_sport_start, struct fib_rule, sport_range.start);
FAULTLINE_AT(fib_rule_sport_end, struct fib_rule, sport_range.end);
FAULTLINE_AT(fib_rule_dport_start, struct fib_rule, dport_range.start);
FAULTLINE_AT(fib_rule_dport_end, struct fib_rule, dport_range.end);
FAULTLINE_AT(fib_rule_suppress_prefixlen, struct fib_rule, suppress_prefixlen);
FAULTLINE_AT(fib_rule_suppress_ifgroup, struct fib_rule, suppress_ifgroup);

FAULTLINE_AT(fib4_rule_src, struct fib4_rule, src);
FAULTLINE_AT(fib4_rule_src_len, struct fib4_rule, src_len);
FAULTLINE_AT(fib4_rule_dst, struct fib4_rule, dst);
FAULTLINE_AT(fib4_rule_dst_len, struct fib4_rule, dst_len);
FAULTLINE_AT(fib4_rule_dscp, struct fib4_rule, dscp);

FAULTLINE_AT(fib6_rule_src, struct fib6_rule, src.addr);
FAULTLINE_AT(fib6_rule_src_len, struct fib6_rule, src.plen);
FAULTLINE_AT(fib6_rule_dst, struct fib6_rule, dst.addr);
FAULTLINE_AT(fib6_rule_dst_len, struct fib6_rule, dst.plen);
FAULTLINE_AT(fib6_rule_dscp, struct fib6_rule, dscp);
