# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Mistakes that are made on purpose, by the test module mistakes.ko, to see that a debug kernel
# hears them: what hears nothing proves nothing.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# option NAME...: only where the kernel is built with one of these, which is then `by`.
option() {
	for by; do
		! gzip -dc /proc/config.gz 2>/dev/null | grep -qx "CONFIG_$by=y" || return 0
	done
	skip "this kernel is built without $(paste -sd, <<<"$*")"
}

# made NAME: makes that mistake, with what the kernel says of it in `said`.
made() {
	local error
	log_begin
	error=$(insmod "$FAULTLINE_MODULES/mistakes.ko" make="$1" 2>&1) || true
	match "it was made" 'Operation canceled' "$error"
	said=$(log)
}

# heard MISTAKE REGEX: the kernel reports it, by a line that matches.
heard() {
	expects "$2"
	made "$1"
	reported "$1" "$2" "$said"
}

# reported MISTAKE REGEX TEXT: a line of TEXT matches; it is for docs/reliability.md as well.
reported() {
	match "$1" "$2" "$3"
	note "planted $1, heard by $by: $(grep -m 1 -E "$2" <<<"$3")"
}

# misuse LEVEL COMMAND ARG...: runs the test program; its words are notes, and `said`. What the kernel says
# goes to the console below LEVEL only: a console is slow.
misuse() {
	local level=$1 code=0 program=${FAULTLINE_PROGRAMS:-$project/build}/misuse
	shift
	check "make selftests" test -x "$program"
	echo "$level" >/proc/sys/kernel/printk
	said=$("$program" "$@" 2>&1) || code=$?
	note "$said"
	same "misuse $1: exit status" 0 "$code"
}

# new_seed: in `seed`, and a note; FAULTLINE_SEED makes it that of another run.
new_seed() {
	seed=${FAULTLINE_SEED:-$((RANDOM + 1))}
	note "FAULTLINE_SEED=$seed"
}

# unload: those of our modules that a test has left.
unload() {
	local name
	for name in func_probe knobs lockup route_probe; do
		[ ! -e "/sys/module/$name" ] || rmmod "$name"
	done
}
