// SPDX-License-Identifier: GPL-2.0

#include <linux/preempt.h>

void faultline_helper_preempt_disable(void)
{
	preempt_disable();
}

void faultline_helper_preempt_enable(void)
{
	preempt_enable();
}

unsigned int faultline_helper_interrupt_context(void)
{
	return preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET);
}
