// SPDX-License-Identifier: GPL-2.0

#include <linux/irq_work.h>

void faultline_helper_init_irq_work_hard(struct irq_work *work, void (*func)(struct irq_work *))
{
	*work = IRQ_WORK_INIT_HARD(func);
}

bool faultline_helper_irq_work_is_busy(struct irq_work *work)
{
	return irq_work_is_busy(work);
}
