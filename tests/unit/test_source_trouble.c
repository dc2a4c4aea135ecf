/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source engine when things move, vanish, tear or refuse while it looks.
 */
#include "source_rig.h"

#include <limits.h>
#include <sys/mount.h>
#include <sys/wait.h>

static void make_plain(struct rig *r)
{
	put_dir(r, "a");
	put_dir(r, "a/sub");
	put_dir(r, "b");
	put_file(r, "a/f", "file f");
	put_file(r, "a/sub/g", "file g");
	put_file(r, "b/h", "file h");
}

/* ---- stale hints ---- */

TEST(a_stale_name_hint_is_found_by_listing_its_directory)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid f = oid_of(r, "a/f"), a = oid_of(r, "a");

	MUST(renameat(r->root, "a/f", r->root, "a/renamed"));
	put_file(r, "a/renamed", "FILE");
	/* The rename is in a later set; this one has a name that is gone, or none. */
	chg_ino_in(r, f, a, "f", TM_CF_DATA, 0, 4);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 4);
	CHECK_EQ(tm_change_set_count(r->again), 0);
	put_file(r, "a/renamed", "again!");
	chg_ino_in(r, f, a, NULL, TM_CF_DATA, 0, 6);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 6);
	chg_name_in(r, a, "f");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_change_of_a_file_that_moved_on_waits_for_the_set_that_says_where)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid f = oid_of(r, "a/f"), a = oid_of(r, "a");

	put_file(r, "a/f", "1234");
	MUST(renameat(r->root, "a/f", r->root, "b/f"));
	chg_ino_in(r, f, a, "f", TM_CF_DATA, 0, 4);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_take_again(r), 1);
	chg_name_in(r, a, "f");
	chg_name(r, "b/f");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 4);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_change_dropped_with_its_name_makes_the_whole_file_suspect_when_it_turns_up)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid f = oid_of(r, "a/f"), a = oid_of(r, "a");

	/* The set holds a write and that the name changed, but not the rename that came after. */
	put_file(r, "a/f", "1234");
	chg_ino_in(r, f, a, "f", TM_CF_DATA, 0, 4);
	chg_name(r, "a/f");
	MUST(renameat(r->root, "a/f", r->root, "b/f"));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(tm_change_set_count(r->again), 0);
	/* And the next knows of another write only. */
	write_at(r, "b/f", 5, "X", 1);
	chg_data(r, "b/f", 5, 1);
	chg_name(r, "b/f");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_deleted_inode_is_looked_for_twice_and_then_let_go)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid f = oid_of(r, "a/f"), a = oid_of(r, "a");

	MUST(unlinkat(r->root, "a/f", 0));
	chg_ino_in(r, f, a, "f", TM_CF_DATA, 0, 4);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_take_again(r), 1);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_take_again(r), 1);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_take_again(r), 0);
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_directory_that_moved_before_its_set_is_found_in_its_parent)
{
	struct rig *r = rig_ready(make_plain);

	put_file(r, "a/sub/new", "new");
	chg_name(r, "a/sub/new");
	MUST(renameat(r->root, "a", r->root, "z"));
	MUST(renameat(r->root, "z/sub", r->root, "z/bus"));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 3);
	CHECK_EQ(tm_change_set_count(r->again), 0);
	chg_name(r, "a");
	chg_name(r, "z");
	chg_name(r, "z/sub");
	chg_name(r, "z/bus");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(changes_in_a_directory_that_moved_away_wait_for_the_set_that_says_where)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid a = oid_of(r, "a");

	put_file(r, "a/sub/new", "new");
	chg_name(r, "a/sub/new");
	MUST(renameat(r->root, "a/sub", r->root, "b/sub"));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_take_again(r), 1);
	chg_name_in(r, a, "sub");
	chg_name(r, "b/sub");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 3);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

static void move_once(struct rig *r)
{
	r->on_poll = NULL;
	MUST(renameat(r->root, "a/sub", r->root, "b/sub"));
}

TEST(a_directory_moved_while_listing_is_not_lost)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid a = oid_of(r, "a");

	put_file(r, "a/sub/late", "late");
	chg_where(r, TM_CHANGE_SUBTREE, a);
	r->on_poll = move_once;	/* the first poll is before the first listing */
	CHECK_EQ(rig_replicate(r), 0);
	rig_take_again(r);
	chg_name_in(r, a, "sub");
	chg_name(r, "b/sub");
	CHECK_EQ(rig_replicate(r), 0);
	rig_take_again(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_file_with_several_links_is_found_by_a_name_that_is_left)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid f = oid_of(r, "a/f"), a = oid_of(r, "a");

	MUST(linkat(r->root, "a/f", r->root, "b/f2", 0));
	chg_name(r, "b/f2");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK(rig_equal(r));
	put_file(r, "b/f2", "WRITE");
	chg_ino_in(r, f, a, "f", TM_CF_DATA, 0, 5);
	chg_name(r, "a/f");
	MUST(unlinkat(r->root, "a/f", 0));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 5);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(names_of_links_are_known_after_a_restart_without_a_scan_of_attributes)
{
	struct rig *r = rig_new();
	struct tm_oid f, b;

	make_plain(r);
	MUST(linkat(r->root, "a/f", r->root, "b/f2", 0));
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	rig_disconnect(r);
	tm_source_close(r->s);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	/* Whichever of the names the index did not note is the only one left. */
	for (int i = 0; i < 2; i++) {
		const char *keep = i ? "a/f" : "b/f2", *drop = i ? "b/f2" : "a/f";

		f = oid_of(r, drop);
		b = oid_of(r, i ? "b" : "a");
		put_file(r, keep, i ? "first" : "other");
		MUST(unlinkat(r->root, drop, 0));
		chg_ino_in(r, f, b, i ? "f2" : "f", TM_CF_DATA, 0, 5);
		chg_name_in(r, b, i ? "f2" : "f");
		CHECK_EQ(rig_replicate(r), 0);
		CHECK(rig_equal(r));
		MUST(linkat(r->root, keep, r->root, drop, 0));
		chg_name(r, drop);
		CHECK_EQ(rig_replicate(r), 0);
		rig_disconnect(r);
		tm_source_close(r->s);
		CHECK_EQ(rig_open(r), 0);
		CHECK_EQ(rig_connect(r), 0);
	}
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(an_inode_without_any_hint_is_searched_for)
{
	struct rig *r = rig_ready(make_plain);

	put_file(r, "a/sub/g", "GGG");
	chg_ino_in(r, oid_of(r, "a/sub/g"), TM_OID_NONE, NULL, TM_CF_DATA, 0, 3);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 3);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_write_through_a_link_outside_is_noise)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid stranger = { 999999999, 7, 0 }, far = { 888888888, 7, 0 };

	chg_ino_in(r, stranger, far, "x", TM_CF_DATA, 0, 3);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(tm_change_set_count(r->again), 0);
	CHECK_EQ(rig_free(r), 0);
}

/* ---- refused looks ---- */

/* Run @fn as a user whom modes stop; its exit status. */
static int as_nobody(struct rig *r, int (*fn)(struct rig *r))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		MUST(setgid(65534));
		MUST(setuid(65534));
		_exit(fn(r));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int first_failure(struct rig *r, const char *path, int op, int err)
{
	for (int i = 0; i < r->n_failed; i++)
		if (tm_streq(r->failed[i], path) && r->failed_op[i] == op && r->failed_err[i] == err)
			return i;
	printf("# no failure of %s (%d, %d); %d others, %s %d %d\n", path, op, err, r->n_failed, r->failed[0],
	       r->failed_op[0], r->failed_err[0]);
	return -1;
}

static int unreadable_story(struct rig *r)
{
	size_t objects;

	r->root = open(r->dir, O_RDONLY | O_DIRECTORY);
	r->opts.rootfd = r->root;
	if (rig_open(r) || rig_connect(r))
		return 10;
	chg_all(r);
	if (rig_replicate(r))
		return 11;
	objects = model_objects(r->m);
	/* Now one directory and one file are closed to us. The file was changed. */
	put_file(r, "b/h", "changed");
	put_file(r, "a/f", "also changed");
	MUST(fchmodat(r->root, "b/h", 0, 0));
	MUST(fchmodat(r->root, "a/sub", 0, 0));
	chg_ino(r, "b/h", TM_CF_WHOLE, 0, 0);
	chg_all(r);
	if (rig_replicate(r))
		return 12;
	if (model_objects(r->m) != objects)
		return 13;	/* something was deleted */
	if (first_failure(r, "a/sub", 1, EACCES) < 0 || first_failure(r, "b/h", 1, EACCES) < 0)
		return 14;
	if (rig_sum(r).ends[TM_FILE_UNREADABLE] != 2)
		return 15;	/* the file, and the directory's xattrs */
	if (rig_sum(r).ends[TM_FILE_OK] < 1)
		return 16;	/* everything else flows */
	if (rig_take_again(r) < 2)
		return 17;
	MUST(fchmodat(r->root, "b/h", 0644, 0));
	MUST(fchmodat(r->root, "a/sub", 0755, 0));
	if (rig_replicate(r))
		return 18;
	if (!rig_equal(r))
		return 19;
	return rig_disconnect(r) ? 20 : 0;
}

TEST(what_cannot_be_read_is_never_deleted_and_stays_dirty)
{
	struct rig *r = rig_new();

	if (geteuid())
		SKIP("needs root to become a user whom modes stop");
	make_plain(r);
	MUST(fchown(r->root, 65534, 65534));
	for (const char **p = (const char *[]){ "a", "a/sub", "b", "a/f", "a/sub/g", "b/h", NULL }; *p; p++)
		MUST(fchownat(r->root, *p, 65534, 65534, 0));
	CHECK_EQ(as_nobody(r, unreadable_story), 0);
	CHECK_EQ(rig_free(r), 0);
}

TEST(something_mounted_below_the_root_is_reported_and_not_followed)
{
	struct rig *r = rig_new();
	char path[300];

	make_plain(r);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	snprintf(path, sizeof(path), "%s/a/sub", r->dir);
	if (mount("none", path, "tmpfs", 0, NULL) < 0)
		SKIP("may not mount");
	put_file(r, "a/sub/foreign", "not ours");
	put_file(r, "a/f", "ours");
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(first_failure(r, "a/sub", 1, EXDEV) >= 0);
	CHECK_EQ(rig_sum(r).data_bytes, 4 + 2);
	/* The same with a part of the same file system. */
	MUST(umount(path));
	CHECK_EQ(tm_change_set_count(r->again), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(the_reserved_directory_is_not_replicated_but_look_alikes_are)
{
	struct rig *r = rig_new();
	struct tm_oid t;

	if (geteuid())
		SKIP("needs root to own the reserved directory");
	MUST(mkdirat(r->root, ".tidemark", 0700));
	put_file(r, ".tidemark/canary", "tweet");
	put_dir(r, ".tidemark-mine");
	put_dir(r, "a");
	MUST(mkdirat(r->root, "a/.tidemark", 0700));
	put_file(r, "a/.tidemark/user", "data");
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(model_compare(r->m, r->root, ".tidemark"), 0);
	t = oid_of(r, ".tidemark");
	chg_name(r, ".tidemark");
	chg_name_in(r, t, "canary");
	chg_ino(r, ".tidemark/canary", TM_CF_DATA, 0, 5);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).files, 0);
	CHECK_EQ(tm_change_set_count(r->again), 0);
	CHECK_EQ(model_compare(r->m, r->root, ".tidemark"), 0);
	CHECK_EQ(r->n_failed, 0);
	/* A user's own entry of the name is told. */
	MUST(fchmodat(r->root, ".tidemark", 0755, 0));
	chg_name(r, ".tidemark");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(first_failure(r, ".tidemark", 1, EEXIST) >= 0);
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_root_that_was_removed_stops_the_set_and_deletes_nothing)
{
	struct rig *r = rig_new();
	size_t objects;
	char moved[300];

	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	put_file(r, "f", "f");
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	objects = model_objects(r->m);
	snprintf(moved, sizeof(moved), "%s/f", r->dir);
	MUST(unlink(moved));
	MUST(rmdir(r->dir));
	chg_all(r);
	CHECK_EQ(rig_replicate(r), -ESTALE);
	CHECK_STR(r->stop.text, "source directory is gone or was replaced");
	CHECK_EQ(model_objects(r->m), objects);
	CHECK_EQ(rig_n_batches(r), 0);
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_stop_of_the_target_is_told_and_the_session_goes_on)
{
	struct rig *r = rig_ready(make_plain);

	MUST(unlinkat(r->root, "a/f", 0));
	chg_name(r, "a/f");
	model_stop_next(r->m);
	CHECK_EQ(rig_replicate(r), -ESTALE);
	CHECK_STR(r->stop.text, "too many deletes");
	CHECK_EQ(r->stop.deletes, 5);
	CHECK_EQ(rig_replicate_flags(r, TM_SET_CONFIRMED), 0);
	CHECK(rig_sum(r).flags & TM_BATCH_CONFIRMED);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

/* ---- giving up and coming back ---- */

TEST(a_set_can_be_given_up_at_any_frame_and_done_again)
{
	struct rig *r = rig_new();
	int aborted = 0, e = -ECANCELED;

	make_plain(r);
	fill(r, "big", 0, 6 << 20, 5);
	r->opts.batch_objects = 3;
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	for (int i = 0; e == -ECANCELED; i++) {
		r->polls_left = i;
		e = rig_replicate(r);
		aborted += e == -ECANCELED;
	}
	CHECK_EQ(e, 0);
	CHECK(aborted > 10);
	r->polls_left = -1;
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_connection_cut_in_any_file_loses_nothing)
{
	struct rig *r = rig_new();
	char path[64];

	put_dir(r, "d");
	for (int i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "d/f%d", i);
		fill(r, path, 0, 5000, (uint32_t)i);
	}
	CHECK_EQ(rig_open(r), 0);
	chg_all(r);
	for (int i = 1; i < 12; i += 3) {
		CHECK_EQ(rig_connect(r), 0);
		model_cut_at_file(r->m, i, tm_plain_link_fd(r->there));
		CHECK(rig_replicate(r) != 0);
		rig_disconnect(r);
	}
	CHECK_EQ(rig_connect(r), 0);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	/* Moved-in directory, cut, and again: the index knows it by then, the target does not. */
	put_dir(r, "new");
	put_file(r, "new/1", "1");
	put_dir(r, "new/deeper");
	put_file(r, "new/deeper/2", "2");
	chg_name(r, "new");
	model_cut_at_file(r->m, 2, tm_plain_link_fd(r->there));
	CHECK(rig_replicate(r) != 0);
	rig_disconnect(r);
	CHECK_EQ(rig_connect(r), 0);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).need_list, 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

/* ---- torn reads ---- */

/* A link on which the file is written to while a frame of it leaves. */
static struct {
	struct tm_link_ops ops, plain;
	struct tm_version *v;
	int writes;		/* then quiet; -1: for ever */
} meddler;

static int meddling_send_file(struct tm_link *l, uint64_t label, int fd, uint64_t off, uint32_t n,
			      bool *ret_short, int *ret_read_err)
{
	if (meddler.writes) {
		meddler.writes -= meddler.writes > 0;
		__atomic_add_fetch(&meddler.v->begun, 1, __ATOMIC_ACQ_REL);
		__atomic_add_fetch(&meddler.v->ended, 1, __ATOMIC_ACQ_REL);
	}
	return meddler.plain.send_file(l, label, fd, off, n, ret_short, ret_read_err);
}

static void meddle(struct rig *r, struct tm_version *v, int writes)
{
	meddler.plain = meddler.ops = *r->here->ops;
	meddler.ops.send_file = meddling_send_file;
	meddler.v = v;
	meddler.writes = writes;
	r->here->ops = &meddler.ops;
}

static struct rig *rig_with_versions(struct tm_version *v, uint32_t n)
{
	struct rig *r = rig_new();

	r->opts.versions = v;
	r->opts.n_versions = n;
	fill(r, "f", 0, 3 << 20, 1);
	if (rig_open(r) < 0 || rig_connect(r) < 0)
		abort();
	chg_all(r);
	if (rig_replicate(r) < 0)
		abort();
	return r;
}

TEST(a_file_that_never_stands_still_stays_as_it_was_and_dirty)
{
	struct tm_version v[1] = { { 5, 5 } };
	struct rig *r = rig_with_versions(v, 1);

	CHECK(rig_equal(r));
	fill(r, "f", 0, 2 << 20, 2);
	chg_data(r, "f", 0, 2 << 20);
	MUST(symlinkat("flows", r->root, "other"));
	chg_name(r, "other");
	meddle(r, v, -1);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).torn, 9);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK_EQ(rig_sum(r).ends[TM_FILE_TORN], 1);
	CHECK_EQ(rig_sum(r).ends[TM_FILE_OK], 2);
	CHECK(first_failure(r, "f", 2, EBUSY) >= 0);
	CHECK_EQ(tm_change_set_count(r->again), 2);
	meddler.writes = 0;
	rig_take_again(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).torn, 0);
	CHECK_EQ(rig_sum(r).data_bytes, 2 << 20);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_file_that_calms_down_is_sent_in_smaller_frames)
{
	struct tm_version v[1] = { { 5, 5 } };
	struct rig *r = rig_with_versions(v, 1);
	struct model_batch b;

	fill(r, "f", 0, 3 << 20, 2);
	chg_data(r, "f", 0, 3 << 20);
	meddle(r, v, 3);
	CHECK_EQ(rig_replicate(r), 0);
	b = rig_sum(r);
	CHECK_EQ(r->n_failed, 0);
	CHECK_EQ(tm_change_set_count(r->again), 0);
	CHECK_EQ(b.torn, 3);
	CHECK_EQ(b.bad_bytes, 1044480 + (256 << 10) + (64 << 10));
	CHECK_EQ(b.data_bytes, 3 << 20);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(an_operation_in_flight_is_torn_before_a_byte_is_sent)
{
	struct tm_version v[1] = { { 5, 5 } };
	struct rig *r = rig_with_versions(v, 1);

	fill(r, "f", 0, 100, 2);
	chg_data(r, "f", 0, 100);
	v[0].begun++;
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes + rig_sum(r).bad_bytes, 0);
	CHECK_EQ(rig_sum(r).ends[TM_FILE_TORN], 1);
	v[0].ended++;
	rig_take_again(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 100);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

/* Between two frames of a file: called with the count of the first already told. */
static void shrink_once(struct rig *r)
{
	int fd;

	if (r->progress.phase != 2 || r->progress.bytes_total != 3 << 20)
		return;
	r->on_poll = NULL;
	fd = openat(r->root, "f", O_WRONLY);
	MUST(ftruncate(fd, 500000));
	close(fd);
}

TEST(a_file_cut_off_while_it_is_sent_is_not_taken_for_zeros)
{
	struct rig *r = rig_new();

	fill(r, "f", 0, 3 << 20, 1);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	r->on_poll = shrink_once;
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(!r->on_poll);
	CHECK_EQ(rig_sum(r).ends[TM_FILE_TORN], 1);
	CHECK(rig_take_again(r) >= 2);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

static void unlink_once(struct rig *r)
{
	if (r->progress.phase != 2 && r->progress.batches == 1)
		return;
	r->on_poll = NULL;
	MUST(unlinkat(r->root, "a/f", 0));
}

TEST(a_file_gone_before_its_content_is_sent_is_asked_about_again)
{
	struct rig *r = rig_ready(make_plain);

	put_file(r, "a/f", "news");
	put_file(r, "b/h", "news too");
	chg_ino(r, "a/f", TM_CF_WHOLE, 0, 0);
	chg_ino(r, "b/h", TM_CF_WHOLE, 0, 0);
	r->on_poll = NULL;
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	put_file(r, "a/f", "NEWS");
	chg_ino(r, "a/f", TM_CF_WHOLE, 0, 0);
	/* Asserted, then gone: the third poll is the one before its content. */
	r->polls_left = -1;
	r->on_poll = unlink_once;
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(!r->on_poll);
	rig_take_again(r);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rig_replicate(r), 0);
		rig_take_again(r);
	}
	chg_name_in(r, oid_of(r, "a"), "f");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

/* ---- names and depths ---- */

TEST(odd_names_and_the_longest_one_pass)
{
	struct rig *r = rig_ready(make_plain);
	char name[NAME_MAX + 1];
	static const char *const odd[] = {
		" ", "-rf", "...", "..a", "a\nb", "\x01\x02", "\xff\xfe", "%s%n", "a;b", "\\", "\"", "*",
		".tidemark2", "\xe2\x80\xae", NULL,
	};

	for (int i = 0; odd[i]; i++) {
		put_file(r, odd[i], odd[i]);
		chg_name(r, odd[i]);
	}
	memset(name, 'x', NAME_MAX);
	name[NAME_MAX] = 0;
	put_dir(r, name);
	chg_name(r, name);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(paths_longer_than_the_kernel_takes_are_opened_in_steps)
{
	struct rig *r = rig_ready(make_plain);
	int depth = 30, fds[31];
	char name[240];
	struct tm_oid deep;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	fds[0] = openat(r->root, "b", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < depth; i++) {
		MUST(mkdirat(fds[i], name, 0755));
		MUST(fds[i + 1] = openat(fds[i], name, O_RDONLY | O_DIRECTORY));
	}
	CHECK(depth * 240 > PATH_MAX);
	chg_name(r, "b/ddd");	/* its parent's list would do as well; the name is absent */
	chg_where(r, TM_CHANGE_DIR, oid_of(r, "b"));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	MUST(tm_oid_at(fds[depth], "", &deep));
	close(openat(fds[depth], "leaf", O_WRONLY | O_CREAT, 0600));
	chg_name_in(r, deep, "leaf");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).need_whole, 1);
	CHECK(rig_equal(r));
	MUST(unlinkat(fds[depth], "leaf", 0));
	for (int i = depth; i > 0; i--) {
		close(fds[i]);
		MUST(unlinkat(fds[i - 1], name, AT_REMOVEDIR));
	}
	close(fds[0]);
	CHECK_EQ(rig_free(r), 0);
}

TEST(special_files_are_never_opened_for_reading)
{
	struct rig *r = rig_ready(make_plain);
	struct tm_oid f = oid_of(r, "a/f");

	MUST(mkfifoat(r->root, "pipe", 0644));
	chg_name(r, "pipe");
	/* A file that became a FIFO between the record and the look. */
	MUST(unlinkat(r->root, "a/f", 0));
	MUST(mkfifoat(r->root, "a/f", 0644));
	chg_ino_in(r, f, oid_of(r, "a"), "f", TM_CF_DATA, 0, 3);
	chg_name(r, "a/f");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

/* ---- idle ---- */

TEST(a_barrier_follows_content_once_and_a_ping_is_answered)
{
	struct rig *r = rig_new();
	uint64_t bytes;

	r->opts.barrier_interval_ms = 1;
	make_plain(r);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	rig_tick();
	bytes = r->here->counters.wire_bytes;
	CHECK_EQ(tm_source_idle(r->s, r->here), 0);
	CHECK_EQ(r->here->counters.wire_bytes - bytes, TM_FRAME_HEADER + 8);
	rig_tick();
	CHECK_EQ(tm_source_idle(r->s, r->here), 0);
	CHECK_EQ(r->here->counters.wire_bytes - bytes, TM_FRAME_HEADER + 8);
	CHECK_EQ(rig_free(r), 0);
}

/* ---- a target that lies ---- */

TEST(hashes_that_nobody_may_send_end_the_session)
{
	for (int how = MODEL_HASH_STRANGER; how < MODEL_HASH_KINDS; how++) {
		struct rig *r = rig_ready(make_plain);
		int e;

		fill(r, "a/large", 0, 300000, 1);
		chg_name(r, "a/large");
		CHECK_EQ(rig_replicate(r), 0);
		model_bad_hashes(r->m, how);
		chg(r, (struct tm_change){ .kind = TM_CHANGE_ALL, .flags = TM_CF_COMPARE });
		e = rig_replicate(r);
		if (e != -EBADMSG)
			printf("# kind %d: %d\n", how, e);
		CHECK_EQ(e, -EBADMSG);
		/* What it lied about was not believed, and nothing is lost. */
		rig_disconnect(r);
		model_bad_hashes(r->m, MODEL_HASH_GOOD);
		CHECK_EQ(rig_connect(r), 0);
		CHECK_EQ(rig_replicate(r), 0);
		CHECK(rig_equal(r));
		rig_free(r);
	}
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
