/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The headers that bindgen reads for rust/bindings.rs: those of the functions
 * listed in the file `parameters`, and the helpers themselves.
 */

#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "../helpers/helpers.c"
