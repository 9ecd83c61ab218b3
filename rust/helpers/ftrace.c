// SPDX-License-Identifier: GPL-2.0

#include <linux/ftrace.h>

#ifdef CONFIG_FPROBE
unsigned long faultline_helper_ftrace_argument(struct ftrace_regs *regs, unsigned int n)
{
	return ftrace_regs_get_argument(regs, n);
}

unsigned long faultline_helper_ftrace_returned(struct ftrace_regs *regs)
{
	return ftrace_regs_get_return_value(regs);
}

unsigned long faultline_helper_ftrace_stack(struct ftrace_regs *regs)
{
	return ftrace_regs_get_stack_pointer(regs);
}
#endif
