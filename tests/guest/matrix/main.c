/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/main.c - the capture matrix: every way to change a file, against what was captured.
 *
 *	matrix judge BASE KERNEL FS EXPECTED [ROW...]	with a capture of its own below BASE/root
 *	matrix run BASE KERNEL FS - [ROW...]		without: BASE/root is a policy's root
 *
 * Prints TAP, and for each cell a line "# cell ID FS KERNEL OUTCOME". EXPECTED is the table of
 * expected outcomes; a cell that is worse fails, a better one says that the table is to be updated.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/sink.h"
#include "judge.h"
#include "lib/clock.h"

#define MATRIX_PINS "/sys/fs/bpf/tidemark/matrix/v1"
#define ROW_SECONDS 120

static const struct row *const tables[] = { rows_write, rows_aio, rows_uring, rows_copy, rows_size, rows_mmap,
					    rows_device, rows_ioctl, rows_server, rows_names, rows_moves,
						rows_meta };

int dirfd_, outfd;
enum fs fs_now;
bool capturing;
static int rootfd, basefd, dirfd_place = -1, outfd_place = -1;
static const char *base, *kernel, *fs_name;
static int open_fds[512];
static size_t n_open;

/* ---- what rows use */

static const char *path_of(int fd, const char *name)
{
	static char text[8][4600];
	static unsigned int which;
	char link[64], dir[4097];
	ssize_t n;

	which = (which + 1) % 8;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, dir, sizeof(dir) - 1);
	dir[TM_MAX(n, (ssize_t)0)] = '\0';
	snprintf(text[which], sizeof(text[which]), "%s%s%s", dir, *name ? "/" : "", name);
	return text[which];
}

const char *in(const char *name)
{
	return path_of(dirfd_, name);
}

const char *out(const char *name)
{
	return path_of(outfd, name);
}

int keep(int fd)
{
	if (fd >= 0 && n_open < TM_ARRAY_SIZE(open_fds))
		open_fds[n_open++] = fd;
	return fd;
}

void closed(int fd)
{
	for (size_t i = 0; i < n_open; i++)
		if (open_fds[i] == fd)
			open_fds[i] = -1;
	close(fd);
}

static uint64_t random_next(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

char *fresh(size_t n)
{
	static char *buf;

	if (!buf) {
		buf = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buf == MAP_FAILED)
			exit(2);
	}
	for (size_t i = 0; i < TM_MIN((n + 7) & ~(size_t)7, (size_t)4 << 20); i += 8) {
		uint64_t x = random_next() | 0x0101010101010101ULL;

		memcpy(buf + i, &x, 8);
	}
	return buf;
}

int file_at(int dirfd, const char *name, off_t size)
{
	int fd = keep(openat(dirfd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	for (off_t at = 0; fd >= 0 && at < size;) {
		size_t n = (size_t)TM_MIN(size - at, (off_t)(1 << 20));

		if (write(fd, fresh(n), n) != (ssize_t)n)
			return -1;
		at += (off_t)n;
	}
	return fd;
}

int file(const char *name, off_t size)
{
	return file_at(dirfd_, name, size);
}

int sh(const char *fmt, ...)
{
	char cmd[8192];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = snprintf(cmd, sizeof(cmd), "exec >/dev/null 2>&1; ");
	vsnprintf(cmd + n, sizeof(cmd) - (size_t)n, fmt, ap);
	va_end(ap);
	return system(cmd);
}

/* ---- one cell */

static int expected_of(const char *file, const char *id)
{
	char line[2048], want[64], *save, *cell;
	int column = -1, at, r = -1;
	FILE *f = fopen(file, "re");

	snprintf(want, sizeof(want), "%s/%s", kernel, fs_name);
	while (f && r < 0 && fgets(line, sizeof(line), f)) {
		bool head = !strncmp(line, "row", 3), mine;

		cell = strtok_r(line, " \t\n", &save);
		if (!cell || *cell == '#')
			continue;
		mine = !strcmp(cell, id);
		for (at = 1; (cell = strtok_r(NULL, " \t\n", &save)); at++) {
			if (head && !strcmp(cell, want))
				column = at;
			if (mine && at == column)
				r = outcome_of(cell);
		}
	}
	if (f)
		fclose(f);
	return r;
}

/* ROOT/ID and BASE/outside/ID. */
static int place(const struct row *row)
{
	int outside;

	if (dirfd_place >= 0) {
		close(dirfd_place);
		close(outfd_place);
	}
	if ((mkdirat(rootfd, row->id, 0755) && errno != EEXIST) ||
	    (mkdirat(basefd, "outside", 0755) && errno != EEXIST))
		return -errno;
	outside = openat(basefd, "outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (outside < 0 || (mkdirat(outside, row->id, 0755) && errno != EEXIST))
		return -errno;
	dirfd_ = dirfd_place = openat(rootfd, row->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	outfd = outfd_place = openat(outside, row->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(outside);
	return dirfd_ < 0 || outfd < 0 ? -errno : 0;
}

static enum outcome cell(const struct row *row)
{
	enum outcome o = OUT_BROKEN;
	int r;

	judge_reset();
	if (!(row->fs & fs_now)) {
		(void)na(row->elsewhere ?: "not on this file system");
		return OUT_NA;
	}
	if (!capturing && row->flags & ALONE) {
		(void)na("not below a policy root");
		return OUT_NA;
	}
	if (place(row)) {
		printf("#   no place for it: %m\n");
		return OUT_BROKEN;
	}
	alarm(ROW_SECONDS);
	r = row->run();
	if (r > 0)
		o = OUT_NA;
	else if (!r)
		o = capturing ? judge(row) : OUT_EXACT;
	alarm(0);
	while (n_open)
		if (open_fds[--n_open] >= 0)
			close(open_fds[n_open]);
	return o;
}

static int report(const struct row *row, enum outcome o, int number, const char *expected)
{
	int want = capturing ? expected_of(expected, row->id) : o > OUT_UNLEVEL ? (int)o : OUT_EXACT;
	bool ok = want >= 0 && (int)o >= want && (want != OUT_NA || o >= OUT_NA);

	if (capturing)
		printf("# cell %s %s %s %s\n", row->id, fs_name, kernel, outcome_names[o]);
	if (want >= 0 && (int)o > want)
		printf("# %s is better than expected: update the table (%s -> %s)\n", row->id, outcome_names[want],
		       outcome_names[o]);
	printf("%s %d - %s %s: %s%s%s%s", ok ? "ok" : "not ok", number, row->id, row->what, outcome_names[o],
	       o == OUT_NA ? " (" : "", o == OUT_NA ? judge_na() : "", o == OUT_NA ? ")" : "");
	if (!ok)
		printf(", expected %s", want < 0 ? "(not in the table)" : outcome_names[want]);
	printf("\n");
	return !ok;
}

static bool chosen(const struct row *row, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strncmp(row->id, *names, strlen(*names)))
			return true;
	return false;
}

static int start(void)
{
	uint64_t began = tm_mono_ms();
	int r = cap_open(MATRIX_PINS, 0, 0);

	if (!r)
		r = cap_add(0, rootfd);
	if (r) {
		printf("Bail out! the capture does not start: %s (%d)\n", tm_capture_why(), r);
		return r < 0 ? r : -EEXIST;
	}
	printf("# %s %s: tracking after %llu ms\n", kernel, fs_name, (unsigned long long)(tm_mono_ms() - began));
	return 0;
}

static int books(int number)
{
	struct tm_capture_stats s;
	bool ok;

	tm_capture_stats_get(cap, 0, &s);
	ok = s.seen == s.queued + s.coalesced + s.dropped && !s.dropped && s.seen;
	printf("%s %d - seen = queued + coalesced + dropped (%llu, %llu, %llu, %llu)\n", ok ? "ok" : "not ok", number,
	       (unsigned long long)s.seen, (unsigned long long)s.queued, (unsigned long long)s.coalesced,
	       (unsigned long long)s.dropped);
	return !ok;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; enum fs fs; } kinds[] = {
		{ "ext4", EXT4 }, { "xfs", XFS }, { "btrfs", BTRFS }, { "tmpfs", TMPFS } };
	int n = 0, bad = 0;

	if (argc < 6) {
		fprintf(stderr, "usage: matrix judge|run BASE KERNEL FS EXPECTED [ROW...]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	capturing = !strcmp(argv[1], "judge");
	base = argv[2];
	kernel = argv[3];
	fs_name = argv[4];
	for (size_t i = 0; i < TM_ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, fs_name))
			fs_now = kinds[i].fs;
	basefd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (basefd < 0 || (mkdirat(basefd, "root", 0755) && errno != EEXIST)) {
		perror(base);
		return 2;
	}
	rootfd = openat(basefd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (capturing && start())
		return 1;
	for (size_t i = 0; i < TM_ARRAY_SIZE(tables); i++)
		for (const struct row *row = tables[i]; row->id; row++)
			if (chosen(row, argv + 6))
				bad |= report(row, cell(row), ++n, argv[5]);
	judge_reset();
	if (capturing) {
		bad |= books(++n);
		cap_close();
		tm_capture_unpin(MATRIX_PINS);
	}
	printf("1..%d\n", n);
	return bad;
}
