/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_lib_text.c - text, units, clock and log lines.
 */
#include "lib/text.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/units.h"
#include "tap.h"

/* Compare and release. */
static bool yields(char *got, const char *want)
{
	bool same = got && tm_streq(got, want);

	if (!same)
		fprintf(stderr, "# got <%s>, want <%s>\n", got ? got : "(null)", want);
	free(got);
	return same;
}

TEST(utf8_takes_what_is_valid_and_nothing_else)
{
	static const struct {
		const char *s;
		bool ok;
	} t[] = {
		{ "", true },
		{ "plain", true },
		{ "\xc3\xa9", true },
		{ "\xe2\x82\xac", true },
		{ "\xf0\x9f\x98\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "\xc0\xaf", false }, /* overlong '/' */
		{ "\xe0\x80\xaf", false },
		{ "\xf0\x80\x80\xaf", false },
		{ "\xed\xa0\x80", false },     /* a surrogate */
		{ "\xf4\x90\x80\x80", false }, /* beyond U+10FFFF */
		{ "\xc3", false },
		{ "\xe2\x82", false },
		{ "\x80", false },
		{ "\xff", false },
		{ "\xc3(", false },
	};

	for (size_t i = 0; i < TM_ARRAY_SIZE(t); i++)
		CHECK(tm_utf8_valid(t[i].s, strlen(t[i].s)) == t[i].ok);
	/* A sequence cut by the length, not by a NUL. */
	CHECK(!tm_utf8_valid("\xe2\x82\xac", 2));
}

TEST(escaping_leaves_readable_text_alone)
{
	CHECK(yields(tm_escape("caf\xc3\xa9 \"x\" 'y'", 13), "caf\xc3\xa9 \"x\" 'y'"));
	CHECK(yields(tm_escape("", 0), ""));
}

TEST(escaping_disarms_control_bytes_and_backslashes)
{
	CHECK(yields(tm_escape("a\nb\x1b[2J\x7f\\", 9), "a\\x0ab\\x1b[2J\\x7f\\\\"));
	CHECK(yields(tm_escape("a\0b", 3), "a\\x00b"));
	CHECK(yields(tm_escape("\xff\xc3", 2), "\\xff\\xc3"));
}

TEST(escaping_disarms_c1_bidi_and_invisible_characters)
{
	CHECK(yields(tm_escape("\xc2\x9b"
			       "31m",
			       5),
		     "\\xc2\\x9b31m")); /* U+009B CSI */
	CHECK(yields(tm_escape("a\xe2\x80\xae"
			       "b",
			       5),
		     "a\\xe2\\x80\\xaeb"));				/* U+202E RLO */
	CHECK(yields(tm_escape("\xe2\x81\xa6", 3), "\\xe2\\x81\\xa6")); /* U+2066 LRI */
	CHECK(yields(tm_escape("\xe2\x80\x8f", 3), "\\xe2\\x80\\x8f")); /* U+200F RLM */
	CHECK(yields(tm_escape("\xd8\x9c", 2), "\\xd8\\x9c"));		/* U+061C ALM */
	CHECK(yields(tm_escape("\xe2\x80\xa8", 3), "\\xe2\\x80\\xa8")); /* U+2028 */
	CHECK(yields(tm_escape("\xef\xbb\xbf", 3), "\\xef\\xbb\\xbf")); /* BOM */
	/* No neighbour too many: U+2010 HYPHEN and U+00A0 NBSP are text. */
	CHECK(yields(tm_escape("\xe2\x80\x90\xc2\xa0", 5), "\xe2\x80\x90\xc2\xa0"));
}

TEST(lossy_text_is_always_valid_utf8)
{
	char in[8];
	unsigned int seed = 1;

	CHECK(yields(tm_utf8_lossy("a\xff"
				   "b",
				   3),
		     "a\xef\xbf\xbd"
		     "b"));
	CHECK(yields(tm_utf8_lossy("a\0b", 3), "a\xef\xbf\xbd"
					       "b"));
	for (int i = 0; i < 20000; i++) {
		char *out;

		for (size_t j = 0; j < sizeof(in); j++)
			in[j] = (char)rand_r(&seed);
		out = tm_utf8_lossy(in, sizeof(in));
		CHECK(out && tm_utf8_valid(out, strlen(out)));
		free(out);
		out = tm_escape(in, sizeof(in));
		CHECK(out && tm_utf8_valid(out, strlen(out)));
		free(out);
	}
}

TEST(hex_comes_back_and_refuses_everything_else)
{
	uint8_t in[3] = { 0x00, 0xaf, 0xff }, out[3] = { 1, 2, 3 };
	char s[7];

	tm_hex(in, 3, s);
	CHECK_STR(s, "00afff");
	CHECK_EQ(tm_unhex("00AFfg", out, 3), -EINVAL);
	CHECK_EQ(out[1], 2);
	CHECK_EQ(tm_unhex("00AF", out, 3), -EINVAL);
	CHECK_EQ(tm_unhex("00AFff0", out, 3), -EINVAL);
	CHECK_EQ(tm_unhex("00AFff", out, 3), 0);
	CHECK(!memcmp(in, out, 3));
}

TEST(base64_follows_the_rfc_vectors)
{
	CHECK(yields(tm_base64("", 0), ""));
	CHECK(yields(tm_base64("f", 1), "Zg=="));
	CHECK(yields(tm_base64("fo", 2), "Zm8="));
	CHECK(yields(tm_base64("foo", 3), "Zm9v"));
	CHECK(yields(tm_base64("foob", 4), "Zm9vYg=="));
	CHECK(yields(tm_base64("fooba", 5), "Zm9vYmE="));
	CHECK(yields(tm_base64("\xff\xfe\xfd\xfc\xfb\xfa", 6), "//79/Pv6"));
}

TEST(sizes_are_binary_and_never_wrap)
{
	uint64_t v = 7;

	CHECK_EQ(tm_parse_bytes("64K", &v), 0);
	CHECK_EQ(v, 65536);
	CHECK_EQ(tm_parse_bytes("50MiB", &v), 0);
	CHECK_EQ(v, 50 << 20);
	CHECK_EQ(tm_parse_bytes("1 gb", &v), 0);
	CHECK_EQ(v, 1 << 30);
	CHECK_EQ(tm_parse_bytes("12B", &v), 0);
	CHECK_EQ(v, 12);
	CHECK_EQ(tm_parse_bytes("16777215T", &v), 0);
	CHECK(v == 16777215ULL << 40);
	v = 7;
	CHECK_EQ(tm_parse_bytes("16777216T", &v), -ERANGE);
	CHECK_EQ(tm_parse_bytes("18446744073709551616", &v), -ERANGE);
	CHECK_EQ(tm_parse_bytes("", &v), -EINVAL);
	CHECK_EQ(tm_parse_bytes("-1", &v), -EINVAL);
	CHECK_EQ(tm_parse_bytes(" 1", &v), -EINVAL);
	CHECK_EQ(tm_parse_bytes("1Q", &v), -EINVAL);
	CHECK_EQ(tm_parse_bytes("1Kx", &v), -EINVAL);
	CHECK_EQ(tm_parse_bytes("K", &v), -EINVAL);
	CHECK_EQ(v, 7);
}

TEST(durations_know_their_units)
{
	static const struct {
		const char *s;
		uint64_t ms;
	} t[] = { { "1500ms", 1500 }, { "30s", 30000 }, { "15min", 900000 }, { "2h", 7200000 },
		  { "1d", 86400000 }, { "5", 5000 },	{ "0", 0 },	     { "50 ms", 50 } };
	uint64_t v = 7;

	for (size_t i = 0; i < TM_ARRAY_SIZE(t); i++) {
		CHECK_EQ(tm_parse_duration_ms(t[i].s, &v), 0);
		CHECK_EQ(v, t[i].ms);
	}
	CHECK_EQ(tm_parse_duration_ms("5x", &v), -EINVAL);
	CHECK_EQ(tm_parse_duration_ms("ms", &v), -EINVAL);
	CHECK_EQ(tm_parse_duration_ms("999999999999999999d", &v), -ERANGE);
}

TEST(switches_are_words_and_nothing_else)
{
	bool b = false;
	uint64_t v;

	CHECK(!tm_parse_bool("Yes", &b) && b);
	CHECK(!tm_parse_bool("off", &b) && !b);
	CHECK(!tm_parse_bool("1", &b) && b);
	CHECK_EQ(tm_parse_bool("maybe", &b), -EINVAL);
	CHECK_EQ(tm_parse_bool("", &b), -EINVAL);
	CHECK(b);
	CHECK_EQ(tm_parse_u64("18446744073709551615", &v), 0);
	CHECK(v == UINT64_MAX);
	CHECK_EQ(tm_parse_u64("18446744073709551616", &v), -ERANGE);
	CHECK_EQ(tm_parse_u64("12 ", &v), -EINVAL);
	CHECK_EQ(tm_parse_u64("0x10", &v), -EINVAL);
}

TEST(sizes_for_people_are_short_and_round_down)
{
	char b[TM_HUMAN_LEN];

	CHECK_STR(tm_human_bytes(0, b), "0 B");
	CHECK_STR(tm_human_bytes(1023, b), "1023 B");
	CHECK_STR(tm_human_bytes(1536, b), "1.5 KiB");
	CHECK_STR(tm_human_bytes((1 << 20) - 1, b), "1023.9 KiB");
	CHECK_STR(tm_human_bytes(1 << 20, b), "1.0 MiB");
	CHECK_STR(tm_human_bytes(UINT64_MAX, b), "15.9 EiB");
}

TEST(times_are_rfc_3339_in_utc)
{
	char b[TM_RFC3339_LEN];

	CHECK_STR(tm_rfc3339(0, b), "");
	CHECK_STR(tm_rfc3339(1, b), "1970-01-01T00:00:00.000Z");
	CHECK_STR(tm_rfc3339(1795420141123456789LL, b), "2026-11-23T07:49:01.123Z");
	CHECK_STR(tm_rfc3339(-1, b), "1969-12-31T23:59:59.999Z");
}

TEST(the_boot_id_is_the_kernels)
{
	char a[TM_BOOT_ID_LEN], b[TM_BOOT_ID_LEN];

	CHECK_EQ(tm_boot_id(a), 0);
	CHECK_EQ(tm_boot_id(b), 0);
	CHECK_EQ(strlen(a), 36);
	CHECK(a[8] == '-' && a[23] == '-');
	CHECK_STR(a, b);
}

/* What tm_log() writes, with stderr turned to a pipe for one call. */
static void logged(char *out, size_t cap, enum tm_log_level max, enum tm_log_level level,
		   const char *text)
{
	int saved = dup(2), p[2];
	ssize_t n;

	if (pipe(p))
		abort();
	dup2(p[1], 2);
	tm_log_open("unit", max);
	tm_log(level, "file '%s'", text);
	dup2(saved, 2);
	close(saved);
	close(p[1]);
	n = tm_read_full(p[0], out, cap - 1);
	out[n > 0 ? n : 0] = 0;
	close(p[0]);
}

TEST(a_hostile_name_cannot_forge_a_log_line)
{
	char out[512];

	logged(out, sizeof(out), TM_LOG_INFO, TM_LOG_WARNING, "x\n<0>unit: all is well\x1b[1m");
	CHECK_STR(out, "unit: file 'x\\x0a<0>unit: all is well\\x1b[1m'\n");
	logged(out, sizeof(out), TM_LOG_WARNING, TM_LOG_INFO, "quiet");
	CHECK_STR(out, "");
}

TEST(a_log_line_is_one_line_even_when_it_is_cut)
{
	static char big[9000], out[9000];

	memset(big, 'a', sizeof(big) - 1);
	logged(out, sizeof(out), TM_LOG_INFO, TM_LOG_ERR, big);
	CHECK(strlen(out) > 4000 && strlen(out) < 4300);
	CHECK(strchr(out, '\n') == out + strlen(out) - 1);
	memset(big, '\x01', sizeof(big) - 1); /* each becomes four */
	logged(out, sizeof(out), TM_LOG_INFO, TM_LOG_ERR, big);
	CHECK(strchr(out, '\n') == out + strlen(out) - 1);
}

TEST(a_rate_limit_lets_a_burst_through_and_counts_the_rest)
{
	struct tm_ratelimit rl = { 0 };
	int passed = 0;

	for (int i = 0; i < 10; i++)
		passed += tm_ratelimit_ok(&rl, 3, 60000);
	CHECK_EQ(passed, 3);
	CHECK_EQ(rl.dropped, 7);
	rl.dropped = 0;
	rl.window_start_ms -= TM_MIN(rl.window_start_ms - 1, (uint64_t)60001);
	CHECK(tm_ratelimit_ok(&rl, 3, 50));
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
