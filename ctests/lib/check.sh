# shellcheck shell=sh disable=SC2034 # for those that source it
# What the shell tests share. run.sh has set BUILD, LIB_DIR, RELEASE_INCLUDE,
# RELEASE_LIBDIR, CC, CXX, CTESTS_TMP and LD_LIBRARY_PATH.
set -eu
unset CDPATH

: "${BUILD:?run this by ctests/run.sh}" "${CTESTS_TMP:?}" "${LIB_DIR:?}"
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
program=$(basename "$0" .test)
checks=0
failures=0
release_flags="${RELEASE_INCLUDE:+-isystem $RELEASE_INCLUDE}"
release_link="${RELEASE_LIBDIR:+-L$RELEASE_LIBDIR -Wl,-rpath-link,$RELEASE_LIBDIR}"
strict='-Wall -Wextra -Wpedantic -Werror'

ok() {		# WHAT COMMAND...
	what=$1
	shift
	checks=$((checks + 1))
	"$@" && return 0
	failures=$((failures + 1))
	echo "$program: not so: $what" >&2
}

same() {	# WHAT GOT WANT
	ok "$1: '$2', not '$3'" [ "$2" = "$3" ]
}

need() {	# PROGRAM PACKAGE
	command -v "$1" >/dev/null && return 0
	echo "$program: no $1 here: install $2, or run tools/setup.sh check" >&2
	exit 2
}

finish() {
	echo "$program -: $checks checks, $failures failed"
	[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
}
