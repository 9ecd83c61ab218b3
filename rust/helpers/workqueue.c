// SPDX-License-Identifier: GPL-2.0

#include <linux/workqueue.h>

void faultline_helper_init_work(struct work_struct *work, void (*func)(struct work_struct *))
{
	INIT_WORK(work, func);
}

bool faultline_helper_queue_highpri_work_on(unsigned int cpu, struct work_struct *work)
{
	return queue_work_on(cpu, system_highpri_wq, work);
}
