/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_target_serve.c - the target engine end to end, over a socket pair, on a real
 * directory.
 */
#include <sys/mount.h>

#include "tests/unit/target_rig.h"

static struct rig g;

static void up(void)
{
	struct tm_msg_ready ready;

	rig_start(&g, NULL);
	CHECK_EQ(rig_session(&g, &ready), TM_F_READY);
}

static void begin(void)
{
	rig_init(&g);
	up();
}

static void end(void)
{
	rig_end(&g);
}

static bool equal(void)
{
	bool same = rig_same(g.src, g.dst);

	if (!same)
		printf("# %s\n", rig_diff);
	return same;
}

/* Other bytes, and nobody can tell by the times. */
static void alter_in_place(const char *path, off_t off)
{
	struct timespec ts[2];
	struct stat st;
	int fd = open(path, O_RDWR);
	char c;

	if (fd < 0 || fstat(fd, &st) < 0 || pread(fd, &c, 1, off) != 1)
		abort();
	c ^= 1;
	if (pwrite(fd, &c, 1, off) != 1)
		abort();
	ts[0] = st.st_atim;
	ts[1] = st.st_mtim;
	futimens(fd, ts);
	close(fd);
}

static int64_t entries(const char *path)
{
	int fd = open(path, O_RDONLY);
	int64_t n = tm_target_count_entries(fd, 100);

	close(fd);
	return n;
}

#define S(name, ...) rig_path("%s/" name, g.src, ##__VA_ARGS__)
#define D(name, ...) rig_path("%s/" name, g.dst, ##__VA_ARGS__)

static void some_tree(void)
{
	RIG_OK(mkdir(S("d"), 0750));
	RIG_OK(mkdir(S("d/sub"), 0700));
	rig_write(S("d/f"), 0, 10000, 1);
	rig_write(S("d/sub/g"), 0, 200000, 2);
	rig_write(S("empty"), 0, 0, 0);
	rig_write(S("sparse"), 1 << 20, 5000, 3);
	RIG_OK(truncate(S("sparse"), 4 << 20));
	RIG_OK(symlink("d/f", S("link")));
	RIG_OK(symlink("/nowhere/at/all", S("dangling")));
	RIG_OK(mkfifo(S("fifo"), 0620));
	RIG_OK(link(S("d/f"), S("d/sub/hard")));
	RIG_OK(chmod(S("d/sub/g"), 0604));
	RIG_OK(chown(S("d/sub/g"), 1234, 567));
	setxattr(S("d/f"), "user.color", "blue", 4, 0);
}

TEST(a_first_sync_makes_the_target_equal)
{
	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.ack.seq, 1);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	CHECK_EQ(entries(g.dst), 6);
	end();
}

TEST(nothing_changed_needs_nothing)
{
	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.needs[TM_NEED_WHOLE] + g.needs[TM_NEED_ATTR] + g.needs[TM_NEED_LIST], 0);
	CHECK_EQ(g.ack.files + g.ack.deleted + g.ack.renamed, 0);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(holes_stay_holes)
{
	struct stat a, b;

	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	RIG_OK(stat(S("sparse"), &a));
	RIG_OK(stat(D("sparse"), &b));
	CHECK(b.st_blocks <= a.st_blocks + 16);
	end();
}

TEST(renames_deletes_links_and_kinds_follow)
{
	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	RIG_OK(rename(S("d"), S("e")));
	RIG_OK(mkdir(S("d"), 0755));
	RIG_OK(rename(S("e/sub"), S("d/sub2")));
	RIG_OK(unlink(S("empty")));
	RIG_OK(mkdir(S("empty"), 0711));
	RIG_OK(unlink(S("link")));
	rig_write(S("link"), 0, 100, 9);
	RIG_OK(link(S("sparse"), S("d/sparse2")));
	RIG_OK(chmod(S("fifo"), 0600));
	RIG_OK(symlink("x", S("e/new")));
	RIG_OK(renameat2(AT_FDCWD, S("e/f"), AT_FDCWD, S("d"), RENAME_EXCHANGE));
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(a_directory_rename_sends_no_content)
{
	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	RIG_OK(rename(S("d"), S("z")));
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.needs[TM_NEED_WHOLE], 0);
	CHECK_EQ(g.needs[TM_NEED_LIST], 0);
	CHECK_EQ(g.ack.renamed, 1);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(what_only_the_target_has_goes_and_what_stands_in_the_way_is_replaced)
{
	begin();
	some_tree();
	RIG_OK(mkdir(D("alien"), 0755));
	rig_write(D("alien/x"), 0, 10, 1);
	rig_write(D("d"), 0, 10, 1);	 /* a file where a directory must come */
	RIG_OK(mkdir(D("empty"), 0755)); /* and the other way round */
	rig_write(D("empty/y"), 0, 10, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	CHECK_EQ(entries(D(".tidemark/park")), 0);
	CHECK_EQ(entries(D(".tidemark/stage")), 0);
	end();
}

TEST(a_target_changed_by_somebody_else_does_not_stop_the_rest)
{
	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	rig_rm(D("d/sub"));
	RIG_OK(symlink("/etc", D("d/sub")));
	RIG_OK(rename(S("d/sub"), S("moved")));
	rig_write(S("late"), 0, 10, 4);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK_EQ(access(D("late"), F_OK), 0);
	CHECK_EQ(access("/etc/passwd", F_OK), 0);
	/* What was lost is asked for again as soon as it is told of. */
	up();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(a_torn_frame_counts_only_when_it_came_again)
{
	begin();
	some_tree();
	g.torn_first = true;
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.ack.skipped, 0);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(a_torn_file_leaves_what_was_there)
{
	struct stat st;

	begin();
	rig_write(S("f"), 0, 5000, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	rig_write(S("f"), 0, 6000, 2);
	rig_write(S("new"), 0, 6000, 3);
	g.all_torn = true;
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.ack.skipped, 2);
	RIG_OK(stat(D("f"), &st));
	CHECK_EQ(st.st_size, 5000);
	CHECK(access(D("new"), F_OK) < 0);
	g.all_torn = false;
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.needs[TM_NEED_WHOLE], 2);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

/* ---- patches ---- */

/* One DIRTY batch about file "f": what the test sends is told by @send. */
static void dirty(void (*send)(const struct rig_obj *o))
{
	struct tm_assert a = { .type = TM_ASSERT_OBJECT, .flags = TM_AF_DATA };
	struct tm_need need[4];
	struct rig_obj o = { .path = (char *)"f" };
	struct stat st;

	RIG_OK(stat(S("f"), &st));
	rig_batch_begin(&g, TM_BATCH_LAST);
	a.oid = o.oid = rig_oid(st.st_ino);
	rig_attrs(&st, &a.attrs);
	o.a = a.attrs;
	rig_assert(&g, &a);
	CHECK_EQ(rig_needs(&g, need, 4), 1);
	CHECK_EQ(need[0].what, TM_NEED_DIRTY);
	send(&o);
	CHECK_EQ(rig_commit(&g), TM_F_ACK);
}

static void range(const char *path, uint64_t off, uint32_t n)
{
	static uint8_t buf[1 << 20];
	int fd = open(path, O_RDONLY);

	if (pread(fd, buf, n, (off_t)off) != (ssize_t)n)
		abort();
	close(fd);
	rig_data(&g, off, buf, n, TM_VERDICT_GOOD);
}

static void send_middle(const struct rig_obj *o)
{
	rig_file_head(&g, o, 0);
	range(S("f"), 1000, 500);
	range(S("f"), 30000, 4096);
	rig_file_end(&g, TM_FILE_OK, 0);
}

static void send_torn_then_good(const struct rig_obj *o)
{
	static uint8_t junk[4096];

	rig_file_head(&g, o, 0);
	range(S("f"), 1000, 500);
	memset(junk, 0x33, sizeof(junk));
	rig_data(&g, 30000, junk, 4096, TM_VERDICT_TORN);
	rig_data(&g, 30000, junk, 4096, TM_VERDICT_SHORT);
	range(S("f"), 30000, 4096);
	rig_file_end(&g, TM_FILE_OK, 0);
}

static void send_nothing(const struct rig_obj *o)
{
	rig_file_head(&g, o, 0);
	rig_file_end(&g, TM_FILE_OK, 0);
}

static void send_hole(const struct rig_obj *o)
{
	rig_file_head(&g, o, 0);
	rig_hole(&g, 8192, 16384);
	rig_file_end(&g, TM_FILE_OK, 0);
}

static void send_most(const struct rig_obj *o)
{
	rig_file_head(&g, o, 0);
	for (uint64_t off = 0; off < 150000; off += 10000)
		range(S("f"), off, 10000);
	rig_file_end(&g, TM_FILE_OK, 0);
}

static void patch_case(size_t size, void (*change)(void), void (*send)(const struct rig_obj *o),
		       bool new_inode)
{
	struct stat a, b;

	begin();
	rig_write(S("f"), 0, size, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	RIG_OK(stat(D("f"), &a));
	change();
	dirty(send);
	CHECK_EQ(rig_bye(&g), 0);
	RIG_OK(stat(D("f"), &b));
	CHECK_EQ(a.st_ino != b.st_ino, new_inode);
	CHECK(equal());
	end();
}

static void change_middle(void)
{
	rig_write(S("f"), 1000, 500, 7);
	rig_write(S("f"), 30000, 4096, 8);
}

static void change_shrink_grow(void)
{
	RIG_OK(truncate(S("f"), 20000));
	RIG_OK(truncate(S("f"), 250000));
	rig_write(S("f"), 1000, 500, 7);
	/* What lay between 20000 and the old end is zeros now: the source knows that as a range. */
}

static void send_shrink_grow(const struct rig_obj *o)
{
	rig_file_head(&g, o, 0);
	range(S("f"), 1000, 500);
	rig_hole(&g, 20000, 230000);
	rig_file_end(&g, TM_FILE_OK, 0);
}

static void change_shrink(void)
{
	RIG_OK(truncate(S("f"), 12345));
}

static void change_grow(void)
{
	RIG_OK(truncate(S("f"), 300001));
}

static void change_hole(void)
{
	int fd = open(S("f"), O_WRONLY);

	RIG_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 16384));
	close(fd);
}

static void change_most(void)
{
	rig_write(S("f"), 0, 150000, 11);
}

static void change_mode(void)
{
	RIG_OK(chmod(S("f"), 0400));
}

TEST(a_small_file_is_patched_in_a_copy)
{
	patch_case(50000, change_middle, send_middle, true);
}

TEST(a_large_file_is_patched_in_place)
{
	patch_case(200000, change_middle, send_middle, false);
}

TEST(a_patch_survives_torn_frames)
{
	patch_case(50000, change_middle, send_torn_then_good, true);
	patch_case(200000, change_middle, send_torn_then_good, false);
}

TEST(a_file_can_shrink_and_grow_in_one_patch)
{
	patch_case(50000, change_shrink_grow, send_shrink_grow, false);
	patch_case(200000, change_shrink_grow, send_shrink_grow, false);
	patch_case(50000, change_shrink, send_nothing, true);
	patch_case(200000, change_shrink, send_nothing, false);
	patch_case(50000, change_grow, send_nothing, false);
	patch_case(200000, change_grow, send_nothing, false);
}

TEST(a_hole_in_a_patch_is_punched)
{
	patch_case(50000, change_hole, send_hole, true);
	patch_case(200000, change_hole, send_hole, false);
}

TEST(a_file_more_than_half_dirty_is_rebuilt)
{
	patch_case(200000, change_most, send_most, true);
}

TEST(no_range_and_the_same_size_is_only_attributes)
{
	patch_case(50000, change_mode, send_nothing, false);
}

TEST(all_names_of_a_patched_file_get_the_new_content)
{
	begin();
	rig_write(S("f"), 0, 50000, 1);
	RIG_OK(link(S("f"), S("g")));
	RIG_OK(mkdir(S("d"), 0755));
	RIG_OK(link(S("f"), S("d/h")));
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	change_middle();
	dirty(send_middle);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(a_base_that_somebody_changed_is_asked_for_as_a_whole)
{
	struct tm_assert a = { .type = TM_ASSERT_OBJECT, .flags = TM_AF_DATA };
	struct tm_need need[4];
	struct stat st;

	begin();
	rig_write(S("f"), 0, 50000, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	rig_write(D("f"), 10, 10, 99);
	RIG_OK(stat(S("f"), &st));
	rig_batch_begin(&g, TM_BATCH_LAST);
	a.oid = rig_oid(st.st_ino);
	rig_attrs(&st, &a.attrs);
	rig_assert(&g, &a);
	CHECK_EQ(rig_needs(&g, need, 4), 1);
	CHECK_EQ(need[0].what, TM_NEED_WHOLE);
	end();
}

/* ---- sessions and protocol ---- */

TEST(an_older_fencing_epoch_is_refused)
{
	struct tm_msg_ready ready;

	begin();
	CHECK_EQ(rig_bye(&g), 0);
	g.fence--;
	rig_start(&g, NULL);
	CHECK_EQ(rig_session(&g, &ready), TM_F_ERROR);
	CHECK_EQ(g.error.code, TM_WERR_FENCED);
	CHECK_EQ(rig_stop(&g), ESTALE);
	end();
}

TEST(batches_go_on_where_they_ended)
{
	struct tm_msg_ready ready;

	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	rig_start(&g, NULL);
	CHECK_EQ(rig_session(&g, &ready), TM_F_READY);
	CHECK_EQ(ready.last_seq, 1);
	CHECK_EQ(ready.fresh, 0);
	CHECK(ready.objects > 8);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.ack.seq, 2);
	end();
}

TEST(another_root_means_to_assert_everything_again)
{
	struct tm_msg_ready ready;

	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	RIG_OK(rename(g.src, rig_path("%s/old", g.dir)));
	RIG_OK(mkdir(g.src, 0755));
	rig_write(S("other"), 0, 10, 5);
	rig_start(&g, NULL);
	CHECK_EQ(rig_session(&g, &ready), TM_F_READY);
	CHECK_EQ(ready.fresh, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(an_aborted_batch_leaves_nothing)
{
	struct tm_msg_text m = { 0 };
	struct tm_need need[64];
	struct tm_buf b = { 0 };
	struct tm_assert a = { .type = TM_ASSERT_ENTRY,
			       .name = "f",
			       .name_len = 1,
			       .oid = rig_oid(5),
			       .attrs = { .kind = TM_KIND_REG, .size = 4, .nlink = 1 } };
	struct rig_obj o = { .oid = a.oid, .a = a.attrs, .path = (char *)"f" };
	struct stat st;

	begin();
	RIG_OK(stat(g.src, &st));
	rig_batch_begin(&g, 0);
	a.parent = rig_oid(st.st_ino);
	rig_assert(&g, &a);
	CHECK_EQ(rig_needs(&g, need, 64), 1);
	rig_file_head(&g, &o, TM_FF_WHOLE);
	rig_data(&g, 0, "abcd", 4, TM_VERDICT_GOOD);
	tm_msg_text_put(&b, &m);
	tm_link_send_buf(g.l, TM_F_BATCH_ABORT, &b);
	tm_buf_free(&b);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.ack.seq, 1);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK_EQ(entries(D(".tidemark/stage")), 0);
	CHECK(equal());
	end();
}

/* What must never be accepted; each on its own connection. */
static void violation(void (*break_it)(void))
{
	struct tm_rd rd;

	begin();
	break_it();
	CHECK_EQ(rig_recv(&g, &rd), TM_F_ERROR);
	CHECK_EQ(g.error.code, TM_WERR_PROTOCOL);
	CHECK_EQ(rig_stop(&g), EBADMSG);
	CHECK_EQ(entries(g.dst), 0);
	end();
}

static void v_assert_outside(void)
{
	tm_link_send(g.l, TM_F_ASSERT_END, NULL, 0);
}

static void v_session_twice(void)
{
	struct tm_msg_session m = { .fence = 99, .root = rig_oid(4) };
	struct tm_buf b = { 0 };

	tm_msg_session_put(&b, &m);
	tm_link_send_buf(g.l, TM_F_SESSION, &b);
	tm_buf_free(&b);
}

static void v_wrong_seq(void)
{
	g.seq += 5;
	rig_batch_begin(&g, 0);
}

static void v_unneeded_file(void)
{
	struct rig_obj o = { .oid = rig_oid(77),
			     .a = { .kind = TM_KIND_REG, .nlink = 1 },
			     .path = (char *)"x" };
	struct tm_need need[4];

	rig_batch_begin(&g, 0);
	rig_needs(&g, need, 4);
	rig_file_head(&g, &o, TM_FF_WHOLE);
}

static void v_data_without_file(void)
{
	struct tm_need need[4];

	rig_batch_begin(&g, 0);
	rig_needs(&g, need, 4);
	rig_data(&g, 0, "abc", 3, TM_VERDICT_GOOD);
}

static void v_unknown_frame(void)
{
	tm_link_send(g.l, 999, "x", 1);
}

static void v_garbage_assertion(void)
{
	rig_batch_begin(&g, 0);
	tm_link_send(g.l, TM_F_ASSERT, "\x09garbage", 8);
}

static void v_dotdot(void)
{
	struct tm_assert a = {
		.type = TM_ASSERT_ABSENT, .parent = rig_oid(1), .name = "..", .name_len = 2
	};

	rig_batch_begin(&g, 0);
	rig_assert(&g, &a);
}

static void v_barrier_ahead(void)
{
	struct tm_buf b = { 0 };

	tm_put_u64(&b, 50);
	tm_link_send_buf(g.l, TM_F_BARRIER, &b);
	tm_buf_free(&b);
}

static void v_target_frame(void)
{
	tm_link_send(g.l, TM_F_ACK, NULL, 0);
}

TEST(whatever_does_not_fit_ends_the_connection_and_nothing_else)
{
	violation(v_assert_outside);
	violation(v_session_twice);
	violation(v_wrong_seq);
	violation(v_unneeded_file);
	violation(v_data_without_file);
	violation(v_unknown_frame);
	violation(v_garbage_assertion);
	violation(v_dotdot);
	violation(v_barrier_ahead);
	violation(v_target_frame);
}

TEST(a_ping_between_batches_is_answered)
{
	struct tm_rd rd;

	begin();
	tm_link_send(g.l, TM_F_PING, NULL, 0);
	CHECK_EQ(rig_recv(&g, &rd), TM_F_PONG);
	end();
}

TEST(after_an_unclean_boot_what_was_sent_since_the_barrier_is_needed_again)
{
	struct tm_buf b = { 0 };

	begin();
	rig_write(S("early"), 0, 100, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	tm_put_u64(&b, 1);
	tm_link_send_buf(g.l, TM_F_BARRIER, &b);
	tm_buf_free(&b);
	rig_write(S("late"), 0, 100, 2);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	/* The target is ahead: its content never reached the disk of the source, the stamps did. */
	alter_in_place(D("early"), 0);
	alter_in_place(D("late"), 0);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST | TM_BATCH_SUSPECT), TM_F_ACK);
	CHECK_EQ(g.needs[TM_NEED_COMPARE], 1);
	CHECK_EQ(g.needs[TM_NEED_WHOLE], 0);
	CHECK_EQ(g.sent, 100);
	CHECK(rig_same_content(S("late"), D("late"), 100));
	/* What was sent before the barrier is not even read. */
	CHECK(!rig_same_content(S("early"), D("early"), 100));
	/* A peer that cannot compare is asked for all of it. */
	CHECK_EQ(rig_bye(&g), 0);
	g.features_off = TM_FEATURE_COMPARE;
	up();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST | TM_BATCH_SUSPECT), TM_F_ACK);
	CHECK_EQ(g.needs[TM_NEED_COMPARE], 0);
	CHECK_EQ(g.needs[TM_NEED_WHOLE], 1);
	end();
}

TEST(a_burst_of_deletes_stops_and_confirmed_it_goes)
{
	begin();
	for (int i = 0; i < 40; i++)
		rig_write(S("f%d", i), 0, 10, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	g.brake_percent = 50;
	g.brake_objects = 20;
	up();
	for (int i = 0; i < 30; i++)
		RIG_OK(unlink(S("f%d", i)));
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_STOP);
	CHECK_EQ(g.stop.deletes, 30);
	CHECK_EQ(access(D("f3"), F_OK), 0);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST | TM_BATCH_CONFIRMED), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(setuid_and_devices_only_where_they_are_allowed)
{
	struct stat st;

	begin();
	rig_write(S("su"), 0, 10, 1);
	RIG_OK(chmod(S("su"), 04755));
	RIG_OK(mkdir(S("sg"), 0755));
	RIG_OK(chmod(S("sg"), 02755));
	if (mknod(S("null"), S_IFCHR | 0666, 0x103) < 0) {
		end();
		SKIP("device nodes cannot be made here");
	}
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK(g.ack.refused >= 2);
	RIG_OK(stat(D("su"), &st));
	CHECK_EQ(st.st_mode & 07777, 0755);
	RIG_OK(stat(D("sg"), &st));
	CHECK_EQ(st.st_mode & 07777, 02755);
	CHECK(access(D("null"), F_OK) < 0);
	CHECK_EQ(rig_bye(&g), 0);
	g.allow_suid = g.allow_devices = true;
	rig_rm(g.dst);
	RIG_OK(mkdir(g.dst, 0755));
	up();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(a_foreign_reserved_directory_is_not_used)
{
	struct tm_msg_ready ready;

	rig_init(&g);
	RIG_OK(mkdir(D(".tidemark"), 0755));
	RIG_OK(chmod(D(".tidemark"), 0755));
	rig_start(&g, NULL);
	CHECK(rig_session(&g, &ready) < 0);
	CHECK_EQ(rig_stop(&g), EEXIST);
	rig_rm(D(".tidemark"));
	RIG_OK(symlink("/tmp", D(".tidemark")));
	rig_start(&g, NULL);
	CHECK(rig_session(&g, &ready) < 0);
	CHECK_EQ(rig_stop(&g), EEXIST);
	end();
}

TEST(a_damaged_table_is_set_aside_and_the_target_is_fresh)
{
	struct tm_msg_ready ready;
	int fd;

	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	fd = open(D(".tidemark/identity.db"), O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(pwrite(fd, "garbage garbage garbage", 23, 0), 23);
	close(fd);
	unlink(D(".tidemark/identity.db-wal"));
	rig_start(&g, NULL);
	CHECK_EQ(rig_session(&g, &ready), TM_F_READY);
	CHECK_EQ(ready.fresh, 1);
	CHECK_EQ(access(D(".tidemark/identity.db.damaged"), F_OK), 0);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(state_that_was_copied_with_its_directory_is_not_believed)
{
	struct tm_msg_ready ready;

	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	RIG_OK(rename(g.dst, rig_path("%s/backup", g.dir)));
	RIG_OK(system(rig_path("cp -a %s/backup %s", g.dir, g.dst)));
	rig_start(&g, NULL);
	CHECK_EQ(rig_session(&g, &ready), TM_F_READY);
	CHECK_EQ(ready.fresh, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(a_full_target_says_so_and_stays_as_it_was)
{
	struct tm_msg_ready ready;

	rig_init(&g);
	if (mount("tmpfs", g.dst, "tmpfs", 0, "size=8m") < 0) {
		end();
		SKIP("mounting is not allowed here");
	}
	up();
	rig_write(S("f"), 0, 1000, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	rig_write(S("big"), 0, 12 << 20, 2);
	CHECK(rig_sync(&g, TM_BATCH_LAST) != TM_F_ACK);
	CHECK_EQ(rig_stop(&g), ENOSPC);
	CHECK_EQ(access(D("f"), F_OK), 0);
	CHECK(access(D("big"), F_OK) < 0);
	CHECK_EQ(entries(D(".tidemark/stage")), 0);
	/* With room again it goes on by itself. */
	RIG_OK(truncate(S("big"), 1 << 20));
	rig_start(&g, NULL);
	CHECK_EQ(rig_session(&g, &ready), TM_F_READY);
	CHECK_EQ(ready.last_seq, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	RIG_OK(umount(g.dst));
	end();
}

TEST(deleted_counts_every_object)
{
	begin();
	some_tree();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	rig_rm(S("d"));
	/* d, sub, f (with its other name hard), g. */
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.ack.deleted, 5);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(a_reused_inode_number_of_another_kind_is_another_object)
{
	struct tm_assert a = { .type = TM_ASSERT_ENTRY,
			       .name = "f",
			       .name_len = 1,
			       .oid = rig_oid(500),
			       .attrs = { .kind = TM_KIND_DIR, .mode = 0755 } };
	struct rig_obj o = { .oid = a.oid, .path = (char *)"" };
	struct tm_need need[8];
	struct stat st;

	begin();
	RIG_OK(stat(g.src, &st));
	a.parent = rig_oid(st.st_ino);
	rig_batch_begin(&g, TM_BATCH_LAST);
	rig_assert(&g, &a);
	CHECK_EQ(rig_needs(&g, need, 8), 2);
	o.a = a.attrs;
	rig_file_head(&g, &o, TM_FF_ATTR_ONLY);
	rig_file_end(&g, TM_FILE_OK, 0);
	CHECK_EQ(rig_commit(&g), TM_F_ACK);
	/* Now 500 is a file, under another name. */
	a.attrs = (struct tm_attrs){ .kind = TM_KIND_REG, .mode = 0644, .nlink = 1, .size = 3 };
	a.name = "g";
	rig_batch_begin(&g, TM_BATCH_LAST);
	rig_assert(&g, &a);
	a.type = TM_ASSERT_ABSENT;
	a.name = "f";
	rig_assert(&g, &a);
	CHECK_EQ(rig_needs(&g, need, 8), 1);
	CHECK_EQ(need[0].what, TM_NEED_WHOLE);
	o.a = a.attrs;
	rig_file_head(&g, &o, TM_FF_WHOLE);
	rig_data(&g, 0, "abc", 3, TM_VERDICT_GOOD);
	rig_file_end(&g, TM_FILE_OK, 0);
	CHECK_EQ(rig_commit(&g), TM_F_ACK);
	CHECK_EQ(rig_bye(&g), 0);
	RIG_OK(stat(D("g"), &st));
	CHECK(S_ISREG(st.st_mode));
	CHECK(access(D("f"), F_OK) < 0);
	end();
}

/* ---- comparing ---- */

static void assert_compare(uint32_t batch_flags)
{
	struct tm_assert a = { .type = TM_ASSERT_OBJECT, .flags = TM_AF_COMPARE };
	struct stat st;

	RIG_OK(stat(S("f"), &st));
	rig_batch_begin(&g, batch_flags);
	a.oid = rig_oid(st.st_ino);
	rig_attrs(&st, &a.attrs);
	rig_remember(&g, a.oid, &a.attrs, "f");
	rig_assert(&g, &a);
}

TEST(a_batch_that_only_looks_takes_no_content_and_commits_nothing)
{
	struct tm_need need[4];
	struct stat a, b;

	begin();
	rig_write(S("f"), 0, 200000, 1);
	rig_write(S("gone"), 0, 10, 2);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	alter_in_place(D("f"), 150000);
	rig_write(D("alien"), 0, 10, 3);
	RIG_OK(unlink(D("gone")));
	RIG_OK(chmod(D("f"), 0600));
	g.assert_flags = TM_AF_COMPARE;
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST | TM_BATCH_LOOK), TM_F_ACK);
	CHECK_EQ(g.ack.seq, 1);
	CHECK_EQ(g.ack.files + g.ack.deleted, 0);
	CHECK_EQ(g.needs[TM_NEED_COMPARE], 1);
	CHECK_EQ(g.needs[TM_NEED_WHOLE], 0);
	CHECK_EQ(g.found.missing, 1);
	CHECK_EQ(g.found.foreign, 1);
	CHECK_EQ(g.found.attrs, 1);
	CHECK(g.hashes[0].flags & TM_HF_SETTLED);
	CHECK_EQ(access(D("alien"), F_OK), 0);
	CHECK(access(D("gone"), F_OK) < 0);
	/* Content in it is refused, and leaves nothing. */
	RIG_OK(stat(D("f"), &a));
	assert_compare(TM_BATCH_LAST | TM_BATCH_LOOK);
	CHECK_EQ(rig_needs(&g, need, 4), 1);
	g.look = false;
	rig_answer(&g, &need[0]);
	CHECK_EQ(rig_commit(&g), TM_F_ERROR);
	CHECK_EQ(rig_stop(&g), EBADMSG);
	RIG_OK(stat(D("f"), &b));
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK(!rig_same_content(S("f"), D("f"), 200000));
	/* The same with repair: one block. */
	up();
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	CHECK_EQ(g.sent, 65536 + 10);
	CHECK_EQ(g.found.missing + g.found.foreign, 2);
	CHECK_EQ(rig_bye(&g), 0);
	CHECK(equal());
	end();
}

TEST(what_was_not_agreed_on_is_refused)
{
	struct tm_need need[4];

	begin();
	rig_write(S("f"), 0, 100, 1);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ACK);
	/* Only where hashes were sent there is something to be alive about. */
	tm_link_send(g.l, TM_F_ALIVE, NULL, 0);
	CHECK_EQ(rig_sync(&g, TM_BATCH_LAST), TM_F_ERROR);
	CHECK_EQ(rig_stop(&g), EBADMSG);
	g.features_off = TM_FEATURE_COMPARE;
	up();
	assert_compare(TM_BATCH_LAST | TM_BATCH_LOOK);
	CHECK_EQ(rig_needs(&g, need, 4), -1);
	CHECK_EQ(g.ended, TM_F_ERROR);
	CHECK_EQ(rig_stop(&g), EBADMSG);
	end();
}

int main(int argc, char **argv)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP the target's state belongs to root\n");
		return 4;
	}
	return tap_main(argc, argv);
}
