// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>
#include <linux/stop_machine.h>

int faultline_helper_stop_machine_on(unsigned int cpu, int (*func)(void *), void *data)
{
	return stop_machine(func, data, cpumask_of(cpu));
}
