# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # over is of who uses this
#
# Users of a module's parameters, which come and go with it.

# use MODULE FILE...: reads and writes the parameters, in that order, until the test is over (until
# the file $over is there). What is written is what was read; a parameter that is only written gets
# its value from `written`.
use() {
	local module=$1 name file value
	declare -A written=([trigger]=soft [cancel]=1 [run]=3 [write_only]=1)
	shift
	while [ ! -e "$over" ]; do
		for name; do
			file=/sys/module/$module/parameters/$name value=${written[$name]:-}
			[ -n "$value" ] || { IFS= read -rd '' value <"$file"; } 2>/dev/null || true
			{ printf %s "$value" >"$file"; } 2>/dev/null || true
		done
	done
}

# parameters_of MODULE, which is loaded: their names, first those that only show what a function
# computes.
parameters_of() { (cd "/sys/module/$1/parameters" && stat -c '%a %n' -- * | sort | cut -d' ' -f2); }
