// SPDX-License-Identifier: GPL-2.0

#include <linux/nmi.h>

void faultline_helper_touch_nmi_watchdog(void)
{
	touch_nmi_watchdog();
}
