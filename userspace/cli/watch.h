/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/watch.h - a command again and again: redrawn on a terminal, JSON lines in a pipe.
 */
#ifndef TM_CLI_WATCH_H
#define TM_CLI_WATCH_H

#include "cli/cli.h"

/* Runs c->command until it is interrupted or fails; returns its exit code. */
int tm_watch(struct tm_cli *c);

/* Sleep at most @ms, less if the daemon tells of an event. *@cursor: 0 at first. */
void tm_watch_wait(const struct tm_cli *c, uint64_t ms, uint64_t *cursor);

#endif
