#!/bin/sh
# The project's own files of these kinds, one a line: tools/sources.sh PATTERN...
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
# Ours, not that of a repository around an unpacked tarball, which may ignore all of it.
if git ls-files --error-unmatch -- "$PWD/Makefile" >/dev/null 2>&1; then
	git ls-files --cached --others --exclude-standard -- "$@"
else
	# From a tarball.
	for pattern; do
		case $pattern in
		\**) where=-name ;;	# in every folder, as git has it
		*) where=-path pattern=./$pattern ;;
		esac
		find . -name target -prune -o -path ./vendor -prune -o "$where" "$pattern" -type f -print
	done | sed 's|^\./||'
fi | sort -u | while read -r file; do
	# Some are removed and not yet committed.
	[ ! -f "$file" ] || echo "$file"
done
