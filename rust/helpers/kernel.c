// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel crate's own helpers, for a module that carries what it uses of
 * that crate: those that this needs, from the kernel's source. A function with
 * a warning in it is kept, used or not (see rust/link/module.lds), so some are
 * for these.
 */

#define __rust_helper

#include <rust/helpers/mutex.c>
#include <rust/helpers/refcount.c>
#include <rust/helpers/slab.c>
#if __has_include("rust/helpers/srcu.c")
#include <rust/helpers/srcu.c>
#endif
