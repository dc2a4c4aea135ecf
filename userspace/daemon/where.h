/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/where.h - is this very file safe: what is known of one path, for every policy that covers it.
 */
#ifndef TM_DAEMON_WHERE_H
#define TM_DAEMON_WHERE_H

#include "daemon/daemon.h"

#include <jansson.h>

#define TM_WHERE_DEPTH_MAX 128

/* A path below a root, as change records name it. */
struct tm_where_path {
	/* dir[0] is the root, dir[i + 1] is name[i] in dir[i]; as far as they exist */
	struct tm_oid dir[TM_WHERE_DEPTH_MAX + 1];
	const char *name[TM_WHERE_DEPTH_MAX]; /* NUL-terminated */
	unsigned int n;	    /* names */
	unsigned int known; /* directories that exist: 1..n, or n + 1 when the object itself is one */
	struct tm_oid obj;  /* TM_OID_NONE: there is nothing at the path */
};

/* Does this record say that the object at @w may have changed, appeared or gone? Pure. */
bool tm_where_touches(const struct tm_change *c, const struct tm_where_path *w);

/*
 * {"path", "policies": [...]}; @path as tm_check_path() leaves it. *@ret_n: how many policies cover it. NULL: no
 * memory. May look at the file system and take a barrier.
 */
json_t *tm_where_json(struct tm_daemon *d, const char *path, unsigned int *ret_n);

#endif
