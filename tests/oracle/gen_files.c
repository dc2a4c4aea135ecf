// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_files.c - operations that write or cut file data through one name, a
 * second name, a descriptor held for long, or a mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gen.h"

int gen_create(struct gen_thread *t, const struct gen_op *op)
{
	int fd = gen_open(t, op, &op->a, O_WRONLY | O_CREAT | (op->arg & 1 ? O_EXCL : 0));

	return fd < 0 ? fd : gen_done(fd, gen_write(t, op, fd, 0, op->len));
}

static int write_vector(struct gen_thread *t, const struct gen_op *op, int fd)
{
	uint32_t cut = op->arg % (op->len + 1);
	struct iovec iov[3] = {
		{ t->buf, cut }, { t->buf + cut, 0 }, { t->buf + cut, op->len - cut },
	};

	gen_fill(t->buf, op->len, op->off, t->cfg, op);
	return pwritev(fd, iov, 3, op->off) < 0 ? -errno : 0;
}

static int append(struct gen_thread *t, const struct gen_op *op, int fd)
{
	/* Where it lands is not known: the bytes say offset 0. */
	gen_fill(t->buf, op->len, 0, t->cfg, op);
	return write(fd, t->buf, op->len) < 0 ? -errno : 0;
}

/* truncate() by name, which is another way in than ftruncate(). */
static int truncate_name(struct gen_thread *t, const struct gen_op *op)
{
	int fd = gen_open(t, op, &op->a, O_PATH), err = 0;
	char proc[64];

	if (fd < 0)
		return fd;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (truncate(proc, op->off) < 0)
		err = -errno;
	return gen_done(fd, err);
}

int gen_data(struct gen_thread *t, const struct gen_op *op)
{
	int flags = O_WRONLY, fd, err;

	if (op->kind == GEN_TRUNCATE)
		return truncate_name(t, op);
	if (op->kind == GEN_APPEND)
		flags |= O_APPEND;
	if (op->kind == GEN_O_TRUNC)
		flags |= O_TRUNC;
	/* The low bits mean something to some kinds below. */
	if (op->arg >> 8 & 1)
		flags |= O_CREAT;
	fd = gen_open(t, op, &op->a, flags);
	if (fd < 0)
		return fd;
	switch (op->kind) {
	case GEN_APPEND:
		err = append(t, op, fd);
		break;
	case GEN_WRITEV:
		err = write_vector(t, op, fd);
		break;
	case GEN_FTRUNCATE:
		err = ftruncate(fd, op->off) < 0 ? -errno : 0;
		break;
	case GEN_O_TRUNC:
		err = op->arg & 1 ? gen_write(t, op, fd, 0, op->len) : 0;
		break;
	default:
		err = gen_write(t, op, fd, op->off, op->len);
	}
	return gen_done(fd, err);
}

static int hold(struct gen_thread *t, const struct gen_op *op, const struct gen_path *p, int slot)
{
	int fd = gen_open(t, op, p, O_RDWR | O_CREAT);

	if (fd < 0)
		return fd;
	if (t->fd[slot] >= 0)
		close(t->fd[slot]);
	t->fd[slot] = fd;
	return 0;
}

void gen_hold_some(struct gen_thread *t)
{
	struct gen_op op = { .thread = t->id, .rng = t->id };

	for (int i = 0; i < GEN_FDS; i++) {
		struct gen_path p = { .leaf = LEAF_FILE, .number = (3 * i + t->id) % GEN_FILES };

		t->fd[i] = -1;
		hold(t, &op, &p, i);
	}
}

/* A held file may have been renamed, unlinked or replaced long ago. */
int gen_held(struct gen_thread *t, const struct gen_op *op)
{
	int slot = op->arg % GEN_FDS;

	if (op->kind == GEN_FD_OPEN)
		return hold(t, op, &op->a, slot);
	if (t->fd[slot] < 0)
		return -ENOENT;
	if (op->kind == GEN_FD_TRUNCATE)
		return ftruncate(t->fd[slot], op->off) < 0 ? -errno : 0;
	return gen_write(t, op, t->fd[slot], op->off, op->len);
}

/* Give a file a second name, write through that, and sometimes drop one. */
int gen_link_write(struct gen_thread *t, const struct gen_op *op)
{
	struct gen_at a, b;
	int err = gen_at_open(t, op, &op->a, &a), fd;

	if (err)
		return err;
	err = gen_at_open(t, op, &op->b, &b);
	if (err) {
		gen_at_close(&a);
		return err;
	}
	if (linkat(a.dir, a.name, b.dir, b.name, 0) < 0)
		err = -errno;
	if (!err) {
		fd = gen_open(t, op, &op->b, O_WRONLY);
		err = fd < 0 ? fd : gen_done(fd, gen_write(t, op, fd, op->off, op->len));
	}
	if (!err && op->arg % 4 == 0 && unlinkat(a.dir, a.name, 0) < 0)
		err = -errno;
	if (!err && op->arg % 4 == 1 && unlinkat(b.dir, b.name, 0) < 0)
		err = -errno;
	gen_at_close(&a);
	gen_at_close(&b);
	return err;
}

/* Another thread may cut the file under the mapping: SIGBUS is an answer. */
static __thread sigjmp_buf bus;
static __thread volatile bool in_store;

static void on_bus(int sig)
{
	if (in_store)
		siglongjmp(bus, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static int store(struct gen_thread *t, const struct gen_op *op, char *map, uint64_t base,
		 uint64_t off, uint32_t len)
{
	struct sigaction act = { .sa_handler = on_bus, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &act, NULL);
	in_store = true;
	if (sigsetjmp(bus, 1)) {
		in_store = false;
		return -EFBIG;
	}
	gen_fill(map + (off - base), len, off, t->cfg, op);
	in_store = false;
	return 0;
}

int gen_mmap(struct gen_thread *t, const struct gen_op *op)
{
	int fd = gen_open(t, op, &op->a, O_RDWR), err;
	uint64_t off, base;
	uint32_t len = op->len;
	struct stat st;
	char *map;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return gen_done(fd, -errno);
	if (!st.st_size)
		return gen_done(fd, -ENODATA);
	off = op->off % st.st_size;
	base = off & ~4095ull;
	if (len > st.st_size - off)
		len = st.st_size - off;
	map = mmap(NULL, off + len - base, PROT_READ | PROT_WRITE, MAP_SHARED, fd, base);
	if (map == MAP_FAILED)
		return gen_done(fd, -errno);
	/* Half the time the file is closed first: the mapping lives on. */
	err = op->arg & 1 ? gen_done(fd, 0) : 0;
	if (!err)
		err = store(t, op, map, base, off, len);
	if (!err && op->arg & 2 && msync(map, off + len - base, MS_SYNC) < 0)
		err = -errno;
	munmap(map, off + len - base);
	return op->arg & 1 ? err : gen_done(fd, err);
}
