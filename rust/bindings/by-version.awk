# SPDX-License-Identifier: GPL-2.0
#
# Selects the lines of the file `prototypes` by the kernel's version, if there is no BTF: for
# each function the last line whose version is not newer than the kernel's.
#
# -v has=X.Y: the kernel's version; -v cfg=FILE and -v header=FILE: the files to write

function number(version,  part) {
	split(version, part, ".")
	return part[1] * 1000 + part[2]
}

/^(call|helper|probe)/ {
	split($0, half, ":")
	words = split(half[1], word, " ")
	split(half[2], before, "(")
	last = split(before[1], part, "[ *]+")
	if (word[words - 1] != "since")
		name[part[last]] = ""
	else if (number(has) >= number(word[words]))
		name[part[last]] = word[words - 2]
}

END {
	printf "" > cfg
	printf "" > header
	for (function_name in name) {
		if (name[function_name] == "" || seen[name[function_name]]++)
			continue
		printf "--cfg=kernel_has=\"%s\"\n", name[function_name] > cfg
		printf "#define FAULTLINE_KERNEL_HAS_%s 1\n", name[function_name] > header
	}
}
