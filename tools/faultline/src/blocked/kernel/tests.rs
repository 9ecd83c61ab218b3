// SPDX-License-Identifier: GPL-2.0

//! Tasks and locks in a kernel's memory that a test has made.

use super::*;
use crate::blocked::layout::TaskLayout;
use crate::blocked::waiter::WaiterLayout;
use anyhow::Context;
use std::collections::BTreeMap;

/// Memory of 8-byte words. What was not written cannot be read.
#[derive(Default)]
struct Made(BTreeMap<u64, u64>);

impl Memory for Made {
    fn read(&self, address: u64, buffer: &mut [u8]) -> anyhow::Result<()> {
        for (at, byte) in (address..).zip(buffer) {
            let word = self.0.get(&(at & !7)).context("no memory is there")?;
            *byte = word.to_le_bytes()[(at & 7) as usize];
        }
        Ok(())
    }
}

const NAMESPACE: u64 = 0x1000;
const ROOT: u64 = 0x2000;
const LEAVES: u64 = 0x3000;
const TASKS: u64 = 0x10_0000;
const CPUS: u64 = 0x8000;

fn layout() -> Layout {
    Layout {
        pids: 8,
        first_pid: 16,
        node_shift: 0,
        node_slots: 8,
        slots: 64,
        pid_tasks: 8,
        task: TaskLayout {
            pid_link: 16,
            pid: 0,
            comm: 8,
            blocker: Some(24),
            blocked_on: None,
            rt_waiter: Some(32),
            last_ran: Some(40),
        },
        mutex_owner: Some(0),
        rwsem_owner: Some(8),
        semaphore_holder: Some(16),
        rt_mutex_owner: Some(24),
        rt_waiter_lock: Some(8),
        waiter: None,
        clocks: Some((0, 8)),
    }
}

/// The address of a task that [`made`] makes.
fn at(pid: u64) -> u64 {
    TASKS + pid * 0x100
}

/// A kernel with these tasks, below 4096.
fn made(pids: &[u64]) -> Kernel<Made> {
    let mut words = BTreeMap::from([(NAMESPACE + 8, ROOT + 2), (NAMESPACE + 16, 0), (ROOT, 6)]);
    for slot in 0..64 {
        words.insert(ROOT + 8 + slot * 8, 0);
    }
    for &pid in pids {
        let leaf = LEAVES + (pid >> 6) * 0x1000;
        words.insert(ROOT + 8 + (pid >> 6) * 8, leaf + 2);
        words.insert(leaf, 0);
        for slot in 0..64 {
            words.entry(leaf + 8 + slot * 8).or_insert(0);
        }
        let (entry, task) = (at(pid) + 0x80, at(pid));
        words.insert(leaf + 8 + (pid & 63) * 8, entry);
        words.insert(entry + 8, task + 16);
        for offset in (0..48).step_by(8) {
            words.insert(task + offset, 0);
        }
        words.insert(task, pid);
    }
    let symbols = Symbols {
        init_pid_ns: NAMESPACE,
        runqueues: Some(0x100),
        per_cpu_offset: Some(CPUS),
    };
    Kernel::of(Made(words), layout(), symbols)
}

impl Kernel<Made> {
    fn put(&mut self, address: u64, word: u64) {
        self.memory.0.insert(address, word);
    }

    fn holder_of(&self, lock_type: LockType, address: u64) -> anyhow::Result<Holder> {
        self.holder(&Lock { lock_type, address })
    }
}

fn task(pid: i32, holding: Holding) -> Holder {
    Holder::Task { pid, holding }
}

#[test]
fn tasks_by_their_numbers() {
    let kernel = made(&[1, 63, 64, 900, 4095]);
    for pid in [1, 63, 64, 900, 4095] {
        assert_eq!(kernel.task(pid).unwrap(), at(pid as u64));
    }
    for pid in [0, 2, 65, 4096, 300_000, i32::MAX, -1] {
        assert!(kernel.task(pid).is_err(), "{pid}");
    }
    // A pid that has no task, and one whose task has another number by now.
    let mut ended = made(&[900]);
    ended.put(at(900) + 0x88, 0);
    assert!(ended.task(900).is_err());
    let mut reused = made(&[900]);
    reused.put(at(900), 901);
    assert!(reused.task(900).unwrap_err().to_string().contains("ended"));
}

#[test]
fn a_damaged_tree_ends() {
    for shift in [6, 7, 31, 255] {
        let mut circle = made(&[900]);
        // A leaf that is as high as the root, or higher, and leads to itself.
        let leaf = LEAVES + (900 >> 6) * 0x1000;
        circle.put(leaf, shift);
        circle.put(leaf + 8 + (900 >> 6) * 8, leaf + 2);
        assert!(circle.task(900).is_err(), "{shift}");
    }
    let mut wild = made(&[900]);
    wild.put(NAMESPACE + 8, 0xdead_0000_0002);
    assert!(wild.task(900).is_err());
    wild.put(NAMESPACE + 8, u64::MAX - 1);
    assert!(wild.task(900).is_err());
}

#[test]
fn locks_that_are_waited_for() {
    let mut kernel = made(&[900]);
    assert_eq!(kernel.wanted(900).unwrap(), None);
    let lock = 0xffff_8880_0000_1230;
    for (bits, lock_type) in [
        (0, LockType::Mutex),
        (1, LockType::Semaphore),
        (2, LockType::RwsemToRead),
        (3, LockType::RwsemToWrite),
    ] {
        kernel.put(at(900) + 24, lock | bits);
        let wanted = kernel.wanted(900).unwrap().unwrap();
        assert_eq!((wanted.lock_type, wanted.address), (lock_type, lock));
    }
    kernel.put(at(900) + 24, 0);
    kernel.put(at(900) + 32, 0x5000);
    assert!(kernel.wanted(900).is_err(), "no memory is there");
    kernel.put(0x5008, lock);
    let wanted = kernel.wanted(900).unwrap().unwrap();
    assert_eq!(
        (wanted.lock_type, wanted.address),
        (LockType::RtMutex, lock)
    );
    assert!(kernel.wanted(901).is_err());
}

#[test]
fn holders_of_locks() {
    let mut kernel = made(&[900, 901]);
    let lock = 0x6000;
    // All flags of a mutex and of an rw_semaphore.
    kernel.put(lock, at(901) | 7);
    kernel.put(lock + 8, at(900) | 2);
    kernel.put(lock + 16, at(901));
    kernel.put(lock + 24, at(900) | 1);
    let holder = |kernel: &Kernel<Made>, lock_type| kernel.holder_of(lock_type, lock).unwrap();
    assert_eq!(holder(&kernel, LockType::Mutex), task(901, Holding::Owner));
    assert_eq!(
        holder(&kernel, LockType::RwsemToRead),
        task(900, Holding::Owner)
    );
    assert_eq!(
        holder(&kernel, LockType::Semaphore),
        task(901, Holding::LastTaker)
    );
    assert_eq!(
        holder(&kernel, LockType::RtMutex),
        task(900, Holding::Owner)
    );
    kernel.put(lock + 8, at(900) | 3);
    assert_eq!(
        holder(&kernel, LockType::RwsemToWrite),
        task(900, Holding::Reader)
    );
    kernel.put(lock, 1);
    assert_eq!(holder(&kernel, LockType::Mutex), Holder::Nobody);
}

#[test]
fn a_holder_that_is_no_task() {
    let mut kernel = made(&[900]);
    let lock = 0x6000;
    // Where no memory is; what is no task; what was one.
    for owner in [0xdead_beef_0000, 0x6000, at(901), at(900) + 8, u64::MAX - 7] {
        kernel.put(lock, owner);
        let error = kernel.holder_of(LockType::Mutex, lock).unwrap_err();
        assert!(
            error.to_string().contains("no task"),
            "{owner:#x}: {error:#}"
        );
    }
    kernel.layout.semaphore_holder = None;
    let error = kernel.holder_of(LockType::Semaphore, lock).unwrap_err();
    assert!(error
        .to_string()
        .contains("does not note who holds a semaphore"));
}

#[test]
fn how_long_ago_a_task_ran() {
    let mut kernel = made(&[900]);
    // CPU 1 has spent 1 s in interrupts; CPU 0 has the later time.
    for (cpu, clock, task_clock) in [(0u64, 50, 50), (1, 48, 47)] {
        kernel.put(CPUS + cpu * 8, 0x9_0000 + cpu * 0x1000);
        kernel.put(0x9_0100 + cpu * 0x1000, clock * 1_000_000_000);
        kernel.put(0x9_0108 + cpu * 0x1000, task_clock * 1_000_000_000);
    }
    assert_eq!(kernel.last_ran(900, 1, &[0, 1]), None, "it never ran");
    kernel.put(at(900) + 40, 19_000_000_000);
    assert_eq!(kernel.last_ran(900, 1, &[0, 1]), Some(30.0));
    assert_eq!(kernel.last_ran(900, 0, &[0, 1]), Some(31.0));
    assert_eq!(kernel.last_ran(900, 7, &[0, 1]), None);
    kernel.symbols.per_cpu_offset = None;
    assert_eq!(kernel.last_ran(900, 1, &[0, 1]), None);
}

/// Task 900 waits for a lock of task 901, on a kernel that does not note it: its stack is at 0x20000, what
/// it has put into the lock's list at 0x23000, and the lock at 0x30008.
fn waiting(rwsem: bool) -> Kernel<Made> {
    let mut kernel = made(&[900, 901]);
    kernel.layout.task.blocker = None;
    kernel.layout.waiter = Some(WaiterLayout {
        stack: 32,
        stack_pointer: 40,
        links: 0,
        task: 16,
        mutex_owner: 0,
        mutex_list: 16,
        rwsem_count: 0,
        rwsem_owner: 8,
        rwsem_list: 24,
    });
    kernel.layout.task.rt_waiter = None;
    for at in (0..0x4000).step_by(8) {
        kernel.put(0x2_0000 + at, 0);
        kernel.put(0x3_0000 + at, 0);
    }
    kernel.put(at(900) + 32, 0x2_0000);
    kernel.put(at(900) + 40, 0x2_2f00);
    let list = 0x3_0008 + if rwsem { 24 } else { 16 };
    linked(&mut kernel, 0x2_3000, list);
    linked(&mut kernel, list, 0x2_3000);
    kernel.put(0x2_3010, at(900));
    match rwsem {
        true => {
            kernel.put(0x3_0008, 3);
            kernel.put(0x3_0010, at(901));
        }
        false => kernel.put(0x3_0008, at(901) | 1),
    }
    kernel
}

fn linked(kernel: &mut Kernel<Made>, one: u64, next: u64) {
    kernel.put(one, next);
    kernel.put(next + 8, one);
}

#[test]
fn a_lock_by_its_list_of_waiters() {
    for (rwsem, lock_type) in [(false, LockType::Mutex), (true, LockType::Rwsem)] {
        let kernel = waiting(rwsem);
        let lock = kernel.wanted(900).unwrap().unwrap();
        assert_eq!((lock.lock_type, lock.address), (lock_type, 0x3_0008));
        assert_eq!(kernel.holder(&lock).unwrap(), task(901, Holding::Owner));
    }
    // Another waits as well, and is first in the list.
    let mut two = waiting(false);
    linked(&mut two, 0x2_3000, 0x2_9000);
    linked(&mut two, 0x2_9000, 0x3_0018);
    two.put(0x2_9010, at(901));
    for at in (0..64).step_by(8) {
        two.memory.0.entry(0x2_9000 - at).or_insert(0);
    }
    assert!(two.wanted(900).unwrap().is_some());
}

#[test]
fn what_is_no_waiter_is_none() {
    let none = |change: &dyn Fn(&mut Kernel<Made>)| {
        let mut kernel = waiting(false);
        change(&mut kernel);
        assert_eq!(kernel.wanted(900).unwrap(), None);
    };
    // It has given up, and what it had put there is a leftover.
    none(&|kernel| kernel.put(0x2_3000, 0xdead_0000_0000_0100));
    none(&|kernel| kernel.put(0x3_0018, 0x3_0018));
    none(&|kernel| kernel.put(0x3_0020, 0x3_0018));
    // Below what is used of the stack; another task's.
    none(&|kernel| kernel.put(at(900) + 40, 0x2_3018));
    none(&|kernel| kernel.put(0x2_3010, at(901)));
    // A lock without an owner, without the flag, or of what is no task.
    none(&|kernel| kernel.put(0x3_0008, 1));
    none(&|kernel| kernel.put(0x3_0008, at(901)));
    none(&|kernel| kernel.put(0x3_0008, at(902) | 1));
    // It may be an rw_semaphore that is held for reading.
    none(&|kernel| kernel.put(0x3_0000, 0x102));
    // No stack at all.
    none(&|kernel| kernel.put(at(900) + 40, u64::MAX));
    none(&|kernel| kernel.put(at(900) + 40, 0));
    none(&|kernel| kernel.put(at(900) + 32, u64::MAX - 7));
    none(&|kernel| kernel.layout.waiter = None);
    let mut reader = waiting(true);
    reader.put(0x3_0010, at(901) | 1);
    assert_eq!(reader.wanted(900).unwrap(), None);
}
