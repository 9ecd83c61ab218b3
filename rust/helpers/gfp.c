// SPDX-License-Identifier: GPL-2.0

#include <linux/gfp.h>

unsigned long faultline_helper_get_free_page(void)
{
	return __get_free_page(GFP_KERNEL);
}

unsigned long faultline_helper_get_free_page_atomic(void)
{
	return __get_free_page(GFP_ATOMIC | __GFP_NOWARN);
}
