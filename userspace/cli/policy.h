/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/policy.h - what several commands say about a policy object.
 */
#ifndef TM_CLI_POLICY_H
#define TM_CLI_POLICY_H

#include "cli/output.h"

/* Status with its time, percentage or detail: "Finished 18:04:12, in sync", "Stopped: ...". New string. */
char *tm_policy_status(const struct tm_cli *c, const json_t *p);
/* "cluster:/dir", for a target whose cluster is not known yet its address. New strings. */
char *tm_policy_source(const struct tm_cli *c, const json_t *p);
char *tm_policy_target(const struct tm_cli *c, const json_t *p);
/* How old the newest state is that the target holds durably, in ms at @now_ns; -1: nobody knows. */
int64_t tm_policy_lag_ms(const json_t *p, int64_t now_ns);
char *tm_policy_lag(const struct tm_cli *c, const json_t *p);

/* After a change: what became of the policy, as -j, -o and -q want it. */
void tm_policy_note(const struct tm_cli *c, const json_t *p);
/* POST @tail to the policy NAME, and tm_policy_note(). Takes @body (may be NULL). Exit code. */
int tm_policy_post(struct tm_cli *c, const char *tail, json_t *body);
/* A path or name argument: as text, or KEY_b64 if it is not UTF-8. */
void tm_set_bytes(json_t *body, const char *key, const char *value);

/*
 * May a question be asked? Only of a person: on a terminal, and not with -j. @question is printed; the
 * answer must be @word (or y/yes when @word is NULL).
 */
bool tm_can_ask(const struct tm_cli *c);
bool tm_ask(const struct tm_cli *c, const char *word, const char *question);

#endif
