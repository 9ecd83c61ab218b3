// SPDX-License-Identifier: GPL-2.0

#include <linux/bug.h>

__noreturn void faultline_helper_bug(void)
{
	BUG();
}
