// SPDX-License-Identifier: GPL-2.0

//! Modes in which threads wait for each other's locks, in the wrong order.
//!
//! A real deadlock would last until the next boot. So one of the waiters has a limit: a spinlock is
//! tried until the time is over, and of two mutexes only one is really waited for, by a thread that
//! gets it when the other thread gives up.

use core::fmt;

use faultline::{
    fault,
    prelude::*,
    sync::{
        lock_class,
        spinlock::RawSpinLock, //
    },
    task::{
        context,
        irq_work, //
    }, //
};

use crate::hold::Hold;

/// The name of a lock: `A`, `B`, ...
#[derive(Clone, Copy)]
struct Name(usize);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = u8::try_from(self.0).ok().and_then(|n| b'A'.checked_add(n));
        match letter.filter(u8::is_ascii_uppercase) {
            Some(letter) => fmt::Write::write_char(f, char::from(letter)),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Logs which lock a thread holds, and which one it is about to wait for.
fn say(hold: &Hold<'_>, has: usize, wants: usize) {
    pr_info!(
        "run {}: cpu {}: holds lock {}, wants lock {}",
        hold.shared.plan.run_id,
        hold.cpu,
        Name(has),
        Name(wants)
    );
}

/// Each CPU holds a spinlock and waits for the next one's.
#[inline(always)]
fn deadlock(hold: &Hold<'_>) -> Result {
    let locks = &hold.shared.locks;
    let has = hold.place;
    let wants = Some(has.wrapping_add(1))
        .filter(|&next| next < locks.len())
        .unwrap_or(0);
    let (Some(mine), Some(next)) = (locks.get(has), locks.get(wants)) else {
        return Err(EINVAL);
    };
    mine.hold(|_held| {
        if hold.meet() {
            say(hold, has, wants);
            hold.timer
                .spin_until(|| next.try_hold(|_held| ()).is_some());
        }
    });
    Ok(())
}

/// A deadlock of threads, with interrupts on.
#[inline(never)]
pub(super) fn spin_on_lock(hold: &Hold<'_>) -> Result {
    deadlock(hold)
}

/// A deadlock of threads, with interrupts off, as with locks that are taken with
/// `raw_spin_lock_irqsave()`.
#[inline(never)]
pub(super) fn spin_on_lock_irqs_off(hold: &Hold<'_>) -> Result {
    context::interrupts_off(|_off| deadlock(hold))
}

/// An interrupt waits for a lock that the interrupted thread holds.
pub(super) fn spin_on_own_lock(hold: &Hold<'_>) -> Result {
    #[inline(never)]
    fn spin_on_own_lock(hold: &Hold<'_>, lock: &RawSpinLock) {
        say(hold, 0, 0);
        hold.timer
            .spin_until(|| lock.try_hold(|_held| ()).is_some());
    }

    let lock = RawSpinLock::new(lock_class!())?;
    lock.hold(|_held| {
        context::preemption_off(|off| {
            irq_work::run(off, |_interrupt| spin_on_own_lock(hold, &lock))
        })
    })
}

/// Two threads, two mutexes. Instead of waiting, the second thread sleeps for a limited time, and
/// then releases the mutex that the first one waits for.
#[inline(never)]
pub(super) fn wait_for_mutex(hold: &Hold<'_>) -> Result {
    let (Some([a, b]), Some(me)) = (hold.shared.mutexes.get(hold.place), hold.me) else {
        return Err(EINVAL);
    };
    if hold.is_second {
        let _held = b.lock();
        if hold.meet_asleep() {
            say(hold, 1, 0);
            fault::hang_until(me, || hold.timer.ends_ns());
        }
    } else {
        let _held = a.lock();
        if hold.meet_asleep() {
            say(hold, 0, 1);
            drop(b.lock());
        }
    }
    Ok(())
}
