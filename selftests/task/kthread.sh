#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The library's kernel threads: the result that the owner gets, and when the captured values of the
# body are dropped. lockup_oops/kthread.sh has a thread that dies.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

cleanup() { [ ! -e /sys/module/threads ] || rmmod threads; }

what_stopping_a_thread_gives() {
	log_begin
	check "load" insmod "$FAULTLINE_MODULES/threads.ko"
	match "asked, its body returns, and the thread drops the captures" \
		'^threads: asked to stop: result 1, begun 1, captures dropped: 0 before, 1 after$' "$(log)"
	match "that of a thread that has ended is kept, and its captures are not" \
		'^threads: returned: result 0, begun 1, captures dropped: 1 before, 1 after$' "$(log)"
	match "one that was never started has none, and the owner drops the captures" \
		'^threads: never started: result none, begun 0, captures dropped: 0 before, 1 after$' "$(log)"
	check "unload" rmmod threads
}

ktap_run what_stopping_a_thread_gives
