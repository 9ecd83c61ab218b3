#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The library's kernel threads: a thread that dies in its body. The owner gets no result, and drops
# the values that the body has captured.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

expects '^kernel BUG at '
expects '^(Oops: |Internal error: Oops)'

cleanup() { [ ! -e /sys/module/threads ] || rmmod threads; }

what_a_dead_thread_leaves_to_its_owner() {
	lockdep_ends
	log_begin
	check "load" insmod "$FAULTLINE_MODULES/threads.ko" die=1
	match "the bug" '^kernel BUG at ' "$(log)"
	match "no result, and the owner drops the captures" \
		'^threads: died: result none, begun 1, captures dropped: 0 before, 1 after$' "$(log)"
	check "unload" rmmod threads
}

ktap_run what_a_dead_thread_leaves_to_its_owner
