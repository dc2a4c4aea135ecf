/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_worker_roles.c - a source and a target worker, confined as in production, under
 * the smallest daemon: a tree arrives, survives broken connections, and wishes of the daemon are
 * heard. Needs root.
 */
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tap.h"
#include "tests/lib/mini_daemon.h"

static struct tm_node_key *keys[2];
static struct mini_worker s, t;
static struct mini_worker *const both[] = { &s, &t };
static char top[64], src[96], dst[96];
static uint64_t fence;

#define LONG_MS 60000

static int sh(const char *fmt, ...) _printf_(1, 2);

static int sh(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

/* Content, types, modes, owners, times and link counts, by tools that are not ours. */
static int differs_now(void)
{
	static const char script[] =
		"cd \"$1\" && "
		"diff -r --no-dereference -x .tidemark -x pipe src dst >diff.txt 2>&1; rc=$?\n"
		"list() { find . -path ./.tidemark -prune -o ! -type d -printf "
		"'%P %y %m %U %G %n %T@ %l\\n' -o -type d -printf '%P %y %m %U %G %T@\\n' | sort; }\n"
		"for d in src dst; do (cd $d && list) >$d.txt; done\n"
		"cmp -s src.txt dst.txt || rc=1\n"
		"diff src.txt dst.txt >>diff.txt\n"
		"exit $rc\n";
	char file[128];
	FILE *f;

	snprintf(file, sizeof(file), "%s/compare.sh", top);
	f = fopen(file, "we");
	if (!f || fputs(script, f) < 0 || fclose(f))
		return -1;
	return sh("sh %s %s", file, top);
}

/* What is acknowledged is durable; it is applied soon after. */
static int differs(void)
{
	int r = 1;

	for (int i = 0; i < 50 && r; i++) {
		r = differs_now();
		if (r)
			usleep(100000);
	}
	if (r)
		sh("head -20 %s/diff.txt | sed 's/^/# /'", top);
	return r;
}

static int make_tree(void)
{
	return sh(
		"rm -rf %s %s && mkdir -p %s %s && cd %s && mkdir -p a/b/c d empty && echo hello >a/hello && "
		"head -c 3000000 /dev/urandom >a/b/big && : >a/b/c/nothing && ln -s ../hello a/b/link && "
		"ln a/hello d/second && chmod 0640 a/hello && chown 1234:4321 a/b/big && "
		"for i in $(seq 200); do echo $i >d/f$i; done && "
		"touch -d '2020-01-02 03:04:05.678901234' a/b/c/nothing",
		src, dst, src, dst, src);
}

static void start_source(void)
{
	struct tm_ctl_start a = mini_start(TM_ROLE_SOURCE, src, keys[0], keys[1]);

	CHECK_EQ(mini_worker_start(&s, &a, keys[0]), 0);
	CHECK_EQ(mini_until(both, 1, &s, TM_C_READY, 1, LONG_MS), 0);
}

static void start_target(void)
{
	struct tm_ctl_start b = mini_start(TM_ROLE_TARGET, dst, keys[1], keys[0]);

	CHECK_EQ(mini_worker_start(&t, &b, keys[1]), 0);
	CHECK_EQ(mini_until(both, 2, &t, TM_C_READY, 1, LONG_MS), 0);
}

/* Join both workers and wait until the session is up. */
static void join(void)
{
	unsigned int idle = s.seen[TM_C_IDLE];
	int tcp[2];

	CHECK_EQ(mini_tcp_pair(tcp), 0);
	CHECK_EQ(mini_send_conn(&s, tcp[0], ++fence), 0);
	CHECK_EQ(mini_send_conn(&t, tcp[1], 0), 0);
	CHECK_EQ(mini_until(both, 2, &t, TM_C_AUTHED, 1, LONG_MS), 0);
	CHECK_EQ(mini_send(&t, TM_C_GO, NULL, -1), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_IDLE, idle + 1, LONG_MS), 0);
}

static void replicate_all(uint64_t id)
{
	unsigned int done = s.seen[TM_C_DONE], idle = s.seen[TM_C_IDLE];

	CHECK_EQ(mini_send_all(&s, id), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_DONE, done + 1, LONG_MS), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_IDLE, idle + 1, LONG_MS), 0);
	CHECK_EQ(s.done.set_id, id);
	CHECK_EQ(s.done.requeued, 0);
}

static void begin(void)
{
	if (geteuid())
		SKIP("needs root");
	if (!mini_worker_path())
		SKIP("tidemark-worker is not built");
	CHECK_EQ(make_tree(), 0);
	start_source();
	start_target();
	join();
}

static void finish(void)
{
	mini_worker_end(&s);
	mini_worker_end(&t);
}

TEST(a_tree_arrives)
{
	begin();
	CHECK(s.idle.fresh);
	replicate_all(7);
	CHECK_EQ(differs(), 0);
	CHECK(s.progress.batches >= 1);
	CHECK(s.progress.payload_bytes >= 3000000);
	CHECK(s.progress.wire_bytes > 3000000);
	/* The kernel encrypts where it can (modprobe tls), from inside the confinement too. */
	printf("# kernel TLS: %s\n", s.authed.ktls ? "yes" : "no");
	CHECK((s.authed.ktls ? s.progress.ktls_bytes : s.progress.copy_bytes) >= 3000000);
	CHECK_EQ(s.files_failed + t.files_failed, 0);
	/* And nothing more when nothing changed. */
	uint64_t before = s.progress.payload_bytes;

	replicate_all(8);
	CHECK_EQ(s.progress.payload_bytes, before);
	CHECK(!s.idle.fresh);
	finish();
}

TEST(changes_of_all_kinds_follow)
{
	begin();
	replicate_all(1);
	CHECK_EQ(
		sh("cd %s && echo more >>a/hello && mv d d2 && rm -r a/b/c && mkdir new && "
		   "echo x >new/x && ln -sfn elsewhere a/b/link && "
		   "chmod 0700 a && mkfifo pipe && truncate -s 5M a/b/big && mv d2/f1 a/moved && : >empty/y",
		   src),
		0);
	replicate_all(2);
	CHECK_EQ(differs(), 0);
	finish();
}

TEST(a_killed_target_worker_is_replaced_and_nothing_is_lost)
{
	begin();
	CHECK_EQ(sh("cd %s && mkdir many && cd many && "
		    "for i in $(seq 40); do head -c 400000 /dev/urandom >m$i; done",
		    src),
		 0);
	CHECK_EQ(mini_send_all(&s, 1), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_PROGRESS, 1, LONG_MS), 0);
	kill(t.pid, SIGKILL);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_CLOSED, 1, LONG_MS), 0);
	CHECK(s.closed.text[0]);
	mini_worker_end(&t);
	start_target();
	join();
	replicate_all(2);
	CHECK_EQ(differs(), 0);
	finish();
}

TEST(a_killed_source_worker_is_replaced_and_nothing_is_lost)
{
	begin();
	CHECK_EQ(mini_send_all(&s, 1), 0);
	usleep(20000);
	kill(s.pid, SIGKILL);
	CHECK_EQ(mini_until(both, 2, &t, TM_C_CLOSED, 1, LONG_MS), 0);
	CHECK_EQ(mini_until_ended(both, 2, &t, LONG_MS), 0);
	mini_worker_end(&s);
	start_source();
	start_target();
	join();
	replicate_all(2);
	CHECK_EQ(differs(), 0);
	finish();
}

TEST(an_abort_leaves_the_session_up_and_the_next_set_completes)
{
	unsigned int idle;

	begin();
	CHECK_EQ(sh("cd %s && mkdir many && cd many && "
		    "for i in $(seq 60); do head -c 1000000 /dev/urandom >m$i; done",
		    src),
		 0);
	idle = s.seen[TM_C_IDLE];
	CHECK_EQ(mini_send_all(&s, 1), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_PROGRESS, 1, LONG_MS), 0);
	CHECK_EQ(mini_send(&s, TM_C_ABORT, NULL, -1), 0);
	CHECK_EQ(mini_until(both, 2, &s, TM_C_IDLE, idle + 1, LONG_MS), 0);
	CHECK_EQ(s.seen[TM_C_DONE], 0);
	CHECK_EQ(s.seen[TM_C_CLOSED], 0);
	replicate_all(2);
	CHECK_EQ(differs(), 0);
	finish();
}

TEST(a_stopped_target_tells_the_source_why)
{
	begin();
	replicate_all(1);
	mini_send_text(&t, TM_C_STOP, TM_NOTICE_DELETED, "deleted by its admin");
	CHECK_EQ(mini_until(both, 2, &s, TM_C_NOTICED, 1, LONG_MS), 0);
	CHECK_EQ(s.noticed.code, TM_NOTICE_DELETED);
	CHECK_STR(s.noticed.text, "deleted by its admin");
	CHECK_EQ(mini_until(both, 2, &s, TM_C_CLOSED, 1, LONG_MS), 0);
	CHECK_EQ(mini_until_ended(both, 2, &t, LONG_MS), 0);
	CHECK(WIFEXITED(t.status) && !WEXITSTATUS(t.status));
	CHECK(!s.ended);
	finish();
}

TEST(a_stopped_source_tells_the_target_why)
{
	begin();
	replicate_all(1);
	mini_send_text(&s, TM_C_STOP, TM_NOTICE_DISABLED, "disabled");
	CHECK_EQ(mini_until(both, 2, &t, TM_C_NOTICED, 1, LONG_MS), 0);
	CHECK_EQ(t.noticed.code, TM_NOTICE_DISABLED);
	CHECK_EQ(mini_until_ended(both, 2, &s, LONG_MS), 0);
	CHECK(WIFEXITED(s.status) && !WEXITSTATUS(s.status));
	CHECK_EQ(mini_until_ended(both, 2, &t, LONG_MS), 0);
	finish();
}

TEST(a_stop_during_a_transfer_ends_both_soon)
{
	uint64_t start;

	begin();
	CHECK_EQ(sh("cd %s && head -c 60000000 /dev/urandom >large", src), 0);
	CHECK_EQ(mini_send_all(&s, 1), 0);
	usleep(50000);
	start = tm_mono_ms();
	mini_send_text(&s, TM_C_STOP, TM_NOTICE_SHUTDOWN, "");
	CHECK_EQ(mini_until_ended(both, 2, &s, LONG_MS), 0);
	CHECK(tm_mono_ms() - start < 6000);
	CHECK_EQ(mini_until_ended(both, 2, &t, LONG_MS), 0);
	finish();
}

TEST(a_newer_connection_replaces_the_older_one)
{
	begin();
	replicate_all(1);
	/* The daemon hears of a dead peer before TCP does. */
	mini_worker_end(&t);
	start_target();
	join();
	replicate_all(2);
	CHECK_EQ(differs(), 0);
	finish();
}

TEST(an_older_fence_is_refused)
{
	begin();
	replicate_all(1);
	mini_worker_end(&t);
	CHECK_EQ(mini_until(both, 1, &s, TM_C_CLOSED, 1, LONG_MS), 0);
	start_target();
	{
		int tcp[2];

		CHECK_EQ(mini_tcp_pair(tcp), 0);
		CHECK_EQ(mini_send_conn(&s, tcp[0], fence - 1), 0);
		CHECK_EQ(mini_send_conn(&t, tcp[1], 0), 0);
		CHECK_EQ(mini_until(both, 2, &t, TM_C_AUTHED, 1, LONG_MS), 0);
		CHECK_EQ(mini_send(&t, TM_C_GO, NULL, -1), 0);
		CHECK_EQ(mini_until(both, 2, &s, TM_C_CLOSED, 2, LONG_MS), 0);
		CHECK_EQ(s.closed.code, TM_WERR_FENCED);
	}
	finish();
}

int main(int argc, char **argv)
{
	int r;

	signal(SIGPIPE, SIG_IGN);
	snprintf(top, sizeof(top), "%.40s/tm-roles-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(top) || mini_key(&keys[0]) < 0 || mini_key(&keys[1]) < 0)
		return 1;
	snprintf(src, sizeof(src), "%s/src", top);
	snprintf(dst, sizeof(dst), "%s/dst", top);
	r = tap_main(argc, argv);
	finish();
	tm_node_key_free(keys[0]);
	tm_node_key_free(keys[1]);
	if (!getenv("KEEP"))
		sh("rm -rf %s", top);
	return r;
}
