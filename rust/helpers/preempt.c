// SPDX-License-Identifier: GPL-2.0

#include <linux/preempt.h>
#include <linux/sched.h>

void faultline_helper_preempt_disable(void)
{
	preempt_disable();
}

void faultline_helper_preempt_enable(void)
{
	preempt_enable();
}

/* With PREEMPT_RT, softirqs are counted in the task: they run in threads. */
unsigned int faultline_helper_interrupt_context(void)
{
	return (preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET)) |
	       (IS_ENABLED(CONFIG_PREEMPT_RT) ? softirq_count() & SOFTIRQ_OFFSET : 0);
}
