// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel crate's own helpers, for a module that carries what it uses of
 * that crate: those that this needs, from the kernel's source.
 */

#define __rust_helper

#include <rust/helpers/refcount.c>
#include <rust/helpers/slab.c>
