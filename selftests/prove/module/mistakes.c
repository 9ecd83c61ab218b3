// SPDX-License-Identifier: GPL-2.0
/*
 * mistakes: makes the mistake that its parameter names, each of a kind that one of the kernel's
 * debug options reports, and none that the kernel does not survive. Loading it always fails, with
 * -ECANCELED once the mistake was made, so that nothing stays.
 */

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *make;
module_param(make, charp, 0444);
MODULE_PARM_DESC(make, "which mistake");

/* Keeps the compiler from seeing through a mistake. */
static void *hide(void *pointer)
{
	OPTIMIZER_HIDE_VAR(pointer);
	return pointer;
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static DEFINE_SPINLOCK(lock);
static DEFINE_RAW_SPINLOCK(raw);

static void take_in_interrupt(struct irq_work *work)
{
	raw_spin_lock(&raw);
	raw_spin_unlock(&raw);
}

static struct irq_work interrupt = IRQ_WORK_INIT_HARD(take_in_interrupt);

static void lock_in_interrupt(void)
{
	raw_spin_lock(&raw);
	raw_spin_unlock(&raw);
	irq_work_queue(&interrupt);
	irq_work_sync(&interrupt);
}

static void lock_nesting(void)
{
	raw_spin_lock(&raw);
	spin_lock(&lock);
	spin_unlock(&lock);
	raw_spin_unlock(&raw);
}

static void sleep_in_atomic(void)
{
	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

static void cpu_while_preemptible(void)
{
	pr_info("on CPU %u\n", smp_processor_id());
}

static int __rcu *pointer;

static void rcu_without_lock(void)
{
	pr_info("%p\n", rcu_dereference(pointer));
}

static void irqs_restored_twice(void)
{
	unsigned long flags;

	local_irq_save(flags);
	local_irq_enable();
	local_irq_restore(flags);
}

static void leak(void)
{
	hide(kmalloc(200, GFP_KERNEL));
}

static void use_after_free(void)
{
	char *object = kmalloc(64, GFP_KERNEL);

	if (!object)
		return;
	kfree(object);
	((char *)hide(object))[32] = 1;
	/* Without KASAN it is found when somebody gets the object next. */
	kfree(kmalloc(64, GFP_KERNEL));
}

static void double_free(void)
{
	char *object = kmalloc(64, GFP_KERNEL);

	kfree(object);
	kfree(hide(object));
}

static void out_of_bounds(void)
{
	char *object = kmalloc(60, GFP_KERNEL);

	if (!object)
		return;
	((char *)hide(object))[60] = 1;
	kfree(object);
}

struct timed {
	struct timer_list timer;
};

static void nothing(struct timer_list *timer)
{
}

static void free_active_timer(void)
{
	struct timed *timed = kzalloc(sizeof(*timed), GFP_KERNEL);

	if (!timed)
		return;
	timer_setup(&timed->timer, nothing, 0);
	mod_timer(&timed->timer, jiffies + 1000 * HZ);
	kfree(timed);
}

static void uninitialised_timer(void)
{
	struct timed *timed = kzalloc(sizeof(*timed), GFP_KERNEL);

	if (!timed)
		return;
	timer_delete(&timed->timer);
	kfree(timed);
}

static LIST_HEAD(list);
static LIST_HEAD(entry);

static void list_add_twice(void)
{
	list_add(&entry, &list);
	list_add(&entry, &list);
	list_del(&entry);
}

static int bits = 40;

static void shift_too_far(void)
{
	OPTIMIZER_HIDE_VAR(bits);
	pr_info("%d\n", 1 << bits);
}

static const struct {
	const char *name;
	void (*make)(void);
} mistakes[] = {
	{ "lock_order", lock_order },
	{ "lock_in_interrupt", lock_in_interrupt },
	{ "lock_nesting", lock_nesting },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "cpu_while_preemptible", cpu_while_preemptible },
	{ "rcu_without_lock", rcu_without_lock },
	{ "irqs_restored_twice", irqs_restored_twice },
	{ "leak", leak },
	{ "use_after_free", use_after_free },
	{ "double_free", double_free },
	{ "out_of_bounds", out_of_bounds },
	{ "free_active_timer", free_active_timer },
	{ "uninitialised_timer", uninitialised_timer },
	{ "list_add_twice", list_add_twice },
	{ "shift_too_far", shift_too_far },
};

static int __init mistakes_init(void)
{
	size_t i;

	for (i = 0; make && i < ARRAY_SIZE(mistakes); i++) {
		if (!strcmp(make, mistakes[i].name)) {
			mistakes[i].make();
			return -ECANCELED;
		}
	}
	pr_err("make=%s: no such mistake\n", make ?: "");
	return -EINVAL;
}
module_init(mistakes_init);

MODULE_DESCRIPTION("makes a mistake that a debug kernel hears");
MODULE_LICENSE("GPL");
