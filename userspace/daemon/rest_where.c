// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_where.c - GET /v1/where.
 */
#include "daemon/rest.h"
#include "daemon/where.h"
#include "lib/text.h"
#include "policy/check.h"

void tm_rest_where(struct tm_rest_request *q)
{
	char given[TM_API_PATH_MAX + 1], path[TM_REC_PATH_MAX];
	_cleanup_free_ char *why = NULL, *shown = NULL;
	unsigned int n = 0;
	json_t *o;

	if (!tm_call_query_bytes(q->c, "path", given))
		return;
	if (tm_check_path(given, strlen(given), path, &why) < 0) {
		tm_call_bad(q->c, "path", "%s", why ?: "bad path");
		return;
	}
	o = tm_where_json(tm_call_daemon(q->c), path, &n);
	if (o && n == 0) {
		json_decref(o);
		shown = tm_escape(path, strlen(path));
		tm_call_problem(q->c, 404, "not-found", "no policy covers %s", shown ?: "");
		return;
	}
	tm_call_reply(q->c, 200, o);
}
