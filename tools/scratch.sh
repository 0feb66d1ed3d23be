#!/bin/sh
# A new folder for a test to build and run programs in, and to preload libraries from: in TMPDIR, or
# in FOLDER where that will not do (mounted noexec; a space in its path, which LD_PRELOAD does not take).
#
#   tools/scratch.sh FOLDER      says which; whoever calls removes it
set -eu

will_do() {
	case $1 in *[[:space:]:]*) return 1 ;; esac
	printf '#!/bin/sh\n' >"$1/probe"
	chmod +x "$1/probe"
	{ "$1/probe"; } 2>/dev/null || return 1
	rm "$1/probe"
}

scratch=$(mktemp -d)
if ! will_do "$scratch"; then
	rm -rf "$scratch"
	mkdir -p "$1"
	scratch=$(mktemp -d "$1/scratch.XXXXXX")
	will_do "$scratch" || {
		rm -rf "$scratch"
		echo "scratch.sh: tests have to run programs, and to preload: neither ${TMPDIR:-/tmp} nor $1 will do" \
		    "(no noexec, no space or colon in the path)" >&2
		exit 1
	}
fi
echo "$scratch"
