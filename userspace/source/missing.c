/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/missing.c - what was looked for in vain.
 *
 * A record whose object is not found is either about something deleted, and then done, or about
 * something that moved after the set was taken; then the next set says where to. Where the set
 * itself does not tell which, the record stays dirty and is looked for again with the next set, which
 * holds the move. After a few sets without one it is taken for deleted.
 */
#include "source/internal.h"

/* Sets in which one record is kept although nothing was found; the same of a known directory. */
#define MISS_SETS 2
#define MISS_SETS_DIR 16
/* Sets after which a debt is forgotten: the next one names the file, if it still exists. */
#define OWE_SETS 3

struct note {
	uint32_t count;
	uint64_t set_no;
};

static struct note *note_get(struct tm_map *m, struct tm_oid oid)
{
	struct note *n = tm_map_get(m, &oid, sizeof(oid));

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (n && tm_map_put(m, &oid, sizeof(oid), n, NULL) < 0) {
		free(n);
		n = NULL;
	}
	return n;
}

bool src_miss(struct tm_source *s, struct tm_oid oid)
{
	struct note *n = note_get(s->misses, oid);

	/* No memory to count with: keep it. */
	if (!n)
		return true;
	if (n->set_no != s->set_no) {
		n->set_no = s->set_no;
		n->count++;
	}
	return n->count <= (src_index_get(&s->index, oid) ? MISS_SETS_DIR : MISS_SETS);
}

int src_owe(struct tm_source *s, struct tm_oid oid)
{
	struct note *n = note_get(s->owed, oid);

	if (!n)
		return -ENOMEM;
	n->set_no = s->set_no;
	return 0;
}

bool src_owed(const struct tm_source *s, struct tm_oid oid)
{
	return tm_map_size(s->owed) && tm_map_get(s->owed, &oid, sizeof(oid));
}

static void prune(struct tm_map *m, uint64_t older_than)
{
	const void *key;
	size_t pos = 0, len;
	void *value;

	while (tm_map_next(m, &pos, &key, &len, &value)) {
		struct note *n = value;

		if (n->set_no >= older_than)
			continue;
		tm_map_del(m, key, len);
		free(n);
	}
}

void src_missing_prune(struct tm_source *s)
{
	if (tm_map_size(s->misses))
		prune(s->misses, s->set_no);
	if (tm_map_size(s->owed) && s->set_no >= OWE_SETS)
		prune(s->owed, s->set_no - OWE_SETS);
}
