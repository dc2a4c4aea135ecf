/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attrs.h - the extended attributes of one entry, sorted by name.
 */
#ifndef ORACLE_ATTRS_H
#define ORACLE_ATTRS_H

#include <stdbool.h>
#include <stddef.h>

struct oracle_attr {
	char *name;
	char *value;
	size_t len;
};

/* Zero-initialise; free with oracle_attrs_done(). */
struct oracle_attrs {
	struct oracle_attr *v;
	size_t n;
};

/*
 * Read the attributes of @name in @dirfd, or of @dirfd itself when @name is
 * "". Links are not followed. Only user.* and POSIX ACLs, unless @all. A file
 * system without attributes has none. Returns 0, -ESTALE when they kept
 * changing, or -errno. Needs /proc.
 */
int oracle_attrs_read(int dirfd, const char *name, bool all, struct oracle_attrs *ret);
void oracle_attrs_done(struct oracle_attrs *attrs);

bool oracle_attr_is_acl(const char *name);

#endif
