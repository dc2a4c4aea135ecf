// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attrs.c - reading extended attributes by directory descriptor and name.
 *
 * There is no lgetxattrat(): /proc/self/fd/N/name reaches any kind of entry,
 * a symbolic link or a fifo too, without opening it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "attrs.h"
#include "util.h"

#define TRIES	100

struct where {
	char path[300];
	bool follow;		/* the last part is the descriptor itself */
};

bool oracle_attr_is_acl(const char *name)
{
	return !strcmp(name, "system.posix_acl_access") ||
	       !strcmp(name, "system.posix_acl_default");
}

static bool wanted(const char *name, bool all)
{
	return all || !strncmp(name, "user.", 5) || oracle_attr_is_acl(name);
}

static ssize_t list(const struct where *w, char *buf, size_t size)
{
	return w->follow ? listxattr(w->path, buf, size) : llistxattr(w->path, buf, size);
}

static ssize_t get(const struct where *w, const char *name, char *buf, size_t size)
{
	return w->follow ? getxattr(w->path, name, buf, size)
			 : lgetxattr(w->path, name, buf, size);
}

/* Read all names into a new buffer. Returns the length or -errno. */
static ssize_t read_names(const struct where *w, char **ret)
{
	for (int i = 0; i < TRIES; i++) {
		ssize_t n = list(w, NULL, 0);
		char *buf;

		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf = oracle_alloc(n);
		n = list(w, buf, n);
		if (n >= 0) {
			*ret = buf;
			return n;
		}
		free(buf);
		if (errno != ERANGE)
			return -errno;
	}
	return -ESTALE;
}

static int read_value(const struct where *w, struct oracle_attr *a)
{
	for (int i = 0; i < TRIES; i++) {
		ssize_t n = get(w, a->name, NULL, 0);

		if (n < 0)
			return errno == ENODATA ? -ESTALE : -errno;
		a->value = oracle_realloc(a->value, n);
		n = get(w, a->name, a->value, n);
		if (n >= 0) {
			a->len = n;
			return 0;
		}
		if (errno != ERANGE)
			return errno == ENODATA ? -ESTALE : -errno;
	}
	return -ESTALE;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct oracle_attr *)a)->name, ((const struct oracle_attr *)b)->name);
}

int oracle_attrs_read(int dirfd, const char *name, bool all, struct oracle_attrs *ret)
{
	struct where w = { .follow = !*name };
	struct oracle_attrs attrs = { 0 };
	char *names = NULL;
	ssize_t len;
	int err = 0;

	snprintf(w.path, sizeof(w.path), *name ? "/proc/self/fd/%d/%s" : "/proc/self/fd/%d%s",
		 dirfd, name);
	len = read_names(&w, &names);
	if (len < 0 && len != -EOPNOTSUPP)
		return len == -ENOENT ? -ESTALE : len;
	for (ssize_t i = 0; i < len && !err; i += strlen(names + i) + 1) {
		struct oracle_attr *a;

		if (!wanted(names + i, all))
			continue;
		attrs.v = oracle_realloc(attrs.v, (attrs.n + 1) * sizeof(*attrs.v));
		a = &attrs.v[attrs.n++];
		*a = (struct oracle_attr){ .name = oracle_strdup(names + i) };
		err = read_value(&w, a);
	}
	free(names);
	if (err) {
		oracle_attrs_done(&attrs);
		return err;
	}
	if (attrs.n)
		qsort(attrs.v, attrs.n, sizeof(*attrs.v), by_name);
	*ret = attrs;
	return 0;
}

void oracle_attrs_done(struct oracle_attrs *attrs)
{
	for (size_t i = 0; i < attrs->n; i++) {
		free(attrs->v[i].name);
		free(attrs->v[i].value);
	}
	free(attrs->v);
	memset(attrs, 0, sizeof(*attrs));
}
