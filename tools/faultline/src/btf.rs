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
mod prototype;
mod shape;
mod types;

pub use cache::Cache;
pub use members::Member;
pub use prototype::Prototype;
pub use shape::Shape;
pub use types::{Type, Types};

#[cfg(test)]
mod damage;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
