/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/links.c - the names of files that have several links; see links.h.
 */
#include "source/links.h"

static void link_free(void *p)
{
	struct src_link *l = p;
	struct src_link_name *n, *next;

	if (!l)
		return;
	for (n = l->names; n; n = next) {
		next = n->next;
		free(n);
	}
	free(l);
}

struct src_link *src_links_get(const struct tm_map *m, struct tm_oid oid)
{
	return tm_map_get(m, &oid, sizeof(oid));
}

int src_links_add(struct tm_map *m, struct tm_oid oid, struct tm_oid dir, const char *name, size_t len)
{
	struct src_link *l = src_links_get(m, oid);
	struct src_link_name *n;

	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		if (tm_map_put(m, &oid, sizeof(oid), l, NULL) < 0) {
			free(l);
			return -ENOMEM;
		}
	}
	for (n = l->names; n; n = n->next)
		if (tm_oid_eq(n->dir, dir) && n->len == len && !memcmp(n->name, name, len))
			return 0;
	n = malloc(sizeof(*n) + len + 1);
	if (!n)
		return -ENOMEM;
	n->dir = dir;
	n->len = (uint8_t)len;
	memcpy(n->name, name, len);
	n->name[len] = 0;
	n->next = l->names;
	l->names = n;
	return 0;
}

void src_links_forget(struct tm_map *m, struct tm_oid oid)
{
	link_free(tm_map_del(m, &oid, sizeof(oid)));
}

void src_links_drop(struct src_link *l, struct src_link_name *n)
{
	struct src_link_name **p = &l->names;

	while (*p && *p != n)
		p = &(*p)->next;
	if (*p) {
		*p = n->next;
		free(n);
	}
}

void src_links_free(struct tm_map *m)
{
	tm_map_free(m, link_free);
}
