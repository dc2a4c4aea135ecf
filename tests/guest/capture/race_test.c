/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/capture/race_test.c - writers against everything that could lose their marks.
 *
 * Runs as root in the guest: race_test DIR [PATTERN]. What writes remember of one another (tm_hot) must be
 * forgotten in time; no flip of the epoch and no skipped program may lose a byte. The races are judged by
 * replicating: whatever is delivered is read from the file into a copy, and before a place is written again
 * the copy must have what was there. TM_FLIPS: how many flips (2000); TM_PREEMPT=1: this kernel preempts
 * programs; TM_NO_GUARDS=1: without guard slots, where misses must be noticed instead.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "sink.h"
#include "tap.h"

static const char *base;
static int basefd, root;

#define HAVE(e)									\
	do {									\
		if (!(e))							\
			show();							\
		CHECK(e);							\
	} while (0)

static int create_in(int dir, const char *name)
{
	return openat(dir, name, O_RDWR | O_CREAT | O_TRUNC, 0644);
}

/* Until the next write to it costs nothing but the memory of these. */
static int warm(int fd)
{
	for (int i = 0; i < 4; i++)
		if (pwrite(fd, "0123456789", 10, 100) != 10)
			return -1;
	return 0;
}

/* ---- what is remembered is forgotten in time */

TEST(a_file_outside_that_moves_in_is_seen_at_once)
{
	int fd = create_in(basefd, "out1");

	CHECK(!warm(fd));
	settle();
	CHECK(!renameat(basefd, "out1", root, "in1"));
	take();
	CHECK_EQ(pwrite(fd, "x", 1, 105), 1);
	take();
	HAVE(covered(0, oid_in(root, "in1"), 105, 106));
	close(fd);
}

TEST(so_is_one_whose_directory_moves_in)
{
	int dir, fd;

	CHECK(!mkdirat(basefd, "outdir", 0755));
	dir = openat(basefd, "outdir", O_RDONLY | O_DIRECTORY);
	fd = create_in(dir, "f");
	CHECK(!warm(fd));
	settle();
	CHECK(!renameat(basefd, "outdir", root, "indir"));
	take();
	CHECK_EQ(pwrite(fd, "x", 1, 105), 1);
	take();
	HAVE(covered(0, oid_in(dir, "f"), 105, 106));
	close(fd);
	close(dir);
}

TEST(a_second_name_inside_makes_writes_through_the_first_count)
{
	int fd = create_in(basefd, "out2");

	CHECK(!warm(fd));
	settle();
	CHECK(!linkat(basefd, "out2", root, "in2", 0));
	take();
	CHECK_EQ(pwrite(fd, "x", 1, 105), 1);
	take();
	HAVE(covered(0, oid_in(root, "in2"), 105, 106));
	/* And when the name it was opened by is gone. */
	CHECK(!unlinkat(basefd, "out2", 0));
	take();
	CHECK_EQ(pwrite(fd, "y", 1, 205), 1);
	take();
	HAVE(covered(0, oid_in(root, "in2"), 205, 206));
	close(fd);
}

TEST(a_nameless_file_from_outside_counts_once_it_is_named_inside)
{
	int fd = openat(basefd, ".", O_TMPFILE | O_RDWR, 0600);
	char path[64];

	if (fd < 0)
		SKIP("no O_TMPFILE here");
	CHECK(!warm(fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(!linkat(AT_FDCWD, path, root, "in3", AT_SYMLINK_FOLLOW));
	settle();
	CHECK_EQ(pwrite(fd, "x", 1, 105), 1);
	take();
	HAVE(covered(0, oid_in(root, "in3"), 105, 106));
	close(fd);
}

TEST(a_hot_range_is_marked_again_in_every_epoch)
{
	int fd = create_in(root, "hot");

	CHECK(!warm(fd));
	for (int i = 0; i < 20; i++) {
		settle();
		CHECK_EQ(pwrite(fd, "x", 1, 105), 1);
		CHECK_EQ(pwrite(fd, "y", 1, 105), 1);
		take();
		HAVE(covered(0, oid_in(root, "hot"), 105, 106));
	}
	close(fd);
}

TEST(a_hot_range_that_went_into_the_ring_is_marked_again)
{
	int fd = create_in(root, "spill");
	bool early = false;

	CHECK(!warm(fd));
	settle();
	/* More places than an entry holds; the first of them is delivered from the ring, before any flip. */
	CHECK_EQ(pwrite(fd, "0123456789", 10, 100), 10);
	CHECK_EQ(pwrite(fd, "0123456789", 10, 100), 10);
	for (int i = 1; i < 40; i++)
		CHECK_EQ(pwrite(fd, "x", 1, 100 + i * 8192), 1);
	n_recs = 0;
	CHECK(tm_capture_drain(cap, false) >= 0);
	early = covered(0, oid_in(root, "spill"), 100, 110);
	CHECK_EQ(pwrite(fd, "z", 1, 105), 1);
	take();
	CHECK(early);
	HAVE(covered(0, oid_in(root, "spill"), 105, 106));
	close(fd);
}

TEST(an_inode_that_comes_back_elsewhere_is_looked_up_anew)
{
	int same = 0;

	for (int i = 0; i < 50; i++) {
		struct stat a, b;
		int fd = create_in(basefd, "again");

		CHECK(!warm(fd) && !fstat(fd, &a));
		close(fd);
		CHECK(!unlinkat(basefd, "again", 0));
		fd = create_in(root, "again");
		CHECK(!fstat(fd, &b));
		same += a.st_ino == b.st_ino;
		settle();
		CHECK_EQ(pwrite(fd, "x", 1, 105), 1);
		take();
		HAVE(covered(0, oid_in(root, "again"), 105, 106));
		close(fd);
		CHECK(!unlinkat(root, "again", 0));
	}
	printf("# the inode number came back in %d of 50\n", same);
}

TEST(a_root_that_is_added_sees_writes_of_before_known_files)
{
	int dir, fd;

	CHECK(!mkdirat(basefd, "late", 0755));
	dir = openat(basefd, "late", O_RDONLY | O_DIRECTORY);
	fd = create_in(dir, "f");
	CHECK(!warm(fd));
	CHECK_EQ(cap_add(7, dir), 0);
	settle();
	CHECK_EQ(pwrite(fd, "x", 1, 105), 1);
	take();
	HAVE(covered(7, oid_in(dir, "f"), 105, 106));
	CHECK(!tm_capture_del_root(cap, 7));
	CHECK(!warm(fd));
	take();
	HAVE(n_recs == 0);
	close(fd);
	close(dir);
}

TEST(who_writes_is_told)
{
	struct tm_capture_writer top[8];
	int fd = create_in(root, "who"), n, me = -1;
	char *group;

	for (int i = 0; i < 100; i++)
		CHECK_EQ(pwrite(fd, "0123456789", 10, (off_t)i * 8192), 10);
	n = tm_capture_top(cap, 0, top, TM_ARRAY_SIZE(top));
	CHECK(n > 0);
	for (int i = 0; i < n; i++)
		if (top[i].pid == (uint32_t)getpid())
			me = i;
	CHECK(me >= 0);
	group = tm_capture_cgroup(top[me].cgroup);
	printf("# %s: %llu operations, %llu bytes, cgroup %s\n", top[me].comm,
	       (unsigned long long)top[me].operations, (unsigned long long)top[me].bytes, group ?: "-");
	CHECK_STR(top[me].comm, "race_test");
	CHECK_EQ(top[me].uid, 0);
	/* All but the first eight spill, so they count in full. */
	CHECK(top[me].operations >= 90 && top[me].bytes >= 900);
	CHECK_EQ(tm_capture_top(cap, 9, top, TM_ARRAY_SIZE(top)), 0);
	free(group);
	close(fd);
}

TEST(a_direct_read_into_a_mapping_is_a_write)
{
	int from = create_in(basefd, "dio-from"), to = create_in(root, "dio-to"), fd;
	char page[4096], *p;

	memset(page, 'd', sizeof(page));
	CHECK_EQ(pwrite(from, page, sizeof(page), 0), (ssize_t)sizeof(page));
	CHECK(!ftruncate(to, 65536) && !fsync(from));
	fd = openat(basefd, "dio-from", O_RDONLY | O_DIRECT);
	if (fd < 0)
		SKIP("no O_DIRECT here");
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
	CHECK(p != MAP_FAILED);
	settle();
	CHECK_EQ(pread(fd, p + 8192, 4096, 0), 4096);
	take();
	HAVE(covered(0, oid_in(root, "dio-to"), 8192, 12288));
	munmap(p, 65536);
	close(fd);
	close(from);
	close(to);
}

/* ---- replicating races */

#define CELL 64
#define CELLS 16384
#define MANY 16		/* writers at most */

static struct writer {
	pthread_t thread;
	int fd;
	struct tm_oid oid;
	const uint64_t *copy;		/* what the target has, CELL bytes each */
	long at_flip[CELLS];
	long written;
	const char *lost;
} writers[MANY];
static long flips;
static bool stop;

/* Runs of eight neighbours, then elsewhere. */
static long place(long n)
{
	long run = n / 8 % (CELLS / 8);

	return run * 769 % (CELLS / 8) * 8 + n % 8;
}

static void *write_cells(void *arg)
{
	struct writer *w = arg;

	for (long n = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); n++) {
		uint64_t cell[CELL / 8];
		long at = place(n);

		/*
		 * Delivered with the flip after the write at the latest, and read before the one after
		 * that.
		 */
		while (n >= CELLS && __atomic_load_n(&flips, __ATOMIC_ACQUIRE) < w->at_flip[at] + 2) {
			if (__atomic_load_n(&stop, __ATOMIC_RELAXED))
				return NULL;
			usleep(500);
		}
		if (n >= CELLS && w->copy[at * (CELL / 8)] != (uint64_t)(n - CELLS + 1)) {
			w->lost = "a write was not delivered";
			return NULL;
		}
		for (size_t i = 0; i < CELL / 8; i++)
			cell[i] = (uint64_t)(n + 1);
		if (pwrite(w->fd, cell, CELL, at * CELL) != CELL) {
			w->lost = "pwrite";
			return NULL;
		}
		w->at_flip[at] = __atomic_load_n(&flips, __ATOMIC_ACQUIRE);
		w->written = n + 1;
	}
	return NULL;
}

/* Read what was delivered, as the source would. */
static int replicate(struct writer *w, int n)
{
	for (size_t i = 0; i < n_recs; i++)
		for (int j = 0; j < n; j++) {
			if (recs[i].kind != TM_CHANGE_INODE || !tm_oid_eq(recs[i].obj, w[j].oid))
				continue;
			if (recs[i].flags & TM_CF_WHOLE &&
			    pread(w[j].fd, (void *)(uintptr_t)w[j].copy, CELLS * CELL, 0) < 0)
				return -1;
			for (uint32_t k = 0; k < recs[i].n_ranges; k++) {
				uint64_t a = recs[i].ranges[k].start, b = TM_MIN(recs[i].ranges[k].end,
										  (uint64_t)CELLS * CELL);

				if (a < b && pread(w[j].fd, (char *)(uintptr_t)w[j].copy + a, b - a,
						   (off_t)a) < 0)
					return -1;
			}
		}
	return 0;
}

/* @n writers and @count flips; "" or what was lost. */
static const char *race(int n, long count, bool may_miss)
{
	const char *lost = "";

	stop = false;
	flips = 0;
	for (int i = 0; i < n; i++) {
		struct writer *w = &writers[i];
		char name[16];

		snprintf(name, sizeof(name), "race%d", i);
		*w = (struct writer){ .fd = create_in(root, name), .oid = oid_in(root, name) };
		w->copy = mmap(NULL, CELLS * CELL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
		if (w->fd < 0 || w->copy == MAP_FAILED)
			return "no file";
	}
	settle();
	for (int i = 0; i < n; i++)
		if (pthread_create(&writers[i].thread, NULL, write_cells, &writers[i]))
			return "no thread";
	for (long i = 0; i <= count; i++) {
		if (i == count) {
			__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
			for (int j = 0; j < n; j++)
				pthread_join(writers[j].thread, NULL);
		}
		if (take() < 0 || replicate(writers, n))
			lost = "a drain failed";
		if (incomplete[0] && !may_miss)
			lost = incomplete;
		__atomic_fetch_add(&flips, 1, __ATOMIC_RELEASE);
		if (*lost && i < count)
			i = count - 1;
	}
	for (int j = 0; j < n; j++) {
		struct writer *w = &writers[j];
		static uint64_t now[CELLS * CELL / 8];

		if (w->lost)
			lost = w->lost;
		if (pread(w->fd, now, sizeof(now), 0) < 0 || memcmp(now, w->copy, sizeof(now)))
			lost = *lost ? lost : "the copy differs in the end";
		printf("# writer %d: %ld writes\n", j, w->written);
		munmap((void *)(uintptr_t)w->copy, CELLS * CELL);
		close(w->fd);
	}
	return lost;
}

TEST(no_flip_loses_a_write)
{
	long count = getenv("TM_FLIPS") ? atol(getenv("TM_FLIPS")) : 2000;
	uint64_t start = tm_mono_ms();

	if (getenv("TM_NO_GUARDS"))
		SKIP("programs are skipped here, and that is wanted");
	CHECK_STR(race(3, count, false), "");
	printf("# %ld flips in %llu ms\n", flips, (unsigned long long)(tm_mono_ms() - start));
}

static char *preempted(void)
{
	char *report = tm_capture_report(cap), *line = report ? strstr(report, "guard-tm_guard_op") : NULL;

	if (line)
		line[strcspn(line, "\n")] = '\0';
	return line;
}

TEST(sixteen_writers_on_a_preemptible_kernel)
{
	const char *lost;

	if (!getenv("TM_PREEMPT"))
		SKIP("this kernel does not preempt programs");
	printf("# %s\n", preempted() ?: "no guard slots");
	if (!getenv("TM_NO_GUARDS")) {
		CHECK(preempted() && strstr(preempted(), "attached"));
		CHECK_STR(race(MANY, 8, false), "");
		return;
	}
	/* Without them writes get lost; that must be known. */
	incomplete[0] = '\0';
	lost = race(MANY, 8, true);
	printf("# lost: %s; told: %s\n", lost, incomplete);
	usleep(300 * 1000);
	for (int i = 0; i < 20 && !strstr(incomplete, "recursion-miss"); i++) {
		usleep(100 * 1000);
		tm_capture_drain(cap, false);
	}
	CHECK(missed_told);
}

int main(int argc, char **argv)
{
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: race_test DIR [PATTERN]\n");
		return 2;
	}
	base = argv[1];
	basefd = open(base, O_RDONLY | O_DIRECTORY);
	if (basefd < 0 || (mkdirat(basefd, "root", 0755) && errno != EEXIST)) {
		perror(base);
		return 2;
	}
	root = openat(basefd, "root", O_RDONLY | O_DIRECTORY);
	setvbuf(stdout, NULL, _IOLBF, 0);
	r = cap_open(PIN_DIR, 0, 0);
	if (r || cap_add(0, root) != 0) {
		printf("Bail out! capture does not start: %s (%d)\n", tm_capture_why(), r);
		return 1;
	}
	settle();
	r = tap_main(argc - 1, argv + 1);
	cap_close();
	tm_capture_unpin(PIN_DIR);
	return r;
}
