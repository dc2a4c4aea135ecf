// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/view_node.c - what is shown of the node: status, probe, peers, audit.
 */
#include "daemon/accept.h"
#include "daemon/capture_glue.h"
#include "daemon/view.h"
#include "lib/text.h"

#include <stdio.h>
#include <unistd.h>

#ifndef TM_VERSION
#define TM_VERSION "0"
#endif

static json_t *listening(const struct tm_daemon *d)
{
	json_t *o;

	if (!tm_listener_port(d))
		return json_null();
	o = json_object();
	if (tm_api_set_str(o, "address", d->cfg.listen_address) < 0 ||
	    tm_api_set_u64(o, "port", tm_listener_port(d)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *capture(const struct tm_daemon *d)
{
	json_t *o = json_object();

	if (tm_api_set_str(o, "backend", tm_glue_backend(d)) < 0 ||
	    tm_api_set_str(o, "wanted", tm_backend_name(d->cfg.backend)) < 0 ||
	    tm_api_set_str(o, "why", tm_glue_why(d)) < 0 ||
	    tm_api_set_str(o, "blind_spots", tm_glue_blind_spots(d)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *tm_view_status(struct tm_daemon *d)
{
	_cleanup_json_ json_t *o = json_object();
	char fp[TM_FINGERPRINT_LEN];
	uint64_t policies = 0, requests = 0;

	tm_policy_foreach(d, p)
	{
		policies += !p->embryo;
		requests += p->rec.role == TM_REC_TARGET && p->rec.auth == TM_REC_AWAITING;
	}
	tm_key_fingerprint(tm_node_key_public(d->key), fp);
	if (tm_api_set_str(o, "version", TM_VERSION) < 0 ||
	    tm_api_set_str(o, "cluster", d->cfg.cluster) < 0 ||
	    tm_api_set_str(o, "fingerprint", fp) < 0 ||
	    tm_api_set_str(o, "instance", d->instance) < 0 ||
	    tm_api_set_str(o, "state_dir", d->state_dir) < 0 ||
	    tm_api_set_str(o, "runtime_dir", d->runtime_dir) < 0 ||
	    tm_api_set_u64(o, "pid", (uint64_t)getpid()) < 0 ||
	    tm_api_set_time(o, "started", d->started_ns) < 0 ||
	    json_object_set_new(o, "listening", listening(d)) < 0 ||
	    tm_api_set_bytes(o, "listen_error", d->listen_error, strlen(d->listen_error), true) <
		    0 ||
	    json_object_set_new(o, "capture", capture(d)) < 0 ||
	    tm_api_set_u64(o, "policies", policies) < 0 ||
	    tm_api_set_u64(o, "requests", requests) < 0 ||
	    tm_api_set_u64(o, "workers", d->n_workers) < 0 ||
	    json_object_set_new(o, "config_errors", tm_config_errors_json(&d->cfg)) < 0)
		return NULL;
	return json_incref(o);
}

json_t *tm_view_probe(struct tm_daemon *d)
{
	_cleanup_free_ char *report = tm_glue_report(d), *probe = NULL;
	_cleanup_json_ json_t *o = json_object();

	/* The opening thread owns libbpf while it runs. */
	if (!tm_streq(tm_glue_backend(d), "starting"))
		probe = tm_capture_probe();
	if (tm_api_set_str(o, "backend", tm_glue_backend(d)) < 0 ||
	    tm_api_set_str(o, "why", tm_glue_why(d)) < 0 ||
	    tm_api_set_str(o, "blind_spots", tm_glue_blind_spots(d)) < 0 ||
	    json_object_set_new(o, "report", tm_api_report_json(report)) < 0 ||
	    json_object_set_new(o, "probe", tm_api_report_json(probe)) < 0)
		return NULL;
	return json_incref(o);
}

struct peers {
	struct tm_daemon *d;
	json_t *list;
};

static int add_peer(const struct tm_peer_rec *r, void *arg)
{
	struct peers *ps = arg;
	json_t *o = json_object();
	char fp[TM_FINGERPRINT_LEN];
	uint64_t policies = 0;

	tm_policy_foreach(ps->d, p) policies +=
		!p->embryo && memcmp(p->rec.peer_key, r->key, TM_KEY_LEN) == 0;
	tm_key_fingerprint(r->key, fp);
	if (tm_api_set_str(o, "fingerprint", fp) < 0 ||
	    tm_api_set_str(o, "cluster", r->cluster) < 0 ||
	    tm_api_set_str(o, "address", r->address) < 0 ||
	    tm_api_set_time(o, "first_seen", r->first_ns) < 0 ||
	    tm_api_set_time(o, "last_seen", r->last_ns) < 0 ||
	    tm_api_set_u64(o, "policies", policies) < 0) {
		json_decref(o);
		return -ENOMEM;
	}
	return json_array_append_new(ps->list, o) < 0 ? -ENOMEM : 0;
}

json_t *tm_view_peers(struct tm_daemon *d)
{
	struct peers ps = { .d = d, .list = json_array() };

	if (!ps.list || d->store->ops->peer_each(d->store, add_peer, &ps) < 0) {
		json_decref(ps.list);
		return NULL;
	}
	return ps.list;
}

json_t *tm_view_audit_row(const struct tm_audit_rec *a)
{
	static const uint8_t none[TM_REC_ID_LEN];
	char id[2 * TM_REC_ID_LEN + 1], seq[24];
	json_t *o = json_object();

	tm_hex(a->id, sizeof(a->id), id);
	snprintf(seq, sizeof(seq), "%lld", (long long)a->seq);
	if (tm_api_set_str(o, "id", seq) < 0 || tm_api_set_time(o, "time", a->time_ns) < 0 ||
	    tm_api_set_str(o, "who", a->who) < 0 || tm_api_set_str(o, "action", a->action) < 0 ||
	    tm_api_set_str(o, "policy", memcmp(a->id, none, sizeof(none)) ? id : NULL) < 0 ||
	    tm_api_set_str(o, "name", a->name[0] ? a->name : NULL) < 0 ||
	    tm_api_set_bytes(o, "detail", a->detail, strlen(a->detail), true) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static int add_audit(const struct tm_audit_rec *a, void *arg)
{
	return json_array_append_new(arg, tm_view_audit_row(a)) < 0 ? -ENOMEM : 0;
}

json_t *tm_view_audit(struct tm_daemon *d, const struct tm_page *at)
{
	json_t *list = json_array();

	if (!list ||
	    d->store->ops->audit_each(d->store, at->limit, at->before, add_audit, list) < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}
