// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/session.c - see session.h.
 *
 * At most 256 of them: they are looked through one by one, which needs no index that could tell by
 * its timing how much of a token was right.
 */
#include "web/session.h"

#include "lib/text.h"

#include <stdio.h>

struct tm_sessions {
	uint64_t idle_ms, max_ms, last_serial;
	struct tm_session s[TM_SESSIONS_MAX]; /* serial 0: free */
};

struct tm_sessions *tm_sessions_new(uint64_t idle_ms, uint64_t max_ms)
{
	struct tm_sessions *t = calloc(1, sizeof(*t));

	if (t) {
		t->idle_ms = idle_ms;
		t->max_ms = max_ms;
	}
	return t;
}

void tm_sessions_free(struct tm_sessions *t)
{
	if (t)
		explicit_bzero(t, sizeof(*t));
	free(t);
}

size_t tm_sessions_count(const struct tm_sessions *t)
{
	size_t n = 0;

	for (size_t i = 0; i < TM_SESSIONS_MAX; i++)
		n += t->s[i].serial != 0;
	return n;
}

/* Differing bytes are all looked at. */
static bool same(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= (uint8_t)(x[i] ^ y[i]);
	return diff == 0;
}

static bool over(const struct tm_sessions *t, const struct tm_session *s, uint64_t now_ms)
{
	return now_ms - s->used_ms >= t->idle_ms || now_ms - s->created_ms >= t->max_ms;
}

/* Where a new session of @user goes. */
static struct tm_session *place(struct tm_sessions *t, const char *user)
{
	struct tm_session *oldest = NULL, *oldest_own = NULL, *free_one = NULL;
	size_t own = 0;

	for (size_t i = 0; i < TM_SESSIONS_MAX; i++) {
		struct tm_session *s = &t->s[i];

		if (!s->serial) {
			free_one = free_one ? free_one : s;
			continue;
		}
		if (!oldest || s->used_ms < oldest->used_ms)
			oldest = s;
		if (tm_streq(s->user, user)) {
			own++;
			if (!oldest_own || s->used_ms < oldest_own->used_ms)
				oldest_own = s;
		}
	}
	if (own >= TM_SESSIONS_PER_USER)
		return oldest_own;
	return free_one ? free_one : oldest;
}

struct tm_session *tm_session_new(struct tm_sessions *t, const uint8_t random[2 * TM_TOKEN_LEN],
				  const char *user, const char *role, const char *verifier,
				  uint64_t now_ms)
{
	struct tm_session *s;

	(void)tm_sessions_expire(t, now_ms);
	s = place(t, user);
	tm_session_end(t, s);
	s->serial = ++t->last_serial;
	s->created_ms = s->used_ms = now_ms;
	memcpy(s->token, random, TM_TOKEN_LEN);
	tm_hex(random + TM_TOKEN_LEN, TM_TOKEN_LEN, s->csrf);
	snprintf(s->user, sizeof(s->user), "%s", user);
	snprintf(s->role, sizeof(s->role), "%s", role);
	snprintf(s->verifier, sizeof(s->verifier), "%s", verifier);
	return s;
}

void tm_session_cookie(const struct tm_session *s, char ret[TM_TOKEN_TEXT])
{
	tm_hex(s->token, TM_TOKEN_LEN, ret);
}

struct tm_session *tm_session_find(struct tm_sessions *t, const char *cookie, uint64_t now_ms)
{
	struct tm_session *found = NULL;
	uint8_t token[TM_TOKEN_LEN];

	if (strlen(cookie) != TM_TOKEN_TEXT - 1 || tm_unhex(cookie, token, TM_TOKEN_LEN) < 0)
		return NULL;
	for (size_t i = 0; i < TM_SESSIONS_MAX; i++)
		if (t->s[i].serial && same(t->s[i].token, token, TM_TOKEN_LEN))
			found = &t->s[i];
	return found && !over(t, found, now_ms) ? found : NULL;
}

struct tm_session *tm_session_by_serial(struct tm_sessions *t, uint64_t serial)
{
	for (size_t i = 0; serial && i < TM_SESSIONS_MAX; i++)
		if (t->s[i].serial == serial)
			return &t->s[i];
	return NULL;
}

void tm_session_touch(struct tm_session *s, uint64_t now_ms)
{
	s->used_ms = now_ms;
}

uint64_t tm_session_idle_left_ms(const struct tm_sessions *t, const struct tm_session *s,
				 uint64_t now_ms)
{
	uint64_t idle = now_ms - s->used_ms, age = now_ms - s->created_ms;

	if (over(t, s, now_ms))
		return 0;
	return TM_MIN(t->idle_ms - idle, t->max_ms - age);
}

bool tm_session_csrf_good(const struct tm_session *s, const char *token)
{
	return token && strlen(token) == TM_TOKEN_TEXT - 1 &&
	       same(s->csrf, token, TM_TOKEN_TEXT - 1);
}

void tm_session_end(struct tm_sessions *t, struct tm_session *s)
{
	(void)t;
	explicit_bzero(s, sizeof(*s));
}

size_t tm_sessions_expire(struct tm_sessions *t, uint64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < TM_SESSIONS_MAX; i++) {
		if (t->s[i].serial && over(t, &t->s[i], now_ms)) {
			tm_session_end(t, &t->s[i]);
			n++;
		}
	}
	return n;
}

size_t tm_sessions_user_is(struct tm_sessions *t, const char *user, const char *role,
			   const char *verifier)
{
	size_t n = 0;

	for (size_t i = 0; i < TM_SESSIONS_MAX; i++) {
		struct tm_session *s = &t->s[i];

		if (!s->serial || !tm_streq(s->user, user))
			continue;
		if (!verifier || !tm_streq(s->verifier, verifier)) {
			tm_session_end(t, s);
			n++;
		} else {
			snprintf(s->role, sizeof(s->role), "%s", role);
		}
	}
	return n;
}

void tm_session_new_verifier(struct tm_session *s, const char *verifier)
{
	snprintf(s->verifier, sizeof(s->verifier), "%s", verifier);
}

const char *tm_sessions_next_user(const struct tm_sessions *t, size_t *pos)
{
	for (; *pos < TM_SESSIONS_MAX; (*pos)++) {
		const struct tm_session *s = &t->s[*pos];
		bool seen = !s->serial;

		for (size_t i = 0; !seen && i < *pos; i++)
			seen = t->s[i].serial && tm_streq(t->s[i].user, s->user);
		if (!seen) {
			(*pos)++;
			return s->user;
		}
	}
	return NULL;
}
