#define _GNU_SOURCE
#include "batch.h"
#include "check.h"
#include "tls.h"

#include <dlfcn.h>
#include <string.h>

BIO *
batch_bio(int fd)
{
	void *at = dlsym(RTLD_DEFAULT, "dtlsv1_listen_bio_new");
	BIO *(*bio_new)(int);

	NEED(at != NULL);
	memcpy(&bio_new, &at, sizeof(at));
	return bio_new(fd);
}

SSL *
batch_next_ssl(struct batch_port *port)
{
	NEED(BIO_up_ref(port->bio) == 1);
	return tls_server_on(port->ctx, port->bio, port->bio);
}

void
batch_open(struct batch_port *port, int family)
{
	port->ctx = tls_server_ctx();
	port->fd = net_nonblocking(net_bound(family, &port->own));
	port->bio = batch_bio(port->fd);
	NEED(port->bio != NULL);
	port->ssl = batch_next_ssl(port);
}

void
batch_close(struct batch_port *port)
{
	SSL_free(port->ssl);
	CHECK_INT(BIO_free(port->bio), 1);
	SSL_CTX_free(port->ctx);
	net_close(port->fd, &port->own);
}
