#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/sign: its signatures are right; wrong keys and certificates are refused by name. And what a kernel
# that enforces signatures says of a module that has none, or one of a key that it does not know, as
# docs/packages.md has it.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
release=$("$project/scripts/paths" RELEASE)
scratch=$(mktemp -d)
# What the guest sees.
vm_files=$project/build/vm-sign
trap 'rm -rf "$scratch" "$vm_files"' EXIT
signed=$project/build/signed/$release

# pair NAME [ARGUMENT OF openssl req]...: makes a key and its certificate.
pair() {
	local name=$1
	shift
	openssl req -quiet -new -x509 -newkey rsa:2048 -sha256 -days 30 -subj "/CN=selftest $name/" "$@" \
		-keyout "$scratch/$name.key" -out "$scratch/$name.pem" 2>/dev/null
}
pair mine -noenc
pair other -noenc
pair secret -passout pass:open
openssl x509 -in "$scratch/mine.pem" -outform DER -out "$scratch/mine.der"
openssl genpkey -algorithm ed25519 -out "$scratch/edwards.key"
openssl req -new -x509 -key "$scratch/edwards.key" -subj /CN=edwards -out "$scratch/edwards.pem"

# signs ARGUMENT...: runs scripts/sign; sets `status` and `output`.
signs() {
	status=0
	output=$("$project/scripts/sign" "$@" 2>&1 </dev/null) || status=$?
}

# verified MODULE CERT: returns whether the signature at the module's end is right, and of that certificate.
verified() {
	python3 - "$1" "$scratch" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
mark = b"~Module signature appended~\n"
assert data.endswith(mark), "no signature"
data = data[: -len(mark)]
size = struct.unpack(">I", data[-4:])[0]
assert data[-12:-4] == bytes([0, 0, 2, 0, 0, 0, 0, 0]), "not PKCS#7"
open(sys.argv[2] + "/body", "wb").write(data[: -12 - size])
open(sys.argv[2] + "/signature", "wb").write(data[-12 - size : -12])
PY
	openssl cms -verify -binary -inform DER -in "$scratch/signature" -content "$scratch/body" -certfile "$2" \
		-CAfile "$2" -nointern -purpose any -out /dev/null 2>"$scratch/err"
}

the_built_modules_are_signed() {
	local module
	signs "$scratch/mine.key" "$scratch/mine.pem"
	note "$output"
	same "status" 0 "$status"
	for module in lockup route_probe func_probe knobs hello_probe; do
		check "$module: its signature" verified "$signed/$module.ko" "$scratch/mine.pem"
		if verified "$signed/$module.ko" "$scratch/other.pem"; then note "$module: of the other key as well"; exit 1; fi
		same "$module: modinfo" "selftest mine,PKCS#7,sha256" \
			"$(for field in signer sig_id sig_hashalgo; do modinfo -F "$field" "$signed/$module.ko"; done | paste -sd,)"
		match "$module: the report" "^$module\.ko: signed by selftest mine, sha256, with certificate " "$output"
		same "$module: debug information" 0 "$(readelf -SW "$signed/$module.ko" | grep -c '\.debug_' || true)"
		same "$module: the built one stays as it was" "" "$(modinfo -F sig_id "$project/build/$release/$module.ko")"
	done
}

a_new_signature_replaces_the_old_one() {
	cp "$project/build/$release/knobs.ko" "$scratch/knobs.ko"
	signs "$scratch/other.key" "$scratch/other.pem" "$scratch/knobs.ko"
	check "of the first key" verified "$scratch/knobs.ko" "$scratch/other.pem"
	signs "$scratch/mine.key" "$scratch/mine.der" "$scratch/knobs.ko"
	same "status" 0 "$status"
	check "of the second, whose certificate is DER" verified "$scratch/knobs.ko" "$scratch/mine.pem"
	same "signatures" 1 "$(grep -ac 'Module signature appended' "$scratch/knobs.ko")"
}

a_key_with_a_passphrase() {
	cp "$project/build/$release/knobs.ko" "$scratch/knobs.ko"
	KBUILD_SIGN_PIN=open signs "$scratch/secret.key" "$scratch/secret.pem" "$scratch/knobs.ko"
	same "status" 0 "$status"
	check "its signature" verified "$scratch/knobs.ko" "$scratch/secret.pem"
	KBUILD_SIGN_PIN=shut signs "$scratch/secret.key" "$scratch/secret.pem" "$scratch/knobs.ko"
	same "status with another passphrase" 1 "$status"
	match "the reason" "^sign: KEY=.*secret\.key: it cannot be read; if it has a passphrase" "$output"
	# Asked for on stdin, where it is now.
	output=$("$project/scripts/sign" "$scratch/secret.key" "$scratch/secret.pem" "$scratch/knobs.ko" <<<open 2>&1) || { note "$output"; exit 1; }
	match "signed" '^knobs\.ko: signed by selftest secret' "$output"
}

# refused REGEX ARGUMENT...: checks that this is refused, and leaves the module alone.
refused() {
	local why=$1 before
	shift
	cp "$project/build/$release/knobs.ko" "$scratch/knobs.ko"
	before=$(sha256sum <"$scratch/knobs.ko")
	signs "$@"
	note "$output"
	same "status" 1 "$status"
	match "the reason" "$why" "$output"
	same "the module" "$before" "$(sha256sum <"$scratch/knobs.ko")"
	same "files beside it" knobs.ko "$(cd "$scratch" && echo knobs.ko*)"
}

what_cannot_sign_is_refused() {
	local module=$scratch/knobs.ko
	refused "KEY=.*other\.key is not the key of CERT=.*mine\.pem, whose subject is 'CN=selftest mine'" "$scratch/other.key" "$scratch/mine.pem" "$module"
	refused 'KEY=.*mine\.pem: not a private key' "$scratch/mine.pem" "$scratch/mine.pem" "$module"
	refused 'CERT=.*mine\.key: not an X\.509 certificate' "$scratch/mine.key" "$scratch/mine.key" "$module"
	refused 'KEY=.*edwards\.key: .* verifies RSA' "$scratch/edwards.key" "$scratch/edwards.pem" "$module"
	refused 'KEY=.*none: no such file' "$scratch/none" "$scratch/mine.pem" "$module"
	refused 'none\.ko: no such module' "$scratch/mine.key" "$scratch/mine.pem" "$scratch/none.ko"
	signs "" ""
	same "status without arguments" 2 "$status"
	match "the usage" '^usage: make sign KEY=' "$output"
}

# Words that a user sees: of insmod, and of the kernel. docs/packages.md quotes them.
a_kernel_that_enforces_signatures() {
	local module=$scratch/knobs.ko told page
	mkdir -p "$vm_files"
	page=$(cat "$project/docs/packages.md")
	cp "$project/build/$release/knobs.ko" "$vm_files/unsigned.ko"
	cp "$project/build/$release/knobs.ko" "$module"
	signs "$scratch/mine.key" "$scratch/mine.pem" "$module"
	cp "$module" "$vm_files/foreign.ko"
	# shellcheck disable=SC2016 # for the shell there
	"$project/scripts/vm" --append module.sig_enforce=1 --timeout 240 -- sh -c 'cat /sys/module/module/parameters/sig_enforce
		for name in unsigned foreign; do
			dmesg -C; insmod "$0/$name.ko" 2>&1 | sed "s/^/$name: /"; dmesg -t | sed "s/^/$name: /"
		done; grep knobs /proc/modules || echo none is loaded' "$vm_files" >"$scratch/told" 2>"$scratch/err" ||
		{ note "$(cat "$scratch/err")"; exit 1; }
	told=$(cat "$scratch/told")
	note "$told"
	same "enforced" Y "$(head -n 1 <<<"$told")"
	match "insmod, of the unsigned one" '^unsigned: .*insmod: .*: Key was rejected by service$' "$told"
	match "the kernel" '^unsigned: Loading of unsigned module is rejected$' "$told"
	match "insmod, of the other" '^foreign: .*insmod: .*: Key was rejected by service$' "$told"
	match "the kernel" '^foreign: Loading of module with unavailable key is rejected$' "$told"
	match "neither" '^none is loaded$' "$told"
	match "the page" 'Key was rejected by service' "$page"
	match "the page" 'Loading of unsigned module is rejected' "$page"
	match "the page" 'Loading of module with unavailable key is rejected' "$page"
}

ktap_run the_built_modules_are_signed a_new_signature_replaces_the_old_one a_key_with_a_passphrase \
	what_cannot_sign_is_refused a_kernel_that_enforces_signatures
