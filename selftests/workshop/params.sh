#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The built parameters: a read is one load, modinfo shows each with its description and type, and
# they can be declared next to the kernel crate's module!.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/ktap.sh"
. "$here/../lib/rustc.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# instructions OBJECT FUNCTION: prints the instructions of a Rust function without padding; a jump
# to the kernel's return thunk counts as `ret`.
instructions() {
	objdump -dr --no-show-raw-insn "$1" | awk -v name="$2" '
		/^[0-9a-f]+ </ { inside = $0 ~ "<_R[A-Za-z0-9_]*" length(name) name ">:$"; next }
		!inside || /^$|^Disassembly/ { next }
		/R_X86_64/ { print "  " $2 " " $3; next }
		{ sub(/^ *[0-9a-f]+:[ \t]*/, ""); sub(/ *#.*/, ""); gsub(/[ \t]+/, " "); sub(/ $/, ""); sub(/ [0-9a-f]+ <.*/, ""); print }' |
		grep -vE '^(nop|endbr64|int3|xchg %ax,%ax)'
}

reading_an_integer_is_one_load() {
	readelf -h "$build/samples/knobs/knobs.o" | grep -q 'Machine:.*X86-64' || skip "the instructions of x86-64 are compared"
	local got
	got=$(instructions "$build/samples/knobs/knobs.o" limit)
	note "$got"
	match "instructions" '^mov (jmp|ret)$' "$(grep -v '^ ' <<<"$got" | awk '{ print $1 }' | paste -sd' ')"
	match "it loads into the register of the result" '^mov .*,%eax$' "$got"
	match "the parameter" '^  R_X86_64_(PC32|32S) _R.*14max_loop_count' "$got"
	same "nothing else is named" 1 "$(grep '^ ' <<<"$got" | grep -vc '__x86_return_thunk')"
}

modinfo_shows_every_parameter() {
	local info declared name
	info=$(modinfo -F parm "$build/knobs.ko")
	declared=$(sed -nE 's/^    0[o0-7]* (taints |hw )*([a-z_]+ as )?([a-z_]+): .*/\3/p' "$project/samples/knobs/params.rs")
	check "the sample declares them" test "$(wc -l <<<"$declared")" -ge 40
	same "names" "$(sort <<<"$declared")" "$(cut -d: -f1 <<<"$info" | sort)"
	for name in $declared; do
		match "text and type" "^$name:.+ \\([a-z_ ]+\\)\$" "$info"
	done
}

# For C's types modinfo shows the same as for a C module.
a_plain_parameter_has_no_addition() {
	local info line
	info=$(modinfo -F parm "$build/knobs.ko")
	for line in 'byte_value:a byte (byte)' 'hexint_value:an unsigned int in hexadecimal (hexint)' \
		'once_value:a bool that stays set (bool_enable_only)' 'string_value:a string in a buffer (string)' \
		'int_list:up to four ints (array of int)' 'charp_list:up to four strings (array of charp)' \
		'renamed:an int with another name than its variable (int)'; do
		check "'$line' in: $info" grep -qxF "$line" <<<"$info"
	done
	check "what C has not is added" grep -qxF \
		'percent:a share of something [percent, 0 to 100, default 50] (int)' <<<"$info"
}

# macros: prints the macros that the selected kernel's header defines for its users.
macros() {
	local header=$metadata/include/linux/moduleparam.h
	[ -e "$header" ] || header=$metadata/source/include/linux/moduleparam.h
	sed -nE 's/^#define ([A-Za-z_0-9]+).*/\1/p' "$header" | grep -v '^_LINUX_MODULE_PARAMS_H$' | sort -u
}

documentation_names_every_macro_of_c() {
	local name missing='' docs
	docs=$(cat "$project/docs/parameters.md")
	check "the header defines macros" test "$(macros | wc -l)" -ge 40
	for name in $(macros); do
		case $name in
		param_check_* | param_get_*) name=${name%"${name#param_*_}"}'<type>' ;;
		esac
		[[ $docs == *"\`$name"[\`\(]* ]] || missing+=" $name"
	done
	same "macros that docs/parameters.md leaves out" "" "$missing"
}

# The module! of 6.12 needs one author.
next_to_the_kernels_module() {
	local file=$scratch/next_to_module.rs object=$scratch/next_to_module.o
	cp "$here/compile_pass/next_to_module.rs" "$file"
	grep -q '"authors"\|authors:' "$metadata/source/rust/macros/module.rs" "$metadata/rust/macros/module.rs" 2>/dev/null ||
		sed -i 's/authors: \[\(.*\)\]/author: \1/' "$file"
	compile "$file" "$scratch" 2>"$scratch/messages" || true
	same "errors" "" "$(grep '^{' "$scratch/messages" | jq -r .rendered || true)"
	match "the kernel's own entry" ' init_module$' "$(nm --defined-only "$object")"
	match "our parameter is in __param" '^__param 0*28$' "$(objdump -h "$object" | awk '{ print $2, $3 }')"
	match "and in .modinfo" '^parm=max_loop_count:max loop execution count \[0 to 2147483647, default 100000\]$' \
		"$(objcopy -O binary -j .modinfo "$object" /dev/stdout | tr '\0' '\n')"
}

ktap_run reading_an_integer_is_one_load modinfo_shows_every_parameter a_plain_parameter_has_no_addition \
	documentation_names_every_macro_of_c next_to_the_kernels_module
