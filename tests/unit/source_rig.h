/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/source_rig.h - a source tree, the engine on it and a model of a target, for test_source_*.c.
 */
#ifndef TM_TESTS_SOURCE_RIG_H
#define TM_TESTS_SOURCE_RIG_H

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "source/source.h"
#include "tap.h"
#include "tests/lib/model_target.h"
#include "tests/lib/plain_link.h"

#define RIG_FAILS 256

/* A call that a test needs to work, and that is not what it tests. */
#define MUST(e)								\
	do {								\
		if ((e) < 0) {						\
			perror(#e);					\
			abort();					\
		}							\
	} while (0)

struct rig {
	char dir[128];
	int root;
	struct tm_source_opts opts;
	struct tm_source *s;
	struct model *m;
	struct tm_link *here, *there;
	bool up;
	uint64_t fence;
	struct tm_change_set *set;	/* what replicate() will be given */
	struct tm_change_set *again;	/* what was requeued */
	int polls_left;			/* poll says ECANCELED when this reaches 0; -1: never */
	int n_failed;
	char failed[RIG_FAILS][64];
	int failed_op[RIG_FAILS], failed_err[RIG_FAILS];
	struct tm_ctl_progress progress;
	void (*on_poll)(struct rig *r);
	struct tm_msg_stop stop;
	struct tm_msg_text text;
	size_t first_batch;		/* of the last replicate() */
};

static inline int rig_poll(void *arg)
{
	struct rig *r = arg;

	if (r->on_poll)
		r->on_poll(r);
	if (r->polls_left < 0)
		return 0;
	return r->polls_left-- ? 0 : (r->polls_left = -1, -ECANCELED);
}

static inline void rig_progress(void *arg, const struct tm_ctl_progress *p)
{
	((struct rig *)arg)->progress = *p;
}

static inline void rig_failed(void *arg, const char *path, size_t len, int op, int err)
{
	struct rig *r = arg;

	if (r->n_failed < RIG_FAILS) {
		snprintf(r->failed[r->n_failed], 64, "%.*s", (int)len, path);
		r->failed_op[r->n_failed] = op;
		r->failed_err[r->n_failed] = err;
		r->n_failed++;
	}
}

static inline int rig_requeue(void *arg, const struct tm_change *c)
{
	return tm_change_set_add(((struct rig *)arg)->again, c) < 0 ? -ENOMEM : 0;
}

static inline struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	const char *tmp = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);	/* sendfile into a cut connection */
	snprintf(r->dir, sizeof(r->dir), "%s/tm-source-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(r->dir))
		abort();
	r->root = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->set = tm_change_set_new(0);
	r->again = tm_change_set_new(0);
	r->m = model_new();
	r->polls_left = -1;
	r->opts = (struct tm_source_opts){
		.sz = sizeof(r->opts), .rootfd = r->root, .moves_told = true,
		.ops = { rig_poll, rig_progress, rig_failed, rig_requeue, r },
	};
	return r;
}

/* Open the engine. */
static inline int rig_open(struct rig *r)
{
	return tm_source_open(&r->opts, &r->s);
}

static inline int rig_connect(struct rig *r)
{
	struct tm_msg_ready ready;
	int e = tm_plain_link_pair(&r->here, &r->there);

	if (e < 0)
		return e;
	e = model_start(r->m, r->there);
	if (e < 0)
		return e;
	r->up = true;
	return tm_source_session(r->s, r->here, ++r->fence, &ready, &r->text);
}

/* Returns what the model ended with: 0 is well. */
static inline int rig_disconnect(struct rig *r)
{
	int e;

	if (!r->up)
		return 0;
	tm_plain_link_free(r->here);
	e = model_join(r->m);
	tm_plain_link_free(r->there);
	r->up = false;
	return e;
}

static inline int rig_rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* Ends with what the model thinks: 0 is well. */
static inline int rig_free(struct rig *r)
{
	int e = rig_disconnect(r);

	tm_source_close(r->s);
	tm_change_set_free(r->set);
	tm_change_set_free(r->again);
	model_free(r->m);
	close(r->root);
	nftw(r->dir, rig_rm, 64, FTW_DEPTH | FTW_PHYS);
	free(r);
	return e;
}

/* Let the clock of the file system move on, so that change stamps of before and after differ. */
static inline void rig_tick(void)
{
	struct timespec ts = { .tv_nsec = 12000000 };

	nanosleep(&ts, NULL);
}

/* Replicate what was collected; the set is empty afterwards if that worked. */
static inline int rig_replicate_flags(struct rig *r, uint32_t flags)
{
	int e;

	rig_tick();
	r->first_batch = model_batches(r->m);
	e = tm_source_replicate(r->s, r->here, r->set, flags, tm_wall_ns(), &r->stop, &r->text);
	if (e == 0)
		tm_change_set_clear(r->set);
	return e;
}

static inline int rig_replicate(struct rig *r)
{
	return rig_replicate_flags(r, 0);
}

static inline struct model_batch rig_sum(struct rig *r)
{
	return model_sum(r->m, r->first_batch);
}

static inline size_t rig_n_batches(struct rig *r)
{
	return model_batches(r->m) - r->first_batch;
}

static inline bool rig_equal(struct rig *r)
{
	int n = model_compare(r->m, r->root, NULL);

	if (n)
		printf("# %d differences, first: %s\n", n, model_why(r->m));
	return n == 0;
}

/* ---- the tree ---- */

static inline struct tm_oid oid_of(struct rig *r, const char *path)
{
	struct tm_oid o = TM_OID_NONE;
	int fd = openat(r->root, *path ? path : ".", O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		tm_oid_at(fd, "", &o);
	tm_close(fd);
	return o;
}

static inline void write_at(struct rig *r, const char *path, uint64_t off, const void *p, size_t n)
{
	int fd = openat(r->root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || tm_pwrite_full(fd, p, n, (off_t)off) < 0)
		abort();
	close(fd);
}

static inline void put_file(struct rig *r, const char *path, const char *text)
{
	write_at(r, path, 0, text, strlen(text));
}

static inline void fill(struct rig *r, const char *path, uint64_t off, size_t n, uint32_t seed)
{
	uint8_t *b = malloc(n);

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		b[i] = (uint8_t)(seed >> 24);
	}
	write_at(r, path, off, b, n);
	free(b);
}

static inline void put_dir(struct rig *r, const char *path)
{
	if (mkdirat(r->root, path, 0755) < 0)
		abort();
}

/* ---- change records ---- */

static inline void chg(struct rig *r, struct tm_change c)
{
	if (tm_change_set_add(r->set, &c) < 0)
		abort();
}

static inline void chg_all(struct rig *r)
{
	chg(r, (struct tm_change){ .kind = TM_CHANGE_ALL });
}

/* Split "a/b/c" into directory and name; the directory may be "". */
static inline const char *base_of(const char *path, char dir[8192])
{
	const char *slash = strrchr(path, '/');

	dir[0] = 0;
	if (!slash)
		return path;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = 0;
	return slash + 1;
}

static inline void chg_name_in(struct rig *r, struct tm_oid dir, const char *name)
{
	chg(r, (struct tm_change){ .kind = TM_CHANGE_NAME, .dir = dir, .name = name,
				   .name_len = (uint32_t)strlen(name) });
}

static inline void chg_name(struct rig *r, const char *path)
{
	char dir[8192];
	const char *name = base_of(path, dir);

	chg_name_in(r, oid_of(r, dir), name);
}

static inline void chg_ino_in(struct rig *r, struct tm_oid obj, struct tm_oid dir, const char *name,
			      uint32_t flags, uint64_t start, uint64_t end)
{
	struct tm_range v = { start, end };

	chg(r, (struct tm_change){ .kind = TM_CHANGE_INODE, .obj = obj, .dir = dir, .name = name,
				   .name_len = name ? (uint32_t)strlen(name) : 0, .flags = flags,
				   .ranges = &v, .n_ranges = start < end });
}

static inline void chg_ino(struct rig *r, const char *path, uint32_t flags, uint64_t start, uint64_t end)
{
	char dir[8192];
	const char *name = base_of(path, dir);

	chg_ino_in(r, oid_of(r, path), oid_of(r, dir), *name ? name : NULL, flags, start, end);
}

static inline void chg_data(struct rig *r, const char *path, uint64_t off, uint64_t n)
{
	chg_ino(r, path, TM_CF_DATA, off, off + n);
}

static inline void chg_where(struct rig *r, enum tm_change_kind kind, struct tm_oid dir)
{
	chg(r, (struct tm_change){ .kind = kind, .dir = dir });
}

/* What was requeued is the next set. Returns how many records. */
static inline size_t rig_take_again(struct rig *r)
{
	size_t n = tm_change_set_count(r->again);

	if (tm_change_set_merge(r->set, r->again) < 0)
		abort();
	tm_change_set_clear(r->again);
	return n;
}

/* A rig with its tree made by @make, replicated in full. */
static inline struct rig *rig_ready(void (*make)(struct rig *r))
{
	struct rig *r = rig_new();

	if (make)
		make(r);
	if (rig_open(r) < 0 || rig_connect(r) < 0)
		abort();
	chg_all(r);
	if (rig_replicate(r) < 0)
		abort();
	return r;
}

#endif
