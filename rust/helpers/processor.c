// SPDX-License-Identifier: GPL-2.0

#include <linux/processor.h>
#include <linux/smp.h>

void faultline_helper_cpu_relax(void)
{
	cpu_relax();
}

unsigned int faultline_helper_raw_smp_processor_id(void)
{
	return raw_smp_processor_id();
}
