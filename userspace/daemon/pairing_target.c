// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/pairing_target.c - requests of others: served by workers without files, decided by the admin.
 */
#include "daemon/events.h"
#include "daemon/pairing.h"
#include "daemon/supervisor.h"
#include "daemon/view.h"
#include "daemon/watch.h"
#include "lib/fd.h"
#include "lib/text.h"
#include "policy/check.h"

#include <stdarg.h>
#include <stdio.h>

#define PAIR_WORKERS_MAX 32 /* in all */
#define PAIR_PER_ADDRESS 8
#define REQUESTS_MAX	 64    /* that await authorization */
#define REQUEST_MS	 15000 /* to prove an identity and say what is wanted */

struct tm_pair_in {
	struct tm_pair_in *next;
	struct tm_daemon *d;
	struct tm_worker *w;
	struct tm_policy *p; /* once it asked for one that is here */
	int sock;
	bool authed;
	uint8_t key[TM_KEY_LEN];
	char cluster[TM_CLUSTER_LEN_MAX + 1];
	char address[80]; /* without the port */
	sd_event_source *deadline;
};

static void in_free(struct tm_pair_in *c)
{
	struct tm_pair_in **at = &c->d->pair_ins;

	for (; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	sd_event_source_disable_unref(c->deadline);
	tm_close(c->sock);
	free(c);
}

static void send_state(struct tm_pair_in *c, enum tm_pair_state state, const char *text)
{
	struct tm_msg_pair_state m = { .state = (uint8_t)state };
	struct tm_buf b;

	tm_text_set(m.text, sizeof(m.text), "%s", text);
	tm_buf_init(&b, TM_CTL_MAX);
	tm_msg_pair_state_put(&b, &m);
	(void)tm_worker_send(c->w, TM_C_PAIR_STATE, &b, -1);
	tm_buf_free(&b);
	/* Only a request that waits needs its connection any longer. */
	if (state != TM_PAIR_AWAITING)
		tm_worker_stop(c->w, 0, "");
}

static void refuse(struct tm_pair_in *c, const char *fmt, ...) _printf_(2, 3);

static void refuse(struct tm_pair_in *c, const char *fmt, ...)
{
	char text[TM_TEXT_LEN_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tm_info("request from %s (%s) refused: %s", c->cluster, c->address, text);
	send_state(c, TM_PAIR_REFUSED, text);
}

/* Does the request make sense by itself? False: refused. */
static bool request_good(struct tm_pair_in *c, struct tm_msg_pair_request *m)
{
	_cleanup_free_ char *why = NULL;
	char norm[TM_REC_PATH_MAX];
	unsigned int waiting = 0;

	if (tm_check_name(m->name, strlen(m->name), &why) < 0 ||
	    tm_check_path(m->source_dir, strlen(m->source_dir), norm, &why) < 0) {
		refuse(c, "%s", why ?: "out of memory");
		return false;
	}
	strcpy(m->source_dir, norm);
	if (tm_check_path(m->target_dir, strlen(m->target_dir), norm, &why) < 0) {
		refuse(c, "%s", why ?: "out of memory");
		return false;
	}
	strcpy(m->target_dir, norm);
	tm_policy_foreach(c->d, p)
	{
		if (p->rec.role != TM_REC_TARGET || p->embryo)
			continue;
		waiting += p->rec.auth == TM_REC_AWAITING;
		if (tm_streq(p->rec.name, m->name) &&
		    memcmp(p->rec.peer_key, c->key, TM_KEY_LEN) == 0) {
			refuse(c,
			       "there is a policy %s of your cluster here already; delete it first",
			       m->name);
			return false;
		}
	}
	if (waiting >= REQUESTS_MAX) {
		refuse(c, "too many requests await authorization here");
		return false;
	}
	return true;
}

static void new_request(struct tm_pair_in *c, struct tm_msg_pair_request *m)
{
	_cleanup_free_ struct tm_policy_rec *rec = calloc(1, sizeof(*rec));
	char fp[TM_FINGERPRINT_LEN];
	struct tm_policy *p;

	if (!rec || !request_good(c, m))
		return;
	memcpy(rec->id, m->id, sizeof(rec->id));
	memcpy(rec->secret, m->secret, sizeof(rec->secret));
	memcpy(rec->peer_key, c->key, sizeof(rec->peer_key));
	strcpy(rec->name, m->name);
	strcpy(rec->source_dir, m->source_dir);
	strcpy(rec->target_dir, m->target_dir);
	strcpy(rec->peer_cluster, c->cluster);
	strcpy(rec->address, c->address);
	rec->role = TM_REC_TARGET;
	rec->auth = TM_REC_AWAITING;
	rec->continuous = m->continuous;
	rec->enabled = true;
	rec->est_files = m->est_files;
	rec->est_bytes = m->est_bytes;
	rec->slot = -1;
	rec->created_ns = rec->status_ns = tm_wall_ns();
	rec->uid_index = tm_policy_uid_index(c->d);
	p = tm_policy_new(c->d, rec);
	explicit_bzero(rec, sizeof(*rec));
	if (!p || tm_policy_save(p) < 0) {
		if (p)
			tm_policy_free(p);
		refuse(c, "the request cannot be stored");
		return;
	}
	c->p = p;
	tm_key_fingerprint(c->key, fp);
	tm_audit(c->d, "peer", "request", p, "from cluster %s at %s, key %s: %s -> %s", c->cluster,
		 c->address, fp, p->rec.source_dir, p->rec.target_dir);
	tm_events_publish(c->d, "request", tm_view_policy(p));
	tm_watch_new(p);
	send_state(c, TM_PAIR_AWAITING, "");
}

/* The same id and key again: tell what became of it. */
static void known_request(struct tm_pair_in *c, struct tm_policy *p)
{
	c->p = p;
	switch (p->rec.auth) {
	case TM_REC_AWAITING: send_state(c, TM_PAIR_AWAITING, ""); break;
	case TM_REC_REJECTED: send_state(c, TM_PAIR_REJECTED, p->rec.hold_text); break;
	case TM_REC_DELETED: send_state(c, TM_PAIR_DELETED, ""); break;
	case TM_REC_AUTHORIZED:
	default:
		send_state(c, TM_PAIR_ACCEPTED,
			   !p->rec.enabled		     ? "the policy is disabled there"
			   : p->rec.hold != TM_REC_HOLD_NONE ? p->rec.hold_text
							     : p->broken);
	}
}

static bool take_request(struct tm_pair_in *c, struct tm_rd *r)
{
	_cleanup_free_ struct tm_msg_pair_request *m = malloc(sizeof(*m));
	struct tm_policy *p;

	if (!m || !c->authed || tm_msg_pair_request_get(r, m) < 0 || tm_rd_end(r) < 0)
		return false;
	tm_timer_off(&c->deadline);
	p = tm_policy_by_id(c->d, m->id);
	if (p && p->rec.role == TM_REC_TARGET && memcmp(p->rec.peer_key, c->key, TM_KEY_LEN) == 0)
		known_request(c, p);
	else if (p)
		refuse(c, "this policy id is taken");
	else if (c->d->store->ops->grave_find(c->d->store, m->id, c->key) == 1)
		send_state(c, TM_PAIR_DELETED, "");
	else
		new_request(c, m);
	explicit_bzero(m, sizeof(*m));
	return true;
}

static bool take_authed(struct tm_pair_in *c, struct tm_rd *r)
{
	struct tm_peer_rec peer = { .first_ns = tm_wall_ns(), .last_ns = tm_wall_ns() };
	struct tm_ctl_authed a;

	if (tm_ctl_authed_get(r, &a) < 0 || tm_rd_end(r) < 0 || c->authed)
		return false;
	c->authed = true;
	memcpy(c->key, a.key, sizeof(c->key));
	/* A name from outside: shown to admins, so it must be text. */
	if (tm_utf8_valid(a.cluster, strlen(a.cluster)))
		strcpy(c->cluster, a.cluster);
	else
		strcpy(c->cluster, "?");
	memcpy(peer.key, a.key, sizeof(peer.key));
	strcpy(peer.cluster, c->cluster);
	strcpy(peer.address, c->address);
	(void)c->d->store->ops->peer_put(c->d->store, &peer);
	return true;
}

static bool take_text(struct tm_pair_in *c, uint16_t type, struct tm_rd *r)
{
	struct tm_msg_text t;

	if (tm_msg_text_get(r, &t) < 0 || tm_rd_end(r) < 0)
		return false;
	if (type == TM_C_NOTICED) {
		if (c->p && t.code == TM_NOTICE_DELETED)
			tm_policy_noticed(c->p, &t);
		return true;
	}
	if (type == TM_C_FAILED || !c->authed)
		tm_info("pairing with %s: %s", c->address, t.text);
	tm_worker_stop(c->w, 0, "");
	return true;
}

static void on_message(void *arg, struct tm_worker *w, uint16_t type, struct tm_rd *r)
{
	struct tm_pair_in *c = arg;
	bool good;

	switch (type) {
	case TM_C_READY:
		good = c->sock >= 0;
		if (good)
			(void)tm_worker_send_conn(w, tm_take_fd(c->sock), 0);
		break;
	case TM_C_AUTHED: good = take_authed(c, r); break;
	case TM_C_PAIR_REQUESTED: good = take_request(c, r); break;
	case TM_C_FAILED:
	case TM_C_CLOSED:
	case TM_C_NOTICED: good = take_text(c, type, r); break;
	default: good = type == TM_C_PROGRESS;
	}
	if (!good)
		tm_worker_break(w, type);
}

static void on_gone(void *arg, struct tm_worker *w, const char *why)
{
	(void)w;
	(void)why;
	in_free(arg);
}

static const struct tm_worker_ops pair_ops = { .message = on_message, .gone = on_gone };

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_pair_in *c = arg;

	(void)s;
	(void)usec;
	tm_worker_kill(c->w);
	return 0;
}

void tm_pairing_accept(struct tm_daemon *d, int sock)
{
	struct tm_worker_spec spec = { .role = TM_ROLE_PAIR_TARGET, .ops = &pair_ops };
	struct tm_pair_in *c = calloc(1, sizeof(*c)), *oldest = NULL;
	unsigned int all = 0, same = 0;
	char *colon;

	if (!c) {
		tm_close(sock);
		return;
	}
	*c = (struct tm_pair_in){ .d = d, .sock = sock };
	tm_peer_name(sock, c->address);
	colon = strrchr(c->address, ':');
	if (colon)
		*colon = 0;
	for (struct tm_pair_in *o = d->pair_ins; o; o = o->next) {
		all++;
		same += tm_streq(o->address, c->address);
		if (!o->p)
			oldest = o;
	}
	/* Those who did not even say what they want make room; requests that wait do not. */
	if (all >= PAIR_WORKERS_MAX && oldest)
		tm_worker_kill(oldest->w);
	if (same >= PAIR_PER_ADDRESS || all >= PAIR_WORKERS_MAX + (oldest ? 1u : 0u)) {
		tm_close(sock);
		free(c);
		return;
	}
	c->next = d->pair_ins;
	d->pair_ins = c;
	spec.arg = c;
	if (tm_worker_start(d, &spec, &c->w) < 0) {
		in_free(c);
		return;
	}
	(void)tm_timer_set(d, &c->deadline, REQUEST_MS, on_deadline, c);
}

bool tm_pairing_target_tell(struct tm_policy *p, enum tm_pair_state state, const char *text)
{
	bool told = false;

	for (struct tm_pair_in *c = p->d->pair_ins; c; c = c->next)
		if (c->p == p && !tm_worker_stopping(c->w)) {
			send_state(c, state, text);
			told = true;
		}
	return told;
}

void tm_pairing_target_forget(struct tm_policy *p)
{
	for (struct tm_pair_in *c = p->d->pair_ins; c; c = c->next)
		if (c->p == p)
			c->p = NULL;
}

void tm_pairing_target_free(struct tm_daemon *d)
{
	while (d->pair_ins) {
		struct tm_worker *w = d->pair_ins->w;

		in_free(d->pair_ins);
		if (w)
			tm_worker_let_go(w);
	}
}
