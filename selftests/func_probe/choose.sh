#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `faultline probe -l` and `-L`: what they say of the running kernel's functions is what the kernel's
# own files say, read by awk. Needs no module of ours.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/handlers.sh"
eval "$(grep '^handlers_may+=' "$here/module.sh")"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export LC_ALL=C
chmod 755 "$scratch"
faultline=$scratch/faultline # where anybody may run it
cp "$FAULTLINE_PROGRAMS/faultline" "$faultline" || exit 1
tracefs=/sys/kernel/tracing
blacklist=/sys/kernel/debug/kprobes/blacklist
modprobe -q veth || true
# As they are for all of this: the modules that are loaded are the same.
for file in /proc/kallsyms "$tracefs/available_filter_functions" "$blacklist"; do
	cat "$file" >"$scratch/${file##*/}"
done

# code CMD...: its exit status; output in $scratch/out and error.
code() {
	local code=0
	"$@" >"$scratch/out" 2>"$scratch/error" || code=$?
	echo "$code"
}

# A tenth of all names, since awk takes minutes for all of them in an emulated machine.
letters='[rs]'
# kernel: a line for each of these names of a function in a text section of the kernel itself:
# "name how-many traced|untraced forbidden|allowed init|stays", the last two of one of that name.
# Hexadecimal numbers of one length are in the order of their letters.
kernel() {
	awk -F '[ \t]' -v letters="^$letters" '
		FILENAME ~ /filter_functions$/ { if (NF == 1) traced[$1] = 1; next }
		FILENAME ~ /blacklist$/ { split($1, range, "-"); print substr(range[2], 3), "a -"; print substr(range[1], 3), "b +"; next }
		$3 == "_sinittext" { init = $1; next }
		$3 == "_einittext" { end = $1; next }
		NF != 3 || $2 !~ /^[tTwW]$/ || $3 ~ /^__pfx_/ { next }
		$3 in traced { is_traced[$1] = 1 }
		$3 ~ letters && $3 !~ /\.cold(\.|$)/ { count[$3]++; at[$3] = $1 }
		END {
			for (name in at)
				print at[name], "c", name, count[name], (at[name] in is_traced) ? "traced" : "untraced",
					(at[name] >= init && at[name] < end) ? "init" : "stays"
		}' "$scratch"/{available_filter_functions,blacklist,kallsyms} | sort | awk '
		$3 == "+" { depth++; next }
		$3 == "-" { depth--; next }
		{ print $3, $4, $5, depth ? "forbidden" : "allowed", $6 }' | sort
}
kernel >"$scratch/kernel"

# sorted OUTPUT: of what -l has printed, names in a file for each reason, and in listed, sorted.
sorted() {
	local word
	rm -rf "$scratch/of" && mkdir "$scratch/of"
	awk -v folder="$scratch/of/" '
		/^(kernel|module\("[^"]*"\))\.function\("/ { split($0, part, "function\\(\""); name = part[2]; sub(/".*/, "", name); print name >(folder "listed"); next }
		/^[a-z-]+ \([0-9]+\): / { word = $1; next }
		word != "" && /^    / {
			# What is in parentheses, which a line may end in, is about a name.
			for (i = 1; i <= NF; i++) {
				if ($i ~ /^\(/) inside = 1
				if (!inside) { name = $i; sub(/,$/, "", name); print name >(folder word) }
				if ($i ~ /\),?$/) inside = 0
			}
		}' "$1"
	for word in listed ambiguous blacklisted dangerous init notrace; do
		touch "$scratch/of/$word"
		sort "$scratch/of/$word" >"$scratch/$word"
	done
}

what_of_the_kernel_can_be_probed() {
	local word
	same "exit status" 0 "$(code "$faultline" probe -l "kernel.function(\"$letters*\")")"
	sorted "$scratch/out"
	note "$(wc -l <"$scratch/listed") can be probed, of $(wc -l <"$scratch/kernel") names"
	check "there are many" test "$(wc -l <"$scratch/listed")" -gt 2000
	for word in ambiguous blacklisted dangerous init notrace; do
		note "$word: $(wc -l <"$scratch/$word")"
		check "some are $word" test -s "$scratch/$word"
	done
	same "the sum" "$(wc -l <"$scratch/kernel")" \
		"$(awk '/^[0-9]+ can be probed, [0-9]+ cannot:$/ { print $1 + $5 }' "$scratch/out")"
	awk '$2 == 1 && $3 == "traced" && $4 == "allowed" && $5 == "stays" { print $1 }' "$scratch/kernel" >"$scratch/may"
	same "functions that may not be probed" "" "$(comm -23 "$scratch/listed" "$scratch/may" | head -n 5)"
	# What may be, and is not listed, is in our own table.
	same "functions that are left out" "" \
		"$(sort "$scratch"/{listed,dangerous} | comm -13 - "$scratch/may" | head -n 5)"
	awk '$4 == "forbidden" { print $1 }' "$scratch/kernel" >"$scratch/forbidden"
	same "blacklisted ones that are not" "" "$(comm -23 "$scratch/blacklisted" "$scratch/forbidden" | head -n 5)"
	awk '$3 == "untraced" { print $1 }' "$scratch/kernel" >"$scratch/untraced"
	same "notrace ones that are traced" "" "$(comm -23 "$scratch/notrace" "$scratch/untraced" | head -n 5)"
	awk '$2 > 1 { print $1 }' "$scratch/kernel" >"$scratch/several"
	same "ambiguous ones that are not" "" "$(comm -23 "$scratch/ambiguous" "$scratch/several" | head -n 5)"
	same "those of several functions, and are not ambiguous" "" \
		"$(sort "$scratch"/{ambiguous,dangerous,init} | comm -13 - "$scratch/several" | head -n 5)"
}

# first CONDITION: the first name that an awk condition holds for, and that looks harmless.
first() { awk "$1 && \$1 ~ /^[a-z][a-z_0-9]*\$/ && \$1 !~ /probe|trace|lock|rcu|preempt|thunk|mem|stack|unwind/ { print \$1; exit }" "$scratch/kernel"; }

# What ftrace does not trace, and a kprobe can be put in.
# shellcheck disable=SC2016 # they are awk's
untraced=$(first '$2 == 1 && $3 == "untraced" && $4 == "allowed" && $5 == "stays"')

# shellcheck disable=SC2016 # as above
each_reason_has_a_function() {
	local patterns=() want=() changed name called code
	# reason WORD NAME [PATTERN]: a pattern is refused for that, by this name.
	reason() {
		if [ -z "$2" ] && [[ $1 =~ ^(changed|no-function)$ ]]; then
			# As of clang's: it neither changes functions so, nor takes parts out.
			note "this kernel has no function that is $1"
			return
		fi
		check "a function that is $1" test -n "$2"
		patterns+=("${3:-kernel.function(\"$2\")}") want+=("$2 $1")
	}
	changed=$(awk '{ known[$1] = 1 } $1 ~ /\.(part|constprop|isra)\.[0-9]+$/ { base = $1; sub(/\..*/, "", base); bases[base] = 1 }
		END { for (base in bases) if (!(base in known)) print base }' "$scratch/kernel" | sort | head -n 1)
	reason blacklisted "$(first '$2 == 1 && $4 == "forbidden" && $5 == "stays"')"
	reason init "$(first '$2 == 1 && $5 == "init"')"
	reason ambiguous "$(first '$2 > 1 && $4 == "allowed" && $5 == "stays"')"
	reason notrace "$untraced" "${untraced%?}[${untraced: -1}]"
	reason changed "$changed"
	reason no-function "$(awk 'NF == 3 && $3 ~ /\.cold$|^__pfx_/ { print $3; exit }' "$scratch/kallsyms")"
	reason dangerous schedule schedule.return
	# What the module's handlers may call, as far as ftrace would let it be probed.
	mapfile -t called < <(grep -xE "$handlers_may" "$scratch/available_filter_functions" | sort -u)
	match "copy_from_kernel_nofault is called" '^copy_from_kernel_nofault$' "$(printf '%s\n' "${called[@]}")"
	for name in "${called[@]}"; do reason dangerous "$name"; done
	reason dangerous do_exit do_exit.return
	reason not-found no_such_function_at_all
	reason not-loaded '*' 'module("no_such_module").function("*")'
	code=$(code "$faultline" probe -l --json "${patterns[@]}")
	same "what can be probed" "" "$(jq -r '.functions[].name' "$scratch/out")"
	same "exit status where nothing can" 1 "$code"
	note "$(jq -r '.refused[] | .name + ": " + .says' "$scratch/out")"
	same "reasons" "$(printf '%s\n' "${want[@]}" | sort)" "$(jq -r '.refused[] | .name + " " + .reason' "$scratch/out" | sort)"
}

prototypes_of_the_kernel_and_of_a_module() {
	grep -q '\[veth\]' "$scratch/kallsyms" || skip "this kernel has no module veth"
	same "exit status" 0 "$(code "$faultline" probe -L 'kernel.function("vfs_read").return' \
		'module("veth").function("*")' "kernel.function(\"$untraced\")")"
	# A pattern that fits it alone is refused; its name is not.
	match "a function that is named" "^kernel\.function\(\"$untraced\"\)  # by a kprobe only\$" "$(cat "$scratch/out")"
	same "vfs_read" 'kernel.function("vfs_read").return
    ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)' "$(grep -A 1 vfs_read "$scratch/out" | head -n 2)"
	same "the module's functions" "$(sed -n 's/ \[veth\]$//p' "$scratch/available_filter_functions" | grep -v __ftrace_invalid | sort)" \
		"$(sorted "$scratch/out"; grep -vxE "vfs_read|$untraced" "$scratch/listed")"
	# pahole leaves functions of modules out on kernels that are instrumented.
	grep -qa veth_xmit /sys/kernel/btf/veth || skip "the BTF of veth has no functions"
	match "veth_xmit" '^    netdev_tx_t veth_xmit\(struct sk_buff \*skb, struct net_device \*dev\)$' "$(cat "$scratch/out")"
}

# Each function that is of a file is defined there, where its line says, in the kernel's source.
source_files_and_lines() {
	local vmlinux=$FAULTLINE_CACHE/kernels/$FAULTLINE_RELEASE/debug/vmlinux name file line wrong=''
	same "exit status without debug symbols" 3 "$(code "$faultline" probe -l 'kernel.function("vfs_*@fs/read_write.c")')"
	match "which package has them" 'no debug symbols of this kernel.*linux-image-<release>-dbg' "$(tr '\n' ' ' <"$scratch/error")"
	[ -e "$vmlinux" ] || skip "no debug symbols of this kernel: make setup-debuginfo"
	export FAULTLINE_VMLINUX_DEBUG=$vmlinux
	same "exit status" 0 "$(code "$faultline" probe -L --json 'kernel.function("vfs_*@fs/read_write.c")')"
	jq -r '.functions[] | "\(.name) \(.source.file) \(.source.line)"' "$scratch/out" >"$scratch/lines"
	note "$(wc -l <"$scratch/lines") functions: $(paste -sd, "$scratch/lines")"
	check "functions" test "$(wc -l <"$scratch/lines")" -ge 10
	while read -r name file line; do
		# The line has the name, or is that of the brace soon after it.
		sed -n "$((line > 3 ? line - 3 : 1)),${line}p" "$FAULTLINE_SOURCE/$file" | grep -qw "$name" || wrong+="$name $file $line, "
	done <"$scratch/lines"
	same "lines without the function's name" "" "$wrong"
	match "vfs_read" '^vfs_read fs/read_write\.c [0-9]+$' "$(cat "$scratch/lines")"
	same "functions of other files" "" "$(cut -d' ' -f2 "$scratch/lines" | grep -vx 'fs/read_write.c' || true)"
	same "exit status of another file's" 1 "$(code "$faultline" probe -l 'kernel.function("vfs_read@net/ipv4/tcp.c")')"
}

who_may_not_see_it_is_told() {
	local user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	same "exit status" 3 "$(code "${user[@]}" "$faultline" probe -l vfs_read)"
	match "what is right" 'run this as root' "$(cat "$scratch/error")"
	same "exit status of a wrong pattern" 2 "$(code "$faultline" probe -l 'kernel.function(vfs_read)')"
	match "where" 'column 17: .*in double quotes' "$(tr '\n' ' ' <"$scratch/error")"
}

ktap_run what_of_the_kernel_can_be_probed each_reason_has_a_function \
	prototypes_of_the_kernel_and_of_a_module source_files_and_lines who_may_not_see_it_is_told
