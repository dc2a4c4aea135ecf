// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/table_out.c - an array of objects as a table (libsmartcols), or raw.
 */
#include <libsmartcols/libsmartcols.h>

#include "cli/columns.h"

static bool numeric(enum tm_kind k)
{
	return k == TM_K_COUNT || k == TM_K_BYTES || k == TM_K_RATE || k == TM_K_MS ||
	       k == TM_K_SECONDS || k == TM_K_PERCENT;
}

static char *cell_text(const struct tm_cli *c, const json_t *row, const struct tm_column *col)
{
	char *s;

	if (!col->cell)
		return tm_out_cell(c, row, col->key, col->kind);
	s = col->cell(c, row);
	return s ? s : strdup("-");
}

static void print_raw(const struct tm_cli *c, const json_t *rows, const struct tm_column_list *list)
{
	json_t *row;
	size_t i;

	for (size_t k = 0; !c->noheadings && k < list->n; k++) {
		char name[64];

		tm_column_name(list->col[k].title, name, sizeof(name));
		fprintf(c->out, "%s%s", name, k + 1 < list->n ? " " : "\n");
	}
	json_array_foreach (rows, i, row)
		for (size_t k = 0; k < list->n; k++) {
			_cleanup_free_ char *text = cell_text(c, row, &list->col[k]);

			fprintf(c->out, "%s%s", text ? text : "?", k + 1 < list->n ? " " : "\n");
		}
}

static void set_cell(const struct tm_cli *c, struct libscols_line *line, size_t k,
		     const struct tm_column *col, const json_t *row)
{
	_cleanup_free_ char *text = cell_text(c, row, col);

	scols_line_set_data(line, k, text ? text : "?");
	if (c->color && col->kind == TM_K_WORD && text && *tm_out_style(text))
		scols_cell_set_color(scols_line_get_cell(line, k), tm_out_style(text));
}

static struct libscols_table *build(const struct tm_cli *c, const json_t *rows,
				    const struct tm_column_list *list)
{
	struct libscols_table *t = scols_new_table();
	json_t *row;
	size_t i;

	if (!t)
		return NULL;
	scols_table_enable_noencoding(t, 1); /* cells are escaped already */
	scols_table_enable_noheadings(t, c->noheadings);
	scols_table_enable_colors(t, c->color);
	scols_table_set_termforce(t, c->width ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (c->width)
		scols_table_set_termwidth(t, c->width);
	for (size_t k = 0; k < list->n; k++) {
		int flags = numeric(list->col[k].kind) ? SCOLS_FL_RIGHT : 0;
		struct libscols_column *col;

		if (list->col[k].flex)
			flags |= SCOLS_FL_WRAP;
		col = scols_table_new_column(t, list->col[k].title, 0, flags);
		if (col && c->color)
			scols_cell_set_color(scols_column_get_header(col), TM_BOLD);
	}
	json_array_foreach (rows, i, row) {
		struct libscols_line *line = scols_table_new_line(t, NULL);

		for (size_t k = 0; line && k < list->n; k++)
			set_cell(c, line, k, &list->col[k], row);
	}
	return t;
}

int tm_out_table(const struct tm_cli *c, const json_t *rows, const struct tm_column *columns)
{
	struct tm_column_list list = { 0 };
	struct libscols_table *t;
	char *text = NULL;

	if (tm_columns_pick(c, columns, json_array_get(rows, 0), &list) < 0)
		return TM_EXIT_USAGE;
	if (c->raw) {
		print_raw(c, rows, &list);
		tm_columns_free(&list);
		return TM_EXIT_OK;
	}
	t = build(c, rows, &list);
	tm_columns_free(&list);
	if (!t || scols_print_table_to_string(t, &text) < 0) {
		scols_unref_table(t);
		return TM_EXIT_FAILED;
	}
	fputs(text, c->out);
	if (*text && text[strlen(text) - 1] != '\n')
		fputc('\n', c->out);
	free(text);
	scols_unref_table(t);
	return TM_EXIT_OK;
}
