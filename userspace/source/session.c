/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/session.c - the public calls of source.h: open, session, one change set, idle.
 */
#include "source/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/digest.h"
#include "lib/beneath.h"
#include "lib/clock.h"

#define BARRIER_MS 30000
#define PING_MS 10000
/* So long a comparison keeps other changes waiting; then the rest of it comes as another set. */
#define SLICE_MS 10000
/* Directories listed in one set because one was not where the index had it. */
#define SCANS_PER_SET 1024
/* The root's inode number on ext2, ext3 and ext4, which make lost+found in it. */
#define EXT_ROOT_INO 2

static const char root_gone[] = "source directory is gone or was replaced";

/* ---- hands for all ---- */

int src_poll(struct tm_source *s)
{
	return s->opts.ops.poll ? s->opts.ops.poll(s->opts.ops.arg) : 0;
}

void src_progress(struct tm_source *s)
{
	struct tm_ctl_progress *p = &s->progress;
	struct tm_ctl_progress out;

	if (!s->opts.ops.progress)
		return;
	if (s->link) {
		p->wire_bytes = s->link->counters.wire_bytes;
		p->sendfile_bytes = s->link->counters.sendfile_bytes;
		p->ktls_bytes = s->link->counters.ktls_bytes;
		p->copy_bytes = s->link->counters.copy_bytes;
	}
	out = *p;
	/* What the last count says is a better total than what was met so far. */
	if (s->plan.all)
		out.files_total = TM_MAX(out.files_total, s->n_files);
	s->opts.ops.progress(s->opts.ops.arg, &out);
}

int src_requeue(struct tm_source *s, const struct tm_change *c)
{
	/* Nothing is owed for what was only looked at. */
	if (s->look && !(c->flags & TM_CF_COMPARE))
		return 0;
	s->requeued++;
	return s->opts.ops.requeue ? s->opts.ops.requeue(s->opts.ops.arg, c) : -ENOSYS;
}

int src_requeue_name(struct tm_source *s, struct tm_oid dir, const char *name, size_t len)
{
	const struct tm_change c = {
		.kind = TM_CHANGE_NAME, .dir = dir, .name = name, .name_len = (uint32_t)len,
	};

	return src_requeue(s, &c);
}

int src_requeue_dir(struct tm_source *s, struct tm_oid dir, bool tree)
{
	const struct tm_change c = {
		.kind = tree ? TM_CHANGE_SUBTREE : TM_CHANGE_DIR, .dir = dir,
	};

	return src_requeue(s, &c);
}

void src_file_failed(struct tm_source *s, const struct src_dir *d, const char *name, size_t len, int op,
		     int err)
{
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };

	if (!s->opts.ops.file_failed)
		return;
	if (d && src_index_path(d, &b) == 0 && b.len && len)
		tm_put_u8(&b, '/');
	tm_put_raw(&b, name, len);
	if (tm_buf_error(&b) == 0)
		s->opts.ops.file_failed(s->opts.ops.arg, b.data ? (char *)b.data : "", b.len, op, err);
}

int src_send(struct tm_source *s, uint16_t type, const void *p, uint32_t n)
{
	int r = tm_link_send(s->link, type, p, n);

	if (r < 0)
		s->link_broken = true;
	return r;
}

int src_send_buf(struct tm_source *s, uint16_t type, const struct tm_buf *b)
{
	int r = tm_buf_error(b);

	return r < 0 ? r : src_send(s, type, b->data, (uint32_t)b->len);
}

/* ERROR, BYE and most NOTICEs end the session. */
static int peer_says(struct tm_source *s, uint16_t type, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	struct tm_msg_text m;
	int r = tm_msg_text_get(&rd, &m);

	if (r < 0)
		return r;
	if (type == TM_F_NOTICE && m.code == TM_NOTICE_ENABLED)
		return 0;
	s->text = m;
	return -EREMOTEIO;
}

int src_recv(struct tm_source *s, uint16_t *ret_type, const uint8_t **ret_p, uint32_t *ret_n)
{
	int r;

	do {
		r = tm_link_recv(s->link, ret_type, ret_p, ret_n, -1);
		if (r < 0) {
			s->link_broken = true;
			return r;
		}
		if (*ret_type != TM_F_ERROR && *ret_type != TM_F_BYE && *ret_type != TM_F_NOTICE)
			return 0;
		r = peer_says(s, *ret_type, *ret_p, *ret_n);
	} while (r == 0);
	return r;
}

/* ---- open, close ---- */

static int look_at_root(struct tm_source *s)
{
	struct src_seen seen;
	int r = src_look(s->opts.rootfd, "", &seen);

	if (r < 0)
		return r;
	if (seen.attrs.kind != TM_KIND_DIR)
		return -ENOTDIR;
	s->root = seen.oid;
	s->root_dev = seen.dev;
	s->root_mnt = seen.mnt;
	s->root_has_lost_found = seen.oid.ino == EXT_ROOT_INO;
	return 0;
}

int tm_source_open(const struct tm_source_opts *opts, struct tm_source **ret_s)
{
	struct tm_source *s;
	int r;

	if (opts->sz != sizeof(*opts))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->opts = *opts;
	s->cached_fd = s->compare_fd = -EBADF;
	s->queue_last = &s->queue;
	s->serial = 1;
	/* Paths may be longer than PATH_MAX, and a batch may name millions of files. */
	tm_buf_init(&s->path, 0);
	tm_buf_init(&s->batch.names, (size_t)2 << 30);
	s->links = tm_map_new();
	s->misses = tm_map_new();
	s->owed = tm_map_new();
	r = s->links && s->misses && s->owed ? look_at_root(s) : -ENOMEM;
	if (r == 0)
		r = src_index_init(&s->index, s->root);
	if (r == 0)
		r = src_walk_index(s);
	if (r < 0) {
		tm_source_close(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

void tm_source_close(struct tm_source *s)
{
	if (!s)
		return;
	src_dir_uncache(s);
	src_batch_free(s);
	src_plan_free(&s->plan);
	if (s->index.cap)
		src_index_free(&s->index);
	if (s->links)
		src_links_free(s->links);
	tm_map_free(s->misses, free);
	tm_map_free(s->owed, free);
	free(s->fresh);
	tm_buf_free(&s->path);
	tm_buf_free(&s->xattrs);
	tm_close(s->compare_fd);
	tm_digest_free(s->digest);
	free(s);
}

size_t tm_source_index_size(const struct tm_source *s)
{
	return s->index.n + tm_map_size(s->links);
}

const struct tm_msg_text *tm_source_last_text(const struct tm_source *s)
{
	return &s->text;
}

/* ---- session ---- */

int tm_source_session(struct tm_source *s, struct tm_link *l, uint64_t fence, struct tm_msg_ready *ret_ready,
		      struct tm_msg_text *ret_text)
{
	struct tm_msg_session m = { .fence = fence, .source_dev = s->root_dev, .root = s->root };
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };
	struct tm_msg_ready ready;
	const uint8_t *p;
	struct tm_rd rd;
	uint16_t type;
	uint32_t n;
	int r;

	s->link = l;
	s->link_broken = false;
	s->text = (struct tm_msg_text){ 0 };
	tm_msg_session_put(&b, &m);
	r = src_send_buf(s, TM_F_SESSION, &b);
	if (r == 0)
		r = src_recv(s, &type, &p, &n);
	if (r == -EREMOTEIO)
		*ret_text = s->text;
	if (r < 0)
		return r;
	if (type != TM_F_READY)
		return -EBADMSG;
	rd = tm_rd(p, n);
	r = tm_msg_ready_get(&rd, &ready);
	if (r < 0)
		return r;
	s->fence = fence;
	s->seq = ready.last_seq;
	s->progress.last_seq = ready.last_seq;
	s->progress.objects = ready.objects;
	s->ping_ms = s->barrier_ms = tm_mono_ms();
	*ret_ready = ready;
	return 0;
}

/* ---- one change set ---- */

/* P10: a root that is gone looks like one where everything was deleted. */
static int check_root(struct tm_source *s)
{
	struct tm_oid oid;
	struct stat st;

	if (fstat(s->opts.rootfd, &st) == 0 && st.st_nlink && tm_oid_at(s->opts.rootfd, "", &oid) == 0 &&
	    tm_oid_eq(oid, s->root))
		return 0;
	snprintf(s->stop.text, sizeof(s->stop.text), "%s", root_gone);
	return -ESTALE;
}

static void begin_set(struct tm_source *s, int64_t taken_ns)
{
	struct tm_ctl_progress *p = &s->progress;

	while (s->queue) {
		struct src_dir *d = s->queue;

		s->queue = d->queue_next;
		d->queued = false;
	}
	s->queue_last = &s->queue;
	src_batch_reset(s);
	src_dir_uncache(s);
	s->text = (struct tm_msg_text){ 0 };
	s->stop = (struct tm_msg_stop){ 0 };
	s->taken_ns = taken_ns;
	s->batch_flags = 0;
	s->healing = s->comparing = s->look = s->cancelled = s->gave_back = false;
	s->n_reported = 0;
	s->slice_end_ms = tm_mono_ms() + (s->opts.slice_ms ? s->opts.slice_ms : SLICE_MS);
	s->requeued = s->lists_asked = 0;
	s->scans_left = SCANS_PER_SET;
	s->need_ratio_1024 = 1024;
	s->set_no++;
	p->files_done = p->files_total = p->bytes_done = p->bytes_total = 0;
}

/* DIR and SUBTREE records. */
static int enqueue_where(struct tm_source *s, const struct src_where *w)
{
	struct src_dir *d = src_index_get(&s->index, w->dir);

	if (w->tree)
		s->batch_flags |= TM_BATCH_RECONCILE;
	if (w->compare && (!d || src_index_detached(&s->index, d)))
		return 0;	/* gone meanwhile: nothing to compare */
	if (d && !src_index_detached(&s->index, d))
		return d->hidden ? 0 : src_enqueue(s, d, w->tree ? SRC_WANT_TREE : SRC_WANT_ONE);
	if (d)
		return src_dir_owe_listing(s, d);
	/* Unknown: gone, or new in a set to come, and then listed as a whole. */
	return src_miss(s, w->dir) ? src_requeue_dir(s, w->dir, w->tree) : 0;
}

/* Others wait: the directories that are left come with another set. */
static int give_back_rest(struct tm_source *s)
{
	int r = 0;

	s->gave_back = true;
	while (r == 0 && s->queue) {
		struct src_dir *d = src_dequeue(s);
		const struct tm_change c = {
			.kind = d->want == SRC_WANT_TREE ? TM_CHANGE_SUBTREE : TM_CHANGE_DIR,
			.flags = TM_CF_COMPARE, .dir = d->oid,
		};

		r = src_requeue(s, &c);
	}
	return r;
}

static int drain_queue(struct tm_source *s)
{
	int r = src_pay_listings(s);

	while (r >= 0 && s->queue) {
		if (src_batch_full(s))
			r = src_batch_run(s, false);
		else
			r = src_list_next(s);
		if (r >= 0 && s->comparing && tm_mono_ms() >= s->slice_end_ms)
			return give_back_rest(s);
		/* What was listed may have given others their place. */
		if (r >= 0 && !s->queue)
			r = src_pay_listings(s);
	}
	return r < 0 ? r : 0;
}

static int set_purpose(struct tm_source *s, uint32_t set_flags)
{
	s->comparing = s->plan.compare;
	s->look = set_flags & TM_SET_LOOK;
	if (s->look && !s->comparing)
		return -EINVAL;
	if (s->comparing && !src_may_compare(s))
		return -EOPNOTSUPP;
	if (s->look)
		s->batch_flags |= TM_BATCH_LOOK;
	return 0;
}

static bool has_tree(const struct src_plan *p)
{
	for (size_t i = 0; i < p->n_where; i++)
		if (p->where[i].tree)
			return true;
	return false;
}

/*
 * What was stored through mappings before anybody watched left pages that are writable still: the next
 * store into them makes no mark. Written back they are protected again, all at once for a tree of which no
 * mark tells.
 */
static void protect_mapped(struct tm_source *s)
{
	_cleanup_close_ int fd = tm_open_beneath(s->opts.rootfd, "", O_RDONLY | O_DIRECTORY, 0);

	/* An error is one of some file's write-back; the pages of the others are protected all the same. */
	if (fd >= 0)
		(void)syncfs(fd);
}

static int work(struct tm_source *s)
{
	struct src_plan *p = &s->plan;
	int r = 0;

	/* A comparison cleans file by file, and so does a source without versions. */
	if ((p->all || has_tree(p)) && !s->comparing && s->opts.versions)
		protect_mapped(s);
	if (p->all) {
		s->healing = !s->comparing;
		s->batch_flags |= TM_BATCH_RECONCILE;
		if (p->all_flags & TM_CF_SUSPECT)
			s->batch_flags |= TM_BATCH_SUSPECT;
		r = src_enqueue(s, s->index.root, SRC_WANT_TREE);
	} else {
		/* Names first: they may bring the directories that others are about. */
		r = src_examine_names(s, false);
		for (size_t i = 0; r == 0 && i < p->n_where; i++)
			r = enqueue_where(s, &p->where[i]);
		if (r == 0)
			r = drain_queue(s);
		if (r == 0)
			r = src_examine_names(s, true);
	}
	if (r == 0)
		r = drain_queue(s);
	if (r == 0)
		r = src_examine_inodes(s);
	if (r == 0)
		r = drain_queue(s);
	/* Listings that the last batch asked for and could not hold follow it, and need a last one again. */
	while (r == 0) {
		/* Of a comparison that goes on, the end is not known yet. */
		bool last = !s->gave_back;

		r = src_batch_run(s, last);
		if ((r == 1 || (r == 0 && !last)) && !s->queue)
			return 0;
		if (r >= 0)
			r = drain_queue(s);
	}
	return r;
}

static void set_done(struct tm_source *s)
{
	for (size_t i = 0; i < s->n_fresh; i++)
		s->fresh[i]->fresh = s->fresh[i]->owed = false;
	s->n_fresh = 0;
	src_index_purge(&s->index);
	src_missing_prune(s);
	if (s->plan.all && !s->comparing)
		s->n_files = s->progress.files_total;
}

int tm_source_replicate(struct tm_source *s, struct tm_link *l, const struct tm_change_set *set,
			uint32_t set_flags, int64_t taken_ns, struct tm_msg_stop *ret_stop,
			struct tm_msg_text *ret_text)
{
	int r;

	s->link = l;
	begin_set(s, taken_ns);
	if (set_flags & TM_SET_CONFIRMED)
		s->batch_flags |= TM_BATCH_CONFIRMED;
	r = check_root(s);
	if (r == 0)
		r = src_poll(s);
	if (r == 0)
		r = src_plan_load(&s->plan, set);
	if (r == 0)
		r = set_purpose(s, set_flags);
	if (r == 0)
		r = work(s);
	if (r == 0 && !s->look)
		set_done(s);
	else if (r < 0)
		src_batch_abort(s, r);
	src_dir_uncache(s);
	src_progress(s);
	src_plan_free(&s->plan);
	if (r == -ESTALE && !s->stop.text[0])
		r = -EIO;
	if (r == -ESTALE)
		*ret_stop = s->stop;
	if (r == -EREMOTEIO)
		*ret_text = s->text;
	return r;
}

/* ---- idle ---- */

static int send_barrier(struct tm_source *s, uint64_t now)
{
	_cleanup_close_ int fd = tm_open_beneath(s->opts.rootfd, "", O_RDONLY | O_DIRECTORY, 0);
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };
	int r;

	if (fd < 0)
		return fd;
	/* What was sent was in the page cache; after this it is on the disk too. */
	if (syncfs(fd) < 0)
		return -errno;
	tm_put_u64(&b, s->seq);
	r = src_send_buf(s, TM_F_BARRIER, &b);
	if (r == 0)
		r = tm_link_flush(s->link);
	if (r < 0)
		return r;
	s->unsynced = false;
	s->barrier_ms = s->ping_ms = now;
	return 0;
}

static int recv_pong(struct tm_source *s)
{
	const uint8_t *p;
	uint16_t type;
	uint32_t n;
	int r = src_recv(s, &type, &p, &n);

	return r < 0 ? r : type == TM_F_PONG ? 0 : -EBADMSG;
}

int tm_source_idle(struct tm_source *s, struct tm_link *l)
{
	uint32_t interval = s->opts.barrier_interval_ms ? s->opts.barrier_interval_ms : BARRIER_MS;
	uint64_t now = tm_mono_ms();
	int r;

	s->link = l;
	/* The target speaks unasked only to end the session. */
	if (tm_link_pending(l)) {
		const uint8_t *p;
		uint16_t type;
		uint32_t n;

		r = tm_link_recv(l, &type, &p, &n, -1);
		if (r < 0)
			return r;
		if (type != TM_F_ERROR && type != TM_F_BYE && type != TM_F_NOTICE)
			return -EBADMSG;
		return peer_says(s, type, p, n);
	}
	if (s->unsynced && now - s->barrier_ms >= interval)
		return send_barrier(s, now);
	if (now - s->ping_ms < PING_MS)
		return 0;
	r = src_send(s, TM_F_PING, NULL, 0);
	if (r == 0)
		r = recv_pong(s);
	if (r == 0)
		s->ping_ms = now;
	return r;
}
