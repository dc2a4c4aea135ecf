// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_patterns.c - short sequences that real programs perform: scratch files,
 * bursts, a database's journal, saving by rename, small writes to a big file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen.h"

int gen_open_unlink(struct gen_thread *t, const struct gen_op *op)
{
	int fd = gen_open(t, op, &op->a, O_RDWR | O_CREAT), err = 0;
	struct gen_at at;

	if (fd < 0)
		return fd;
	err = gen_at_open(t, op, &op->a, &at);
	if (err)
		return gen_done(fd, err);
	if (unlinkat(at.dir, at.name, 0) < 0)
		err = -errno;
	gen_at_close(&at);
	if (!err)
		err = gen_write(t, op, fd, op->off, op->len);
	return gen_done(fd, err);
}

/* Many files made and mostly deleted at once; now and then one stays. */
int gen_burst(struct gen_thread *t, const struct gen_op *op)
{
	unsigned int n = 4 + op->arg % 28;
	int dir = gen_parent(t, op, &op->a), err = 0;

	if (dir < 0)
		return dir;
	for (unsigned int i = 0; i < n && !err; i++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "burst%u", (op->arg >> 8) % 4 * 32 + i);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd < 0)
			err = -errno;
		else
			err = gen_done(fd, gen_write(t, op, fd, 0, op->len % 4096));
		if (!err && i != n / 2 && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
			err = -errno;
	}
	close(dir);
	return err;
}

/* Journal beside the file, pages in place, both synced, journal gone. */
int gen_sqlite(struct gen_thread *t, const struct gen_op *op)
{
	int fd = gen_open(t, op, &op->a, O_RDWR | O_CREAT), journal, err;
	char name[256 + 8];
	struct gen_rng r = { op->rng };
	struct gen_at at;

	if (fd < 0)
		return fd;
	err = gen_at_open(t, op, &op->a, &at);
	if (err)
		return gen_done(fd, err);
	if (op->a.leaf == LEAF_LONG)
		at.name[200] = '\0';
	snprintf(name, sizeof(name), "%s-jnl", at.name);
	journal = openat(at.dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (journal < 0) {
		err = -errno;
	} else {
		err = gen_write(t, op, journal, 0, 512 + op->len % 16384);
		if (!err && fdatasync(journal) < 0)
			err = -errno;
		for (int i = 0; i < 3 && !err; i++)
			err = gen_write(t, op, fd, 4096ull * gen_below(&r, 64), 4096);
		if (!err && fdatasync(fd) < 0)
			err = -errno;
		if (!err && unlinkat(at.dir, name, 0) < 0)
			err = -errno;
		err = gen_done(journal, err);
	}
	gen_at_close(&at);
	return gen_done(fd, err);
}

/* Editors and package managers: a new file is renamed over the old one. */
int gen_save(struct gen_thread *t, const struct gen_op *op)
{
	char name[32];
	struct gen_at at;
	int err = gen_at_open(t, op, &op->a, &at), fd;

	if (err)
		return err;
	snprintf(name, sizeof(name), ".save%u~", op->thread);
	fd = openat(at.dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno : gen_done(fd, gen_write(t, op, fd, 0, op->len));
	if (!err && renameat(at.dir, name, at.dir, at.name) < 0)
		err = -errno;
	gen_at_close(&at);
	return err;
}

/* A file that has no name until it is whole. */
int gen_tmpfile(struct gen_thread *t, const struct gen_op *op)
{
	char proc[64];
	struct gen_at at;
	int err = gen_at_open(t, op, &op->a, &at), fd;

	if (err)
		return err;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", at.dir);
	fd = open(proc, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0640);
	err = fd < 0 ? -errno : gen_write(t, op, fd, op->off, op->len);
	if (!err) {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, proc, at.dir, at.name, AT_SYMLINK_FOLLOW) < 0)
			err = -errno;
	}
	gen_at_close(&at);
	return fd < 0 ? err : gen_done(fd, err);
}

static int big_write(struct gen_thread *t, const struct gen_op *op, int fd)
{
	struct gen_rng r = { op->rng };
	uint64_t size = t->cfg->big_bytes;
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size < size) {
		for (uint64_t off = st.st_size; off < size && !err; off += GEN_BUFFER)
			err = gen_write(t, op, fd, off,
					size - off < GEN_BUFFER ? size - off : GEN_BUFFER);
		return err;
	}
	for (unsigned int i = 0; i < 1 + op->arg % 8 && !err; i++) {
		uint32_t len = 1 + gen_below(&r, 4096);
		uint64_t span = size - len;

		err = gen_write(t, op, fd, (uint64_t)gen_below(&r, span >> 6) << 6, len);
	}
	return err;
}

/* Two big files at the top: small writes into them, now and then swapped. */
int gen_big(struct gen_thread *t, const struct gen_op *op)
{
	struct gen_at a, b;
	int err, fd;

	if (op->arg >> 8 & 15) {
		fd = gen_open(t, op, &op->a, O_RDWR | O_CREAT);
		return fd < 0 ? fd : gen_done(fd, big_write(t, op, fd));
	}
	err = gen_at_open(t, op, &op->a, &a);
	if (err)
		return err;
	err = gen_at_open(t, op, &op->b, &b);
	if (!err) {
		if (renameat2(a.dir, a.name, b.dir, b.name, RENAME_EXCHANGE) < 0)
			err = -errno;
		gen_at_close(&b);
	}
	gen_at_close(&a);
	return err;
}
