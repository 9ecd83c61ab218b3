/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event of the C twin: what route_probe's fib_lookup has, filled in from where it
 * is, as one would write it in C.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM bench_twin

#if !defined(FAULTLINE_TWIN_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define FAULTLINE_TWIN_EVENTS_H

#include <linux/tracepoint.h>

TRACE_EVENT(fib_lookup,
	TP_PROTO(const struct call *call, int err, u64 ns),
	TP_ARGS(call, err, ns),
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
		__array(char, table_name, TABLE_NAME)
		__array(char, iif, IFNAMSIZ)
		__array(char, dev, IFNAMSIZ)
	),
	TP_fast_assign(
		const struct flowi4 *flow = call->flow;
		const struct fib_result *found = call->found;
		const struct fib_nh_common *hop = found->nhc;

		__entry->ns = ns;
		__entry->net = found->fi->fib_net->ns.inum;
		__entry->mark = flow->flowi4_mark;
		__entry->table = call->table->tb_id;
		__entry->oif = flow->flowi4_oif;
		__entry->err = err;
		memcpy(__entry->src, &flow->saddr, 4);
		memcpy(__entry->dst, &flow->daddr, 4);
		memcpy(__entry->prefix, &found->prefix, 4);
		memcpy(__entry->via, &hop->nhc_gw.ipv4, 4);
		__entry->prefixlen = found->prefixlen;
		__entry->type = found->type;
		__entry->scope = found->scope;
		__entry->via_family = hop->nhc_gw_family;
		__entry->cause = 0;
		__entry->tos = twin_tos(flow);
		twin_table_name(__entry->table_name, call->table->tb_id);
		twin_device_name(__entry->iif, found->fi->fib_net,
				 flow->flowi4_iif);
		memcpy(__entry->dev, hop->nhc_dev->name, IFNAMSIZ);
	),
	TP_printk("net=%u cause=%u src=%pI4 dst=%pI4 tos=0x%x iif=%s table=%s err=%d type=%u prefix=%pI4/%u via=%pI4 dev=%s ns=%llu",
		  __entry->net, __entry->cause, __entry->src, __entry->dst,
		  __entry->tos, __entry->iif, __entry->table_name, __entry->err,
		  __entry->type, __entry->prefix, __entry->prefixlen,
		  __entry->via, __entry->dev, __entry->ns)
);

#endif

/* Outside of the guard, as the kernel's macros want it. */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE twin_events
#include <trace/define_trace.h>
