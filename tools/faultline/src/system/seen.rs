// SPDX-License-Identifier: GPL-2.0

//! What a view of a machine answers: something, that it is not there, or why it could not be seen.

use serde::{Deserialize, Serialize};

/// What is known of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen<T> {
    Is(T),
    /// The machine does not have it.
    Absent,
    /// Whether the machine has it is not known, and why.
    Unseen(String),
}

impl<T> Seen<T> {
    /// The value, if it is there.
    pub fn is(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_ref(&self) -> Seen<&T> {
        match self {
            Self::Is(value) => Seen::Is(value),
            Self::Absent => Seen::Absent,
            Self::Unseen(why) => Seen::Unseen(why.clone()),
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Is(value) => Seen::Is(change(value)),
            Self::Absent => Seen::Absent,
            Self::Unseen(why) => Seen::Unseen(why),
        }
    }

    /// The value, or what `other` gives where this one does not show it. What neither shows is
    /// unseen if either of them is.
    pub fn or_else(self, other: impl FnOnce() -> Seen<T>) -> Seen<T> {
        match (self, other) {
            (Self::Is(value), _) => Self::Is(value),
            (Self::Absent, other) => other(),
            (Self::Unseen(why), other) => match other() {
                Self::Is(value) => Self::Is(value),
                _ => Self::Unseen(why),
            },
        }
    }

    pub fn is_unseen(&self) -> bool {
        matches!(self, Self::Unseen(_))
    }
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    File,
    Directory,
    /// A device, a FIFO, a socket.
    Other,
    /// A link to what is not there.
    Dangling,
}

/// The file that a path leads to, links followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    #[serde(rename = "kind")]
    pub file_type: FileType,
    /// The permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// What the path's last name is a symbolic link to, as the link has it: `/dev/null` for a masked
    /// unit.
    pub link: Option<String>,
}

/// The room on the file system that a directory is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub total: u64,
    /// Bytes that root can still write.
    pub free: u64,
    /// Files that can still be made, where the file system counts them and it is known.
    pub files: Option<u64>,
    /// Where that file system is mounted.
    pub mount: String,
    pub read_only: bool,
}

/// A line of /proc/self/mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub source: String,
    pub point: String,
    pub fstype: String,
    pub options: Vec<String>,
}
