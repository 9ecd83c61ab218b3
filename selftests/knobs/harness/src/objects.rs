// SPDX-License-Identifier: GPL-2.0

//! How many objects of each kind that a module can leak are in use, exactly: caches are
//! emptied and shrunk before they are counted. (Free memory as a whole shrinks by some
//! 50 KiB a round with any module, also with stock ones.)

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// After so long, what was to be freed after a grace period is.
const GRACE: Duration = Duration::from_secs(20);

/// Objects in use, by kind.
pub struct Objects(BTreeMap<String, u64>);

impl Objects {
    /// Counts them.
    pub fn count() -> anyhow::Result<Self> {
        // The 4 keeps it out of the log.
        fs::write("/proc/sys/vm/drop_caches", "4")?;
        fs::write("/proc/sys/vm/drop_caches", "3")?;
        for cache in fs::read_dir("/sys/kernel/slab")? {
            fs::write(cache?.path().join("shrink"), "1")?;
        }
        let mut objects = BTreeMap::new();
        for line in fs::read_to_string("/proc/slabinfo")?.lines().skip(2) {
            let mut words = line.split_whitespace();
            let (Some(name), Some(active)) = (words.next(), words.next()) else {
                continue;
            };
            // The kernel has several caches of each size, and takes any.
            let kind = match name.rsplit_once('-') {
                Some((family, size)) if family.starts_with("kmalloc") => format!("kmalloc-{size}"),
                _ if name.starts_with("kernfs_node") || name == "filp" => name.to_owned(),
                _ => continue,
            };
            *objects.entry(kind).or_default() += active.parse::<u64>()?;
        }
        let areas = fs::read_to_string("/proc/vmallocinfo")?.lines().count();
        objects.insert("vmalloc area".to_owned(), areas as u64);
        Ok(Self(objects))
    }

    /// What there is now of which there was less, by at least `least`.
    fn grown(&self, least: u64) -> anyhow::Result<Vec<String>> {
        let now = Self::count()?;
        let grown = now.0.iter().filter_map(|(kind, &now)| {
            let before = self.0.get(kind).copied().unwrap_or(0);
            (now >= before + least).then(|| format!("{kind}: {before} -> {now}"))
        });
        Ok(grown.collect())
    }

    /// As [`Objects::grown`], when all that is to be freed is: what is freed after a grace
    /// period gets some seconds.
    pub fn leaked(&self, least: u64) -> anyhow::Result<Vec<String>> {
        let begin = Instant::now();
        loop {
            let grown = self.grown(least)?;
            if grown.is_empty() || begin.elapsed() > GRACE {
                return Ok(grown);
            }
            std::thread::sleep(Duration::from_secs(2));
        }
    }
}
