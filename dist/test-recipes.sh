#!/bin/sh
# The lines for CMake and for Meson in dtlsv1_listen(3) build a program that calls our
# DTLSv1_listen(), from where `make install` puts the library. Run by make check-install.
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
	cp ctests/order/main.c "$scratch/$1/server.c"
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
	cp ctests/order/main.c "$scratch/$1/server.c"
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
$(echo "$cmake" | sed 's/PkgConfig::LISTEN)/${LISTEN_LINK_LIBRARIES} OpenSSL::SSL)/')"
meson_builds meson "$meson"
meson_builds meson-openssl "$(echo "$meson" |
    sed "s/dependency('dtlsv1_listen'))/[dependency('dtlsv1_listen'), dependency('openssl')])/")"

echo "test-recipes: $checks checks, 0 failed"
