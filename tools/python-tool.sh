#!/bin/sh
# A program of PyPI's at one version, installed once and kept outside the checkout.
#
#   tools/python-tool.sh NAME VERSION    see to it that it is there, and say where
set -eu

name=$1 version=$2
root=$("${0%/*}/cache.sh")/tools/$name-$version
if [ ! -d "$root" ]; then
	mkdir -p "${root%/*}"
	work=$(mktemp -d "$root.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	pip3 install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
	    --only-binary :all: --target "$work" "$name==$version" >&2
	chmod 755 "$work"
	# Somebody else may have been quicker.
	mv -T "$work" "$root" 2>/dev/null || [ -d "$root" ]
fi
# Without Python between: a wheel's own program.
for program in "$root/bin/$name" "$root/$(echo "$name" | tr - _)/data/bin/$name"; do
	found=$program
done
[ -x "$found" ] || found=$root/bin/$name
echo "$found"
