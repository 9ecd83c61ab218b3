#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The calls of the handlers of each kind of probe, and that they cannot be traced, in the module of
# these tests.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/handlers.sh"

they_are_fit() {
	# Fprobes and kretprobes have the handlers of two sets each.
	handlers_are_fit "$FAULTLINE_MODULES/probes.ko" 9 '_R.*probes[0-9]+[A-Za-z_]+'
}

ktap_run they_are_fit
