#!/bin/sh
# The project's own files of these kinds, one a line: tools/sources.sh PATTERN...
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
if git rev-parse --git-dir >/dev/null 2>&1; then
	git ls-files --cached --others --exclude-standard -- "$@"
else
	# From a tarball.
	for pattern; do
		find . -name target -prune -o -path ./vendor -prune -o -name "$pattern" -type f -print
	done | sed 's|^\./||'
fi | sort -u | while read -r file; do
	# Some are removed and not yet committed.
	[ ! -f "$file" ] || echo "$file"
done
