# shellcheck shell=sh
# For tests to source: what the caller has in his environment for servers of his own, and which
# language he reads, is taken out of it. RELEASES says where other OpenSSLs are (releases/releases.sh).
unset CDPATH LD_PRELOAD LD_AUDIT OPENSSL_CONF SSLKEYLOGFILE LANGUAGE
export LC_ALL=C
for name in $(env | sed -n 's/^\(DTLSV1_LISTEN_[A-Za-z0-9_]*\)=.*/\1/p'); do
	[ "$name" = DTLSV1_LISTEN_RELEASES ] || unset "$name"
done
