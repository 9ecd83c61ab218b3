// SPDX-License-Identifier: GPL-2.0
/*
 * The driver of the benchmark: each reading of `cycles` makes `calls` calls of
 * fib_table_lookup() in the reader's network namespace, and shows how much the time
 * stamp counter advanced meanwhile. Interrupts are off, so that nothing else counts.
 */

#include <linux/inet.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/timex.h>
#include <net/ip_fib.h>

static unsigned int calls = 1000;
module_param(calls, uint, 0644);
MODULE_PARM_DESC(calls, "how many calls a reading of cycles makes");

static char *dst = "192.0.2.9";
module_param(dst, charp, 0444);
MODULE_PARM_DESC(dst, "the address that is looked up in the main table");

static int cycles_get(char *buffer, const struct kernel_param *kp)
{
	struct flowi4 flow = {
		/* As of a packet of our own. */
		.flowi4_iif = LOOPBACK_IFINDEX,
		.daddr = in_aton(dst),
	};
	struct fib_result result;
	struct fib_table *table;
	unsigned long flags;
	cycles_t begin, end;
	int err = -ENETUNREACH;

	rcu_read_lock();
	table = rcu_dereference(current->nsproxy->net_ns->ipv4.fib_main);
	if (!table)
		goto out;
	local_irq_save(flags);
	begin = get_cycles();
	for (unsigned int i = 0; i < calls; i++) {
		err = fib_table_lookup(table, &flow, &result,
				       FIB_LOOKUP_NOREF);
		if (err)
			break;
	}
	end = get_cycles();
	local_irq_restore(flags);
out:
	rcu_read_unlock();
	return err ?: sysfs_emit(buffer, "%llu\n", (u64)(end - begin));
}

static const struct kernel_param_ops cycles_ops = { .get = cycles_get };
module_param_cb(cycles, &cycles_ops, NULL, 0400);
MODULE_PARM_DESC(cycles, "what the calls of this reading took");

static int __init bench_init(void)
{
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
}
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Makes the calls that benchmarks measure, for tests");
