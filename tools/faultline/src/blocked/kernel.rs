// SPDX-License-Identifier: GPL-2.0

//! What the kernel's memory tells of tasks: the lock that one waits for, and who holds that.
//!
//! The kernel runs on meanwhile. So whatever is found is checked: a task is one only if the kernel's own
//! tree of pids leads to it by its number.

use super::layout::Layout;
use super::memory::{Kcore, Memory};
use super::symbols::Symbols;
use crate::btf::Types;
use anyhow::{ensure, Context};
use serde::Serialize;
use std::path::Path;

/// What a lock is, and how it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LockType {
    Mutex,
    Semaphore,
    RwsemToRead,
    RwsemToWrite,
    /// To read or to write.
    Rwsem,
    RtMutex,
}

impl LockType {
    pub fn words(self) -> &'static str {
        match self {
            LockType::Mutex => "mutex",
            LockType::Semaphore => "semaphore",
            LockType::RwsemToRead => "rw_semaphore (to read)",
            LockType::RwsemToWrite => "rw_semaphore (to write)",
            LockType::Rwsem => "rw_semaphore",
            LockType::RtMutex => "rt_mutex",
        }
    }
}

/// A lock that a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    pub lock_type: LockType,
    pub address: u64,
}

/// How sure it is that somebody holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// It is the owner.
    Owner,
    /// It has it, perhaps with others, for reading; or it was the last of them.
    Reader,
    /// It was the last to take it. Any other may have given it back.
    LastTaker,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    Task {
        pid: i32,
        holding: Holding,
    },
    /// Nobody does, at the moment.
    Nobody,
}

/// Questions about locks, answered by the kernel or, in tests, by a table.
pub trait Locks {
    /// The lock that a task waits for, if it waits for one.
    ///
    /// # Errors
    ///
    /// Why that cannot be told.
    fn wanted(&self, pid: i32) -> anyhow::Result<Option<Lock>>;

    /// Who holds a lock.
    ///
    /// # Errors
    ///
    /// Why that cannot be told.
    fn holder(&self, lock: &Lock) -> anyhow::Result<Holder>;
}

const LOWEST_BITS: u64 = 3;
/// The lowest three bits of a mutex' owner are flags.
const MUTEX_FLAGS: u64 = 7;
/// The lowest bit of an rw_semaphore's owner: readers have it; the next: nobody spins on it.
const RWSEM_READERS: u64 = 1;
const RWSEM_FLAGS: u64 = 3;
/// Somebody waits.
const RT_MUTEX_FLAGS: u64 = 1;
/// Bits of a number below a node of a tree, at most.
const MOST_SHIFT: u8 = 30;

/// The kernel that runs.
pub struct Kernel<M> {
    pub(super) memory: M,
    pub(super) layout: Layout,
    symbols: Symbols,
}

impl Kernel<Kcore> {
    /// Finds out where what is.
    ///
    /// # Errors
    ///
    /// Says what is missing.
    pub fn find() -> anyhow::Result<Self> {
        let kernel = Kernel {
            memory: Kcore::open(Path::new("/proc/kcore"))?,
            layout: Layout::read(&Types::load(Path::new("/sys/kernel/btf"), None)?)?,
            symbols: Symbols::read(Path::new("/proc/kallsyms"))?,
        };
        // What tells of others has to tell of us.
        let own = i32::try_from(std::process::id())?;
        kernel
            .task(own)
            .context("this program itself is not found in the kernel's memory")?;
        Ok(kernel)
    }
}

impl<M: Memory> Kernel<M> {
    #[cfg(test)]
    pub fn of(memory: M, layout: Layout, symbols: Symbols) -> Self {
        Kernel {
            memory,
            layout,
            symbols,
        }
    }

    /// The address of a task.
    fn task(&self, pid: i32) -> anyhow::Result<u64> {
        let (memory, layout) = (&self.memory, &self.layout);
        let namespace = self.symbols.init_pid_ns;
        let first = memory.i32(namespace + layout.first_pid)?;
        let index = u64::try_from(i64::from(pid) - i64::from(first))?;
        let mut entry = memory.u64(namespace + layout.pids)?;
        let mut below = None;
        // An entry that ends in 10 is a node; one of a single pid is that itself.
        while entry & LOWEST_BITS == 2 && entry > 4096 {
            let node = entry - 2;
            let shift = memory.u8(node + layout.node_shift)?;
            ensure!(
                shift <= MOST_SHIFT && below.is_none_or(|below| shift < below),
                "the tree of pids is damaged, or was changed"
            );
            ensure!(
                below.is_some() || index >> shift < layout.slots,
                "there is no task {pid}"
            );
            below = Some(shift);
            let slot = (index >> shift) & (layout.slots - 1);
            entry = memory.u64(node + layout.node_slots + slot * 8)?;
        }
        ensure!(
            entry & LOWEST_BITS == 0 && entry != 0 && (below.is_some() || index == 0),
            "there is no task {pid}"
        );
        let link = memory.u64(entry + layout.pid_tasks)?;
        let task = link
            .checked_sub(layout.task.pid_link)
            .filter(|_| link != 0)
            .with_context(|| format!("there is no task {pid}"))?;
        ensure!(
            memory.i32(task + layout.task.pid)? == pid,
            "task {pid} ended while it was looked at"
        );
        Ok(task)
    }

    /// The task at an address, if there is one.
    pub(super) fn pid_of(&self, task: u64) -> anyhow::Result<i32> {
        let pid = self
            .memory
            .i32(task.wrapping_add(self.layout.task.pid))
            .with_context(|| format!("the holder at {task:#x} is no task"))?;
        let is_it = self.task(pid).is_ok_and(|known| known == task);
        ensure!(is_it, "the holder at {task:#x} is no task, or has ended");
        Ok(pid)
    }

    /// How long ago a task last ran on that CPU, in seconds.
    pub fn last_ran(&self, pid: i32, cpu: u32, cpus: &[u32]) -> Option<f64> {
        let (clock_at, task_clock_at) = self.layout.clocks?;
        let last_ran = self
            .memory
            .u64(self.task(pid).ok()? + self.layout.task.last_ran?)
            .ok()?;
        let queue = |cpu: u32| {
            let offsets = self.symbols.per_cpu_offset?;
            let offset = self
                .memory
                .u64(offsets.checked_add(u64::from(cpu) * 8)?)
                .ok()?;
            Some(self.symbols.runqueues?.wrapping_add(offset))
        };
        let clock = |cpu| self.memory.u64(queue(cpu)?.wrapping_add(clock_at)).ok();
        // The CPU that this runs on has looked at the time with its last tick.
        let now = cpus.iter().filter_map(|&cpu| clock(cpu)).max()?;
        let task_clock = self
            .memory
            .u64(queue(cpu)?.wrapping_add(task_clock_at))
            .ok()?;
        // The clock of tasks stands still during interrupts, where these are accounted for.
        let in_interrupts = clock(cpu)?.saturating_sub(task_clock);
        let ran = last_ran.checked_add(in_interrupts)?;
        (last_ran != 0).then(|| now.saturating_sub(ran) as f64 / 1e9)
    }

    fn lock_of(&self, task: u64) -> anyhow::Result<Option<Lock>> {
        let layout = &self.layout.task;
        let word = |offset: Option<u64>| match offset {
            Some(offset) => self.memory.u64(task + offset),
            None => Ok(0),
        };
        let blocker = word(layout.blocker)?;
        if blocker != 0 {
            let lock_type = match blocker & LOWEST_BITS {
                0 => LockType::Mutex,
                1 => LockType::Semaphore,
                2 => LockType::RwsemToRead,
                _ => LockType::RwsemToWrite,
            };
            return Ok(Some(Lock {
                lock_type,
                address: blocker & !LOWEST_BITS,
            }));
        }
        let waiter = word(layout.rt_waiter)?;
        if let (1.., Some(lock)) = (waiter, self.layout.rt_waiter_lock) {
            return Ok(Some(Lock {
                lock_type: LockType::RtMutex,
                address: self.memory.u64(waiter.wrapping_add(lock))?,
            }));
        }
        let mutex = word(layout.blocked_on)?;
        if mutex != 0 && mutex & LOWEST_BITS == 0 {
            return Ok(Some(Lock {
                lock_type: LockType::Mutex,
                address: mutex,
            }));
        }
        match layout.blocker {
            Some(_) => Ok(None),
            None => Ok(self.lock_on_stack(task)),
        }
    }

    /// Returns whether this kernel notes which lock a task waits for.
    pub fn notes_locks(&self) -> bool {
        self.layout.task.blocker.is_some() || self.layout.task.blocked_on.is_some()
    }
}

impl<M: Memory> Locks for Kernel<M> {
    fn wanted(&self, pid: i32) -> anyhow::Result<Option<Lock>> {
        let task = self.task(pid)?;
        let lock = self.lock_of(task)?;
        ensure!(
            self.memory.i32(task + self.layout.task.pid)? == pid && self.lock_of(task)? == lock,
            "task {pid} went on while it was looked at"
        );
        Ok(lock)
    }

    fn holder(&self, lock: &Lock) -> anyhow::Result<Holder> {
        let layout = &self.layout;
        let (offset, flags) = match lock.lock_type {
            LockType::Mutex => (layout.mutex_owner, MUTEX_FLAGS),
            LockType::Semaphore => (layout.semaphore_holder, 0),
            LockType::RwsemToRead | LockType::RwsemToWrite | LockType::Rwsem => {
                (layout.rwsem_owner, RWSEM_FLAGS)
            }
            LockType::RtMutex => (layout.rt_mutex_owner, RT_MUTEX_FLAGS),
        };
        let offset = offset.with_context(|| {
            format!(
                "this kernel does not note who holds a {}",
                lock.lock_type.words()
            )
        })?;
        let owner = self.memory.u64(lock.address.wrapping_add(offset))?;
        let is_rwsem = matches!(
            lock.lock_type,
            LockType::RwsemToRead | LockType::RwsemToWrite | LockType::Rwsem
        );
        let holding = match lock.lock_type {
            LockType::Semaphore => Holding::LastTaker,
            _ if is_rwsem && owner & RWSEM_READERS != 0 => Holding::Reader,
            _ => Holding::Owner,
        };
        match owner & !flags {
            0 => Ok(Holder::Nobody),
            task => Ok(Holder::Task {
                pid: self.pid_of(task)?,
                holding,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
