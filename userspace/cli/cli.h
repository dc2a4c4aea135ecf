/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/cli.h - the command line: what one command is, and what was asked for.
 *
 * tidemark speaks REST on the daemon's unix socket and nothing else: what it can do, the page and
 * scripts can do. stdout carries data, stderr talk. One table (table.c, table_policy.c) says which
 * commands there are; dispatch, help, completion and the manual's lists are made from it.
 */
#ifndef TM_CLI_CLI_H
#define TM_CLI_CLI_H

#include <jansson.h>
#include <stdio.h>

#include "lib/base.h"

#define TM_DEFAULT_SOCKET "/run/tidemark/api.sock"

/* Documented exit codes; unknown ones are to be read as failures. */
enum tm_exit {
	TM_EXIT_OK = 0,
	TM_EXIT_FAILED = 1,
	TM_EXIT_USAGE = 2,
	TM_EXIT_UNHEALTHY = 3,
	TM_EXIT_NOT_FOUND = 4,
	TM_EXIT_DENIED = 5,
	TM_EXIT_NO_DAEMON = 6, /* always the local daemon */
	TM_EXIT_TIMEOUT = 7,
	TM_EXIT_CONFLICT = 8,
	TM_EXIT_INTERRUPTED = 130,
};

enum tm_when { TM_AUTO, TM_ALWAYS, TM_NEVER };

/* What an operand stands for: its name in `args` decides how it is completed. */
struct tm_column;
struct tm_cli;

struct tm_command {
	const char *noun;
	const char *verb;     /* NULL: the noun is the command */
	const char *args;     /* "", "NAME", "[KEY]...", "CODE DURATION" */
	const char *summary;  /* one line */
	const char *text;     /* what to know; paragraphs end with \n; may be NULL */
	const char *examples; /* lines "command", or "# comment" */
	uint64_t options;     /* TM_OPT() bits, besides those of every command */
	unsigned int flags;   /* enum tm_command_flags */
	const struct tm_column
		*columns; /* for -o; ends with a NULL title; NULL: the fields of the object */
	int (*run)(struct tm_cli *c); /* exit code */
};

enum tm_command_flags {
	TM_CMD_VIEW = 1 << 0,	 /* changes nothing: takes --watch */
	TM_CMD_SOURCE = 1 << 1,	 /* NAME: a policy whose source is here */
	TM_CMD_TARGET = 1 << 2,	 /* NAME: one whose target is here */
	TM_CMD_REQUEST = 1 << 3, /* NAME: one that awaits authorization */
};

struct tm_group {
	const char *title;
	const struct tm_command *commands;
	size_t n;
};
extern const struct tm_group tm_groups[];
extern const size_t tm_groups_n;

/* Every command, in the order of the help. */
#define tm_command_foreach(k)                                                                      \
	for (const struct tm_group *_g = tm_groups; _g < tm_groups + tm_groups_n; _g++)            \
		for (const struct tm_command *k = _g->commands; k < _g->commands + _g->n; k++)

const struct tm_command *tm_command_find(const char *noun, const char *verb);
/* "policy show" */
void tm_command_name(const struct tm_command *k, char *dst, size_t cap);
#define TM_COMMAND_NAME_LEN 48

struct tm_cli {
	const char *socket;
	const struct tm_command *command;
	char **args; /* operands: what is no option, after noun and verb */
	size_t n_args;
	FILE *out;  /* data */
	FILE *talk; /* everything else */

	/* how to show */
	bool json, pretty, noheadings, raw, bytes, quiet, yes, help;
	bool watch;
	bool lines; /* one JSON text a line, each only when it differs: --watch in a pipe */
	uint64_t watch_ms;
	const char *columns;
	enum tm_when when_color;
	bool color, color_err;	 /* decided: for out, for talk */
	unsigned int text_flags; /* enum tm_text_flags that the locale asks for */
	unsigned int width;	 /* of the terminal; 0: none */

	/* of single commands; NULL, 0 or false: not given */
	const char *source_dir, *target_dir, *target_address, *mode, *fingerprint, *reason;
	uint64_t target_port, timeout_ms, limit, since;
	bool create_dir, allow_devices, allow_suid, wait, no_repair, follow, detail, all;
	bool write, values, names, origin, describe, ignore, from_stdin, have_since;
	const char *status, *policy, *role, *before;
};

/* Operand @i, or NULL. */
static inline const char *tm_arg(const struct tm_cli *c, size_t i)
{
	return i < c->n_args ? c->args[i] : NULL;
}

/* "tidemark: ..." on the terminal's side; the text must be safe already (tm_safe()). */
void tm_error(const struct tm_cli *c, const char *fmt, ...) _printf_(2, 3);
/* A hint: not with -q, and not with -j. */
void tm_hint(const struct tm_cli *c, const char *fmt, ...) _printf_(2, 3);
/* Text of others for a sentence. New string, never NULL ("?" without memory). */
char *tm_safe(const struct tm_cli *c, const char *s);

/*
 * Ends the program with 130 when it is interrupted; @restore (may be NULL) runs first and must be
 * async-signal-safe.
 */
void tm_on_interrupt(void (*restore)(void));

#endif
