/*
 * What the clients are told, as NAME=VALUE:
 *
 *	loss=P		loses P % of what is sent and of what comes, by chance
 *	double=1	sends everything twice
 *	parallel=N	handshakes at the same time (all)
 *	messages=N	that each has echoed (1)
 *	restart=1	each begins anew from its port, with no word to the server
 *	again=N		hellos, without a cookie and forged, that each sends between its
 *			messages, as a stranger in its name would (0)
 *	spread=N	local addresses of the server, from 127.0.0.1 on, in turn (1)
 *	stay=SECONDS	stays so long, once all are there, and then has a message echoed
 *	every=MS	and meanwhile sends a message so often, and none again (never)
 *	patience=SECONDS for each step (30)
 *	seed=N		of chance (1)
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

struct options {
	double loss, stay, every, patience;
	long twice, parallel, messages, restart, again, spread, seed;
};
extern struct options opt;

void read_options(int argc, char *argv[]); /* exits with 2 at what it does not know */

#endif
