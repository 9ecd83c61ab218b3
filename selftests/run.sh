#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [DIR[/FILE]]...: runs the test files of these directories (default: all that run in the
# current machine, which should be a VM), and prints one KTAP report. `settings` in each directory
# has its time limit, as in the kernel's kselftest; timeout_long= is the limit with FAULTLINE_LONG
# set.
#
# In a VM of scripts/vm:   scripts/vm -- selftests/run.sh
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

# Statically linked busybox tools: dynamically linked programs take three times as long to start,
# which is most of the time of the tests under emulation. For the tests they behave the same.
if grep -qw faultline.vm /proc/cmdline && type -P busybox >/dev/null; then
	small=$(mktemp -d)
	for name in cat cut grep head paste rm sed seq sort tail touch tr wc; do
		ln -s "$(type -P busybox)" "$small/$name"
	done
	PATH=$small:$PATH
fi

# The kernel's settings are restored after each file, so that the next one in this VM begins like
# the first.
switches=()
declare -A usual
if grep -qw faultline.vm /proc/cmdline; then
	for switch in /proc/sys/kernel/{printk,nmi_watchdog,soft_watchdog,softlockup_panic,watchdog_thresh,hung_task_timeout_secs} \
		/proc/sys/kernel/{hung_task_check_interval_secs,hung_task_warnings} /proc/sys/debug/kprobes-optimization \
		/sys/module/rcupdate/parameters/rcu_cpu_stall_{timeout,suppress} /sys/kernel/rcu_expedited; do
		[ ! -e "$switch" ] || { switches+=("$switch") && usual[$switch]=$(<"$switch"); }
	done
fi
put_back() {
	local switch
	for switch in "${switches[@]}"; do
		[ "$(<"$switch")" = "${usual[$switch]}" ] || echo "${usual[$switch]}" >"$switch"
	done
}

# A kernel that checks each lock or memory access is slow.
slow=1
if [ -e /proc/lockdep_stats ] || grep -q ' kasan_report$' /proc/kallsyms; then slow=3; fi

printf 'KTAP version 1\n1..%d\n' "${#files[@]}"
number=0 failed=0
for file in "${files[@]}"; do
	number=$((number + 1))
	name=${file#"$here/"}
	timeout=$(sed -n 's/^timeout=//p' "$(dirname "$file")/settings" 2>/dev/null)
	[ -z "${FAULTLINE_LONG:-}" ] ||
		timeout=$(sed -n 's/^timeout_long=//p' "$(dirname "$file")/settings" 2>/dev/null | grep . || echo "$timeout")
	timeout=$((${timeout:-300} * slow))
	start=$SECONDS
	echo "# selftests: $name"
	timeout "$timeout" "$file" 2>&1 </dev/null | command -p sed -u 's/^/  /'
	code=${PIPESTATUS[0]}
	seconds=$((SECONDS - start))
	put_back
	case $code in
	0) echo "ok $number selftests: $name # $seconds s" ;;
	4) echo "ok $number selftests: $name # SKIP" ;;
	124) echo "not ok $number selftests: $name # TIMEOUT $timeout s"; failed=1 ;;
	*) echo "not ok $number selftests: $name # exit=$code, $seconds s"; failed=1 ;;
	esac
done
exit "$failed"
