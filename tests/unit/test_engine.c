/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both halves of the engine over a socket pair, in two processes: random changes with exact records on the
 * source, equal trees after each round, kills of the target in mid-batch.
 */
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

/* ---- the target's process ---- */

static int serve_child(int fd)
{
	char state[200];
	struct tm_target_opts o = { .sz = sizeof(o), .inplace_bytes = 65536, .state_path = state };
	struct tm_link *l = tm_plain_link_new(fd, 20000);
	struct tm_msg_text text = { 0 };
	struct tm_target *t;
	int e;

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

static int join(struct rig *r)
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

static void leave(struct rig *r)
{
	int status;

	tm_plain_link_free(r->here);
	r->here = NULL;
	waitpid(dst.pid, &status, 0);
}

static struct rig *engine_new(void)
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

static void engine_free(struct rig *r)
{
	if (r->here)
		leave(r);
	close(dst.root);
	nftw(dst.dir, rig_rm, 64, FTW_DEPTH | FTW_PHYS);
	rig_free(r);
}

/* ---- comparing ---- */

static int differences;

static void differ(const char *path, const char *what)
{
	if (!differences++)
		printf("# first difference: %s: %s\n", path, what);
}

static bool same_bytes(int a, int b)
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

static bool same_xattrs(int a, int b)
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

static void compare_one(const char *path, int a, int b)
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

static int count_names(struct rig *r, int root)
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
static bool equal(struct rig *r)
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

static int settle(struct rig *r)
{
	for (int i = 0; i < 12; i++) {
		int e = rig_replicate(r);

		if (e < 0) {
			printf("# %s %s%s\n", strerror(-e), r->stop.text, r->text.text);
			return e;
		}
		if (!rig_take_again(r))
			return 0;
	}
	return -EBUSY;
}

static void some_ops(uint32_t most)
{
	for (uint32_t k = 1 + ops_rand(&ops, most); k; k--)
		ops_one(&ops);
}

TEST(random_rounds_end_in_equal_trees)
{
	struct rig *r = engine_new();

	for (int i = 0; i < ops_rounds(); i++) {
		some_ops(40);
		if (ops_rand(&ops, 10) == 0)
			chg_all(r);
		CHECK_EQ(settle(r), 0);
		CHECK(equal(r));
		CHECK_EQ(r->n_failed, 0);
	}
	engine_free(r);
}

static struct tm_change_set *later;

static void change_now_and_then(struct rig *r)
{
	struct tm_change_set *now = r->set;

	if (ops_rand(&ops, 3))
		return;
	r->set = later;
	ops_one(&ops);
	r->set = now;
}

TEST(changes_during_replication_are_caught_up_with)
{
	struct rig *r = engine_new();

	later = tm_change_set_new(0);
	leave(r);
	tm_source_close(r->s);
	r->opts.batch_objects = 16;
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(join(r), 0);
	for (int i = 0; i < ops_rounds(); i++) {
		some_ops(20);
		for (int k = 0; k < 3; k++) {
			r->on_poll = change_now_and_then;
			CHECK_EQ(rig_replicate(r), 0);
			rig_take_again(r);
			tm_change_set_merge(r->set, later);
			tm_change_set_clear(later);
		}
		r->on_poll = NULL;
		CHECK_EQ(settle(r), 0);
		CHECK(equal(r));
	}
	tm_change_set_free(later);
	engine_free(r);
}

static int kill_in;

static void kill_target(struct rig *r)
{
	(void)r;
	if (kill_in > 0 && !--kill_in)
		kill(dst.pid, SIGKILL);
}

TEST(a_target_killed_in_mid_batch_gets_the_set_again)
{
	struct rig *r = engine_new();
	int kills = 0;

	leave(r);
	tm_source_close(r->s);
	r->opts.batch_objects = 12;
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(join(r), 0);
	for (int i = 0; i < ops_rounds(); i++) {
		int e;

		some_ops(60);
		kill_in = 1 + (int)ops_rand(&ops, 40);
		r->on_poll = kill_target;
		e = rig_replicate(r);
		r->on_poll = NULL;
		if (e < 0) {
			kills++;
			leave(r);
			if (ops_rand(&ops, 3) == 0) {
				/* The source too: its index is of now, the set of before. */
				tm_source_close(r->s);
				CHECK_EQ(rig_open(r), 0);
			}
			CHECK_EQ(join(r), 0);
		}
		rig_take_again(r);
		e = settle(r);
		if (e == -ECONNRESET) {
			/* Killed after the last frame of the set was on its way. */
			leave(r);
			CHECK_EQ(join(r), 0);
			e = settle(r);
		}
		CHECK_EQ(e, 0);
		CHECK(equal(r));
	}
	printf("# %d of %d rounds were cut by a kill\n", kills, ops_rounds());
	CHECK(kills > ops_rounds() / 8);
	engine_free(r);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
