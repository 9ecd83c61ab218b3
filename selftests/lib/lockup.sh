# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of the lockup module share: loading it, waiting for it, its log.

parameters=/sys/module/lockup/parameters

parameter() { cat "$parameters/$1"; }

load() { insmod "$FAULTLINE_MODULES/lockup.ko" "$@"; }

# refused ERRNO-TEXT ARG...: insmod must fail with that error and leave nothing.
refused() {
	local want=$1 output
	shift
	if output=$(load "$@" 2>&1); then
		note "insmod $* was accepted"
		exit 1
	fi
	match "insmod $*" "$want\$" "$output"
	check "no module is left after insmod $*" test ! -e /sys/module/lockup
	same "no thread is left after insmod $*" "" "$(threads)"
}

# threads: the names of lockup's threads, one a line.
threads() { cat /proc/[0-9]*/comm 2>/dev/null | grep '^lockup/' | sort || true; }

state_is() { [ "$(parameter state)" = "$1" ]; }

log_has() { log | grep -qE -- "$1"; }

# cleanup: whatever a test left loaded is released and removed.
cleanup() {
	[ -e /sys/module/lockup ] || return 0
	echo 1 >"$parameters/hold_secs"
	rmmod lockup
}
