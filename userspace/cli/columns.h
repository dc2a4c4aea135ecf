/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/columns.h - which columns are shown: the default ones, or those that -o names.
 */
#ifndef TM_CLI_COLUMNS_H
#define TM_CLI_COLUMNS_H

#include "cli/output.h"

#define TM_COLUMNS_MAX 64

struct tm_column_list {
	struct tm_column col[TM_COLUMNS_MAX];
	char *made
		[TM_COLUMNS_MAX]; /* titles and keys of columns that -o made from a field's name */
	size_t n, n_made;
};

/*
 * @table ends with a NULL title; NULL is an empty one. -o takes titles in any case ("recovery-point", or with an
 * underscore or blank) and fields of @sample, an object of the API or NULL: "progress.percent". With a leading "+" they come
 * behind the default ones. Returns 0, or -EINVAL after a message.
 */
int tm_columns_pick(const struct tm_cli *c, const struct tm_column *table, const json_t *sample,
		    struct tm_column_list *ret);
void tm_columns_free(struct tm_column_list *l);

/* "recovery-point": as -o and completion write a title. @dst has @cap bytes. */
void tm_column_name(const char *title, char *dst, size_t cap);

#endif
