// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest.c - libmicrohttpd in the event loop: its epoll descriptor, suspended calls, peer credentials.
 */
#include "daemon/rest.h"
#include "daemon/schedule.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <fcntl.h>
#include <grp.h>
#include <microhttpd.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME	  "api.sock"
#define CONNECTIONS_MAX	  512
#define CONNECTION_MEMORY (32 * 1024)
#define CONNECTION_IDLE_S 120

struct tm_rest {
	struct tm_daemon *d;
	struct MHD_Daemon *mhd;
	int listen_fd;
	sd_event_source *io, *timer, *resume;
	gid_t group;
	bool have_group;
};

struct tm_call {
	struct tm_rest *r;
	struct MHD_Connection *con;
	struct ucred cred;
	char who[128];
	char *body;
	size_t len;
	bool too_large, routed, deferred, done;
	struct tm_policy *p; /* a deferred call's */
	sd_event_source *hup;
	unsigned int status;
	char *answer;
	bool problem;
};

static int on_run(sd_event_source *s, uint64_t usec, void *arg);

/* After anything that may have changed what libmicrohttpd waits for. */
static void rest_run(struct tm_rest *r)
{
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(r->mhd);
	if (MHD_get_timeout(r->mhd, &ms) == MHD_YES)
		(void)tm_timer_set(r->d, &r->timer, (uint64_t)ms, on_run, r);
	else
		tm_timer_off(&r->timer);
}

static int on_run(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	rest_run(arg);
	return 0;
}

static int on_epoll(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	(void)s;
	(void)fd;
	(void)revents;
	rest_run(arg);
	return 0;
}

/* ---- answers */

static void finish(struct tm_call *c, unsigned int status, json_t *o, bool problem)
{
	if (c->done) {
		json_decref(o);
		return;
	}
	if (!o) {
		o = tm_api_problem_json(500, "internal", "out of memory");
		status = 500;
		problem = true;
	}
	c->done = true;
	c->status = status;
	c->problem = problem;
	c->answer = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	c->hup = sd_event_source_disable_unref(c->hup);
	c->p = NULL;
	if (c->deferred) {
		MHD_resume_connection(c->con);
		/* Not from here: we may be deep inside a worker's message. */
		(void)tm_timer_set(c->r->d, &c->r->resume, 0, on_run, c->r);
	}
}

void tm_call_reply(struct tm_call *c, unsigned int status, json_t *o)
{
	finish(c, status, o, false);
}

static void problem_va(struct tm_call *c, unsigned int status, const char *code, json_t *extra,
		       const char *fmt, va_list ap)
{
	char text[8192];
	json_t *o;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	o = tm_api_problem_json(status, code, text);
	if (o && extra)
		(void)json_object_update_missing(o, extra);
	json_decref(extra);
	finish(c, status, o, true);
}

void tm_call_problem(struct tm_call *c, unsigned int status, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_va(c, status, code, NULL, fmt, ap);
	va_end(ap);
}

void tm_call_problem_with(struct tm_call *c, unsigned int status, const char *code, json_t *extra,
			  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_va(c, status, code, extra, fmt, ap);
	va_end(ap);
}

/* The caller gives up while its answer is still being waited for. */
static int on_hup(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_call *c = arg;

	(void)s;
	(void)fd;
	(void)revents;
	if (c->p) {
		if (c->p->create_call == c)
			c->p->create_call = NULL;
		tm_schedule_forget(c->p, c);
	}
	tm_call_problem(c, 500, "internal", "the caller went away");
	return 0;
}

void tm_call_defer(struct tm_call *c, struct tm_policy *p)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(c->con, MHD_CONNECTION_INFO_CONNECTION_FD);

	c->deferred = true;
	c->p = p;
	MHD_suspend_connection(c->con);
	/*
	 * A suspended connection is not watched by libmicrohttpd: its end would go unnoticed
	 * until the answer.
	 */
	if (i)
		(void)sd_event_add_io(c->r->d->ev, &c->hup, i->connect_fd, EPOLLRDHUP, on_hup, c);
}

const char *tm_call_who(const struct tm_call *c)
{
	return c->who;
}

struct tm_daemon *tm_call_daemon(const struct tm_call *c)
{
	return c->r->d;
}

const char *tm_call_query(const struct tm_call *c, const char *key)
{
	return MHD_lookup_connection_value(c->con, MHD_GET_ARGUMENT_KIND, key);
}

/* ---- requests */

static bool in_group(const struct tm_rest *r, const struct ucred *cred)
{
	struct passwd pw, *found = NULL;
	gid_t groups[256];
	char buf[4096];
	int n = TM_ARRAY_SIZE(groups);

	if (!r->have_group)
		return false;
	if (cred->gid == r->group)
		return true;
	if (getpwuid_r(cred->uid, &pw, buf, sizeof(buf), &found) || !found ||
	    getgrouplist(pw.pw_name, pw.pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == r->group)
			return true;
	return false;
}

static void identify(struct tm_call *c)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(c->con, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct passwd pw, *found = NULL;
	socklen_t n = sizeof(c->cred);
	char buf[4096];

	c->cred = (struct ucred){ .uid = (uid_t)-1, .gid = (gid_t)-1 };
	if (i)
		(void)getsockopt(i->connect_fd, SOL_SOCKET, SO_PEERCRED, &c->cred, &n);
	(void)getpwuid_r(c->cred.uid, &pw, buf, sizeof(buf), &found);
	snprintf(c->who, sizeof(c->who), "%.64s (uid %u, pid %d)", found ? found->pw_name : "?",
		 c->cred.uid, c->cred.pid);
}

static bool may_change(const struct tm_call *c)
{
	return c->cred.uid == 0 || in_group(c->r, &c->cred);
}

static enum MHD_Result queue_answer(struct tm_call *c)
{
	static char oom[] =
		"{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
		"\"detail\":\"out of memory\",\"code\":\"internal\"}";
	struct MHD_Response *resp;
	enum MHD_Result ret;

	if (c->answer) {
		resp = MHD_create_response_from_buffer(strlen(c->answer), c->answer,
						       MHD_RESPMEM_MUST_FREE);
		c->answer = NULL;
	} else {
		resp = MHD_create_response_from_buffer(sizeof(oom) - 1, oom,
						       MHD_RESPMEM_PERSISTENT);
		c->problem = true;
	}
	if (!resp)
		return MHD_NO;
	(void)MHD_add_response_header(resp, "Content-Type",
				      c->problem ? "application/problem+json" : "application/json");
	(void)MHD_add_response_header(resp, "Cache-Control", "no-store");
	ret = MHD_queue_response(c->con, c->status, resp);
	MHD_destroy_response(resp);
	return ret;
}

static void add_body(struct tm_call *c, const char *data, size_t n)
{
	char *grown;

	if (c->too_large || c->len + n > TM_API_BODY_MAX) {
		c->too_large = true;
		return;
	}
	grown = realloc(c->body, c->len + n);
	if (!grown) {
		c->too_large = true;
		return;
	}
	memcpy(grown + c->len, data, n);
	c->body = grown;
	c->len += n;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *con, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **con_cls)
{
	struct tm_call *c = *con_cls;
	bool reading;

	(void)version;
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return MHD_NO;
		c->r = cls;
		c->con = con;
		*con_cls = c;
		identify(c);
		return MHD_YES;
	}
	if (*size) {
		add_body(c, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!c->routed) {
		c->routed = true;
		reading = tm_streq(method, "GET") || tm_streq(method, "HEAD");
		if (c->too_large)
			tm_call_problem(c, 413, "too-large", "the body is larger than 64 KiB");
		else if (!reading && !may_change(c))
			tm_call_problem(c, 403, "denied",
					"%s may look, but not change anything here", c->who);
		else
			tm_rest_route(c, method, url, c->body, c->len);
		/*
		 * Suspended now: even if the answer is there already, it is queued when we are
		 * called again.
		 */
		if (c->deferred)
			return MHD_YES;
	}
	return c->done ? queue_answer(c) : MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *con, void **con_cls,
			 enum MHD_RequestTerminationCode toe)
{
	struct tm_call *c = *con_cls;

	(void)cls;
	(void)con;
	(void)toe;
	if (!c)
		return;
	if (c->p) {
		if (c->p->create_call == c)
			c->p->create_call = NULL;
		tm_schedule_forget(c->p, c);
	}
	sd_event_source_disable_unref(c->hup);
	free(c->body);
	free(c->answer);
	free(c);
	*con_cls = NULL;
}

/* Paths are taken apart before they are decoded: a %2F in a name is no slash. */
static size_t on_unescape(void *cls, struct MHD_Connection *con, char *s)
{
	(void)cls;
	(void)con;
	return strlen(s);
}

/* ---- the socket */

static int make_socket(struct tm_rest *r)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -EBADF;
	struct group gr, *found = NULL;
	char buf[8192];
	mode_t old;
	int n, ret;

	n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/" SOCKET_NAME, r->d->runtime_dir);
	/* A long path is reached through the held directory. */
	if (n < 0 || (size_t)n >= sizeof(sa.sun_path))
		snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" SOCKET_NAME,
			 r->d->runfd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The lock on the state directory says that whoever left it is gone. */
	(void)unlinkat(r->d->runfd, SOCKET_NAME, 0);
	old = umask(0117);
	ret = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	umask(old);
	if (ret < 0)
		return ret;
	if (getgrnam_r("tidemark", &gr, buf, sizeof(buf), &found) == 0 && found) {
		r->group = found->gr_gid;
		r->have_group = true;
		if (fchownat(r->d->runfd, SOCKET_NAME, (uid_t)-1, r->group, AT_SYMLINK_NOFOLLOW) <
		    0)
			tm_warn("api.sock cannot be given to the group tidemark: only root may use it");
	}
	if (listen(fd, 128) < 0)
		return -errno;
	return tm_take_fd(fd);
}

int tm_rest_start(struct tm_daemon *d)
{
	struct tm_rest *r = calloc(1, sizeof(*r));
	const union MHD_DaemonInfo *info;
	int ret;

	if (!r)
		return -ENOMEM;
	r->d = d;
	d->rest = r;
	r->listen_fd = make_socket(r);
	if (r->listen_fd < 0)
		return r->listen_fd;
	r->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL, on_request,
		r, MHD_OPTION_LISTEN_SOCKET, r->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, r, MHD_OPTION_UNESCAPE_CALLBACK,
		on_unescape, r, MHD_OPTION_END);
	if (!r->mhd)
		return -EIO;
	r->listen_fd = -EBADF; /* libmicrohttpd's now */
	info = MHD_get_daemon_info(r->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	ret = sd_event_add_io(d->ev, &r->io, info->epoll_fd, EPOLLIN, on_epoll, r);
	return ret < 0 ? ret : 0;
}

void tm_rest_free(struct tm_daemon *d)
{
	struct tm_rest *r = d->rest;

	if (!r)
		return;
	sd_event_source_disable_unref(r->io);
	if (r->mhd) {
		/* What was answered just now (waiters told that we stop) still goes out. */
		(void)MHD_run(r->mhd);
		(void)MHD_run(r->mhd);
		MHD_stop_daemon(r->mhd);
		(void)unlinkat(d->runfd, SOCKET_NAME, 0);
	}
	sd_event_source_disable_unref(r->timer);
	sd_event_source_disable_unref(r->resume);
	tm_close(r->listen_fd);
	free(r);
	d->rest = NULL;
}
