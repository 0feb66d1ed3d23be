/*
 * DTLSV1_LISTEN_STATS in a child: the variable is read at a process's first
 * call. The files are in a directory that the test has for itself.
 */
#ifndef CTESTS_STATSFILE_H
#define CTESTS_STATSFILE_H

#include <openssl/ssl.h>
#include <sys/types.h>

void stats_begin(char **argv, const char *test); /* first in main() */
int stats_end(void);                             /* main()'s return value */

const char *stats_in_dir(const char *name);  /* until the fourth after it */
int stats_files(void);                       /* how many there are */
const char *stats_content(const char *path); /* "" if there is none */
void stats_put(const char *path, const char *text);

/* A series' value by what stands before it; -1 if it is not there. */
long stats_series(const char *path, const char *name);

/*
 * Runs `body` in a child whose DTLSV1_LISTEN_STATS is `path`. Returns what was
 * said on stderr: "" unless something failed or the library had to say it.
 */
const char *stats_run(void (*body)(void), const char *path);

/* In that child: its SSL, and one call of listen for so many hellos. */
extern SSL *stats_ssl;
void stats_listen(int hellos);
void stats_give(const void *bytes, size_t len); /* waits for the next */

void stats_wait(void); /* until a file is written again */
void stats_wait_for(pid_t child);
void *stats_shared(size_t); /* a child writes, its parent reads */

#endif
