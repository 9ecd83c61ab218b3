#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [FOLDER[/FILE]]...: runs the test files of the named folders (default: those that
# need no VM of their own and so run where this runs: a VM), and prints one KTAP report.
# Each folder's `settings` gives its time limit, as in the kernel's kselftest, and
# timeout_long= that with FAULTLINE_LONG set, if it is another.
#
# In a VM of ours:         scripts/vm -- selftests/run.sh
# As with any kselftest:   vng -r <vmlinuz> ... -- selftests/run.sh

set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${FAULTLINE_RELEASE:=$(uname -r)}"
: "${FAULTLINE_MODULES:=$(dirname "$here")/build/$FAULTLINE_RELEASE}"
export FAULTLINE_RELEASE FAULTLINE_MODULES

files=()
for wanted in "${@:-lockup}"; do
	if [ -d "$here/$wanted" ]; then
		for file in "$here/$wanted"/*.sh; do files+=("$file"); done
	elif [ -x "$here/$wanted" ]; then
		files+=("$here/$wanted")
	else
		echo "run.sh: no tests '$wanted' in $here" >&2
		exit 2
	fi
done

printf 'KTAP version 1\n1..%d\n' "${#files[@]}"
number=0 failed=0
for file in "${files[@]}"; do
	number=$((number + 1))
	name=${file#"$here/"}
	timeout=$(sed -n 's/^timeout=//p' "$(dirname "$file")/settings" 2>/dev/null)
	[ -z "${FAULTLINE_LONG:-}" ] ||
		timeout=$(sed -n 's/^timeout_long=//p' "$(dirname "$file")/settings" 2>/dev/null | grep . || echo "$timeout")
	start=$SECONDS
	echo "# selftests: $name"
	timeout "${timeout:-300}" "$file" 2>&1 </dev/null | sed -u 's/^/  /'
	code=${PIPESTATUS[0]}
	seconds=$((SECONDS - start))
	case $code in
	0) echo "ok $number selftests: $name # $seconds s" ;;
	4) echo "ok $number selftests: $name # SKIP" ;;
	124) echo "not ok $number selftests: $name # TIMEOUT $timeout s"; failed=1 ;;
	*) echo "not ok $number selftests: $name # exit=$code, $seconds s"; failed=1 ;;
	esac
done
exit "$failed"
