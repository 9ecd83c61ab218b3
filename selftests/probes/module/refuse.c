// SPDX-License-Identifier: GPL-2.0
/*
 * refuse.ko: makes a function of the kernel fail, as often as `times` says, without
 * doing anything. That is what CONFIG_FUNCTION_ERROR_INJECTION does, which stock kernels
 * lack. For tests only.
 *
 * It also has a function to be probed, refuse_target(), which goes when it is unloaded,
 * and is called by writing to `call`.
 */

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

static char *function = "ftrace_set_filter_ip";
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "which function");

static int error = -ENOMEM;
module_param(error, int, 0444);
MODULE_PARM_DESC(error, "what it returns");

static int times;
module_param(times, int, 0644);
MODULE_PARM_DESC(times, "how often from now on");

/* The kernel goes on here instead: as if the function had returned at once. */
static noinline notrace int refuse(void)
{
	return READ_ONCE(error);
}
NOKPROBE_SYMBOL(refuse);

static int at_entry(struct kprobe *p, struct pt_regs *regs)
{
	int left = READ_ONCE(times);

	if (left <= 0)
		return 0;
	WRITE_ONCE(times, left - 1);
	instruction_pointer_set(regs, (unsigned long)refuse);
	return 1;
}
NOKPROBE_SYMBOL(at_entry);

/* With it the probe is not optimised: then the instruction pointer would not be looked at. */
static void after(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}
NOKPROBE_SYMBOL(after);

static struct kprobe probe = {
	.pre_handler = at_entry,
	.post_handler = after,
};

noinline int refuse_target(int value);
noinline int refuse_target(int value)
{
	barrier();
	return value;
}

static int set_call(const char *value, const struct kernel_param *param)
{
	int number, ret = kstrtoint(value, 0, &number);

	return ret ? ret : min(refuse_target(number), 0);
}

static const struct kernel_param_ops call_ops = { .set = set_call };
module_param_cb(call, &call_ops, NULL, 0200);
MODULE_PARM_DESC(call, "calls refuse_target() with this");

static int __init refuse_init(void)
{
	probe.symbol_name = function;
	return register_kprobe(&probe);
}
module_init(refuse_init);

static void __exit refuse_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(refuse_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The faultline authors");
MODULE_DESCRIPTION("Makes a function of the kernel fail, for tests");
