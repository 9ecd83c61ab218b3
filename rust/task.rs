// SPDX-License-Identifier: GPL-2.0

//! Where and when code runs: threads, CPUs, contexts and the clock.
//!
//! - [`kthread`]: kernel threads, bound to CPUs and stopped with their owner.
//! - [`context`]: code that runs with preemption, interrupts or softirqs off.
//! - [`cpu`]: sets of CPUs, CPU hotplug, waiting for the hardware.
//! - [`smp`]: interrupts to other CPUs.
//! - [`irq_work`]: code in a hard interrupt on this CPU.
//! - [`stop_machine`]: code that runs while all other CPUs wait.
//! - [`workqueue`]: work for the kernel's own threads.
//! - [`time`]: the clock, and sleeping.

pub mod context;
pub mod cpu;
pub mod irq_work;
pub mod kthread;
pub mod smp;
pub mod stop_machine;
pub mod time;
pub mod workqueue;
