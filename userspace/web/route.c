// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/route.c - what may come in, and where it goes.
 *
 * The order of the questions is part of the defence: what is malformed and what calls another
 * name is refused before anything of it means something; where it comes from, before who sent it;
 * who, before what.
 */
#include "web/assets.h"
#include "web/http.h"

#include "lib/clock.h"
#include "lib/text.h"

#include <stdio.h>
#include <strings.h>

enum need {
	NOBODY,	 /* the page itself */
	ANYBODY, /* logging in, asking who one is */
	USER,
};

static const struct route {
	const char *path;
	bool below; /* everything that begins so */
	const char *methods;
	enum need need;
	void (*serve)(struct tm_req *r);
} routes[];

static bool is_reading(const struct tm_req *r)
{
	return tm_streq(r->method, "GET") || tm_streq(r->method, "HEAD");
}

/* ---- the page */

static bool wants_gzip(const struct tm_req *r)
{
	const char *v = tm_req_header(r, "Accept-Encoding");
	const char *at = v ? strcasestr(v, "gzip") : NULL;

	/* "gzip;q=0" is rare and means no. */
	return at && strncasecmp(at, "gzip;q=0", 8) != 0;
}

static bool etag_is(const struct tm_req *r, const char *etag)
{
	const char *v = tm_req_header(r, "If-None-Match");

	return v && strstr(v, etag);
}

static void asset_headers(struct MHD_Response *resp, const char *etag)
{
	tm_resp_header(resp, "Cache-Control", "no-cache");
	tm_resp_header(resp, "Vary", "Accept-Encoding");
	if (etag)
		tm_resp_header(resp, "ETag", etag);
}

static void serve_embedded(struct tm_req *r, const char *path)
{
	const struct tm_asset *a = tm_asset_find(path);
	struct MHD_Response *resp;
	char etag[96];
	bool gz;

	if (!a) {
		tm_req_problem(r, 404, "no-such-path", "there is no %s here", r->path);
		return;
	}
	gz = a->gz && wants_gzip(r);
	snprintf(etag, sizeof(etag), "\"%s%s\"", a->sha256, gz ? "-gz" : "");
	if (etag_is(r, etag)) {
		resp = tm_resp_bytes("", 0, false, a->mime);
		asset_headers(resp, etag);
		tm_req_respond(r, 304, resp);
		return;
	}
	resp = tm_resp_bytes(gz ? a->gz : a->data, (size_t)(gz ? a->gz_len : a->len), false,
			     a->mime);
	if (gz)
		tm_resp_header(resp, "Content-Encoding", "gzip");
	asset_headers(resp, etag);
	tm_req_respond(r, 200, resp);
}

static void serve_file(struct tm_req *r, const char *path)
{
	struct tm_asset_file f;
	struct MHD_Response *resp;

	if (tm_asset_read(r->w->assets_fd, path, &f) < 0) {
		tm_req_problem(r, 404, "no-such-path", "there is no %s here", r->path);
		return;
	}
	resp = tm_resp_bytes(f.data, f.len, true, f.mime);
	tm_resp_header(resp, "Cache-Control", "no-store");
	tm_req_respond(r, 200, resp);
}

static void serve_asset(struct tm_req *r)
{
	const char *path = tm_streq(r->path, "/") ? "index.html" : r->path + strlen("/assets/");

	if (r->w->assets_fd >= 0)
		serve_file(r, path);
	else
		serve_embedded(r, path);
}

/* ---- the stream */

static void serve_events(struct tm_req *r)
{
	const char *accept = tm_req_header(r, "Accept"), *last = tm_req_header(r, "Last-Event-ID");

	/* Scripts that ask for JSON talk with the daemon: it answers when something happened. */
	if (!accept || !strcasestr(accept, "text/event-stream"))
		tm_relay(r);
	else if (!tm_streq(r->method, "GET"))
		tm_req_problem(r, 405, "method-not-allowed", "%s is not for a stream", r->method);
	else
		tm_events_serve(r, last);
}

static const struct route routes[] = {
	{ "/", false, "GET HEAD", NOBODY, serve_asset },
	{ "/assets/", true, "GET HEAD", NOBODY, serve_asset },
	{ "/login", false, "POST", ANYBODY, tm_login },
	{ "/session", false, "GET", ANYBODY, tm_session_show },
	{ "/logout", false, "POST", USER, tm_logout },
	{ "/password", false, "POST", USER, tm_password_change },
	{ "/v1/events", false, "GET HEAD", USER, serve_events },
	{ "/v1/", true, "GET HEAD POST PUT PATCH DELETE", USER, tm_relay },
};

static const struct route *find(const char *path)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(routes); i++) {
		const struct route *t = &routes[i];

		if (t->below ? !strncmp(path, t->path, strlen(t->path)) : tm_streq(path, t->path))
			return t;
	}
	return NULL;
}

static bool has_method(const struct route *t, const char *method)
{
	size_t n = strlen(method);

	for (const char *at = t->methods; (at = strstr(at, method)); at += n)
		if ((at == t->methods || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

/* ---- the head's questions: each answers the request where it says false */

static bool well_formed(struct tm_req *r, const struct tm_framing *f)
{
	const char *wrong = tm_framing_wrong(f);

	if (wrong)
		tm_req_problem(r, 400, "bad-request", "%s", wrong);
	else if (!tm_target_good(r->target))
		tm_req_problem(r, 400, "bad-request",
			       "the path is not one that is understood here");
	else if (f->length > TM_API_BODY_MAX)
		tm_req_problem(r, 413, "too-large", "the body is larger than 64 KiB");
	return !r->done;
}

static bool our_name(struct tm_req *r)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(r->con, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sockaddr_storage local;
	socklen_t n = sizeof(local);
	const char *host = tm_req_header(r, "Host");
	bool known = i && getsockname(i->connect_fd, (struct sockaddr *)&local, &n) == 0;
	char name[TM_HOST_MAX];

	if (tm_hosts_allow(&r->w->hosts, host, known ? (struct sockaddr *)&local : NULL))
		return true;
	if (tm_host_parse(host, name) < 0)
		snprintf(name, sizeof(name), "that name");
	tm_req_problem(
		r, 421, "wrong-host",
		"This server does not answer by the name %s. If it should, its admin adds that name to the "
		"setting web.hosts and restarts tidemark-web.",
		name);
	return false;
}

/* Pages of other sites may lead people to ours, and that is all they may do. */
static bool from_our_page(struct tm_req *r)
{
	const char *host = tm_req_header(r, "Host"), *origin = tm_req_header(r, "Origin");
	const char *site = tm_req_header(r, "Sec-Fetch-Site");

	if (is_reading(r) ? tm_origin_may_read(origin, site, host)
			  : tm_origin_may_change(origin, site, host))
		return true;
	tm_req_problem(r, 403, "cross-site", "this request comes from another site");
	return false;
}

static bool json_or_nothing(struct tm_req *r, const struct tm_framing *f)
{
	const char *type = tm_req_header(r, "Content-Type");

	if (!f->length && !f->encodings)
		return true;
	if (is_reading(r)) {
		tm_req_problem(r, 400, "bad-request", "%s takes no body here", r->method);
		return false;
	}
	if (type && !strncasecmp(type, "application/json", 16) &&
	    (!type[16] || strchr("; ", type[16])))
		return true;
	tm_req_problem(r, 415, "bad-request",
		       "bodies are JSON here: Content-Type: application/json");
	return false;
}

/* The session of the request's cookie; also of one where nobody has to be logged in. */
static bool find_session(struct tm_req *r, bool needed)
{
	const char *header = tm_req_header(r, "Cookie");
	char cookie[TM_COOKIE_VALUE_MAX];
	struct tm_session *s = NULL;
	uint64_t now_ms = tm_mono_ms();

	if (header && tm_cookie_get(header, "__Host-tidemark", cookie) == 0)
		s = tm_session_find(r->w->sessions, cookie, now_ms);
	if (!s) {
		if (needed)
			tm_req_problem(r, 401, "login-required", "log in first");
		return !needed;
	}
	r->session = s->serial;
	snprintf(r->user, sizeof(r->user), "%s", s->user);
	snprintf(r->role, sizeof(r->role), "%s", s->role);
	if (needed && !is_reading(r) &&
	    !tm_session_csrf_good(s, tm_req_header(r, "Tidemark-CSRF"))) {
		tm_req_problem(r, 403, "csrf",
			       "the header Tidemark-CSRF does not hold this session's token");
		return false;
	}
	/* What a page does by itself (streams, polling) does not keep a login alive. */
	if (needed && !tm_req_header(r, "Tidemark-Background") && !tm_streq(r->path, "/v1/events"))
		tm_session_touch(s, now_ms);
	return true;
}

bool tm_route_head(struct tm_req *r, const struct tm_framing *f)
{
	const struct route *t;

	if (!well_formed(r, f) || !our_name(r))
		return false;
	t = find(r->path);
	if (!t) {
		tm_req_problem(r, 404, "no-such-path", "there is no %s here", r->path);
		return false;
	}
	if (!has_method(t, r->method)) {
		tm_req_problem(r, 405, "method-not-allowed", "%s takes %s", r->path, t->methods);
		return false;
	}
	if (t->need != NOBODY && !from_our_page(r))
		return false;
	return (t->need == NOBODY || find_session(r, t->need == USER)) && json_or_nothing(r, f);
}

void tm_route(struct tm_req *r)
{
	const struct route *t = find(r->path);

	t->serve(r);
}
