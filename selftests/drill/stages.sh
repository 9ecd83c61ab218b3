#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every stage in which a drill can fail, each in a fresh VM.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/drill.sh"
trap 'rm -rf "$scratch"' EXIT

watchdog_off() {
	drill --set kernel.soft_watchdog=0 --hold-secs 8
	ended 1 not_detected 'soft_watchdog'
}

panic_off() {
	drill --set kernel.softlockup_panic=0 --hold-secs 8
	ended 1 detected_no_panic
}

no_crash_kernel() {
	drill --no-crash-kernel
	ended 1 refused 'no crash kernel is loaded'
}

no_crash_kernel_forced() {
	drill --no-crash-kernel --force
	ended 1 panic_no_crash_kernel
}

crash_kernel_too_small() {
	drill --crashkernel 96M
	ended 1 crash_kernel_out_of_memory
}

wrong_parameter() {
	drill --cpus 7
	ended 1 refused 'cpus=7: '
}

vm_that_does_not_boot() {
	drill --timeout 2
	ended 3 could_not_tell
}

wrong_usage() {
	program drill vm --mode sofd
	same "status" 2 "$status"
	match "the modes are named" 'soft' "$(cat "$scratch/err")"
}

ktap_run watchdog_off panic_off no_crash_kernel no_crash_kernel_forced crash_kernel_too_small \
	wrong_parameter vm_that_does_not_boot wrong_usage
