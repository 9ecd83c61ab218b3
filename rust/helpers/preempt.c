// SPDX-License-Identifier: GPL-2.0

#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

void faultline_helper_preempt_disable(void)
{
	preempt_disable();
}

void faultline_helper_preempt_enable(void)
{
	preempt_enable();
}

/*
 * Identifies the context by the stack, the number of hard interrupts other than NMIs
 * (the kernel counts an NMI as both), and whether a softirq is served. See
 * rust/probe/context.rs. Stacks that are a multiple of 2 TiB apart are not distinguished.
 */
unsigned int faultline_helper_context(void)
{
	return current_stack_pointer / THREAD_SIZE << 5 |
	       (((preempt_count() >> HARDIRQ_SHIFT) - (preempt_count() >> NMI_SHIFT)) & 0xf) |
	       !!in_serving_softirq() << 4;
}
