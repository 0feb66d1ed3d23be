#!/bin/sh
# The stub of stub.c, in front of a real libssl: make-stub.sh REAL DIR puts DIR/libssl.so there, by the real one's soname.
# CC, RELEASE_INCLUDE and RELEASE_LIBDIR as for ctests/run.sh.
set -eu
unset CDPATH
here=$(cd "$(dirname "$0")" && pwd)
real=$(realpath "$1") dir=$2
soname=$(readelf -d "$real" | sed -n 's/.*SONAME.*\[\(.*\)\].*/\1/p')
mkdir -p "$dir"

# NAME VERSION of each function.
nm -D --defined-only "$real" | awk '$2 == "T" { sub("@@*", " ", $3); print $3 }' >"$dir/names"
case $(uname -m) in
x86_64) jump='jmp *stub_places + 8 * %d(%%rip)' ;;
aarch64) jump='adrp x16, stub_places + 8 * %d; ldr x16, [x16, #:lo12:stub_places + 8 * %d]; br x16' ;;
*) echo "make-stub.sh: no jump is known for $(uname -m)" >&2; exit 2 ;;
esac
awk -v jump="$jump" '
	$1 ~ /^(DTLSv1_listen|SSL_ctrl|SSL_CTX_ctrl|SSL_CTX_new|SSL_dup|SSL_get0_listener|SSL_new)$/ { next }
	{ names[n++] = $1 }
	END {
		print ".text"
		for (i = 0; i < n; i++) {
			printf ".globl %s\n.type %s, %%function\n%s:\n", names[i], names[i], names[i]
			printf "\t" jump "\n", i, i
		}
		print ".bss\n.globl stub_places\n.hidden stub_places\n.balign 8\nstub_places: .zero " 8 * n
		print ".section .rodata"
		for (i = 0; i < n; i++) print ".L" i ": .string \"" names[i] "\""
		print ".data\n.globl stub_names\n.hidden stub_names\n.balign 8\nstub_names:"
		for (i = 0; i < n; i++) print "\t.quad .L" i
		print "\t.quad 0\n.section .note.GNU-stack,\"\",%progbits"
	}' "$dir/names" >"$dir/jumps.s"
awk '{ names[$2] = names[$2] " " $1 ";" } END { for (v in names) print v " { global:" names[v] " };" }' "$dir/names" >"$dir/map"
${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -O1 -g -fPIC -shared ${RELEASE_INCLUDE:+-isystem "$RELEASE_INCLUDE"} \
    "-DREAL=\"$real\"" -Wl,-soname,"$soname" -Wl,--version-script="$dir/map" -Wl,-z,now -o "$dir/$soname" \
    "$here/stub.c" "$dir/jumps.s" ${RELEASE_LIBDIR:+-L"$RELEASE_LIBDIR"} -lcrypto -ldl
ln -sf "$soname" "$dir/libssl.so"
