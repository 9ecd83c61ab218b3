// SPDX-License-Identifier: GPL-2.0

//! Threads, CPUs, execution contexts and time.
//!
//! - [`kthread`]: kernel threads, which are bound to CPUs and stopped with their owner.
//! - [`context`]: preemption, interrupts and softirqs off.
//! - [`cpu`]: sets of CPUs, CPU hotplug, `cpu_relax()`.
//! - [`smp`]: interrupts to other CPUs.
//! - [`irq_work`]: calls of a function in a hard interrupt on this CPU.
//! - [`stop_machine`]: calls of a function while all other CPUs are stopped.
//! - [`workqueue`]: calls of a function in a worker of a CPU.
//! - [`time`]: clocks and sleeping.

pub mod context;
pub mod cpu;
pub mod irq_work;
pub mod kthread;
pub mod smp;
pub mod stop_machine;
pub mod time;
pub mod workqueue;
