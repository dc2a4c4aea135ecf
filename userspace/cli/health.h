/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/health.h - what is wrong with this node, for `tidemark status`.
 */
#ifndef TM_CLI_HEALTH_H
#define TM_CLI_HEALTH_H

#include "cli/cli.h"

/*
 * Checks that are not about one policy and count: rows as GET /v1/health has them. New reference.
 * @status is what GET /v1/status answered.
 */
json_t *tm_health_of_node(const struct tm_cli *c, const json_t *status);
/* A line for each, with its cure. */
void tm_health_lines(const struct tm_cli *c, const json_t *checks);

#endif
