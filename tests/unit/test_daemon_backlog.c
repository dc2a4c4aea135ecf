// SPDX-License-Identifier: GPL-2.0-or-later
/* link: daemon */
/*
 * tests/unit/test_daemon_backlog.c - nothing leaves the backlog except by "done", whatever dies
 * in between.
 */
#include "daemon/backlog.h"
#include "lib/beneath.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static const uint8_t token[TM_JOURNAL_TOKEN_LEN] = "this very state";
static char dir[64];

static void fresh_dir(void)
{
	char file[96];

	if (dir[0]) {
		snprintf(file, sizeof(file), "%s/changes", dir);
		unlink(file);
		rmdir(dir);
	}
	strcpy(dir, "/tmp/tm-backlog-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

static bool reopen(struct tm_backlog *b, const uint8_t *t)
{
	bool kept = false;

	CHECK_EQ(tm_backlog_open(b, tm_open_admin_dir(dir), t, 0, &kept), 0);
	return kept;
}

static int add_name(struct tm_backlog *b, uint64_t ino, const char *name)
{
	struct tm_change c = { .kind = TM_CHANGE_NAME,
			       .dir = { ino, 1, 0 },
			       .name = name,
			       .name_len = (uint32_t)strlen(name) };

	return tm_backlog_add(b, &c);
}

static int torn_name(struct tm_backlog *b, const char *name)
{
	struct tm_change c = { .kind = TM_CHANGE_NAME,
			       .dir = { 2, 1, 0 },
			       .name = name,
			       .name_len = (uint32_t)strlen(name) };

	return tm_backlog_torn(b, &c);
}

TEST(a_killed_daemon_finds_everything_again)
{
	struct tm_backlog b, c;

	fresh_dir();
	CHECK(!reopen(&b, token));
	CHECK_EQ(add_name(&b, 2, "a"), 0);
	CHECK_EQ(add_name(&b, 2, "b"), 0);
	CHECK_EQ(tm_backlog_take(&b, true), 0);
	CHECK_EQ(add_name(&b, 2, "c"), 0);
	/* No close: as if killed, with one set in flight. */
	CHECK(reopen(&c, token));
	CHECK_EQ(tm_backlog_count(&c), 3);
	CHECK_EQ(tm_change_set_count(c.pending), 3);
	tm_backlog_close(&b);
	tm_backlog_close(&c);
}

TEST(a_torn_tail_is_cut_off_and_the_rest_kept)
{
	struct tm_backlog b;
	struct stat st;
	char file[96];

	for (int cut = 1; cut < 12; cut++) {
		fresh_dir();
		CHECK(!reopen(&b, token));
		CHECK_EQ(add_name(&b, 2, "whole"), 0);
		CHECK_EQ(add_name(&b, 2, "torn"), 0);
		tm_backlog_close(&b);
		snprintf(file, sizeof(file), "%s/changes", dir);
		CHECK(stat(file, &st) == 0 && truncate(file, st.st_size - cut) == 0);
		CHECK(reopen(&b, token));
		CHECK_EQ(tm_backlog_count(&b), 1);
		CHECK_EQ(add_name(&b, 2, "later"), 0);
		tm_backlog_close(&b);
		CHECK(reopen(&b, token));
		CHECK_EQ(tm_backlog_count(&b), 2);
		tm_backlog_close(&b);
	}
}

TEST(a_journal_of_another_state_or_a_damaged_one_is_not_kept)
{
	static const uint8_t other[TM_JOURNAL_TOKEN_LEN] = "another state";
	struct tm_backlog b;
	char file[96];
	int fd;

	fresh_dir();
	CHECK(!reopen(&b, token));
	CHECK_EQ(add_name(&b, 2, "a"), 0);
	tm_backlog_close(&b);
	CHECK(!reopen(&b, other));
	CHECK(tm_backlog_clean(&b));
	CHECK_EQ(add_name(&b, 2, "a"), 0);
	CHECK_EQ(add_name(&b, 2, "b"), 0);
	tm_backlog_close(&b);
	snprintf(file, sizeof(file), "%s/changes", dir);
	fd = open(file, O_WRONLY);
	CHECK(fd >= 0 && pwrite(fd, "\xee", 1, 28) == 1); /* the first record's kind */
	close(fd);
	CHECK(!reopen(&b, other));
	tm_backlog_close(&b);
}

TEST(done_forgets_the_set_but_not_what_was_torn_or_came_later)
{
	struct tm_backlog b;

	fresh_dir();
	CHECK(!reopen(&b, token));
	CHECK_EQ(add_name(&b, 2, "a"), 0);
	CHECK_EQ(add_name(&b, 2, "b"), 0);
	CHECK_EQ(tm_backlog_take(&b, true), 0);
	CHECK_EQ(tm_backlog_take(&b, true), -EBUSY);
	CHECK_EQ(add_name(&b, 2, "c"), 0);
	CHECK_EQ(torn_name(&b, "b"), 0);
	CHECK_EQ(tm_backlog_done(&b), 0);
	CHECK_EQ(tm_change_set_count(b.pending), 1);
	CHECK_EQ(tm_change_set_count(b.retry), 1);
	CHECK(!tm_backlog_clean(&b));
	tm_backlog_close(&b);
	CHECK(reopen(&b, token));
	CHECK_EQ(tm_backlog_count(&b), 2);
	CHECK_EQ(tm_backlog_take(&b, true), 0);
	CHECK_EQ(tm_backlog_done(&b), 0);
	CHECK(tm_backlog_clean(&b));
	tm_backlog_close(&b);
	CHECK(reopen(&b, token));
	CHECK(tm_backlog_clean(&b));
	tm_backlog_close(&b);
}

TEST(fail_gives_everything_back)
{
	struct tm_backlog b;

	fresh_dir();
	CHECK(!reopen(&b, token));
	CHECK_EQ(tm_backlog_add_all(&b, TM_CF_SUSPECT), 0);
	CHECK_EQ(add_name(&b, 2, "a"), 0);
	CHECK_EQ(tm_backlog_take(&b, true), 0);
	CHECK_EQ(torn_name(&b, "a"), 0);
	CHECK_EQ(add_name(&b, 3, "z"), 0);
	CHECK_EQ(tm_backlog_fail(&b), 0);
	CHECK_EQ(tm_change_set_count(b.pending), 3);
	CHECK(tm_change_set_empty(b.retry));
	CHECK(tm_backlog_heals(&b));
	uint32_t flags = 0;

	CHECK(tm_change_set_all(b.pending, &flags));
	CHECK_EQ(flags, TM_CF_SUSPECT);
	tm_backlog_close(&b);
}

TEST(a_hot_file_does_not_make_the_journal_grow_for_ever)
{
	struct tm_backlog b;

	fresh_dir();
	CHECK(!reopen(&b, token));
	for (int i = 0; i < 50000; i++)
		CHECK_EQ(add_name(&b, 2, "the same name again and again"), 0);
	CHECK_EQ(tm_backlog_count(&b), 1);
	CHECK(b.j.bytes < 400000);
	tm_backlog_close(&b);
	CHECK(reopen(&b, token));
	CHECK_EQ(tm_backlog_count(&b), 1);
	tm_backlog_close(&b);
	fresh_dir();
	rmdir(dir);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
