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

pid_t faultline_helper_current_pid(void)
{
	return task_pid_nr(current);
}

pid_t faultline_helper_current_tgid(void)
{
	return task_tgid_nr(current);
}

const char *faultline_helper_current_comm(void)
{
	static_assert(sizeof(current->comm) == TASK_COMM_LEN && TASK_COMM_LEN == 16);
	return current->comm;
}
