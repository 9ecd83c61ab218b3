# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # what it sets is for those who source it
#
# Helpers of the tests of the Debian packages that `make deb` has built for the selected kernel.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mapfile -t of_row < <("$project/scripts/paths" RELEASE ROOT_SUITE VERSION CACHE ROW)
release=${of_row[0]} suite=${of_row[1]} kernel_version=${of_row[2]} cache=${of_row[3]} row=${of_row[4]}
packages=$project/build/deb/$suite
version=$(sed -nE '1s/^faultline \(([^)]+)\) .*/\1/p' "$project/packaging/debian/changelog")
# The metapackage of this kernel.
meta=$(sed -nE "s/^$row [^ ]+ [^ ]+ (.*)/\1/p" "$packages/faultline-$version/debian/rows" 2>/dev/null || true)

# built: checks that the packages are there and newer than the kernel that they are for.
built() {
	[ -n "$meta" ] || { note "no packages for $row in $packages: run 'make deb KERNEL=$row'"; exit 1; }
	local name
	for name in faultline faultline-source faultline-dkms "faultline-modules-$release" "faultline-modules-$meta"; do
		check "$name, built by 'make deb KERNEL=$row'" test -s "$(deb "$name")"
	done
}

# deb NAME: prints the file of a package.
deb() { echo "$packages/$1"_*.deb; }

# all_debs: prints the files of this kernel's packages that a user installs.
all_debs() { deb faultline; deb "faultline-modules-$release"; deb "faultline-modules-$meta"; }
