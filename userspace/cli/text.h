/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/text.h - bytes, counts and times as a person reads them. Pure: no terminal, no locale, no clock.
 *
 * Whatever comes from outside (paths, names, reasons, answers) passes through here before it is printed:
 * control bytes and bytes that are not UTF-8 become \xNN, invisible and reordering code points \u{N}.
 * Every function returns a new string, or NULL without memory.
 */
#ifndef TM_CLI_TEXT_H
#define TM_CLI_TEXT_H

#include "lib/base.h"

enum tm_text_flags {
	TM_TEXT_ASCII = 1 << 0, /* the terminal knows no UTF-8: nothing above 0x7e passes */
	TM_TEXT_RAW = 1 << 1,	/* one word: blanks too become \xNN */
	TM_TEXT_PROSE =
		1 << 2, /* a sentence: a backslash stays single, a line break becomes a blank */
};

char *tm_text_escape(const char *s, size_t n, unsigned int flags);
/* A JSON text (as jansson writes it): what could disturb a terminal becomes \uNNNN inside its strings. */
char *tm_text_json(const char *json);

/* 1204 -> "1,204" */
char *tm_text_count(int64_t n);
/* "0 s", "350 ms", "12 s", "3 min 4 s", "2 h 5 min", "3 d 4 h" */
char *tm_text_duration(uint64_t ms);
/* "2026-11-24T18:04:12.123Z" to ns since the epoch. 0 or -EINVAL. */
int tm_text_parse_time(const char *s, int64_t *ret_ns);
/* In local time; of the day of @now only "18:04:12", else "2026-11-23 18:04". */
char *tm_text_time(int64_t ns, int64_t now_ns);
/* "2026-11-24 18:04:12, 12 s ago" */
char *tm_text_time_long(int64_t ns, int64_t now_ns);

/* @s broken into lines of at most @width columns, each after @indent blanks; '\n' in @s stays a break. */
char *tm_text_wrap(const char *s, unsigned int indent, unsigned int width);

/* Edits (insert, delete, replace) that make @a of @b; both short. For "did you mean". */
unsigned int tm_text_distance(const char *a, const char *b);

#endif
