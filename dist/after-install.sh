#!/bin/sh
# The last words of `make install`: what is left to do so that the loader finds
# the library in LIBDIR by its name.
set -eu

PATH=$PATH:/usr/sbin:/sbin
wrapper='dtlsv1-listen finds it wherever it is'
if ! command -v ldconfig >/dev/null; then
	echo "Installed in $LIBDIR."
elif ldconfig -vN 2>/dev/null | grep -q "^$LIBDIR:"; then
	echo "Installed. Run 'ldconfig' as root, and programs find the library by its name;"
	echo "$wrapper."
else
	echo "Installed. The loader does not look in $LIBDIR: name the library with its path"
	echo "in LD_PRELOAD, and link programs with -Wl,-rpath,$LIBDIR; $wrapper."
fi
