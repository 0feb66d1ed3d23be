/* Listens, and says which side it is, as many do. */
#include <dtlsv1_listen.h>

int
main(void)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());
	SSL *ssl = SSL_new(ctx);
	BIO *bio = BIO_new(BIO_s_mem());

	SSL_set_bio(ssl, bio, bio);
	if (DTLSv1_listen(ssl, NULL) > 0)
		return 1;
	SSL_set_accept_state(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return 0;
}
