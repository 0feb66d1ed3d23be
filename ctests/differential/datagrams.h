/* dtlsv1_listen_datagram() and _adopt() held against our DTLSv1_listen() with built-in cookies: one verdict for each datagram. */

#ifndef DIFFERENTIAL_DATAGRAMS_H
#define DIFFERENTIAL_DATAGRAMS_H

#include <stdint.h>

/* The corpus, then every datagram of so many generated cases. 0: they differed, with the datagram on stdout. */
int datagrams_run(uint64_t seed, unsigned long cases);

#endif
