// SPDX-License-Identifier: GPL-2.0

//! The module for the running kernel: finds its file, checks that it was built for this kernel, and
//! inserts it.

use anyhow::{bail, ensure, Context};
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The extensions of a module's file, plain or compressed.
const ENDINGS: &[&str] = &["ko", "ko.xz", "ko.zst", "ko.gz"];
/// Limit on the size of a module.
const LONGEST: u64 = 256 << 20;
/// Depth of the search below `updates`.
const DEPTH: usize = 4;

/// The file of a module that was built for the running kernel.
#[derive(Debug)]
pub struct Module {
    pub path: PathBuf,
    image: Vec<u8>,
    is_plain: bool,
}

impl Module {
    /// Finds the module called `name` for the kernel `release`: the file `named`, or one below
    /// the kernel's `updates`, or one in the directory of that name beside the program.
    pub fn find(name: &str, release: &str, named: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = named {
            return Self::read(path, release);
        }
        let [updates, beside] = places(release)?;
        match locate(name, release)? {
            Some(path) => Self::read(&path, release),
            None => bail!(
                "no {name}.ko for the running kernel {release}, neither below {} nor in {}: install \
                 the package faultline-modules-{release}, or build it (with faultline-dkms: 'dkms \
                 install faultline/{} -k {release}'), or pass --module PATH",
                updates.display(),
                beside.display(),
                env!("CARGO_PKG_VERSION"),
            ),
        }
    }

    /// Returns a value of its `.modinfo`.
    pub fn info(&self, key: &str) -> Option<String> {
        value(&self.image, key)
    }

    /// Reads the module's file, which must be for the kernel `release`.
    pub fn read(path: &Path, release: &str) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut bytes = Vec::new();
        let file = File::open(path).with_context(|| shown.to_string())?;
        file.take(LONGEST + 1).read_to_end(&mut bytes)?;
        ensure!(
            bytes.len() as u64 <= LONGEST,
            "{shown} is too long for a module"
        );
        let name = path.to_string_lossy();
        let image = match name.rsplit('.').next() {
            Some("xz") => all(lzma_rust2::XzReader::new(&bytes[..], false)),
            Some("gz") => all(flate2::read::GzDecoder::new(&bytes[..])),
            Some("zst") => ruzstd::decoding::StreamingDecoder::new(&bytes[..])
                .map_err(|error| anyhow::anyhow!("{error}"))
                .and_then(all),
            _ => Ok(bytes),
        };
        let image = image.with_context(|| format!("{shown} cannot be unpacked"))?;
        check(&image, release).with_context(|| shown.to_string())?;
        Ok(Module {
            path: fs::canonicalize(path).unwrap_or_else(|_| path.into()),
            is_plain: name.ends_with(".ko"),
            image,
        })
    }

    /// Inserts it into the kernel.
    pub fn insert(&self, arguments: &str) -> anyhow::Result<()> {
        let words = CString::new(arguments)?;
        // From its file if that is uncompressed, so that the kernel sees the file's origin.
        let inserted = match self.is_plain {
            true => rustix::system::finit_module(File::open(&self.path)?, &words, 0),
            false => rustix::system::init_module(&self.image, &words),
        };
        inserted.with_context(|| format!("insmod {} {arguments}", self.path.display()))
    }
}

/// Returns the directories that are searched for modules of this kernel.
fn places(release: &str) -> anyhow::Result<[PathBuf; 2]> {
    let updates = Path::new("/lib/modules").join(release).join("updates");
    let program = std::env::current_exe().context("the path of this program")?;
    let beside = program.parent().unwrap_or(Path::new("/")).join(release);
    Ok([updates, beside])
}

/// Returns the file of the module called `name` for the kernel `release`, if there is one.
pub fn locate(name: &str, release: &str) -> anyhow::Result<Option<PathBuf>> {
    let places = places(release)?;
    Ok(places.iter().find_map(|dir| below(dir, name, DEPTH)))
}

fn all(mut reader: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reader = reader.by_ref().take(LONGEST + 1);
    let mut reader = reader;
    reader.read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= LONGEST, "larger than a module may be");
    Ok(bytes)
}

/// Searches the module's file in `directory` and below.
fn below(directory: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let direct = ENDINGS
        .iter()
        .map(|end| directory.join(format!("{name}.{end}")));
    let mut direct = direct.filter(|path| path.is_file());
    if let Some(path) = direct.next() {
        return Some(path);
    }
    let mut directories: Vec<_> = fs::read_dir(directory)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    directories.sort();
    let mut directories = directories.iter().filter(|_| depth > 1);
    directories.find_map(|directory| below(directory, name, depth - 1))
}

/// Checks that a module was built for the kernel `release`.
fn check(image: &[u8], release: &str) -> anyhow::Result<()> {
    let built_for = value(image, "vermagic").context("no vermagic: not a kernel module")?;
    let built_for = built_for.split_whitespace().next().unwrap_or("");
    ensure!(
        built_for == release,
        "built for the kernel {built_for}, but {release} runs: build it for {release}"
    );
    Ok(())
}

/// Returns a value of the module's `.modinfo`.
fn value(image: &[u8], key: &str) -> Option<String> {
    let file = ElfFile64::<Endianness>::parse(image).ok()?;
    let section = file.section_by_name(".modinfo")?;
    let mut entries = section.data().ok()?.split(|byte| *byte == 0);
    entries.find_map(|entry| {
        let text = std::str::from_utf8(entry).ok()?;
        Some(text.strip_prefix(key)?.strip_prefix('=')?.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of ELF with nothing but a section `.modinfo`.
    fn module(modinfo: &[u8]) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let data = 64;
        let strings = data + modinfo.len() as u64;
        let sections = strings + names.len() as u64;
        for (value, size) in [
            (1, 2),
            (62, 2),
            (1, 4),
            (0, 8),
            (0, 8),
            (sections, 8),
            (0, 4),
            (64, 2),
            (0, 2),
            (0, 2),
            (64, 2),
            (3, 2),
            (2, 2),
        ] {
            file.extend(&u64::to_le_bytes(value)[..size]);
        }
        file.extend(modinfo);
        file.extend(names);
        let mut section = |name: u32, kind: u32, at: u64, size: u64| {
            file.extend(name.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend([0; 16]);
            file.extend(at.to_le_bytes());
            file.extend(size.to_le_bytes());
            file.extend([0; 8]);
            file.extend(1u64.to_le_bytes());
            file.extend([0; 8]);
        };
        section(0, 0, 0, 0);
        section(1, 1, data, modinfo.len() as u64);
        section(10, 3, strings, names.len() as u64);
        file
    }

    #[test]
    fn a_module_of_another_kernel_is_refused() {
        let image = module(b"license=GPL\0vermagic=6.12.1 SMP preempt mod_unload \0");
        check(&image, "6.12.1").unwrap();
        let error = check(&image, "6.12.10").unwrap_err().to_string();
        assert_eq!(
            error,
            "built for the kernel 6.12.1, but 6.12.10 runs: build it for 6.12.10"
        );
        assert!(check(&module(b"license=GPL\0"), "6.12.1").is_err());
        assert!(check(b"no module", "6.12.1").is_err());
    }

    #[test]
    fn where_it_lies() {
        let dir = tempfile::tempdir().unwrap();
        let image = module(b"vermagic=6.12.1 SMP\0");
        assert_eq!(below(dir.path(), "lockup", DEPTH), None);
        let mut packed = Vec::new();
        let mut gzip = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &image).unwrap();
        gzip.finish().unwrap();
        let deep = dir.path().join("dkms/x");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("lockup.ko.gz"), packed).unwrap();
        let found = below(dir.path(), "lockup", DEPTH).unwrap();
        assert_eq!(found, deep.join("lockup.ko.gz"));
        let read = Module::read(&found, "6.12.1").unwrap();
        assert!(read.image == image && !read.is_plain);
        fs::write(dir.path().join("lockup.ko"), &image).unwrap();
        let found = below(dir.path(), "lockup", DEPTH).unwrap();
        assert_eq!(found, dir.path().join("lockup.ko"));
        assert!(Module::read(&found, "6.12.1").unwrap().is_plain);
    }
}
