// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/upstream.c - libcurl's multi interface driven by sd-event: its sockets are our event
 * sources, its timer is ours.
 */
#include "web/upstream.h"

#include "lib/clock.h"
#include "lib/text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>

struct tm_up {
	sd_event *ev;
	CURLM *multi;
	char *path;
	sd_event_source *timer;
	struct tm_up_call *calls;
	unsigned int n;
	size_t bytes; /* of answers being collected */
};

struct tm_up_call {
	struct tm_up *u;
	struct tm_up_call *next;
	CURL *easy;
	struct curl_slist *headers;
	tm_up_data_fn data;
	tm_up_done_fn done;
	void *arg;
	struct tm_up_answer a;
	bool too_large, out_of_memory;
};

static void reap(struct tm_up *u);

/* ---- libcurl's wishes */

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_up *u = arg;
	int mask = 0, running;

	(void)s;
	if (revents & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
		mask |= CURL_CSELECT_IN;
	if (revents & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (revents & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	(void)curl_multi_socket_action(u->multi, fd, mask, &running);
	reap(u);
	return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	sd_event_source *s = socket_arg;
	struct tm_up *u = arg;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(s);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (s)
		return sd_event_source_set_io_events(s, events) < 0 ? -1 : 0;
	if (sd_event_add_io(u->ev, &s, fd, events, on_io, u) < 0)
		return -1;
	(void)curl_multi_assign(u->multi, fd, s);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_up *u = arg;
	int running;

	(void)s;
	(void)usec;
	(void)curl_multi_socket_action(u->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(u);
	return 0;
}

static int on_timeout_wish(CURLM *multi, long ms, void *arg)
{
	struct tm_up *u = arg;

	(void)multi;
	if (ms < 0)
		return sd_event_source_set_enabled(u->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	/* Also 0 only from the loop: libcurl must not be entered from its own callback. */
	if (sd_event_source_set_time_relative(u->timer, (uint64_t)ms * 1000) < 0 ||
	    sd_event_source_set_enabled(u->timer, SD_EVENT_ONESHOT) < 0)
		return -1;
	return 0;
}

/* ---- an answer */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct tm_up_call *c = arg;
	size_t add = size * n;
	char *grown;
	long status = 0;

	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (c->data && status == 200)
		return c->data(c->arg, p, add) < 0 ? 0 : add;
	if (c->a.len + add > TM_UP_ANSWER_MAX || c->u->bytes + add > TM_UP_TOTAL_MAX) {
		c->too_large = true;
		return 0;
	}
	grown = realloc(c->a.body, c->a.len + add + 1);
	if (!grown) {
		c->out_of_memory = true;
		return 0;
	}
	memcpy(grown + c->a.len, p, add);
	c->a.body = grown;
	c->a.len += add;
	c->u->bytes += add;
	grown[c->a.len] = 0;
	return add;
}

static void header_value(const char *p, size_t n, char *dst, size_t cap)
{
	while (n && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n && strchr(" \t\r\n", p[n - 1]))
		n--;
	if (n >= cap || memchr(p, 0, n))
		n = 0;
	memcpy(dst, p, n);
	dst[n] = 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct tm_up_call *c = arg;

	n *= size;
	if (n > 13 && !strncasecmp(p, "Content-Type:", 13))
		header_value(p + 13, n - 13, c->a.type, sizeof(c->a.type));
	else if (n > 5 && !strncasecmp(p, "ETag:", 5))
		header_value(p + 5, n - 5, c->a.etag, sizeof(c->a.etag));
	return n;
}

static void call_free(struct tm_up_call *c)
{
	struct tm_up_call **p = &c->u->calls;

	while (*p && *p != c)
		p = &(*p)->next;
	if (*p) {
		*p = c->next;
		c->u->n--;
	}
	c->u->bytes -= c->a.len;
	if (c->easy) {
		(void)curl_multi_remove_handle(c->u->multi, c->easy);
		curl_easy_cleanup(c->easy);
	}
	curl_slist_free_all(c->headers);
	free(c->a.body);
	free(c);
}

static int error_of(const struct tm_up_call *c, CURLcode r)
{
	if (c->out_of_memory || r == CURLE_OUT_OF_MEMORY)
		return -ENOMEM;
	if (c->too_large)
		return -EMSGSIZE;
	switch (r) {
	case CURLE_OK: return 0;
	case CURLE_OPERATION_TIMEDOUT: return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT: return -ECONNREFUSED;
	/* The daemon went away in the middle of it. */
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE: return -ECONNREFUSED;
	default: return -EIO;
	}
}

static void reap(struct tm_up *u)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(u->multi, &left))) {
		struct tm_up_call *c = NULL;
		CURLcode r = m->data.result;
		char *priv = NULL;
		long status = 0;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &priv);
		c = (struct tm_up_call *)(void *)priv;
		(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		c->a.error = error_of(c, r);
		c->a.status = (unsigned int)status;
		/* @m is gone after this; the callback may start other calls. */
		(void)curl_multi_remove_handle(u->multi, c->easy);
		c->done(c->arg, &c->a);
		if (!c->a.body) {
			u->bytes -= c->a.len;
			c->a.len = 0;
		}
		call_free(c);
	}
}

/* ---- a call */

static int add_header(struct tm_up_call *c, const char *name, const char *value)
{
	_cleanup_free_ char *line =
		value ? tm_asprintf("%s: %s", name, value) : tm_asprintf("%s:", name);
	struct curl_slist *l = line ? curl_slist_append(c->headers, line) : NULL;

	if (!l)
		return -ENOMEM;
	c->headers = l;
	return 0;
}

static int add_headers(struct tm_up_call *c, const struct tm_up_ask *ask)
{
	const struct {
		const char *name, *value;
	} h[] = {
		{ "Tidemark-User", ask->user },
		{ "Tidemark-Role", ask->role },
		{ "Tidemark-Address", ask->address },
		{ "Tidemark-Reauthenticated", ask->reauthenticated ? "yes" : NULL },
		{ "If-Match", ask->if_match },
		{ "If-None-Match", ask->if_none_match },
		{ "Last-Event-ID", ask->last_event_id },
		{ "Accept", ask->accept ? ask->accept : "application/json" },
		{ "Content-Type", ask->body ? "application/json" : NULL },
	};

	for (size_t i = 0; i < TM_ARRAY_SIZE(h); i++)
		if (h[i].value && add_header(c, h[i].name, h[i].value) < 0)
			return -ENOMEM;
	/* Not asked for: libcurl would wait for "100 Continue". */
	return add_header(c, "Expect", NULL);
}

static int set_options(struct tm_up_call *c, const struct tm_up_ask *ask)
{
	_cleanup_free_ char *url = tm_asprintf("http://localhost%s", ask->path);
	CURL *e = c->easy;
	CURLcode r = CURLE_OK;

	if (!url)
		return -ENOMEM;
#define SET(option, value) r = r ? r : curl_easy_setopt(e, option, value)
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_UNIX_SOCKET_PATH, c->u->path);
	SET(CURLOPT_PROTOCOLS_STR, "http");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PRIVATE, (char *)c);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, c);
	SET(CURLOPT_HTTPHEADER, c->headers);
	SET(CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	SET(CURLOPT_TIMEOUT_MS, (long)ask->timeout_ms);
	if (ask->body) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->len);
		SET(CURLOPT_COPYPOSTFIELDS, ask->body);
	}
	if (tm_streq(ask->method, "HEAD"))
		SET(CURLOPT_NOBODY, 1L);
	else
		SET(CURLOPT_CUSTOMREQUEST, ask->method);
#undef SET
	return r == CURLE_OK ? 0 : r == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

int tm_up_call(struct tm_up *u, const struct tm_up_ask *ask, tm_up_data_fn data, tm_up_done_fn done,
	       void *arg, struct tm_up_call **ret_call)
{
	struct tm_up_call *c;
	int r;

	if (u->n >= TM_UP_CALLS_MAX)
		return -EBUSY;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->u = u;
	c->next = u->calls;
	u->calls = c;
	u->n++;
	c->data = data;
	c->done = done;
	c->arg = arg;
	c->easy = curl_easy_init();
	r = c->easy ? add_headers(c, ask) : -ENOMEM;
	if (r == 0)
		r = set_options(c, ask);
	if (r == 0 && curl_multi_add_handle(u->multi, c->easy) != CURLM_OK)
		r = -ENOMEM;
	if (r < 0) {
		call_free(c);
		return r;
	}
	if (ret_call)
		*ret_call = c;
	return 0;
}

void tm_up_cancel(struct tm_up_call *c)
{
	if (c)
		call_free(c);
}

int tm_up_new(sd_event *ev, const char *socket_path, struct tm_up **ret)
{
	struct tm_up *u = calloc(1, sizeof(*u));
	int r = -ENOMEM;

	if (!u)
		return -ENOMEM;
	u->ev = ev;
	u->path = strdup(socket_path);
	u->multi = u->path && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init()
										: NULL;
	if (u->multi) {
		curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
		curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
		curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wish);
		curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
		curl_multi_setopt(u->multi, CURLMOPT_MAXCONNECTS, 8L);
		r = sd_event_add_time_relative(ev, &u->timer, CLOCK_MONOTONIC, 0, 1000, on_timer,
					       u);
		if (r >= 0)
			r = sd_event_source_set_enabled(u->timer, SD_EVENT_OFF);
	}
	if (r < 0) {
		tm_up_free(u);
		return r;
	}
	*ret = u;
	return 0;
}

void tm_up_free(struct tm_up *u)
{
	if (!u)
		return;
	while (u->calls)
		call_free(u->calls);
	if (u->multi)
		curl_multi_cleanup(u->multi);
	sd_event_source_disable_unref(u->timer);
	free(u->path);
	free(u);
}
