// SPDX-License-Identifier: GPL-2.0

#include <linux/irqflags.h>

unsigned long faultline_helper_local_irq_save(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

void faultline_helper_local_irq_restore(unsigned long flags)
{
	local_irq_restore(flags);
}

bool faultline_helper_irqs_disabled(void)
{
	return irqs_disabled();
}
