// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/table_out.c - an array of objects as a table (libsmartcols), or raw.
 */
#include <libsmartcols/libsmartcols.h>

#include "cli/columns.h"
#include "cli/fit.h"

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

/* The cells of a table, row by row; freed with it. */
struct cells {
	char **text;
	size_t rows, columns;
	struct tm_fit fit[TM_COLUMNS_MAX];
};

static void cells_free(struct cells *t)
{
	for (size_t i = 0; t->text && i < t->rows * t->columns; i++)
		free(t->text[i]);
	free(t->text);
}

/* Every cell as text, and how wide each column would like to be. */
static int cells_make(const struct tm_cli *c, const json_t *rows, const struct tm_column_list *list,
		      struct cells *t)
{
	json_t *row;
	size_t i;

	t->rows = json_array_size(rows);
	t->columns = list->n;
	t->text = calloc(t->rows * t->columns + 1, sizeof(*t->text));
	if (!t->text)
		return -ENOMEM;
	for (size_t k = 0; k < list->n; k++)
		t->fit[k] = (struct tm_fit){ c->noheadings ? 1 : strlen(list->col[k].title),
					     list->col[k].flex };
	json_array_foreach (rows, i, row)
		for (size_t k = 0; k < list->n; k++) {
			char *text = cell_text(c, row, &list->col[k]);

			if (!text)
				return -ENOMEM;
			t->text[i * list->n + k] = text;
			t->fit[k].width = TM_MAX(t->fit[k].width, tm_fit_width(text));
		}
	return 0;
}

/* Long texts go on below themselves. smartcols would take its share from the short ones too. */
static void cells_fit(struct cells *t, size_t width)
{
	tm_fit_columns(t->fit, t->columns, width);
	for (size_t i = 0; i < t->rows * t->columns; i++) {
		char *broken = tm_fit_break(t->text[i], t->fit[i % t->columns].width);

		if (!broken)
			continue;
		free(t->text[i]);
		t->text[i] = broken;
	}
}

static void add_column(const struct tm_cli *c, struct libscols_table *t,
		       const struct tm_column *column)
{
	int flags =
		(numeric(column->kind) ? SCOLS_FL_RIGHT : 0) | (column->flex ? SCOLS_FL_WRAP : 0);
	struct libscols_column *col = scols_table_new_column(t, column->title, 0, flags);

	if (col && column->flex)
		scols_column_set_wrapfunc(col, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
					  NULL);
	if (col && c->color)
		scols_cell_set_color(scols_column_get_header(col), TM_BOLD);
}

static struct libscols_table *build(const struct tm_cli *c, const struct cells *cells,
				    const struct tm_column_list *list)
{
	struct libscols_table *t = scols_new_table();

	if (!t)
		return NULL;
	scols_table_enable_noencoding(t, 1); /* cells are escaped already */
	scols_table_enable_noheadings(t, c->noheadings);
	scols_table_enable_colors(t, c->color);
	/* It fits already: smartcols would only cut. */
	scols_table_set_termforce(t, SCOLS_TERMFORCE_NEVER);
	for (size_t k = 0; k < list->n; k++)
		add_column(c, t, &list->col[k]);
	for (size_t i = 0; i < cells->rows; i++) {
		struct libscols_line *line = scols_table_new_line(t, NULL);

		for (size_t k = 0; line && k < list->n; k++) {
			const char *text = cells->text[i * list->n + k];

			scols_line_set_data(line, k, text);
			if (c->color && list->col[k].kind == TM_K_WORD && *tm_out_style(text))
				scols_cell_set_color(scols_line_get_cell(line, k),
						     tm_out_style(text));
		}
	}
	return t;
}

int tm_out_table(const struct tm_cli *c, const json_t *rows, const struct tm_column *columns)
{
	_cleanup_(cells_free) struct cells cells = { 0 };
	struct tm_column_list list = { 0 };
	struct libscols_table *t = NULL;
	char *text = NULL;

	if (tm_columns_pick(c, columns, json_array_get(rows, 0), &list) < 0)
		return TM_EXIT_USAGE;
	if (c->raw) {
		print_raw(c, rows, &list);
		tm_columns_free(&list);
		return TM_EXIT_OK;
	}
	if (cells_make(c, rows, &list, &cells) == 0) {
		if (c->width)
			cells_fit(&cells, c->width);
		t = build(c, &cells, &list);
	}
	if (!t || scols_print_table_to_string(t, &text) < 0) {
		tm_columns_free(&list);
		scols_unref_table(t);
		return TM_EXIT_FAILED;
	}
	fputs(text, c->out);
	if (*text && text[strlen(text) - 1] != '\n')
		fputc('\n', c->out);
	free(text);
	scols_unref_table(t);
	tm_columns_free(&list);
	return TM_EXIT_OK;
}
