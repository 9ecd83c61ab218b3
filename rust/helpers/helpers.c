// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers of macros and static inline functions, which Rust cannot call: one line
 * each, one file per header.
 */

#include "bottom_half.c"
#include "bug.c"
#include "cpumask.c"
#include "debugfs.c"
#include "ftrace.c"
#include "gfp.c"
#include "irq_work.c"
#include "irqflags.c"
#include "kexec.c"
#include "mm.c"
#include "nmi.c"
#include "percpu.c"
#include "preempt.c"
#include "processor.c"
#include "rcupdate.c"
#include "sched.c"
#include "seq_file.c"
#include "slab.c"
#include "smp.c"
#include "spinlock.c"
#include "sprintf.c"
#include "stop_machine.c"
#include "trace_events.c"
#include "uaccess.c"
#include "wait_bit.c"
#include "workqueue.c"
