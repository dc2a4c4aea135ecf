/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/style.h - what the terminal can do: colours, width, UTF-8.
 */
#ifndef TM_CLI_STYLE_H
#define TM_CLI_STYLE_H

#include "cli/cli.h"

/* Decide colour, width and encoding from the streams, --color, NO_COLOR, TERM and the locale. */
void tm_style_decide(struct tm_cli *c);
/* Look at the width again. */
void tm_style_resize(struct tm_cli *c);
/* Lines of the terminal on stdout, 0 if there is none. */
unsigned int tm_style_rows(void);
/* Columns of the terminal on stderr, 0 if there is none: for the progress line. */
unsigned int tm_style_err_width(void);

#endif
