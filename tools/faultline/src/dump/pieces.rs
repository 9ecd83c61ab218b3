// SPDX-License-Identifier: GPL-2.0

//! An index of pieces: the offset and the position of each. If two overlap, the later one counts.

use std::collections::BTreeMap;

#[derive(Clone, Default)]
pub struct Pieces {
    /// The length and position of each piece, by its offset. No two overlap.
    by_start: BTreeMap<u64, (u64, u64)>,
    end: u64,
}

impl Pieces {
    /// Adds `length` bytes for `offset`, which are at `position`.
    pub fn put(&mut self, offset: u64, length: u64, position: u64) {
        let end = offset + length;
        self.end = self.end.max(end);
        // The last piece that begins before this one may reach into it, and beyond.
        if let Some((&at, &(long, from))) = self.by_start.range(..offset).next_back() {
            if at + long > offset {
                self.by_start.insert(at, (offset - at, from));
                if at + long > end {
                    self.by_start
                        .insert(end, (at + long - end, from + (end - at)));
                }
            } else if at + long == offset && from + long == position {
                self.put_alone(offset, end);
                self.by_start.insert(at, (long + length, from));
                return;
            }
        }
        self.put_alone(offset, end);
        self.by_start.insert(offset, (length, position));
    }

    /// Removes the pieces that begin between these offsets.
    fn put_alone(&mut self, offset: u64, end: u64) {
        while let Some((&at, &(long, from))) = self.by_start.range(offset..end).next() {
            self.by_start.remove(&at);
            if at + long > end {
                self.by_start
                    .insert(end, (at + long - end, from + (end - at)));
            }
        }
    }

    /// Returns the end of the last piece.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Returns the position of the byte for offset `at`, and how many bytes follow it there.
    pub fn find(&self, at: u64) -> Option<(u64, u64)> {
        let (start, (length, from)) = self.by_start.range(..=at).next_back()?;
        let left = (start + length).checked_sub(at).filter(|left| *left > 0)?;
        Some((from + (at - start), left))
    }

    /// Returns the first offset from `at` on that a piece covers.
    pub fn next(&self, at: u64) -> Option<u64> {
        match self.find(at) {
            Some(_) => Some(at),
            None => self.by_start.range(at..).next().map(|(start, _)| *start),
        }
    }

    /// Returns the offset and length of each piece.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.by_start
            .iter()
            .map(|(start, (length, _))| (*start, *length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_piece_counts() {
        // Each byte is what its piece has there; against bytes that are simply written over.
        let puts = [
            (10, 5),
            (0, 4),
            (4, 6),
            (2, 3),
            (12, 20),
            (13, 1),
            (0, 40),
            (39, 5),
            (7, 1),
        ];
        for count in 0..=puts.len() {
            let (mut pieces, mut bytes) = (Pieces::default(), [None; 64]);
            for (number, (at, length)) in puts[..count].iter().copied().enumerate() {
                let from = 100 * number as u64;
                pieces.put(at, length, from);
                for more in 0..length {
                    bytes[(at + more) as usize] = Some(from + more);
                }
            }
            for (at, byte) in bytes.iter().enumerate() {
                let found = pieces.find(at as u64).map(|(from, _)| from);
                assert_eq!(found, *byte, "{count} pieces, at {at}");
                let next = (at..64).find(|at| bytes[*at].is_some());
                assert_eq!(pieces.next(at as u64), next.map(|at| at as u64));
            }
            let all: u64 = pieces.iter().map(|(_, length)| length).sum();
            assert_eq!(all as usize, bytes.iter().flatten().count());
        }
    }

    #[test]
    fn a_piece_that_goes_on_with_the_one_before_is_one() {
        let mut pieces = Pieces::default();
        pieces.put(8, 8, 8);
        pieces.put(0, 4, 100);
        // Over the second, from where the first goes on.
        pieces.put(4, 8, 104);
        assert_eq!(pieces.find(0), Some((100, 12)));
        assert_eq!(pieces.find(12), Some((12, 4)));
    }
}
