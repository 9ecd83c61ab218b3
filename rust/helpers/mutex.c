// SPDX-License-Identifier: GPL-2.0

#include <linux/mutex.h>

static DEFINE_MUTEX(faultline_mutex);

void faultline_helper_module_lock(void)
{
	mutex_lock(&faultline_mutex);
}

void faultline_helper_module_unlock(void)
{
	mutex_unlock(&faultline_mutex);
}
