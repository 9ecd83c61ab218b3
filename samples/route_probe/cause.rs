// SPDX-License-Identifier: GPL-2.0

//! What a call is made for.

/// What a call is made for: the innermost probed call in which it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cause {
    /// None of the others, as a lookup for a user (`ip route get`).
    Other,
    /// The way of a packet that came in.
    Input,
    /// The validation of a source.
    Validate,
    /// The way to what a request of ARP is about.
    Arp,
    /// The way of a packet of our own.
    Output,
    /// A message of neighbour discovery.
    Ndisc,
}

impl Cause {
    /// In the order of their numbers, which those of the events are.
    pub(crate) const ALL: [Self; 6] = [
        Self::Other,
        Self::Input,
        Self::Validate,
        Self::Arp,
        Self::Output,
        Self::Ndisc,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Input => "input",
            Self::Validate => "validate",
            Self::Arp => "arp",
            Self::Output => "output",
            Self::Ndisc => "ndisc",
        }
    }
}
