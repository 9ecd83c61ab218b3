// SPDX-License-Identifier: GPL-2.0

#include <linux/atomic.h>
#include <linux/wait_bit.h>

/* The users of something that is to go away; see rust/sync/published.rs. */

void faultline_helper_users_enter(atomic_t *users)
{
	atomic_inc_return(users);
}

void faultline_helper_users_leave(atomic_t *users)
{
	if (atomic_dec_and_test(users))
		wake_up_var(users);
}

void faultline_helper_users_wait(atomic_t *users)
{
	wait_var_event(users, !atomic_add_return(0, users));
}
