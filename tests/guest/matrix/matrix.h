/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/matrix.h - one row of the capture matrix.
 *
 * A row is a function: make what it needs below its own directory ROOT/ID (dirfd), call begin(), do one
 * kind of change, and say by cause_*() what it did. The judge then asks for four things: what was marked
 * makes a replica equal again (nothing is silent, all changed bytes are contained), the marks of write-like
 * calls are exactly the causes, nothing is marked without a cause, and all version pairs rest equal.
 *
 * Without a capture ("matrix run", below a real policy root) begin() and step() do nothing.
 */
#ifndef TM_TESTS_MATRIX_MATRIX_H
#define TM_TESTS_MATRIX_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum fs { EXT4 = 1, XFS = 2, BTRFS = 4, TMPFS = 8, DISK = 7, ALL_FS = 15 };

enum row_flags {
	LATE = 1,	/* the mark may come after the call: drain until equal, at most some seconds */
	FOREIGN = 2,	/* marks of objects outside the root are expected: user space drops them */
	ALONE = 4,	/* not below a policy root: mounts, devices and the like of its own */
};

struct row {
	const char *id, *what;
	unsigned int fs;		/* enum fs: elsewhere it is n/a */
	const char *elsewhere;		/* why */
	unsigned int flags;		/* enum row_flags */
	int (*run)(void);		/* 0, or what na() or FAIL returned */
};

extern const struct row rows_write[], rows_aio[], rows_uring[], rows_copy[], rows_size[], rows_mmap[],
	rows_device[], rows_ioctl[], rows_server[], rows_names[], rows_moves[], rows_meta[];

/* ---- where the row works; set before it runs */
extern int dirfd_, outfd;	/* ROOT/ID; BASE/outside/ID, on the same file system and below no root */
extern enum fs fs_now;
extern bool capturing;		/* false: begin() and step() do nothing */

/* Absolute paths of a name below dirfd_ or outfd ("" for itself); eight are valid at a time. */
const char *in(const char *name);
const char *out(const char *name);

/*
 * A file of @size bytes that are not zero and differ from those of other files; open read-write,
 * closed by the judge.
 */
int file(const char *name, off_t size);
int file_at(int dirfd, const char *name, off_t size);
int keep(int fd);		/* have the judge close @fd; passes it through */
void closed(int fd);		/* close one of these now */
/* Run a shell command made like printf; 0 if it succeeded. */
int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Buffers of bytes that no file() holds; @n at most 4 MiB, page-aligned. A new content at each call. */
char *fresh(size_t n);

/* Settle, and remember everything below dirfd_ as the replica. */
int begin(void);
/* Drain and bring the replica up to date in the middle of a row. */
int step(void);
/* Bytes of the replica's file @fd in [start, end) are those of the file now? (after step()) */
bool replica_has(int fd, uint64_t start, uint64_t end);
/* Track @path (another file system) in slot 1 and work below it in this row; before begin(). */
int elsewhere(const char *path);

/* ---- what the row did */
void cause_data(int fd, uint64_t start, uint64_t end);
void cause_pages(int fd, uint64_t start, uint64_t end);	/* rounded to pages */
void cause_from(int fd, uint64_t start);		/* everything from there on, and attributes */
void cause_whole(int fd);
void cause_attr(int dirfd, const char *name);		/* name "": dirfd itself */
/* attributes may have changed and may be marked: a failed call */
void may_attr(int dirfd, const char *name);
void cause_name(int dirfd, const char *name);
void cause_list(int dirfd);				/* that the directory is listed is right */
void cause_subtree(int dirfd);

/* ---- how it ends */
int na(const char *why);				/* cannot be tried here */
int failed(const char *file, int line, const char *what);
#define DO(e)									\
	do {									\
		if (!(e))							\
			return failed(__FILE__, __LINE__, #e);			\
	} while (0)

#define EOF_ UINT64_MAX
#define PAGE 4096

#endif
