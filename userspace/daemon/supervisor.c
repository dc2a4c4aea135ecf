// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/supervisor.c - starting, feeding, stopping and reaping workers.
 */
#include "daemon/supervisor.h"
#include "daemon/capture_glue.h"
#include "daemon/spawn.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_GRACE_MS	 5000
#define PACKETS_PER_TURN 64

struct packet {
	struct packet *next;
	int fd;
	size_t len;
	uint8_t data[];
};

struct tm_worker {
	struct tm_worker *next;
	struct tm_daemon *d;
	const struct tm_worker_ops *ops; /* NULL: let go of */
	void *arg;
	enum tm_role role;
	uint8_t id[TM_POLICY_ID_LEN]; /* what it may have signed: from our own table */
	char label[TM_POLICY_NAME_MAX + 32];
	pid_t pid;
	int pidfd, sock;
	sd_event_source *io, *child, *kill_timer;
	struct packet *out, **out_last;
	size_t queued;
	bool stopping;
	struct tm_ratelimit log_limit;
};

static int on_grace(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_worker *w = arg;

	(void)s;
	(void)usec;
	tm_warn("%s does not end by itself: it is killed", w->label);
	tm_worker_kill(w);
	return 0;
}

static void packet_free(struct packet *p)
{
	tm_close(p->fd);
	free(p);
}

static void queue_drop(struct tm_worker *w)
{
	while (w->out) {
		struct packet *p = w->out;

		w->out = p->next;
		packet_free(p);
	}
	w->out_last = &w->out;
	w->queued = 0;
}

static void worker_free(struct tm_worker *w)
{
	struct tm_worker **at = &w->d->workers;

	for (; *at; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			w->d->n_workers--;
			break;
		}
	sd_event_source_disable_unref(w->io);
	sd_event_source_disable_unref(w->child);
	sd_event_source_disable_unref(w->kill_timer);
	queue_drop(w);
	tm_close(w->sock);
	tm_close(w->pidfd);
	free(w);
}

void tm_worker_kill(struct tm_worker *w)
{
	w->stopping = true;
	/* By pidfd: the process is our unreaped child, but a number could be anybody's. */
	if (w->pidfd >= 0)
		(void)tm_pidfd_kill(w->pidfd);
}

void tm_worker_break(struct tm_worker *w, uint16_t type)
{
	tm_err("%s sent a malformed %s: it is ended", w->label, tm_ctl_name(type));
	tm_worker_kill(w);
}

static void answer_sign(struct tm_worker *w, struct tm_rd *r)
{
	struct tm_ctl_sign req;
	struct tm_msg_proof proof;
	struct tm_buf b;
	int ret;

	if (tm_ctl_sign_get(r, &req) < 0 || tm_rd_end(r) < 0) {
		tm_worker_break(w, TM_C_SIGN);
		return;
	}
	/* Role and id are the daemon's own: a worker cannot get a proof for another policy. */
	ret = tm_node_key_sign(w->d->key, w->role, w->id, &req, &proof);
	if (ret < 0) {
		tm_err("%s: identity proof refused: %s", w->label, strerror(-ret));
		tm_worker_kill(w);
		return;
	}
	tm_buf_init(&b, TM_CTL_MAX);
	tm_msg_proof_put(&b, &proof);
	(void)tm_worker_send(w, TM_C_SIGNED, &b, -1);
	tm_buf_free(&b);
}

static void take_log(struct tm_worker *w, struct tm_rd *r)
{
	struct tm_msg_text t;
	enum tm_log_level level;

	if (tm_msg_text_get(r, &t) < 0 || tm_rd_end(r) < 0) {
		tm_worker_break(w, TM_C_LOG);
		return;
	}
	level = t.code >= TM_LOG_ERR && t.code <= TM_LOG_DEBUG ? (enum tm_log_level)t.code
							       : TM_LOG_INFO;
	if (level > tm_log_level_get() || !tm_ratelimit_ok(&w->log_limit, 50, 10000))
		return;
	tm_log(level, "%s: %s", w->label, t.text);
}

/* One packet: 1 handled, 0 end of file, -EAGAIN, -errno. */
static int receive_one(struct tm_worker *w)
{
	static uint8_t buf
		[TM_CTL_MAX]; /* too large for the stack; nothing below re-enters this function */
	int fds[TM_FDS_MAX];
	size_t nfds = 0;
	struct tm_rd r;
	uint16_t type;
	ssize_t n = tm_recv_packet(w->sock, buf, sizeof(buf), fds, &nfds);

	/* No message of a worker carries descriptors. */
	for (size_t i = 0; n > 0 && i < nfds; i++)
		tm_close(fds[i]);
	if (n <= 0)
		return (int)n;
	if (tm_ctl_open(buf, (size_t)n, &type, &r) < 0) {
		tm_worker_break(w, 0);
		return -EBADMSG;
	}
	if (type == TM_C_SIGN)
		answer_sign(w, &r);
	else if (type == TM_C_LOG)
		take_log(w, &r);
	else if (w->ops)
		w->ops->message(w->arg, w, type, &r);
	return 1;
}

static void io_watch(struct tm_worker *w)
{
	if (w->io)
		(void)sd_event_source_set_io_events(w->io, EPOLLIN | (w->out ? EPOLLOUT : 0));
}

static int flush_queue(struct tm_worker *w)
{
	while (w->out) {
		struct packet *p = w->out;
		int r = tm_send_packet(w->sock, p->data, p->len, &p->fd, p->fd >= 0);

		if (r < 0)
			return r == -EAGAIN || r == -ENOBUFS ? 0 : r;
		w->out = p->next;
		if (!w->out)
			w->out_last = &w->out;
		w->queued -= p->len;
		packet_free(p);
	}
	return 0;
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_worker *w = arg;
	int r = 1;

	(void)s;
	(void)fd;
	if (revents & EPOLLOUT)
		(void)flush_queue(w);
	for (int i = 0;
	     i < PACKETS_PER_TURN && r == 1 && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)); i++)
		r = receive_one(w);
	if (r == 0 || (r < 0 && r != -EAGAIN)) {
		/* A worker without its socket is no use; its end is seen through the pidfd. */
		w->io = sd_event_source_disable_unref(w->io);
		queue_drop(w);
		if (r < 0)
			tm_worker_kill(w);
		else if (!w->kill_timer)
			tm_timer_set(w->d, &w->kill_timer, STOP_GRACE_MS, on_grace, w);
		return 0;
	}
	io_watch(w);
	return 0;
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *arg)
{
	struct tm_worker *w = arg;
	char why[64];

	(void)s;
	/* What it sent before it ended still counts: a DONE must not be lost with its sender. */
	while (w->sock >= 0 && w->io && receive_one(w) == 1)
		;
	if (si->si_code == CLD_EXITED)
		snprintf(why, sizeof(why), "ended with status %d", si->si_status);
	else
		snprintf(why, sizeof(why), "was killed by signal %d", si->si_status);
	if (!w->stopping && (si->si_code != CLD_EXITED || si->si_status))
		tm_warn("%s %s", w->label, why);
	else
		tm_debug("%s %s", w->label, why);
	if (w->ops)
		w->ops->gone(w->arg, w, why);
	worker_free(w);
	return 0;
}

int tm_worker_send(struct tm_worker *w, uint16_t type, const struct tm_buf *payload, int fd)
{
	struct tm_buf b;
	struct packet *p;
	int r;

	if (!w->io)
		return -EPIPE;
	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, type);
	if (payload) {
		r = tm_buf_error(payload);
		if (r < 0) {
			tm_buf_free(&b);
			return r;
		}
		tm_put_raw(&b, payload->data, payload->len);
	}
	r = tm_buf_error(&b);
	p = r < 0 ? NULL : malloc(sizeof(*p) + b.len);
	if (!p) {
		tm_buf_free(&b);
		tm_worker_kill(w);
		return r < 0 ? r : -ENOMEM;
	}
	*p = (struct packet){ .fd = fd >= 0 ? tm_dup(fd) : -EBADF, .len = b.len };
	memcpy(p->data, b.data, b.len);
	tm_buf_free(&b);
	*w->out_last = p;
	w->out_last = &p->next;
	w->queued += p->len;
	r = flush_queue(w);
	if (r < 0)
		tm_debug("%s: %s", w->label, strerror(-r));
	io_watch(w);
	return 0;
}

int tm_worker_send_text(struct tm_worker *w, uint16_t type, uint32_t code, const char *text)
{
	struct tm_msg_text t = { .code = code };
	struct tm_buf b;
	int r;

	tm_text_set(t.text, sizeof(t.text), "%s", text ?: "");
	tm_buf_init(&b, TM_CTL_MAX);
	tm_msg_text_put(&b, &t);
	r = tm_worker_send(w, type, &b, -1);
	tm_buf_free(&b);
	return r;
}

int tm_worker_send_conn(struct tm_worker *w, int sock, uint64_t fence)
{
	struct tm_buf b;
	int r;

	tm_buf_init(&b, TM_CTL_MAX);
	tm_put_u64(&b, fence);
	r = tm_worker_send(w, TM_C_CONN, &b, sock);
	tm_buf_free(&b);
	tm_close(sock);
	return r;
}

size_t tm_worker_queued(const struct tm_worker *w)
{
	return w->queued;
}

void tm_worker_stop(struct tm_worker *w, uint32_t code, const char *text)
{
	if (w->stopping)
		return;
	w->stopping = true;
	if (tm_worker_send_text(w, TM_C_STOP, code, text) < 0)
		tm_worker_kill(w);
	else
		(void)tm_timer_set(w->d, &w->kill_timer, STOP_GRACE_MS, on_grace, w);
}

void tm_worker_let_go(struct tm_worker *w)
{
	w->ops = NULL;
	w->arg = NULL;
	/* Nobody listens any more: it ends, at once or within the grace it was given to say good-bye. */
	if (!w->stopping)
		tm_worker_kill(w);
}

enum tm_role tm_worker_role(const struct tm_worker *w)
{
	return w->role;
}

bool tm_worker_stopping(const struct tm_worker *w)
{
	return w->stopping;
}

struct tm_worker *tm_worker_next(const struct tm_worker *w)
{
	return w->next;
}

pid_t tm_worker_pid(const struct tm_worker *w)
{
	return w->pid;
}

void tm_workers_shutdown(struct tm_daemon *d, unsigned int timeout_ms)
{
	uint64_t end = tm_mono_ms() + timeout_ms;

	while (d->workers) {
		uint64_t now = tm_mono_ms();

		if (now >= end) {
			for (struct tm_worker *w = d->workers; w; w = w->next)
				tm_worker_kill(w);
			end = now + 2000;
			/*
			 * A process in an uninterruptible wait cannot be killed: systemd, or the
			 * boot, ends it.
			 */
			if (timeout_ms == 0)
				return;
			timeout_ms = 0;
		}
		if (sd_event_run(d->ev, 100 * 1000) < 0)
			return;
	}
}

/* Fill START from the policy's record, or for a stranger's pairing worker. */
static void start_fill(struct tm_daemon *d, const struct tm_worker_spec *spec,
		       struct tm_ctl_start *m)
{
	const struct tm_policy *p = spec->policy;
	const struct tm_config *c = &d->cfg;

	memset(m, 0, sizeof(*m));
	m->role = (uint8_t)spec->role;
	m->log_level = (uint8_t)c->log_level;
	memcpy(m->own_key, tm_node_key_public(d->key), TM_KEY_LEN);
	memcpy(m->cluster, c->cluster, sizeof(m->cluster));
	m->uid = c->uid_base;
	m->batch_objects = c->batch_objects;
	m->batch_bytes = c->batch_bytes;
	m->handshake_timeout_ms = c->handshake_timeout_ms;
	m->barrier_interval_ms = c->barrier_interval_ms;
	m->brake_percent = c->brake_percent;
	m->brake_objects = c->brake_objects;
	if (!p)
		return;
	memcpy(m->name, p->rec.name, sizeof(m->name));
	/* Zeros while the target's key is not known yet: any key, compared by the daemon. */
	memcpy(m->peer_key, p->rec.peer_key, TM_KEY_LEN);
	if (spec->role != TM_ROLE_SOURCE && spec->role != TM_ROLE_TARGET)
		return;
	memcpy(m->id, p->rec.id, sizeof(m->id));
	strcpy(m->root, spec->role == TM_ROLE_SOURCE ? p->rec.source_dir : p->rec.target_dir);
	m->root_dev = p->rec.root_dev;
	m->root_ino = p->rec.root_ino;
	m->uid = c->uid_base + 1 + p->rec.uid_index;
	m->flags = (p->rec.allow_devices ? TM_START_ALLOW_DEVICES : 0) |
		   (p->rec.allow_suid ? TM_START_ALLOW_SUID : 0) |
		   (p->rec.continuous ? TM_START_CONTINUOUS : 0);
}

static int send_start(struct tm_worker *w, const struct tm_worker_spec *spec)
{
	_cleanup_free_ struct tm_ctl_start *m = malloc(sizeof(*m));
	_cleanup_close_ int versions = -EBADF;
	struct tm_buf b;
	int r;

	if (!m)
		return -ENOMEM;
	start_fill(w->d, spec, m);
	if (spec->role == TM_ROLE_SOURCE) {
		versions = tm_glue_version_fd(w->d, &m->n_versions);
		if (versions >= 0)
			m->flags |= TM_START_HAVE_VERSIONS;
	}
	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_start_put(&b, m);
	r = tm_worker_send(w, TM_C_START, &b, versions);
	tm_buf_free(&b);
	return r;
}

static const char *role_word(enum tm_role role)
{
	switch (role) {
	case TM_ROLE_SOURCE: return "source";
	case TM_ROLE_TARGET: return "target";
	case TM_ROLE_PAIR_SOURCE: return "pair-source";
	case TM_ROLE_PAIR_TARGET:
	default: return "pair-target";
	}
}

int tm_worker_start(struct tm_daemon *d, const struct tm_worker_spec *spec,
		    struct tm_worker **ret_w)
{
	const char *name = spec->policy ? spec->policy->rec.name : "-";
	struct tm_worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct tm_worker){ .d = d,
				 .ops = spec->ops,
				 .arg = spec->arg,
				 .role = spec->role,
				 .pidfd = -EBADF,
				 .sock = -EBADF };
	w->out_last = &w->out;
	if (spec->policy && (spec->role == TM_ROLE_SOURCE || spec->role == TM_ROLE_TARGET))
		memcpy(w->id, spec->policy->rec.id, sizeof(w->id));
	snprintf(w->label, sizeof(w->label), "%s worker of %s", role_word(spec->role), name);
	r = tm_spawn_worker(role_word(spec->role), name, &w->pid, &w->pidfd, &w->sock);
	if (r < 0) {
		tm_err("cannot start the %s: %s", w->label, strerror(-r));
		free(w);
		return r;
	}
	w->next = d->workers;
	d->workers = w;
	d->n_workers++;
	r = sd_event_add_io(d->ev, &w->io, w->sock, EPOLLIN, on_io, w);
	if (r >= 0)
		r = sd_event_add_child_pidfd(d->ev, &w->child, w->pidfd, WEXITED, on_child, w);
	if (r >= 0)
		r = send_start(w, spec);
	if (r < 0) {
		tm_err("cannot watch the %s: %s", w->label, strerror(-r));
		(void)tm_pidfd_kill(w->pidfd);
		if (w->child)
			tm_worker_let_go(w);
		else
			worker_free(w);
		return r;
	}
	*ret_w = w;
	return 0;
}
