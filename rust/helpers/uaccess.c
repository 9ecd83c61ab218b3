// SPDX-License-Identifier: GPL-2.0

#include <linux/uaccess.h>

size_t faultline_helper_copy_from_user(void *to, const void __user *from, size_t size)
{
	return copy_from_user(to, from, size);
}
