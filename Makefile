# SPDX-License-Identifier: GPL-2.0
#
# What a person types. `make help` lists it; the kernel's own build reads Kbuild instead.

# Which kernel: a row of scripts/kernels, or KDIR=<tree> for a tree that has Rust metadata.
KERNEL ?=
export KERNEL

IN_ROOT := scripts/in-root
MACHINE := $(shell uname -m)
# Where a row's modules are built: build/<release>. Known once the row is set up.
# Named, since a make before 4.4 does not export to $(shell).
paths = $(shell KERNEL="$(KERNEL)" $(if $(FAULTLINE_CACHE),FAULTLINE_CACHE="$(FAULTLINE_CACHE)") \
	scripts/paths $(1))

.PHONY: help all modules setup setup-debuginfo tools demo test lint doc shell install clean distclean

# Where the modules have the kernel's Rust crates from; see rust/Kbuild.
RUNTIME_ARG := $(if $(RUNTIME),RUNTIME=$(RUNTIME))

ifeq ($(KDIR),)

all: modules

modules: setup
	@+args=$$(scripts/module-args "$(call paths,METADATA)") && \
		$(IN_ROOT) $(MAKE) --no-print-directory -C "$(call paths,METADATA)" $$args $(RUNTIME_ARG) modules

else

all: modules

modules:
	@scripts/check-tree "$(KDIR)"
	+args=$$(scripts/module-args "$(KDIR)") && $(MAKE) -C "$(KDIR)" $$args $(RUNTIME_ARG) modules

install: modules
	+args=$$(scripts/module-args "$(KDIR)") && $(MAKE) -C "$(KDIR)" $$args modules_install

endif

help:
	@sed -n '/^# help:/,/^# end/ { s/^# \{0,1\}//; /^help:/d; /^end/d; p }' Makefile

# help:
# make             the modules, into build/<release>/ (sets up first, if need be)
# make setup       the build root and the kernel's metadata, in the cache
#                  (REFRESH=1: look for a newer kernel)
# make demo        a real soft lockup in a VM, its vmcore, and the verdict
# make test        the whole test suite
# make lint        every linter, without a warning
# make doc         rustdoc of the library, into build/doc/
# make tools       the faultline program, build/faultline
# make shell       a root shell in a VM on the stock kernel
# make setup-debuginfo   the kernel's debug symbols and drgn, for deeper verdicts
# make clean       removes build/;  make distclean  the cache as well
#
# KERNEL=<row>     one of scripts/kernels instead of the first
# KDIR=<tree>      your own kernel tree with Rust metadata: make KDIR=... [install]
# RUNTIME=embedded the modules carry the Rust crates that they use, also where
#                  the kernel has them (by itself where it has not)
# FAULTLINE_CACHE  where the cache is (default ~/.cache/faultline, 7 GB)
# end

setup:
	@scripts/setup $(if $(REFRESH),--refresh)

setup-debuginfo:
	@scripts/setup --debuginfo

# Linked statically, so that it runs on any machine and not only in the build root.
tools: setup
	@$(IN_ROOT) env RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked \
		--target $(MACHINE)-unknown-linux-gnu --target-dir build/tools \
		--manifest-path tools/faultline/Cargo.toml
	@cp -u build/tools/$(MACHINE)-unknown-linux-gnu/release/faultline build/faultline

demo: modules tools
	@scripts/faultline drill vm --mode soft

test: modules tools setup-debuginfo
	@$(MAKE) --no-print-directory KERNEL=debian-13 modules
	@scripts/test

lint: modules
	@scripts/lint

doc: modules
	@scripts/doc

shell: modules
	@scripts/vm --shell

clean:
	rm -rf build

distclean: clean
	@scripts/distclean
