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
use std::ops::Range;
use std::path::{Path, PathBuf};

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
        Self::find_or_take(system, text, find::named())
    }

    /// The same, or takes those in a file that is named.
    fn find_or_take(system: &System, text: u64, named: Option<PathBuf>) -> anyhow::Result<Self> {
        ensure!(
            text != 0,
            "which source files functions are of is told by their addresses, which the kernel hides"
        );
        let running = find::build_id(system);
        let of_text = |dwarf: Dwarf| Sources {
            slide: text.wrapping_sub(dwarf.text),
            dwarf,
        };
        if let Some(named) = named {
            let found = open(&named, running.as_deref())?;
            let found = found.with_context(|| format!("{}: no debug symbols", named.display()))?;
            return Ok(of_text(found));
        }
        let mut last = None;
        for place in find::places(system)?.iter().filter(|place| place.exists()) {
            match open(place, running.as_deref()) {
                Ok(Some(dwarf)) => return Ok(of_text(dwarf)),
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

/// Opens a file, and checks that its symbols are of the kernel that runs; none if it has no symbols.
fn open(place: &Path, running: Option<&str>) -> anyhow::Result<Option<Dwarf>> {
    let shown = || place.display().to_string();
    let file = File::open(place).with_context(shown)?;
    let Some(dwarf) = Dwarf::open(file).with_context(shown)? else {
        return Ok(None);
    };
    find::check(place, dwarf.build_id.as_deref(), running)?;
    Ok(Some(dwarf))
}

#[cfg(test)]
mod tests;
