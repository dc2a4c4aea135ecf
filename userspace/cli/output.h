/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output.h - tables, details and one-line progress for people; JSON for programs.
 *
 * Text of others (paths, names, reasons) is escaped: no control byte reaches the terminal.
 */
#ifndef TM_CLI_OUTPUT_H
#define TM_CLI_OUTPUT_H

#include "cli/cli.h"

/* Print the object as it came, indented. */
void tm_out_json(const json_t *j);

/* Escaped text of a member, "-" if absent or null. New string. */
char *tm_out_text(const json_t *object, const char *key);
/* Nested member by "a.b". Borrowed, or NULL. */
json_t *tm_out_at(const json_t *object, const char *path);
int64_t tm_out_int(const json_t *object, const char *path);

struct tm_column {
	const char *title;
	const char *key;		  /* "a.b"; or NULL with cell */
	char *(*cell)(const json_t *row); /* new string */
};

/* An array of objects as a table (libsmartcols). Returns TM_EXIT_OK or TM_EXIT_FAILED. */
int tm_out_table(const json_t *rows, const struct tm_column *cols, size_t n);

void tm_out_policy(const json_t *p);
/* "Replicating  41%  1,204/2,930 files  12.1 MiB of 30.0 MiB  3.2 MiB/s  6 s left" */
char *tm_out_progress(const json_t *p);
/* Status with its detail or time: "Finished 2026-...", "Stopped: ...". New string. */
char *tm_out_status(const json_t *p);

#endif
