#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The parameters of lockup and route_probe, on random texts: each is taken or refused, with the error,
# as a table in the program says, reads back as that says, and one that is refused changes nothing.
# FAULTLINE_WRITES says how many. (Those of knobs are compared with C's: knobs/random.sh.)

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

cleanup() { unload; }

# as_the_table_says MODULE ARG...
as_the_table_says() {
	local module=$1
	shift
	new_seed
	# Each refusal says a line.
	misuse 1 params --seed "$seed" --writes "${FAULTLINE_WRITES:-5000}" "$FAULTLINE_MODULES/$module.ko" "$@"
}

# With a point that never strikes: whatever is written to its parameters begins nothing.
lockup() { as_the_table_says lockup mode=warn at=comm_write count=4294967295 delay_secs=3600 force=1; }
route_probe() { as_the_table_says route_probe; }

ktap_run lockup route_probe
