// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_create.c - create on the source, accept on the target: where everything is checked.
 */
#include "daemon/accept.h"
#include "daemon/pairing.h"
#include "daemon/rest.h"
#include "daemon/roots.h"
#include "daemon/view.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "lib/text.h"

#define ENTRIES_SHOWN 100000
#define EMBRYOS_MAX   16

static json_t *field(const char *name)
{
	return json_pack("{s:s}", "field", name);
}

/* Text fields into the record. False: answered. */
static bool create_texts(struct tm_call *c, const struct tm_api_create *q,
			 struct tm_policy_rec *rec)
{
	_cleanup_free_ char *why = NULL;
	const char *bad = NULL;

	if (tm_check_name(q->name.s, q->name.len, &why) < 0) {
		tm_call_problem_with(c, 400, "bad-name", field("name"), "%s", why ?: "bad name");
		return false;
	}
	memcpy(rec->name, q->name.s, q->name.len);
	if (tm_check_path(q->source_dir.s, q->source_dir.len, rec->source_dir, &why) < 0)
		bad = "source_dir";
	else if (tm_check_path(q->target_dir.s, q->target_dir.len, rec->target_dir, &why) < 0)
		bad = "target_dir";
	else if (tm_check_address(q->address.s, q->address.len, &why) < 0)
		bad = "target_address";
	if (bad) {
		tm_call_problem_with(c, 400, "bad-request", field(bad), "%s", why ?: bad);
		return false;
	}
	memcpy(rec->address, q->address.s, q->address.len);
	return true;
}

/* The source directory: there, a directory, nobody's target. False: answered. */
static bool create_root(struct tm_call *c, struct tm_policy_rec *rec)
{
	_cleanup_free_ char *why = NULL,
			    *shown = tm_escape(rec->source_dir, strlen(rec->source_dir));
	struct tm_dir_id id;
	int r = tm_root_check(tm_call_daemon(c), NULL, rec->source_dir, TM_REC_SOURCE, &id, &why);

	switch (r) {
	case 0:
		rec->root_dev = id.dev;
		rec->root_ino = id.ino;
		return true;
	case -ENOENT:
		tm_call_problem_with(c, 409, "source-missing", field("source_dir"),
				     "the source directory %s does not exist", shown ?: "");
		return false;
	case -ENOTDIR:
		tm_call_problem_with(c, 409, "not-a-directory", field("source_dir"),
				     "%s is not a directory", shown ?: "");
		return false;
	case -EEXIST:
		tm_call_problem_with(c, 409, "overlap", field("source_dir"), "%s",
				     why ?: "it overlaps another policy");
		return false;
	default:
		tm_call_problem_with(c, 409, "source-missing", field("source_dir"),
				     "the source directory %s cannot be used: %s", shown ?: "",
				     strerror(-r));
		return false;
	}
}

static bool create_unique(struct tm_call *c, const struct tm_policy_rec *rec)
{
	unsigned int embryos = 0;
	json_t *extra;

	tm_policy_foreach(tm_call_daemon(c), p)
	{
		embryos += p->embryo;
		if (p->rec.role != TM_REC_SOURCE || !tm_streq(p->rec.name, rec->name))
			continue;
		extra = p->embryo ? NULL : json_pack("{s:[s]}", "ids", p->id_hex);
		tm_call_problem_with(c, 409, "exists", extra, "there is a policy %s already",
				     rec->name);
		return false;
	}
	if (embryos >= EMBRYOS_MAX) {
		tm_call_problem(c, 503, "busy",
				"too many policies are being created at this moment");
		return false;
	}
	return true;
}

static void create_gone(struct tm_call *c, void *arg)
{
	struct tm_policy *p = arg;

	if (p->create_call == c)
		p->create_call = NULL;
}

void tm_rest_create(struct tm_rest_request *rq)
{
	struct tm_call *c = rq->c;
	_cleanup_free_ struct tm_api_create *q = calloc(1, sizeof(*q));
	_cleanup_free_ struct tm_policy_rec *rec = calloc(1, sizeof(*rec));
	struct tm_daemon *d = tm_call_daemon(c);
	struct tm_api_refusal no;
	struct tm_policy *p;
	int r;

	if (!q || !rec) {
		tm_call_problem(c, 500, "internal", "out of memory");
		return;
	}
	if (tm_api_create_get(rq->body, q, &no) < 0) {
		tm_call_refused(c, &no);
		return;
	}
	if (!create_texts(c, q, rec) || !create_unique(c, rec) || !create_root(c, rec))
		return;
	rec->role = TM_REC_SOURCE;
	rec->auth = TM_REC_AWAITING;
	rec->port = q->port;
	rec->continuous = q->continuous;
	rec->enabled = true;
	rec->slot = -1;
	rec->created_ns = rec->status_ns = tm_wall_ns();
	rec->uid_index = tm_policy_uid_index(d);
	r = tm_random(rec->id, sizeof(rec->id));
	if (r == 0)
		r = tm_random(rec->secret, sizeof(rec->secret));
	p = r < 0 ? NULL : tm_policy_new(d, rec);
	explicit_bzero(rec, sizeof(*rec));
	if (!p) {
		tm_call_problem(c, 500, "internal", "the policy cannot be made");
		return;
	}
	p->embryo = true;
	p->has_want_fp = q->has_fingerprint;
	memcpy(p->want_fp, q->fingerprint, sizeof(p->want_fp));
	r = tm_pairing_create(p);
	if (r < 0) {
		tm_call_problem(c, 502, "target-unreachable",
				"the target %s port %u cannot be reached: %s", p->rec.address,
				p->rec.port, strerror(-r));
		tm_policy_free(p);
		return;
	}
	p->create_call = c;
	tm_call_defer(c, create_gone, p);
}

/* ---- accept */

static json_t *dir_extra(const struct tm_policy *p)
{
	json_t *o = json_object();

	(void)tm_api_set_str(o, "dir", p->rec.target_dir);
	return o;
}

static bool accept_missing(struct tm_rest_request *q, bool create_dir, int err)
{
	struct tm_policy *p = q->p;
	_cleanup_free_ char *shown = tm_escape(p->rec.target_dir, strlen(p->rec.target_dir));

	if (err == -ENOENT && create_dir)
		tm_call_problem_with(
			q->c, 409, "target-missing", dir_extra(p),
			"the target directory %s cannot be created: the directory above it does not exist",
			shown ?: "");
	else if (err == -ENOENT)
		tm_call_problem_with(
			q->c, 409, "target-missing", dir_extra(p),
			"the target directory %s does not exist: create it and accept again, or accept with "
			"--create-dir",
			shown ?: "");
	else if (err == -ENOTDIR)
		tm_call_problem_with(q->c, 409, "not-a-directory", dir_extra(p),
				     "%s is not a directory", shown ?: "");
	else
		tm_call_problem_with(q->c, 409, "target-missing", dir_extra(p),
				     "the target directory %s cannot be used: %s", shown ?: "",
				     strerror(-err));
	return false;
}

/* The directory exists (or is made), is free, and is empty or agreed to. False: answered. */
static bool accept_root(struct tm_rest_request *q, const struct tm_api_accept *a)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct tm_policy *p = q->p;
	struct tm_dir_id id;
	int64_t n;
	int r;

	r = tm_root_check(p->d, p, p->rec.target_dir, TM_REC_TARGET, &id, &why);
	if (r == -ENOENT && a->create_dir) {
		r = tm_root_create(p->rec.target_dir);
		if (r == 0)
			r = tm_root_check(p->d, p, p->rec.target_dir, TM_REC_TARGET, &id, &why);
	}
	if (r == -EEXIST) {
		tm_call_problem_with(q->c, 409, "overlap", dir_extra(p), "%s",
				     why ?: "it overlaps another policy");
		return false;
	}
	fd = r < 0 ? r : tm_open_admin_dir(p->rec.target_dir);
	n = fd < 0 ? fd : tm_root_entries(fd, ENTRIES_SHOWN);
	if (n < 0)
		return accept_missing(q, a->create_dir, (int)n);
	if (n > 0 && !a->yes) {
		json_t *extra = dir_extra(p);

		(void)tm_api_set_u64(extra, "entries", (uint64_t)n);
		(void)tm_api_set_bool(extra, "more", n >= ENTRIES_SHOWN);
		tm_call_problem_with(
			q->c, 409, "target-not-empty", extra,
			"the target directory is not empty: it has %lld%s entries, which replication "
			"will replace or delete. If that is intended, accept with --yes",
			(long long)n, n >= ENTRIES_SHOWN ? " or more" : "");
		return false;
	}
	p->rec.root_dev = id.dev;
	p->rec.root_ino = id.ino;
	return true;
}

void tm_rest_accept(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;
	struct tm_api_refusal no;
	struct tm_api_accept a;
	char peer[96];

	if (tm_api_accept_get(q->body, &a, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	if (p->rec.role != TM_REC_TARGET) {
		tm_call_problem(q->c, 409, "wrong-role", "policy %s is accepted at its target, %s",
				p->rec.name, tm_policy_peer_name(p, peer));
		return;
	}
	if (p->rec.auth != TM_REC_AWAITING) {
		tm_call_problem(q->c, 409, "wrong-state", "policy %s does not await authorization",
				p->rec.name);
		return;
	}
	if (!accept_root(q, &a))
		return;
	p->rec.allow_devices = a.allow_devices;
	p->rec.allow_suid = a.allow_suid;
	p->rec.auth = TM_REC_AUTHORIZED;
	p->rec.status_ns = tm_wall_ns();
	if (tm_policy_save(p) < 0) {
		p->rec.auth = TM_REC_AWAITING;
		tm_call_problem(q->c, 500, "internal", "the decision cannot be stored");
		return;
	}
	tm_audit(p->d, tm_call_who(q->c), "accept", p, "from %s: %s -> %s%s%s%s",
		 tm_policy_peer_name(p, peer), p->rec.source_dir, p->rec.target_dir,
		 a.yes ? ", not empty: yes" : "", a.allow_devices ? ", devices" : "",
		 a.allow_suid ? ", suid" : "");
	(void)tm_pairing_target_tell(p, TM_PAIR_ACCEPTED, "");
	tm_policy_update(p);
	tm_call_reply(q->c, 200, tm_view_policy(p));
}
