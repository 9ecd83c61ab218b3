// SPDX-License-Identifier: GPL-2.0

//! A directory as a root: paths are walked name by name from its descriptor, so that neither `..`
//! nor a link, absolute or not, leads out of it. Only regular files are opened for reading, as
//! opening a device can have effects, and opening a FIFO blocks.

use super::seen::{FileType, Room, Stat};
use rustix::fs::{self, AtFlags, Dir, Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Limit on the size of a file.
pub const LARGEST: u64 = 16 << 20;
/// Limit on the number of names in a directory.
const NAMES: usize = 1 << 16;
/// The kernel's limit on links in a path.
const LINKS: usize = 40;

pub struct Tree(OwnedFd);

/// The result of walking a path.
struct Found {
    /// The directory that contains it.
    parent: OwnedFd,
    name: String,
    /// Opened with O_PATH.
    file: OwnedFd,
    /// The path, with all links resolved.
    real: String,
}

impl Tree {
    pub fn open(root: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Tree(fs::open(root, flags, Mode::empty())?))
    }

    fn walk(&self, path: &str) -> Result<Found, Errno> {
        let (mut above, mut names) = (Vec::new(), Vec::<String>::new());
        let mut here = self.0.try_clone().map_err(|_| Errno::MFILE)?;
        let mut ahead: VecDeque<String> = split(path).collect();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                if let Some(parent) = above.pop() {
                    here = parent;
                    names.pop();
                }
                continue;
            }
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let next = fs::openat(&here, &name, flags, Mode::empty())?;
            match kind(&next)? {
                fs::FileType::Symlink => {
                    links += 1;
                    if links > LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = target(&next)?;
                    if target.starts_with('/') {
                        above.clear();
                        names.clear();
                        here = self.0.try_clone().map_err(|_| Errno::MFILE)?;
                    }
                    for name in split(&target).collect::<Vec<_>>().into_iter().rev() {
                        ahead.push_front(name);
                    }
                }
                fs::FileType::Directory => {
                    above.push(std::mem::replace(&mut here, next));
                    names.push(name);
                }
                _ if ahead.is_empty() => {
                    let real = format!("/{}", [names, vec![name.clone()]].concat().join("/"));
                    return Ok(Found {
                        parent: here,
                        name,
                        file: next,
                        real,
                    });
                }
                _ => return Err(Errno::NOTDIR),
            }
        }
        let real = format!("/{}", names.join("/"));
        let file = here.try_clone().map_err(|_| Errno::MFILE)?;
        Ok(Found {
            parent: here,
            name: ".".into(),
            file,
            real,
        })
    }

    /// Returns the bytes of a regular file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        let read = self.file(path)?.take(LARGEST + 1).read_to_end(&mut bytes);
        read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        match bytes.len() as u64 > LARGEST {
            true => Err(Errno::FBIG),
            false => Ok(bytes),
        }
    }

    /// Opens a regular file for reading.
    pub fn file(&self, path: &str) -> Result<File, Errno> {
        let found = self.walk(path)?;
        match kind(&found.file)? {
            fs::FileType::RegularFile => {}
            fs::FileType::Directory => return Err(Errno::ISDIR),
            _ => return Err(Errno::OPNOTSUPP),
        }
        let flags =
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = fs::openat(&found.parent, &found.name, flags, Mode::empty())?;
        // Another file may have taken its name.
        match kind(&file)? {
            fs::FileType::RegularFile => Ok(File::from(file)),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    /// Returns the names in a directory, sorted.
    pub fn list(&self, path: &str) -> Result<Vec<String>, Errno> {
        let found = self.walk(path)?;
        if kind(&found.file)? != fs::FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = fs::openat(&found.file, ".", flags, Mode::empty())?;
        let mut names = Vec::new();
        for entry in Dir::new(dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if names.len() == NAMES {
                return Err(Errno::OVERFLOW);
            }
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    pub fn stat(&self, path: &str) -> Result<Stat, Errno> {
        let link = self.link(path)?;
        let found = match self.walk(path) {
            Ok(found) => found,
            Err(Errno::NOENT | Errno::NOTDIR) if link.is_some() => {
                let (file_type, mode, uid, gid, size, mtime) = (FileType::Dangling, 0, 0, 0, 0, 0);
                return Ok(Stat {
                    file_type,
                    mode,
                    uid,
                    gid,
                    size,
                    mtime,
                    link,
                });
            }
            Err(error) => return Err(error),
        };
        let stat = fs::fstat(&found.file)?;
        Ok(Stat {
            file_type: match fs::FileType::from_raw_mode(stat.st_mode) {
                fs::FileType::RegularFile => FileType::File,
                fs::FileType::Directory => FileType::Directory,
                _ => FileType::Other,
            },
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: stat.st_mtime,
            link,
        })
    }

    /// Returns the target of the link that the path's last name is.
    fn link(&self, path: &str) -> Result<Option<String>, Errno> {
        let path = path.trim_end_matches('/');
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        if matches!(name, "" | "." | "..") {
            return Ok(None);
        }
        let dir = self.walk(dir)?;
        let stat = fs::statat(&dir.file, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if fs::FileType::from_raw_mode(stat.st_mode) != fs::FileType::Symlink {
            return Ok(None);
        }
        let target = fs::readlinkat(&dir.file, name, Vec::new())?;
        Ok(Some(target.to_string_lossy().into_owned()))
    }

    /// Returns the free space on a directory's file system, and the directory's path without links.
    /// The caller finds the mount point.
    pub fn room(&self, path: &str) -> Result<(Room, String), Errno> {
        let found = self.walk(path)?;
        let room = fs::fstatvfs(&found.file)?;
        let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
        let room = Room {
            total: bytes(room.f_blocks),
            free: bytes(room.f_bfree),
            files: (room.f_files > 0).then_some(room.f_ffree),
            mount: "?".into(),
            read_only: room.f_flag.contains(StatVfsMountFlags::RDONLY),
        };
        Ok((room, found.real))
    }

    /// Returns the path with all links resolved.
    pub fn real(&self, path: &str) -> Result<String, Errno> {
        Ok(self.walk(path)?.real)
    }

    /// Returns whether a path missing from this tree is missing on the machine: the tree has its
    /// top directory or, below /proc, /sys, /dev and /run, which trees rarely have completely, its
    /// own directory.
    pub fn tells_absence(&self, path: &str) -> bool {
        let names: Vec<_> = split(path).collect();
        let Some((_, above)) = names.split_last() else {
            return false;
        };
        let is_shown = |name: &str| matches!(name, "proc" | "sys" | "dev" | "run");
        let has = match above {
            [] => return false,
            [top, ..] if !is_shown(top) => top.clone(),
            [_] => return false,
            all => all.join("/"),
        };
        self.list(&has).is_ok_and(|names| !names.is_empty())
    }
}

fn split(path: &str) -> impl Iterator<Item = String> + '_ {
    path.split('/')
        .filter(|name| !matches!(*name, "" | "."))
        .map(str::to_string)
}

fn kind(file: &OwnedFd) -> Result<fs::FileType, Errno> {
    Ok(fs::FileType::from_raw_mode(fs::fstat(file)?.st_mode))
}

fn target(link: &OwnedFd) -> Result<String, Errno> {
    Ok(fs::readlinkat(link, "", Vec::new())?
        .to_string_lossy()
        .into_owned())
}

/// Describes why a file could not be read.
pub fn says(error: Errno) -> String {
    match error {
        Errno::ACCESS | Errno::PERM => "permission denied".into(),
        Errno::OPNOTSUPP => "not a regular file".into(),
        Errno::ISDIR => "a directory, not a file".into(),
        Errno::OVERFLOW => format!("more than {NAMES} names"),
        Errno::FBIG => format!("larger than {} MiB", LARGEST >> 20),
        Errno::LOOP => "too many links".into(),
        other => std::io::Error::from(other).to_string(),
    }
}
