#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the handlers of each kind of probe call, and what may look at them: in the module of
# these tests.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/handlers.sh"

they_are_fit() {
	# The handlers of fprobes and of kretprobes are those of two sets each.
	handlers_are_fit "$FAULTLINE_MODULES/probes.ko" 9 '_R.*probes[0-9]+[A-Za-z_]+'
}

ktap_run they_are_fit
