#!/bin/sh
# No source file is longer than 300 lines: a reader finds the room by its name, and sees all of it.
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
most=300

# The header is cbindgen's.
tools/sources.sh '*.rs' '*.c' '*.h' '*.cc' '*.cpp' '*.py' '*.sh' '*.test' '*.mk' Makefile .ci/run |
	grep -vxF include/dtlsv1_listen.h | {
	status=0
	while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -le $most ] || {
			echo "$file: $lines lines, and a file has at most $most" >&2
			status=1
		}
	done
	exit $status
}
