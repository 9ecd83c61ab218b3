// SPDX-License-Identifier: GPL-2.0

#include <linux/kexec.h>

bool faultline_helper_kexec_crash_loaded(void)
{
	return kexec_crash_loaded();
}
