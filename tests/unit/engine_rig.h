/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/engine_rig.h - both halves of the engine over a socket pair, in two processes; comparing.
 */
#ifndef TM_TESTS_ENGINE_RIG_H
#define TM_TESTS_ENGINE_RIG_H

#include "source_ops.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "target/target.h"

static struct {
	char dir[160];
	int root;
	pid_t pid;
} dst;

static struct ops ops;
static bool no_compare;	/* the next target does not know how */

/* ---- the target's process ---- */

static _unused_ int serve_child(int fd)
{
	char state[200];
	struct tm_target_opts o = { .sz = sizeof(o), .inplace_bytes = 65536, .state_path = state };
	struct tm_link *l = tm_plain_link_new(fd, 20000);
	struct tm_msg_text text = { 0 };
	struct tm_target *t;
	int e;

	if (no_compare)
		l->features = 0;
	snprintf(state, sizeof(state), "%s/.tidemark", dst.dir);
	o.rootfd = open(dst.dir, O_RDONLY | O_DIRECTORY);
	e = tm_target_open(&o, &t);
	if (e < 0) {
		printf("# target does not open: %s\n", strerror(-e));
		return 1;
	}
	e = tm_target_serve(t, l, &text);
	if (e < 0 && e != -ECONNRESET)
		printf("# target: %s %s\n", strerror(-e), text.text);
	tm_target_close(t);
	tm_plain_link_free(l);
	return 0;
}

static _unused_ int join(struct rig *r)
{
	struct tm_msg_ready ready;
	int sv[2], e;

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	fflush(NULL);
	MUST(dst.pid = fork());
	if (!dst.pid) {
		close(sv[0]);
		e = serve_child(sv[1]);
		fflush(NULL);
		_exit(e);
	}
	close(sv[1]);
	r->here = tm_plain_link_new(sv[0], 20000);
	e = tm_source_session(r->s, r->here, ++r->fence, &ready, &r->text);
	if (e < 0)
		printf("# session: %s %s\n", strerror(-e), r->text.text);
	return e;
}

static _unused_ void leave(struct rig *r)
{
	int status;

	tm_plain_link_free(r->here);
	r->here = NULL;
	waitpid(dst.pid, &status, 0);
}

static _unused_ struct rig *engine_new(void)
{
	struct rig *r = rig_new();

	snprintf(dst.dir, sizeof(dst.dir), "%s-target", r->dir);
	MUST(mkdir(dst.dir, 0755));
	dst.root = open(dst.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rig_open(r) < 0 || join(r) < 0)
		abort();
	chg_all(r);
	if (rig_replicate(r) < 0)
		abort();
	ops = (struct ops){ .r = r, .seed = ops_seed() };
	return r;
}

static _unused_ void engine_free(struct rig *r)
{
	if (r->here)
		leave(r);
	close(dst.root);
	nftw(dst.dir, rig_rm, 64, FTW_DEPTH | FTW_PHYS);
	rig_free(r);
}

/* ---- comparing ---- */

static int differences;

static _unused_ void differ(const char *path, const char *what)
{
	if (!differences++)
		printf("# first difference: %s: %s\n", path, what);
}

static _unused_ bool same_bytes(int a, int b)
{
	static char x[1 << 16], y[1 << 16];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(a, x, sizeof(x), at), k = pread(b, y, sizeof(y), at);

		if (n != k || n < 0 || memcmp(x, y, (size_t)n))
			return false;
		if (!n)
			return true;
		at += n;
	}
}

static _unused_ bool same_xattrs(int a, int b)
{
	static const char *const names[] = { "user.odd", "user.even" };
	char x[16], y[16];

	for (int i = 0; i < 2; i++) {
		ssize_t n = fgetxattr(a, names[i], x, sizeof(x)), k = fgetxattr(b, names[i], y, sizeof(y));

		if (n != k || (n > 0 && memcmp(x, y, (size_t)n)))
			return false;
	}
	return true;
}

static _unused_ void compare_one(const char *path, int a, int b)
{
	struct stat x, y;
	char tx[512] = "", ty[512] = "";
	int fa, fb;

	if (fstatat(b, path, &y, AT_SYMLINK_NOFOLLOW) < 0) {
		differ(path, "missing on the target");
		return;
	}
	MUST(fstatat(a, path, &x, AT_SYMLINK_NOFOLLOW));
	if (x.st_mode != y.st_mode)
		differ(path, "mode or kind");
	if (x.st_uid != y.st_uid || x.st_gid != y.st_gid)
		differ(path, "owner");
	if (x.st_mtim.tv_sec != y.st_mtim.tv_sec || x.st_mtim.tv_nsec != y.st_mtim.tv_nsec)
		differ(path, "mtime");
	if (!S_ISDIR(x.st_mode) && (x.st_nlink != y.st_nlink || x.st_size != y.st_size))
		differ(path, "links or size");
	if (S_ISLNK(x.st_mode) && S_ISLNK(y.st_mode)) {
		MUST(readlinkat(a, path, tx, sizeof(tx) - 1));
		MUST(readlinkat(b, path, ty, sizeof(ty) - 1));
		if (!tm_streq(tx, ty))
			differ(path, "link target");
		return;
	}
	MUST(fa = openat(a, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	MUST(fb = openat(b, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	if (S_ISREG(x.st_mode) && S_ISREG(y.st_mode) && !same_bytes(fa, fb))
		differ(path, "content");
	if (!same_xattrs(fa, fb))
		differ(path, "xattrs");
	close(fa);
	close(fb);
}

static _unused_ int count_names(struct rig *r, int root)
{
	static struct ops walk;
	int keep = r->root, n = 0;

	walk = (struct ops){ .r = r };
	r->root = root;
	ops_read_dir(&walk, "");
	r->root = keep;
	for (int i = 0; i < walk.n; i++)
		n += strncmp(walk.v[i].path, ".tidemark", 9) != 0;
	return n;
}

/* The answer to PING comes when everything acknowledged is in place. */
static _unused_ bool equal(struct rig *r)
{
	const uint8_t *p;
	uint16_t type;
	uint32_t n;

	if (tm_link_send(r->here, TM_F_PING, NULL, 0) < 0 || tm_link_recv(r->here, &type, &p, &n, -1) < 0 ||
	    type != TM_F_PONG)
		return false;
	differences = 0;
	ops.n = 0;
	ops_read_dir(&ops, "");
	for (int i = 0; i < ops.n; i++)
		compare_one(ops.v[i].path, r->root, dst.root);
	compare_one(".", r->root, dst.root);
	if (count_names(r, dst.root) != ops.n)
		differ(".", "names that are only on the target");
	return !differences;
}

#endif
