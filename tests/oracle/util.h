/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util.h - what every oracle program needs: messages, escaped names, a path
 * that grows and shrinks, numbers from the command line.
 *
 * Memory that cannot be had ends the program with exit status 2: an oracle
 * that goes on with less has no verdict to give.
 */
#ifndef ORACLE_UTIL_H
#define ORACLE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ORACLE_EQUAL		0
#define ORACLE_DIFFERENT	1
#define ORACLE_ERROR		2

/* Remember the program's name for messages and lift the descriptor limit. */
void oracle_init(const char *name);

/* Print to stderr. oracle_die() then exits with ORACLE_ERROR. */
void oracle_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void oracle_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void *oracle_alloc(size_t size);
void *oracle_realloc(void *p, size_t size);
char *oracle_strdup(const char *s);

/*
 * C-escape @len bytes into a new string (free with free()). The result is
 * printable ASCII without spaces at will: octal escapes, so that no escape
 * can swallow what follows it.
 */
char *oracle_escape(const char *s, size_t len);

/* Parse a whole non-negative number, suffix K, M or G allowed; or die. */
uint64_t oracle_number(const char *what, const char *s);

/* A relative path in the making. Zero-initialise; free with oracle_path_done(). */
struct oracle_path {
	char *s;		/* always terminated once pushed to */
	size_t len;
	size_t cap;
};

/* Append /@name. Returns the length before, for oracle_path_pop(). */
size_t oracle_path_push(struct oracle_path *p, const char *name);
void oracle_path_pop(struct oracle_path *p, size_t len);
void oracle_path_done(struct oracle_path *p);

/* The path as text; "." when nothing was pushed. */
const char *oracle_path_str(const struct oracle_path *p);

#endif
