/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link: cli api */
/*
 * tests/unit/test_cli_text.c - what the command line makes of bytes, counts and times.
 */
#include "cli/text.h"

#include <jansson.h>
#include <time.h>

#include "cli/fit.h"
#include "cli_corpus.h"
#include "tap.h"

static bool yields(char *got, const char *want)
{
	bool same = got && tm_streq(got, want);

	if (!same)
		fprintf(stderr, "# got <%s>, want <%s>\n", got ? got : "(null)", want);
	free(got);
	return same;
}

static bool one_line(const char *s)
{
	return !strchr(s, '\n');
}

TEST(no_hostile_name_gets_through_in_any_dress)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(hostile_names); i++)
		for (unsigned int flags = 0; flags < 8; flags++) {
			const char *name = hostile_names[i];
			char *s = tm_text_escape(name, strlen(name), flags);

			CHECK(s && terminal_safe(s, strlen(s)) && one_line(s));
			if (flags & TM_TEXT_ASCII)
				for (char *p = s; *p; p++)
					CHECK(*p >= 0x20 && *p < 0x7f);
			if (flags == TM_TEXT_RAW)
				CHECK(!strchr(s, ' '));
			free(s);
		}
}

TEST(two_names_never_look_the_same)
{
	for (unsigned int flags = 0; flags < 4; flags++) /* prose is for reading only */
		for (size_t i = 0; i < TM_ARRAY_SIZE(hostile_names); i++)
			for (size_t k = 0; k < i; k++) {
				char *a = tm_text_escape(hostile_names[i], strlen(hostile_names[i]), flags);
				char *b = tm_text_escape(hostile_names[k], strlen(hostile_names[k]), flags);

				CHECK(a && b && !tm_streq(a, b));
				free(a);
				free(b);
			}
}

/* Every code point there is, and every two bytes. */
static size_t encode(uint32_t c, char *s)
{
	if (c < 0x80)
		return s[0] = (char)c, 1;
	if (c < 0x800)
		return s[0] = (char)(0xc0 | c >> 6), s[1] = (char)(0x80 | (c & 63)), 2;
	if (c < 0x10000)
		return s[0] = (char)(0xe0 | c >> 12), s[1] = (char)(0x80 | (c >> 6 & 63)),
		       s[2] = (char)(0x80 | (c & 63)), 3;
	return s[0] = (char)(0xf0 | c >> 18), s[1] = (char)(0x80 | (c >> 12 & 63)),
	       s[2] = (char)(0x80 | (c >> 6 & 63)), s[3] = (char)(0x80 | (c & 63)), 4;
}

TEST(no_code_point_gets_through_that_should_not)
{
	char in[4];
	size_t kept = 0;

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		size_t n = encode(c, in);
		char *s = tm_text_escape(in, n, 0);

		CHECK(s && terminal_safe(s, strlen(s)) && one_line(s));
		kept += strlen(s) == n && memcmp(s, in, n) == 0;
		free(s);
	}
	CHECK(kept > 1000000); /* and the others are left as they are */
	for (unsigned int v = 0; v <= 0xffff; v++) {
		char two[2] = { (char)(v >> 8), (char)v };
		char *s = tm_text_escape(two, 2, 0);

		CHECK(s && terminal_safe(s, strlen(s)));
		free(s);
	}
}

TEST(escapes_look_as_documented)
{
	CHECK(yields(tm_text_escape("a\033[2J", 5, 0), "a\\x1b[2J"));
	CHECK(yields(tm_text_escape("\xff", 1, 0), "\\xff"));
	CHECK(yields(tm_text_escape("\xe2\x80\xae", 3, 0), "\\u{202e}"));
	CHECK(yields(tm_text_escape("\xc2\x9b", 2, 0), "\\u{9b}"));
	CHECK(yields(tm_text_escape("a\\b c", 5, 0), "a\\\\b c"));
	CHECK(yields(tm_text_escape("a\\b c", 5, TM_TEXT_RAW), "a\\x5cb\\x20c"));
	CHECK(yields(tm_text_escape("a\\b\nc", 5, TM_TEXT_PROSE), "a\\b c"));
	CHECK(yields(tm_text_escape("caf\xc3\xa9", 5, 0), "caf\xc3\xa9"));
	CHECK(yields(tm_text_escape("caf\xc3\xa9", 5, TM_TEXT_ASCII), "caf\\u{e9}"));
	CHECK(yields(tm_text_escape("a\0b", 3, 0), "a\\x00b"));
}

TEST(json_stays_the_same_json_and_becomes_safe)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(hostile_names); i++) {
		json_t *o, *back;
		char *text, *safe;

		if (!tm_utf8_valid(hostile_names[i], strlen(hostile_names[i])))
			continue; /* the daemon never sends such */
		o = json_pack("{s:s}", "name", hostile_names[i]);
		text = json_dumps(o, JSON_INDENT(2));
		safe = tm_text_json(text);
		CHECK(safe && terminal_safe(safe, strlen(safe)));
		back = json_loads(safe, 0, NULL);
		CHECK(back && json_equal(o, back));
		json_decref(back);
		json_decref(o);
		free(safe);
		free(text);
	}
	CHECK(yields(tm_text_json("\"\xf3\xa0\x81\x81\""), "\"\\udb40\\udc41\""));
	CHECK(yields(tm_text_json("\"\x7f\""), "\"\\u007f\""));
}

TEST(counts_have_commas)
{
	CHECK(yields(tm_text_count(0), "0"));
	CHECK(yields(tm_text_count(999), "999"));
	CHECK(yields(tm_text_count(1000), "1,000"));
	CHECK(yields(tm_text_count(-1234567), "-1,234,567"));
	CHECK(yields(tm_text_count(INT64_MIN), "-9,223,372,036,854,775,808"));
}

TEST(durations_have_two_units_at_most)
{
	CHECK(yields(tm_text_duration(0), "0 s"));
	CHECK(yields(tm_text_duration(350), "350 ms"));
	CHECK(yields(tm_text_duration(59999), "59 s"));
	CHECK(yields(tm_text_duration(60000), "1 min"));
	CHECK(yields(tm_text_duration(184000), "3 min 4 s"));
	CHECK(yields(tm_text_duration(2 * 3600000 + 5 * 60000 + 7000), "2 h 5 min"));
	CHECK(yields(tm_text_duration(3 * 86400000ULL + 4 * 3600000), "3 d 4 h"));
}

TEST(times_are_read_and_shown)
{
	int64_t ns = 1, now;

	setenv("TZ", "UTC", 1);
	tzset();
	CHECK(tm_text_parse_time("2026-11-24T18:04:12.123Z", &ns) == 0);
	CHECK_EQ(ns, 1795543452123000000);
	CHECK(yields(tm_text_time(ns, ns), "18:04:12"));
	now = ns + 86400000000000;
	CHECK(yields(tm_text_time(ns, now), "2026-11-24 18:04"));
	CHECK(yields(tm_text_time_long(ns, ns + 12000000000), "2026-11-24 18:04:12, 12 s ago"));
	CHECK(yields(tm_text_time_long(ns, ns - 1), "2026-11-24 18:04:12")); /* clocks differ */
	CHECK(tm_text_parse_time("2026-11-24T18:04:12", &ns) == -EINVAL);
	CHECK(tm_text_parse_time("2026-11-24T18:04:12Zx", &ns) == -EINVAL);
	CHECK(tm_text_parse_time("", &ns) == -EINVAL);
}

TEST(text_is_wrapped_between_words)
{
	CHECK(yields(tm_text_wrap("aaa bbb ccc", 2, 10), "  aaa bbb\n  ccc"));
	CHECK(yields(tm_text_wrap("a\nb", 0, 10), "a\nb"));
	CHECK(yields(tm_text_wrap("", 4, 10), ""));
	CHECK(yields(tm_text_wrap("a-word-too-long-for-it b", 0, 10), "a-word-too-long-for-it\nb"));
}

TEST(columns_share_what_there_is)
{
	/* name, status, role, source, target: what is short stays whole, the long ones share */
	struct tm_fit f[] = { { 5, false }, { 22, true }, { 6, false }, { 60, true }, { 70, true } };
	struct tm_fit wide[] = { { 5, false }, { 22, true } }, narrow[] = { { 30, false }, { 50, true } };
	struct tm_fit words[] = { { 5, false }, { 26, true }, { 40, true }, { 40, true } };
	size_t sum = TM_ARRAY_SIZE(f) - 1;

	tm_fit_columns(f, TM_ARRAY_SIZE(f), 120);
	for (size_t i = 0; i < TM_ARRAY_SIZE(f); i++)
		sum += f[i].width;
	CHECK_EQ(sum, 120);
	CHECK_EQ(f[1].width, 22);
	CHECK(f[3].width + 1 >= f[4].width && f[4].width + 1 >= f[3].width);
	tm_fit_columns(wide, 2, 200);
	CHECK_EQ(wide[1].width, 22); /* no wider than it needs */
	tm_fit_columns(narrow, 2, 20);
	CHECK_EQ(narrow[1].width, TM_FIT_LEAST);
	tm_fit_columns(narrow, 0, 20);
	tm_fit_columns(words, 4, 80); /* a share would be 24 */
	CHECK_EQ(words[1].width, 26);
}

TEST(long_cells_are_broken_where_words_end)
{
	CHECK(yields(tm_fit_break("short", 10), "short"));
	CHECK(yields(tm_fit_break("/srv/backup/www", 12), "/srv/backup/\nwww"));
	CHECK(yields(tm_fit_break("abcdefghij", 4), "abcd\nefgh\nij"));
	CHECK(yields(tm_fit_break("\xc3\xa9\xc3\xa9\xc3\xa9", 2), "\xc3\xa9\xc3\xa9\n\xc3\xa9"));
	CHECK(yields(tm_fit_break("", 0), ""));
	for (size_t i = 0; i < TM_ARRAY_SIZE(hostile_names); i++)
		for (size_t width = 1; width < 20; width++) {
			char *s = tm_text_escape(hostile_names[i], strlen(hostile_names[i]), 0);
			char *broken = tm_fit_break(s, width), *save = NULL;

			CHECK(broken && terminal_safe(broken, strlen(broken)));
			for (char *l = strtok_r(broken, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
				CHECK(tm_fit_width(l) <= width);
			free(broken);
			free(s);
		}
}

TEST(distance_counts_edits)
{
	CHECK_EQ(tm_text_distance("policy", "policy"), 0);
	CHECK_EQ(tm_text_distance("polcy", "policy"), 1);
	CHECK_EQ(tm_text_distance("stauts", "status"), 2);
	CHECK_EQ(tm_text_distance("", "abc"), 3);
	CHECK_EQ(tm_text_distance("abc", ""), 3);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
