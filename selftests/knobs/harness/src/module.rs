// SPDX-License-Identifier: GPL-2.0

//! A module: loading and unloading it, its parameters in sysfs.

use anyhow::Context;
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// More than sysfs ever shows of a parameter, and more than one write passes on.
const PAGE: usize = 4096;

/// A module that can be loaded.
pub struct Module {
    pub name: &'static str,
    image: File,
}

/// A module that is loaded, until this is dropped.
pub struct Loaded<'a>(&'a Module);

impl Module {
    /// `folder` has the module's image.
    pub fn open(folder: &Path, name: &'static str) -> anyhow::Result<Self> {
        let path = folder.join(name).with_extension("ko");
        let image = File::open(&path).with_context(|| format!("{}", path.display()))?;
        Ok(Self { name, image })
    }

    /// Loads it. `arguments` is what would follow the name after `insmod`.
    ///
    /// # Panics
    ///
    /// If there is a NUL in `arguments`: they are a string of C.
    pub fn load(&self, arguments: &[u8]) -> Result<Loaded<'_>, Errno> {
        let arguments = CString::new(arguments).expect("no NUL in the arguments");
        rustix::system::finit_module(&self.image, &arguments, 0)?;
        Ok(Loaded(self))
    }

    /// The file of a parameter, there as long as the module is.
    pub fn path(&self, parameter: &str) -> PathBuf {
        Path::new("/sys/module")
            .join(self.name)
            .join("parameters")
            .join(parameter)
    }

    /// Reads a parameter.
    pub fn read(&self, parameter: &str) -> Result<Vec<u8>, Errno> {
        let file = File::open(self.path(parameter)).map_err(errno)?;
        read(&file)
    }

    /// Writes a parameter, and returns how much of it was taken.
    pub fn write(&self, parameter: &str, value: &[u8]) -> Result<usize, Errno> {
        let file = OpenOptions::new()
            .write(true)
            .open(self.path(parameter))
            .map_err(errno)?;
        write(&file, value)
    }

    /// Unloads it.
    pub fn unload(&self) -> Result<(), Errno> {
        let name = CString::new(self.name).expect("a name has no NUL");
        rustix::system::delete_module(&name, 0)
    }
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.unload() {
            // Nothing can be right after that.
            println!("Bail out! {} cannot be unloaded: {error}", self.0.name);
            std::process::exit(1);
        }
    }
}

/// Reads an open parameter, from the beginning.
pub fn read(file: &File) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; 2 * PAGE];
    let length = file.read_at(&mut value, 0).map_err(errno)?;
    value.truncate(length);
    Ok(value)
}

/// Writes an open parameter, in one call.
pub fn write(file: &File, value: &[u8]) -> Result<usize, Errno> {
    file.write_at(value, 0).map_err(errno)
}

/// The number of a system call's error.
pub fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}
