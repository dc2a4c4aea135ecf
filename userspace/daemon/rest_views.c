// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_views.c - the GETs that show what is there.
 */
#include "api/openapi.h"
#include "daemon/rest.h"
#include "daemon/revision.h"
#include "daemon/series.h"
#include "daemon/view.h"

#define LIST_DEFAULT 100
#define LIST_MAX     1000

/* limit and before of a list. False: answered. */
static bool page(struct tm_rest_request *q, struct tm_page *ret)
{
	uint64_t limit = LIST_DEFAULT, before = 0;

	if (!tm_call_query_u64(q->c, "limit", 1, LIST_MAX, &limit) ||
	    !tm_call_query_u64(q->c, "before", 1, INT64_MAX, &before))
		return false;
	*ret = (struct tm_page){ .limit = (unsigned int)limit, .before = (int64_t)before };
	return true;
}

void tm_rest_policies(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_policies(tm_call_daemon(q->c)));
}

void tm_rest_policy(struct tm_rest_request *q)
{
	const char *seen = tm_call_header(q->c, "If-None-Match");
	char revision[TM_REVISION_LEN];
	json_t *o = tm_view_policy(q->p);

	/* After the view: it may bring the policy's state up to date. */
	tm_call_etag(q->c, tm_policy_revision(q->p, revision));
	if (seen && tm_etag_lists(seen, revision)) {
		json_decref(o);
		tm_call_reply_text(q->c, 304, strdup(""));
		return;
	}
	tm_call_reply(q->c, 200, o);
}

void tm_rest_failures(struct tm_rest_request *q)
{
	struct tm_page at;

	if (page(q, &at))
		tm_call_reply(q->c, 200, tm_view_failures(q->p, &at));
}

void tm_rest_runs(struct tm_rest_request *q)
{
	struct tm_page at;

	if (page(q, &at))
		tm_call_reply(q->c, 200, tm_view_runs(q->p, &at));
}

void tm_rest_requests(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_requests(tm_call_daemon(q->c)));
}

void tm_rest_status(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_status(tm_call_daemon(q->c)));
}

void tm_rest_probe(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_probe(tm_call_daemon(q->c)));
}

void tm_rest_settings(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_config_settings_json(&tm_call_daemon(q->c)->cfg));
}

void tm_rest_peers(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_peers(tm_call_daemon(q->c)));
}

void tm_rest_audit(struct tm_rest_request *q)
{
	struct tm_page at;

	if (page(q, &at))
		tm_call_reply(q->c, 200, tm_view_audit(tm_call_daemon(q->c), &at));
}

void tm_rest_series(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_series_json(q->p));
}

void tm_rest_capture(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_capture(tm_call_daemon(q->c)));
}

void tm_rest_openapi(struct tm_rest_request *q)
{
	tm_call_reply_text(q->c, 200, strdup(tm_openapi_text));
}
