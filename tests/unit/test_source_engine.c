/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source engine against a model of a target: change sets in, an equal tree out.
 */
#include "source_rig.h"

#include <sys/xattr.h>

static void make_small(struct rig *r)
{
	struct timespec t[2] = { { 1, 2 }, { 1000000000, 123456789 } };
	int fd;

	put_dir(r, "a");
	put_dir(r, "a/b");
	put_dir(r, "c");
	put_file(r, "a/one", "one");
	put_file(r, "a/b/two", "two and a half");
	put_file(r, "top", "top");
	put_file(r, "empty", "");
	put_file(r, "odd \n\x01\xff name", "odd");
	MUST(symlinkat("a/one", r->root, "link"));
	MUST(mkfifoat(r->root, "fifo", 0600));
	MUST(linkat(r->root, "a/one", r->root, "c/one-again", 0));
	MUST(fchmodat(r->root, "top", 0751, 0));
	MUST(utimensat(r->root, "top", t, 0));
	fd = openat(r->root, "a/one", O_RDONLY);
	MUST(fsetxattr(fd, "user.color", "green", 5, 0));
	close(fd);
	fill(r, "sparse", 1 << 20, 4096, 3);
	MUST(ftruncate(fd = openat(r->root, "sparse", O_WRONLY), 3 << 20));
	close(fd);
}

TEST(the_first_sync_makes_an_equal_tree_in_one_last_batch)
{
	struct rig *r = rig_ready(make_small);
	struct model_batch b = rig_sum(r);

	CHECK(rig_equal(r));
	CHECK_EQ(rig_n_batches(r), 1);
	CHECK(b.flags & TM_BATCH_LAST);
	CHECK(b.flags & TM_BATCH_RECONCILE);
	CHECK_EQ(b.listed, 4);
	CHECK_EQ(b.data_bytes, 3 + 14 + 3 + 3 + 4096);
	CHECK_EQ(b.hole_bytes, (3 << 20) - 4096);
	CHECK_EQ(r->n_failed, 0);
	CHECK_EQ(r->progress.files_done, r->progress.files_total);
	CHECK_EQ(r->progress.bytes_done, r->progress.bytes_total);
	CHECK_EQ(r->progress.payload_bytes, b.data_bytes);
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_second_reconcile_of_the_same_tree_needs_nothing)
{
	struct rig *r = rig_ready(make_small);
	struct model_batch b;

	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	b = rig_sum(r);
	CHECK_EQ(b.need_list + b.need_attr + b.need_dirty + b.need_whole, 0);
	CHECK_EQ(b.data_bytes, 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(suspicion_is_told_with_every_batch_of_its_set)
{
	struct rig *r = rig_ready(make_small);

	chg(r, (struct tm_change){ .kind = TM_CHANGE_ALL, .flags = TM_CF_SUSPECT });
	CHECK_EQ(rig_replicate_flags(r, TM_SET_CONFIRMED), 0);
	CHECK(rig_sum(r).flags & TM_BATCH_SUSPECT);
	CHECK(rig_sum(r).flags & TM_BATCH_CONFIRMED);
	CHECK_EQ(rig_free(r), 0);
}

TEST(an_empty_set_is_acknowledged_too)
{
	struct rig *r = rig_ready(make_small);

	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_n_batches(r), 1);
	CHECK(rig_sum(r).flags & TM_BATCH_LAST);
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_new_file_is_one_batch)
{
	struct rig *r = rig_ready(make_small);

	put_file(r, "a/new", "brand new");
	chg_name(r, "a/new");
	chg_ino(r, "a/new", TM_CF_DATA | TM_CF_SIZE, 0, 9);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_n_batches(r), 1);
	CHECK(rig_sum(r).flags & TM_BATCH_LAST);
	CHECK_EQ(rig_sum(r).data_bytes, 9);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(four_kilobytes_in_a_large_file_cost_four_kilobytes)
{
	struct rig *r = rig_new();
	struct model_batch b;
	uint64_t read_before;

	fill(r, "big", 0, 64 << 20, 1);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	fill(r, "big", 12345678, 4096, 77);
	chg_data(r, "big", 12345678, 4096);
	read_before = r->progress.read_bytes;
	CHECK_EQ(rig_replicate(r), 0);
	b = rig_sum(r);
	CHECK_EQ(b.data_bytes, 4096);
	CHECK_EQ(b.need_dirty, 1);
	CHECK_EQ(b.need_whole, 0);
	CHECK_EQ(r->progress.read_bytes - read_before, 4096);
	CHECK_EQ(rig_n_batches(r), 1);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_hole_punched_into_a_file_travels_as_a_hole)
{
	struct rig *r = rig_new();
	struct model_batch b;
	int fd;

	fill(r, "f", 0, 1 << 20, 1);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	fd = openat(r->root, "f", O_WRONLY);
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 128 << 10, 256 << 10), 0);
	close(fd);
	chg_data(r, "f", 64 << 10, 512 << 10);
	CHECK_EQ(rig_replicate(r), 0);
	b = rig_sum(r);
	CHECK_EQ(b.hole_bytes, 256 << 10);
	CHECK_EQ(b.data_bytes, 256 << 10);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(truncation_and_growth_send_only_what_is_new)
{
	struct rig *r = rig_new();
	int fd;

	fill(r, "f", 0, 1 << 20, 1);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	fd = openat(r->root, "f", O_WRONLY);
	MUST(ftruncate(fd, 1000));
	chg_ino(r, "f", TM_CF_DATA | TM_CF_SIZE, 1000, TM_RANGE_EOF);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK(rig_equal(r));
	MUST(ftruncate(fd, 500000));
	chg_ino(r, "f", TM_CF_DATA | TM_CF_SIZE, 1000, TM_RANGE_EOF);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_sum(r).data_bytes <= 4096);
	CHECK(rig_equal(r));
	fill(r, "f", 500000, 100, 9);
	chg_ino(r, "f", TM_CF_DATA | TM_CF_SIZE, 500000, 500100);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 100);
	CHECK(rig_equal(r));
	close(fd);
	CHECK_EQ(rig_free(r), 0);
}

static void make_wide(struct rig *r)
{
	char path[64];

	put_dir(r, "from");
	put_dir(r, "to");
	put_dir(r, "from/big");
	put_dir(r, "from/big/sub");
	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "from/big/%sf%d", i % 2 ? "sub/" : "", i);
		put_file(r, path, path);
	}
}

TEST(a_directory_rename_is_a_handful_of_assertions_and_no_data)
{
	struct rig *r = rig_ready(make_wide);
	struct model_batch b;

	CHECK(rig_equal(r));
	MUST(renameat(r->root, "from/big", r->root, "to/large"));
	chg_name(r, "from/big");
	chg_name(r, "to/large");
	CHECK_EQ(rig_replicate(r), 0);
	b = rig_sum(r);
	CHECK(b.entries + b.absents + b.objects + b.listed <= 6);
	CHECK_EQ(b.data_bytes, 0);
	CHECK_EQ(b.need_list + b.need_whole, 0);
	CHECK_EQ(rig_n_batches(r), 1);
	CHECK(b.flags & TM_BATCH_LAST);
	CHECK(rig_equal(r));
	/* And the files below are still found by what the index knows. */
	put_file(r, "to/large/sub/f1", "changed");
	chg_ino(r, "to/large/sub/f1", TM_CF_WHOLE, 0, 0);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).need_whole, 1);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_renamed_file_sends_no_data)
{
	struct rig *r = rig_ready(make_wide);

	MUST(renameat(r->root, "from/big/f0", r->root, "to/zero"));
	chg_name(r, "from/big/f0");
	chg_name(r, "to/zero");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK_EQ(rig_sum(r).need_whole, 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_new_link_to_a_known_file_and_the_names_of_linked_ones_send_no_data)
{
	struct rig *r = rig_ready(make_wide);

	/* By the record of the new name alone; then with that of the inode, whose link count changed. */
	MUST(linkat(r->root, "from/big/f0", r->root, "to/second", 0));
	chg_name(r, "to/second");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK(rig_equal(r));
	MUST(linkat(r->root, "from/big/f0", r->root, "to/third", 0));
	chg_name(r, "to/third");
	chg_ino(r, "from/big/f0", TM_CF_ATTR | TM_CF_LINKS, 0, 0);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK(rig_equal(r));
	MUST(renameat(r->root, "to/second", r->root, "from/moved"));
	chg_name(r, "to/second");
	chg_name(r, "from/moved");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK(rig_equal(r));
	MUST(unlinkat(r->root, "from/big/f0", 0));
	chg_name(r, "from/big/f0");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes + rig_sum(r).need_whole, 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_renamed_file_is_sent_again_where_nobody_tells_what_came_from_outside)
{
	struct rig *r = rig_new();

	make_wide(r);
	r->opts.moves_told = false;
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	MUST(renameat(r->root, "from/big/f0", r->root, "to/zero"));
	chg_name(r, "from/big/f0");
	chg_name(r, "to/zero");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).need_whole, 1);
	/* With a record of its own it is known what changed in it. */
	MUST(renameat(r->root, "to/zero", r->root, "to/one"));
	chg_name(r, "to/zero");
	chg_name(r, "to/one");
	chg_ino(r, "to/one", TM_CF_ATTR, 0, 0);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).need_whole, 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(swaps_and_cycles_of_directories_are_understood_in_any_order)
{
	struct rig *r = rig_new();

	put_dir(r, "a");
	put_dir(r, "a/x");
	put_dir(r, "b");
	put_dir(r, "b/y");
	put_dir(r, "c");
	put_file(r, "a/x/1", "1");
	put_file(r, "b/y/2", "2");
	put_file(r, "c/3", "3");
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	MUST(renameat2(r->root, "a", r->root, "b", RENAME_EXCHANGE));
	chg_name(r, "a");
	chg_name(r, "b");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK(rig_equal(r));
	/* A child becomes the parent of its parent. */
	chg_name(r, "b/x");
	MUST(renameat(r->root, "b/x", r->root, "x"));
	MUST(renameat(r->root, "b", r->root, "x/b"));
	chg_name(r, "x");
	chg_name(r, "b");
	chg_name(r, "x/b");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).data_bytes, 0);
	CHECK(rig_equal(r));
	put_file(r, "x/b/deep", "deep");
	chg_name(r, "x/b/deep");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_tree_moved_in_is_listed_by_itself)
{
	struct rig *r = rig_ready(make_small);
	struct rig *other = rig_new();
	struct model_batch b;

	put_dir(other, "t");
	put_dir(other, "t/u");
	put_dir(other, "t/u/v");
	put_file(other, "t/1", "1");
	put_file(other, "t/u/v/2", "22");
	MUST(renameat(other->root, "t", r->root, "a/t"));
	chg_name(r, "a/t");
	CHECK_EQ(rig_replicate(r), 0);
	b = rig_sum(r);
	CHECK_EQ(b.listed, 3);
	CHECK_EQ(b.need_list, 0);
	CHECK_EQ(b.data_bytes, 3);
	CHECK(rig_equal(r));
	/* Moved out again: gone. */
	MUST(renameat(r->root, "a/t", other->root, "t"));
	chg_name(r, "a/t");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(other), 0);
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_directory_that_the_target_lost_is_listed_when_it_asks)
{
	struct rig *r = rig_ready(make_small);
	struct model_batch b;

	rig_disconnect(r);
	model_forget_dir(r->m, oid_of(r, "a"));
	CHECK_EQ(rig_connect(r), 0);
	chg_name(r, "a");
	CHECK_EQ(rig_replicate(r), 0);
	b = rig_sum(r);
	CHECK_EQ(b.need_list, 2);
	CHECK_EQ(rig_n_batches(r), 1);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(listings_beyond_the_budget_are_spread_and_end_with_a_last_batch)
{
	struct rig *r = rig_new();
	char path[64];
	size_t n;

	r->opts.batch_objects = 10;
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "d%d", i);
		put_dir(r, path);
		for (int k = 0; k < 15; k++) {
			snprintf(path, sizeof(path), "d%d/f%d", i, k);
			put_file(r, path, path);
		}
	}
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	n = rig_n_batches(r);
	CHECK(n >= 20);
	for (size_t i = 0; i < n; i++) {
		const struct model_batch *b = model_batch(r->m, r->first_batch + i);

		CHECK_EQ(!!(b->flags & TM_BATCH_LAST), i == n - 1);
	}
	CHECK(rig_equal(r));
	/* The target loses all of it: what it asks for does not fit either. */
	rig_disconnect(r);
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "d%d", i);
		model_forget_dir(r->m, oid_of(r, path));
		chg_name(r, path);
	}
	CHECK_EQ(rig_connect(r), 0);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	n = rig_n_batches(r);
	CHECK(model_batch(r->m, r->first_batch + n - 1)->flags & TM_BATCH_LAST);
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_directory_with_too_much_content_for_one_batch_is_cut_by_bytes)
{
	struct rig *r = rig_new();
	char path[64];

	r->opts.batch_bytes = 1 << 20;
	put_dir(r, "d");
	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "d/f%d", i);
		fill(r, path, 0, 100000, (uint32_t)i);
	}
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_n_batches(r) >= 6);
	for (size_t i = 0; i < rig_n_batches(r); i++)
		CHECK(model_batch(r->m, r->first_batch + i)->data_bytes <= 2 << 20);
	CHECK_EQ(rig_sum(r).data_bytes, 64 * 100000);
	CHECK(rig_equal(r));
	/*
	 * Cut again, with records that want everything: the directory is told twice, its content
	 * is not sent twice.
	 */
	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "d/f%d", i);
		fill(r, path, 0, 100000, (uint32_t)i + 100);
		chg_ino(r, path, TM_CF_DATA | TM_CF_WHOLE, 0, 0);
	}
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_n_batches(r) >= 6);
	CHECK_EQ(rig_sum(r).data_bytes, 64 * 100000);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(deletes_are_asserted_and_a_deleted_tree_costs_no_search)
{
	struct rig *r = rig_ready(make_wide);
	char path[64];

	/* rm -rf from/big, as it is seen. */
	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "from/big/%sf%d", i % 2 ? "sub/" : "", i);
		chg_name(r, path);
		if (i % 7 == 0)
			chg_data(r, path, 0, 3);
		MUST(unlinkat(r->root, path, 0));
	}
	chg_name(r, "from/big/sub");
	chg_name(r, "from/big");
	MUST(unlinkat(r->root, "from/big/sub", AT_REMOVEDIR));
	MUST(unlinkat(r->root, "from/big", AT_REMOVEDIR));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(tm_change_set_count(r->again), 0);
	CHECK_EQ(rig_sum(r).absents, 1);
	CHECK(rig_equal(r));
	CHECK_EQ(model_objects(r->m), 3);
	CHECK_EQ(tm_source_index_size(r->s), 3);
	CHECK_EQ(rig_free(r), 0);
}

TEST(attributes_travel_without_content)
{
	struct rig *r = rig_ready(make_small);
	struct timespec t[2] = { { 5, 6 }, { 7, 8 } };
	struct model_batch b;
	int fd;

	MUST(fchmodat(r->root, "top", 0600, 0));
	chg_ino(r, "top", TM_CF_ATTR, 0, 0);
	MUST(utimensat(r->root, "a/b", t, 0));
	chg_ino(r, "a/b", TM_CF_ATTR, 0, 0);
	fd = openat(r->root, "a/one", O_RDONLY);
	MUST(fsetxattr(fd, "user.color", "blue", 4, 0));
	MUST(fsetxattr(fd, "user.other", "\0\1\2", 3, 0));
	close(fd);
	chg_ino(r, "a/one", TM_CF_ATTR, 0, 0);
	MUST(fchownat(r->root, "link", geteuid(), getegid(), AT_SYMLINK_NOFOLLOW));
	chg_ino(r, "link", TM_CF_ATTR, 0, 0);
	MUST(utimensat(r->root, ".", t, 0));
	chg_ino_in(r, oid_of(r, ""), TM_OID_NONE, NULL, TM_CF_ATTR, 0, 0);
	CHECK_EQ(rig_replicate(r), 0);
	b = rig_sum(r);
	CHECK_EQ(b.data_bytes, 0);
	CHECK_EQ(b.need_whole, 0);
	CHECK_EQ(b.files, 5);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(a_replaced_entry_changes_its_kind)
{
	struct rig *r = rig_ready(make_small);

	MUST(unlinkat(r->root, "top", 0));
	put_dir(r, "top");
	put_file(r, "top/in", "in");
	chg_name(r, "top");
	MUST(unlinkat(r->root, "a/b/two", 0));
	MUST(unlinkat(r->root, "a/b", AT_REMOVEDIR));
	MUST(symlinkat("nowhere", r->root, "a/b"));
	chg_name(r, "a/b");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(dir_and_subtree_records_list_what_they_name)
{
	struct rig *r = rig_ready(make_wide);

	put_file(r, "from/big/new", "n");
	MUST(unlinkat(r->root, "from/big/f0", 0));
	put_file(r, "from/big/sub/new", "deep");
	chg_where(r, TM_CHANGE_DIR, oid_of(r, "from/big"));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).listed, 1);
	CHECK(!(rig_sum(r).flags & TM_BATCH_RECONCILE));
	CHECK_EQ(rig_sum(r).data_bytes, 1);
	CHECK(!rig_equal(r));
	chg_where(r, TM_CHANGE_SUBTREE, oid_of(r, "from"));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).listed, 3);
	CHECK(rig_sum(r).flags & TM_BATCH_RECONCILE);
	CHECK_EQ(rig_sum(r).data_bytes, 4);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

TEST(ranges_are_not_trusted_where_tracking_had_a_gap)
{
	struct rig *r = rig_new();

	fill(r, "f", 0, 300000, 1);
	fill(r, "g", 0, 100000, 2);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	/* Two writes, of which only one was seen: both are found, block by block. */
	fill(r, "f", 0, 10, 7);
	fill(r, "f", 200000, 10, 8);
	chg_data(r, "f", 0, 10);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(rig_sum(r).need_compare, 1);
	CHECK_EQ(rig_sum(r).data_bytes, 2 * 65536);
	CHECK(rig_equal(r));
	CHECK_EQ(rig_free(r), 0);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
