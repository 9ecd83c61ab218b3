// SPDX-License-Identifier: GPL-2.0

//! The files of a kdump-compressed dump, one file or the parts of a split dump: their bitmaps and
//! pages.

use super::bitmap::Bitmap;
use super::codec::Codec;
use super::descriptor::{Descriptor, DESCRIPTOR_BYTES};
use super::diskdump::Header;
use super::fault::Fault;
use super::memory::Physical;
use super::source::{self, Bytes};
use std::ops::Range;
use std::sync::Arc;

/// A file of a dump: the whole dump, or a part of a split one.
pub struct Part {
    pub bytes: Arc<dyn Bytes>,
    pub header: Header,
    /// The page frames in the dump, with those of the other parts.
    pub dumped: Bitmap,
    /// The page frames in this file.
    pub frames: Range<u64>,
    pub pages: u64,
    pub descriptors_at: u64,
    /// The begin of the data of the pages.
    pub data_at: u64,
}

impl Part {
    /// Reads a file's headers and bitmaps.
    pub fn read(bytes: Arc<dyn Bytes>, header: Header) -> Result<Self, Fault> {
        let incomplete = |missing: String| Err(Fault::Incomplete(missing));
        let block = u64::from(header.block_size);
        let length = header.bitmap_blocks * block / 2;
        let at = (1 + header.sub_header_blocks) * block;
        let bitmap = |at| {
            let read = source::read_vec(bytes.as_ref(), at, length);
            read.map(Bitmap::new).map_err(Fault::reading("its bitmaps"))
        };
        let memory = bitmap(at)?;
        let dumped = bitmap(at + length)?;
        let beyond = |bitmap: &Bitmap| bitmap.ones() - bitmap.rank(header.max_page_frames);
        let strangers = dumped.beyond(&memory) + beyond(&memory).max(beyond(&dumped));
        if strangers > 0 {
            return incomplete(format!(
                "its bitmaps are damaged: {strangers} page frames that are no memory are in the dump"
            ));
        }
        if header.dump_level == 0 && memory != dumped {
            return incomplete(
                "its bitmaps are damaged: they differ, and nothing was left out".into(),
            );
        }
        let frames = header.split.clone().unwrap_or(0..header.max_page_frames);
        let pages = dumped.rank(frames.end) - dumped.rank(frames.start);
        if header.marked_incomplete {
            return incomplete("makedumpfile marked it as incomplete".into());
        }
        if dumped.ones() == 0 {
            return incomplete("it has no pages at all".into());
        }
        let descriptors_at = at + 2 * length;
        let part = Part {
            data_at: data_at(
                bytes.as_ref(),
                &header,
                descriptors_at,
                pages,
                dumped.ones(),
            )?,
            descriptors_at,
            bytes,
            header,
            dumped,
            frames,
            pages,
        };
        if part.data_at > part.bytes.size() {
            return incomplete(format!(
                "the file ends within the descriptors of its {pages} pages"
            ));
        }
        Ok(part)
    }

    /// Returns the place of a page frame's descriptor, if its page is in this file.
    pub fn descriptor_of(&self, frame: u64) -> Option<u64> {
        let ours = self.frames.contains(&frame) && self.dumped.has(frame);
        let index = || self.dumped.rank(frame) - self.dumped.rank(self.frames.start);
        ours.then(|| self.descriptors_at + index() * DESCRIPTOR_BYTES)
    }

    /// Returns the page frame of a descriptor, by its number in this file.
    pub fn frame_of(&self, index: u64) -> Option<u64> {
        self.dumped
            .select(self.dumped.rank(self.frames.start) + index)
    }
}

/// Returns the begin of the data of a file's pages. A part of a split dump may have space for the
/// descriptors of all `dumped` pages, or only for its own: its first descriptor decides.
fn data_at(
    bytes: &dyn Bytes,
    header: &Header,
    descriptors_at: u64,
    pages: u64,
    dumped: u64,
) -> Result<u64, Fault> {
    let behind = |pages: u64| descriptors_at + pages * DESCRIPTOR_BYTES;
    let roomy = match (&header.split, pages) {
        (None, _) => false,
        (Some(_), 0) => behind(dumped) <= bytes.size(),
        (Some(_), _) => {
            let first = source::read_vec(bytes, descriptors_at, DESCRIPTOR_BYTES);
            let first = first.map_err(Fault::reading("the descriptors of its pages"))?;
            Descriptor::read(&first).offset >= behind(dumped)
        }
    };
    Ok(behind(if roomy { dumped } else { pages }))
}

/// Sorts the parts of a dump, and fails unless all of them are given.
pub fn join(mut parts: Vec<Part>) -> Result<Vec<Part>, Fault> {
    parts.sort_by_key(|part| part.frames.start);
    let first = &parts[0];
    if parts.iter().any(|part| part.header.split.is_none()) {
        return match parts.len() {
            1 => Ok(parts),
            _ => Err(Fault::Unreadable(
                "is several dumps, not the parts of a split one".into(),
            )),
        };
    }
    let other = parts
        .iter()
        .find(|part| !part.header.same_dump(&first.header) || part.dumped != first.dumped);
    if other.is_some() {
        return Err(Fault::Unreadable(
            "is made of parts of different dumps".into(),
        ));
    }
    let mut next = 0;
    for part in &parts {
        let frames = &part.frames;
        if frames.start < next {
            let why = "is made of parts that overlap: is one of them given twice?";
            return Err(Fault::Unreadable(why.into()));
        }
        missing(first, next..frames.start, &parts)?;
        next = frames.end;
    }
    missing(first, next..first.header.max_page_frames, &parts)?;
    Ok(parts)
}

/// Fails if the dump has pages in `frames`, which none of its parts covers.
fn missing(first: &Part, frames: Range<u64>, parts: &[Part]) -> Result<(), Fault> {
    if first.dumped.rank(frames.end) <= first.dumped.rank(frames.start) {
        return Ok(());
    }
    let given: Vec<_> = parts
        .iter()
        .filter(|part| !part.frames.is_empty())
        .map(|part| format!("{:#x} to {:#x}", part.frames.start, part.frames.end - 1))
        .collect();
    Err(Fault::Incomplete(format!(
        "it is a split dump, and of its parts only those of the page frames {} are given, of {:#x} \
         in all: name all of its parts",
        given.join(", "),
        first.header.max_page_frames
    )))
}

/// All parts of a dump, in their order.
pub struct Parts(pub Vec<Part>);

impl Parts {
    /// The header of the first part: those of all parts agree.
    pub fn header(&self) -> &Header {
        &self.0[0].header
    }
}

impl Physical for Parts {
    fn page_size(&self) -> u64 {
        self.header().block_size.into()
    }

    fn page(&self, frame: u64) -> Result<Option<Vec<u8>>, Fault> {
        let Some((part, at)) = self
            .0
            .iter()
            .find_map(|part| Some((part, part.descriptor_of(frame)?)))
        else {
            return Ok(None);
        };
        let bytes = part.bytes.as_ref();
        let read =
            |at, length| source::read_vec(bytes, at, length).map_err(Fault::reading("its pages"));
        let descriptor = Descriptor::read(&read(at, DESCRIPTOR_BYTES)?);
        let damaged = |what| Fault::Incomplete(format!("page frame {frame:#x} {what}"));
        if let Some(what) = descriptor.wrong(&part.header) {
            return Err(damaged(what));
        }
        let data = read(descriptor.offset, descriptor.size.into())?;
        let mut codec = Codec::new(part.header.block_size as usize);
        let page = codec.page(descriptor.flags, &data).map_err(damaged)?;
        Ok(Some(page.to_vec()))
    }

    fn next(&self, frame: u64) -> Option<u64> {
        self.0[0].dumped.next(frame)
    }

    fn bytes(&self) -> u64 {
        self.0[0].dumped.ones() * self.page_size()
    }
}
