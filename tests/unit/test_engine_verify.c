/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparing contents, both halves of the engine together: a target that was tampered with in every
 * way is found out and repaired, or only told of; healing sends the blocks that differ.
 */
#include "engine_rig.h"

#include <dirent.h>
#include <sys/sysmacros.h>

static void chg_compare(struct rig *r)
{
	chg(r, (struct tm_change){ .kind = TM_CHANGE_ALL, .flags = TM_CF_COMPARE });
}

static void target_path(const char *path, char buf[512])
{
	snprintf(buf, 512, "%s/%s", dst.dir, path);
}

static int at_target(const char *path, int flags)
{
	int fd = openat(dst.root, path, flags | O_CLOEXEC, 0644);

	MUST(fd);
	return fd;
}

/* Other bytes at @off with the times kept: only the content tells. */
static void rot(int root, const char *path, off_t off)
{
	int fd = openat(root, path, O_RDWR | O_CLOEXEC);
	struct timespec ts[2];
	struct stat st;
	char c;

	MUST(fd);
	MUST(fstat(fd, &st));
	MUST(pread(fd, &c, 1, off));
	c ^= 1;
	MUST(pwrite(fd, &c, 1, off));
	ts[0] = st.st_atim;
	ts[1] = st.st_mtim;
	MUST(futimens(fd, ts));
	close(fd);
}

static void make_tree(struct rig *r)
{
	put_dir(r, "d");
	put_dir(r, "d/sub");
	put_dir(r, "gone");
	put_dir(r, "gone/deep");
	fill(r, "large", 0, 300000, 1);
	fill(r, "d/small", 0, 1000, 2);
	fill(r, "d/sub/other", 0, 70000, 3);
	fill(r, "gone/a", 0, 5000, 4);
	fill(r, "gone/deep/b", 0, 6000, 5);
	put_file(r, "empty", "");
	MUST(symlinkat("d/small", r->root, "link"));
	MUST(mkfifoat(r->root, "fifo", 0640));
	MUST(linkat(r->root, "d/small", r->root, "d/sub/hard", 0));
	fill(r, "sparse", 1 << 20, 100, 6);
}

static struct rig *ready(void)
{
	struct rig *r = engine_new();

	make_tree(r);
	chg_all(r);
	if (rig_replicate(r) < 0)
		abort();
	CHECK(equal(r));
	return r;
}

static int compare(struct rig *r, uint32_t flags)
{
	memset(&r->progress, 0, sizeof(r->progress));
	r->n_failed = 0;
	chg_compare(r);
	return rig_replicate_flags(r, flags);
}

static bool told(const struct rig *r, const char *path, int op)
{
	for (int i = 0; i < r->n_failed; i++)
		if (tm_streq(r->failed[i], path) && r->failed_op[i] == op)
			return true;
	printf("# %s was not told of as op %d\n", path, op);
	return false;
}

/* Counters of the worker run on; a test wants those of one set. */
static struct tm_ctl_progress before;

static uint64_t mismatched(const struct rig *r)
{
	return r->progress.mismatched - before.mismatched;
}

TEST(equal_trees_are_read_in_full_and_nothing_is_sent)
{
	struct rig *r = ready();

	before = r->progress;
	CHECK_EQ(compare(r, 0), 0);
	CHECK_EQ(mismatched(r), 0);
	CHECK_EQ(r->progress.verified_files - before.verified_files, 7);
	CHECK_EQ(r->progress.verified_bytes - before.verified_bytes,
		 300000 + 1000 + 70000 + 5000 + 6000 + (1 << 20) + 100);
	CHECK_EQ(r->progress.payload_bytes, before.payload_bytes);
	CHECK_EQ(r->progress.files, before.files);
	CHECK_EQ(r->n_failed, 0);
	CHECK(equal(r));
	engine_free(r);
}

static void tamper(struct rig *r)
{
	char path[512];
	int fd;

	(void)r;
	rot(dst.root, "large", 200000);			/* bit rot */
	fd = at_target("d/sub/other", O_WRONLY | O_APPEND);
	MUST(write(fd, "more", 4));			/* a file edited */
	close(fd);
	MUST(unlinkat(dst.root, "empty", 0));		/* deleted */
	target_path("gone", path);
	nftw(path, rig_rm, 64, FTW_DEPTH | FTW_PHYS);	/* a whole directory */
	close(at_target("alien", O_WRONLY | O_CREAT));	/* added */
	MUST(mkdirat(dst.root, "d/alien dir", 0755));
	close(at_target("d/alien dir/x", O_WRONLY | O_CREAT));
	MUST(fchmodat(dst.root, "sparse", 0600, 0));	/* chmodded */
	MUST(fchmodat(dst.root, "d", 0711, 0));
	MUST(unlinkat(dst.root, "link", 0));
	MUST(symlinkat("/etc/passwd", dst.root, "link"));	/* replaced */
	MUST(fchmodat(dst.root, "fifo", 0666, 0));
	fd = at_target("d/small", O_RDONLY);
	MUST(fsetxattr(fd, "user.odd", "x", 1, 0));
	close(fd);
}

#define TAMPERED 13 /* large, other, empty, gone and 3 below it, 2 aliens, sparse, d, link, fifo, small */

TEST(a_target_tampered_with_in_every_way_is_repaired)
{
	struct rig *r = ready();

	tamper(r);
	CHECK(!equal(r));
	before = r->progress;
	CHECK_EQ(compare(r, 0), 0);
	CHECK_EQ(mismatched(r), TAMPERED + 1);
	CHECK(told(r, "large", 6));
	CHECK(told(r, "d/sub/other", 6));
	CHECK(told(r, "empty", 6));
	CHECK(told(r, "gone/deep/b", 6));
	CHECK(told(r, "alien", 6));
	CHECK(told(r, "d/alien dir", 6));
	CHECK(told(r, "link", 6));
	CHECK(told(r, "d", 6));
	/* One block of the large file, the last one of the other, what was lost. */
	CHECK_EQ(r->progress.payload_bytes - before.payload_bytes, 65536 + (70000 - 65536) + 5000 + 6000);
	CHECK_EQ(rig_take_again(r), 0);
	CHECK(equal(r));
	/* And that was all. */
	before = r->progress;
	CHECK_EQ(compare(r, 0), 0);
	CHECK_EQ(mismatched(r), 0);
	CHECK_EQ(r->n_failed, 0);
	CHECK(equal(r));
	engine_free(r);
}

TEST(only_looking_tells_all_and_changes_nothing)
{
	struct rig *r = ready();
	uint64_t seq = r->progress.last_seq;

	tamper(r);
	before = r->progress;
	CHECK_EQ(compare(r, TM_SET_LOOK), 0);
	CHECK_EQ(mismatched(r), TAMPERED + 1);
	CHECK(told(r, "large", 5));
	CHECK(told(r, "gone", 5));
	CHECK(told(r, "gone/deep/b", 5));
	CHECK(told(r, "alien", 5));
	CHECK(told(r, "fifo", 5));
	CHECK_EQ(r->progress.payload_bytes, before.payload_bytes);
	CHECK_EQ(r->progress.last_seq, seq);
	CHECK_EQ(faccessat(dst.root, "alien", F_OK, 0), 0);
	CHECK(faccessat(dst.root, "empty", F_OK, 0) < 0);
	/* The same again: what was found is still there, and ordinary sets go on. */
	before = r->progress;
	CHECK_EQ(compare(r, TM_SET_LOOK), 0);
	CHECK_EQ(mismatched(r), TAMPERED + 1);
	fill(r, "d/new", 0, 100, 9);
	chg_name(r, "d/new");
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(compare(r, 0), 0);
	CHECK(equal(r));
	engine_free(r);
}

TEST(what_changes_on_the_source_is_no_mismatch)
{
	struct rig *r = ready();

	/* None of this has been told to the source yet. */
	fill(r, "large", 100000, 10, 77);
	put_dir(r, "new");
	fill(r, "new/f", 0, 500, 8);
	MUST(unlinkat(r->root, "empty", 0));
	MUST(renameat(r->root, "d/sub/other", r->root, "moved"));
	MUST(fchmodat(r->root, "sparse", 0604, 0));
	before = r->progress;
	CHECK_EQ(compare(r, TM_SET_LOOK), 0);
	CHECK_EQ(mismatched(r), 0);
	CHECK_EQ(r->n_failed, 0);
	CHECK_EQ(compare(r, 0), 0);
	CHECK_EQ(mismatched(r), 0);
	CHECK_EQ(rig_take_again(r), 0);
	CHECK(equal(r));
	engine_free(r);
}

TEST(bits_that_rotted_on_the_source_are_found_too)
{
	struct rig *r = ready();
	struct stat st;

	/* As a disk does it: no time moves. Which end rotted nobody can tell: here the target plays it. */
	rot(dst.root, "d/sub/hard", 999);
	MUST(fstatat(dst.root, "d/small", &st, 0));
	CHECK_EQ(st.st_nlink, 2);
	before = r->progress;
	CHECK_EQ(compare(r, 0), 0);
	CHECK_EQ(mismatched(r), 1);
	CHECK(equal(r));
	engine_free(r);
}

TEST(a_hard_link_that_went_or_was_replaced_comes_back)
{
	struct rig *r = ready();

	MUST(unlinkat(dst.root, "d/sub/hard", 0));
	before = r->progress;
	CHECK_EQ(compare(r, 0), 0);
	CHECK_EQ(mismatched(r), 1);
	CHECK_EQ(r->progress.payload_bytes, before.payload_bytes);
	CHECK(equal(r));
	MUST(unlinkat(dst.root, "d/sub/hard", 0));
	close(at_target("d/sub/hard", O_WRONLY | O_CREAT));
	CHECK_EQ(compare(r, 0), 0);
	CHECK(equal(r));
	engine_free(r);
}

TEST(a_comparison_comes_in_slices_and_covers_everything)
{
	struct rig *r = engine_new();
	int sets = 0;

	leave(r);
	tm_source_close(r->s);
	r->opts.slice_ms = 1;
	r->opts.batch_objects = 4;
	make_tree(r);
	for (int i = 0; i < 40; i++) {
		char name[32];

		snprintf(name, sizeof(name), "dir%d", i);
		put_dir(r, name);
		snprintf(name, sizeof(name), "dir%d/f", i);
		fill(r, name, 0, 2000, (uint32_t)i);
	}
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(join(r), 0);
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(equal(r));
	tamper(r);
	rot(dst.root, "dir39/f", 5);
	before = r->progress;
	CHECK_EQ(compare(r, 0), 0);
	for (sets = 1; rig_take_again(r) && sets < 200; sets++)
		CHECK_EQ(rig_replicate(r), 0);
	printf("# %d sets\n", sets);
	CHECK(sets > 2 && sets < 200);
	CHECK_EQ(mismatched(r), TAMPERED + 2);
	CHECK(equal(r));
	engine_free(r);
}

static int writes;

static void write_on(struct rig *r)
{
	if (++writes % 2 == 0)
		fill(r, "large", (uint64_t)(writes * 40099) % 290000, 5000, (uint32_t)writes);
}

TEST(a_file_written_while_it_is_compared_is_no_mismatch)
{
	struct rig *r = ready();

	before = r->progress;
	for (int i = 0; i < 5; i++) {
		writes = 0;
		r->on_poll = write_on;
		CHECK_EQ(compare(r, i % 2 ? TM_SET_LOOK : 0), 0);
		r->on_poll = NULL;
		CHECK(writes > 0);
		CHECK_EQ(mismatched(r), 0);
	}
	rig_take_again(r);
	chg_ino(r, "large", TM_CF_WHOLE, 0, 0);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(equal(r));
	engine_free(r);
}

/* Ahead of what has been read: the block is read well, and is another one than was asserted. */
static void write_ahead(struct rig *r)
{
	if (++writes == 5)
		fill(r, "alone", 1900000, 1000, 99);
}

TEST(a_write_ahead_of_the_comparison_is_no_mismatch)
{
	struct rig *r = engine_new();

	fill(r, "alone", 0, 2000000, 1);
	chg_name(r, "alone");
	CHECK_EQ(rig_replicate(r), 0);
	for (int i = 0; i < 2; i++) {
		before = r->progress;
		writes = 0;
		r->on_poll = write_ahead;
		CHECK_EQ(compare(r, i ? 0 : TM_SET_LOOK), 0);
		r->on_poll = NULL;
		CHECK(writes > 20);
		CHECK_EQ(mismatched(r), 0);
		CHECK_EQ(r->n_failed, 0);
		chg_data(r, "alone", 1900000, 1000);
		CHECK_EQ(rig_replicate(r), 0);
		CHECK(equal(r));
	}
	engine_free(r);
}

TEST(random_damage_is_always_repaired)
{
	struct rig *r = engine_new();

	for (int i = 0; i < ops_rounds(); i++) {
		struct tm_change_set *set;
		int root = r->root;

		for (uint32_t k = 1 + ops_rand(&ops, 30); k; k--)
			ops_one(&ops);
		CHECK_EQ(rig_replicate(r), 0);
		rig_take_again(r);
		if (!getenv("RACE")) (void)equal(r);	/* until it is applied */
		/* The same kinds of changes, to the target, and nobody is told. */
		set = r->set;
		r->set = tm_change_set_new(0);
		r->root = dst.root;
		for (uint32_t k = 1 + ops_rand(&ops, 15); k; k--)
			ops_one(&ops);
		r->root = root;
		tm_change_set_free(r->set);
		r->set = set;
		for (int n = 0; n < 4; n++) {
			chg_compare(r);
			CHECK_EQ(rig_replicate(r), 0);
			if (!rig_take_again(r))
				break;
		}
		if (!equal(r)) {
			CHECK(false);
			break;
		}
	}
	engine_free(r);
}

/* ---- healing ---- */

TEST(healing_sends_only_the_blocks_that_differ)
{
	struct rig *r = ready();

	fill(r, "large", 70000, 10, 55);
	MUST(fchmodat(r->root, "d/sub/other", 0400, 0));
	before = r->progress;
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	CHECK_EQ(r->progress.payload_bytes - before.payload_bytes, 65536);
	/* Nothing else is even read: both files, and the one block that was sent. */
	CHECK_EQ(r->progress.read_bytes - before.read_bytes, 300000 + 70000 + 65536);
	CHECK_EQ(mismatched(r), 0);
	CHECK(equal(r));
	engine_free(r);
}

TEST(healing_with_a_peer_that_cannot_compare_sends_the_file)
{
	struct rig *r = ready();

	r->here->features = 0;
	leave(r);
	no_compare = true;
	CHECK_EQ(join(r), 0);
	r->here->features = 0;
	fill(r, "large", 70000, 10, 55);
	before = r->progress;
	chg_all(r);
	CHECK_EQ(rig_replicate(r), 0);
	no_compare = false;
	CHECK_EQ(r->progress.payload_bytes - before.payload_bytes, 300000);
	CHECK(equal(r));
	chg_compare(r);
	CHECK_EQ(rig_replicate(r), -EOPNOTSUPP);
	engine_free(r);
}

/* ---- a large file over a link that breaks ---- */

#define BIG (24 << 20)
static uint64_t cut_at;

static void cut(struct rig *r)
{
	if (cut_at && r->progress.payload_bytes - before.payload_bytes >= cut_at) {
		cut_at = 0;
		kill(dst.pid, SIGKILL);
	}
}

static void broken_set(struct rig *r, uint64_t at)
{
	before = r->progress;
	cut_at = at;
	r->on_poll = cut;
	CHECK(rig_replicate(r) < 0);
	r->on_poll = NULL;
	CHECK_EQ(cut_at, 0);
	leave(r);
	CHECK_EQ(join(r), 0);
}

static bool left_over(const char *name)
{
	struct dirent *e;
	int fd = openat(dst.root, ".tidemark/stage", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	bool found = false;

	while (d && (e = readdir(d)))
		found |= e->d_name[0] == *name;
	closedir(d);
	return found;
}

TEST(a_large_file_goes_on_where_the_link_broke)
{
	struct rig *r = engine_new();

	fill(r, "big", 0, BIG, 1);
	fill(r, "small", 0, 1000, 2);
	chg_name(r, "big");
	chg_name(r, "small");
	broken_set(r, BIG / 2);
	CHECK(left_over("r"));
	/* It changes meanwhile, in the part that has come. */
	fill(r, "big", 100, 5, 3);
	before = r->progress;
	broken_set(r, BIG / 4);
	CHECK(r->progress.payload_bytes - before.payload_bytes < BIG / 2 + (4 << 20));
	before = r->progress;
	CHECK_EQ(rig_replicate(r), 0);
	/* Three quarters had come; what was in the sockets is lost, and a block at each end. */
	CHECK(r->progress.payload_bytes - before.payload_bytes < BIG / 4 + (4 << 20));
	CHECK(equal(r));
	CHECK(!left_over("r"));
	/* The same for a known file that is sent whole. */
	fill(r, "big", 0, BIG, 9);
	chg_ino(r, "big", TM_CF_DATA | TM_CF_WHOLE, 0, 0);
	broken_set(r, BIG / 2);
	before = r->progress;
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(r->progress.payload_bytes - before.payload_bytes < BIG / 2 + (4 << 20));
	CHECK(equal(r));
	CHECK_EQ(rig_take_again(r), 0);
	engine_free(r);
}

TEST(what_is_left_of_a_file_that_went_is_not_kept)
{
	struct rig *r = engine_new();

	fill(r, "big", 0, BIG, 1);
	chg_name(r, "big");
	broken_set(r, BIG / 2);
	CHECK(left_over("r"));
	MUST(unlinkat(r->root, "big", 0));
	CHECK_EQ(rig_replicate(r), 0);
	CHECK(equal(r));
	CHECK(!left_over("r"));
	engine_free(r);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
