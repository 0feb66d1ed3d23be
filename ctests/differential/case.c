#include <string.h>

#include "case.h"

const int case_bounds[BOUNDS][2] = {
	{ 0, 0xfefc },
	{ 0xfefc, 0 },
	{ 0xfefc, 0xfefc },
	{ 0xfefd, 0xfefc },
	{ 0xfefd, 0 },
	{ 0xfefd, 0xfefd },
	{ 0, 0xfefd },
	{ 0, 0xfeff },
	{ 0xfeff, 0xfeff },
};

void
case_reset(struct dcase *c)
{
	memset(c, 0, offsetof(struct dcase, pool));
	for (size_t i = 0; i < case_field_count; i++)
		*case_field(c, i) = case_field_default(i);
	for (size_t i = 0; i < sizeof(c->cookie); i++)
		c->cookie[i] = (unsigned char)(0xc0 + i);
	strcpy(c->steps, "LA");
}

void
case_copy(struct dcase *to, const struct dcase *from)
{
	memcpy(to, from, offsetof(struct dcase, pool) + from->used);
}

int
case_add_read(struct dcase *c, int kind, const unsigned char *bytes, size_t len)
{
	if (c->nreads == MAX_READS || len > sizeof(c->pool) - c->used)
		return 0;
	c->reads[c->nreads++] = (struct scripted_read){ kind, c->used, len };
	if (len > 0)
		memcpy(c->pool + c->used, bytes, len);
	c->used += len;
	return 1;
}

void
case_drop_read(struct dcase *c, size_t index)
{
	c->nreads--;
	memmove(&c->reads[index], &c->reads[index + 1], (c->nreads - index) * sizeof(c->reads[0]));
}

size_t
case_cookie_len(const struct dcase *c)
{
	return (unsigned int)c->generate_len > MAX_COOKIE ? MAX_COOKIE : (size_t)c->generate_len;
}
