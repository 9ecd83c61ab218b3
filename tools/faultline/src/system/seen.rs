// SPDX-License-Identifier: GPL-2.0

//! The answers of a view of a machine: a value, its absence, or why it could not be read.

use serde::{Deserialize, Serialize};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen<T> {
    Is(T),
    /// The machine does not have it.
    Absent,
    /// It is unknown whether the machine has it; the reason.
    Unseen(String),
}

impl<T> Seen<T> {
    /// Returns the value, if there is one.
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

    /// Returns this value, or else that of `other`. Without a value it is unseen if either is.
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

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    File,
    Directory,
    /// A device, a FIFO, a socket.
    Other,
    /// A dangling link.
    Dangling,
}

/// The status of the file that a path leads to, with links followed.
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
    /// The target of the symbolic link that the path's last name is: `/dev/null` for a masked unit.
    pub link: Option<String>,
}

/// The free space on a directory's file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub total: u64,
    /// Bytes that root can still write.
    pub free: u64,
    /// Free inodes, if the file system counts them and the number is known.
    pub files: Option<u64>,
    /// The file system's mount point.
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
