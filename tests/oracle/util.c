// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * util.c - messages, escaping, growing paths, numbers. See util.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "util.h"

static const char *program = "oracle";

void oracle_init(const char *name)
{
	struct rlimit lim;

	program = name;
	/* Walking holds one descriptor per level and tree. */
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static void message(const char *fmt, va_list ap)
{
	flockfile(stderr);
	fprintf(stderr, "%s: ", program);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void oracle_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
}

void oracle_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	exit(ORACLE_ERROR);
}

void *oracle_alloc(size_t size)
{
	return oracle_realloc(NULL, size);
}

void *oracle_realloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		oracle_die("out of memory (%zu bytes)", size);
	return p;
}

char *oracle_strdup(const char *s)
{
	size_t len = strlen(s) + 1;

	return memcpy(oracle_alloc(len), s, len);
}

char *oracle_escape(const char *s, size_t len)
{
	static const char named[] = "a\ab\bt\tn\nv\vf\fr\r\\\\\"\"";
	char *out = oracle_alloc(4 * len + 1);
	char *o = out;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];
		const char *n = NULL;

		for (size_t k = 1; c && k < sizeof(named) - 1; k += 2)
			if ((unsigned char)named[k] == c)
				n = &named[k - 1];
		if (n) {
			*o++ = '\\';
			*o++ = *n;
		} else if (c < 0x20 || c >= 0x7f) {
			o += sprintf(o, "\\%03o", c);
		} else {
			*o++ = c;
		}
	}
	*o = '\0';
	return out;
}

uint64_t oracle_number(const char *what, const char *s)
{
	char *end;
	unsigned long long v;
	unsigned int shift = 0;

	errno = 0;
	v = strtoull(s, &end, 0);
	if (*end == 'K' || *end == 'k')
		shift = 10;
	else if (*end == 'M' || *end == 'm')
		shift = 20;
	else if (*end == 'G' || *end == 'g')
		shift = 30;
	if (shift)
		end++;
	if (errno || end == s || *end || *s == '-' || v > UINT64_MAX >> shift)
		oracle_die("%s: '%s' is not a number", what, s);
	return (uint64_t)v << shift;
}

size_t oracle_path_push(struct oracle_path *p, const char *name)
{
	size_t old = p->len, n = strlen(name);

	if (p->len + n + 2 > p->cap) {
		p->cap = 2 * (p->len + n + 2);
		p->s = oracle_realloc(p->s, p->cap);
	}
	if (p->len)
		p->s[p->len++] = '/';
	memcpy(p->s + p->len, name, n + 1);
	p->len += n;
	return old;
}

void oracle_path_pop(struct oracle_path *p, size_t len)
{
	p->len = len;
	if (p->s)
		p->s[len] = '\0';
}

void oracle_path_done(struct oracle_path *p)
{
	free(p->s);
	memset(p, 0, sizeof(*p));
}

const char *oracle_path_str(const struct oracle_path *p)
{
	return p->len ? p->s : ".";
}
