# SPDX-License-Identifier: GPL-2.0
#
# What a person types. `make help` lists it; the kernel's own build reads Kbuild instead.

# Which kernel: a row of scripts/kernels, or KDIR=<tree> for a tree that has Rust metadata.
KERNEL ?=
export KERNEL

IN_ROOT := scripts/in-root
# Where a row's modules are built: build/<release>. Known once the row is set up.
# Named, since a make before 4.4 does not export to $(shell).
paths = $(shell KERNEL="$(KERNEL)" $(if $(FAULTLINE_CACHE),FAULTLINE_CACHE="$(FAULTLINE_CACHE)") \
	scripts/paths $(1))

.PHONY: help all modules setup setup-debuginfo setup-machine tools selftests fuzz demo demo-machine matrix test test-long test-kernels \
	prove new check bench kernels compatibility lint doc shell install clean distclean

# Where the modules have the kernel's Rust crates from; see rust/Kbuild.
RUNTIME_ARG := $(if $(RUNTIME),RUNTIME=$(RUNTIME))

# As many jobs as there are CPUs, unless make was told how many.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

ifeq ($(KDIR),)

all: modules

ifneq ($(MODULE),)
modules: setup build/btf-guard
	@scripts/own-module "$(MODULE)" $(RUNTIME_ARG)
else
modules: setup build/btf-guard
	@+args=$$(scripts/module-args "$(call paths,METADATA)") && \
		$(IN_ROOT) $(MAKE) $(jobs) --no-print-directory -C "$(call paths,METADATA)" $$args $(RUNTIME_ARG) modules
endif

else

all: modules

modules:
	@scripts/check-tree "$(KDIR)"
	+args=$$(scripts/module-args "$(KDIR)") && $(MAKE) $(jobs) -C "$(KDIR)" $$args $(RUNTIME_ARG) modules

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
# make demo-machine  the same on a Debian server with kdump-tools: what is wrong with
#                  it as delivered, mended, the lockup, the reboot, and the proof
# make matrix      every fault on each kind of CPU by each policy, each in its VM
#                  (half an hour when emulated; QUICK=1: a few of them); goes on
#                  where it was, and leaves build/matrix.html to look at
# make test        the whole test suite
# make test-long   what takes longer: every mode of lockup, route_probe's counts against
#                  another observer for a minute each, func_probe's beside ftrace, 100
#                  unloads under load, the kernel's own tests, ten minutes of fuzzing,
#                  and the goals of the benchmark
# make fuzz        the readers of other people's files on inputs of every kind, for
#                  FUZZ_SECONDS=600 in all
# make prove       the tests of the modules on kernels that check each lock, sleep, object and
#                  access to memory, which are built first (hours when emulated)
# make bench       the instructions that a hit of each kind of probe costs, beside C
#                  and bpftrace (three minutes; scripts/bench --help)
# make kernels     lists the kernels: what is set up, built, tested
# make test-kernels   the suite on every stock kernel (hours when emulated),
#                  and its results into docs/compatibility.md
# make lint        every linter, without a warning
# make doc         rustdoc of the library, into build/doc/
# make tools       the faultline program, build/faultline
# make selftests   what only the tests need: C twins of modules, and test programs
# make shell       a root shell in a VM on the stock kernel
# make setup-debuginfo   the kernel's debug symbols and drgn, for deeper verdicts
# make setup-machine     a Debian server with kdump-tools, for scripts/machine (2 min;
#                  of Debian 13's own kernel, if KERNEL names no other)
# make clean       removes build/;  make distclean  the cache as well
#
# KERNEL=<row>     one of scripts/kernels instead of the first
# MODULE=<folder>  build the module of your own in that folder, NAME/NAME.rs, instead:
#                  make MODULE=... [KERNEL=...]
#                  make new MODULE=... makes one that works; make MODULE=... check runs
#                  its test.sh in a VM
# KDIR=<tree>      your own kernel tree with Rust metadata: make KDIR=... [install]
# RUNTIME=embedded the modules carry the Rust crates that they use, also where
#                  the kernel has them (by itself where it has not)
# FAULTLINE_SAMPLES  which modules, of "func_probe hello_probe knobs lockup
#                  route_probe"
# FAULTLINE_BTF    with KDIR: the vmlinux that the build is compared with (default:
#                  that of the tree)
# FAULTLINE_CACHE  where the cache is (default ~/.cache/faultline, 7 GB)
# end

setup:
	@scripts/setup $(if $(REFRESH),--refresh)

setup-debuginfo:
	@scripts/setup --debuginfo

setup-machine:
	@KERNEL=$(or $(KERNEL),debian-13) scripts/machine make

tools: setup
	@scripts/programs tools/faultline

# Compares each build with the stock kernel; see rust/bindings/Kbuild.
build/btf-guard: $(wildcard tools/btf-guard/Cargo.* tools/btf-guard/src/*.rs) | setup
	@scripts/programs --host tools/btf-guard
	@touch $@

# What only the tests need: see Kbuild.
selftests test test-long test-kernels prove bench: export FAULTLINE_SELFTESTS = 1
selftests: modules
	@scripts/programs selftests/knobs/harness selftests/prove/harness

new:
	@scripts/new-module "$(MODULE)"

check: setup build/btf-guard
	@scripts/own-module --check "$(MODULE)" $(RUNTIME_ARG)

# The targets of tools/faultline/fuzz, each for its share.
fuzz: export FAULTLINE_FUZZ_SECONDS = $(or $(FUZZ_SECONDS),600)
fuzz: setup
	@scripts/setup --fuzz
	@scripts/fuzz

demo: modules tools
	@scripts/faultline drill vm --mode soft

# All of it on one kernel: from nothing, that is one kernel to set up.
demo-machine:
	@$(MAKE) --no-print-directory KERNEL=$(or $(KERNEL),debian-13) modules tools setup-machine
	@KERNEL=$(or $(KERNEL),debian-13) scripts/machine-demo

# On the first kernel, whatever KERNEL says: its rows name the others, which are skipped, with
# the reason, unless they are built as well.
matrix:
	@$(MAKE) --no-print-directory KERNEL= modules tools
	@KERNEL= scripts/faultline drill matrix $(if $(QUICK),--quick)

# Of the first kernel the debug symbols too; and beside it, the one without Rust, and a server.
ifeq ($(KERNEL),)
test: selftests tools setup-debuginfo setup-machine
	@$(MAKE) --no-print-directory KERNEL=debian-13 modules
	@scripts/test
else
test: selftests tools
	@scripts/test
endif

# FAULTLINE_SECONDS, _ROUNDS and _LOADS say how much each of them does.
test-long: export FAULTLINE_LONG = 1
test-long: export FAULTLINE_SECONDS ?= 60
test-long: export FAULTLINE_ROUNDS ?= 100
test-long: export FAULTLINE_LOADS ?= 300
test-long: selftests tools
	@scripts/setup --fuzz
	@$(MAKE) --no-print-directory KERNEL=debian-13 modules setup-machine
	@for variant in $(notdir $(basename $(wildcard scripts/machine-variants/*.sh))); do \
		scripts/machine --kernel debian-13 --variant $$variant make || exit; done
	@scripts/test $(patsubst selftests/%,debian-13:%,$(wildcard selftests/machine/*.sh)) \
		lockup debian-13:lockup/hold.sh lockup_oops lockup_death probes knobs/races.sh drill/pass.sh \
		prove/crash_points.sh prove/fuzz_files.sh prove/fuzz_params.sh tool/fuzz.sh own_module \
		func_probe/observers.sh func_probe/all.sh func_probe/choose.sh \
		$(patsubst selftests/%,%,$(wildcard selftests/route_probe/*.sh)) bench

prove:
	@for row in $$(scripts/list-kernels --debug); do \
		$(MAKE) --no-print-directory KERNEL=$$row selftests || exit; done
	@scripts/prove

bench: modules
	@scripts/bench

# A kernel that cannot be built for fails its tests, and the others go on.
test-kernels: setup-debuginfo
	@for row in $$(scripts/list-kernels --stock); do \
		$(MAKE) --no-print-directory KERNEL=$$row selftests tools || \
			rm -f build/"$$(KERNEL=$$row scripts/paths RELEASE)"/*.ko; done
	@code=0; scripts/test --all workshop runtime lockup lockup_oops lockup_death knobs probes hello_probe task route_probe \
		func_probe drill || code=1; \
		scripts/compatibility --update && exit $$code

kernels:
	@scripts/list-kernels

compatibility:
	@scripts/compatibility --update

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
