// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers of the kernel crate, from the kernel's source, for a module that carries
 * parts of that crate. A function that contains a warning is kept even if it is not
 * used (see rust/link/module.lds), so some of the helpers are only for these.
 */

#define __rust_helper

#include <rust/helpers/mutex.c>
#include <rust/helpers/refcount.c>
#include <rust/helpers/slab.c>
#if __has_include("rust/helpers/srcu.c")
#include <rust/helpers/srcu.c>
#endif
