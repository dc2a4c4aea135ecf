/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/target_rig.h - the target engine in a child process, and a small source that tells it
 * everything.
 *
 * The source side asserts a whole real directory in each batch (every entry, LISTED for every
 * directory), answers what is needed, and can compare two real trees. Its hooks let a test bend
 * single answers.
 */
#ifndef TM_TESTS_TARGET_RIG_H
#define TM_TESTS_TARGET_RIG_H

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "digest/digest.h"
#include "lib/fd.h"
#include "target/target.h"
#include "tests/lib/plain_link.h"
#include "tests/unit/tap.h"

#define RIG_MAX_OBJ 200000

struct rig_obj {
	struct tm_oid oid;
	struct tm_attrs a;
	char *path;
};

/* What HASHES said of one file. */
struct rig_hashes {
	struct tm_oid oid;
	uint64_t size, next;
	uint32_t block, flags;
	uint8_t *hash;
};

struct rig {
	char dir[64];
	char src[80], dst[80];
	struct tm_link *l;
	pid_t pid;
	uint64_t fence, seq;
	uint64_t inplace;
	uint32_t brake_percent;
	uint64_t brake_objects;
	bool allow_suid, allow_devices;
	struct rig_obj *objs;
	size_t n_objs;
	size_t needs[6]; /* of the last batch, by kind */
	struct rig_hashes *hashes;
	size_t n_hashes;
	uint64_t sent;	 /* bytes of DATA in the last batch */
	struct {
		size_t content, attrs, missing, foreign;
	} found;	 /* in the last batch */
	uint64_t features_off;
	struct tm_msg_ack ack;
	struct tm_msg_text error;
	struct tm_msg_stop stop;
	uint32_t assert_flags; /* for every entry of a regular file */
	bool torn_first;       /* each frame is torn once, then good */
	bool all_torn;	       /* files end TORN */
	bool look;	       /* the batch only looks */
	bool no_ping;	       /* return at ACK, not when the batch is applied */
	uint16_t ended;	       /* frame that ended the last batch: ACK, STOP, ERROR; 0: link gone */
};

static _unused_ char *rig_path(const char *fmt, ...)
{
	static char buf[8][4500];
	static int k;
	va_list ap;

	k = (k + 1) % 8;
	va_start(ap, fmt);
	vsnprintf(buf[k], sizeof(buf[k]), fmt, ap);
	va_end(ap);
	return buf[k];
}

static _unused_ void rig_rm(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static _unused_ void rig_init(struct rig *g)
{
	const char *tmp = getenv("TMPDIR");

	memset(g, 0, sizeof(*g));
	snprintf(g->dir, sizeof(g->dir), "%s/tm-target-XXXXXX",
		 tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(g->dir))
		abort();
	snprintf(g->src, sizeof(g->src), "%s/s", g->dir);
	snprintf(g->dst, sizeof(g->dst), "%s/t", g->dir);
	if (mkdir(g->src, 0755) < 0 || mkdir(g->dst, 0755) < 0)
		abort();
	g->inplace = 65536;
}

static void rig_objs_free(struct rig *g)
{
	for (size_t i = 0; i < g->n_objs; i++)
		free(g->objs[i].path);
	free(g->objs);
	g->objs = NULL;
	g->n_objs = 0;
	for (size_t i = 0; i < g->n_hashes; i++)
		free(g->hashes[i].hash);
	free(g->hashes);
	g->hashes = NULL;
	g->n_hashes = 0;
}

/*
 * Only there in builds with the sanitizer; a child that ends by _exit() would not look for leaks.
 */
void __lsan_do_leak_check(void) __attribute__((weak));

static int rig_serve_child(struct rig *g, int fd)
{
	struct tm_target_opts o = { .sz = sizeof(o),
				    .inplace_bytes = g->inplace,
				    .allow_suid = g->allow_suid,
				    .allow_devices = g->allow_devices,
				    .brake_percent = g->brake_percent,
				    .brake_objects = g->brake_objects };
	struct tm_link *l = tm_plain_link_new(fd, 20000);
	struct tm_msg_text text;
	struct tm_target *t;
	int r;

	l->features &= ~g->features_off;
	o.rootfd = open(g->dst, O_RDONLY | O_DIRECTORY);
	o.state_path = rig_path("%s/.tidemark", g->dst);
	r = tm_target_open(&o, &t);
	if (r == -EUCLEAN)
		r = tm_target_open(&o, &t);
	if (r == 0) {
		r = tm_target_serve(t, l, &text);
		if (r < 0 && getenv("RIG_VERBOSE"))
			printf("# serve: %d %s\n", r, text.text);
		tm_target_close(t);
	}
	tm_plain_link_free(l);
	close(o.rootfd);
	return r;
}

/* Start the target in a child. @fail: TM_FAIL for it, or NULL. */
static _unused_ void rig_start(struct rig *g, const char *fail)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		abort();
	fflush(stdout);
	g->pid = fork();
	if (g->pid == 0) {
		int r;

		close(fd[0]);
		if (fail)
			setenv("TM_FAIL", fail, 1);
		r = rig_serve_child(g, fd[1]);
		fflush(stdout);
		rig_objs_free(g);
		tm_plain_link_free(g->l);
		g->l = NULL;
		if (__lsan_do_leak_check)
			__lsan_do_leak_check();
		_exit(r < 0 ? -r : 0);
	}
	close(fd[1]);
	g->l = tm_plain_link_new(fd[0], 20000);
}

/* Returns the child's status: exit code, or 1000 + signal. */
static _unused_ int rig_stop(struct rig *g)
{
	int st;

	tm_plain_link_free(g->l);
	g->l = NULL;
	waitpid(g->pid, &st, 0);
	return WIFSIGNALED(st) ? 1000 + WTERMSIG(st) : WEXITSTATUS(st);
}

static _unused_ void rig_end(struct rig *g)
{
	if (g->l)
		rig_stop(g);
	rig_objs_free(g);
	rig_rm(g->dir);
}

static _unused_ int rig_bye(struct rig *g)
{
	struct tm_msg_text m = { 0 };
	struct tm_buf b = { 0 };

	tm_msg_text_put(&b, &m);
	tm_link_send_buf(g->l, TM_F_BYE, &b);
	tm_buf_free(&b);
	return rig_stop(g);
}

/* Receive one frame of any kind; keeps ERROR texts. Its type, or -errno. */
static int rig_recv(struct rig *g, struct tm_rd *rd)
{
	const uint8_t *p;
	uint16_t type;
	uint32_t n;
	int r = tm_link_recv(g->l, &type, &p, &n, -1);

	if (r < 0)
		return r;
	*rd = tm_rd(p, n);
	if (type == TM_F_ERROR) {
		struct tm_rd copy = *rd;

		tm_msg_text_get(&copy, &g->error);
	}
	return type;
}

static struct tm_oid rig_oid(uint64_t ino)
{
	return (struct tm_oid){ .ino = ino, .gen = 1 };
}

static uint8_t rig_kind(mode_t m)
{
	switch (m & S_IFMT) {
	case S_IFREG: return TM_KIND_REG;
	case S_IFDIR: return TM_KIND_DIR;
	case S_IFLNK: return TM_KIND_LNK;
	case S_IFIFO: return TM_KIND_FIFO;
	case S_IFSOCK: return TM_KIND_SOCK;
	case S_IFCHR: return TM_KIND_CHR;
	default: return TM_KIND_BLK;
	}
}

static void rig_attrs(const struct stat *st, struct tm_attrs *a)
{
	*a = (struct tm_attrs){ .kind = rig_kind(st->st_mode),
				.mode = st->st_mode & 07777,
				.uid = st->st_uid,
				.gid = st->st_gid,
				.nlink = (uint32_t)st->st_nlink,
				.rdev = st->st_rdev,
				.mtime_s = st->st_mtim.tv_sec,
				.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
				.ctime_s = st->st_ctim.tv_sec,
				.ctime_ns = (uint32_t)st->st_ctim.tv_nsec };
	if (a->kind == TM_KIND_DIR)
		a->nlink = 0;
	if (a->kind == TM_KIND_REG || a->kind == TM_KIND_LNK)
		a->size = (uint64_t)st->st_size;
	if (a->kind != TM_KIND_CHR && a->kind != TM_KIND_BLK)
		a->rdev = 0;
}

static _unused_ int rig_session(struct rig *g, struct tm_msg_ready *ready)
{
	struct tm_msg_session m = { .fence = ++g->fence };
	struct tm_buf b = { 0 };
	struct tm_rd rd;
	struct stat st;
	int r;

	if (stat(g->src, &st) < 0)
		abort();
	m.root = rig_oid(st.st_ino);
	tm_msg_session_put(&b, &m);
	tm_link_send_buf(g->l, TM_F_SESSION, &b);
	tm_buf_free(&b);
	r = rig_recv(g, &rd);
	if (r != TM_F_READY || tm_msg_ready_get(&rd, ready) < 0)
		return r;
	g->seq = ready->last_seq;
	return r;
}

static void rig_remember(struct rig *g, struct tm_oid oid, const struct tm_attrs *a,
			 const char *path)
{
	if (!g->objs)
		g->objs = calloc(RIG_MAX_OBJ, sizeof(*g->objs));
	if (g->n_objs == RIG_MAX_OBJ)
		abort();
	g->objs[g->n_objs++] = (struct rig_obj){ oid, *a, strdup(path) };
}

static void rig_flush_asserts(struct rig *g, struct tm_buf *b, size_t limit)
{
	if (b->len <= limit)
		return;
	tm_link_send_buf(g->l, TM_F_ASSERT, b);
	tm_buf_reset(b);
}

static void rig_walk(struct rig *g, struct tm_buf *b, const char *rel, struct tm_oid dir)
{
	struct dirent *de;
	struct tm_assert a;
	DIR *d = opendir(rig_path("%s/%s", g->src, rel));

	while (d && (de = readdir(d))) {
		char path[4200], target[4096];
		struct stat st;
		ssize_t n;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s%s%s", rel, *rel ? "/" : "", de->d_name);
		if (lstat(rig_path("%s/%s", g->src, path), &st) < 0)
			continue;
		a = (struct tm_assert){ .type = TM_ASSERT_ENTRY,
					.parent = dir,
					.name = de->d_name,
					.name_len = (uint32_t)strlen(de->d_name),
					.oid = rig_oid(st.st_ino) };
		rig_attrs(&st, &a.attrs);
		if (a.attrs.kind == TM_KIND_REG || (g->assert_flags & TM_AF_COMPARE))
			a.flags = g->assert_flags;
		if (a.attrs.kind == TM_KIND_LNK) {
			n = readlink(rig_path("%s/%s", g->src, path), target, sizeof(target));
			a.symlink = target;
			a.symlink_len = n > 0 ? (uint32_t)n : 0;
		}
		tm_assert_put(b, &a);
		rig_remember(g, a.oid, &a.attrs, path);
		if (a.attrs.kind == TM_KIND_DIR)
			rig_walk(g, b, path, a.oid);
		rig_flush_asserts(g, b, 60000);
	}
	if (d)
		closedir(d);
	a = (struct tm_assert){ .type = TM_ASSERT_LISTED, .oid = dir };
	tm_assert_put(b, &a);
}

static void rig_xattrs(const char *path, struct tm_buf *b)
{
	char names[4096];
	ssize_t n = llistxattr(path, names, sizeof(names));

	for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		uint8_t value[4096];
		ssize_t k = lgetxattr(path, p, value, sizeof(value));

		if (k >= 0 && (!strncmp(p, "user.", 5) || !strncmp(p, "system.posix_acl", 16)))
			tm_xattr_put(b, p, value, (uint32_t)k);
	}
}

static void rig_file_head(struct rig *g, const struct rig_obj *o, uint32_t flags)
{
	struct tm_msg_file m = { .oid = o->oid, .flags = flags, .attrs = o->a };
	struct tm_buf x = { 0 }, b = { 0 };

	if (o->a.kind == TM_KIND_REG || o->a.kind == TM_KIND_DIR)
		rig_xattrs(rig_path("%s/%s", g->src, o->path), &x);
	m.xattrs = x.data;
	m.xattrs_len = (uint32_t)x.len;
	tm_msg_file_put(&b, &m);
	tm_link_send_buf(g->l, TM_F_FILE, &b);
	tm_buf_free(&x);
	tm_buf_free(&b);
}

static void rig_data(struct rig *g, uint64_t off, const void *p, uint32_t n, uint8_t verdict)
{
	struct tm_buf b = { 0 };

	tm_put_u64(&b, off);
	tm_put_u32(&b, n);
	tm_put_u32(&b, 0);
	tm_put_raw(&b, p, n);
	tm_link_send_buf(g->l, TM_F_DATA, &b);
	tm_link_send(g->l, TM_F_VERDICT, &verdict, 1);
	g->sent += n;
	tm_buf_free(&b);
}

static void rig_hole(struct rig *g, uint64_t off, uint64_t len)
{
	struct tm_buf b = { 0 };

	tm_put_u64(&b, off);
	tm_put_u64(&b, len);
	tm_link_send_buf(g->l, TM_F_HOLE, &b);
	tm_buf_free(&b);
}

static void rig_file_end(struct rig *g, uint8_t result, int err)
{
	struct tm_msg_file_end m = { result, err };
	struct tm_buf b = { 0 };

	tm_msg_file_end_put(&b, &m);
	tm_link_send_buf(g->l, TM_F_FILE_END, &b);
	tm_buf_free(&b);
}

static void rig_whole(struct rig *g, const struct rig_obj *o)
{
	static uint8_t buf[65536], junk[65536];
	int fd = open(rig_path("%s/%s", g->src, o->path), O_RDONLY);
	off_t at = 0, size = (off_t)o->a.size;

	rig_file_head(g, o, TM_FF_WHOLE);
	memset(junk, 0x5a, sizeof(junk));
	while (at < size) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0 || data > size)
			data = size;
		if (data > at)
			rig_hole(g, (uint64_t)at, (uint64_t)(data - at));
		hole = data < size ? lseek(fd, data, SEEK_HOLE) : size;
		for (at = data; at < hole;) {
			ssize_t n = pread(fd, buf, TM_MIN((size_t)(hole - at), sizeof(buf)), at);

			if (n <= 0)
				break;
			if (g->torn_first || g->all_torn)
				rig_data(g, (uint64_t)at, junk, (uint32_t)n, TM_VERDICT_TORN);
			if (!g->all_torn)
				rig_data(g, (uint64_t)at, buf, (uint32_t)n, TM_VERDICT_GOOD);
			at += n;
		}
	}
	rig_file_end(g, g->all_torn ? TM_FILE_TORN : TM_FILE_OK, 0);
	close(fd);
}

/* Blocks of the source that are not what HASHES said. */
static void rig_compared(struct rig *g, const struct rig_obj *o, const struct rig_hashes *h, bool look)
{
	int fd = open(rig_path("%s/%s", g->src, o->path), O_RDONLY);
	uint64_t size = o->a.size, differ = 0;
	uint8_t *buf = malloc(h->block), hash[TM_DIGEST_LEN];
	struct tm_digest *d;

	if (tm_digest_new(&d) < 0)
		abort();
	for (int pass = 0; pass < 2; pass++) {
		if (pass)
			rig_file_head(g, o, (!differ && size == h->size) || look ? TM_FF_ATTR_ONLY : 0);
		for (uint64_t off = 0, i = 0; off < size && !(pass && look); off += h->block, i++) {
			uint32_t n = (uint32_t)TM_MIN(size - off, (uint64_t)h->block);

			if (pread(fd, buf, n, (off_t)off) != (ssize_t)n)
				abort();
			tm_digest_mem(d, buf, n, hash);
			if (off + n <= h->size && (n == h->block || size == h->size) &&
			    !memcmp(hash, h->hash + i * TM_HASH_LEN, TM_HASH_LEN))
				continue;
			differ++;
			for (uint32_t k = 0; pass && k < n; k += 65536)
				rig_data(g, off + k, buf + k, TM_MIN(n - k, 65536u), TM_VERDICT_GOOD);
		}
	}
	rig_file_end(g, TM_FILE_OK, 0);
	tm_digest_free(d);
	free(buf);
	close(fd);
}

static const struct rig_hashes *rig_hashes_of(struct rig *g, struct tm_oid oid)
{
	for (size_t i = 0; i < g->n_hashes; i++)
		if (tm_oid_eq(g->hashes[i].oid, oid))
			return &g->hashes[i];
	return NULL;
}

static void rig_answer(struct rig *g, const struct tm_need *n)
{
	for (size_t i = 0; i < g->n_objs; i++) {
		if (!tm_oid_eq(g->objs[i].oid, n->oid))
			continue;
		if (n->what == TM_NEED_COMPARE) {
			rig_compared(g, &g->objs[i], rig_hashes_of(g, n->oid), g->look);
		} else if (n->what == TM_NEED_WHOLE || n->what == TM_NEED_DIRTY) {
			rig_whole(g, &g->objs[i]);
		} else {
			rig_file_head(g, &g->objs[i], TM_FF_ATTR_ONLY);
			rig_file_end(g, TM_FILE_OK, 0);
		}
		return;
	}
}

static void rig_batch_begin(struct rig *g, uint32_t flags)
{
	struct tm_msg_batch m = {
		.seq = g->seq + 1, .fence = g->fence, .flags = flags, .taken_ns = 1
	};
	struct tm_buf b = { 0 };

	rig_objs_free(g);
	memset(g->needs, 0, sizeof(g->needs));
	memset(&g->found, 0, sizeof(g->found));
	g->sent = 0;
	g->look = flags & TM_BATCH_LOOK;
	g->ended = 0;
	tm_msg_batch_put(&b, &m);
	tm_link_send_buf(g->l, TM_F_BATCH, &b);
	tm_buf_free(&b);
}

static _unused_ void rig_assert(struct rig *g, const struct tm_assert *a)
{
	struct tm_buf b = { 0 };

	tm_assert_put(&b, a);
	tm_link_send_buf(g->l, TM_F_ASSERT, &b);
	tm_buf_free(&b);
}

/* One record of HASHES: 1 for the first one of a file. */
static int rig_hashes_take(struct rig *g, const struct tm_hashes *h)
{
	uint64_t blocks = tm_blocks_of(h->size, h->block);
	struct rig_hashes *x = (struct rig_hashes *)rig_hashes_of(g, h->oid);
	bool first = !x;

	if (first) {
		g->hashes = realloc(g->hashes, (g->n_hashes + 1) * sizeof(*x));
		x = &g->hashes[g->n_hashes++];
		*x = (struct rig_hashes){ h->oid, h->size, 0, h->block, h->flags,
					  malloc(blocks * TM_HASH_LEN + 1) };
	}
	if (x->next != h->first || x->block != h->block || x->size != h->size)
		abort();
	memcpy(x->hash + x->next * TM_HASH_LEN, h->hash, (size_t)h->n * TM_HASH_LEN);
	x->next += h->n;
	return first;
}

/* Needs until NEED_END into @v; their number, or -1 (g->ended tells). */
static ssize_t rig_needs(struct rig *g, struct tm_need *v, size_t cap)
{
	size_t n = 0;
	struct tm_rd rd;
	int type;

	tm_link_send(g->l, TM_F_ASSERT_END, NULL, 0);
	while ((type = rig_recv(g, &rd)) == TM_F_NEED || type == TM_F_HASHES) {
		struct tm_hashes h;

		while (type == TM_F_NEED && n < cap && tm_need_get(&rd, &v[n]) == 0)
			g->needs[v[n++].what]++;
		while (type == TM_F_HASHES && n < cap && tm_hashes_get(&rd, &h) == 0) {
			if (!rig_hashes_take(g, &h))
				continue;
			v[n++] = (struct tm_need){ TM_NEED_COMPARE, h.oid };
			g->needs[TM_NEED_COMPARE]++;
		}
	}
	if (type == TM_F_NEED_END)
		return (ssize_t)n;
	g->ended = type > 0 ? (uint16_t)type : 0;
	return -1;
}

static uint16_t rig_commit(struct rig *g)
{
	struct tm_rd rd;
	int type;

	tm_link_send(g->l, TM_F_BATCH_END, NULL, 0);
	while ((type = rig_recv(g, &rd)) == TM_F_FOUND) {
		struct tm_found f;

		while (tm_found_get(&rd, &f) == 0) {
			g->found.content += (f.what & TM_FOUND_CONTENT) != 0;
			g->found.attrs += (f.what & TM_FOUND_ATTRS) != 0;
			g->found.missing += (f.what & TM_FOUND_MISSING) != 0;
			g->found.foreign += (f.what & TM_FOUND_FOREIGN) != 0;
		}
	}
	g->ended = type > 0 ? (uint16_t)type : 0;
	if (type == TM_F_ACK && tm_msg_ack_get(&rd, &g->ack) == 0) {
		g->seq = g->ack.seq;
		/* ACK leaves before the batch is applied; the answer to a PING comes after. */
		if (!g->no_ping) {
			tm_link_send(g->l, TM_F_PING, NULL, 0);
			if (rig_recv(g, &rd) != TM_F_PONG)
				g->ended = 0;
		}
	}
	if (type == TM_F_STOP)
		tm_msg_stop_get(&rd, &g->stop);
	return g->ended;
}

/*
 * Assert the whole source, answer all needs, commit. The frame that ended it; 0: the link is gone.
 */
static _unused_ uint16_t rig_sync(struct rig *g, uint32_t flags)
{
	struct tm_need *needs = calloc(RIG_MAX_OBJ, sizeof(*needs));
	struct tm_assert a = { .type = TM_ASSERT_OBJECT };
	struct tm_buf b = { 0 };
	struct stat st;
	ssize_t n;

	rig_batch_begin(g, flags);
	if (stat(g->src, &st) < 0)
		abort();
	a.oid = rig_oid(st.st_ino);
	a.flags = g->assert_flags & TM_AF_COMPARE;
	rig_attrs(&st, &a.attrs);
	tm_assert_put(&b, &a);
	rig_remember(g, a.oid, &a.attrs, "");
	rig_walk(g, &b, "", a.oid);
	rig_flush_asserts(g, &b, 0);
	tm_buf_free(&b);
	n = rig_needs(g, needs, RIG_MAX_OBJ);
	for (ssize_t i = 0; i < n; i++)
		if (needs[i].what != TM_NEED_LIST)
			rig_answer(g, &needs[i]);
	free(needs);
	return n < 0 ? g->ended : rig_commit(g);
}

/* ---- comparing two real trees ---- */

static char rig_diff[1000];

static bool rig_differs(const char *path, const char *what)
{
	snprintf(rig_diff, sizeof(rig_diff), "%s: %s differs", path, what);
	return false;
}

static int rig_name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t rig_list(const char *dir, char **v, size_t cap, bool top)
{
	struct dirent *de;
	DIR *d = opendir(dir);
	size_t n = 0;

	while (d && (de = readdir(d)) && n < cap)
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, "..") &&
		    !(top && !strcmp(de->d_name, ".tidemark")))
			v[n++] = strdup(de->d_name);
	if (d)
		closedir(d);
	qsort(v, n, sizeof(*v), rig_name_cmp);
	return n;
}

static bool rig_same_content(const char *a, const char *b, off_t size)
{
	static uint8_t x[65536], y[65536];
	int fa = open(a, O_RDONLY), fb = open(b, O_RDONLY);
	bool same = fa >= 0 && fb >= 0;

	for (off_t at = 0; same && at < size;) {
		ssize_t n = pread(fa, x, sizeof(x), at), m = pread(fb, y, sizeof(y), at);

		same = n > 0 && n == m && !memcmp(x, y, (size_t)n);
		at += n;
	}
	close(fa);
	close(fb);
	return same;
}

static bool rig_same_xattrs(const char *a, const char *b)
{
	struct tm_buf x = { 0 }, y = { 0 };
	bool same;

	rig_xattrs(a, &x);
	rig_xattrs(b, &y);
	/* Both list in their file system's order; sets of one or two in the tests. */
	same = x.len == y.len && (!x.len || !memcmp(x.data, y.data, x.len));
	tm_buf_free(&x);
	tm_buf_free(&y);
	return same;
}

static bool rig_same_one(const char *a, const char *b, bool times)
{
	char ta[4096], tb[4096];
	struct stat x, y;
	ssize_t n, m;

	if (lstat(a, &x) < 0 || lstat(b, &y) < 0)
		return rig_differs(b, "existence");
	if ((x.st_mode & S_IFMT) != (y.st_mode & S_IFMT))
		return rig_differs(b, "type");
	if (!S_ISLNK(x.st_mode) && x.st_mode != y.st_mode)
		return rig_differs(b, "mode");
	if (x.st_uid != y.st_uid || x.st_gid != y.st_gid)
		return rig_differs(b, "owner");
	if (times &&
	    (x.st_mtim.tv_sec != y.st_mtim.tv_sec || x.st_mtim.tv_nsec != y.st_mtim.tv_nsec))
		return rig_differs(b, "mtime");
	if (!S_ISDIR(x.st_mode) && x.st_nlink != y.st_nlink)
		return rig_differs(b, "nlink");
	if (S_ISREG(x.st_mode) && (x.st_size != y.st_size || !rig_same_content(a, b, x.st_size)))
		return rig_differs(b, "content");
	if (S_ISLNK(x.st_mode)) {
		n = readlink(a, ta, sizeof(ta));
		m = readlink(b, tb, sizeof(tb));
		if (n != m || memcmp(ta, tb, (size_t)n))
			return rig_differs(b, "link target");
	}
	return S_ISLNK(x.st_mode) || rig_same_xattrs(a, b) || rig_differs(b, "xattrs");
}

static bool rig_same_dir(const char *a, const char *b, bool top, bool times)
{
	char **va = calloc(20000, sizeof(*va)), **vb = calloc(20000, sizeof(*vb));
	size_t na = rig_list(a, va, 20000, top), nb = rig_list(b, vb, 20000, top);
	bool same = na == nb && rig_same_one(a, b, times);

	if (na != nb)
		rig_differs(b, "number of entries");
	for (size_t i = 0; i < na && same; i++) {
		char pa[4200], pb[4200];
		struct stat st;

		if (strcmp(va[i], vb[i])) {
			same = rig_differs(b, va[i]);
			break;
		}
		snprintf(pa, sizeof(pa), "%s/%s", a, va[i]);
		snprintf(pb, sizeof(pb), "%s/%s", b, vb[i]);
		if (lstat(pa, &st) == 0 && S_ISDIR(st.st_mode))
			same = rig_same_dir(pa, pb, false, times);
		else
			same = rig_same_one(pa, pb, times);
	}
	for (size_t i = 0; i < na; i++)
		free(va[i]);
	for (size_t i = 0; i < nb; i++)
		free(vb[i]);
	free(va);
	free(vb);
	return same;
}

/* Equal in everything but ctime and inode numbers? rig_diff says where not. */
static _unused_ bool rig_same(const char *a, const char *b)
{
	return rig_same_dir(a, b, true, true);
}

/* ---- changing a real tree ---- */

static _unused_ void rig_write(const char *path, uint64_t off, size_t n, uint64_t seed)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	uint8_t buf[4096];

	while (n) {
		size_t k = TM_MIN(n, sizeof(buf));

		for (size_t i = 0; i < k; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			buf[i] = (uint8_t)(seed >> 33);
		}
		if (pwrite(fd, buf, k, (off_t)off) != (ssize_t)k)
			abort();
		off += k;
		n -= k;
	}
	close(fd);
}

#define RIG_OK(e)                                                                                  \
	do {                                                                                       \
		if ((e) < 0) {                                                                     \
			perror(#e);                                                                \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
