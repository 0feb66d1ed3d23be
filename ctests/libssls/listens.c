/* A plugin that listens with an SSL without BIOs: does DTLSv1_listen() say that it has none? */
#include <openssl/err.h>
#include <openssl/ssl.h>

int refused(void);

int
refused(void)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());
	SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;
	int reason, ret = ssl != NULL ? DTLSv1_listen(ssl, NULL) : 0;

	reason = ERR_GET_REASON(ERR_get_error());
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return ret < 0 && reason == SSL_R_BIO_NOT_SET;
}
