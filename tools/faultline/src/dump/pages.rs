// SPDX-License-Identifier: GPL-2.0

//! The check of a kdump-compressed dump's pages: it checks each descriptor, and decompresses each
//! page, on all CPUs with a few MiB of memory on each.
//!
//! The writers of such dumps write the pages one after the other, in the order of their
//! descriptors; pages of zeroes share the first page if the dump level says so. So any other page
//! that does not begin at the end of the previous page is damaged.

use super::codec::Codec;
use super::descriptor::{Descriptor, DESCRIPTOR_BYTES};
use super::parts::Part;
use super::{source, Fault, Watch};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::Mutex;
use std::time::Duration;

/// Number of pages that are checked together.
const CHUNK: u64 = 512;
/// The interval of progress reports.
const TOLD_EACH: Duration = Duration::from_millis(100);
/// Every algorithm compresses a page with this many equal bytes in a row.
const LONGEST_RUN: usize = 1024;

/// The results of some pages.
#[derive(Default)]
struct Found {
    /// The number of pages beyond the end of the file.
    absent: u64,
    /// The number of other damaged pages, and the number and damage of the first.
    damaged: u64,
    first: Option<(u64, &'static str)>,
    /// The numbers of compressed pages, and of pages that could be compressed but are not.
    compressed: u64,
    loose: u64,
    first_loose: Option<u64>,
}

impl Found {
    fn bad(&mut self, page: u64, what: &'static str) {
        self.damaged += 1;
        if self.first.is_none_or(|(first, _)| page < first) {
            self.first = Some((page, what));
        }
    }

    fn add(&mut self, other: Found) {
        self.absent += other.absent;
        self.damaged += other.damaged;
        self.compressed += other.compressed;
        self.loose += other.loose;
        let first = [self.first, other.first];
        self.first = first.into_iter().flatten().min_by_key(|(page, _)| *page);
        let loose = [self.first_loose, other.first_loose];
        self.first_loose = loose.into_iter().flatten().min();
    }
}

/// Checks all pages of a file, and returns their number.
pub fn check(part: &Part, watch: &Watch<'_>) -> Result<(), Fault> {
    let chunks = part.pages.div_ceil(CHUNK);
    let next = AtomicU64::new(0);
    let done = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let all = Mutex::new((Found::default(), vec![None; chunks as usize]));
    let work = || -> Result<(), Fault> {
        let mut codec = Codec::new(part.header.block_size as usize);
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks || failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            watch.go_on()?;
            let (found, ends) = check_chunk(part, &mut codec, chunk)?;
            done.fetch_add(1, Ordering::Relaxed);
            if let Ok(mut all) = all.lock() {
                all.0.add(found);
                all.1[chunk as usize] = ends;
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get());
    let results: Vec<_> = std::thread::scope(|scope| {
        let (ended, wait) = mpsc::channel::<()>();
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                let ended = ended.clone();
                let work = &work;
                let failed = &failed;
                scope.spawn(move || {
                    let result = work();
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    drop(ended);
                    result
                })
            })
            .collect();
        drop(ended);
        while wait.recv_timeout(TOLD_EACH) == Err(RecvTimeoutError::Timeout) {
            let done = done.load(Ordering::Relaxed);
            watch.tell("checking the pages of the dump", done, chunks);
        }
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    for result in results {
        result
            .unwrap_or_else(|_| Err(Fault::GivenUp("a thread that checked pages failed".into())))?;
    }
    let (mut found, ends) = all.into_inner().unwrap_or_default();
    stitch(part, &ends, &mut found);
    zeroes(part, &mut found)?;
    verdict(part, &found)
}

/// The place of the first unshared page, its number, and the end of the last one.
type Ends = Option<(u64, u64, u64)>;

/// Checks some pages.
fn check_chunk(part: &Part, codec: &mut Codec, chunk: u64) -> Result<(Found, Ends), Fault> {
    let first = chunk * CHUNK;
    let count = CHUNK.min(part.pages - first);
    let at = part.descriptors_at + first * DESCRIPTOR_BYTES;
    let table = source::read_vec(part.bytes.as_ref(), at, count * DESCRIPTOR_BYTES)
        .map_err(Fault::reading("the descriptors of its pages"))?;
    let mut found = Found::default();
    let mut ends: Ends = None;
    let shared = part.header.shares_zeroes().then_some(part.data_at);
    // The pages whose data can be checked.
    let mut sound = Vec::with_capacity(count as usize);
    for (index, bytes) in (first..).zip(table.chunks_exact(DESCRIPTOR_BYTES as usize)) {
        let page = Descriptor::read(bytes);
        if Some(page.offset) == shared {
            if page.size != part.header.block_size || page.flags != 0 {
                found.bad(index, "is at the page of zeroes, and is none");
            }
            continue;
        }
        if let Some(what) = page.wrong(&part.header) {
            found.bad(index, what);
            // This one does not tell where the next one begins.
            ends = ends.map(|(start, number, _)| (start, number, u64::MAX));
            continue;
        }
        if page.end() > part.bytes.size() {
            found.absent += 1;
        } else if ends.is_some_and(|(_, _, end)| end != page.offset && end != u64::MAX) {
            found.bad(index, "does not follow the page before it");
        } else {
            sound.push((index, page));
        }
        let (start, number, _) = ends.unwrap_or((page.offset, index, 0));
        ends = Some((start, number, page.end()));
    }
    // Adjacent pages are read together.
    let mut left = &sound[..];
    while let [(_, head), ..] = left {
        let together = left
            .windows(2)
            .take_while(|pair| pair[0].1.end() == pair[1].1.offset)
            .count()
            + 1;
        let (now, later) = left.split_at(together);
        let end = now.last().map_or(head.offset, |(_, page)| page.end());
        match source::read_vec(part.bytes.as_ref(), head.offset, end - head.offset) {
            Ok(data) => {
                for (index, page) in now {
                    let at = (page.offset - head.offset) as usize;
                    check_page(
                        codec,
                        *index,
                        page,
                        &data[at..at + page.size as usize],
                        &mut found,
                    );
                }
            }
            // A flattened dump has holes.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                found.absent += now.len() as u64;
            }
            Err(error) => return Err(Fault::reading("its pages")(error)),
        }
        left = later;
    }
    Ok((found, ends))
}

fn check_page(codec: &mut Codec, index: u64, page: &Descriptor, data: &[u8], found: &mut Found) {
    if page.flags != 0 {
        found.compressed += 1;
        if let Err(what) = codec.page(page.flags, data) {
            found.bad(index, what);
        }
    } else if has_run(data) {
        found.loose += 1;
        found.first_loose = [found.first_loose, Some(index)].into_iter().flatten().min();
    }
}

/// Returns whether a page has so many equal bytes in a row that every algorithm compresses it.
fn has_run(data: &[u8]) -> bool {
    // Such a run covers one of the tested places, and half of its length on one side of it.
    let step = LONGEST_RUN / 2;
    (0..data.len()).step_by(step).any(|at| {
        let same = |byte: &&u8| **byte == data[at];
        let after = data[at..].iter().take_while(same).count();
        let before = data[..at].iter().rev().take_while(same).count();
        before + after >= LONGEST_RUN
    })
}

/// Checks the places between the chunks.
fn stitch(part: &Part, ends: &[Ends], found: &mut Found) {
    let block = u64::from(part.header.block_size);
    let shared = if part.header.shares_zeroes() {
        block
    } else {
        0
    };
    let mut next = part.data_at + shared;
    for (start, number, end) in ends.iter().flatten() {
        if *start != next && next != u64::MAX {
            found.bad(*number, "does not follow the page before it");
        }
        next = *end;
    }
}

/// Checks that the shared page has only zeroes.
fn zeroes(part: &Part, found: &mut Found) -> Result<(), Fault> {
    if !part.header.shares_zeroes() {
        return Ok(());
    }
    let mut page = vec![0; part.header.block_size as usize];
    match part.bytes.read_at(&mut page, part.data_at) {
        Ok(()) if page.iter().any(|byte| *byte != 0) => {
            found.bad(0, "is the page of zeroes, and has others")
        }
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => found.absent += 1,
        Err(error) => return Err(Fault::reading("its pages")(error)),
    }
    Ok(())
}

/// Sums up the results.
fn verdict(part: &Part, found: &Found) -> Result<(), Fault> {
    let pages = part.pages;
    let frame = |index: u64| part.frame_of(index).unwrap_or_default();
    if found.absent > 0 {
        return Err(Fault::Incomplete(format!(
            "{} of its {pages} pages are not in the file",
            found.absent
        )));
    }
    if let Some((first, what)) = found.first {
        return Err(Fault::Incomplete(format!(
            "{} of its {pages} pages are damaged; the first, page frame {:#x}, {what}",
            found.damaged,
            frame(first)
        )));
    }
    // A writer without the algorithm compresses no page.
    if let (Some(first), true) = (found.first_loose, found.compressed > 0) {
        return Err(Fault::Incomplete(format!(
            "{} of its {pages} pages are damaged; the first, page frame {:#x}, is not compressed and \
             has a run of equal bytes, which was not so when it was written",
            found.loose,
            frame(first)
        )));
    }
    Ok(())
}
