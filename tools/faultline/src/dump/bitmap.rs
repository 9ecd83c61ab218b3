// SPDX-License-Identifier: GPL-2.0

//! A bitmap of page frames, with an index of the number of bits before each place.

/// Number of bits per entry of the index.
const GROUP_BYTES: usize = 512;

/// The page frames that a dump has, or that a machine has.
pub struct Bitmap {
    bytes: Vec<u8>,
    /// The bits before each group.
    before: Vec<u64>,
    ones: u64,
}

impl Bitmap {
    /// Makes a bitmap of these bytes, lowest bit first.
    pub fn new(bytes: Vec<u8>) -> Self {
        let mut ones = 0;
        let before = bytes.chunks(GROUP_BYTES).map(|group| {
            let before = ones;
            ones += count(group);
            before
        });
        let before = before.collect();
        Bitmap {
            bytes,
            before,
            ones,
        }
    }

    /// Returns the number of page frames in it.
    pub fn ones(&self) -> u64 {
        self.ones
    }

    /// Returns whether it has the page frame.
    pub fn has(&self, frame: u64) -> bool {
        let byte = usize::try_from(frame / 8)
            .ok()
            .and_then(|at| self.bytes.get(at));
        byte.is_some_and(|byte| (byte >> (frame % 8)) & 1 == 1)
    }

    /// Returns the number of page frames before `frame`.
    pub fn rank(&self, frame: u64) -> u64 {
        let Some(byte) = usize::try_from(frame / 8)
            .ok()
            .filter(|at| *at < self.bytes.len())
        else {
            return self.ones;
        };
        let group = byte / GROUP_BYTES;
        let partly = self.bytes[byte] & ((1u16 << (frame % 8)) - 1) as u8;
        self.before[group]
            + count(&self.bytes[group * GROUP_BYTES..byte])
            + u64::from(partly.count_ones())
    }

    /// Returns the page frame with `rank` others before it.
    pub fn select(&self, rank: u64) -> Option<u64> {
        let group = self
            .before
            .partition_point(|before| *before <= rank)
            .checked_sub(1)?;
        let mut left = rank - self.before[group];
        for (at, byte) in self.bytes.iter().enumerate().skip(group * GROUP_BYTES) {
            for bit in (0..8).filter(|bit| (byte >> bit) & 1 == 1) {
                match left {
                    0 => return Some(at as u64 * 8 + bit),
                    _ => left -= 1,
                }
            }
        }
        None
    }

    /// Returns its first page frame from `frame` on.
    pub fn next(&self, frame: u64) -> Option<u64> {
        self.select(self.rank(frame))
    }

    /// Returns the number of page frames that it has and `other` has not.
    pub fn beyond(&self, other: &Self) -> u64 {
        let others = other.bytes.iter().chain(std::iter::repeat(&0));
        self.bytes
            .iter()
            .zip(others)
            .map(|(ours, theirs)| u64::from((ours & !theirs).count_ones()))
            .sum()
    }
}

impl PartialEq for Bitmap {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

fn count(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(byte.count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_places() {
        let mut bytes = vec![0; 2000];
        let frames = [0, 3, 8, 4095, 4096, 4097, 12_000, 15_999];
        for frame in frames {
            bytes[frame / 8] |= 1 << (frame % 8);
        }
        let bitmap = Bitmap::new(bytes);
        assert_eq!(bitmap.ones(), frames.len() as u64);
        for (rank, frame) in frames.into_iter().enumerate() {
            let (rank, frame) = (rank as u64, frame as u64);
            assert!(bitmap.has(frame) && bitmap.rank(frame) == rank);
            assert_eq!(bitmap.select(rank), Some(frame));
            assert_eq!(bitmap.rank(frame + 1), rank + 1);
        }
        assert_eq!(bitmap.select(frames.len() as u64), None);
        assert_eq!((bitmap.next(9), bitmap.next(16_000)), (Some(4095), None));
        assert!(!bitmap.has(1) && !bitmap.has(1 << 40));
        assert_eq!(bitmap.rank(1 << 40), frames.len() as u64);
    }

    #[test]
    fn what_another_has_not() {
        let (ours, theirs) = (Bitmap::new(vec![0b101, 1]), Bitmap::new(vec![0b100]));
        assert_eq!((ours.beyond(&theirs), theirs.beyond(&ours)), (2, 0));
    }
}
