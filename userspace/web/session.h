/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/session.h - who is logged in. Pure: no clock, no random numbers of its own.
 *
 * Sessions live in memory only: a restart of tidemark-web logs everybody out. The table is
 * bounded; a new login that finds it full, or its user at the limit, ends the session that was
 * idle longest. A session ends by logout, after @idle_ms without use, after @max_ms in any case,
 * when its user is removed or disabled, and (all but the one that did it) when its user's
 * password changes.
 *
 * Pointers to sessions are good until the next call that ends one; whoever has to keep one keeps
 * its @serial.
 */
#ifndef TM_WEB_SESSION_H
#define TM_WEB_SESSION_H

#include "lib/base.h"

#define TM_SESSIONS_MAX	     256
#define TM_SESSIONS_PER_USER 16
#define TM_TOKEN_LEN	     32 /* bytes: 256 random bits */
#define TM_TOKEN_TEXT	     (2 * TM_TOKEN_LEN + 1)
#define TM_USER_MAX	     65
#define TM_ROLE_TEXT_MAX     16
#define TM_VERIFIER_MAX	     384 /* crypt(3)'s longest */

struct tm_session {
	uint64_t serial; /* never 0, never used twice */
	uint64_t created_ms, used_ms;
	uint32_t streams; /* event streams that are open */
	uint32_t calls;	  /* relayed requests under way */
	uint8_t token[TM_TOKEN_LEN];
	char csrf[TM_TOKEN_TEXT];
	char user[TM_USER_MAX];
	char role[TM_ROLE_TEXT_MAX];
	char verifier[TM_VERIFIER_MAX]; /* when it began: another one means another password */
	char last_login[40];		/* "": never before */
};

struct tm_sessions;

struct tm_sessions *tm_sessions_new(uint64_t idle_ms, uint64_t max_ms);
void tm_sessions_free(struct tm_sessions *t);
size_t tm_sessions_count(const struct tm_sessions *t);

/*
 * A new session. @random: 2 * TM_TOKEN_LEN bytes, half for the cookie, half for the CSRF token.
 * Never fails; user, role and verifier are cut to what fits (callers checked them).
 */
struct tm_session *tm_session_new(struct tm_sessions *t, const uint8_t random[2 * TM_TOKEN_LEN],
				  const char *user, const char *role, const char *verifier,
				  uint64_t now_ms);
/* The cookie's value. */
void tm_session_cookie(const struct tm_session *s, char ret[TM_TOKEN_TEXT]);

/*
 * The living session of a cookie's value, or NULL. Comparing takes the same time whatever
 * differs.
 */
struct tm_session *tm_session_find(struct tm_sessions *t, const char *cookie, uint64_t now_ms);
struct tm_session *tm_session_by_serial(struct tm_sessions *t, uint64_t serial);
void tm_session_touch(struct tm_session *s, uint64_t now_ms);
uint64_t tm_session_idle_left_ms(const struct tm_sessions *t, const struct tm_session *s,
				 uint64_t now_ms);
bool tm_session_csrf_good(const struct tm_session *s, const char *token);

void tm_session_end(struct tm_sessions *t, struct tm_session *s);
/* Those whose time is over. Returns how many. */
size_t tm_sessions_expire(struct tm_sessions *t, uint64_t now_ms);
/*
 * What is known of a user now: role, verifier; NULL verifier: there is none any more. Ends what has
 * no place any more, updates the role of the rest. Returns how many ended.
 */
size_t tm_sessions_user_is(struct tm_sessions *t, const char *user, const char *role,
			   const char *verifier);
/* The password of @s was changed through @s itself: it lives on. */
void tm_session_new_verifier(struct tm_session *s, const char *verifier);
/* Users with a session, each once: start with *pos = 0; NULL at the end. */
const char *tm_sessions_next_user(const struct tm_sessions *t, size_t *pos);

#endif
