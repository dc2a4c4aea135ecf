// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tests/unit/test_web_guard.c - names, origins, cookies, framing and paths of requests to the page's process.
 */
/* link: web */
#include "web/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tap.h"

static bool host_is(const char *host, const char *want)
{
	char got[TM_HOST_MAX] = "untouched";
	int r = tm_host_parse(host, got);

	return want ? r == 0 && !strcmp(got, want) : r == -EINVAL && !strcmp(got, "untouched");
}

TEST(hosts_are_understood)
{
	CHECK(host_is("nas", "nas"));
	CHECK(host_is("NAS.Example.COM:8443", "nas.example.com"));
	CHECK(host_is("nas.example.com.", "nas.example.com"));
	CHECK(host_is("192.0.2.7:8443", "192.0.2.7"));
	CHECK(host_is("[2001:DB8::0:1]:8443", "2001:db8::1"));
	CHECK(host_is("[::1]", "::1"));
}

TEST(what_is_no_host_is_refused)
{
	static const char *const bad[] = { "",	       ".",	  "a b",  "a:",	    "a:b",
					   "a:123456", "a/b",	  "[::1", "[::1]x", "[nas]",
					   "a\nb",     "user@a",  "a..",  ":8443",  "a,b",
					   "[::1]:",   "a:80:80", "ä" };
	char longest[400];

	for (size_t i = 0; i < TM_ARRAY_SIZE(bad); i++)
		CHECK(host_is(bad[i], NULL));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	CHECK(host_is(longest, NULL));
	longest[TM_HOST_MAX - 1] = 0;
	CHECK(host_is(longest, longest));
}

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		ss.ss_family = AF_INET6;
	return ss;
}

static bool allow(const struct tm_hosts *h, const char *host, const char *local)
{
	struct sockaddr_storage ss = address(local);

	return tm_hosts_allow(h, host, (struct sockaddr *)&ss);
}

TEST(only_our_names_are_answered)
{
	static struct tm_hosts h;

	CHECK_EQ(tm_hosts_add(&h, "nas, backup.example.com\t[2001:db8::9] bad/name"), 1);
	CHECK_EQ(h.n, 3);
	CHECK(allow(&h, "nas:8443", "192.0.2.7"));
	CHECK(allow(&h, "Backup.Example.com.", "192.0.2.7"));
	CHECK(allow(&h, "localhost:9000", "192.0.2.7"));
	CHECK(allow(&h, "[::1]:9000", "192.0.2.7"));
	CHECK(allow(&h, "[2001:db8::9]", "192.0.2.7"));
	CHECK(!allow(&h, "evil.example", "192.0.2.7"));
	CHECK(!allow(&h, "nas.evil.example", "192.0.2.7"));
	CHECK(!allow(&h, "example.com", "192.0.2.7"));
}

TEST(an_address_is_ours_if_the_connection_came_in_there)
{
	static struct tm_hosts h;

	CHECK(allow(&h, "192.0.2.7:8443", "192.0.2.7"));
	CHECK(allow(&h, "192.0.2.7", "::ffff:192.0.2.7"));
	CHECK(allow(&h, "[2001:db8::7]:8443", "2001:db8::7"));
	CHECK(!allow(&h, "192.0.2.8", "192.0.2.7"));
	CHECK(!allow(&h, "[2001:db8::8]", "2001:db8::7"));
	CHECK(!tm_hosts_allow(&h, "192.0.2.7", NULL));
}

TEST(hosts_are_bounded)
{
	static struct tm_hosts h;
	char many[4 * (TM_HOSTS_MAX + 2)] = "";

	for (int i = 0; i <= TM_HOSTS_MAX; i++)
		sprintf(many + strlen(many), "h%d ", i % 10);
	CHECK_EQ(tm_hosts_add(&h, many), -ENOSPC);
	CHECK_EQ(h.n, TM_HOSTS_MAX);
}

TEST(origins)
{
	CHECK(tm_origin_may_change(NULL, NULL, "nas:8443"));
	CHECK(tm_origin_may_change("https://nas:8443", "same-origin", "nas:8443"));
	CHECK(tm_origin_may_change("https://NAS:8443", NULL, "nas:8443"));
	CHECK(!tm_origin_may_change("http://nas:8443", NULL, "nas:8443"));
	CHECK(!tm_origin_may_change("https://nas", NULL, "nas:8443"));
	CHECK(!tm_origin_may_change("https://nas:8443.evil.example", NULL, "nas:8443"));
	CHECK(!tm_origin_may_change("null", NULL, "nas:8443"));
	CHECK(!tm_origin_may_change("", NULL, "nas:8443"));
	CHECK(!tm_origin_may_change(NULL, "same-site", "nas:8443"));
	CHECK(!tm_origin_may_change(NULL, "cross-site", "nas:8443"));
	CHECK(!tm_origin_may_change(NULL, "none", "nas:8443"));
	CHECK(!tm_origin_may_change("https://nas:8443", "cross-site", "nas:8443"));
	CHECK(tm_origin_may_read(NULL, "none", "nas:8443"));
	CHECK(!tm_origin_may_read(NULL, "same-site", "nas:8443"));
	CHECK(!tm_origin_may_read("https://evil.example", NULL, "nas:8443"));
}

static bool cookie_is(const char *header, int want, const char *value)
{
	char got[TM_COOKIE_VALUE_MAX] = "untouched";

	return tm_cookie_get(header, "__Host-tidemark", got) == want &&
	       !strcmp(got, value ? value : "untouched");
}

TEST(cookies)
{
	char longest[400] = "__Host-tidemark=";

	CHECK(cookie_is("__Host-tidemark=abc", 0, "abc"));
	CHECK(cookie_is("a=b; __Host-tidemark=abc ; c=d", 0, "abc"));
	CHECK(cookie_is("a=b;__Host-tidemark=", 0, ""));
	CHECK(cookie_is("a=__Host-tidemark=abc", -ENOENT, NULL));
	CHECK(cookie_is("x__Host-tidemark=abc", -ENOENT, NULL));
	CHECK(cookie_is("__Host-tidemarkx=abc", -ENOENT, NULL));
	CHECK(cookie_is("__host-tidemark=abc", -ENOENT, NULL));
	CHECK(cookie_is("__Host-tidemark", -ENOENT, NULL));
	CHECK(cookie_is(";;; ", -ENOENT, NULL));
	/* One of them was planted; nobody can tell which. */
	CHECK(cookie_is("__Host-tidemark=abc; __Host-tidemark=abd", -EINVAL, NULL));
	memset(longest + strlen(longest), 'a', 300);
	CHECK(cookie_is(longest, -EMSGSIZE, NULL));
}

static const char *framing(const char *const *headers)
{
	struct tm_framing f = { 0 };

	for (; headers[0]; headers += 2)
		tm_framing_header(&f, headers[0], headers[1]);
	return tm_framing_wrong(&f);
}
#define FRAMING(...) framing((const char *const[]){ "Host", "nas", __VA_ARGS__, NULL })

TEST(a_length_is_told_once)
{
	CHECK(!FRAMING("Content-Length", "5"));
	CHECK(!FRAMING("transfer-encoding", "CHUNKED"));
	CHECK(FRAMING("Content-Length", "5", "Content-Length", "5"));
	CHECK(FRAMING("Content-Length", "5", "content-length", "6"));
	CHECK(FRAMING("Content-Length", "5", "Transfer-Encoding", "chunked"));
	CHECK(FRAMING("Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"));
	CHECK(FRAMING("Transfer-Encoding", "gzip, chunked"));
	CHECK(FRAMING("Transfer-Encoding", "identity"));
	CHECK(FRAMING("Content-Length", "+5"));
	CHECK(FRAMING("Content-Length", "5, 5"));
	CHECK(FRAMING("Content-Length", ""));
	CHECK(FRAMING("Content-Length", "0x10"));
	CHECK(FRAMING("Content-Length", "99999999999999999999"));
	CHECK(FRAMING("Content_Length", "5"));
	CHECK(FRAMING("Content-Length ", "5"));
	CHECK(FRAMING("X\tY", "z"));
	CHECK(FRAMING("", "z"));
	CHECK(FRAMING("X", "a\rContent-Length: 5"));
	CHECK(FRAMING("Host", "nas"));
	CHECK(FRAMING("Cookie", "a=b", "Cookie", "c=d"));
	CHECK(FRAMING("Origin", "https://nas", "Origin", "null"));
	CHECK(framing((const char *const[]){ NULL }));
}

TEST(targets)
{
	CHECK(tm_target_good("/"));
	CHECK(tm_target_good("/v1/policies/web?limit=5&before=a%2F"));
	CHECK(tm_target_good("/v1/policies/..x"));
	CHECK(tm_target_good("/a?/../"));
	CHECK(!tm_target_good(""));
	CHECK(!tm_target_good("*"));
	CHECK(!tm_target_good("http://nas/"));
	CHECK(!tm_target_good("//evil.example/"));
	CHECK(!tm_target_good("/a/../b"));
	CHECK(!tm_target_good("/a/./b"));
	CHECK(!tm_target_good("/a/.."));
	CHECK(!tm_target_good("/..?a"));
	CHECK(!tm_target_good("/a b"));
	CHECK(!tm_target_good("/a\r\nX: y"));
	CHECK(!tm_target_good("/ä"));
	CHECK(!tm_target_good("/a#b"));
	CHECK(!tm_target_good("/a\\b"));
}

TEST(private_paths)
{
	CHECK(tm_path_private("/v1/users/admin/verifier"));
	CHECK(tm_path_private("/v1/users/admin/verifier?x"));
	CHECK(tm_path_private("/v1/users/admin/%76erifier"));
	CHECK(tm_path_private("/v1/%75sers/a%2Fb/%56ERIFIER/"));
	CHECK(tm_path_private("/v1/logins"));
	CHECK(tm_path_private("/v1/%6cogins/x"));
	CHECK(tm_path_private("/v1/Logins"));
	CHECK(!tm_path_private("/v1/users/verifier"));
	CHECK(!tm_path_private("/v1/users"));
	CHECK(!tm_path_private("/v1/policies/logins/verifier"));
	CHECK(!tm_path_private("/v1/loginsx"));
	CHECK(!tm_path_private("/v1/users/a/verifier%"));
	CHECK(!tm_path_private("/"));
	CHECK(tm_path_is_user("/v1/users/alice", "alice"));
	CHECK(tm_path_is_user("/v1/users/%61lice?x", "alice"));
	CHECK(tm_path_is_user("/v1/Users/alice/", "alice"));
	CHECK(!tm_path_is_user("/v1/users/Alice", "alice"));
	CHECK(!tm_path_is_user("/v1/users/alice2", "alice"));
	CHECK(!tm_path_is_user("/v1/users/alic", "alice"));
	CHECK(!tm_path_is_user("/v1/policies/alice", "alice"));
}

TEST(header_values_and_user_names)
{
	CHECK(tm_header_value_good("\"5-3\"", 100));
	CHECK(!tm_header_value_good("", 100));
	CHECK(!tm_header_value_good("a\r\nX: y", 100));
	CHECK(!tm_header_value_good("abc", 2));
	CHECK(tm_user_name_good("alice.b-c_d"));
	CHECK(tm_user_name_good(
		"0123456789012345678901234567890123456789012345678901234567890123"));
	CHECK(!tm_user_name_good(
		"01234567890123456789012345678901234567890123456789012345678901234"));
	CHECK(!tm_user_name_good(""));
	CHECK(!tm_user_name_good("-a"));
	CHECK(!tm_user_name_good("a/b"));
	CHECK(!tm_user_name_good("a\nb"));
	CHECK(!tm_user_name_good("ä"));
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
