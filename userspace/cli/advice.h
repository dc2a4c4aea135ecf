/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/advice.h - from a policy object to: is it safe, and what to do next. Pure but for printing.
 */
#ifndef TM_CLI_ADVICE_H
#define TM_CLI_ADVICE_H

#include "cli/cli.h"

enum tm_safety {
	TM_SAFE,   /* everything written is durable on the target */
	TM_BEHIND, /* on its way, by itself */
	TM_UNSAFE, /* nothing goes on unless somebody does something, or it is not known what is missing */
	TM_ELSEWHERE, /* this cluster is the target: the source knows */
};

#define TM_ADVICE_COMMANDS 3

struct tm_advice {
	enum tm_safety safety;
	bool attention; /* somebody should look: `tidemark status` exits 3 */
	char *what;	/* a sentence, or NULL: nothing to do */
	char *commands[TM_ADVICE_COMMANDS];
	size_t n_commands;
};

void tm_advise(const struct tm_cli *c, const json_t *policy, struct tm_advice *ret);
void tm_advice_free(struct tm_advice *a);

/* "  NAME: WHAT" and the commands below it, to c->out; nothing if there is nothing to do. */
void tm_advice_lines(const struct tm_cli *c, const struct tm_advice *a, const char *name);

#endif
