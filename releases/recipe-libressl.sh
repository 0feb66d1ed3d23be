# shellcheck shell=bash disable=SC2034
# A LibreSSL, for the world where DTLSv1_listen is a macro over SSL_ctrl.
#
# The one release that a registry has is 3.1.0, inside the crate libtls-sys. Two
# things of later releases are added, because the library needs them and every
# supported LibreSSL (3.5 and later, says openssl-sys) has them: SSL_set0_rbio,
# and a version number in the header that openssl-sys accepts. All else is
# 3.1.0's own: SSL_ctrl command 75, one reference for two BIOs, its error queue,
# and DTLS 1.0 only.

hosts_table_libressl='
libressl-3.1  3.1.0  1.2.0    f8647e4be4fb67c175cad46ad528c196beab539398dbccbf060ba22e8762b069
'
libressl_claims=0x3050000fL

# The same arguments as recipe_build.
recipe_build_libressl() {
	cd "$2" || return
	sed -i "s/^#define LIBRESSL_VERSION_NUMBER .*/#define LIBRESSL_VERSION_NUMBER $libressl_claims/" \
	    include/openssl/opensslv.h
	grep -q "NUMBER $libressl_claims" include/openssl/opensslv.h
	sed -i 's/^void	SSL_set_bio(/void	SSL_set0_rbio(SSL *s, BIO *rbio);\n&/' include/openssl/ssl.h
	grep -q SSL_set0_rbio include/openssl/ssl.h
	echo SSL_set0_rbio >>ssl/ssl.sym
	printf '%s\n' '' 'void' 'SSL_set0_rbio(SSL *s, BIO *rbio)' '{' \
	    '	BIO_free_all(s->rbio);' '	s->rbio = rbio;' '}' >>ssl/ssl_lib.c

	./configure --prefix="$3" --with-openssldir="$3/ssl" --libdir="$3/lib" \
	    --disable-static --disable-tests CFLAGS='-O2 -g1' \
	    LDFLAGS="-Wl,--enable-new-dtags,-rpath,$3/lib"
	local part
	for part in crypto ssl; do make -j"$5" -C "$part"; done
	make -j"$5" -C apps/openssl openssl
	for part in crypto ssl include; do make -C "$part" install DESTDIR="$4"; done
	make -C apps/openssl install-binPROGRAMS DESTDIR="$4"
	# libtool's files name places of the build.
	rm -f "$4$3"/lib/*.la
	mkdir -p "$4$3/ssl"
	printf '%s\n' '[req]' 'distinguished_name = name' '[name]' >"$4$3/ssl/openssl.cnf"
}
