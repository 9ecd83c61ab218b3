// SPDX-License-Identifier: GPL-2.0

//! The lock that a task waits for, by what it has put into the lock's list: of a kernel that notes it
//! nowhere else.
//!
//! A task that waits for a mutex or an rw_semaphore has a structure on its stack that names the task and
//! is linked into the list of the lock. Where such a structure is linked in both directions, the task
//! waits, and the lock is around one of the other elements of that list. Which of the two locks it is, is
//! certain by the flags that each of them has while somebody waits: those of a mutex are in its owner's
//! lowest bit, which no rw_semaphore sets that is held for writing, and those of an rw_semaphore in its
//! count. What may be both, as an rw_semaphore that is held for reading, is neither.

use super::kernel::{Kernel, Lock, LockType};
use super::memory::Memory;
use crate::dump::words::Words;

/// The size of a stack, at most: that of one without KASAN on x86 and arm64.
const STACK_BYTES: u64 = 16 << 10;
/// As many tasks wait in a list that is followed.
const MOST_WAITERS: usize = 256;
const MUTEX_WAITERS: u64 = 1;
const RWSEM_WAITERS: u64 = 2;

/// Offsets of what is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WaiterLayout {
    /// Of a task: its stack, and how far it is used while it sleeps.
    pub stack: u64,
    pub stack_pointer: u64,
    /// Of one who waits, for either lock: its links and its task.
    pub links: u64,
    pub task: u64,
    /// Of the locks.
    pub mutex_owner: u64,
    pub mutex_list: u64,
    pub rwsem_count: u64,
    pub rwsem_owner: u64,
    pub rwsem_list: u64,
}

impl<M: Memory> Kernel<M> {
    /// The lock in whose list a task, which sleeps, has put itself.
    pub(super) fn lock_on_stack(&self, task: u64) -> Option<Lock> {
        let (memory, layout) = (&self.memory, self.layout.waiter.as_ref()?);
        let bottom = memory.u64(task + layout.stack).ok()?;
        let from = memory.u64(task + layout.stack_pointer).ok()?;
        let length = bottom.checked_add(STACK_BYTES)?.checked_sub(from)?;
        if from < bottom || from % 8 != 0 {
            return None;
        }
        let mut stack = vec![0; usize::try_from(length).ok()?];
        memory.read(from, &mut stack).ok()?;
        let words = Words(&stack);
        let mut found = None;
        for at in (0..stack.len()).step_by(8) {
            let links = at.checked_add_signed(layout.links as isize - layout.task as isize);
            let Some(links) = links.filter(|_| words.u64(at) == task) else {
                continue;
            };
            let Some(lock) = self.lock_of_list(from + links as u64) else {
                continue;
            };
            // It waits for one only.
            if found.is_some_and(|other| other != lock) {
                return None;
            }
            found = Some(lock);
        }
        found
    }

    /// The lock around an element of the list that these links are part of.
    fn lock_of_list(&self, links: u64) -> Option<Lock> {
        let mut found = None;
        let mut element = links;
        for _ in 0..MOST_WAITERS {
            let next = self.memory.u64(element).ok()?;
            if self.memory.u64(next.checked_add(8)?).ok()? != element {
                return None;
            }
            if next == links {
                return found;
            }
            element = next;
            match (self.lock_around(element), found) {
                (Some(_), Some(_)) => return None,
                (Some(lock), None) => found = Some(lock),
                (None, _) => {}
            }
        }
        None
    }

    /// The lock whose list begins there, if there is one, and just one that it can be.
    fn lock_around(&self, list: u64) -> Option<Lock> {
        let layout = self.layout.waiter.as_ref()?;
        let word = |base: u64, offset: u64| self.memory.u64(base.wrapping_add(offset)).unwrap_or(0);
        let is_task = |task: u64| task != 0 && self.pid_of(task).is_ok();
        let mutex = list.wrapping_sub(layout.mutex_list);
        let owner = word(mutex, layout.mutex_owner);
        let is_mutex = owner & MUTEX_WAITERS != 0 && is_task(owner & !7);
        let rwsem = list.wrapping_sub(layout.rwsem_list);
        let owner = word(rwsem, layout.rwsem_owner);
        let is_rwsem = word(rwsem, layout.rwsem_count) & RWSEM_WAITERS != 0 && is_task(owner & !3);
        match (is_mutex, is_rwsem) {
            (true, false) => Some(Lock {
                lock_type: LockType::Mutex,
                address: mutex,
            }),
            // To read or to write: that is not told from here, and makes no difference for who holds it.
            (false, true) => Some(Lock {
                lock_type: LockType::Rwsem,
                address: rwsem,
            }),
            _ => None,
        }
    }
}
