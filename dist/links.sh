#!/bin/sh
# The links of the documents under FOLDER lead to what is there, but for the manual pages, which are
# elsewhere, and what only the source has. Says how many there are.
#
#   dist/links.sh FOLDER
set -eu

cd "$1"
count=0
documents=$(find . -name '*.md')
for document in $documents; do
	links=$(grep -oE '\]\([^)#]+' "$document" | cut -c 3- |
	    grep -vE '^https?:|CONTRIBUTING|^(\.\./)*(man|ctests|bench|e2e|xdp|releases|fuzz)/' || true)
	for link in $links; do
		[ -e "${document%/*}/$link" ] || {
			echo "links: $1/${document#./}: nothing is at '$link'" >&2
			exit 1
		}
		count=$((count + 1))
	done
done
[ "$count" -gt 0 ] || { echo "links: there are none in $1" >&2 && exit 1; }
echo "$count"
