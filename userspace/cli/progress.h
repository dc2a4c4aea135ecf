/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/progress.h - how far a run is: one line that changes on a terminal, else one line per 10 s.
 */
#ifndef TM_CLI_PROGRESS_H
#define TM_CLI_PROGRESS_H

#include "cli/cli.h"

struct tm_progress {
	bool drawn;	  /* a line stands on the terminal */
	uint64_t next_ms; /* elsewhere: when to tell again; 0: now */
};

/* "web  [=====>    ]  41%  12.1 MiB of 30.0 MiB  3.2 MiB/s  6 s left", what fits in @width (0: all). New string. */
char *tm_progress_text(const struct tm_cli *c, const json_t *policy, unsigned int width);
/* To stderr; nothing with -q or -j. */
void tm_progress_show(const struct tm_cli *c, struct tm_progress *pr, const json_t *policy);
void tm_progress_end(const struct tm_cli *c, struct tm_progress *pr);

#endif
