// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>

unsigned int faultline_helper_nr_cpu_ids(void)
{
	return nr_cpu_ids;
}

bool faultline_helper_cpu_online(unsigned int cpu)
{
	return cpu_online(cpu);
}

bool faultline_helper_cpu_possible(unsigned int cpu)
{
	return cpu_possible(cpu);
}
