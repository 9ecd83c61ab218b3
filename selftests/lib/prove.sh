# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Makes mistakes on purpose with the test module mistakes.ko, to check that a debug kernel reports
# them: a detector that never reports proves nothing.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# option NAME...: skips the test unless the kernel is built with one of these options; sets `by` to
# it.
option() {
	for by; do
		! gzip -dc /proc/config.gz 2>/dev/null | grep -qx "CONFIG_$by=y" || return 0
	done
	skip "this kernel is built without $(paste -sd, <<<"$*")"
}

# made NAME: makes that mistake; sets `said` to the kernel's messages.
made() {
	local error
	log_begin
	error=$(insmod "$FAULTLINE_MODULES/mistakes.ko" make="$1" 2>&1) || true
	match "it was made" 'Operation canceled' "$error"
	said=$(log)
}

# heard MISTAKE REGEX: makes the mistake, and checks that the kernel reports it in a matching line.
heard() {
	expects "$2"
	made "$1"
	reported "$1" "$2" "$said"
}

# reported MISTAKE REGEX TEXT: checks that a line of TEXT matches, and records it for
# docs/reliability.md.
reported() {
	match "$1" "$2" "$3"
	note "planted $1, heard by $by: $(grep -m 1 -E "$2" <<<"$3")"
}

# misuse LEVEL COMMAND ARG...: runs the test program; its output becomes notes, and `said`. Only
# kernel messages below LEVEL go to the console, which is slow.
misuse() {
	local level=$1 code=0 program=${FAULTLINE_PROGRAMS:-$project/build}/misuse
	shift
	check "make selftests" test -x "$program"
	echo "$level" >/proc/sys/kernel/printk
	said=$("$program" "$@" 2>&1) || code=$?
	note "$said"
	same "misuse $1: exit status" 0 "$code"
}

# new_seed: sets `seed` to a random number, or to FAULTLINE_SEED to repeat a run, and prints it.
new_seed() {
	seed=${FAULTLINE_SEED:-$((RANDOM + 1))}
	note "FAULTLINE_SEED=$seed"
}

# unload: unloads the modules of this project that a test has left.
unload() {
	local name
	for name in func_probe knobs lockup route_probe; do
		[ ! -e "/sys/module/$name" ] || rmmod "$name"
	done
}
