// SPDX-License-Identifier: GPL-2.0
/*
 * injectable: while it is loaded, the kernel's fail_function may let the functions fail that our
 * modules call and that can fail: the kernel itself allows that of few others. What is of a macro's
 * or an inline function's is here by the function that it calls.
 *
 * Documentation/fault-injection/fault-injection.rst, "Error Injectable Functions".
 */

#include <linux/debugfs.h>
#include <linux/error-injection.h>
#include <linux/fprobe.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

ALLOW_ERROR_INJECTION(debugfs_create_dir, ERRNO);
#ifdef debugfs_create_file
ALLOW_ERROR_INJECTION(debugfs_create_file_full, ERRNO);
#else
ALLOW_ERROR_INJECTION(debugfs_create_file, ERRNO);
#endif
ALLOW_ERROR_INJECTION(enable_kprobe, ERRNO);
ALLOW_ERROR_INJECTION(kthread_create_on_node, ERRNO);
ALLOW_ERROR_INJECTION(register_kprobe, ERRNO);
ALLOW_ERROR_INJECTION(register_kretprobe, ERRNO);
ALLOW_ERROR_INJECTION(single_open, ERRNO);
ALLOW_ERROR_INJECTION(pcpu_alloc_noprof, NULL);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Lets fail_function fail what our modules call, for tests");
