// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/columns.c - which columns are shown; see columns.h.
 */
#include "cli/columns.h"

#include <ctype.h>

void tm_column_name(const char *title, char *dst, size_t cap)
{
	size_t i;

	for (i = 0; title[i] && i + 1 < cap; i++) {
		char ch = title[i];

		dst[i] = ch == ' ' || ch == '_' ? '-' : (char)tolower((unsigned char)ch);
	}
	dst[i] = 0;
}

static const struct tm_column *by_name(const struct tm_column *table, const char *word)
{
	char want[64], have[64];

	tm_column_name(word, want, sizeof(want));
	for (; table && table->title; table++) {
		tm_column_name(table->title, have, sizeof(have));
		if (table->kind != TM_K_SECTION && tm_streq(want, have))
			return table;
	}
	return NULL;
}

/* A field of the API by its own name; its title is that name. */
static int from_field(struct tm_column_list *l, const char *word)
{
	char *key = strdup(word);

	if (!key)
		return -ENOMEM;
	l->made[l->n_made++] = key;
	l->col[l->n++] = (struct tm_column){ .title = key, .key = key };
	return 0;
}

static void complain(const struct tm_cli *c, const struct tm_column *table, const char *word)
{
	_cleanup_free_ char *shown = tm_safe(c, word);
	char name[64];

	tm_error(c, "no column or field '%s'", shown);
	if (!table || !table->title)
		return;
	fprintf(c->talk, "Columns:");
	for (; table->title; table++) {
		tm_column_name(table->title, name, sizeof(name));
		if (table->kind != TM_K_SECTION)
			fprintf(c->talk, " %s", name);
	}
	fprintf(c->talk, "; and every field that -j shows\n");
}

static int pick_one(const struct tm_cli *c, const struct tm_column *table, const json_t *sample,
		    const char *word, struct tm_column_list *l)
{
	/* The API's own name first: exact names mean one thing in JSON and here. */
	const struct tm_column *col = by_name(table, word);

	if (l->n == TM_COLUMNS_MAX) {
		tm_error(c, "-o: too many columns");
		return -EINVAL;
	}
	if (col) {
		l->col[l->n++] = *col;
		return 0;
	}
	if (tm_out_at(sample, word))
		return from_field(l, word);
	complain(c, table, word);
	return -EINVAL;
}

int tm_columns_pick(const struct tm_cli *c, const struct tm_column *table, const json_t *sample,
		    struct tm_column_list *ret)
{
	bool add = c->columns && *c->columns == '+';
	_cleanup_free_ char *words = c->columns ? strdup(c->columns + add) : NULL;
	struct tm_column_list l = { 0 };
	char *save = NULL;

	if (!c->columns || add)
		for (const struct tm_column *t = table; t && t->title && l.n < TM_COLUMNS_MAX; t++)
			if (!t->hidden && (!c->width || c->width >= t->min_width))
				l.col[l.n++] = *t;
	for (char *w = words ? strtok_r(words, ",", &save) : NULL; w;
	     w = strtok_r(NULL, ",", &save))
		if (pick_one(c, table, sample, w, &l) < 0) {
			tm_columns_free(&l);
			return -EINVAL;
		}
	if (!l.n) {
		tm_error(c, "-o wants at least one column");
		return -EINVAL;
	}
	*ret = l;
	return 0;
}

void tm_columns_free(struct tm_column_list *l)
{
	for (size_t i = 0; i < l->n_made; i++)
		free(l->made[i]);
	l->n_made = l->n = 0;
}
