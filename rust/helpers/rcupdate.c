// SPDX-License-Identifier: GPL-2.0

#include <linux/rcupdate.h>

void faultline_helper_rcu_read_lock(void)
{
	rcu_read_lock();
}

void faultline_helper_rcu_read_unlock(void)
{
	rcu_read_unlock();
}

void faultline_helper_kfree_rcu(void *object)
{
	kfree_rcu_mightsleep(object);
}
