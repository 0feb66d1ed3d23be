/* A case as text: what a divergence prints and what the command line reads back. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

#define NAMES(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

static const struct field {
	const char *name;
	size_t offset;
	int normal;                /* what it is when the text does not say */
	const char *const *values; /* NULL: a number */
} fields[] = {
	{ "method", offsetof(struct dcase, method), METHOD_DTLS,
	    NAMES("dtls", "dtls-server", "dtls-client", "dtls1.2", "dtls1.2-server", "dtls1.0",
		"dtls1.0-server", "tls") },
	{ "switched", offsetof(struct dcase, switched), 0,
	    NAMES("no", "dtls", "dtls-server", "dtls-client", "dtls1.2", "dtls1.2-server",
		"dtls1.0", "dtls1.0-server", "tls") },
	{ "role", offsetof(struct dcase, role), ROLE_UNSET, NAMES("unset", "accept", "connect") },
	{ "anyconnect", offsetof(struct dcase, anyconnect), 0, NULL },
	{ "bios", offsetof(struct dcase, bios), BIOS_SPLIT,
	    NAMES("split", "same", "memory", "memory-end", "no-read", "no-write", "none", "deaf",
		"mute", "unready", "datagram", "datagram-split") },
	{ "claims-dgram", offsetof(struct dcase, claims_dgram), 0, NULL },
	{ "peer", offsetof(struct dcase, peer), PEER_INET,
	    NAMES("inet", "inet6", "unix", "unknown", "none", "refused", "claimed") },
	{ "peer-result", offsetof(struct dcase, peer_result), 0, NULL },
	{ "null-peer", offsetof(struct dcase, null_peer), 0, NULL },
	{ "generate", offsetof(struct dcase, generate), GENERATE_COOKIE,
	    NAMES("cookie", "fails", "absent") },
	{ "generate-result", offsetof(struct dcase, generate_result), 1, NULL },
	{ "generate-len", offsetof(struct dcase, generate_len), 20, NULL },
	{ "generate-raises", offsetof(struct dcase, generate_raises), 0, NULL },
	{ "verify", offsetof(struct dcase, verify), VERIFY_EXACT,
	    NAMES("exact", "always", "never", "once", "absent") },
	{ "verify-result", offsetof(struct dcase, verify_result), 1, NULL },
	{ "verify-raises", offsetof(struct dcase, verify_raises), 0, NULL },
	{ "msg", offsetof(struct dcase, msg), MSG_NONE,
	    NAMES("none", "ctx", "ssl", "both", "late", "unset", "arg") },
	{ "info", offsetof(struct dcase, info), 0, NULL },
	{ "stale", offsetof(struct dcase, stale), 0, NULL },
	{ "duplicate", offsetof(struct dcase, duplicate), 0, NULL },
	{ "mtu", offsetof(struct dcase, mtu), 0, NULL },
	{ "bounds", offsetof(struct dcase, bounds), 0, NULL },
	{ "repairs", offsetof(struct dcase, repairs), 7, NULL },
	{ "exchange", offsetof(struct dcase, exchange), 0, NULL },
};

const size_t case_field_count = sizeof(fields) / sizeof(fields[0]);

static const char *const read_names[] = { "", "block", "block-zero", "end", "fail", "fail-stale",
	NULL };
static const char *const result_names[] = { "ok", "block", "fail", "fail-stale", "zero", "short",
	"short-block", NULL };

int *
case_field(struct dcase *c, size_t index)
{
	return (int *)(void *)((char *)c + fields[index].offset);
}

int
case_field_default(size_t index)
{
	return fields[index].normal;
}

static int
index_of(const char *const *names, const char *text)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return -1;
}

static void
print_hex(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
}

/* The bytes of `text`; -1 when it is no hex or does not fit. */
static long
parse_hex(const char *text, unsigned char *bytes, size_t room)
{
	size_t len = strlen(text);
	char digits[3] = "";

	if (len % 2 != 0 || len / 2 > room || strspn(text, "0123456789abcdefABCDEF") != len)
		return -1;
	for (size_t i = 0; i < len / 2; i++) {
		memcpy(digits, text + 2 * i, 2);
		bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
	}
	return (long)(len / 2);
}

static void
print_results(const char *name, const int *results, size_t count)
{
	if (count == 0)
		return;
	printf(" %s=", name);
	for (size_t i = 0; i < count; i++)
		printf("%s%s", i > 0 ? "," : "", result_names[results[i]]);
}

static int
parse_results(char *text, int *results, size_t *count)
{
	char *rest = NULL;

	*count = 0;
	for (char *word = strtok_r(text, ",", &rest); word != NULL;
	    word = strtok_r(NULL, ",", &rest)) {
		int result = index_of(result_names, word);

		if (result < 0 || *count == MAX_RESULTS)
			return 0;
		results[(*count)++] = result;
	}
	return 1;
}

void
case_print_setup(const struct dcase *c)
{
	printf("steps=%s", c->steps);
	for (size_t i = 0; i < case_field_count; i++) {
		int value;

		memcpy(&value, (const char *)c + fields[i].offset, sizeof(value));
		if (value == fields[i].normal)
			continue;
		if (fields[i].values != NULL)
			printf(" %s=%s", fields[i].name, fields[i].values[value]);
		else
			printf(" %s=%d", fields[i].name, value);
	}
	print_results("writes", c->writes, c->nwrites);
	print_results("flushes", c->flushes, c->nflushes);
	printf(" cookie=");
	print_hex(c->cookie, case_cookie_len(c));
}

static int
parse_word(struct dcase *c, char *word)
{
	char *value = strchr(word, '='), *end;

	if (value == NULL)
		return 0;
	*value++ = '\0';
	if (strcmp(word, "steps") == 0) {
		if (strlen(value) > MAX_STEPS || strspn(value, STEP_LETTERS) != strlen(value))
			return 0;
		strcpy(c->steps, value);
		return 1;
	}
	if (strcmp(word, "cookie") == 0)
		return parse_hex(value, c->cookie, sizeof(c->cookie)) >= 0;
	if (strcmp(word, "writes") == 0)
		return parse_results(value, c->writes, &c->nwrites);
	if (strcmp(word, "flushes") == 0)
		return parse_results(value, c->flushes, &c->nflushes);
	for (size_t i = 0; i < case_field_count; i++) {
		if (strcmp(word, fields[i].name) != 0)
			continue;
		if (fields[i].values != NULL) {
			*case_field(c, i) = index_of(fields[i].values, value);
			return *case_field(c, i) >= 0;
		}
		*case_field(c, i) = (int)strtol(value, &end, 10);
		return *value != '\0' && *end == '\0';
	}
	return 0;
}

int
case_parse_setup(struct dcase *c, const char *text)
{
	char *copy = strdup(text), *rest = NULL;
	int fine = copy != NULL;

	for (char *word = strtok_r(copy, " ", &rest); fine && word != NULL;
	    word = strtok_r(NULL, " ", &rest)) {
		fine = parse_word(c, word);
		if (!fine)
			fprintf(stderr, "differential: --setup: cannot read '%s'\n", word);
	}
	free(copy);
	return fine;
}

int
case_parse_read(struct dcase *c, const char *text)
{
	static unsigned char bytes[MAX_DATAGRAM];
	int kind = index_of(read_names, text);
	long len;

	if (kind > READ_DATA)
		return case_add_read(c, kind, NULL, 0);
	len = parse_hex(text, bytes, sizeof(bytes));
	return len > 0 && case_add_read(c, READ_DATA, bytes, (size_t)len);
}

void
case_print_command(const struct dcase *c)
{
	printf("make differential ARGS=\"--setup '");
	case_print_setup(c);
	printf("'");
	for (size_t i = 0; i < c->nreads; i++) {
		printf(" --datagram ");
		if (c->reads[i].kind == READ_DATA)
			print_hex(c->pool + c->reads[i].at, c->reads[i].len);
		else
			printf("%s", read_names[c->reads[i].kind]);
	}
	printf("\"\n");
}
