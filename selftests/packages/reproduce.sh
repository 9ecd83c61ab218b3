#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The Debian packages of this kernel and the first one, built twice from nothing, in two directories and under
# two umasks: each is the same, byte for byte. It takes minutes, so only with FAULTLINE_LONG set.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/packages.sh"
one=$(mktemp -d)
two=$project/build/reproduce/another/directory
trap 'rm -rf "$one" "$project/build/reproduce"' EXIT

two_builds_give_the_same_bytes() {
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes minutes: only with FAULTLINE_LONG set"
	local file name rows
	# One is a kernel with Rust, the other without, unless they are the same.
	mapfile -t rows < <(printf '%s\n' "$row" "$(KERNEL='' "$project/scripts/paths" ROW)" | sort -u)
	rm -rf "$two"
	mkdir -p "$two"
	check "the first build" "$project/scripts/deb" --out "$one" "${rows[@]}" >&2
	check "the second build" env -C / bash -c 'umask 077; exec "$@"' _ "$project/scripts/deb" --out "$two" "${rows[@]}" >&2
	same "packages" "$(cd "$one/$suite" && ls ./*.deb)" "$(cd "$two/$suite" && ls ./*.deb)"
	for file in "$one/$suite"/*.deb; do
		name=${file##*/}
		cmp -s "$file" "$two/$suite/$name" && continue
		dpkg-deb -R "$file" "$one/a"
		dpkg-deb -R "$two/$suite/$name" "$one/b"
		note "$name: $(diff -rq "$one/a" "$one/b" | head -n 10)"
		rm -r "$one/a" "$one/b"
		touch "$one/differs"
	done
	check "each is the same" test ! -e "$one/differs"
}

ktap_run two_builds_give_the_same_bytes
