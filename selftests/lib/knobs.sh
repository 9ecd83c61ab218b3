# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Helpers of the tests of knobs: the program that gives the module and its C twin the same values.
# `make selftests` builds both.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${FAULTLINE_PROGRAMS:-$project/build}/knobs-test

# knobs_test ARG...: runs the program. It loads the modules thousands of times, so it gets copies in
# memory, without debug sections.
knobs_test() {
	local folder status=0
	if [ ! -e "$FAULTLINE_MODULES/knobs_twin.ko" ] || [ ! -x "$program" ]; then
		echo "# knobs_twin.ko or knobs-test is missing: run 'make selftests'"
		return 1
	fi
	folder=$(mktemp -d) || return
	cp "$FAULTLINE_MODULES"/knobs.ko "$FAULTLINE_MODULES"/knobs_twin.ko "$folder" &&
		strip --strip-debug "$folder"/*.ko &&
		"$program" --modules "$folder" "$@" || status=$?
	rm -rf "$folder"
	return "$status"
}
