// SPDX-License-Identifier: GPL-2.0

#include <linux/mutex.h>

void faultline_helper_mutex_init(struct mutex *mutex, const char *name, struct lock_class_key *key)
{
	__mutex_init(mutex, name, key);
}

void faultline_helper_mutex_lock(struct mutex *mutex)
{
	mutex_lock(mutex);
}

void faultline_helper_mutex_unlock(struct mutex *mutex)
{
	mutex_unlock(mutex);
}
