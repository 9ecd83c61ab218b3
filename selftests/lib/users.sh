# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # the caller sets over
#
# Readers and writers of a module's parameters, while the module is loaded and unloaded.

# use MODULE FILE...: reads and writes the parameters, in that order, until the file $over exists.
# It writes the value that it read; a write-only parameter gets its value from `written`.
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

# parameters_of MODULE: prints the names of the loaded module's parameters, those whose value a
# function computes first.
parameters_of() { (cd "/sys/module/$1/parameters" && stat -c '%a %n' -- * | sort | cut -d' ' -f2); }
