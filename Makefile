# SPDX-License-Identifier: GPL-2.0
#
# The targets for people, listed by `make help`. The kernel's own build reads Kbuild instead.

# The kernel: a row of scripts/kernels, or KDIR=<tree> for a tree that has Rust metadata.
KERNEL ?=
export KERNEL

IN_ROOT := scripts/in-root
# Paths of the row, known once it is set up. KERNEL is passed explicitly, since a make before
# 4.4 does not export variables to $(shell).
paths = $(shell KERNEL="$(KERNEL)" $(if $(FAULTLINE_CACHE),FAULTLINE_CACHE="$(FAULTLINE_CACHE)") \
	scripts/paths $(1))

.PHONY: help all modules setup setup-debuginfo setup-machine tools selftests fuzz deb rpm sign demo demo-machine matrix test test-long test-kernels \
	prove new check bench kernels compatibility lint doc shell install clean distclean

# Where the modules get the kernel's Rust crates from; see rust/Kbuild.
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
# make             builds the modules in build/<release>/ (runs setup first)
# make setup       makes the build root and the kernel's metadata, in the cache
#                  (REFRESH=1: fetches a newer kernel)
# make demo        runs a real soft lockup in a VM, and judges its vmcore
# make demo-machine  the same on a Debian server with kdump-tools: finds and fixes the
#                  faults of its default configuration, then lockup, reboot, and proof
# make matrix      runs every fault on several sets of CPUs, with each policy, each in
#                  its VM (half an hour when emulated; QUICK=1: only a few); continues
#                  an earlier run, and writes build/matrix.html
# make test        runs the whole test suite
# make test-long   runs the longer tests: every mode of lockup, route_probe's counts
#                  against another observer for a minute each, func_probe's against
#                  ftrace and bpftrace, 100 unloads under load, the kernel's own tests,
#                  ten minutes of fuzzing, the packages (built twice, installed, on a server,
#                  by DKMS, as RPM), the Ansible role, and the goals of the benchmark
# make fuzz        fuzzes the readers of dumps, logs and initrds, for FUZZ_SECONDS=600
#                  in all
# make prove       runs the modules' tests on debug kernels, with lockdep, KASAN and other
#                  checks, which are built first (hours when emulated)
# make bench       measures the instructions per hit of each kind of probe, compared with
#                  C and bpftrace (three minutes; scripts/bench --help)
# make kernels     lists the kernels, and which are set up, built and tested
# make test-kernels   runs on every stock kernel what shows that it is supported, and
#                  writes the results to docs/compatibility.md
# make lint        runs every linter; warnings are failures
# make doc         builds the library's rustdoc in build/doc/
# make tools       builds the faultline program, build/faultline, its manual pages, build/man/, and
#                  the completions of shells, build/completions/
# make deb         builds Debian packages in build/deb/: the program, the modules for KERNEL
#                  or for several kernels (ROWS="debian-13 debian-14"), the source
# make rpm         builds an RPM package of the program in build/rpm/, and with KDIR=<tree> one of the
#                  modules for that kernel
# make sign        signs the built modules, for machines with Secure Boot: copies are in
#                  build/signed/ (KEY=<private key> CERT=<certificate>)
# make selftests   builds the test modules and test programs
# make shell       starts a root shell in a VM on the stock kernel
# make setup-debuginfo   fetches the kernel's debug symbols and drgn, for deeper verdicts
# make setup-machine     makes a Debian server with kdump-tools, for scripts/machine (2
#                  min; with Debian 13's own kernel, unless KERNEL names another)
# make clean       removes build/;  make distclean  removes the cache as well
#
# KERNEL=<row>     a row of scripts/kernels (default: the first)
# MODULE=<dir>     builds your own module in that directory, NAME/NAME.rs, instead:
#                  make MODULE=... [KERNEL=...]
#                  make new MODULE=... makes a new one; make MODULE=... check runs its
#                  test.sh in a VM
# KDIR=<tree>      your own kernel tree with Rust metadata: make KDIR=... [install]
# RUNTIME=embedded makes the modules carry the parts of the Rust crates that they use
#                  (default if the kernel was built without Rust)
# FAULTLINE_SAMPLES  the modules to build, of "func_probe hello_probe knobs lockup
#                  route_probe"
# FAULTLINE_BTF    with KDIR: the vmlinux with which the build is compared (default:
#                  that of the tree)
# FAULTLINE_CACHE  the cache's directory (default ~/.cache/faultline, 7 GB)
# end

setup:
	@scripts/setup $(if $(REFRESH),--refresh)

setup-debuginfo:
	@scripts/setup --debuginfo

setup-machine:
	@KERNEL=$(or $(KERNEL),debian-13) scripts/machine make

tools: setup
	@scripts/programs tools/faultline
	@scripts/pages

# Compares each build with the stock kernel; see rust/bindings/Kbuild.
build/btf-guard: $(wildcard tools/btf-guard/Cargo.* tools/btf-guard/src/*.rs) | setup
	@scripts/programs --host tools/btf-guard
	@touch $@

# The modules and programs for the tests; see Kbuild.
selftests test test-long test-kernels prove bench: export FAULTLINE_SELFTESTS = 1
selftests: modules
	@scripts/programs selftests/knobs/harness selftests/prove/harness

# KEY and CERT are of make sign; with them, the modules in the packages are signed.
deb: setup
	@FAULTLINE_SIGN_KEY="$(KEY)" FAULTLINE_SIGN_CERT="$(CERT)" scripts/deb $(ROWS)

rpm: tools
	@scripts/setup --rpm
	@scripts/rpm $(if $(KDIR),--kernel-tree "$(KDIR)")

sign: modules
	@scripts/sign "$(KEY)" "$(CERT)"

new:
	@scripts/new-module "$(MODULE)"

check: setup build/btf-guard
	@scripts/own-module --check "$(MODULE)" $(RUNTIME_ARG)

# The targets of tools/faultline/fuzz, each for its share of the time.
fuzz: export FAULTLINE_FUZZ_SECONDS = $(or $(FUZZ_SECONDS),600)
fuzz: setup
	@scripts/setup --fuzz
	@scripts/fuzz

demo: modules tools
	@scripts/faultline drill vm --mode soft

# Everything on one kernel, so that only one has to be set up.
demo-machine:
	@$(MAKE) --no-print-directory KERNEL=$(or $(KERNEL),debian-13) modules tools setup-machine
	@KERNEL=$(or $(KERNEL),debian-13) scripts/machine-demo

# Always on the first kernel: rows for other kernels name them, and are skipped, with the reason,
# unless modules are built for these.
matrix:
	@$(MAKE) --no-print-directory KERNEL= modules tools
	@KERNEL= scripts/faultline drill matrix $(if $(QUICK),--quick)

# For the first kernel also its debug symbols, the kernel without Rust, a server, and packages.
ifeq ($(KERNEL),)
test: selftests tools setup-debuginfo setup-machine
	@scripts/setup --pages
	@$(MAKE) --no-print-directory KERNEL=debian-13 modules
	@scripts/deb --prebuilt debian-13
	@FAULTLINE_PACKAGES=build/prebuilt-deb scripts/test
else
test: selftests tools
	@scripts/setup --pages
	@scripts/test
endif

# FAULTLINE_SECONDS, _ROUNDS, _LOADS and _CALLS set the sizes of the tests. If the archive no longer has the packages
# for the test of DKMS, only this test fails.
test-long: export FAULTLINE_LONG = 1
test-long: export FAULTLINE_SECONDS ?= 60
test-long: export FAULTLINE_ROUNDS ?= 100
test-long: export FAULTLINE_LOADS ?= 300
test-long: export FAULTLINE_CALLS ?= 10000000
test-long: selftests tools
	@scripts/setup --fuzz --ansible --rpm
	-@scripts/setup --dkms
	-@scripts/setup --kernel debian-13 --dkms
	@$(MAKE) --no-print-directory KERNEL=debian-13 modules deb setup-machine
	@for variant in $(notdir $(basename $(wildcard scripts/machine-variants/*.sh))); do \
		scripts/machine --kernel debian-13 --variant $$variant make || exit; done
	@scripts/test $(patsubst selftests/%,debian-13:%,$(wildcard selftests/machine/*.sh)) \
		lockup debian-13:lockup/hold.sh lockup_oops lockup_death probes hello_probe knobs/races.sh \
		drill/pass.sh drill/faults.sh debian-13:drill/pass.sh workshop/layout.sh workshop/embedded.sh \
		workshop/fingerprint.sh workshop/module.sh \
		debian-13:packages packages/dkms.sh packages/rpm.sh prove/crash_points.sh prove/fuzz_files.sh prove/fuzz_params.sh tool/fuzz.sh own_module \
		endurance/calls.sh func_probe/observers.sh func_probe_smp func_probe/all.sh func_probe/choose.sh \
		$(patsubst selftests/%,%,$(wildcard selftests/route_probe/*.sh)) bench

prove:
	@for row in $$(scripts/list-kernels --debug); do \
		$(MAKE) --no-print-directory KERNEL=$$row selftests || exit; done
	@scripts/prove

bench: modules
	@scripts/bench

# If the build for a kernel fails, its tests fail, and the others are still run.
test-kernels: setup-debuginfo
	@for row in $$(scripts/list-kernels --stock); do \
		$(MAKE) --no-print-directory KERNEL=$$row selftests tools || \
			rm -f build/"$$(KERNEL=$$row scripts/paths RELEASE)"/*.ko; done
	@code=0; scripts/test --all $$(scripts/compatibility --files) || code=1; \
		scripts/compatibility --update && exit $$code

kernels:
	@scripts/list-kernels

compatibility:
	@scripts/compatibility --update

# Packages of the first kernel only.
lint: modules tools
	@scripts/setup --ansible --pages
	$(if $(KERNEL),,@scripts/deb --prebuilt)
	@scripts/lint

doc: modules
	@scripts/doc

shell: modules
	@scripts/vm --shell

clean:
	rm -rf build

distclean: clean
	@scripts/distclean
