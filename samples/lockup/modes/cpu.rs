// SPDX-License-Identifier: GPL-2.0

//! Modes that keep a CPU from running other threads, softirqs or interrupts, from passing an RCU
//! quiescent state, or from answering other CPUs.

use faultline::{
    prelude::*,
    sync::rcu,
    task::{
        context,
        irq_work,
        smp,
        stop_machine, //
    }, //
};

use crate::{
    hold::Hold,
    timer::Timer, //
};

/// A soft lockup: no other thread gets the CPU, but interrupts are handled.
#[inline(never)]
pub(super) fn spin_preemption_off(hold: &Hold<'_>) -> Result {
    context::preemption_off(|_off| hold.timer.spin());
    Ok(())
}

/// A thread that spins with preemption on. If the kernel preempts such a thread
/// (`PREEMPT_LAZY`, `PREEMPT`), this is no lockup. Otherwise (voluntary preemption, the
/// default up to 6.12 on Debian) it is a soft lockup.
#[inline(never)]
pub(super) fn spin_preemptible(hold: &Hold<'_>) -> Result {
    hold.timer.spin();
    Ok(())
}

/// A soft lockup by a thread that disables softirqs (bottom halves), and so preemption, except
/// with `PREEMPT_RT`.
#[inline(never)]
pub(super) fn spin_softirqs_off(hold: &Hold<'_>) -> Result {
    context::softirqs_off(|_off| hold.timer.spin());
    Ok(())
}

/// A hard lockup: not even the timer interrupt is handled.
#[inline(never)]
pub(super) fn spin_interrupts_off(hold: &Hold<'_>) -> Result {
    context::interrupts_off(|_off| hold.timer.spin());
    Ok(())
}

/// A hard lockup in an interrupt handler that does not return.
pub(super) fn spin_in_interrupt(hold: &Hold<'_>) -> Result {
    #[inline(never)]
    fn spin_in_interrupt(timer: &Timer<'_>) {
        timer.spin();
    }

    context::preemption_off(|off| irq_work::run(off, |_interrupt| spin_in_interrupt(&hold.timer)))
}

/// An RCU stall: a grace period that does not end. If readers can be preempted, other threads
/// still get the CPU.
#[inline(never)]
pub(super) fn spin_in_rcu_reader(hold: &Hold<'_>) -> Result {
    let _reader = rcu::read_lock();
    rcu::begin_grace_period();
    hold.timer.spin();
    Ok(())
}

/// The first CPU disables its interrupts; the others call it, and wait for the answer.
#[inline(never)]
pub(super) fn call_cpu_that_never_answers(hold: &Hold<'_>) -> Result {
    /// Disables interrupts before the others call.
    #[inline(never)]
    fn never_answer(hold: &Hold<'_>) {
        context::interrupts_off(|_off| {
            if hold.meet() {
                hold.timer.spin();
            }
        });
    }

    if hold.place == 0 {
        never_answer(hold);
        return Ok(());
    }
    let first = hold.shared.plan.cpus.iter().next().unwrap_or(0);
    // Older kernels disable preemption during the call themselves.
    context::preemption_off(|_off| {
        if hold.meet() {
            smp::call(first)
        } else {
            Ok(())
        }
    })
}

/// All other CPUs wait with their interrupts off, while this one spins.
pub(super) fn stop_machine_and_spin(hold: &Hold<'_>) -> Result {
    #[inline(never)]
    fn spin_with_machine_stopped(timer: &Timer<'_>) {
        timer.spin();
    }

    let timer = &hold.timer;
    stop_machine::run(hold.cpu, |_stopped| spin_with_machine_stopped(timer))
}
