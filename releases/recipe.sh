# shellcheck shell=bash disable=SC2034
# How each OpenSSL release is built. Sourced by releases.sh; its hash is part of a
# built host's directory name: any change here but to comments builds anew.

# name, version, openssl-src crate, SHA-256 of the crate as the index has it.
# The crates carry OpenSSL's sources; nothing of their Rust code is used.
hosts_table='
openssl-1.1.1 1.1.1w 111.28.2 bb1830e20a48a975ca898ca8c1d036a36c3c6c5cb7dabc1c216706587857920f
openssl-3.2   3.2.1  300.2.3  5cff92b6f71555b61bb9315f7c64da3ca43d87531622120fea0195fc761b4843
openssl-3.5   3.5.5  300.5.5  3f1787d533e03597a7934fd0a765f0d28e94ecc5fb7789f8053b1e699a56f709
openssl-3.6   3.6.3  300.6.1  46eb8fb9fb3b61ce1c0f8a026c4c1a0714d3a9e138e7fbde78753ce2babc3846
openssl-4.0   4.0.3  400.0.2  d2093956673b8dbda85c87fa4fb78e70698ce6c5978a2837d1613f661d3bef76
'

# The crates after 3.2 come without util/mkdef.pl (they only ever build static
# libraries), and shared libraries need it for their symbol versions. The one
# of 3.2.1 reads their symbol lists.
mkdef_host=openssl-3.2

# What DTLS does not need is left out: tests, engines, the legacy provider (with
# it loadable modules, whose symbol list the crates lack as well). Ciphers, QUIC
# and the deprecated functions stay: they shape libssl's own code.
recipe_options() {
	echo no-tests no-comp no-zlib no-engine
	case $1 in openssl-1.1.1) ;; *) echo no-legacy no-module no-fips ;; esac
}

# recipe_build NAME SOURCE PREFIX DESTDIR JOBS: builds in SOURCE, installs what
# will be at PREFIX under DESTDIR.
recipe_build() {
	cd "$2" || return
	# The program finds its own libraries; LD_LIBRARY_PATH still wins.
	# shellcheck disable=SC2046
	perl ./Configure "linux-$(uname -m)" shared $(recipe_options "$1") \
	    --prefix="$3" --openssldir="$3/ssl" --libdir=lib -O2 -g1 \
	    "-Wl,--enable-new-dtags,-rpath,$3/lib"
	# One goal at a time: 1.1.1 builds the same objects twice at once otherwise.
	make -j"$5" build_libs
	make -j"$5" build_programs
	make install_sw DESTDIR="$4"
	# Only shared libraries, so that nobody links a static one unawares.
	rm -f "$4$3"/lib/*.a
	# 'openssl req' wants this file; the later crates have none. It sets nothing,
	# so that every release runs with its own defaults.
	mkdir -p "$4$3/ssl"
	printf '%s\n' '[req]' 'distinguished_name = name' 'x509_extensions = ca' '[name]' \
	    '[ca]' 'basicConstraints = critical,CA:true' 'subjectKeyIdentifier = hash' \
	    >"$4$3/ssl/openssl.cnf"
}
