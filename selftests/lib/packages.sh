# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # what it sets is for those who source it
#
# Helpers of the tests of the Debian packages that `make deb` has built for the selected kernel, or of those in
# FAULTLINE_PACKAGES, a directory in that of the project.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mapfile -t of_row < <("$project/scripts/paths" RELEASE ROOT_SUITE VERSION CACHE ROW DEBIAN_ARCH MACHINE)
release=${of_row[0]} suite=${of_row[1]} kernel_version=${of_row[2]} cache=${of_row[3]} row=${of_row[4]} arch=${of_row[5]} machine=${of_row[6]}
packages=$project/${FAULTLINE_PACKAGES:-build/deb}/$suite
for_all=(faultline-source faultline-dkms)
[ "$machine" = "$(uname -m)" ] || packages+=-$arch for_all=()
version=$(sed -nE '1s/^faultline \(([^)]+)\) .*/\1/p' "$project/packaging/debian/changelog")
# The metapackage of this kernel.
meta=$(sed -nE "s/^$row [^ ]+ [^ ]+ (.*)/\1/p" "$packages/faultline-$version/debian/rows" 2>/dev/null || true)

# built: checks that the packages are there and newer than the kernel that they are for.
built() {
	[ -n "$meta" ] || { note "no packages for $row in $packages: run 'make deb KERNEL=$row'"; exit 1; }
	local name
	for name in faultline "${for_all[@]}" "faultline-modules-$release" "faultline-modules-$meta"; do
		check "$name, built by 'make deb KERNEL=$row'" test -s "$(deb "$name")"
	done
}

# layer DIR: makes in DIR/tree a machine with this kernel and no packages of ours: the build root with a layer over it,
# DIR/upper, in which every change ends up. changes DIR: prints these, without those of package managers.
layer() {
	local modules=$1/tree/usr/lib/modules/$release
	mkdir "$1"/{upper,work,tree}
	mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/tree" || skip "no overlay file system here"
	mount -t proc proc "$1/tree/proc"
	mount --bind /dev "$1/tree/dev"
	# The kernel's modules, without its image and headers.
	rm -f "$modules"
	cp -r "$cache/kernels/$release/stock/usr/lib/modules/$release" "$1/tree/usr/lib/modules/"
	rm -f "$modules"/{build,source,vmlinuz}
	chroot "$1/tree" depmod "$release"
	mkdir "$1/tree/debs"
	# A layer remembers what it has removed.
	rm -rf "$1/tree/var/lib/faultline"
}
changes() {
	local without=(\( -path ./debs -o -path ./var/lib/dpkg -o -path ./var/lib/rpm -o -path ./var/log -o -path ./var/cache -o -path ./root -o
		-path ./tmp \) -prune -o)
	(
		cd "$1/upper" || exit
		find . "${without[@]}" ! -type d -printf '%p %y %m %U:%G %l\n'
		find . "${without[@]}" -type f -print0 | xargs -0 sha256sum | awk '{ print $2, $1 }'
	) | sort
}
unlayer() { umount -lR "$1/tree" 2>/dev/null || true; }

# deb NAME: prints the file of a package.
deb() { echo "$packages/$1"_*.deb; }

# all_debs: prints the files of this kernel's packages that a user installs.
all_debs() { deb faultline; deb "faultline-modules-$release"; deb "faultline-modules-$meta"; }
