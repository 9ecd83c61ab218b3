// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>

unsigned long faultline_helper_totalram_pages(void)
{
	return totalram_pages();
}
