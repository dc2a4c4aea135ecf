/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/health.h - what is wrong, for `tidemark status`.
 */
#ifndef TM_CLI_HEALTH_H
#define TM_CLI_HEALTH_H

#include "cli/cli.h"

/* The checks of GET /v1/health. New reference, empty if the daemon could not say. */
json_t *tm_health_checks(const struct tm_cli *c);
/*
 * Of @checks those that count (neither muted nor `info`) and are about the policy with this id; NULL:
 * about the node. New reference.
 */
json_t *tm_health_of(const json_t *checks, const char *policy_id);
/* Somebody muted a check of this policy, and none of those left counts. */
bool tm_health_muted(const json_t *checks, const char *policy_id);
/* "  CODE: summary", and with @cures the cause and the cure below it. */
void tm_health_lines(const struct tm_cli *c, const json_t *checks, bool cures);

#endif
