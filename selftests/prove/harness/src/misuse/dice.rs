// SPDX-License-Identifier: GPL-2.0

//! Numbers that only look random: xorshift.

pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Something to write: mostly short, sometimes of letters and digits.
    pub fn bytes(&mut self) -> Vec<u8> {
        let length = match self.below(8) {
            0 => [0, 4095, 4096, 4097, 1 << 16][self.below(5)],
            _ => self.below(40),
        };
        let letters = b"0123456789-+xXyYnN,.:/ \n\tanyloe%[]{}";
        let printable = self.below(2) == 0;
        (0..length)
            .map(|_| match printable {
                true => letters[self.below(letters.len())],
                false => self.below(256) as u8,
            })
            .collect()
    }
}
