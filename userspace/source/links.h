/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/links.h - the names of files that have several links. Pure.
 *
 * A change of such a file may be reported under a name that is gone by now, or lies outside the
 * root: then one of the others leads to it. Names are hints and may be stale; that a
 * file is known here at all says that a search for it can be worth its cost.
 */
#ifndef TM_SOURCE_LINKS_H
#define TM_SOURCE_LINKS_H

#include "lib/map.h"
#include "lib/oid.h"

struct src_link_name {
	struct src_link_name *next;
	struct tm_oid dir;
	uint8_t len;
	char name[];	/* NUL-terminated */
};

struct src_link {
	struct src_link_name *names;
};

/* Remember that (dir, name) is one of several names of @oid. Returns 0 or -ENOMEM. */
int src_links_add(struct tm_map *m, struct tm_oid oid, struct tm_oid dir, const char *name, size_t len);
struct src_link *src_links_get(const struct tm_map *m, struct tm_oid oid);
/* @oid is gone, or has one name left. */
void src_links_forget(struct tm_map *m, struct tm_oid oid);
/* Drop one name. */
void src_links_drop(struct src_link *l, struct src_link_name *n);
void src_links_free(struct tm_map *m);

#endif
