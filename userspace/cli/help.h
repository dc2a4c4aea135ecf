/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/help.h - what the table says, for people, for the manual, and for bash.
 */
#ifndef TM_CLI_HELP_H
#define TM_CLI_HELP_H

#include "cli/cli.h"

/* `tidemark --help`: every command, the common options, the first steps. */
void tm_help_all(const struct tm_cli *c, FILE *f);
/* About one noun: its verbs. */
void tm_help_noun(const struct tm_cli *c, FILE *f, const char *noun);
/* About one command: what it does, its options, columns and examples. */
void tm_help_command(const struct tm_cli *c, FILE *f, const struct tm_command *k);

/* `tidemark _man WHAT [NOUN]`: parts of the manual in scdoc's format, for man/page.sh. Exit code. */
int tm_help_man(int argc, char **argv);

/*
 * `tidemark _complete INDEX WORD...`: what may stand at word INDEX (0 is the program), one a line. A
 * first line ":files", ":dirs" or ":hosts" leaves that to bash. Names come from the daemon, for at most 2 s. Exit code.
 */
int tm_help_complete(struct tm_cli *c, int argc, char **argv);

#endif
