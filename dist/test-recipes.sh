#!/bin/sh
# The lines for CMake and for Meson in dtlsv1_listen(3) build a program that calls our
# DTLSv1_listen(), from where `make install` puts the library; and the C in the README and in the
# manual pages compiles without a warning. Run by make check-install.
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
. tools/plain-env.sh
scratch=$(tools/scratch.sh "$PWD/target")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
checks=0

fail() {
	echo "test-recipes: FAILED: $*" >&2
	[ ! -s "$scratch/log" ] || cat "$scratch/log" >&2
	exit 1
}

unset MAKEFLAGS MFLAGS MAKEOVERRIDES DESTDIR
"${MAKE:-make}" install PREFIX="$scratch/prefix" LIBDIR="$scratch/prefix/lib" PCDIR="$scratch/prefix/lib/pkgconfig" \
    INCLUDEDIR="$scratch/prefix/include" DESTDIR= >"$scratch/log" 2>&1 || fail "make install"
export PKG_CONFIG_PATH="$scratch/prefix/lib/pkgconfig"

# recipe FIRST LAST: these lines of the manual page, and those between.
recipe() {
	sed -n "/^$1/,/$2/p" man/dtlsv1_listen.3 | grep . || fail "the manual page has no line '$1'"
}

# is_ours NAME: the program there calls the library's function (ctests/order/main.c says whose it is).
is_ours() {
	owner=$("$scratch/$1/build/server" 2>"$scratch/log") || fail "$1: the program"
	[ "$owner" = libdtlsv1_listen.so.1 ] || fail "$1: DTLSv1_listen() is $owner's"
	checks=$((checks + 1))
}

cmake_builds() {	# NAME LINES
	mkdir "$scratch/$1"
	sed 's,<openssl/ssl.h>,<dtlsv1_listen.h>,' ctests/order/main.c >"$scratch/$1/server.c"
	{
		echo 'cmake_minimum_required(VERSION 3.10)'
		echo 'project(server C)'
		echo 'add_executable(server server.c)'
		echo "$2"
	} >"$scratch/$1/CMakeLists.txt"
	cmake -S "$scratch/$1" -B "$scratch/$1/build" >"$scratch/log" 2>&1 || fail "$1: cmake"
	cmake --build "$scratch/$1/build" >"$scratch/log" 2>&1 || fail "$1: cmake --build"
	is_ours "$1"
}

meson_builds() {	# NAME LINES
	mkdir "$scratch/$1"
	sed 's,<openssl/ssl.h>,<dtlsv1_listen.h>,' ctests/order/main.c >"$scratch/$1/server.c"
	{
		echo "project('server', 'c')"
		echo "$2"
	} >"$scratch/$1/meson.build"
	meson setup "$scratch/$1/build" "$scratch/$1" >"$scratch/log" 2>&1 || fail "$1: meson setup"
	meson compile -C "$scratch/$1/build" >"$scratch/log" 2>&1 || fail "$1: meson compile"
	is_ours "$1"
}

cmake=$(recipe 'find_package(PkgConfig' '^target_link_libraries')
meson=$(recipe "executable('server'" 'dtlsv1_listen.))$')
cmake_builds cmake "$cmake"
# With OpenSSL named once more, as "Link order" has it.
# shellcheck disable=SC2016 # CMake's
grep -qF '.Li ${LISTEN_LINK_LIBRARIES} OpenSSL::SSL .' man/dtlsv1_listen.3 || fail "the manual page: CMake, link order"
# shellcheck disable=SC2016
cmake_builds cmake-openssl "find_package(OpenSSL REQUIRED)
$(echo "$cmake" | sed 's/PkgConfig::LISTEN)/${LISTEN_LINK_LIBRARIES} OpenSSL::SSL)/')
$(sed -n 's/^\.Li \(target_include_directories.*)\) \.$/\1/p' man/dtlsv1_listen.3)"
# A library that brings OpenSSL along, behind it.
cmake_builds cmake-library "find_package(OpenSSL REQUIRED)
add_library(other INTERFACE)
target_link_libraries(other INTERFACE OpenSSL::SSL)
$(echo "$cmake" | sed 's/PkgConfig::LISTEN)/PkgConfig::LISTEN other)/')"
meson_builds meson "$meson"
meson_builds meson-openssl "$(echo "$meson" |
    sed "s/dependency('dtlsv1_listen'))/[dependency('dtlsv1_listen'), dependency('openssl')])/")"

# c_compiles NAME DECLARATIONS: the C that comes in, with the headers that it names; where it names
# none, ours.
c_compiles() {
	cat >"$scratch/lines"
	[ -s "$scratch/lines" ] || fail "$1: no C there"
	{
		grep '^#include' "$scratch/lines" || printf '#include <%s>\n' dtlsv1_listen.h openssl/err.h netinet/in.h
		echo "$2"
		echo 'int fragment(void);'
		echo 'int fragment(void) {'
		grep -v '^#include' "$scratch/lines"
		echo 'return 0; }'
	} >"$scratch/$1.c"
	# shellcheck disable=SC2046 # flags
	${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(pkg-config --cflags dtlsv1_listen) \
	    "$scratch/$1.c" >"$scratch/log" 2>&1 || fail "$1 does not compile"
}
block() {	# FILE BEGIN END PATTERN: what stands between two such lines, with the pattern in it
	awk -v begin="$2" -v end="$3" -v pattern="$4" '$0 ~ begin { lines = ""; inside = 1; next }
	    $0 ~ end { if (inside && lines ~ pattern) printf "%s", lines; inside = 0 }
	    inside { lines = lines $0 "\n" }' "$1"
}
readme_c() {	# PATTERN
	block README.md '^```c$' '^```$' "$1"
}
man_c() {	# PAGE PATTERN
	block "man/$1" '^[.]Bd -literal' '^[.]Ed$' "$2"
}
listening='static SSL_CTX *ctx; static int listener, fd; int connected_socket(int, struct sockaddr_storage *);'
readme_c 'ret = DTLSv1_listen' | c_compiles README-listening "$listening"
man_c dtlsv1_listen.3 'ret = DTLSv1_listen' | c_compiles man-listening "$(echo "$listening" | sed 's/, fd//')"
readme_c dtlsv1_listen_datagram | sed 's/return;/return 0;/' | c_compiles README-datagram "static SSL_CTX *ctx;
static SSL *ssl; static int fd; static struct sockaddr_storage peer;
static unsigned char in[2048], out[DTLSV1_LISTEN_OUT_MAX];"
served='static SSL_CTX *ctx; static SSL *ssl; static int news; void serve(SSL *, int);'
readme_c dtlsv1_listener_bind | c_compiles README-listener "$served
static struct sockaddr *addr; static socklen_t addr_len;"
man_c dtlsv1_listener.3 dtlsv1_listener_bind | c_compiles man-listener "$served"
checks=$((checks + 5))

echo "test-recipes: $checks checks, 0 failed"
