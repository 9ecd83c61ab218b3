# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # what it sets is for those who source it
#
# Functions shared by all scripts: paths, messages, and long steps (run once, logged,
# with progress).
#
# Cache layout (FAULTLINE_CACHE, safe to delete at any time):
#   roots/<suite>/          a build root: a Debian root file system, also used by guests
#   roots/<suite>-<arch>/   the root file system of guests of another architecture
#   rows/<row>              the kernel to which a row of scripts/kernels was resolved
#   kernels/<release>/      stock/ source/ metadata/ debug/ images/
#   cargo/ python/          caches of the package clients in the build root
#   ansible/<suite>/        an archive of Python for the hosts of selftests/packages/ansible.sh
#   stamps/ log/            the steps that are done, and their output

set -euo pipefail

# The scripts parse the output of programs: fix its language, sort order and number format.
export LC_ALL=C
unset LANGUAGE

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${FAULTLINE_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/faultline}"
CACHE=$FAULTLINE_CACHE
# Present in a build root only, so that a script knows where it runs.
ROOT_MARK=/etc/faultline-root

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# rows: prints the names of the table's rows.
rows() { awk '!/^#/ && NF { print $1 }' "$PROJECT/scripts/kernels"; }

# stock_rows: prints the rows of stock kernels, without those that are built here.
stock_rows() { awk '!/^#/ && NF && $4 !~ /^own-/ { print $1 }' "$PROJECT/scripts/kernels"; }

# debug_rows: prints the rows of debug kernels, which are built here.
debug_rows() { awk '!/^#/ && NF && $4 ~ /^own-.*-/ { print $1 }' "$PROJECT/scripts/kernels"; }

# row_select ROW: sets ROW, ROOT_SUITE, KERNEL_SUITE, FLAVOUR and the variables derived from them
# from this row of the table (the first row, if empty).
row_select() {
	local wanted=$1 row root suite flavour
	while read -r row root suite flavour; do
		case $row in '' | '#'*) continue ;; esac
		if [ -z "$wanted" ] || [ "$row" = "$wanted" ]; then
			ROW=$row ROOT_SUITE=$root KERNEL_SUITE=$suite FLAVOUR=$flavour
			ROOT=$CACHE/roots/$ROOT_SUITE
			row_machine
			return
		fi
	done <"$PROJECT/scripts/kernels"
	# shellcheck disable=SC2046 # one word each
	die "no kernel '$wanted' in scripts/kernels; it has:" $(rows)
}

# row_machine: sets the variables that depend on the row's architecture, the last part of its flavour.
row_machine() {
	case ${FLAVOUR##*-} in
	amd64)
		DEBIAN_ARCH=amd64 KERNEL_ARCH=x86 MACHINE=x86_64
		# With erms and fsrm the kernel copies and clears with a string instruction, which is
		# emulated byte by byte: without them, a module loads in two thirds of the time.
		QEMU_PACKAGE=qemu-system-x86 QEMU_MACHINE=q35 QEMU_CPU=max,-erms,-fsrm CONSOLE=ttyS0
		;;
	arm64)
		DEBIAN_ARCH=arm64 KERNEL_ARCH=arm64 MACHINE=aarch64
		# QEMU's default algorithm for pointer authentication is slow to emulate.
		QEMU_PACKAGE=qemu-system-arm QEMU_MACHINE=virt,gic-version=3 QEMU_CPU=max,pauth-impdef=on CONSOLE=ttyAMA0
		;;
	*) die "scripts/kernels: $ROW: the flavour '$FLAVOUR' does not end in -amd64 or -arm64" ;;
	esac
	GUEST_ROOT=$ROOT
	foreign && GUEST_ROOT=$ROOT-$DEBIAN_ARCH
	return 0
}

# foreign: returns whether the row's architecture differs from this machine's.
foreign() { [ "$MACHINE" != "$(uname -m)" ]; }

# own: returns whether the row's kernel is built here, and not a stock kernel.
own() { [[ $FLAVOUR == own-* ]]; }

# row_load: sets the variables of the kernel to which the selected row was resolved (RELEASE,
# VERSION, ...), and its paths.
row_load() {
	[ -f "$CACHE/rows/$ROW" ] || die "kernel '$ROW' is not set up: run 'make setup KERNEL=$ROW'"
	# shellcheck source=/dev/null
	. "$CACHE/rows/$ROW"
	row_paths
}

row_paths() {
	KERNEL_DIR=$CACHE/kernels/$RELEASE
	STOCK=$KERNEL_DIR/stock
	HEADERS=$STOCK/usr/src/linux-headers-$RELEASE
	METADATA=$KERNEL_DIR/metadata
	VMLINUX_DEBUG=$KERNEL_DIR/debug/vmlinux
}

# step NAME TITLE RECIPE COMMAND...: runs COMMAND unless it already succeeded
# with the same RECIPE (any text that changes when the result would). Its
# output goes to a log, whose last lines are shown if it fails.
step() {
	local title=$2 recipe=$3 log=$CACHE/log/$1.log stamp=$CACHE/stamps/$1
	shift 3
	[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$recipe" ] && return
	mkdir -p "$CACHE/log" "$(dirname "$log")" "$(dirname "$stamp")"
	rm -f "$stamp"
	local start=$SECONDS status=0 ticker job
	say "  ...  $title"
	progress "$title" &
	ticker=$!
	# In a process group of its own, so that all of it can be ended.
	set -m
	(set -e; "$@") </dev/null >"$log" 2>&1 &
	job=$!
	set +m
	# shellcheck disable=SC2064 # the current values
	trap "kill -TERM -- -$job $ticker 2>/dev/null || true; wait; exit 130" INT TERM HUP
	wait "$job" || status=$?
	trap - INT TERM HUP
	kill "$ticker"
	wait "$ticker" 2>/dev/null || true
	if [ -t 2 ]; then printf '\r\033[K' >&2; fi
	if [ "$status" != 0 ]; then
		say "FAILED $title, after $((SECONDS - start)) s. The last lines of $log:"
		tail -n 15 "$log" | sed 's/^/    /' >&2
		return "$status"
	fi
	printf '%s\n' "$recipe" >"$stamp"
	say "  done $title ($((SECONDS - start)) s)"
}

# progress TITLE: shows the progress of a step: a running clock on a terminal, otherwise a
# line every half minute. Runs until it is killed.
progress() {
	local start=$SECONDS every=30 never
	[ -t 2 ] && every=1
	exec {never}<> <(:) # waits without a process that would outlive this one
	while ! read -rt "$every" -u "$never"; do
		if [ -t 2 ]; then
			printf '\r  %3d s' $((SECONDS - start)) >&2
		else
			say "       $1: $((SECONDS - start)) s"
		fi
	done
}

# locked: takes the lock of the cache until the script ends; waits if another script has it.
locked() {
	mkdir -p "$CACHE"
	exec 9>>"$CACHE/lock"
	if ! flock -n 9; then
		say "waiting: another setup is using $CACHE (process $(cat "$CACHE/lock.pid" 2>/dev/null || echo unknown))"
		flock 9
	fi
	echo $$ >"$CACHE/lock.pid"
}

# root_users shared|alone: locks a build root, shared for using it, exclusively for making or removing
# it. The lock is held until the script and all processes that it started have ended.
root_users() {
	local how=-s
	[ "$1" = shared ] || how=-x
	mkdir -p "$CACHE/roots"
	exec 8>>"$ROOT.lock"
	if ! flock "$how" -n 8; then
		say "waiting: $ROOT is in use or being made"
		flock "$how" 8
	fi
}

# results_merge NEW INTO: merges test results, a line each: kernel, test file, result, release, day.
# Lines of NEW replace the results of the same tests, and those of another release.
results_merge() {
	touch "$2"
	{
		awk -F '\t' 'FILENAME == ARGV[1] { new[$1, $2]; release[$1] = $4; next }
			!(($1, $2) in new) && (!($1 in release) || release[$1] == $4)' "$1" "$2"
		cat "$1"
	} | sort -u >"$2.new"
	mv "$2.new" "$2"
}

# space MIB WHAT: fails if the cache has less than MIB free, which WHAT needs.
space() {
	local free
	free=$(df --output=avail -m "$CACHE" | tail -n 1)
	[ "$free" -ge "$1" ] || die "$2 needs $1 MiB in $CACHE, but only $((free)) MiB are free:" \
		"free some space, or set FAULTLINE_CACHE to another directory"
}

# private COMMAND...: runs COMMAND in mount and process namespaces of its own. Its mounts and
# processes are gone when it ends, also after Ctrl-C or a kill.
private() {
	local child status=0
	# A shell makes its background jobs ignore SIGINT: undo that, and keep stdin. If this
	# shell is killed, unshare is killed as well, and with it everything inside.
	env --default-signal=INT,QUIT setpriv --pdeathsig KILL \
		unshare --mount --pid --fork --kill-child --propagation private "$@" <&0 &
	child=$!
	trap 'private_end "$child" 143' TERM HUP
	# Ctrl-C reaches COMMAND as well, which may need time to print or save something.
	trap 'timeout 5 tail --pid="$child" -f /dev/null || true; private_end "$child" 130' INT
	wait "$child" || status=$?
	return "$status"
}

private_end() {
	kill -KILL "$1" 2>/dev/null
	exit "$2"
}

# commit_of FOLDER: prints the last commit that changed this folder, with -dirty if it has changes that are in
# no commit; nothing if that is not known. A later commit elsewhere thus changes no program. FAULTLINE_COMMIT
# replaces it, in a copy without git.
commit_of() {
	local last
	[ -z "${FAULTLINE_COMMIT+set}" ] || { echo "$FAULTLINE_COMMIT"; return; }
	last=$(git log -1 --format=%H -- "$1" 2>/dev/null) && [ -n "$last" ] || return 0
	[ -z "$(git status --porcelain -- "$1")" ] || last+=-dirty
	echo "$last"
}

# own_name NAME DIR: fails if NAME cannot be the name of a module.
own_name() {
	[[ $1 =~ ^[a-z][a-z0-9_]*$ ]] ||
		die "MODULE=$2: the directory's name becomes the module's: a lower-case letter, then lower-case letters, digits and _"
}
