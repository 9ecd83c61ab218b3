// SPDX-License-Identifier: GPL-2.0

//! Who waits for whom: from a task to the lock that it waits for, to who holds that, and on from there.

use super::kernel::{Holder, Holding, Lock, Locks};
use serde::Serialize;

/// As many locks are followed.
const LONGEST: usize = 32;

/// A task waits for a lock, and who has that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub waiter: i32,
    pub lock: Lock,
    /// None where nobody has it, or that could not be told.
    pub holder: Option<(i32, Holding)>,
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// The last one waits for no lock.
    NoLock { pid: i32 },
    /// The last one waits for a lock of one in the chain: none of them goes on.
    Deadlock { pid: i32 },
    /// Nobody has the last lock: it was just given back.
    Free,
    /// What comes next could not be told.
    Unknown { why: String },
}

/// The locks between a task and what keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub links: Vec<Link>,
    pub end: End,
}

/// Follows it from a task.
pub fn follow(locks: &impl Locks, first: i32) -> Chain {
    let mut links: Vec<Link> = Vec::new();
    let mut waiter = first;
    let end = loop {
        let lock = match locks.wanted(waiter) {
            Ok(Some(lock)) => lock,
            Ok(None) => break End::NoLock { pid: waiter },
            Err(error) => {
                break End::Unknown {
                    why: format!("{error:#}"),
                }
            }
        };
        let holder = locks.holder(&lock);
        links.push(Link {
            waiter,
            lock,
            holder: match holder {
                Ok(Holder::Task { pid, holding }) => Some((pid, holding)),
                _ => None,
            },
        });
        match holder {
            Ok(Holder::Task { pid, holding }) => {
                // One of several who read, or who was the last to take it, need not be who is waited for.
                let is_certain = links
                    .iter()
                    .skip_while(|link| link.waiter != pid)
                    .all(|link| matches!(link.holder, Some((_, Holding::Owner))));
                match links.iter().any(|link| link.waiter == pid) {
                    true if is_certain => break End::Deadlock { pid },
                    true => {
                        let why = match holding {
                            Holding::LastTaker => "a semaphore's last taker need not have it still",
                            _ => "a reader need not be the only one",
                        };
                        break End::Unknown {
                            why: format!("it looks like a deadlock with {pid}, but {why}"),
                        };
                    }
                    false => waiter = pid,
                }
            }
            Ok(Holder::Nobody) => break End::Free,
            Err(error) => {
                break End::Unknown {
                    why: format!("{error:#}"),
                }
            }
        }
        if links.len() >= LONGEST {
            break End::Unknown {
                why: format!("more than {LONGEST} locks"),
            };
        }
    };
    Chain { links, end }
}

#[cfg(test)]
mod tests {
    use super::super::kernel::LockType;
    use super::*;
    use anyhow::{bail, Context};
    use std::collections::BTreeMap;

    /// Who wants which lock, and who has which.
    #[derive(Default)]
    struct Table {
        wanted: BTreeMap<i32, u64>,
        held: BTreeMap<u64, (i32, Holding)>,
        broken: Vec<i32>,
    }

    impl Locks for Table {
        fn wanted(&self, pid: i32) -> anyhow::Result<Option<Lock>> {
            if self.broken.contains(&pid) {
                bail!("task {pid} went on while it was looked at");
            }
            Ok(self.wanted.get(&pid).map(|&address| Lock {
                lock_type: LockType::Mutex,
                address,
            }))
        }

        fn holder(&self, lock: &Lock) -> anyhow::Result<Holder> {
            match self.held.get(&lock.address) {
                Some((0, _)) => Ok(Holder::Nobody),
                held => held
                    .map(|&(pid, holding)| Holder::Task { pid, holding })
                    .context("the holder is no task"),
            }
        }
    }

    fn table(wanted: &[(i32, u64)], held: &[(u64, i32)]) -> Table {
        Table {
            wanted: wanted.iter().copied().collect(),
            held: held
                .iter()
                .map(|&(lock, pid)| (lock, (pid, Holding::Owner)))
                .collect(),
            broken: Vec::new(),
        }
    }

    fn waiters(chain: &Chain) -> Vec<i32> {
        chain.links.iter().map(|link| link.waiter).collect()
    }

    #[test]
    fn a_chain_to_one_that_waits_for_no_lock() {
        let table = table(&[(1, 100), (2, 200)], &[(100, 2), (200, 3)]);
        let chain = follow(&table, 1);
        assert_eq!(waiters(&chain), [1, 2]);
        assert_eq!(chain.end, End::NoLock { pid: 3 });
        assert_eq!(follow(&table, 3).links, []);
    }

    #[test]
    fn deadlocks() {
        // Two that have what the other wants, and one that waits for them.
        let two = table(&[(1, 100), (2, 200), (3, 100)], &[(100, 2), (200, 1)]);
        let chain = follow(&two, 1);
        assert_eq!(
            (waiters(&chain), chain.end),
            (vec![1, 2], End::Deadlock { pid: 1 })
        );
        let chain = follow(&two, 3);
        assert_eq!(waiters(&chain), [3, 2, 1]);
        assert_eq!(chain.end, End::Deadlock { pid: 2 });
        // One that wants what it has.
        let own = table(&[(1, 100)], &[(100, 1)]);
        assert_eq!(follow(&own, 1).end, End::Deadlock { pid: 1 });
    }

    #[test]
    fn what_is_not_certain_is_no_deadlock() {
        for holding in [Holding::Reader, Holding::LastTaker] {
            let mut two = table(&[(1, 100), (2, 200)], &[(100, 2), (200, 1)]);
            two.held.insert(100, (2, holding));
            let chain = follow(&two, 1);
            assert!(
                matches!(&chain.end, End::Unknown { why } if why.contains("deadlock with 1, but")),
                "{chain:?}"
            );
        }
        // What is before the circle takes nothing from it.
        let mut three = table(
            &[(1, 100), (2, 200), (3, 300)],
            &[(100, 2), (200, 3), (300, 2)],
        );
        three.held.insert(100, (2, Holding::Reader));
        assert_eq!(follow(&three, 1).end, End::Deadlock { pid: 2 });
    }

    #[test]
    fn what_cannot_be_told() {
        let free = table(&[(1, 100)], &[(100, 0)]);
        assert_eq!(follow(&free, 1).end, End::Free);
        let odd = table(&[(1, 100)], &[]);
        let chain = follow(&odd, 1);
        assert_eq!(chain.links[0].holder, None);
        assert!(matches!(chain.end, End::Unknown { why } if why == "the holder is no task"));
        let mut moving = table(&[(1, 100)], &[(100, 2)]);
        moving.broken.push(2);
        assert!(matches!(follow(&moving, 1).end, End::Unknown { why } if why.contains("went on")));
        let long: Vec<_> = (1..=100).map(|pid| (pid, pid as u64 * 8)).collect();
        let held: Vec<_> = (1..=100).map(|pid| (pid as u64 * 8, pid + 1)).collect();
        let chain = follow(&table(&long, &held), 1);
        assert_eq!(chain.links.len(), LONGEST);
        assert!(matches!(chain.end, End::Unknown { why } if why.contains("32 locks")));
    }
}
