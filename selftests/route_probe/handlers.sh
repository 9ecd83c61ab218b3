#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe: what the handlers of its probes call, and what may look at them.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/handlers.sh"

module=$FAULTLINE_MODULES/route_probe.ko

handlers_are_seen() {
	local got
	got=$(reached "$module")
	match "what they must be seen to call" '^out ktime_get_mono_fast_ns$' "$got"
	match "and over others" '^out trace_event_buffer_reserve$' "$got"
}

they_are_fit() {
	handlers_are_fit "$module" 3 '_R.*route_probe(6filter|6params)[0-9]+[A-Za-z_]+'
}

ktap_run handlers_are_seen they_are_fit
