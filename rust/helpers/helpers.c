// SPDX-License-Identifier: GPL-2.0
/*
 * The C that Rust cannot call by itself, since it is macros and static inline
 * functions: one line each, one file per header.
 */

#include "bottom_half.c"
#include "bug.c"
#include "cpumask.c"
#include "irqflags.c"
#include "kexec.c"
#include "preempt.c"
#include "processor.c"
#include "sched.c"
