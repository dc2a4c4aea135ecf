// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tests/unit/test_web_session.c - sessions of the page, and how often a password may be tried.
 */
/* link: web */
#include "web/limit.h"
#include "web/session.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tap.h"

#define IDLE ((uint64_t)60000)
#define MOST ((uint64_t)600000)

static struct tm_sessions *table;

static struct tm_session *login(const char *user, uint64_t now_ms, char cookie[TM_TOKEN_TEXT])
{
	static uint8_t random[2 * TM_TOKEN_LEN];
	struct tm_session *s;

	/* Never the same twice. */
	for (size_t i = 0; i < sizeof(random) && !++random[i]; i++)
		;
	for (size_t i = 0; i < TM_TOKEN_LEN; i++)
		random[TM_TOKEN_LEN + i] = (uint8_t)(random[i] ^ 0x5a);
	s = tm_session_new(table, random, user, "admin", "$y$hash", now_ms);
	tm_session_cookie(s, cookie);
	return s;
}

static void begin(void)
{
	tm_sessions_free(table);
	table = tm_sessions_new(IDLE, MOST);
	CHECK(table);
}

TEST(a_session_is_found_by_its_cookie_alone)
{
	char cookie[TM_TOKEN_TEXT], other[TM_TOKEN_TEXT];
	struct tm_session *s;

	begin();
	s = login("alice", 1000, cookie);
	login("bob", 1000, other);
	CHECK(strcmp(cookie, other) != 0);
	CHECK(tm_session_find(table, cookie, 1001) == s);
	CHECK_STR(tm_session_find(table, other, 1001)->user, "bob");
	cookie[10] ^= 1;
	CHECK(!tm_session_find(table, cookie, 1001));
	CHECK(!tm_session_find(table, "", 1001));
	/* Of a freed place, whose token is zeros. */
	CHECK(!tm_session_find(
		table, "0000000000000000000000000000000000000000000000000000000000000000", 1001));
}

TEST(the_token_against_forged_requests_is_another_secret)
{
	char cookie[TM_TOKEN_TEXT], csrf[TM_TOKEN_TEXT];
	struct tm_session *s;

	begin();
	s = login("alice", 1000, cookie);
	strcpy(csrf, s->csrf);
	CHECK(strcmp(csrf, cookie) != 0);
	CHECK(tm_session_csrf_good(s, csrf));
	CHECK(!tm_session_csrf_good(s, cookie));
	CHECK(!tm_session_csrf_good(s, NULL));
	CHECK(!tm_session_csrf_good(s, ""));
	csrf[63] ^= 1;
	CHECK(!tm_session_csrf_good(s, csrf));
}

TEST(sessions_end_when_idle_and_in_any_case)
{
	char cookie[TM_TOKEN_TEXT];
	struct tm_session *s;

	begin();
	s = login("alice", 1000, cookie);
	CHECK_EQ(tm_session_idle_left_ms(table, s, 1000), IDLE);
	CHECK(tm_session_find(table, cookie, 1000 + IDLE - 1));
	CHECK(!tm_session_find(table, cookie, 1000 + IDLE));
	for (uint64_t now = 1000; now < 1000 + MOST; now += IDLE / 2) {
		CHECK(tm_session_find(table, cookie, now) == s);
		tm_session_touch(s, now);
	}
	CHECK(!tm_session_find(table, cookie, 1000 + MOST));
	CHECK_EQ(tm_sessions_expire(table, 1000 + MOST), 1);
	CHECK_EQ(tm_sessions_count(table), 0);
}

TEST(a_serial_is_never_used_again)
{
	char cookie[TM_TOKEN_TEXT];
	struct tm_session *s;
	uint64_t serial;

	begin();
	s = login("alice", 1000, cookie);
	serial = s->serial;
	CHECK(tm_session_by_serial(table, serial) == s);
	tm_session_end(table, s);
	CHECK(!tm_session_by_serial(table, serial));
	CHECK(!tm_session_find(table, cookie, 1000));
	CHECK(login("bob", 1000, cookie)->serial != serial);
	CHECK(!tm_session_by_serial(table, serial));
	CHECK(!tm_session_by_serial(table, 0));
}

TEST(the_table_is_bounded_and_the_oldest_makes_room)
{
	char first[TM_TOKEN_TEXT], cookie[TM_TOKEN_TEXT], user[16];

	begin();
	login("alice", 1, first);
	for (int i = 0; i < TM_SESSIONS_PER_USER; i++) {
		CHECK(tm_session_find(table, first, 10));
		login("alice", (uint64_t)(2 + i), cookie);
	}
	CHECK(!tm_session_find(table, first, 20));
	CHECK_EQ(tm_sessions_count(table), TM_SESSIONS_PER_USER);
	login("bob", 100, first);
	for (int i = 0; i < TM_SESSIONS_MAX; i++) {
		sprintf(user, "u%d", i);
		login(user, 200, cookie);
	}
	CHECK_EQ(tm_sessions_count(table), TM_SESSIONS_MAX);
	CHECK(!tm_session_find(table, first, 200));
	CHECK(tm_session_find(table, cookie, 200));
}

TEST(an_account_that_changed_ends_its_sessions)
{
	char cookie[TM_TOKEN_TEXT], other[TM_TOKEN_TEXT], bob[TM_TOKEN_TEXT];
	struct tm_session *s;

	begin();
	s = login("alice", 1, cookie);
	login("alice", 1, other);
	login("bob", 1, bob);
	CHECK_EQ(tm_sessions_user_is(table, "alice", "viewer", "$y$hash"), 0);
	CHECK_STR(s->role, "viewer");
	/* Its own change of the password leaves the one that did it. */
	tm_session_new_verifier(s, "$y$new");
	CHECK_EQ(tm_sessions_user_is(table, "alice", "viewer", "$y$new"), 1);
	CHECK(tm_session_find(table, cookie, 2));
	CHECK(!tm_session_find(table, other, 2));
	CHECK_EQ(tm_sessions_user_is(table, "alice", "viewer", NULL), 1);
	CHECK(!tm_session_find(table, cookie, 2));
	CHECK(tm_session_find(table, bob, 2));
}

TEST(users_are_told_once_each)
{
	char cookie[TM_TOKEN_TEXT], seen[64] = "";
	const char *name;
	size_t pos = 0;

	begin();
	login("alice", 1, cookie);
	login("bob", 1, cookie);
	login("alice", 1, cookie);
	while ((name = tm_sessions_next_user(table, &pos)))
		strcat(strcat(seen, name), " ");
	CHECK_STR(seen, "alice bob ");
}

/* ---- limits */

static struct tm_limit *limit;

static void begin_limit(void)
{
	tm_limit_free(limit);
	limit = tm_limit_new(42);
	CHECK(limit);
}

TEST(failures_cost_more_and_more)
{
	struct tm_limit_key k;
	uint64_t now = 1000000, last = 0;

	begin_limit();
	k = tm_limit_name(limit, "admin");
	for (int i = 1; i < TM_LIMIT_FREE; i++) {
		tm_limit_charge(limit, k, now);
		CHECK_EQ(tm_limit_wait_ms(limit, k, now), 0);
	}
	for (int i = 0; i < 5; i++) {
		tm_limit_charge(limit, k, now);
		CHECK_EQ(tm_limit_wait_ms(limit, k, now), 1000 << i);
		last = tm_limit_wait_ms(limit, k, now);
		CHECK_EQ(tm_limit_wait_ms(limit, k, now + last), 0);
		now += last;
	}
	for (int i = 0; i < 100; i++)
		tm_limit_charge(limit, k, now);
	CHECK_EQ(tm_limit_wait_ms(limit, k, now), TM_LIMIT_NAME_MS);
	CHECK_EQ(tm_limit_wait_ms(limit, tm_limit_name(limit, "other"), now), 0);
	CHECK_EQ(tm_limit_wait_ms(limit, k, now + TM_LIMIT_FORGET_MS), 0);
	tm_limit_charge(limit, k, now + TM_LIMIT_FORGET_MS);
	CHECK_EQ(tm_limit_wait_ms(limit, k, now + TM_LIMIT_FORGET_MS), 0);
}

TEST(many_at_once_gain_nothing)
{
	struct tm_limit_key k;
	int let_in = 0;

	begin_limit();
	k = tm_limit_name(limit, "admin");
	for (int i = 0; i < 100; i++) {
		if (tm_limit_wait_ms(limit, k, 5000))
			continue;
		tm_limit_charge(limit, k, 5000);
		let_in++;
	}
	CHECK_EQ(let_in, TM_LIMIT_FREE);
}

TEST(success_clears_and_a_refund_takes_one_back)
{
	struct tm_limit_key k;

	begin_limit();
	k = tm_limit_name(limit, "admin");
	for (int i = 0; i < 7; i++)
		tm_limit_charge(limit, k, 1000);
	CHECK_EQ(tm_limit_wait_ms(limit, k, 1000), 4000);
	tm_limit_refund(limit, k);
	CHECK_EQ(tm_limit_wait_ms(limit, k, 1000), 0);
	tm_limit_charge(limit, k, 1000);
	CHECK_EQ(tm_limit_wait_ms(limit, k, 1000), 4000);
	tm_limit_clear(limit, k);
	tm_limit_charge(limit, k, 1000);
	CHECK_EQ(tm_limit_wait_ms(limit, k, 1000), 0);
	tm_limit_refund(limit, k);
	tm_limit_refund(limit, k);
}

static struct tm_limit_key from(const char *text)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return tm_limit_address(limit, (struct sockaddr *)&v4);
	(void)inet_pton(AF_INET6, text, &v6.sin6_addr);
	return tm_limit_address(limit, (struct sockaddr *)&v6);
}

TEST(addresses_are_those_that_one_person_has)
{
	begin_limit();
	CHECK(from("192.0.2.7").hash == from("::ffff:192.0.2.7").hash);
	CHECK(from("192.0.2.7").hash != from("192.0.2.8").hash);
	CHECK(from("2001:db8::1").hash == from("2001:db8::ffff:1").hash);
	CHECK(from("2001:db8::1").hash != from("2001:db8:0:1::1").hash);
	CHECK(from("192.0.2.7").hash != tm_limit_name(limit, "192.0.2.7").hash);
	CHECK_EQ(from("192.0.2.7").max_ms, TM_LIMIT_ADDRESS_MS);
}

TEST(a_flood_of_names_does_not_wash_out_the_one_under_attack)
{
	struct tm_limit_key k;
	char name[16];

	begin_limit();
	k = tm_limit_name(limit, "admin");
	for (int i = 0; i < 20; i++)
		tm_limit_charge(limit, k, 1000);
	for (int i = 0; i < 10 * TM_LIMIT_KEYS; i++) {
		sprintf(name, "n%d", i);
		tm_limit_charge(limit, tm_limit_name(limit, name), 1001);
	}
	CHECK(tm_limit_wait_ms(limit, k, 1001) > 0);
}

int main(int argc, char **argv)
{
	int r = tap_main(argc, argv);

	tm_sessions_free(table);
	tm_limit_free(limit);
	return r;
}
