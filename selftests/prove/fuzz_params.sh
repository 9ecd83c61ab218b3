#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random texts for the parameters of lockup and route_probe: each is accepted, or refused with the
# error, as a table in the program predicts, and reads back as predicted; a refused one changes
# nothing. FAULTLINE_WRITES is the number of writes. (knobs/random.sh compares those of knobs with
# C's.)

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

cleanup() { unload; }

# as_the_table_says MODULE ARG...
as_the_table_says() {
	local module=$1
	shift
	new_seed
	# Each refusal logs a line.
	misuse 1 params --seed "$seed" --writes "${FAULTLINE_WRITES:-5000}" "$FAULTLINE_MODULES/$module.ko" "$@"
}

# With a crash point that never hits, so that no write to its parameters starts a fault.
lockup() { as_the_table_says lockup mode=warn at=comm_write count=4294967295 delay_secs=3600 force=1; }
route_probe() { as_the_table_says route_probe; }

ktap_run lockup route_probe
