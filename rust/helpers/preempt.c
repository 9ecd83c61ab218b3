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
 * Which stack this is, how many interrupts run on it that are no NMIs (each NMI
 * counts as both), and whether a softirq does. See rust/probe/handler.rs. Of stacks that
 * are a multiple of 2 TiB apart it takes one for the other.
 */
unsigned int faultline_helper_context(void)
{
	return current_stack_pointer / THREAD_SIZE << 5 |
	       (((preempt_count() >> HARDIRQ_SHIFT) - (preempt_count() >> NMI_SHIFT)) & 0xf) |
	       !!in_serving_softirq() << 4;
}
