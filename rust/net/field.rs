// SPDX-License-Identifier: GPL-2.0

//! The fields of structures. Where they are is asked of the C compiler, for the kernel
//! that the module is built for: `rust/bindings/net.h`.

use crate::memory::{
    KernelPtr,
    Plain, //
};

/// The field at `AT`, which is a constant of `rust/bindings/net.h`.
#[inline(always)]
pub(super) fn field<T, U, const AT: u64>(structure: KernelPtr<T>) -> KernelPtr<U> {
    const {
        assert!(
            core::mem::size_of::<U>() as u64 == AT & 0xffff,
            "the field has another size"
        );
    }
    structure.add((AT >> 16) as usize)
}

/// The size of what is at `at`, such a constant.
pub(super) const fn size(at: u64) -> usize {
    (at & 0xffff) as usize
}

/// The value of the field at `AT`, or 0.
#[inline(always)]
pub(super) fn value<T, U: Plain, const AT: u64>(structure: KernelPtr<T>) -> U {
    field::<T, U, AT>(structure).read_or_zero()
}

/// Declares types that stand for structures of the kernel. `<F>` says of which family one is.
macro_rules! structures {
    () => {};
    (@pointee $type:ty $(, $family:ident)?) => {
        // SAFETY: The kernel allocates these, or has them on a stack or in its image.
        // The probed functions of `rust/bindings/prototypes` take them.
        unsafe impl $(<$family>)? $crate::memory::Pointee for $type {
            const IS_STRUCTURE: bool = true;
        }
    };
    ($(#[$doc:meta])* $vis:vis $type:ident; $($more:tt)*) => {
        $(#[$doc])*
        $vis enum $type {}

        structures!(@pointee $type);
        structures!($($more)*);
    };
    ($(#[$doc:meta])* $vis:vis $type:ident<$family:ident>; $($more:tt)*) => {
        $(#[$doc])*
        $vis struct $type<$family>(core::convert::Infallible, core::marker::PhantomData<$family>);

        structures!(@pointee $type<$family>, $family);
        structures!($($more)*);
    };
}

pub(super) use structures;
