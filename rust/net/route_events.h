/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The routing events, events/route_probe/ in tracefs. What a call returned
 * decides which of two events it makes where one of them has fields that the
 * kernel wrote and the other has not.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM route_probe

#if !defined(FAULTLINE_TRACE_ROUTE_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define FAULTLINE_TRACE_ROUTE_EVENTS_H

#include <linux/errno.h>
#include <linux/tracepoint.h>

#include "route.h"
#include "route_verdicts.h"

#ifndef FAULTLINE_ROUTE_SYMBOLS
#define FAULTLINE_ROUTE_SYMBOLS

#define faultline_route_causes						\
	{ FAULTLINE_ROUTE_OTHER, "other" },				\
	{ FAULTLINE_ROUTE_INPUT, "input" },				\
	{ FAULTLINE_ROUTE_VALIDATE, "validate" },			\
	{ FAULTLINE_ROUTE_ARP, "arp" },					\
	{ FAULTLINE_ROUTE_OUTPUT, "output" }

#define faultline_route_types						\
	{ 0, "unspec" }, { 1, "unicast" }, { 2, "local" },		\
	{ 3, "broadcast" }, { 4, "anycast" }, { 5, "multicast" },	\
	{ 6, "blackhole" }, { 7, "unreachable" }, { 8, "prohibit" },	\
	{ 9, "throw" }, { 10, "nat" }, { 11, "xresolve" }

#define faultline_route_errors						\
	{ EAGAIN, "no_match_or_throw" }, { EACCES, "prohibit" },	\
	{ EINVAL, "blackhole" }, { EHOSTUNREACH, "unreachable" },	\
	{ ENETUNREACH, "net_unreachable" }, { ENODEV, "no_device" },	\
	{ ENOBUFS, "no_buffers" }

#define faultline_route_rp_filters					\
	{ 0, "off" }, { 1, "strict" }, { 2, "loose" }

#define faultline_route_arp_ops						\
	{ 1, "request" }, { 2, "reply" }

#ifdef FAULTLINE_KERNEL_HAS_ip_route_input_drop_reason
#define faultline_route_reason(reason) { SKB_DROP_REASON_##reason, #reason },
#define faultline_route_reason_last(reason) { SKB_DROP_REASON_##reason, #reason }
#define faultline_route_verdicts					\
	{ 0, "ok" }, { FAULTLINE_ROUTE_ON_LINK, "ok_on_link" },	\
	DEFINE_DROP_REASON(faultline_route_reason, faultline_route_reason_last)
#else
#define faultline_route_verdicts					\
	{ 0, "ok" }, { FAULTLINE_ROUTE_ON_LINK, "ok_on_link" },	\
	{ EINVAL, "EINVAL" }, { EXDEV, "EXDEV" },			\
	{ EHOSTUNREACH, "EHOSTUNREACH" }, { ENETUNREACH, "ENETUNREACH" }, \
	{ ENOBUFS, "ENOBUFS" }, { EACCES, "EACCES" }, { EAGAIN, "EAGAIN" }
#endif
#endif

TRACE_DEFINE_ENUM(FAULTLINE_ROUTE_OTHER);
TRACE_DEFINE_ENUM(FAULTLINE_ROUTE_INPUT);
TRACE_DEFINE_ENUM(FAULTLINE_ROUTE_VALIDATE);
TRACE_DEFINE_ENUM(FAULTLINE_ROUTE_ARP);
TRACE_DEFINE_ENUM(FAULTLINE_ROUTE_OUTPUT);

#ifdef FAULTLINE_KERNEL_HAS_ip_route_input_drop_reason
/* User space reads the format, in which an enumeration has no number. */
#define faultline_route_define(reason) \
	TRACE_DEFINE_ENUM(SKB_DROP_REASON_##reason);
DEFINE_DROP_REASON(faultline_route_define, faultline_route_define)
#undef faultline_route_define
#endif

TRACE_EVENT(fib_lookup,
	TP_PROTO(struct faultline_route_lookup *record),
	TP_ARGS(record),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(u32, net)
		__field(u32, mark)
		__field(u32, table)
		__field(int, oif)
		__field(int, err)
		__array(u8, src, 4)
		__array(u8, dst, 4)
		__array(u8, prefix, 4)
		__array(u8, via, 4)
		__field(u8, prefixlen)
		__field(u8, type)
		__field(u8, scope)
		__field(u8, via_family)
		__field(u8, cause)
		__field(u8, tos)
		__array(char, table_name, FAULTLINE_ROUTE_TABLE_NAME)
		__array(char, iif, IFNAMSIZ)
		__array(char, dev, IFNAMSIZ)
	),
	TP_fast_assign(
		__entry->ns = record->ns;
		__entry->net = record->net;
		__entry->mark = record->mark;
		__entry->table = record->table;
		__entry->oif = record->oif;
		__entry->err = record->err;
		memcpy(__entry->src, &record->src, 4);
		memcpy(__entry->dst, &record->dst, 4);
		memcpy(__entry->prefix, &record->prefix, 4);
		memcpy(__entry->via, &record->via, 4);
		__entry->prefixlen = record->prefixlen;
		__entry->type = record->type;
		__entry->scope = record->scope;
		__entry->via_family = record->via_family;
		__entry->cause = record->cause;
		__entry->tos = record->tos;
		memcpy(__entry->table_name, record->table_name,
		       FAULTLINE_ROUTE_TABLE_NAME);
		memcpy(__entry->iif, record->iif, IFNAMSIZ);
		memcpy(__entry->dev, record->dev, IFNAMSIZ);
		record->written = true;
	),
	TP_printk("net=%u cause=%s src=%pI4 dst=%pI4 tos=0x%x iif=%.16s table=%.12s err=%d type=%s prefix=%pI4/%u via=%pI4 dev=%.16s ns=%llu",
		  __entry->net,
		  __print_symbolic(__entry->cause, faultline_route_causes),
		  __entry->src, __entry->dst, __entry->tos, __entry->iif,
		  __entry->table_name, __entry->err,
		  __print_symbolic(__entry->type, faultline_route_types),
		  __entry->prefix, __entry->prefixlen, __entry->via,
		  __entry->dev, __entry->ns)
);

TRACE_EVENT(fib_lookup_failed,
	TP_PROTO(struct faultline_route_lookup *record),
	TP_ARGS(record),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(u32, net)
		__field(u32, mark)
		__field(u32, table)
		__field(int, oif)
		__field(int, err)
		__array(u8, src, 4)
		__array(u8, dst, 4)
		__field(u8, cause)
		__field(u8, tos)
		__array(char, table_name, FAULTLINE_ROUTE_TABLE_NAME)
		__array(char, iif, IFNAMSIZ)
	),
	TP_fast_assign(
		__entry->ns = record->ns;
		__entry->net = record->net;
		__entry->mark = record->mark;
		__entry->table = record->table;
		__entry->oif = record->oif;
		__entry->err = record->err;
		memcpy(__entry->src, &record->src, 4);
		memcpy(__entry->dst, &record->dst, 4);
		__entry->cause = record->cause;
		__entry->tos = record->tos;
		memcpy(__entry->table_name, record->table_name,
		       FAULTLINE_ROUTE_TABLE_NAME);
		memcpy(__entry->iif, record->iif, IFNAMSIZ);
		record->written = true;
	),
	TP_printk("net=%u cause=%s src=%pI4 dst=%pI4 tos=0x%x iif=%.16s table=%.12s err=%d error=%s ns=%llu",
		  __entry->net,
		  __print_symbolic(__entry->cause, faultline_route_causes),
		  __entry->src, __entry->dst, __entry->tos, __entry->iif,
		  __entry->table_name, __entry->err,
		  __print_symbolic(-__entry->err, faultline_route_errors),
		  __entry->ns)
);

TRACE_EVENT(ip_route_input,
	TP_PROTO(struct faultline_route_input *record),
	TP_ARGS(record),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(const void *, skb)
		__field(u32, net)
		__field(u32, mark)
		__field(int, ret)
		__array(u8, src, 4)
		__array(u8, dst, 4)
		__field(u8, cause)
		__field(u8, tos)
		__array(char, dev, IFNAMSIZ)
	),
	TP_fast_assign(
		__entry->ns = record->ns;
		__entry->skb = record->skb;
		__entry->net = record->net;
		__entry->mark = record->mark;
		__entry->ret = record->ret;
		memcpy(__entry->src, &record->src, 4);
		memcpy(__entry->dst, &record->dst, 4);
		__entry->cause = record->cause;
		__entry->tos = record->tos;
		memcpy(__entry->dev, record->dev, IFNAMSIZ);
		record->written = true;
	),
	TP_printk("net=%u cause=%s skb=%p src=%pI4 dst=%pI4 tos=0x%x dev=%.16s ret=%d reason=%s ns=%llu",
		  __entry->net,
		  __print_symbolic(__entry->cause, faultline_route_causes),
		  __entry->skb, __entry->src, __entry->dst, __entry->tos,
		  __entry->dev, __entry->ret,
		  __print_symbolic(FAULTLINE_ROUTE_VERDICT(__entry->ret),
				   faultline_route_verdicts),
		  __entry->ns)
);

TRACE_EVENT(fib_validate_source,
	TP_PROTO(struct faultline_route_validate *record),
	TP_ARGS(record),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(u32, net)
		__field(u32, mark)
		__field(int, ret)
		__array(u8, src, 4)
		__array(u8, dst, 4)
		__field(u8, cause)
		__field(u8, tos)
		__field(u8, rp_filter)
		__array(char, oif, IFNAMSIZ)
		__array(char, dev, IFNAMSIZ)
	),
	TP_fast_assign(
		__entry->ns = record->ns;
		__entry->net = record->net;
		__entry->mark = record->mark;
		__entry->ret = record->ret;
		memcpy(__entry->src, &record->src, 4);
		memcpy(__entry->dst, &record->dst, 4);
		__entry->cause = record->cause;
		__entry->tos = record->tos;
		__entry->rp_filter = record->rp_filter;
		memcpy(__entry->oif, record->oif, IFNAMSIZ);
		memcpy(__entry->dev, record->dev, IFNAMSIZ);
		record->written = true;
	),
	TP_printk("net=%u cause=%s src=%pI4 dst=%pI4 tos=0x%x oif=%.16s dev=%.16s rp_filter=%s ret=%d result=%s ns=%llu",
		  __entry->net,
		  __print_symbolic(__entry->cause, faultline_route_causes),
		  __entry->src, __entry->dst, __entry->tos, __entry->oif,
		  __entry->dev,
		  __print_symbolic(__entry->rp_filter,
				   faultline_route_rp_filters),
		  __entry->ret,
		  __print_symbolic(FAULTLINE_ROUTE_VERDICT(__entry->ret),
				   faultline_route_verdicts),
		  __entry->ns)
);

TRACE_EVENT(arp_process,
	TP_PROTO(struct faultline_route_arp *record),
	TP_ARGS(record),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(u32, net)
		__field(int, ret)
		__array(u8, sender, 4)
		__array(u8, target, 4)
		__field(u16, op)
		__field(u8, rp_filter)
		__field(bool, no_addr)
		__array(char, dev, IFNAMSIZ)
	),
	TP_fast_assign(
		__entry->ns = record->ns;
		__entry->net = record->net;
		__entry->ret = record->ret;
		memcpy(__entry->sender, &record->sender, 4);
		memcpy(__entry->target, &record->target, 4);
		__entry->op = record->op;
		__entry->rp_filter = record->rp_filter;
		__entry->no_addr = record->no_addr;
		memcpy(__entry->dev, record->dev, IFNAMSIZ);
		record->written = true;
	),
	TP_printk("net=%u dev=%.16s no_addr=%d rp_filter=%s op=%s sender=%pI4 target=%pI4 ret=%d ns=%llu",
		  __entry->net, __entry->dev, __entry->no_addr,
		  __print_symbolic(__entry->rp_filter,
				   faultline_route_rp_filters),
		  __print_symbolic(__entry->op, faultline_route_arp_ops),
		  __entry->sender, __entry->target, __entry->ret, __entry->ns)
);

TRACE_EVENT(route_output,
	TP_PROTO(struct faultline_route_output *record),
	TP_ARGS(record),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(u32, net)
		__field(u32, mark)
		__field(int, err)
		__array(u8, src, 4)
		__array(u8, dst, 4)
		__array(u8, via, 4)
		__field(u8, via_family)
		__field(u8, type)
		__field(u8, cause)
		__field(u8, tos)
		__array(char, oif, IFNAMSIZ)
		__array(char, dev, IFNAMSIZ)
	),
	TP_fast_assign(
		__entry->ns = record->ns;
		__entry->net = record->net;
		__entry->mark = record->mark;
		__entry->err = record->err;
		memcpy(__entry->src, &record->src, 4);
		memcpy(__entry->dst, &record->dst, 4);
		memcpy(__entry->via, &record->via, 4);
		__entry->via_family = record->via_family;
		__entry->type = record->type;
		__entry->cause = record->cause;
		__entry->tos = record->tos;
		memcpy(__entry->oif, record->oif, IFNAMSIZ);
		memcpy(__entry->dev, record->dev, IFNAMSIZ);
		record->written = true;
	),
	TP_printk("net=%u cause=%s src=%pI4 dst=%pI4 tos=0x%x oif=%.16s mark=0x%x err=%d type=%s via=%pI4 dev=%.16s ns=%llu",
		  __entry->net,
		  __print_symbolic(__entry->cause, faultline_route_causes),
		  __entry->src, __entry->dst, __entry->tos, __entry->oif,
		  __entry->mark, __entry->err,
		  __print_symbolic(__entry->type, faultline_route_types),
		  __entry->via, __entry->dev, __entry->ns)
);

TRACE_EVENT(route_output_failed,
	TP_PROTO(struct faultline_route_output *record),
	TP_ARGS(record),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(u32, net)
		__field(u32, mark)
		__field(int, err)
		__array(u8, src, 4)
		__array(u8, dst, 4)
		__field(u8, cause)
		__field(u8, tos)
		__array(char, oif, IFNAMSIZ)
	),
	TP_fast_assign(
		__entry->ns = record->ns;
		__entry->net = record->net;
		__entry->mark = record->mark;
		__entry->err = record->err;
		memcpy(__entry->src, &record->src, 4);
		memcpy(__entry->dst, &record->dst, 4);
		__entry->cause = record->cause;
		__entry->tos = record->tos;
		memcpy(__entry->oif, record->oif, IFNAMSIZ);
		record->written = true;
	),
	TP_printk("net=%u cause=%s src=%pI4 dst=%pI4 tos=0x%x oif=%.16s mark=0x%x err=%d error=%s ns=%llu",
		  __entry->net,
		  __print_symbolic(__entry->cause, faultline_route_causes),
		  __entry->src, __entry->dst, __entry->tos, __entry->oif,
		  __entry->mark, __entry->err,
		  __print_symbolic(-__entry->err, faultline_route_errors),
		  __entry->ns)
);

#endif

/* Outside of the guard, as the kernel's macros want it. */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE route_events
#include <trace/define_trace.h>
