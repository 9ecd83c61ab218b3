// SPDX-License-Identifier: GPL-2.0

#include <linux/spinlock.h>

void faultline_helper_spin_lock_init(spinlock_t *lock)
{
	spin_lock_init(lock);
}

void faultline_helper_spin_lock(spinlock_t *lock)
{
	spin_lock(lock);
}

bool faultline_helper_spin_trylock(spinlock_t *lock)
{
	return spin_trylock(lock);
}

void faultline_helper_spin_unlock(spinlock_t *lock)
{
	spin_unlock(lock);
}
