#!/bin/sh
# The folder outside the checkout for what is built or fetched once. HOME may be unset (a service, a
# container): then it is the user's in passwd, as for cargo.
set -eu

home=${HOME:-$(getent passwd "$(id -u)" | cut -d : -f 6)}
echo "${XDG_CACHE_HOME:-${home:?neither HOME nor passwd names a home}/.cache}/libdtlsv1_listen"
