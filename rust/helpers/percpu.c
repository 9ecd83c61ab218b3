// SPDX-License-Identifier: GPL-2.0

#include <linux/percpu.h>

void __percpu *faultline_helper_alloc_percpu(size_t size, size_t align)
{
	return __alloc_percpu(size, align);
}

void *faultline_helper_per_cpu_ptr(void __percpu *pointer, unsigned int cpu)
{
	return per_cpu_ptr(pointer, cpu);
}

void faultline_helper_this_cpu_add(u64 __percpu *counter, u64 value)
{
	this_cpu_add(*counter, value);
}

u64 faultline_helper_this_cpu_read(u64 __percpu *counter)
{
	return this_cpu_read(*counter);
}
