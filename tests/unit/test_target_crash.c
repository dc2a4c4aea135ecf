/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_target_crash.c - the target killed at every place it can be killed.
 *
 * Tree A is synced, the source becomes B, the target is killed while it takes or applies that
 * batch, and opened again: it must hold exactly A or exactly B, and B if the batch was
 * acknowledged. Then also killed while it recovers, and once more. A killed process leaves its
 * writes to the kernel: this is about order and repetition, not about what a disk forgets.
 */
#include "target/failpoint.h"

#include <signal.h>

#include "tests/unit/target_rig.h"

static struct rig g;

/* TM_FAIL counts places down to the one where it ends. */
void tm_target_failpoint(const char *name _unused_)
{
	const char *left = getenv("TM_FAIL");
	char n[16];

	if (!left)
		return;
	if (atoi(left) <= 1)
		kill(getpid(), SIGKILL);
	snprintf(n, sizeof(n), "%d", atoi(left) - 1);
	setenv("TM_FAIL", n, 1);
}

#define S(name, ...) rig_path("%s/" name, g.src, ##__VA_ARGS__)

static void copy_tree(const char *from, const char *to)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("cp", "cp", "-a", from, to, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* Serve the present source once; -1: the target died. */
static int serve_once(const char *fail, bool sync, struct tm_msg_ready *ready, bool *ret_acked)
{
	int r;

	rig_start(&g, fail);
	r = rig_session(&g, ready);
	*ret_acked = false;
	if (r == TM_F_READY && sync)
		*ret_acked = rig_sync(&g, TM_BATCH_LAST) == TM_F_ACK;
	return rig_bye(&g) == 1000 + SIGKILL ? -1 : 0;
}

struct story {
	void (*before)(void);
	void (*change)(void);
};

static void fail_story(int n, const char *what)
{
	printf("# killed at place %d: %s; %s\n", n, what, rig_diff);
}

/*
 * One run with a kill at place @n, and kills at @again during recovery (0: none). *ret_over: @n was
 * never reached.
 */
static bool killed_at(const struct story *s, int n, int again, bool *ret_over)
{
	struct tm_msg_ready ready;
	char fail[16];
	bool acked, x, same;

	rig_init(&g);
	s->before();
	serve_once(NULL, true, &ready, &acked);
	if (!acked)
		return false;
	copy_tree(g.src, rig_path("%s/a", g.dir));
	s->change();
	g.no_ping = true;
	snprintf(fail, sizeof(fail), "%d", n);
	*ret_over = serve_once(fail, true, &ready, &acked) == 0;
	for (int i = 0; i < 2 && again; i++) {
		snprintf(fail, sizeof(fail), "%d", again);
		serve_once(fail, false, &ready, &x);
	}
	serve_once(NULL, false, &ready, &x);
	same = rig_same(ready.last_seq == 2 ? g.src : rig_path("%s/a", g.dir), g.dst);
	if (!same)
		fail_story(n, ready.last_seq == 2 ? "not the new tree" : "not the old tree");
	if (acked && ready.last_seq != 2) {
		fail_story(n, "acknowledged and forgotten");
		same = false;
	}
	/* And it goes on from there. */
	if (same) {
		g.no_ping = false;
		serve_once(NULL, true, &ready, &acked);
		same = acked && rig_same(g.src, g.dst);
		if (!same)
			fail_story(n, "does not go on");
	}
	rig_end(&g);
	return same;
}

static void everywhere(const struct story *s, int again)
{
	bool over = false;
	int n;

	for (n = 1; !over; n++)
		CHECK(killed_at(s, n, again, &over));
	/* At least every step and the fixed places were reached. */
	CHECK(n > 8);
}

/* ---- stories ---- */

static void plain_before(void)
{
	RIG_OK(mkdir(S("d"), 0755));
	RIG_OK(mkdir(S("d/e"), 0755));
	rig_write(S("d/f"), 0, 3000, 1);
	rig_write(S("d/e/g"), 0, 100000, 2);
	RIG_OK(link(S("d/f"), S("hard")));
	RIG_OK(symlink("d/f", S("link")));
	rig_write(S("big"), 0, 300000, 3);
}

static void content_change(void)
{
	rig_write(S("d/f"), 100, 50, 9);
	rig_write(S("big"), 5000, 100, 10);
	rig_write(S("new"), 0, 100, 11);
	RIG_OK(chmod(S("d/e/g"), 0600));
	RIG_OK(unlink(S("link")));
}

static void names_change(void)
{
	RIG_OK(rename(S("d/e"), S("e")));
	RIG_OK(rename(S("d"), S("e/d")));
	RIG_OK(rename(S("hard"), S("e/d/hard2")));
	RIG_OK(mkdir(S("d"), 0700));
	RIG_OK(rename(S("big"), S("d/big")));
	RIG_OK(renameat2(AT_FDCWD, S("link"), AT_FDCWD, S("d"), RENAME_EXCHANGE));
}

static void swap_before(void)
{
	RIG_OK(mkdir(S("A"), 0755));
	RIG_OK(mkdir(S("B"), 0755));
	RIG_OK(mkdir(S("A/x"), 0755));
	RIG_OK(mkdir(S("B/x"), 0755));
	rig_write(S("A/x/1"), 0, 10, 1);
	rig_write(S("B/x/2"), 0, 10, 2);
	RIG_OK(mkdir(S("B/y"), 0755));
	rig_write(S("B/y/3"), 0, 10, 3);
}

/*
 * After the first step B/y has the path that it will have in the end, and A/x the path of another
 * directory: names alone cannot tell how far a killed target had come.
 */
static void swap_change(void)
{
	RIG_OK(renameat2(AT_FDCWD, S("A"), AT_FDCWD, S("B"), RENAME_EXCHANGE));
	RIG_OK(rename(S("A/y"), S("B/y")));
	RIG_OK(renameat2(AT_FDCWD, S("A/x"), AT_FDCWD, S("B/x"), RENAME_EXCHANGE));
	RIG_OK(rename(S("B/y/3"), S("A/3")));
}

static void replace_before(void)
{
	RIG_OK(mkdir(S("N"), 0755));
	RIG_OK(mkdir(S("N/x"), 0755));
	rig_write(S("N/x/1"), 0, 10, 1);
	rig_write(S("N/2"), 0, 10, 2);
	rig_write(S("log"), 0, 10, 3);
	rig_write(S("log.1"), 0, 10, 4);
	rig_write(S("log.2"), 0, 10, 5);
}

/* A directory is replaced by a new one that takes over a child; log files are rotated. */
static void replace_change(void)
{
	RIG_OK(rename(S("N"), S("N.old")));
	RIG_OK(mkdir(S("N"), 0711));
	RIG_OK(rename(S("N.old/x"), S("N/x")));
	RIG_OK(rename(S("log.1"), S("log.2")));
	RIG_OK(rename(S("log"), S("log.1")));
	rig_write(S("log"), 0, 20, 6);
	RIG_OK(rename(S("N.old/2"), S("2")));
	RIG_OK(rmdir(S("N.old")));
}

/* Rings of three, of directories and of files, and a parent that goes below its child. */
static void ring_before(void)
{
	for (int i = 0; i < 3; i++) {
		RIG_OK(mkdir(S("r%d", i), 0755));
		rig_write(S("r%d/in", i), 0, 10, (uint64_t)i);
		rig_write(S("s%d", i), 0, 100, (uint64_t)i);
	}
	RIG_OK(mkdir(S("p"), 0755));
	RIG_OK(mkdir(S("p/c"), 0755));
	rig_write(S("p/c/leaf"), 0, 10, 7);
}

static void ring_change(void)
{
	RIG_OK(rename(S("r0"), S("t")));
	RIG_OK(rename(S("r1"), S("r0")));
	RIG_OK(rename(S("r2"), S("r1")));
	RIG_OK(rename(S("t"), S("r2")));
	RIG_OK(rename(S("s0"), S("t")));
	RIG_OK(rename(S("s1"), S("s0")));
	RIG_OK(rename(S("s2"), S("s1")));
	RIG_OK(rename(S("t"), S("s2")));
	RIG_OK(rename(S("p/c"), S("c")));
	RIG_OK(rename(S("p"), S("c/p")));
	RIG_OK(rename(S("c"), S("p")));
}

static const struct story stories[] = {
	{ plain_before, content_change }, { plain_before, names_change },
	{ swap_before, swap_change },	  { replace_before, replace_change },
	{ ring_before, ring_change },
};

TEST(killed_while_content_changes)
{
	everywhere(&stories[0], 0);
}

TEST(killed_while_names_change)
{
	everywhere(&stories[1], 0);
}

TEST(killed_while_directories_change_places)
{
	everywhere(&stories[2], 0);
}

TEST(killed_while_a_directory_is_replaced)
{
	everywhere(&stories[3], 0);
}

TEST(killed_in_rings_and_inversions)
{
	everywhere(&stories[4], 0);
}

TEST(killed_again_while_it_recovers)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(stories); i++)
		everywhere(&stories[i], 1 + (int)i);
}

static void patch_before(void)
{
	rig_write(S("f"), 0, 300000, 1);
	RIG_OK(link(S("f"), S("g")));
}

/* Only whole files come from rig_sync(): patches are told by hand. */
TEST(killed_while_a_file_is_patched_in_place)
{
	for (int n = 1;; n++) {
		struct tm_assert a = { .type = TM_ASSERT_OBJECT, .flags = TM_AF_DATA };
		struct rig_obj o = { .path = (char *)"f" };
		struct tm_msg_ready ready;
		static uint8_t buf[4096];
		struct tm_need need[4];
		bool acked, x;
		struct stat st;
		char fail[16];
		int st_end, fd;

		rig_init(&g);
		patch_before();
		serve_once(NULL, true, &ready, &acked);
		CHECK(acked);
		copy_tree(g.src, rig_path("%s/a", g.dir));
		rig_write(S("f"), 10000, 4096, 5);
		rig_write(S("f"), 200000, 4096, 6);
		RIG_OK(truncate(S("f"), 250000));
		RIG_OK(stat(S("f"), &st));
		snprintf(fail, sizeof(fail), "%d", n);
		rig_start(&g, fail);
		CHECK_EQ(rig_session(&g, &ready), TM_F_READY);
		rig_batch_begin(&g, TM_BATCH_LAST);
		a.oid = o.oid = rig_oid(st.st_ino);
		rig_attrs(&st, &a.attrs);
		o.a = a.attrs;
		rig_assert(&g, &a);
		CHECK_EQ(rig_needs(&g, need, 4), 1);
		CHECK_EQ(need[0].what, TM_NEED_DIRTY);
		rig_file_head(&g, &o, 0);
		fd = open(S("f"), O_RDONLY);
		for (off_t off = 10000; off <= 200000; off += 190000) {
			CHECK_EQ(pread(fd, buf, sizeof(buf), off), sizeof(buf));
			rig_data(&g, (uint64_t)off, buf, sizeof(buf), TM_VERDICT_GOOD);
		}
		close(fd);
		rig_file_end(&g, TM_FILE_OK, 0);
		acked = rig_commit(&g) == TM_F_ACK || g.seq == 2;
		st_end = rig_bye(&g);
		g.seq = 0;
		serve_once("2", false, &ready, &x);
		serve_once(NULL, false, &ready, &x);
		CHECK(!acked || ready.last_seq == 2);
		if (!rig_same(ready.last_seq == 2 ? g.src : rig_path("%s/a", g.dir), g.dst)) {
			fail_story(n, "neither old nor new");
			CHECK(0);
		}
		rig_end(&g);
		if (st_end != 1000 + SIGKILL) {
			CHECK(n > 8);
			break;
		}
	}
}

/* ---- random ---- */

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(rng >> 33) % n;
}

static const char *some_path(void)
{
	static char buf[4][64];
	static int k;
	int n = 0, depth = 1 + (int)rnd(3);

	k = (k + 1) % 4;
	for (int i = 0; i < depth; i++)
		n += snprintf(buf[k] + n, sizeof(buf[k]) - (size_t)n, "%s%c", i ? "/" : "",
			      'a' + (char)rnd(4));
	return buf[k];
}

/* Whatever the kernel refuses did not happen. */
static void random_ops(uint32_t n)
{
	char p[4500], q[4500];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(p, sizeof(p), "%s/%s", g.src, some_path());
		snprintf(q, sizeof(q), "%s/%s", g.src, some_path());
		switch (rnd(12)) {
		case 0:
		case 1: mkdir(p, 0700 + rnd(64)); break;
		case 2:
		case 3:
			if (access(p, F_OK) < 0 && !(mknod(p, S_IFREG | 0644, 0)))
				rig_write(p, 0, rnd(9000), rnd(1000));
			break;
		case 4:
		case 5:
		case 6:
			if (rename(p, q) < 0)
				break;
			break;
		case 7:
		case 8:
			if (renameat2(AT_FDCWD, p, AT_FDCWD, q, RENAME_EXCHANGE) < 0)
				break;
			break;
		case 9:
			if (link(p, q) < 0)
				break;
			break;
		case 10:
			if (rnd(2))
				rmdir(p);
			else
				unlink(p);
			break;
		default:
			if (symlink("x", p) < 0)
				break;
		}
	}
}

static void random_before(void)
{
	random_ops(60);
}

static void random_change(void)
{
	random_ops(25);
}

TEST(killed_at_random_places_of_random_changes)
{
	struct story s = { random_before, random_change };
	const char *runs = getenv("TM_CRASH_RUNS"), *seed = getenv("TM_CRASH_SEED");
	uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;

	for (uint64_t i = first; i < first + (runs ? strtoull(runs, NULL, 10) : 60); i++) {
		bool over, ok;
		int n;

		rng = i * 7919;
		n = 1 + (int)rnd(40);
		ok = killed_at(&s, n, (int)rnd(3), &over);
		if (!ok)
			printf("# seed %llu\n", (unsigned long long)i);
		CHECK(ok);
	}
}

int main(int argc, char **argv)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP the target's state belongs to root\n");
		return 4;
	}
	/* Nothing here needs a disk, and a sync of memory costs nothing. */
	if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	return tap_main(argc, argv);
}
