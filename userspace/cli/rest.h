/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/rest.h - one request to the daemon, over libcurl on a unix socket.
 */
#ifndef TM_CLI_REST_H
#define TM_CLI_REST_H

#include "cli/cli.h"

struct tm_answer {
	long status;   /* HTTP status; 0: the daemon was not reached, and that was told */
	json_t *body;  /* owned; NULL if empty */
	int exit_code; /* TM_EXIT_OK, or what the problem's code stands for */
};

/*
 * @body is borrowed or NULL. On failure a message (what, why, what to do) was written to
 * stderr, and with -j the problem object to stdout, and ret->exit_code says which exit code.
 * @timeout_ms 0: 30 s. Returns ret->exit_code.
 */
int tm_rest(const struct tm_cli *c, const char *method, const char *path, json_t *body,
	    uint64_t timeout_ms, struct tm_answer *ret);
/* GET with the usual time limit; @path is freed, NULL is no memory. */
int tm_rest_get(const struct tm_cli *c, char *path, struct tm_answer *ret);
void tm_answer_free(struct tm_answer *a);
#define _cleanup_answer_ _cleanup_(tm_answer_free)

/* "/v1/policies/REF" + @tail with REF percent-encoded; new string. */
char *tm_policy_path(const char *ref, const char *tail);
/* @before + percent-encoded @n bytes of @text + @after; new string. */
char *tm_path_with(const char *before, const char *text, size_t n, const char *after);
/* "?limit=N&before=ID" from --limit and --before; new string. */
char *tm_page_query(const struct tm_cli *c);

/* For callers that want to look at a problem first: do not print it. */
int tm_rest_quiet(const struct tm_cli *c, const char *method, const char *path, json_t *body,
		  uint64_t timeout_ms, struct tm_answer *ret);
/* The exit code of a problem's code; NULL or unknown ones are TM_EXIT_FAILED. */
int tm_problem_exit(const char *code);
void tm_problem_print(const struct tm_cli *c, const struct tm_answer *a);

#endif
