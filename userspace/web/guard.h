/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/guard.h - what a request's head must look like before anything is done for it. Pure.
 *
 * Names: a page of another site whose name was made to point here (DNS rebinding) sends its own
 * name in Host; so only names that are known to be ours are answered. An address literal cannot be
 * rebound, but only those of this machine are taken: the one this very connection came in at, and
 * the loopback's. Ports are not compared: they may be forwarded.
 *
 * Framing: libmicrohttpd 0.9.75 is not trusted to refuse a body whose length is said twice (request
 * smuggling, CWE-444).
 */
#ifndef TM_WEB_GUARD_H
#define TM_WEB_GUARD_H

#include "lib/base.h"

#include <sys/socket.h>

#define TM_HOST_MAX	    256 /* with NUL */
#define TM_HOSTS_MAX	    64
#define TM_TARGET_MAX	    8192
#define TM_COOKIE_VALUE_MAX 128

struct tm_hosts {
	size_t n;
	char name[TM_HOSTS_MAX][TM_HOST_MAX]; /* lower case, no dot at the end */
};

/*
 * The name in "NAME", "NAME:PORT", "1.2.3.4:PORT", "[v6]:PORT", in lower case, without brackets
 * and the dot at the end. Returns 0, or -EINVAL for anything else: nothing of it is then in @ret.
 */
int tm_host_parse(const char *host, char ret[TM_HOST_MAX]);
/* Names separated by blanks or commas; those that are none are counted in the result. -ENOSPC. */
int tm_hosts_add(struct tm_hosts *h, const char *list);
/* @local: the address the connection came in at, or NULL. */
bool tm_hosts_allow(const struct tm_hosts *h, const char *host, const struct sockaddr *local);

/*
 * May a request that changes something come from where the browser says it comes from? @origin
 * must be "https://" and exactly @host; @fetch_site (Sec-Fetch-Site) "same-origin". NULL: not sent,
 * as by scripts; then the token decides.
 */
bool tm_origin_may_change(const char *origin, const char *fetch_site, const char *host);
/*
 * May what a login gives access to be read? Also by hand ("none"). Origin, where sent, must be
 * ours.
 */
bool tm_origin_may_read(const char *origin, const char *fetch_site, const char *host);

/*
 * The value of @name in a Cookie header. Returns 0; -ENOENT; -EINVAL: it is there twice (then one
 * was planted by somebody else); -EMSGSIZE.
 */
int tm_cookie_get(const char *header, const char *name, char ret[TM_COOKIE_VALUE_MAX]);

/* Feed every header of a request; then ask. */
struct tm_framing {
	unsigned int lengths, encodings, hosts, cookies, origins;
	bool bad;
	uint64_t length;
};
void tm_framing_header(struct tm_framing *f, const char *name, const char *value);
/* NULL: good. Otherwise what is wrong, static. */
const char *tm_framing_wrong(const struct tm_framing *f);

/*
 * Request target as it stood in the request line: a path and query of printable ASCII, no "." or
 * ".." segments, no fragment, at most TM_TARGET_MAX bytes.
 */
bool tm_target_good(const char *target);
/*
 * Paths of the daemon that only this process itself may ask for: verifiers, and what is told of
 * logins. Segments are decoded as the daemon does it.
 */
bool tm_path_private(const char *path);
/* /v1/users/{name}, or below it, of that very user. */
bool tm_path_is_user(const char *path, const char *name);
/* A header's value to be passed on: printable ASCII, at most @max bytes. */
bool tm_header_value_good(const char *value, size_t max);
/* As policies are named: 1 to 64 of A-Z a-z 0-9 . _ - beginning with a letter or digit. */
bool tm_user_name_good(const char *name);

#endif
