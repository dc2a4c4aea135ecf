/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/fit.h - how a table fits a terminal: which columns give way, and where their texts are broken. Pure.
 */
#ifndef TM_CLI_FIT_H
#define TM_CLI_FIT_H

#include "lib/base.h"

#define TM_FIT_LEAST 8 /* columns that a text keeps, however narrow the terminal */

struct tm_fit {
	size_t width; /* in: of the longest cell or the heading; out: what it may have */
	bool flex;    /* may give way */
};

/* Shares @total columns, one blank between two: what is short stays whole, long ones get the same. */
void tm_fit_columns(struct tm_fit *f, size_t n, size_t total);

/* Columns of UTF-8 text without control bytes: one a code point. */
size_t tm_fit_width(const char *s);
/*
 * @s with a '\n' where a line of @width ends: behind a blank, slash or comma if one is there behind
 * its first third. New string or NULL.
 */
char *tm_fit_break(const char *s, size_t width);

#endif
