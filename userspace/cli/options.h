/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/options.h - the one table of options: names, arguments, help, how values are completed.
 */
#ifndef TM_CLI_OPTIONS_H
#define TM_CLI_OPTIONS_H

#include "cli/cli.h"

enum tm_option_id {
	/* of every command */
	TM_O_JSON,
	TM_O_PRETTY,
	TM_O_OUTPUT,
	TM_O_NOHEADINGS,
	TM_O_RAW,
	TM_O_BYTES,
	TM_O_WATCH,
	TM_O_COLOR,
	TM_O_QUIET,
	TM_O_YES,
	TM_O_SOCKET,
	TM_O_HELP,
	TM_O_COMMON_END, /* none: the others belong to single commands */
	TM_O_SOURCE_DIR = TM_O_COMMON_END,
	TM_O_TARGET_DIR,
	TM_O_TARGET_ADDRESS,
	TM_O_TARGET_PORT,
	TM_O_MODE,
	TM_O_FINGERPRINT,
	TM_O_CREATE_DIR,
	TM_O_ALLOW_DEVICES,
	TM_O_ALLOW_SUID,
	TM_O_REASON,
	TM_O_WAIT,
	TM_O_TIMEOUT,
	TM_O_STATUS,
	TM_O_NO_REPAIR,
	TM_O_LIMIT,
	TM_O_BEFORE,
	TM_O_DETAIL,
	TM_O_POLICY,
	TM_O_FOLLOW,
	TM_O_SINCE,
	TM_O_ALL,
	TM_O_WRITE,
	TM_O_VALUES,
	TM_O_NAMES,
	TM_O_ORIGIN,
	TM_O_DESCRIBE,
	TM_O_IGNORE,
	TM_O_ROLE,
	TM_O_STDIN,
	TM_O_MAX,
};
#define TM_OPT(id) (1ULL << TM_O_##id)

enum tm_values {
	TM_V_NONE,
	TM_V_WORDS, /* those of `words`, with | between */
	TM_V_FILE,
	TM_V_DIR,
	TM_V_HOST,
	TM_V_POLICY,
	TM_V_COLUMNS,
};

struct tm_option {
	const char *name; /* without -- */
	char letter;	  /* 0: none */
	const char *arg;  /* NULL: takes none; "[X]": may be left out */
	const char *help;
	enum tm_values values;
	const char *words;
};
extern const struct tm_option tm_options[TM_O_MAX];

/* Is it one that @k takes? */
bool tm_option_of(const struct tm_command *k, enum tm_option_id id);
/* The letter that @k knows it by, or 0: two commands may use one letter for different things. */
char tm_option_letter(const struct tm_command *k, enum tm_option_id id);

/*
 * Take apart a command line: options anywhere, then noun, verb and operands. @argv stays the caller's;
 * the operands point into it. Returns TM_EXIT_OK with c->command set (NULL: only --help, or nothing,
 * was given), or TM_EXIT_USAGE after a message.
 */
int tm_parse(struct tm_cli *c, int argc, char **argv);
/* The noun that was given, for help about it; NULL: none. Valid after tm_parse(). */
const char *tm_parse_noun(void);

#endif
