// SPDX-License-Identifier: GPL-2.0
/*
 * The C twins of the probes that the benchmark measures, each as one would write
 * it: `probe` says which of them sits on fib_table_lookup().
 *
 *	kprobe		counts calls
 *	kretprobe	keeps where the result will be, counts results by type
 *	event		makes an event of what was asked and found, if `dst` matches
 */

#include <linux/inet.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/timekeeping.h>
#include <net/ip_fib.h>
#include <net/net_namespace.h>

#define TABLE_NAME 12

/* What is kept of a call for its event. */
struct call {
	u64 entered;
	const struct fib_table *table;
	const struct flowi4 *flow;
	const struct fib_result *found;
};

static u8 twin_tos(const struct flowi4 *flow)
{
#ifdef flowi4_dscp
	return inet_dscp_to_dsfield(flow->flowi4_dscp);
#else
	return flow->flowi4_tos;
#endif
}

static void twin_table_name(char *name, u32 table)
{
	switch (table) {
	case RT_TABLE_DEFAULT:
		memcpy(name, "default\0\0\0\0", TABLE_NAME);
		break;
	case RT_TABLE_MAIN:
		memcpy(name, "main\0\0\0\0\0\0\0", TABLE_NAME);
		break;
	case RT_TABLE_LOCAL:
		memcpy(name, "local\0\0\0\0\0\0", TABLE_NAME);
		break;
	default:
		snprintf(name, TABLE_NAME, "%u", table);
	}
}

static void twin_device_name(char *name, struct net *net, int index)
{
	const struct net_device *device;

	memset(name, 0, IFNAMSIZ);
	if (index == LOOPBACK_IFINDEX) {
		memcpy(name, "lo", 2);
	} else if (index) {
		device = dev_get_by_index_rcu(net, index);
		if (device)
			memcpy(name, device->name, IFNAMSIZ);
	}
}

#define CREATE_TRACE_POINTS
#include "twin_events.h"

static char *probe = "kprobe";
module_param(probe, charp, 0444);
MODULE_PARM_DESC(probe, "kprobe, kretprobe or event");

static char *dst;
module_param(dst, charp, 0444);
MODULE_PARM_DESC(dst, "make events of calls with this destination only");

static __be32 wanted;

/* Calls, and results by their type. */
static DEFINE_PER_CPU(u64, hits);
static DEFINE_PER_CPU(u64 [RTN_MAX + 1], kinds);

static int seen_get(char *buffer, const struct kernel_param *kp)
{
	u64 sum = 0;
	int cpu, kind;

	for_each_possible_cpu(cpu) {
		sum += per_cpu(hits, cpu);
		for (kind = 0; kind <= RTN_MAX; kind++)
			sum += per_cpu(kinds[kind], cpu);
	}
	return sysfs_emit(buffer, "%llu\n", sum);
}

static const struct kernel_param_ops seen_ops = { .get = seen_get };
module_param_cb(seen, &seen_ops, NULL, 0444);
MODULE_PARM_DESC(seen, "how many calls were counted");

/* kprobe */

static int count_call(struct kprobe *kprobe, struct pt_regs *regs)
{
	this_cpu_inc(hits);
	return 0;
}

static struct kprobe counting = {
	.symbol_name = "fib_table_lookup",
	.pre_handler = count_call,
};

/* kretprobe */

static int keep_result(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct fib_result **found = (void *)ri->data;

	*found = (void *)regs_get_kernel_argument(regs, 2);
	return 0;
}

static int count_result(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct fib_result **found = (void *)ri->data;

	if ((int)regs_return_value(regs) == 0 && (*found)->type <= RTN_MAX)
		this_cpu_inc(kinds[(*found)->type]);
	return 0;
}

static struct kretprobe results = {
	.kp.symbol_name = "fib_table_lookup",
	.entry_handler = keep_result,
	.handler = count_result,
	.data_size = sizeof(struct fib_result *),
};

/* event */

static int keep_call(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct call *call = (void *)ri->data;

	call->flow = (void *)regs_get_kernel_argument(regs, 1);
	if (wanted && call->flow->daddr != wanted) {
		this_cpu_inc(hits);
		return 1;
	}
	call->entered = ktime_get_mono_fast_ns();
	call->table = (void *)regs_get_kernel_argument(regs, 0);
	call->found = (void *)regs_get_kernel_argument(regs, 2);
	return 0;
}

static int make_event(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct call *call = (void *)ri->data;
	int err = regs_return_value(regs);
	u64 ns = ktime_get_mono_fast_ns() - call->entered;

	this_cpu_inc(hits);
	if (err == 0)
		trace_fib_lookup(call, err, ns);
	return 0;
}

static struct kretprobe events = {
	.kp.symbol_name = "fib_table_lookup",
	.entry_handler = keep_call,
	.handler = make_event,
	.data_size = sizeof(struct call),
};

static int __init twin_init(void)
{
	if (!strcmp(probe, "kprobe"))
		return register_kprobe(&counting);
	if (!strcmp(probe, "kretprobe"))
		return register_kretprobe(&results);
	if (dst)
		wanted = in_aton(dst);
	return strcmp(probe, "event") ? -EINVAL : register_kretprobe(&events);
}
module_init(twin_init);

static void __exit twin_exit(void)
{
	if (!strcmp(probe, "kprobe"))
		unregister_kprobe(&counting);
	else if (!strcmp(probe, "kretprobe"))
		unregister_kretprobe(&results);
	else
		unregister_kretprobe(&events);
}
module_exit(twin_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("C twins of probes, for benchmarks");
