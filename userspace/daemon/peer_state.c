// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/peer_state.c - composes, sends, reads and applies the state of the other side.
 */
#include "daemon/peer_state.h"
#include "daemon/runs.h"
#include "daemon/schedule.h"
#include "daemon/supervisor.h"
#include "daemon/watch.h"
#include "lib/units.h"

#include <inttypes.h>
#include <stdio.h>

#define TELL_MS	   1000	 /* between two that differ in their numbers only */
#define REFRESH_MS 15000 /* of an idle source's recovery point */

void tm_peer_state_format(const struct tm_peer_state *s, char *buf, size_t cap)
{
	snprintf(buf, cap, "status=%s;mode=%s;recovery=%" PRId64 ";finished=%" PRId64 ";why=%s",
		 tm_status_name(s->status), s->continuous ? "continuous" : "manual", s->recovery_ns,
		 s->finished_ns, s->why);
}

static int take_time(const char *value, int64_t *ret)
{
	uint64_t v;

	if (tm_parse_u64(value, &v) < 0 || v > INT64_MAX)
		return -EBADMSG;
	*ret = (int64_t)v;
	return 0;
}

static int take_field(struct tm_peer_state *s, const char *key, const char *value)
{
	int status;

	if (tm_streq(key, "status")) {
		status = tm_status_parse(value);
		if (status < 0)
			return -EBADMSG;
		s->status = (enum tm_status)status;
		s->known = true;
	} else if (tm_streq(key, "mode")) {
		s->continuous = tm_streq(value, "continuous");
	} else if (tm_streq(key, "recovery")) {
		return take_time(value, &s->recovery_ns);
	} else if (tm_streq(key, "finished")) {
		return take_time(value, &s->finished_ns);
	}
	return 0;
}

int tm_peer_state_parse(const char *text, struct tm_peer_state *ret)
{
	struct tm_peer_state s = { .known = false };

	while (*text) {
		size_t n = strcspn(text, ";"), k = strcspn(text, "=");
		char key[16], value[64];

		if (strncmp(text, "why=", 4) == 0) {
			/* The last one: it may hold anything. */
			tm_text_set(s.why, sizeof(s.why), "%s", text + 4);
			break;
		}
		if (k >= n || k >= sizeof(key) || n - k - 1 >= sizeof(value))
			return -EBADMSG;
		tm_text_set(key, sizeof(key), "%.*s", (int)k, text);
		tm_text_set(value, sizeof(value), "%.*s", (int)(n - k - 1), text + k + 1);
		if (take_field(&s, key, value) < 0)
			return -EBADMSG;
		text += n + (text[n] == ';');
	}
	if (!s.known)
		return -EBADMSG;
	*ret = s;
	return 0;
}

/* ---- telling */

static void compose(const struct tm_policy *p, struct tm_peer_state *s)
{
	struct tm_status_in in;

	tm_policy_status_in(p, &in);
	*s = (struct tm_peer_state){
		.known = true,
		.status = tm_status_derive(&in),
		.continuous = p->rec.continuous,
		.recovery_ns = p->rec.recovery_ns,
		.finished_ns = p->rec.finished_ns,
	};
	if (s->status == TM_STATUS_INCOMPLETE)
		tm_text_set(s->why, sizeof(s->why), "%s", p->rec.incomplete_reason);
	else if (s->status == TM_STATUS_STOPPED || s->status == TM_STATUS_FAILED)
		tm_text_set(s->why, sizeof(s->why), "%s",
			    p->rec.hold_text[0] ? p->rec.hold_text : p->rec.last_error);
}

static bool same_words(const struct tm_peer_state *a, const struct tm_peer_state *b)
{
	return a->known && a->status == b->status && a->continuous == b->continuous &&
	       tm_streq(a->why, b->why);
}

static bool same(const struct tm_peer_state *a, const struct tm_peer_state *b)
{
	return same_words(a, b) && a->recovery_ns == b->recovery_ns &&
	       a->finished_ns == b->finished_ns;
}

static void tell(struct tm_policy *p, const struct tm_peer_state *s)
{
	char text[TM_TEXT_LEN_MAX + 1];

	tm_peer_state_format(s, text, sizeof(text));
	if (tm_worker_send_text(p->w, TM_C_NOTICE, TM_NOTICE_STATE, text) < 0)
		return;
	p->told = *s;
	p->told_ms = tm_mono_ms();
}

static bool may_tell(const struct tm_policy *p)
{
	return p->w && p->conn == TM_CONN_SESSION && !tm_worker_stopping(p->w);
}

void tm_peer_state_look(struct tm_policy *p)
{
	struct tm_peer_state s;

	if (p->rec.role != TM_REC_SOURCE || !may_tell(p))
		return;
	/* Nobody looks at an idle policy here, perhaps somebody does there. */
	if (tm_mono_ms() - TM_MAX(p->told_ms, p->refreshed_ms) >= REFRESH_MS) {
		p->refreshed_ms = tm_mono_ms();
		tm_schedule_refresh(p);
	}
	compose(p, &s);
	if (same(&s, &p->told) ||
	    (same_words(&s, &p->told) && tm_mono_ms() - p->told_ms < TELL_MS))
		return;
	tell(p, &s);
}

void tm_peer_state_tell(struct tm_policy *p)
{
	struct tm_peer_state s;

	if (!may_tell(p))
		return;
	compose(p, &s);
	if (!same_words(&s, &p->told))
		tell(p, &s);
}

/* ---- hearing */

/* Up to when this target has everything, and when that run was over: only the source knows. */
static enum tm_run_result result_of(const struct tm_peer_state *s)
{
	if (s->status == TM_STATUS_STOPPED)
		return TM_RUN_STOPPED;
	if (s->status != TM_STATUS_FAILED)
		return TM_RUN_FINISHED;
	return strncmp(s->why, "aborted ", 8) == 0 ? TM_RUN_ABORTED : TM_RUN_FAILED;
}

static void take_over(struct tm_policy *p, const struct tm_peer_state *s)
{
	p->rec.recovery_ns = s->recovery_ns;
	p->rec.finished_ns = s->finished_ns;
	p->rec.first_done = p->rec.first_done || s->finished_ns;
	p->rec.continuous = s->continuous;
	if (p->run_open && s->status != TM_STATUS_REPLICATING && s->status != TM_STATUS_INCOMPLETE)
		tm_run_end(p, result_of(s), s->why);
	tm_policy_save_later(p);
}

void tm_peer_state_heard(struct tm_policy *p, const char *text)
{
	static struct tm_ratelimit limit;
	struct tm_peer_state s;

	if (tm_peer_state_parse(text, &s) < 0) {
		if (tm_ratelimit_ok(&limit, 5, 60000))
			tm_info("%s: the other side tells a state that is none", p->rec.name);
		return;
	}
	p->peer = s;
	if (p->rec.role == TM_REC_TARGET)
		take_over(p, &s);
	tm_watch_poke(p->d);
}

bool tm_peer_state_busy(const struct tm_policy *p)
{
	return p->peer.known && (p->peer.status == TM_STATUS_REPLICATING ||
				 p->peer.status == TM_STATUS_INCOMPLETE);
}

void tm_peer_state_begin(struct tm_policy *p)
{
	p->peer = p->told = (struct tm_peer_state){ .known = false };
	p->told_ms = 0;
}
