// SPDX-License-Identifier: GPL-2.0

#include <linux/sched.h>
#include <linux/sched/task.h>

void faultline_helper_get_task_struct(struct task_struct *task)
{
	get_task_struct(task);
}

void faultline_helper_put_task_struct(struct task_struct *task)
{
	put_task_struct(task);
}

void faultline_helper_set_current_state_interruptible(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
}

void faultline_helper_set_current_state_uninterruptible(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
}

void faultline_helper_set_current_state_running(void)
{
	__set_current_state(TASK_RUNNING);
}

struct task_struct *faultline_helper_current(void)
{
	return current;
}
