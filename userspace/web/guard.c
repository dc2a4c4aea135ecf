// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/guard.c - see guard.h.
 */
#include "web/guard.h"

#include "lib/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

/* ---- Host */

static bool port_good(const char *p)
{
	size_t n = strlen(p);

	return n >= 1 && n <= 5 && strspn(p, "0123456789") == n;
}

static int parse_v6(const char *host, char ret[TM_HOST_MAX])
{
	const char *end = strchr(host, ']');
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	size_t n;

	if (!end || (end[1] && (end[1] != ':' || !port_good(end + 2))))
		return -EINVAL;
	n = (size_t)(end - host) - 1;
	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, host + 1, n);
	text[n] = 0;
	if (inet_pton(AF_INET6, text, &a) != 1 || !inet_ntop(AF_INET6, &a, ret, TM_HOST_MAX))
		return -EINVAL;
	return 0;
}

int tm_host_parse(const char *host, char ret[TM_HOST_MAX])
{
	char name[TM_HOST_MAX];
	const char *colon;
	size_t n;

	if (host[0] == '[')
		return parse_v6(host, ret);
	colon = strchr(host, ':');
	n = colon ? (size_t)(colon - host) : strlen(host);
	if (n == 0 || n >= sizeof(name) || (colon && !port_good(colon + 1)))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)host[i];

		if (!isalnum(c) && c != '-' && c != '.' && c != '_')
			return -EINVAL;
		name[i] = (char)tolower(c);
	}
	if (name[n - 1] == '.')
		n--;
	if (n == 0 || name[n - 1] == '.')
		return -EINVAL;
	memcpy(ret, name, n);
	ret[n] = 0;
	return 0;
}

int tm_hosts_add(struct tm_hosts *h, const char *list)
{
	int bad = 0;

	while (*(list += strspn(list, " \t,"))) {
		size_t n = strcspn(list, " \t,");
		char one[TM_HOST_MAX], name[TM_HOST_MAX];

		if (n >= sizeof(one)) {
			bad++;
		} else {
			memcpy(one, list, n);
			one[n] = 0;
			if (tm_host_parse(one, name) < 0)
				bad++;
			else if (h->n == TM_HOSTS_MAX)
				return -ENOSPC;
			else
				memcpy(h->name[h->n++], name, sizeof(name));
		}
		list += n;
	}
	return bad;
}

/* The address as tm_host_parse() would have written it; "" for other families. */
static void literal(const struct sockaddr *sa, char ret[TM_HOST_MAX])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;

	ret[0] = 0;
	if (sa->sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &v4->sin_addr, ret, TM_HOST_MAX);
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		(void)inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], ret, TM_HOST_MAX);
	else if (sa->sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, ret, TM_HOST_MAX);
}

bool tm_hosts_allow(const struct tm_hosts *h, const char *host, const struct sockaddr *local)
{
	char name[TM_HOST_MAX], mine[TM_HOST_MAX];

	if (tm_host_parse(host, name) < 0)
		return false;
	if (tm_streq(name, "localhost") || tm_streq(name, "127.0.0.1") || tm_streq(name, "::1"))
		return true;
	if (local) {
		literal(local, mine);
		if (mine[0] && tm_streq(name, mine))
			return true;
	}
	for (size_t i = 0; i < h->n; i++)
		if (tm_streq(name, h->name[i]))
			return true;
	return false;
}

/* ---- Origin */

static bool origin_is_ours(const char *origin, const char *host)
{
	static const char scheme[] = "https://";
	size_t n = sizeof(scheme) - 1;

	return host && !strncasecmp(origin, scheme, n) && !strcasecmp(origin + n, host);
}

bool tm_origin_may_change(const char *origin, const char *fetch_site, const char *host)
{
	if (origin && !origin_is_ours(origin, host))
		return false;
	return !fetch_site || tm_streq(fetch_site, "same-origin");
}

bool tm_origin_may_read(const char *origin, const char *fetch_site, const char *host)
{
	if (origin && !origin_is_ours(origin, host))
		return false;
	return !fetch_site || tm_streq(fetch_site, "same-origin") || tm_streq(fetch_site, "none");
}

/* ---- Cookie */

int tm_cookie_get(const char *header, const char *name, char ret[TM_COOKIE_VALUE_MAX])
{
	size_t name_len = strlen(name), found_len = 0;
	const char *found = NULL;

	while (*(header += strspn(header, "; \t"))) {
		size_t n = strcspn(header, ";"), eq = strcspn(header, "=;");

		if (eq == name_len && header[eq] == '=' && !memcmp(header, name, name_len)) {
			if (found)
				return -EINVAL;
			found = header + eq + 1;
			found_len = n - eq - 1;
		}
		header += n;
	}
	if (!found)
		return -ENOENT;
	while (found_len && (found[found_len - 1] == ' ' || found[found_len - 1] == '\t'))
		found_len--;
	if (found_len >= TM_COOKIE_VALUE_MAX)
		return -EMSGSIZE;
	memcpy(ret, found, found_len);
	ret[found_len] = 0;
	return 0;
}

/* ---- framing */

static void length_header(struct tm_framing *f, const char *value)
{
	size_t n = strlen(value);

	f->lengths++;
	/* No sign, no list, no blanks: what somebody else could read as another number. */
	if (n == 0 || n > 18 || strspn(value, "0123456789") != n)
		f->bad = true;
	else
		f->length = strtoull(value, NULL, 10);
}

/* RFC 9110: a token. libmicrohttpd takes "Content-Length " for another header than this one. */
static bool name_good(const char *name)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *name && strspn(name, token) == strlen(name);
}

void tm_framing_header(struct tm_framing *f, const char *name, const char *value)
{
	if (!value)
		value = "";
	if (!name_good(name) || strpbrk(value, "\r\n"))
		f->bad = true;
	if (!strcasecmp(name, "Content-Length")) {
		length_header(f, value);
	} else if (!strcasecmp(name, "Transfer-Encoding")) {
		f->encodings++;
		if (strcasecmp(value, "chunked") != 0)
			f->bad = true;
	} else if (!strcasecmp(name, "Host")) {
		f->hosts++;
	} else if (!strcasecmp(name, "Cookie")) {
		f->cookies++;
	} else if (!strcasecmp(name, "Origin")) {
		f->origins++;
	}
	/* "Content_Length" and the like are made the same by some gateways. */
	if (!strcasecmp(name, "Content_Length") || !strcasecmp(name, "Transfer_Encoding"))
		f->bad = true;
}

const char *tm_framing_wrong(const struct tm_framing *f)
{
	if (f->bad)
		return "the head is not one that is understood here";
	if (f->lengths > 1 || f->encodings > 1 || (f->lengths && f->encodings))
		return "the length of the body is told more than once";
	if (f->hosts != 1)
		return "exactly one Host header is expected";
	if (f->cookies > 1 || f->origins > 1)
		return "a header that may be there once is there more often";
	return NULL;
}

/* ---- targets, values, names */

static bool dots_only(const char *segment, size_t n)
{
	return (n == 1 && segment[0] == '.') || (n == 2 && segment[0] == '.' && segment[1] == '.');
}

bool tm_target_good(const char *target)
{
	size_t n = strlen(target), path = strcspn(target, "?");

	if (target[0] != '/' || target[1] == '/' || n > TM_TARGET_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (target[i] <= ' ' || target[i] >= 0x7f || strchr("\"#<>\\^`{|}", target[i]))
			return false;
	for (size_t i = 1; i <= path;) {
		size_t seg = strcspn(target + i, "/?");

		if (dots_only(target + i, seg))
			return false;
		i += seg + 1;
	}
	return true;
}

/* Does the segment, decoded, read @word? @fold: whatever the case (@word is lower then). */
static bool segment_is(const char *segment, size_t n, const char *word, bool fold)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++, at++) {
		const char digits[3] = { i + 2 < n ? segment[i + 1] : 0,
					 i + 2 < n ? segment[i + 2] : 0, 0 };
		char c = segment[i];
		uint8_t byte;

		if (c == '%' && tm_unhex(digits, &byte, 1) == 0) {
			c = (char)byte;
			i += 2;
		}
		if (!word[at] || (fold ? tolower((unsigned char)c) : c) != word[at])
			return false;
	}
	return !word[at];
}

struct segments {
	const char *at[8];
	size_t len[8], n;
};

static struct segments split(const char *path)
{
	struct segments s = { .n = 0 };

	while (*path == '/' && s.n < TM_ARRAY_SIZE(s.at)) {
		s.at[s.n] = ++path;
		s.len[s.n] = strcspn(path, "/?");
		path += s.len[s.n++];
	}
	return s;
}

bool tm_path_private(const char *path)
{
	struct segments s = split(path);

	if (s.n > 1 && segment_is(s.at[1], s.len[1], "logins", true))
		return true;
	return s.n > 3 && segment_is(s.at[1], s.len[1], "users", true) &&
	       segment_is(s.at[3], s.len[3], "verifier", true);
}

bool tm_path_is_user(const char *path, const char *name)
{
	struct segments s = split(path);

	return s.n > 2 && segment_is(s.at[1], s.len[1], "users", true) &&
	       segment_is(s.at[2], s.len[2], name, false);
}

bool tm_header_value_good(const char *value, size_t max)
{
	size_t n = strlen(value);

	if (n == 0 || n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		if (value[i] < ' ' || value[i] >= 0x7f)
			return false;
	return true;
}

bool tm_user_name_good(const char *name)
{
	static const char more[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strlen(name);

	return n >= 1 && n <= 64 && isalnum((unsigned char)name[0]) && strspn(name, more) == n;
}
