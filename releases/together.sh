#!/bin/bash
# One OpenSSL or LibreSSL release in one process with each of the others that are
# built: as the program's libssl and as its plugin's, and all as plugins of a
# program without any. Each serves clients by our library, preloaded; and without
# it, where they have callbacks of their own.
#
#   RELEASE, RELEASE_INCLUDE, RELEASE_LIBDIR, BUILD, LIB_SO   as releases/check.sh sets them
set -euo pipefail
unset CDPATH
: "${RELEASE:?}" "${BUILD:?}" "${LIB_SO:?}"
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
sources=$root/ctests/libssls
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LD_LIBRARY_PATH
flags=(-std=c11 -Wall -Wextra -Wpedantic -Werror "-I$root/include")
passed=0 failed=0

# build OUTPUT INCLUDE LIBDIR ARGUMENT...: against that release, or the system's.
build() {
	local output=$1 include=$2 libdir=$3 at=()
	shift 3
	[ -z "$libdir" ] || at=(-isystem "$include" "-L$libdir" "-Wl,-rpath,$libdir")
	${CC:-cc} "${flags[@]}" "${at[@]}" -o "$work/$output" "$@" -lssl -lcrypto -ldl -pthread
}

# plugins NAME INCLUDE LIBDIR: NAME.so, and NAME-linked.so with our library ahead of libssl.
plugins() {
	build "$1.so" "$2" "$3" -shared -fPIC "$sources/serve.c"
	build "$1-linked.so" "$2" "$3" -shared -fPIC "$sources/serve.c" "$LIB_SO"
}

run() {	# PROGRAM ARGUMENT...
	local program=$1
	shift
	timeout 120 "$work/$program" "$@" >"$work/out" 2>"$work/err"
}

# try WHAT ACCEPTED PROGRAM PLUGIN...: preloaded, all are accepted by us.
try() {
	local what=$1 accepted=$2 program=$3 cookies plugins=() why
	shift 3
	for plugin; do plugins+=("${plugin/#deep:/deep:$work/}"); done
	plugins=("${plugins[@]/#/$work/}")
	plugins=("${plugins[@]/#"$work/deep:"/deep:}")
	for cookies in with without; do
		why=''
		local option=()
		[ $cookies = without ] || option=(-c)
		LD_PRELOAD=$LIB_SO run "$program" "${option[@]}" "$work/cert.pem" "$work/key.pem" "${plugins[@]}" ||
			why="status $?"
		grep -qx "accepted $accepted" "$work/out" || why="$why not all are ours"
		[ ! -s "$work/err" ] || why="$why there is something on stderr"
		count "$what, $cookies callbacks" "$why"
	done
	why=''
	run "$program" -c "$work/cert.pem" "$work/key.pem" "${plugins[@]/-linked.so/.so}" ||
		why="status $?"
	count "$what, without our library" "$why"
}

count() {	# WHAT WHY
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAILED: $1: $2"
	sed 's/^/    /' "$work/out" "$work/err"
}

openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/req" || { cat "$work/req" >&2; exit 1; }
${CC:-cc} "${flags[@]}" -o "$work/bare" "$sources/program.c" -ldl -pthread
build program "${RELEASE_INCLUDE:-}" "${RELEASE_LIBDIR:-}" -DSERVES "$sources/program.c" "$sources/serve.c"
plugins "$RELEASE" "${RELEASE_INCLUDE:-}" "${RELEASE_LIBDIR:-}"

all=("$RELEASE.so") others=() sonames=" $(basename "$(ldd "$work/$RELEASE.so" | awk '$1 ~ /^libssl/ { print $3 }')") "
while read -r name _ prefix; do
	[ "$name" != "$RELEASE" ] || continue
	if [ "$name" = system ]; then
		plugins "$name" '' ''
	else
		plugins "$name" "$prefix/include" "$prefix/lib"
	fi
	# A reference without a version, as LibreSSL's callers have, is bound to the
	# program's libssl, and a definition without one, as LibreSSL's are, takes any
	# plugin's, unless the plugin's own comes first; there we are only if it has us.
	case $RELEASE/$name in
	*libressl-*)	plugin=deep:$name-linked.so ;;
	*)		plugin=$name.so ;;
	esac
	try "$RELEASE, and a plugin on $name" 14 program "$plugin"
	# The loader gives two plugins one libssl where their sonames are the same.
	soname=$(basename "$(ldd "$work/$name.so" | awk '$1 ~ /^libssl/ { print $3 }')")
	case $sonames in *" $soname "*) ;; *) all+=("$name.so") others+=("$plugin") sonames+="$soname " ;; esac
	try "a program without, plugins on $RELEASE and $name" 14 bare "$RELEASE.so" "$name.so"
done < <("$here/releases.sh" list)
try "$RELEASE, and plugins ${others[*]}" $((7 * ${#all[@]})) program "${others[@]}"
try "a program without, plugins ${all[*]}" $((7 * ${#all[@]})) bare "${all[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
