// SPDX-License-Identifier: GPL-2.0

//! The kernel's types, as its BTF in `/sys/kernel/btf` describes them: prototypes of functions, and
//! where the members of structures are.
//!
//! [`Types`] is what was loaded: vmlinux and, on top of it, one module. [`Types::function`] gives a
//! [`Prototype`], [`Types::named`] a [`Type`]; [`Type::shape`] tells what such a type is, behind
//! typedefs and qualifiers, and [`Types::member`] steps into a structure:
//!
//! ```text
//! let types = Types::load(Path::new("/sys/kernel/btf"), None)?;
//! let read = types.function("vfs_read")?;         // ssize_t vfs_read(struct file *file, ...)
//! let Shape::Pointer(file) = read.params[0].ty.shape(&types) else { ... };
//! let flags = types.member(&file, "f_flags")?;    // at flags.offset_bytes, of type flags.ty
//! ```
//!
//! [`Cache`] keeps what was loaded of several modules.
//!
//! A [`Type`] has a meaning only together with the [`Types`] that it came from. BTF may be damaged:
//! each question ends in an answer, however the types lead in circles.

mod cache;
mod declare;
mod members;
mod shape;

pub use cache::Cache;
pub use members::Member;
pub use shape::Shape;

use anyhow::{bail, ensure, Context};
use btf_rs::Btf;
use declare::list_of;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// As deep as types are nested; the kernel itself gives up at 32.
const DEEPEST: usize = 64;

/// Larger files are not read; that of a kernel with everything in it has a tenth of it.
const LARGEST: u64 = 256 << 20;

/// The types of vmlinux and, if one was asked for, of one module.
pub struct Types {
    vmlinux: Arc<Btf>,
    module: Option<Btf>,
}

/// A function as C declares it.
#[derive(Debug, Clone)]
pub struct Prototype {
    pub ret: Type,
    pub params: Vec<Param>,
    /// Further arguments may follow those of `params`.
    pub is_variadic: bool,
    declared: String,
}

/// A parameter of a function.
#[derive(Debug, Clone)]
pub struct Param {
    /// Empty where the BTF has none.
    pub name: String,
    pub ty: Type,
}

/// A type of the [`Types`] that it came from. [`Display`](fmt::Display) is its name in C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    id: u32,
    spelled: Arc<str>,
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

    /// The prototype of a function: of the module, if one was loaded, else of vmlinux.
    ///
    /// There is none where the BTF leaves the function out, since the compiler changed its
    /// parameters or inlined it everywhere, or where functions of that name differ.
    pub fn function(&self, name: &str) -> Option<Prototype> {
        let ids = match &self.module {
            Some(module) => module.split()?.resolve_ids_by_name(name),
            None => self.vmlinux.resolve_ids_by_name(name),
        };
        let mut found: Option<Prototype> = None;
        for id in ids.ok()? {
            let btf_rs::Type::Func(function) = self.resolve(id)? else {
                continue;
            };
            let prototype = self.prototype(name, &function).ok()?;
            match &found {
                Some(other) if other.declared != prototype.declared => return None,
                _ => found = Some(prototype),
            }
        }
        found
    }

    fn prototype(&self, name: &str, function: &btf_rs::Func) -> anyhow::Result<Prototype> {
        let btf_rs::Type::FuncProto(proto) = self.btf().resolve_chained_type(function)? else {
            bail!("{name}: no prototype");
        };
        let (mut params, mut list, mut length) = (Vec::new(), Vec::new(), 0);
        let mut is_variadic = false;
        for parameter in &proto.parameters {
            if parameter.is_variadic() {
                is_variadic = true;
                list.push("...".into());
                continue;
            }
            let id = btf_rs::BtfType::get_type_id(parameter).context("a parameter has no type")?;
            let param = Param {
                name: self.btf().resolve_name(parameter)?,
                ty: self.at(id),
            };
            let declared = self.declare(id, param.name.clone())?;
            length += declared.len();
            ensure!(
                length <= declare::LONGEST,
                "{name}: its prototype is too long"
            );
            list.push(declared);
            params.push(param);
        }
        let inner = format!("{name}({})", list_of(&list));
        Ok(Prototype {
            ret: self.at(proto.return_type_id()),
            params,
            is_variadic,
            declared: self.declare(proto.return_type_id(), inner)?,
        })
    }

    /// The type of a name: `struct sock`, `union sigval`, `enum pid_type`, `int`, `size_t`.
    pub fn named(&self, name: &str) -> Option<Type> {
        use btf_rs::Type as Btf;
        let (tag, bare) = match name.split_once(' ') {
            Some((tag @ ("struct" | "union" | "enum"), bare)) => (tag, bare.trim()),
            _ => ("", name),
        };
        let fits = |found: &Btf| {
            matches!(
                (tag, found),
                ("struct", Btf::Struct(_))
                    | ("union", Btf::Union(_))
                    | ("enum", Btf::Enum(_) | Btf::Enum64(_))
                    | ("", Btf::Int(_) | Btf::Float(_) | Btf::Typedef(_))
            )
        };
        let spellings = declare::spellings(bare);
        let mut ids = spellings.iter().flat_map(|name| self.ids(name));
        ids.find(|&id| self.resolve(id).is_some_and(|found| fits(&found)))
            .map(|id| self.at(id))
    }

    /// The numbers of what has a name: those of the module come first.
    fn ids(&self, name: &str) -> Vec<u32> {
        match name {
            "" => Vec::new(),
            name => self.btf().resolve_ids_by_name(name).unwrap_or_default(),
        }
    }

    fn btf(&self) -> &Btf {
        self.module.as_ref().unwrap_or(&self.vmlinux)
    }

    fn resolve(&self, id: u32) -> Option<btf_rs::Type> {
        self.btf().resolve_type_by_id(id).ok()
    }

    fn at(&self, id: u32) -> Type {
        let spelled = self.declare(id, String::new());
        Type {
            id,
            spelled: spelled.unwrap_or_else(|_| "?".into()).into(),
        }
    }
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

impl fmt::Display for Prototype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.declared)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)
    }
}

#[cfg(test)]
mod damage;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
