// SPDX-License-Identifier: GPL-2.0-or-later
/* link: daemon */
/*
 * tests/unit/test_daemon_look.c - the bounded walk over a directory, and the ring behind the chart.
 */
#include "daemon/series.h"
#include "daemon/tree.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include "tap.h"

static char dir[64];
static int root = -1, top_level;

static void put(const char *name, size_t size)
{
	static char zeros[5000];
	int fd = openat(root, name, O_WRONLY | O_CREAT, 0600);

	CHECK(fd >= 0 && write(fd, zeros, size) == (ssize_t)size);
	close(fd);
}

static void make_tree(void)
{
	char name[32];

	if (root >= 0)
		return;
	strcpy(dir, "/tmp/tm-look-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	root = open(dir, O_RDONLY | O_DIRECTORY);
	CHECK(root >= 0);
	CHECK(mkdirat(root, "a", 0700) == 0 && mkdirat(root, "a/b", 0700) == 0);
	CHECK(mkdirat(root, ".tidemark", 0700) == 0);
	put(".tidemark/log", 100);
	put("one", 10);
	put("a/two", 5000);
	CHECK(symlinkat("/etc", root, "a/link") == 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "a/b/%d", i);
		put(name, 1);
	}
}

static void on_top(void *arg, const char *name, const struct stat *st)
{
	(void)arg;
	(void)st;
	CHECK(strcmp(name, ".tidemark") != 0);
	top_level++;
}

TEST(a_tree_is_counted_without_what_is_ours_and_without_following_links)
{
	struct tm_tree_sum sum;

	make_tree();
	top_level = 0;
	CHECK_EQ(tm_tree_sum(root, 1000, 60000, on_top, NULL, &sum), 0);
	CHECK(sum.whole);
	CHECK_EQ(sum.entries, 105);
	CHECK_EQ(sum.directories, 2);
	CHECK_EQ(sum.files, 103);
	CHECK_EQ(sum.bytes, 10 + 5000 + 100);
	CHECK_EQ(top_level, 2);
	CHECK(sum.oldest_ns > 0 && sum.newest_ns >= sum.oldest_ns);
}

TEST(the_walk_ends_at_its_number_and_says_so)
{
	struct tm_tree_sum sum;

	make_tree();
	CHECK_EQ(tm_tree_sum(root, 50, 60000, NULL, NULL, &sum), 0);
	CHECK(!sum.whole);
	CHECK_EQ(sum.entries, 50);
	CHECK_EQ(tm_tree_sum(root, 105, 60000, NULL, NULL, &sum), 0);
	CHECK(sum.whole);
}

TEST(a_tree_deeper_than_the_stack_is_not_called_whole)
{
	struct tm_tree_sum sum;
	int at, next;

	make_tree();
	CHECK(mkdirat(root, "deep", 0700) == 0);
	at = openat(root, "deep", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 120; i++) {
		CHECK(mkdirat(at, "d", 0700) == 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY);
		CHECK(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	CHECK_EQ(tm_tree_sum(root, 1000, 60000, NULL, NULL, &sum), 0);
	CHECK(!sum.whole);
	CHECK(sum.directories > 90 && sum.directories < 110);
}

TEST(the_series_keeps_the_last_quarter_of_an_hour)
{
	static struct tm_series s;

	tm_series_add(&s, 1000, 1, 500, -1, 0);
	CHECK_EQ(tm_series_at(&s, 0)->rate, 0); /* of nothing known before */
	tm_series_add(&s, 6000, 2, 1500, 7, 3);
	CHECK_EQ(s.n, 2);
	CHECK_EQ(tm_series_at(&s, 1)->rate, 200);
	CHECK_EQ(tm_series_at(&s, 1)->lag_ms, 7);
	tm_series_add(&s, 11000, 3, 0, 0, 0); /* the counter began anew */
	CHECK_EQ(tm_series_at(&s, 2)->rate, 0);
	for (int i = 0; i < TM_SERIES_MAX; i++)
		tm_series_add(&s, 16000 + 5000 * (uint64_t)i, 4 + i, 5 * (uint64_t)i, 0, 0);
	CHECK_EQ(s.n, TM_SERIES_MAX);
	CHECK_EQ(tm_series_at(&s, 0)->time_ns, 4);
	CHECK_EQ(tm_series_at(&s, TM_SERIES_MAX - 1)->time_ns, 3 + TM_SERIES_MAX);
	CHECK_EQ(tm_series_at(&s, TM_SERIES_MAX - 1)->rate, 1);
}

int main(int argc, char **argv)
{
	int r = tap_main(argc, argv);
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (dir[0] && system(command) != 0)
		r = 1;
	return r;
}
