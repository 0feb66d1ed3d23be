#!/bin/sh
# The last words of `make install`: what is left to do so that the loader finds
# the library in LIBDIR by its name.
set -eu

PATH=$PATH:/usr/sbin:/sbin
wrapper='dtlsv1-listen finds it wherever it is'

# Folders by their own name: LIBDIR may be /usr/local//lib, and /lib is /usr/lib.
real() {
	CDPATH='' cd "$1" 2>/dev/null && pwd -P
}
loader_looks_in() {
	ldconfig -vN 2>/dev/null | sed -n 's|^\(/[^:]*\):.*|\1|p' | while read -r folder; do
		(real "$folder") || true
	done | grep -qxF -e "$(real "$1")"
}

if ! command -v ldconfig >/dev/null; then
	echo "Installed in $LIBDIR."
elif loader_looks_in "$LIBDIR"; then
	echo "Installed. Run 'ldconfig' as root, and programs find the library by its name;"
	echo "$wrapper."
else
	echo "Installed. The loader does not look in $LIBDIR: name the library with its path"
	echo "in LD_PRELOAD, and link programs with -Wl,-rpath,$LIBDIR; $wrapper."
fi
