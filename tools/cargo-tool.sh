#!/bin/sh
# A cargo subcommand at one version, built once and kept outside the checkout.
#
#   tools/cargo-tool.sh NAME VERSION    see to it that it is there
#   tools/cargo-tool.sh --bin           the folder to put in PATH
set -eu

root=$("${0%/*}/cache.sh")/tools
if [ "${1:-}" = --bin ]; then
	echo "$root/bin"
	exit
fi
name=$1 version=$2
if [ -x "$root/bin/$name" ] && [ "$("$root/bin/$name" "${name#cargo-}" --version 2>/dev/null ||
    "$root/bin/$name" --version)" = "$name $version" ]; then
	exit
fi
echo "Building $name $version (once, some minutes) ..."
${CARGO:-cargo} install --locked --root "$root" --force "$name@$version"
