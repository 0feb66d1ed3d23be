/*
 * A program that has libssl linked in, for which the stub stands, and includes our header: that has
 * it call a name of ours.
 */
struct ssl_st *SSL_new(void *);
void *SSL_CTX_new(const void *);
int dtlsv1_listen(struct ssl_st *, void *);

int
main(void)
{
	return dtlsv1_listen(SSL_new(SSL_CTX_new(0)), 0) == 1 ? 0 : 1;
}
