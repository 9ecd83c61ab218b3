// SPDX-License-Identifier: GPL-2.0

//! What was loaded, and its types by number and by name.

use anyhow::{ensure, Context};
use btf_rs::{Backend, Btf};
use rustix::fs::{memfd_create, MemfdFlags};
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

/// As deep as types are nested; the kernel itself gives up at 32.
pub(super) const DEEPEST: usize = 64;

/// Larger files are not read; that of a kernel with everything in it has a tenth of it.
const LARGEST: u64 = 256 << 20;

/// The types of vmlinux and, if one was asked for, of one module.
pub struct Types {
    pub(super) vmlinux: Arc<Btf>,
    pub(super) module: Option<Btf>,
}

/// A type of the [`Types`] that it came from. [`Display`](fmt::Display) is its name in C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    pub(super) id: u32,
    pub(super) spelled: Arc<str>,
}

impl Types {
    /// Loads the types of vmlinux from `folder` (`/sys/kernel/btf`) and, on top of it, those of a
    /// module.
    ///
    /// # Errors
    ///
    /// Fails where a file is not there, cannot be read, or is no BTF.
    pub fn load(folder: &Path, module: Option<&str>) -> anyhow::Result<Self> {
        let path = folder.join("vmlinux");
        let types = Self::parse(&read(&path)?, None).with_context(|| path.display().to_string())?;
        match module {
            Some(module) => types.with_module(folder, module),
            None => Ok(types),
        }
    }

    /// The types of vmlinux for a few questions: each name is looked for among all, which is soon less
    /// than to read all of them.
    ///
    /// # Errors
    ///
    /// As [`Types::load`].
    pub fn load_for_few(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("vmlinux");
        let vmlinux = match Btf::from_file_with_backend(&path, Backend::Mmap) {
            Ok(vmlinux) => vmlinux,
            // Before Linux 6.16 it cannot be mapped.
            Err(_) => mapped(&read(&path)?).with_context(|| path.display().to_string())?,
        };
        Ok(Types {
            vmlinux: Arc::new(vmlinux),
            module: None,
        })
    }

    /// The types of vmlinux with those of another module on top, or of the first one. What is
    /// loaded of vmlinux is shared.
    ///
    /// # Errors
    ///
    /// As [`Types::load`].
    pub fn with_module(&self, folder: &Path, module: &str) -> anyhow::Result<Self> {
        ensure!(
            !module.is_empty() && module != ".." && !module.contains('/'),
            "'{module}' is no name of a module"
        );
        let path = folder.join(module);
        self.on_top(&read(&path)?)
            .with_context(|| path.display().to_string())
    }

    /// The types that BTF in memory describes.
    ///
    /// # Errors
    ///
    /// Fails where it is damaged.
    pub fn parse(vmlinux: &[u8], module: Option<&[u8]>) -> anyhow::Result<Self> {
        let types = Types {
            vmlinux: Arc::new(Btf::from_bytes(vmlinux).context("this is no BTF")?),
            module: None,
        };
        match module {
            Some(module) => types.on_top(module),
            None => Ok(types),
        }
    }

    fn on_top(&self, module: &[u8]) -> anyhow::Result<Self> {
        let split = Btf::from_split_bytes(module, &self.vmlinux);
        Ok(Types {
            vmlinux: self.vmlinux.clone(),
            module: Some(split.context("this is no BTF of a module of this kernel")?),
        })
    }

    /// The numbers of what has a name: those of the module come first.
    pub(super) fn ids(&self, name: &str) -> Vec<u32> {
        match name {
            "" => Vec::new(),
            name => self.btf().resolve_ids_by_name(name).unwrap_or_default(),
        }
    }

    pub(super) fn btf(&self) -> &Btf {
        self.module.as_ref().unwrap_or(&self.vmlinux)
    }

    pub(super) fn resolve(&self, id: u32) -> Option<btf_rs::Type> {
        self.btf().resolve_type_by_id(id).ok()
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)
    }
}

/// The same from a copy in memory.
fn mapped(bytes: &[u8]) -> anyhow::Result<Btf> {
    let file = memfd_create("btf", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Btf::from_file_with_backend(path, Backend::Mmap).context("this is no BTF")
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = || path.display().to_string();
    let file = File::open(path).with_context(shown)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .with_context(shown)?;
    ensure!(
        bytes.len() as u64 <= LARGEST,
        "{}: larger than {} MiB",
        path.display(),
        LARGEST >> 20
    );
    Ok(bytes)
}
