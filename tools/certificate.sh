#!/bin/sh
# A key and a self-signed certificate for a test's server: P-256, for two days.
#
#   tools/certificate.sh CERTIFICATE KEY [NAME]     the files to write; its common name: localhost
#
# OPENSSL: another openssl than the one in PATH.
set -eu

[ $# -ge 2 ] || { echo "usage: tools/certificate.sh CERTIFICATE KEY [NAME]" >&2; exit 2; }
said=$("${OPENSSL:-openssl}" req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj "/CN=${3:-localhost}" -out "$1" -keyout "$2" 2>&1) || {
	echo "certificate.sh: no certificate in $1: $said" >&2
	exit 1
}
