/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_worker_pairing.c - real pairing workers under the smallest daemon. Needs root.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "tests/lib/mini_daemon.h"

static struct tm_node_key *keys[2];
static struct mini_worker s, t;
static struct mini_worker *const both[] = { &s, &t };

static void start_pair(void)
{
	struct tm_ctl_start a, b;

	if (geteuid())
		SKIP("needs root");
	if (!mini_worker_path())
		SKIP("tidemark-worker is not built");
	a = mini_start(TM_ROLE_PAIR_SOURCE, "", keys[0], NULL);
	b = mini_start(TM_ROLE_PAIR_TARGET, "", keys[1], NULL);
	CHECK_EQ(mini_worker_start(&s, &a, keys[0]), 0);
	CHECK_EQ(mini_worker_start(&t, &b, keys[1]), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_READY, 1, 10000), 0);
	CHECK_EQ(mini_until(both, 2, &t, TM_C_READY, 1, 10000), 0);
}

static void join(void)
{
	int tcp[2];

	CHECK_EQ(mini_tcp_pair(tcp), 0);
	CHECK_EQ(mini_send_conn(&s, tcp[0], 0), 0);
	CHECK_EQ(mini_send_conn(&t, tcp[1], 0), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_AUTHED, s.seen[TM_C_AUTHED] + 1, 10000), 0);
	CHECK_EQ(mini_until(both, 2, &t, TM_C_AUTHED, 1, 10000), 0);
}

static void finish(void)
{
	mini_worker_end(&s);
	mini_worker_end(&t);
}

static void send_state(uint8_t state, const char *text)
{
	struct tm_msg_pair_state m = { .state = state };
	struct tm_buf b;

	snprintf(m.text, sizeof(m.text), "%s", text);
	tm_buf_init(&b, 0);
	tm_msg_pair_state_put(&b, &m);
	mini_send(&t, TM_C_PAIR_STATE, &b, -1);
	tm_buf_free(&b);
}

static void send_request(const char *name)
{
	struct tm_msg_pair_request m = {
		.id = "pol-1", .secret = "shh", .continuous = 1, .est_files = 7
	};
	struct tm_buf b;

	snprintf(m.name, sizeof(m.name), "%s", name);
	snprintf(m.source_dir, sizeof(m.source_dir), "/srv/a");
	snprintf(m.target_dir, sizeof(m.target_dir), "/srv/b");
	tm_buf_init(&b, 0);
	tm_msg_pair_request_put(&b, &m);
	mini_send(&s, TM_C_PAIR_REQUEST, &b, -1);
	tm_buf_free(&b);
}

TEST(a_request_reaches_the_other_daemon_and_its_states_come_back)
{
	start_pair();
	join();
	CHECK_STR(s.authed.cluster, "south");
	CHECK_STR(t.authed.cluster, "north");
	CHECK(!memcmp(t.authed.key, tm_node_key_public(keys[0]), TM_KEY_LEN));
	send_request("web");
	CHECK_EQ(mini_until(both, 2, &t, TM_C_PAIR_REQUESTED, 1, 5000), 0);
	CHECK_STR(t.requested.name, "web");
	CHECK_STR(t.requested.target_dir, "/srv/b");
	CHECK(t.requested.continuous == 1 && t.requested.est_files == 7 &&
	      !memcmp(t.requested.secret, "shh", 4));
	send_state(TM_PAIR_AWAITING, "");
	CHECK_EQ(mini_until(both, 2, &s, TM_C_PAIR_STATED, 1, 5000), 0);
	CHECK_EQ(s.stated.state, TM_PAIR_AWAITING);
	send_state(TM_PAIR_REJECTED, "not this one");
	CHECK_EQ(mini_until(both, 2, &s, TM_C_PAIR_STATED, 2, 5000), 0);
	CHECK_EQ(s.stated.state, TM_PAIR_REJECTED);
	CHECK_STR(s.stated.text, "not this one");
	finish();
}

TEST(a_last_state_still_goes_out_before_stop)
{
	start_pair();
	join();
	send_state(TM_PAIR_ACCEPTED, "");
	mini_send_text(&t, TM_C_STOP, 0, "");
	CHECK_EQ(mini_until(both, 2, &s, TM_C_PAIR_STATED, 1, 5000), 0);
	CHECK_EQ(s.stated.state, TM_PAIR_ACCEPTED);
	CHECK_EQ(mini_until_ended(both, 2, &t, 5000), 0);
	CHECK(WIFEXITED(t.status) && !WEXITSTATUS(t.status));
	CHECK_EQ(mini_until(both, 2, &s, TM_C_CLOSED, 1, 5000), 0);
	finish();
}

TEST(a_notice_and_a_stop_are_told_to_the_peer)
{
	start_pair();
	join();
	mini_send_text(&t, TM_C_STOP, TM_NOTICE_SHUTDOWN, "going down");
	CHECK_EQ(mini_until(both, 2, &s, TM_C_NOTICED, 1, 5000), 0);
	CHECK_EQ(s.noticed.code, TM_NOTICE_SHUTDOWN);
	CHECK_STR(s.noticed.text, "going down");
	CHECK_EQ(mini_until(both, 2, &s, TM_C_CLOSED, 1, 5000), 0);
	finish();
}

TEST(the_source_takes_another_connection_after_a_broken_one)
{
	struct tm_ctl_start b = mini_start(TM_ROLE_PAIR_TARGET, "", keys[1], NULL);

	start_pair();
	join();
	kill(t.pid, SIGKILL);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_CLOSED, 1, 5000), 0);
	mini_worker_end(&t);
	CHECK_EQ(mini_worker_start(&t, &b, keys[1]), 0);
	CHECK_EQ(mini_until(both, 2, &t, TM_C_READY, 1, 10000), 0);
	join();
	send_request("again");
	CHECK_EQ(mini_until(both, 2, &t, TM_C_PAIR_REQUESTED, 1, 5000), 0);
	CHECK_STR(t.requested.name, "again");
	finish();
}

TEST(a_wrong_pinned_key_is_refused_on_both_sides_with_the_reason)
{
	struct tm_ctl_start a, b;
	int tcp[2];

	if (geteuid() || !mini_worker_path())
		SKIP("needs root and tidemark-worker");
	a = mini_start(TM_ROLE_PAIR_SOURCE, "", keys[0], NULL);
	b = mini_start(TM_ROLE_PAIR_TARGET, "", keys[1], keys[1]);
	CHECK_EQ(mini_worker_start(&s, &a, keys[0]), 0);
	CHECK_EQ(mini_worker_start(&t, &b, keys[1]), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_READY, 1, 10000), 0);
	CHECK_EQ(mini_until(both, 2, &t, TM_C_READY, 1, 10000), 0);
	CHECK_EQ(mini_tcp_pair(tcp), 0);
	mini_send_conn(&s, tcp[0], 0);
	mini_send_conn(&t, tcp[1], 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_CLOSED, 1, 10000), 0);
	CHECK_EQ(mini_until(both, 2, &t, TM_C_CLOSED, 1, 10000), 0);
	CHECK_EQ(s.closed.code, TM_WERR_IDENTITY);
	CHECK_EQ(t.closed.code, TM_WERR_IDENTITY);
	CHECK(!s.seen[TM_C_AUTHED] && !t.seen[TM_C_AUTHED]);
	finish();
}

TEST(a_peer_that_speaks_no_tls_closes_the_connection_only)
{
	int sv[2];

	start_pair();
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK(write(sv[1], "hello there, this is not TLS at all\n", 36) == 36);
	mini_send_conn(&s, sv[0], 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_CLOSED, 1, 10000), 0);
	CHECK(s.closed.text[0]);
	close(sv[1]);
	/* And the next one works. */
	join();
	finish();
}

TEST(a_worker_ends_when_its_daemon_is_gone)
{
	start_pair();
	join();
	close(s.ctl);
	s.ctl = -1;
	mini_worker_end(&s);
	CHECK(s.ended && WIFEXITED(s.status));
	finish();
}

TEST(a_worker_that_cannot_be_confined_says_why)
{
	struct tm_ctl_start a;

	if (geteuid() || !mini_worker_path())
		SKIP("needs root and tidemark-worker");
	a = mini_start(TM_ROLE_PAIR_SOURCE, "", keys[0], NULL);
	a.uid = 0;
	CHECK_EQ(mini_worker_start(&s, &a, keys[0]), 0);
	CHECK_EQ(mini_until(both, 1, &s, TM_C_FAILED, 1, 10000), 0);
	CHECK(strstr(s.failed.text, "never runs as root"));
	CHECK_EQ(mini_until_ended(both, 1, &s, 5000), 0);
	a = mini_start(TM_ROLE_SOURCE, "/nonexistent/directory", keys[0], NULL);
	CHECK_EQ(mini_worker_start(&s, &a, keys[0]), 0);
	CHECK_EQ(mini_until(both, 1, &s, TM_C_FAILED, 1, 10000), 0);
	CHECK(strstr(s.failed.text, "/nonexistent/directory"));
	CHECK_EQ(s.failed.err, ENOENT);
	CHECK_EQ(mini_until_ended(both, 1, &s, 5000), 0);
	a = mini_start(TM_ROLE_TARGET, "/tmp", keys[0], NULL);
	a.root_ino = 1234567890123;
	CHECK_EQ(mini_worker_start(&s, &a, keys[0]), 0);
	CHECK_EQ(mini_until(both, 1, &s, TM_C_FAILED, 1, 10000), 0);
	CHECK_EQ(s.failed.err, ESTALE);
	CHECK_EQ(mini_until_ended(both, 1, &s, 5000), 0);
}

int main(int argc, char **argv)
{
	int r;

	signal(SIGPIPE, SIG_IGN);
	if (mini_key(&keys[0]) < 0 || mini_key(&keys[1]) < 0)
		return 1;
	r = tap_main(argc, argv);
	/* What a failed test left behind. */
	mini_worker_end(&s);
	mini_worker_end(&t);
	tm_node_key_free(keys[0]);
	tm_node_key_free(keys[1]);
	return r;
}
