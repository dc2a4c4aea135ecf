/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_capture_fanotify.c - the fanotify backend on a file system of its own.
 *
 * Runs in a private mount namespace; needs root, loop devices and mkfs.ext4. TM_TEST_FSTYPE names
 * another one: xfs, btrfs, tmpfs.
 */
#include "capture/fanotify.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/oid.h"
#include "tap.h"

/* BASE/mnt is the file system; slots 0 and 1 are mnt/a and mnt/b, 2 is mnt/a/nested. */
static char base[40], mnt[48];
static int fs = -1; /* mnt */
static const char *cannot;

#define KEPT_MAX 4096

/* What was delivered, names copied. */
struct kept {
	unsigned int slot;
	struct tm_change c;
	char name[TM_NAME_MAX + 1];
};

static struct kept kept[KEPT_MAX];
static int n_kept, refuse, incomplete;
static char last_reason[32];

static int on_change(void *arg, unsigned int slot, const struct tm_change *c)
{
	(void)arg;
	if (refuse)
		return -EIO;
	if (n_kept < KEPT_MAX) {
		struct kept *k = &kept[n_kept++];

		*k = (struct kept){ .slot = slot, .c = *c };
		if (c->name_len)
			memcpy(k->name, c->name, c->name_len);
		k->name[c->name_len] = 0;
	}
	return 0;
}

static void on_incomplete(void *arg, unsigned int slot, const char *reason, const char *scope)
{
	(void)arg;
	(void)slot;
	incomplete++;
	snprintf(last_reason, sizeof(last_reason), "%s", reason);
	if (strcmp(scope, "root"))
		abort();
}

static struct tm_capture_opts opts = {
	.sz = sizeof(opts),
	.dirty_entries = 65536,
	.ring_bytes = 4 << 20,
	.runtime_dir = "/nonexistent",
	.pin_dir = "/nonexistent",
	.ops = { .on_change = on_change, .on_incomplete = on_incomplete },
	.reconcile_interval_ms = 3600000,
};

static const struct tm_backend_ops *const ops = &tm_backend_fanotify;
static void *b;

static int sh(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

/* The machine's queue limit for new groups; 0 puts back what was there. */
static bool set_queue_limit(int limit)
{
	static int before;
	FILE *f = fopen("/proc/sys/fs/fanotify/max_queued_events", "r+");
	bool ok = false;

	if (f && (before || fscanf(f, "%d", &before) == 1) && (limit || before)) {
		rewind(f);
		ok = fprintf(f, "%d\n", limit ? limit : before) > 0 && fflush(f) == 0;
		if (!limit)
			before = 0;
	}
	if (f)
		fclose(f);
	return ok;
}

static bool limit_lowered;

static void cleanup(void)
{
	char path[64];

	if (limit_lowered)
		set_queue_limit(0);
	if (!base[0])
		return;
	if (fs >= 0)
		close(fs);
	snprintf(path, sizeof(path), "%s/bind", base);
	umount2(path, MNT_DETACH); /* left by a test that failed */
	umount2(mnt, MNT_DETACH);
	sh("rm -rf --one-file-system %s", base);
}

static bool mount_fs(const char *type)
{
	if (tm_streq(type, "tmpfs"))
		return mount("none", mnt, "tmpfs", 0, NULL) == 0;
	return !sh(
		"truncate -s %s %s/img && mkfs.%s -q %s/img >/dev/null && mount -o loop %s/img %s",
		tm_streq(type, "ext4") ? "64M" : "320M", base, type, base, base, mnt);
}

static void setup(void)
{
	strcpy(base, "/tmp/tm-fan-XXXXXX");
	if (!mkdtemp(base))
		abort();
	atexit(cleanup);
	snprintf(mnt, sizeof(mnt), "%s/mnt", base);
	if (geteuid() || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		cannot = "needs root and a private mount namespace";
		return;
	}
	if (mkdir(mnt, 0700) || !mount_fs(getenv("TM_TEST_FSTYPE") ?: "ext4")) {
		cannot = "needs mkfs of TM_TEST_FSTYPE (ext4) and a loop device";
		return;
	}
	fs = open(mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void drain(bool barrier)
{
	CHECK(ops->drain(b, barrier) >= 0);
}

static void forget(void)
{
	n_kept = incomplete = 0;
	last_reason[0] = 0;
}

static void add_root(unsigned int slot, const char *path)
{
	int fd = openat(fs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool resumed = true;

	CHECK(fd >= 0);
	CHECK_EQ(ops->add_root(b, slot, fd, 1, &resumed), 0);
	CHECK(!resumed);
	close(fd);
}

/* A clean pair of roots, tracked. */
static void start(void)
{
	if (cannot)
		SKIP(cannot);
	if (b)
		ops->close(b);
	b = NULL;
	CHECK_EQ(sh("rm -rf %s/* && mkdir -p %s/a/d/e %s/b %s/out/x/y", mnt, mnt, mnt, mnt), 0);
	forget();
	refuse = 0;
	CHECK_EQ(ops->open(&opts, &b), 0);
	add_root(0, "a");
	add_root(1, "b");
}

static struct tm_oid oid(const char *path)
{
	struct tm_oid o = TM_OID_NONE;

	tm_oid_at(fs, path, &o);
	return o;
}

static void put(const char *path, const char *text)
{
	int fd = openat(fs, path, O_CREAT | O_WRONLY, 0600);

	if (fd < 0 || tm_write_full(fd, text, strlen(text)))
		abort();
	close(fd);
}

static int count(unsigned int slot)
{
	int n = 0;

	for (int i = 0; i < n_kept; i++)
		n += kept[i].slot == slot;
	return n;
}

/* The record about entry @name of directory @dir, or NULL. */
static const struct kept *name_rec(unsigned int slot, struct tm_oid dir, const char *name)
{
	for (int i = 0; i < n_kept; i++)
		if (kept[i].slot == slot && kept[i].c.kind == TM_CHANGE_NAME &&
		    tm_oid_eq(kept[i].c.dir, dir) && tm_streq(kept[i].name, name))
			return &kept[i];
	return NULL;
}

static const struct kept *obj_rec(unsigned int slot, enum tm_change_kind kind, struct tm_oid obj)
{
	for (int i = 0; i < n_kept; i++)
		if (kept[i].slot == slot && kept[i].c.kind == kind &&
		    tm_oid_eq(kind == TM_CHANGE_INODE ? kept[i].c.obj : kept[i].c.dir, obj))
			return &kept[i];
	return NULL;
}

static bool has_all(unsigned int slot)
{
	for (int i = 0; i < n_kept; i++)
		if (kept[i].slot == slot && kept[i].c.kind == TM_CHANGE_ALL)
			return true;
	return false;
}

TEST(a_write_marks_the_whole_file_with_its_place)
{
	const struct kept *k;

	start();
	put("a/d/f", "x");
	drain(true);
	k = obj_rec(0, TM_CHANGE_INODE, oid("a/d/f"));
	CHECK(k);
	CHECK_EQ(k->c.flags, TM_CF_DATA | TM_CF_WHOLE | TM_CF_SIZE | TM_CF_ATTR);
	CHECK(tm_oid_eq(k->c.dir, oid("a/d")));
	CHECK_STR(k->name, "f");
	k = name_rec(0, oid("a/d"), "f");
	CHECK(k);
	CHECK(tm_oid_eq(k->c.obj, oid("a/d/f")));
	CHECK(!(k->c.flags & TM_CF_GONE));
	CHECK_EQ(count(1), 0);
}

/* One operation on a/f, then its one INODE record must carry @flags. */
static void modifies(int how, uint32_t flags)
{
	const struct kept *k;
	int fd;

	start();
	put("a/f", "hello");
	drain(true);
	forget();
	fd = openat(fs, "a/f", O_RDWR | O_CLOEXEC);
	switch (how) {
	case 0: CHECK_EQ(pwrite(fd, "y", 1, 3), 1); break;
	case 1: CHECK_EQ(ftruncate(fd, 2), 0); break;
	case 2: CHECK_EQ(fallocate(fd, 0, 0, 65536), 0); break;
	case 3: CHECK_EQ(fchmod(fd, 0640), 0); break;
	case 4: CHECK_EQ(fchown(fd, 1, 1), 0); break;
	case 5: CHECK_EQ(futimens(fd, NULL), 0); break;
	case 6: CHECK_EQ(fsetxattr(fd, "user.t", "v", 1, 0), 0); break;
	default: abort();
	}
	close(fd);
	drain(true);
	k = obj_rec(0, TM_CHANGE_INODE, oid("a/f"));
	CHECK(k);
	CHECK((k->c.flags & flags) == flags);
	if (!(flags & TM_CF_DATA))
		CHECK(!(k->c.flags & (TM_CF_DATA | TM_CF_WHOLE)));
	CHECK_EQ(count(0), 1);
}

TEST(every_kind_of_content_change_is_seen)
{
	for (int how = 0; how <= 2; how++)
		modifies(how, TM_CF_DATA | TM_CF_WHOLE);
}

TEST(every_kind_of_attribute_change_is_seen_and_claims_no_content)
{
	for (int how = 3; how <= 6; how++)
		modifies(how, TM_CF_ATTR);
}

TEST(opening_for_writing_without_a_write_claims_nothing)
{
	const struct kept *k;
	int fd;

	start();
	put("a/f", "x");
	drain(true);
	forget();
	fd = openat(fs, "a/f", O_RDWR | O_CLOEXEC);
	close(fd);
	drain(true);
	k = obj_rec(0, TM_CHANGE_INODE, oid("a/f"));
	CHECK(k);
	CHECK_EQ(k->c.flags, 0);
}

TEST(a_store_through_a_mapping_is_looked_at_when_it_ends)
{
	char *p;
	int fd;

	start();
	put("a/f", "hello");
	drain(true);
	forget();
	fd = openat(fs, "a/f", O_RDWR | O_CLOEXEC);
	p = mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	close(fd);
	p[0] = 'J';
	drain(true);
	CHECK_EQ(count(0), 0); /* the blind spot that the status names */
	munmap(p, 5);
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/f")));
}

TEST(names_of_every_type_appear)
{
	start();
	put("a/file", "x");
	CHECK_EQ(mkdirat(fs, "a/dir", 0700), 0);
	CHECK_EQ(symlinkat("file", fs, "a/sym"), 0);
	CHECK_EQ(mknodat(fs, "a/fifo", S_IFIFO | 0600, 0), 0);
	CHECK_EQ(linkat(fs, "a/file", fs, "a/d/hard", 0), 0);
	drain(true);
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = { "file", "dir", "sym", "fifo" };
		char path[16];
		const struct kept *k = name_rec(0, oid("a"), names[i]);

		snprintf(path, sizeof(path), "a/%s", names[i]);
		CHECK(k);
		CHECK(tm_oid_eq(k->c.obj, oid(path)));
	}
	CHECK(name_rec(0, oid("a/d"), "hard"));
	CHECK(tm_oid_eq(name_rec(0, oid("a/d"), "hard")->c.obj, oid("a/file")));
}

TEST(a_removed_name_is_gone_and_names_what_it_was)
{
	struct tm_oid f, e;

	start();
	put("a/f", "x");
	f = oid("a/f");
	e = oid("a/d/e");
	drain(true);
	forget();
	CHECK_EQ(unlinkat(fs, "a/f", 0), 0);
	CHECK_EQ(unlinkat(fs, "a/d/e", AT_REMOVEDIR), 0);
	drain(true);
	CHECK(name_rec(0, oid("a"), "f"));
	CHECK_EQ(name_rec(0, oid("a"), "f")->c.flags, TM_CF_GONE);
	CHECK(tm_oid_eq(name_rec(0, oid("a"), "f")->c.obj, f));
	CHECK(name_rec(0, oid("a/d"), "e"));
	CHECK(tm_oid_eq(name_rec(0, oid("a/d"), "e")->c.obj, e));
}

TEST(a_rename_carries_both_names)
{
	const struct kept *from, *to;

	start();
	put("a/f", "x");
	drain(true);
	forget();
	CHECK_EQ(renameat(fs, "a/f", fs, "a/d/g"), 0);
	drain(true);
	from = name_rec(0, oid("a"), "f");
	to = name_rec(0, oid("a/d"), "g");
	CHECK(from && to);
	CHECK_EQ(from->c.flags, TM_CF_GONE);
	CHECK_EQ(to->c.flags, 0);
	CHECK(tm_oid_eq(to->c.obj, oid("a/d/g")));
	CHECK_EQ(count(0), 2);
}

TEST(an_exchange_leaves_both_names_present)
{
	const struct kept *f, *d;

	start();
	put("a/f", "x");
	drain(true);
	forget();
	CHECK_EQ(syscall(SYS_renameat2, fs, "a/f", fs, "a/d", 2), 0);
	drain(true);
	f = name_rec(0, oid("a"), "f");
	d = name_rec(0, oid("a"), "d");
	CHECK(f && d);
	/* "Gone" is a hint; what counts is that both places are looked at. */
	CHECK_EQ(count(0), 2);
	CHECK(!obj_rec(0, TM_CHANGE_SUBTREE, oid("a/f")));
}

TEST(a_directory_renamed_inside_a_root_is_two_names)
{
	start();
	put("a/d/e/f", "x");
	drain(true);
	forget();
	CHECK_EQ(renameat(fs, "a/d", fs, "a/moved"), 0);
	drain(true);
	CHECK(name_rec(0, oid("a"), "d"));
	CHECK(name_rec(0, oid("a"), "moved"));
	CHECK_EQ(count(0), 2);
	forget();
	put("a/moved/e/f", "yy");
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/moved/e/f")));
}

TEST(a_directory_moved_in_is_a_name_and_everything_below)
{
	start();
	put("out/x/y/f", "x");
	drain(true);
	CHECK_EQ(n_kept, 0); /* outside is nobody's business, and is cached as such */
	CHECK_EQ(renameat(fs, "out/x", fs, "a/d/x"), 0);
	drain(true);
	CHECK(name_rec(0, oid("a/d"), "x"));
	CHECK(obj_rec(0, TM_CHANGE_SUBTREE, oid("a/d/x")));
	CHECK_EQ(count(0), 2);
	forget();
	put("a/d/x/y/f", "yy");
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/d/x/y/f")));
}

TEST(a_directory_moved_out_takes_its_changes_with_it)
{
	start();
	put("a/d/e/f", "x");
	drain(true);
	forget();
	CHECK_EQ(renameat(fs, "a/d", fs, "out/d"), 0);
	drain(true);
	CHECK(name_rec(0, oid("a"), "d"));
	CHECK_EQ(name_rec(0, oid("a"), "d")->c.flags, TM_CF_GONE);
	CHECK_EQ(n_kept, 1);
	forget();
	put("out/d/e/f", "yy");
	drain(true);
	CHECK_EQ(n_kept, 0);
}

TEST(a_directory_moved_from_one_root_to_another_concerns_both)
{
	start();
	CHECK_EQ(renameat(fs, "a/d", fs, "b/d"), 0);
	drain(true);
	CHECK(name_rec(0, oid("a"), "d"));
	CHECK(name_rec(1, oid("b"), "d"));
	CHECK(obj_rec(1, TM_CHANGE_SUBTREE, oid("b/d")));
	CHECK(!obj_rec(0, TM_CHANGE_SUBTREE, oid("b/d")));
}

TEST(nested_roots_get_each_what_is_theirs)
{
	start();
	CHECK_EQ(mkdirat(fs, "a/nested", 0700), 0);
	add_root(2, "a/nested");
	drain(true);
	forget();
	put("a/nested/f", "x");
	put("a/d/g", "x");
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/nested/f")));
	CHECK(obj_rec(2, TM_CHANGE_INODE, oid("a/nested/f")));
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/d/g")));
	CHECK(!obj_rec(2, TM_CHANGE_INODE, oid("a/d/g")));
	CHECK_EQ(count(1), 0);
	/* Moved between them: new to the inner one only. */
	forget();
	CHECK_EQ(renameat(fs, "a/d", fs, "a/nested/d"), 0);
	drain(true);
	CHECK(obj_rec(2, TM_CHANGE_SUBTREE, oid("a/nested/d")));
	CHECK(!obj_rec(0, TM_CHANGE_SUBTREE, oid("a/nested/d")));
}

TEST(one_directory_may_be_the_root_of_two_slots)
{
	start();
	add_root(5, "a");
	put("a/d/f", "x");
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/d/f")));
	CHECK(obj_rec(5, TM_CHANGE_INODE, oid("a/d/f")));
	CHECK_EQ(ops->del_root(b, 0), 0);
	forget();
	put("a/d/f", "yy");
	drain(true);
	CHECK(!obj_rec(0, TM_CHANGE_INODE, oid("a/d/f")));
	CHECK(obj_rec(5, TM_CHANGE_INODE, oid("a/d/f")));
	CHECK_EQ(ops->del_root(b, 0), -ENOENT);
}

TEST(a_root_that_is_a_bind_mount_is_found_too)
{
	char path[64];

	start();
	snprintf(path, sizeof(path), "%s/bind", base);
	CHECK_EQ(sh("mkdir -p %s && mount --bind %s/a/d %s", path, mnt, path), 0);
	{
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		bool resumed;

		CHECK_EQ(ops->add_root(b, 7, fd, 1, &resumed), 0);
		close(fd);
	}
	drain(true);
	forget();
	put("a/d/e/f", "x");
	put("a/g", "x");
	drain(true);
	CHECK(obj_rec(7, TM_CHANGE_INODE, oid("a/d/e/f")));
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/d/e/f")));
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/g")));
	CHECK(!obj_rec(7, TM_CHANGE_INODE, oid("a/g")));
	ops->del_root(b, 7);
	CHECK_EQ(sh("umount %s && rmdir %s", path, path), 0);
}

TEST(the_roots_own_attributes_count)
{
	const struct kept *k;

	start();
	CHECK_EQ(fchmodat(fs, "a", 0750, 0), 0);
	CHECK_EQ(fchmodat(fs, "a/d", 0750, 0), 0);
	drain(true);
	k = obj_rec(0, TM_CHANGE_INODE, oid("a"));
	CHECK(k);
	CHECK_EQ(k->c.flags, TM_CF_ATTR);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/d")));
	CHECK_EQ(fchmodat(fs, "out", 0750, 0), 0);
	forget();
	drain(true);
	CHECK_EQ(n_kept, 0);
}

TEST(the_reserved_directory_is_made_and_ignored)
{
	const struct kept *k;
	struct stat st;

	start();
	CHECK_EQ(fstatat(fs, "a/.tidemark", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0700);
	put("a/.tidemark/staged", "x");
	CHECK_EQ(mkdirat(fs, "a/.tidemark/sub", 0700), 0);
	put("a/.tidemark/sub/f", "x");
	CHECK_EQ(fchmodat(fs, "a/.tidemark", 0700, 0), 0);
	drain(true);
	CHECK_EQ(n_kept, 0);
	/* Out of staging into place: that is a change, of content too, since nobody watched it there. */
	CHECK_EQ(renameat(fs, "a/.tidemark/staged", fs, "a/f"), 0);
	drain(true);
	CHECK_EQ(n_kept, 2);
	CHECK(name_rec(0, oid("a"), "f"));
	k = obj_rec(0, TM_CHANGE_INODE, oid("a/f"));
	CHECK(k && (k->c.flags & TM_CF_WHOLE));
}

TEST(only_the_very_name_in_the_root_is_reserved)
{
	start();
	CHECK_EQ(mkdirat(fs, "a/d/.tidemark", 0700), 0);
	put("a/d/.tidemark/f", "x");
	put("a/.tidemarked", "x");
	drain(true);
	CHECK(name_rec(0, oid("a/d"), ".tidemark"));
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/d/.tidemark/f")));
	CHECK(name_rec(0, oid("a"), ".tidemarked"));
}

TEST(a_users_own_entry_of_that_name_is_user_data)
{
	start();
	CHECK_EQ(sh("mkdir %s/c && mkdir -m 755 %s/c/.tidemark", mnt, mnt), 0);
	add_root(3, "c");
	put("c/.tidemark/f", "x");
	drain(true);
	CHECK(obj_rec(3, TM_CHANGE_INODE, oid("c/.tidemark/f")));
}

TEST(a_barrier_delivers_everything_before_it_and_works_when_the_canary_cannot_be_written)
{
	start();
	for (int i = 0; i < 2000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "a/d/n%d", i);
		put(path, "x");
	}
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/d/n1999")));
	CHECK(name_rec(0, oid("a/d"), "n0"));
	forget();
	/* A directory in the canary's place: writing fails. */
	CHECK_EQ(unlinkat(fs, "a/.tidemark/canary", 0), 0);
	CHECK_EQ(mkdirat(fs, "a/.tidemark/canary", 0700), 0);
	put("a/d/n7", "again");
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/d/n7")));
	drain(true); /* nothing queued at all */
	CHECK_EQ(incomplete, 0);
}

TEST(a_barrier_survives_the_removal_of_the_reserved_directory)
{
	uint64_t t0;

	start();
	drain(true);
	CHECK_EQ(sh("rm -r %s/a/.tidemark %s/b/.tidemark", mnt, mnt), 0);
	put("a/f", "x");
	forget();
	t0 = tm_mono_ms();
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/f")));
	CHECK(tm_mono_ms() - t0 < 1000);
	CHECK_EQ(incomplete, 0);
	forget();
	put("a/.tidemark/x", "x"); /* made anew, and known as ours */
	drain(true);
	CHECK_EQ(n_kept, 0);
}

TEST(a_canary_that_never_comes_makes_the_root_incomplete)
{
	struct tm_fan *f;
	uint64_t t0;

	start();
	f = b;
	/* Blind: the mark is removed behind the backend's back. */
	CHECK_EQ(fanotify_mark(f->slot[0].group->fd, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0,
			       AT_FDCWD, "/"),
		 0);
	t0 = tm_mono_ms();
	drain(true);
	CHECK(tm_mono_ms() - t0 >= 1900);
	CHECK_EQ(incomplete, 2);
	CHECK_STR(last_reason, "canary-lost");
	CHECK(has_all(0) && has_all(1));
}

TEST(an_overflow_is_said_and_heals_by_all)
{
	struct tm_capture_stats st;
	struct tm_fan *f;

	if (cannot)
		SKIP(cannot);
	if (!set_queue_limit(64))
		SKIP("needs to write fs.fanotify.max_queued_events");
	limit_lowered = true;
	tm_fanotify_limit_queue(true);
	start();
	tm_fanotify_limit_queue(false);
	set_queue_limit(0);
	limit_lowered = false;
	f = b;
	CHECK(!f->slot[0].group->unlimited);
	for (int i = 0; i < 500; i++) {
		char path[32];

		snprintf(path, sizeof(path), "a/d/n%d", i);
		put(path, "x");
	}
	drain(true);
	CHECK_EQ(incomplete, 2); /* both roots share the file system's queue */
	CHECK_STR(last_reason, "queue-overflow");
	CHECK(has_all(0) && has_all(1));
	ops->stats(b, 0, &st);
	CHECK(st.dropped >= 1);
	CHECK_EQ(st.seen, st.queued + st.coalesced + st.dropped);
	/* And then it sees again. */
	forget();
	put("a/f", "x");
	drain(true);
	CHECK_EQ(incomplete, 0);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/f")));
}

TEST(what_the_daemon_refuses_is_delivered_again)
{
	start();
	put("a/f", "x");
	refuse = 1;
	CHECK_EQ(ops->drain(b, false), -EIO);
	CHECK_EQ(n_kept, 0);
	CHECK(ops->timeout_ms(b) <= 100);
	put("a/g", "x");
	CHECK_EQ(ops->drain(b, true), -EIO);
	refuse = 0;
	drain(true);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/f")));
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/g")));
	CHECK_EQ(incomplete, 0);
}

TEST(the_counters_add_up_and_repetitions_coalesce)
{
	struct tm_capture_stats st;

	start();
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		/* Another process each time: the kernel merges only what one process did. */
		if (!pid) {
			char path[32];

			snprintf(path, sizeof(path), "a/d/n%d", i);
			put(path, "x");
			put("a/f", "y");
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	drain(true);
	ops->stats(b, 0, &st);
	CHECK_EQ(st.seen, st.queued + st.coalesced + st.dropped);
	CHECK_EQ(st.dropped, 0);
	CHECK_EQ(st.queued, 42); /* 21 names, 21 files */
	CHECK(st.coalesced >= 19);
	CHECK_EQ(count(0), (int)st.queued);
	ops->stats(b, 1, &st);
	CHECK_EQ(st.seen, 0);
}

TEST(a_file_with_a_link_inside_is_reported_when_written_outside)
{
	const struct kept *k;

	start();
	put("a/f", "x");
	CHECK_EQ(linkat(fs, "a/f", fs, "out/link", 0), 0);
	put("out/plain", "x");
	drain(true);
	forget();
	put("out/link", "yy");
	put("out/plain", "yy");
	drain(true);
	k = obj_rec(0, TM_CHANGE_INODE, oid("a/f"));
	CHECK(k);
	CHECK(k->c.flags & TM_CF_WHOLE);
	CHECK(tm_oid_is_none(k->c.dir));
	CHECK_EQ(count(0), 1);
}

TEST(the_descriptor_wakes_a_poller_and_rests_when_drained)
{
	start();
	drain(true);
	drain(false);
	CHECK_EQ(tm_poll(ops->fd(b), POLLIN, 0), 0);
	put("a/f", "x");
	CHECK(tm_poll(ops->fd(b), POLLIN, 1000) & POLLIN);
	drain(false);
	CHECK(obj_rec(0, TM_CHANGE_INODE, oid("a/f")));
	CHECK_EQ(tm_poll(ops->fd(b), POLLIN, 0), 0);
}

TEST(the_metadata_pass_comes_at_its_interval)
{
	start();
	ops->close(b);
	b = NULL;
	opts.reconcile_interval_ms = 100;
	CHECK_EQ(ops->open(&opts, &b), 0);
	add_root(0, "a");
	CHECK(ops->timeout_ms(b) <= 100);
	drain(false);
	CHECK(!has_all(0));
	usleep(120000);
	CHECK_EQ(ops->timeout_ms(b), 0);
	drain(false);
	CHECK(has_all(0));
	CHECK_EQ(incomplete, 0);
	forget();
	drain(false);
	CHECK(!has_all(0));
	CHECK(strstr(ops->blind_spots(b), "mmap"));
	opts.reconcile_interval_ms = 3600000;
}

TEST(deep_directories_and_a_rename_above_them_are_followed)
{
	start();
	CHECK_EQ(sh("cd %s/a/d/e && for i in $(seq 60); do mkdir n && cd n; done; echo x > f", mnt),
		 0);
	drain(true);
	forget();
	CHECK_EQ(sh("cd %s/a/d/e && for i in $(seq 60); do cd n; done; echo y >> f", mnt), 0);
	drain(true);
	CHECK_EQ(n_kept, 1);
	CHECK_STR(kept[0].name, "f");
	CHECK_EQ(renameat(fs, "a/d", fs, "b/d"), 0);
	CHECK_EQ(sh("cd %s/b/d/e && for i in $(seq 60); do cd n; done; echo z >> f", mnt), 0);
	forget();
	drain(true);
	CHECK(name_rec(1, oid("b"), "d"));
	CHECK_EQ(count(0), 1); /* the old name only */
	CHECK_EQ(count(1), 3); /* the new name, all below, and the file */
}

TEST(a_storm_of_renames_across_the_border_loses_nothing)
{
	pid_t pid;
	int st, moved = 0;

	start();
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 400; i++) {
			renameat(fs, "out/x", fs, "a/d/x");
			put(i % 2 ? "a/d/x/y/in" : "a/d/x/in", "x");
			renameat(fs, "a/d/x", fs, "out/x");
			put(i % 2 ? "out/x/y/out" : "out/x/out", "x");
		}
		renameat(fs, "out/x", fs, "a/d/x");
		_exit(0);
	}
	while (waitpid(pid, &st, WNOHANG) == 0)
		drain(false);
	drain(true);
	for (int i = 0; i < n_kept; i++)
		moved += kept[i].c.kind == TM_CHANGE_SUBTREE &&
			 tm_oid_eq(kept[i].c.dir, oid("a/d/x"));
	/* It ended inside: the name and all that is below must have been told. */
	CHECK(name_rec(0, oid("a/d"), "x"));
	CHECK(moved >= 1);
	CHECK_EQ(incomplete, 0);
}

TEST(the_report_names_the_mark)
{
	char *text;

	start();
	text = ops->report(b);
	CHECK(text && strstr(text, "attached") && strstr(text, "unlimited queue"));
	free(text);
	text = ops->probe();
	CHECK(text && strstr(text, "fanotify\tpossible"));
	free(text);
}

TEST(slots_are_not_taken_twice)
{
	bool resumed;

	start();
	CHECK_EQ(ops->add_root(b, 0, fs, 1, &resumed), -EEXIST);
	ops->close(b);
	b = NULL;
}

int main(int argc, char **argv)
{
	setup();
	return tap_main(argc, argv);
}
