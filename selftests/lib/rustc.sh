# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Helpers of the tests that run the compiler: with the command with which the build compiled the
# sample `knobs`, on another file.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
release=$("$project/scripts/paths" RELEASE)
metadata=$("$project/scripts/paths" METADATA)
build=$project/build/$release

# compile FILE DIR [FLAG]...: compiles the crate FILE into DIR; the compiler's messages go to
# stderr, as JSON. It does not change the build.
compile() {
	local file=$1 folder=$2 command from saved=$build/samples/knobs/.knobs.o.cmd
	shift 2
	command=$(sed -n '1s/^savedcmd_[^ ]* := //p' "$saved")
	from=$(sed -nE 's/.* ([^ ]*)samples\/knobs\/knobs\.rs *$/\1/p' <<<"$command")
	command=$(sed -E "s|--emit=[^ ]*||g; s|--out-dir [^ ]*||; s|--crate-name [^ ]*||; s|[^ ]*samples/knobs/knobs\\.rs *\$||" <<<"$command")
	[ -n "$from" ] || { note "no command of the build in $saved"; return 1; }
	# In the directory of the build, to which its paths are relative.
	cd "$(if [[ $command == *'--extern faultline=./'* ]]; then echo "$build"; else echo "$metadata"; fi)" || return
	eval "RUSTC_BOOTSTRAP=1 $command --error-format=json --crate-name $(basename "$file" .rs) --out-dir $folder --emit=metadata,obj $* $file"
}
