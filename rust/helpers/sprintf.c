// SPDX-License-Identifier: GPL-2.0

#include <linux/sprintf.h>

int faultline_helper_format_pointer(char *buf, size_t size, const void *pointer)
{
	return scnprintf(buf, size, "%p", pointer);
}
