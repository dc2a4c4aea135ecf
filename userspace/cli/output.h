/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output.h - objects of the API as a table, as a list of fields, or as JSON.
 *
 * Text of others is escaped on the way: no control byte reaches the terminal.
 */
#ifndef TM_CLI_OUTPUT_H
#define TM_CLI_OUTPUT_H

#include "cli/cli.h"

/* How a value is shown to people; with --bytes and --raw as the API gives it. */
enum tm_kind {
	TM_K_TEXT,
	TM_K_PATH, /* the exact bytes of KEY_b64 where it exists */
	TM_K_WORD, /* a status, result or severity: coloured */
	TM_K_COUNT,
	TM_K_BYTES,
	TM_K_RATE,
	TM_K_MS,
	TM_K_SECONDS,
	TM_K_PERCENT,
	TM_K_TIME,
	TM_K_TIME_LONG, /* with how long ago: for lists of fields */
	TM_K_YES,
	TM_K_SECTION, /* no value: a heading in a list of fields */
};

struct tm_column {
	const char *title; /* NULL ends a table of columns */
	const char *key;   /* "a.b" in the row */
	enum tm_kind kind;
	bool hidden;		/* only with -o */
	unsigned int min_width; /* of the terminal: not by itself on a narrower one */
	bool flex; /* gives way, over several lines, where the terminal is too narrow */
	/* instead of key; new string */
	char *(*cell)(const struct tm_cli *c, const json_t *row);
};

/* As it came: one line in a pipe, indented on a terminal and with --pretty. */
void tm_out_json(const struct tm_cli *c, const json_t *j);

/* Nested member by "a.b". Borrowed, or NULL. */
json_t *tm_out_at(const json_t *object, const char *path);
int64_t tm_out_int(const json_t *object, const char *path);
/* A number that is large enough to come as a string; 0 if there is none. */
uint64_t tm_out_u64(const json_t *object, const char *path);
/* NULL unless it is a string. */
const char *tm_out_str(const json_t *object, const char *path);
bool tm_out_is(const json_t *object, const char *path, const char *text);

/* One value, escaped; "-" where there is none. New string, never NULL. */
char *tm_out_cell(const struct tm_cli *c, const json_t *row, const char *key, enum tm_kind kind);
#define tm_out_text(c, row, key) tm_out_cell(c, row, key, TM_K_TEXT)

/*
 * An array of objects as a table with the columns of -o, or those that are not hidden. Returns TM_EXIT_OK,
 * TM_EXIT_USAGE for an unknown column, TM_EXIT_FAILED.
 */
int tm_out_table(const struct tm_cli *c, const json_t *rows, const struct tm_column *columns);
/* One object, a line a field; empty ones are left out. -o as above. */
int tm_out_fields(const struct tm_cli *c, const json_t *object, const struct tm_column *columns);
/* JSON, or the table; for an empty list @empty is told. */
int tm_out_list(const struct tm_cli *c, const json_t *rows, const struct tm_column *columns,
		const char *empty);

/* @text as a paragraph of @indent, to c->out: as wide as the terminal, at most 100. */
void tm_out_paragraph(const struct tm_cli *c, unsigned int indent, const char *text);
/* "  LABEL: @text", what is too long goes on below itself; @width is the label's, the text begins 2 behind it. */
void tm_out_labelled(const struct tm_cli *c, const char *label, int width, const char *text);

/* SGR sequence for a word such as "Finished", "error", "pending"; "" for others and without colour. */
const char *tm_out_style(const char *word);
/* @text in @sgr, if @color. New string. */
char *tm_out_paint(bool color, const char *sgr, const char *text);

#define TM_BOLD	  "\033[1m"
#define TM_RED	  "\033[31m"
#define TM_GREEN  "\033[32m"
#define TM_YELLOW "\033[33m"
#define TM_CYAN	  "\033[36m"
#define TM_DIM	  "\033[2m"
#define TM_RESET  "\033[0m"

#endif
