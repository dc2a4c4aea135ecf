/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/tap.h - the smallest TAP producer that unit tests need.
 *
 *	TEST(a_short_read_is_an_error)
 *	{
 *		CHECK(x == 3);
 *		CHECK_EQ(got, 7);
 *	}
 *	int main(int argc, char **argv) { return tap_main(argc, argv); }
 *
 * Every TEST registers itself and runs in file order; the first failed CHECK
 * ends that test with the expression and line. An argument selects tests by
 * substring. Exit status: 0 all passed, 1 something failed, 4 all skipped (kselftest).
 */
#ifndef TM_TESTS_TAP_H
#define TM_TESTS_TAP_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap_test {
	const char *name;
	void (*fn)(void);
	struct tap_test *next;
};

static struct tap_test *tap_first, **tap_last = &tap_first;
static jmp_buf tap_out;
static char tap_why[512];

#define TEST(n)									\
	static void test_##n(void);						\
	static struct tap_test tap_##n = { #n, test_##n, NULL };		\
	__attribute__((constructor)) static void tap_register_##n(void)		\
	{									\
		*tap_last = &tap_##n;						\
		tap_last = &tap_##n.next;					\
	}									\
	static void test_##n(void)

#define CHECK(e)								\
	do {									\
		if (!(e)) {							\
			snprintf(tap_why, sizeof(tap_why), "%s:%d: %s",	\
				 __FILE__, __LINE__, #e);			\
			longjmp(tap_out, 1);					\
		}								\
	} while (0)

#define CHECK_EQ(a, b)								\
	do {									\
		long long _a = (long long)(a), _b = (long long)(b);		\
		if (_a != _b) {							\
			snprintf(tap_why, sizeof(tap_why),			\
				 "%s:%d: %s is %lld, not %lld", __FILE__,	\
				 __LINE__, #a, _a, _b);				\
			longjmp(tap_out, 1);					\
		}								\
	} while (0)

#define CHECK_STR(a, b)								\
	do {									\
		const char *_a = (a), *_b = (b);				\
		if (!_a || !_b || strcmp(_a, _b)) {				\
			snprintf(tap_why, sizeof(tap_why),			\
				 "%s:%d: %s is \"%.99s\", not \"%.99s\"", __FILE__,	\
				 __LINE__, #a, _a ? _a : "(null)",		\
				 _b ? _b : "(null)");				\
			longjmp(tap_out, 1);					\
		}								\
	} while (0)

/* What this test needs is missing: say what. */
#define SKIP(why)								\
	do {									\
		snprintf(tap_why, sizeof(tap_why), "%s", why);			\
		longjmp(tap_out, 2);						\
	} while (0)

static inline int tap_main(int argc, char **argv)
{
	/* static: longjmp may clobber locals that were kept in registers. */
	static int total, failed, skipped, n;
	static struct tap_test *t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (t = tap_first; t; t = t->next)
		if (argc < 2 || strstr(t->name, argv[1]))
			total++;
	printf("TAP version 13\n1..%d\n", total);
	for (t = tap_first; t; t = t->next) {
		if (argc >= 2 && !strstr(t->name, argv[1]))
			continue;
		n++;
		switch (setjmp(tap_out)) {
		case 0:
			t->fn();
			printf("ok %d %s\n", n, t->name);
			break;
		case 1:
			failed++;
			printf("# %s\nnot ok %d %s\n", tap_why, n, t->name);
			break;
		default:
			skipped++;
			printf("ok %d %s # SKIP %s\n", n, t->name, tap_why);
		}
	}
	if (failed)
		return 1;
	return total && skipped == total ? 4 : 0;
}

#endif
