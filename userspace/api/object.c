// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * api/object.c - structures to JSON, one function per object.
 */
#include "api/object.h"

#include <stdio.h>

#define TRY(e)                                                                                     \
	do {                                                                                       \
		if ((e) < 0)                                                                       \
			goto fail;                                                                 \
	} while (0)

static int set_obj(json_t *o, const char *key, json_t *v)
{
	return json_object_set_new(o, key, v); /* NULL v is -1 */
}

static int set_text(json_t *o, const char *key, const char *s)
{
	return tm_api_set_bytes(o, key, s, s ? strlen(s) : 0, true);
}

json_t *tm_api_run_json(const struct tm_api_run *r)
{
	json_t *o = json_object();
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)r->id);
	TRY(set_text(o, "id", r->id ? id : NULL));
	TRY(tm_api_set_str(o, "kind", r->kind));
	TRY(tm_api_set_time(o, "started", r->started_ns));
	TRY(tm_api_set_time(o, "finished", r->finished_ns));
	TRY(tm_api_set_str(o, "result", r->result));
	TRY(set_text(o, "error", r->error));
	TRY(tm_api_set_u64(o, "batches", r->batches));
	TRY(tm_api_set_u64(o, "files", r->files));
	TRY(tm_api_set_u64(o, "deleted", r->deleted));
	TRY(tm_api_set_u64(o, "renamed", r->renamed));
	TRY(tm_api_set_u64(o, "payload_bytes", r->payload_bytes));
	TRY(tm_api_set_u64(o, "wire_bytes", r->wire_bytes));
	TRY(tm_api_set_u64(o, "read_bytes", r->read_bytes));
	TRY(tm_api_set_u64(o, "verified_files", r->verified_files));
	TRY(tm_api_set_u64(o, "verified_bytes", r->verified_bytes));
	TRY(tm_api_set_u64(o, "mismatched", r->mismatched));
	return o;
fail:
	json_decref(o);
	return NULL;
}

static json_t *ends_json(const char *cluster, const char *dir, const char *address, int port)
{
	json_t *o = json_object();

	TRY(set_text(o, "cluster", cluster));
	TRY(tm_api_set_str(o, "dir", dir));
	if (port >= 0) {
		TRY(set_text(o, "address", address));
		TRY(tm_api_set_u64(o, "port", (uint64_t)port));
	}
	return o;
fail:
	json_decref(o);
	return NULL;
}

static json_t *totals_json(const struct tm_api_policy *p)
{
	json_t *o = json_object();

	TRY(tm_api_set_u64(o, "batches", p->totals.batches));
	TRY(tm_api_set_u64(o, "rescans", p->totals.rescans));
	TRY(tm_api_set_u64(o, "files", p->totals.files));
	TRY(tm_api_set_u64(o, "payload_bytes", p->totals.payload_bytes));
	TRY(tm_api_set_u64(o, "wire_bytes", p->totals.wire_bytes));
	TRY(tm_api_set_u64(o, "read_bytes", p->totals.read_bytes));
	TRY(tm_api_set_u64(o, "sendfile_bytes", p->totals.sendfile_bytes));
	TRY(tm_api_set_u64(o, "ktls_bytes", p->totals.ktls_bytes));
	TRY(tm_api_set_u64(o, "copy_bytes", p->totals.copy_bytes));
	return o;
fail:
	json_decref(o);
	return NULL;
}

static json_t *progress_json(const struct tm_api_policy *p)
{
	json_t *o = json_object();

	TRY(set_obj(o, "percent",
		    p->progress.percent < 0 ? json_null() : json_integer(p->progress.percent)));
	TRY(tm_api_set_u64(o, "files_done", p->progress.files_done));
	TRY(tm_api_set_u64(o, "files_total", p->progress.files_total));
	TRY(tm_api_set_u64(o, "bytes_done", p->progress.bytes_done));
	TRY(tm_api_set_u64(o, "bytes_total", p->progress.bytes_total));
	TRY(tm_api_set_u64(o, "rate_now", p->progress.rate_now));
	TRY(tm_api_set_u64(o, "rate_average", p->progress.rate_average));
	TRY(set_obj(o, "seconds_left",
		    p->progress.seconds_left < 0 ? json_null()
						 : json_integer(p->progress.seconds_left)));
	return o;
fail:
	json_decref(o);
	return NULL;
}

static json_t *incomplete_json(const struct tm_api_policy *p)
{
	json_t *o;

	if (!p->capture.incomplete_ns)
		return json_null();
	o = json_object();
	TRY(tm_api_set_time(o, "since", p->capture.incomplete_ns));
	TRY(tm_api_set_str(o, "reason", p->capture.reason));
	TRY(tm_api_set_str(o, "scope", p->capture.scope));
	return o;
fail:
	json_decref(o);
	return NULL;
}

static json_t *capture_json(const struct tm_api_policy *p)
{
	json_t *o = json_object();

	TRY(tm_api_set_str(o, "backend", p->capture.backend));
	TRY(tm_api_set_u64(o, "seen", p->capture.seen));
	TRY(tm_api_set_u64(o, "queued", p->capture.queued));
	TRY(tm_api_set_u64(o, "coalesced", p->capture.coalesced));
	TRY(tm_api_set_u64(o, "dropped", p->capture.dropped));
	TRY(set_obj(o, "incomplete", incomplete_json(p)));
	return o;
fail:
	json_decref(o);
	return NULL;
}

static json_t *request_json(const struct tm_api_policy *p)
{
	json_t *o;

	if (!p->request.shown)
		return json_null();
	o = json_object();
	TRY(set_text(o, "address", p->request.address));
	TRY(tm_api_set_u64(o, "est_files", p->request.est_files));
	TRY(tm_api_set_u64(o, "est_bytes", p->request.est_bytes));
	TRY(tm_api_set_bool(o, "target_exists", p->request.target_exists));
	TRY(tm_api_set_u64(o, "target_entries", p->request.target_entries));
	TRY(tm_api_set_time(o, "since", p->request.since_ns));
	return o;
fail:
	json_decref(o);
	return NULL;
}

static int policy_state(json_t *o, const struct tm_api_policy *p)
{
	TRY(tm_api_set_str(o, "mode", p->continuous ? "continuous" : "manual"));
	TRY(tm_api_set_time(o, "recovery_point", p->recovery_ns));
	TRY(set_obj(o, "lag_ms", p->lag_ms < 0 ? json_null() : json_integer(p->lag_ms)));
	TRY(set_text(o, "last_error", p->last_error));
	TRY(set_obj(o, "last_run", p->last_run ? tm_api_run_json(p->last_run) : json_null()));
	TRY(set_obj(o, "totals", totals_json(p)));
	TRY(set_obj(o, "progress", progress_json(p)));
	TRY(set_obj(o, "capture", capture_json(p)));
	TRY(tm_api_set_u64(o, "pending", p->pending));
	TRY(tm_api_set_u64(o, "in_flight", p->in_flight));
	TRY(tm_api_set_bool(o, "in_sync", p->in_sync));
	TRY(tm_api_set_u64(o, "failures", p->failures));
	TRY(tm_api_set_bool(o, "enabled", p->enabled));
	TRY(tm_api_set_bool(o, "connected", p->connected));
	return 0;
fail:
	return -ENOMEM;
}

json_t *tm_api_policy_json(const struct tm_api_policy *p)
{
	json_t *o = json_object();
	char run[24];

	TRY(tm_api_set_str(o, "name", p->name));
	TRY(tm_api_set_str(o, "id", p->id));
	TRY(tm_api_set_str(o, "role", p->role));
	TRY(tm_api_set_str(o, "revision", p->revision));
	TRY(tm_api_set_str(o, "status", p->status));
	TRY(set_text(o, "status_detail", p->status_detail));
	TRY(tm_api_set_time(o, "status_since", p->status_ns));
	TRY(set_obj(o, "source", ends_json(p->source_cluster, p->source_dir, NULL, -1)));
	TRY(set_obj(
		o, "target",
		ends_json(p->target_cluster, p->target_dir, p->target_address, p->target_port)));
	TRY(policy_state(o, p));
	TRY(tm_api_set_time(o, "created", p->created_ns));
	TRY(tm_api_set_str(o, "peer_fingerprint", p->peer_fingerprint));
	TRY(set_text(o, "peer_cluster", p->peer_cluster));
	TRY(set_obj(o, "request", request_json(p)));
	TRY(tm_api_set_bool(o, "allow_devices", p->allow_devices));
	TRY(tm_api_set_bool(o, "allow_suid", p->allow_suid));
	snprintf(run, sizeof(run), "%lld", p->last_run ? (long long)p->last_run->id : 0);
	TRY(set_text(o, "run", p->last_run && p->last_run->id ? run : NULL));
	return o;
fail:
	json_decref(o);
	return NULL;
}

json_t *tm_api_failure_json(const struct tm_api_failure *f)
{
	json_t *o = json_object();
	int err = f->err < 0 ? -f->err : f->err;
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)f->id);
	TRY(tm_api_set_str(o, "id", id));
	TRY(tm_api_set_time(o, "time", f->time_ns));
	TRY(tm_api_set_bytes(o, "path", f->path, f->path_len, false));
	TRY(tm_api_set_str(o, "op", f->op));
	TRY(set_text(o, "error", f->text ? f->text : err ? strerror(err) : NULL));
	TRY(tm_api_set_u64(o, "errno", (uint64_t)err));
	return o;
fail:
	json_decref(o);
	return NULL;
}

json_t *tm_api_setting_json(const struct tm_api_setting *s)
{
	json_t *o = json_object();

	TRY(tm_api_set_str(o, "key", s->key));
	TRY(tm_api_set_str(o, "value", s->value));
	TRY(tm_api_set_str(o, "default", s->dflt));
	TRY(tm_api_set_str(o, "type", s->type));
	TRY(set_text(o, "unit", s->unit));
	TRY(tm_api_set_str(o, "help", s->help));
	TRY(tm_api_set_str(o, "origin", s->origin));
	TRY(tm_api_set_bool(o, "changeable", s->changeable));
	return o;
fail:
	json_decref(o);
	return NULL;
}

const char *tm_api_http_title(unsigned int http_status)
{
	switch (http_status) {
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 415: return "Unsupported Media Type";
	case 421: return "Misdirected Request";
	case 429: return "Too Many Requests";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	default: return "Internal Server Error";
	}
}

json_t *tm_api_problem_json(unsigned int http_status, const char *code, const char *detail)
{
	json_t *o = json_object();

	TRY(tm_api_set_str(o, "type", "about:blank"));
	TRY(tm_api_set_str(o, "title", tm_api_http_title(http_status)));
	TRY(tm_api_set_u64(o, "status", http_status));
	TRY(tm_api_set_str(o, "detail", detail));
	TRY(tm_api_set_str(o, "code", code));
	return o;
fail:
	json_decref(o);
	return NULL;
}

/* One "name\tstate\tdetail" line; missing parts are empty. */
static json_t *report_line_json(const char *p, size_t n)
{
	static const char *const keys[] = { "name", "state", "detail" };
	json_t *o = json_object();

	for (unsigned int i = 0; i < TM_ARRAY_SIZE(keys); i++) {
		const char *tab = i < 2 ? memchr(p, '\t', n) : NULL;
		size_t part = tab ? (size_t)(tab - p) : n;

		TRY(tm_api_set_bytes(o, keys[i], p, part, false));
		p += part + !!tab;
		n -= part + !!tab;
	}
	return o;
fail:
	json_decref(o);
	return NULL;
}

json_t *tm_api_report_json(const char *lines)
{
	json_t *a = json_array();

	while (lines && *lines) {
		size_t n = strcspn(lines, "\n");

		if (n && json_array_append_new(a, report_line_json(lines, n)) < 0) {
			json_decref(a);
			return NULL;
		}
		lines += n + (lines[n] == '\n');
	}
	return a;
}
