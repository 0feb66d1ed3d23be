#!/bin/sh
# Everything but Rust's own: C, shell and Python in one style and without what their checkers know of,
# no file too long, and modules in their order. All are looked at, whatever fails.
#
#   tools/lint.sh            looks
#   tools/lint.sh format     sets C and Python right
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
clang_format=$(tools/python-tool.sh clang-format 23.1.5)
ruff=$(tools/python-tool.sh ruff 0.17.6)

# The header is cbindgen's.
c_files() {
	tools/sources.sh '*.c' '*.h' '*.cc' '*.cpp' | grep -vxF include/dtlsv1_listen.h
}

if [ "${1:-}" = format ]; then
	c_files | xargs "$clang_format" -i
	"$ruff" format --quiet .
	exit
fi

failed=
look() {	# WHAT COMMAND...
	what=$1
	shift
	if "$@"; then
		echo "$what: clean"
	else
		failed="$failed $what"
	fi
}

c() {
	c_files | xargs "$clang_format" --dry-run --Werror
}
shell() {
	tools/sources.sh '*.sh' '*.test' .ci/run dist/dtlsv1-listen.in 'dist/debian/tests/[!c]*' | grep -v '^xdp/target/' |
		xargs shellcheck --severity=style
}
# To somebody who has CDPATH in the environment 'cd tools' may lead elsewhere, and says so on stdout.
# CC and CARGO may be two words, such as "ccache gcc".
environment() {
	# shellcheck disable=SC2016 # as it stands in the files
	odd=$(tools/sources.sh '*.sh' '*.test' .ci/run | xargs grep -lE '\bcd "?\$\(dirname' |
		grep -v '^e2e/interop/pairs/' | xargs grep -L '^unset CDPATH$' | sed "s/$/: no 'unset CDPATH'/"
	tools/sources.sh '*.sh' '*.test' | xargs grep -nE '(^|[^=])"\$(CC|CXX|CARGO|\{CC:-cc\}|\{CARGO:-cargo\})"')
	[ -z "$odd" ] || { echo "$odd"; return 1; }
}
# The compiler that is here has nothing to say; what others have is no error for whoever builds.
c_warnings() {
	for file in src/*.c examples/*.c; do
		# shellcheck disable=SC2046,SC2086 # flags
		${CC:-cc} -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude $(pkg-config --cflags openssl) \
		    -o /dev/null -c "$file" || return
	done
}
python() {
	"$ruff" check --quiet . && "$ruff" format --quiet --check .
}

look clang-format c
look "compiling C" c_warnings
look shellcheck shell
look "the callers' environment" environment
look ruff python
look 'length of files' tools/short.sh
look 'structure of src' tools/modules.py
[ -z "$failed" ] || {
	echo "lint: failed:$failed ('make format' sets the style of C and Python right)" >&2
	exit 1
}
