// SPDX-License-Identifier: GPL-2.0

//! Which source files functions of the kernel itself are of, if its debug symbols are there: they are
//! looked for ([`find`]), checked to be of the kernel that runs, and read only as far as it takes
//! ([`dwarf`]). Those of modules have no addresses until they are loaded, and are not read.

mod dwarf;
mod find;

use super::system::System;
use anyhow::{bail, ensure, Context};
use dwarf::Dwarf;
pub use dwarf::Line;
use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;

/// The debug symbols of the running kernel.
pub struct Sources {
    dwarf: Dwarf,
    /// How much further the kernel is than it was linked for.
    slide: u64,
}

impl Sources {
    /// Finds them. `text` is where the kernel's text begins.
    ///
    /// # Errors
    ///
    /// Fails where there are none, and says which package has them; or where they are not of this kernel.
    pub fn find(system: &System, text: u64) -> anyhow::Result<Self> {
        ensure!(
            text != 0,
            "which source files functions are of is told by their addresses, which the kernel hides"
        );
        let places = find::places(system)?;
        let running = find::build_id(system);
        let mut last = None;
        for place in &places {
            let file = match File::open(place) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                opened => opened.with_context(|| place.display().to_string())?,
            };
            let opened = Dwarf::open(file).with_context(|| place.display().to_string());
            let checked = opened.and_then(|dwarf| {
                let id = dwarf.as_ref().map(|dwarf| dwarf.build_id.as_deref());
                id.map_or(Ok(()), |id| find::check(place, id, running.as_deref()))?;
                Ok(dwarf)
            });
            match checked {
                Ok(Some(dwarf)) => {
                    let slide = text.wrapping_sub(dwarf.text);
                    return Ok(Sources { dwarf, slide });
                }
                // That of /lib/modules/<release>/build has none.
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(error),
            None => bail!(find::missing()),
        }
    }

    /// The addresses of what was compiled from a file that fits: of its path, or the end of it.
    pub fn ranges(&self, fits: impl Fn(&str) -> bool) -> anyhow::Result<Vec<Range<u64>>> {
        let ends = |path: &str| {
            let after = path.match_indices('/').map(|(at, _)| &path[at + 1..]);
            after.chain([path]).any(&fits)
        };
        let mut ranges = self.dwarf.ranges(ends)?;
        for range in &mut ranges {
            range.start = range.start.wrapping_add(self.slide);
            range.end = range.end.wrapping_add(self.slide);
        }
        Ok(ranges)
    }

    /// The lines at which functions begin, by their addresses.
    pub fn lines(&self, addresses: &[u64]) -> anyhow::Result<HashMap<u64, Line>> {
        let linked: Vec<_> = addresses
            .iter()
            .map(|address| address.wrapping_sub(self.slide))
            .collect();
        let lines = self.dwarf.lines(&linked)?;
        let slid = lines
            .into_iter()
            .map(|(address, line)| (address.wrapping_add(self.slide), line));
        Ok(slid.collect())
    }
}

#[cfg(test)]
mod tests;
