/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/guest/matrix/rows_mmap.c - stores through mappings, by the program, by others, by devices. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

#define SIZE 65536

static int fd_now;

static char *map(const char *name, int prot, int flags)
{
	char *p;

	fd_now = file(name, SIZE);
	if (fd_now < 0 || fsync(fd_now))
		return NULL;
	p = mmap(NULL, SIZE, prot, flags, fd_now, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void store(volatile char *p, size_t at)
{
	p[at] = (char)(p[at] ^ 0x5a);
}

static int t40_first(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);

	DO(p && !begin());
	store(p, 5 * PAGE + 7);
	cause_pages(fd_now, 5 * PAGE + 7, 5 * PAGE + 8);
	DO(!step() && replica_has(fd_now, 0, SIZE));
	munmap(p, SIZE);
	return 0;
}

static int t40_many(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);

	DO(p && !begin());
	for (size_t i = 0; i < 16; i += 3) {
		store(p, i * PAGE + i);
		cause_pages(fd_now, i * PAGE, i * PAGE + 1);
	}
	munmap(p, SIZE);
	return 0;
}

static volatile bool stop;
static unsigned int stores;

static void *storing(void *arg)
{
	volatile char *p = arg;

	while (!stop) {
		for (int i = 0; i < 64; i++)
			store(p, 3 * PAGE + (size_t)i * 8);
		stores++;
		usleep(500);
	}
	return NULL;
}

/* Stores between a take and the cleaning, and at every other moment. */
static int t41_meanwhile(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);
	pthread_t t;

	DO(p && !begin());
	stop = false;
	stores = 0;
	DO(!pthread_create(&t, NULL, storing, p));
	for (int i = 0; i < 20 || (stores < 50 && i < 400); i++) {
		if (step()) {
			stop = true;
			pthread_join(t, NULL);
			return -1;
		}
		if (!capturing)
			usleep(10000);
	}
	stop = true;
	DO(!pthread_join(t, NULL));
	cause_pages(fd_now, 3 * PAGE, 3 * PAGE + 1);
	munmap(p, SIZE);
	return 0;
}

static int t42_again(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);

	DO(p && !begin());
	for (int i = 0; i < 3; i++) {
		store(p, 3 * PAGE + (size_t)i);
		DO(!step());
	}
	store(p, 3 * PAGE + 100);
	cause_pages(fd_now, 3 * PAGE, 3 * PAGE + 1);
	munmap(p, SIZE);
	return 0;
}

static int t43_read_first(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);
	volatile char c;

	DO(p && !begin());
	for (size_t i = 0; i < 16; i++)
		c = p[i * PAGE];
	(void)c;
	DO(!step());
	store(p, 9 * PAGE);
	cause_pages(fd_now, 9 * PAGE, 9 * PAGE + 1);
	munmap(p, SIZE);
	return 0;
}

static int t44_huge(void)
{
	int fd = file("f", 4 << 20);
	char *p = mmap(NULL, 6 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	DO(fd >= 0 && p != MAP_FAILED && !fsync(fd));
	(void)madvise(p, 4 << 20, MADV_HUGEPAGE);
	DO(!begin());
	store(p, (2 << 20) + 12345);
	cause_pages(fd, (2 << 20) + 12345, (2 << 20) + 12346);
	munmap(p, 6 << 20);
	return 0;
}

static int t45_exits(void)
{
	int status;
	pid_t pid;

	fd_now = file("f", SIZE);
	DO(fd_now >= 0 && !fsync(fd_now) && !begin());
	pid = fork();
	if (!pid) {
		char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd_now, 0);

		store(p, 7 * PAGE);
		munmap(p, SIZE);
		_exit(0);
	}
	DO(waitpid(pid, &status, 0) == pid && !status);
	cause_pages(fd_now, 7 * PAGE, 7 * PAGE + 1);
	return 0;
}

/* A disk read whose destination is the mapping: the page fault comes first, the bytes later. */
static int read_into(bool before)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);
	int src = keep(open(out("src"), O_RDWR | O_CREAT | O_TRUNC, 0600)), d;

	DO(p && src >= 0 && write(src, fresh(8192), 8192) == 8192 && !fsync(src));
	d = keep(open(out("src"), O_RDONLY | O_DIRECT));
	if (d < 0) {
		munmap(p, SIZE);
		return na("no O_DIRECT");
	}
	DO(!begin());
	if (before) {
		store(p, 4 * PAGE);
		store(p, 5 * PAGE);
		cause_pages(fd_now, 4 * PAGE, 6 * PAGE);
		DO(!step());
	}
	DO(pread(d, p + 4 * PAGE, 8192, 0) == 8192);
	cause_pages(fd_now, 4 * PAGE, 6 * PAGE);
	munmap(p, SIZE);
	return 0;
}

static int t46_read_into(void)
{
	return read_into(false);
}

static int t46_read_into_taken(void)
{
	return read_into(true);
}

static int t47_proc_mem(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);
	int mem = keep(open("/proc/self/mem", O_RDWR));

	DO(p && mem >= 0 && !begin());
	DO(pwrite(mem, fresh(100), 100, (off_t)(uintptr_t)(p + 2 * PAGE + 50)) == 100);
	DO(!step());
	DO(pwrite(mem, fresh(100), 100, (off_t)(uintptr_t)(p + 2 * PAGE + 50)) == 100);
	cause_pages(fd_now, 2 * PAGE, 2 * PAGE + 1);
	munmap(p, SIZE);
	return 0;
}

static int t48_vm_writev(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);
	struct iovec l, r = { p + 11 * PAGE + 5, 300 };

	DO(p && !begin());
	l = (struct iovec){ fresh(300), 300 };
	DO(process_vm_writev(getpid(), &l, 1, &r, 1, 0) == 300);
	DO(!step());
	l = (struct iovec){ fresh(300), 300 };
	DO(process_vm_writev(getpid(), &l, 1, &r, 1, 0) == 300);
	cause_pages(fd_now, 11 * PAGE, 11 * PAGE + 1);
	munmap(p, SIZE);
	return 0;
}

static int t50_private(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_PRIVATE);
	volatile char c;

	DO(p && !begin());
	store(p, 100);
	store(p, 6 * PAGE);
	c = p[9 * PAGE];
	(void)c;
	munmap(p, SIZE);
	return 0;
}

static int t51_mprotect(void)
{
	char *p = map("f", PROT_READ, MAP_SHARED);
	volatile char c;

	DO(p && !begin());
	c = p[8 * PAGE];
	(void)c;
	DO(!step() && !mprotect(p, SIZE, PROT_READ | PROT_WRITE));
	store(p, 8 * PAGE + 1);
	cause_pages(fd_now, 8 * PAGE, 8 * PAGE + 1);
	munmap(p, SIZE);
	return 0;
}

/* The descriptor is closed and the name is gone to another directory: the mapping writes on. */
static int t52_moved(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);

	DO(p && !mkdirat(dirfd_, "d", 0755) && !begin());
	DO(!renameat(dirfd_, "f", dirfd_, "d/g") && !step());
	store(p, 5 * PAGE);
	cause_name(dirfd_, "f");
	cause_name(keep(openat(dirfd_, "d", O_RDONLY)), "g");
	cause_pages(fd_now, 5 * PAGE, 5 * PAGE + 1);
	munmap(p, SIZE);
	return 0;
}

static int t43_msync(void)
{
	char *p = map("f", PROT_READ | PROT_WRITE, MAP_SHARED);

	DO(p && !begin());
	store(p, PAGE);
	DO(!msync(p, SIZE, MS_SYNC));
	store(p, PAGE + 1);
	DO(!msync(p, SIZE, MS_SYNC));
	cause_pages(fd_now, PAGE, PAGE + 1);
	munmap(p, SIZE);
	return 0;
}

const struct row rows_mmap[] = {
	{ "T40", "shared mapping, first store", ALL_FS, "", 0, t40_first },
	{ "T40b", "shared mapping, stores in six pages", ALL_FS, "", 0, t40_many },
	{ "T41", "stores between take and cleaning, by a thread", ALL_FS, "", 0, t41_meanwhile },
	{ "T42", "another store after each cleaning", DISK, "nothing cleans there: T49", 0, t42_again },
	{ "T43", "read first, then a store", ALL_FS, "", 0, t43_read_first },
	{ "T43b", "msync between stores", ALL_FS, "", 0, t43_msync },
	{ "T44", "a store into a huge folio", ALL_FS, "", 0, t44_huge },
	{ "T45", "store, munmap, exit", ALL_FS, "", 0, t45_exits },
	{ "T46", "O_DIRECT read into a mapping", ALL_FS, "", 0, t46_read_into },
	{ "T46b", "the same after the page was taken", ALL_FS, "", 0, t46_read_into_taken },
	{ "T47", "/proc/pid/mem, twice", ALL_FS, "", 0, t47_proc_mem },
	{ "T48", "process_vm_writev, twice", ALL_FS, "", 0, t48_vm_writev },
	{ "T49", "tmpfs: another store after each take", TMPFS, "T42 there", 0, t42_again },
	{ "T50", "MAP_PRIVATE: no mark", ALL_FS, "", 0, t50_private },
	{ "T51", "mprotect to writable, then a store", ALL_FS, "", 0, t51_mprotect },
	{ "T51b", "a store after the file was renamed", ALL_FS, "", 0, t52_moved },
	{ 0 },
};
