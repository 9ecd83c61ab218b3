// SPDX-License-Identifier: GPL-2.0

#include <linux/smp.h>

int faultline_helper_smp_call_and_wait(int cpu, void (*func)(void *))
{
	return smp_call_function_single(cpu, func, NULL, true);
}
