// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * report.c - printing differences as text or JSON. See report.h.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "util.h"

/* @s is printable ASCII already: only backslash and quote need care. */
static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
	putchar('"');
}

void oracle_report_begin(struct oracle_report *r)
{
	if (r->json)
		printf("{\"differences\": [");
}

void oracle_report_add(struct oracle_report *r, const char *kind, const char *path,
		       const char *fmt, ...)
{
	char *name, *detail;
	va_list ap;
	int n;

	if (!strcmp(kind, "error"))
		r->errors++;
	if (r->count++ >= r->max)
		return;
	va_start(ap, fmt);
	n = vasprintf(&detail, fmt, ap);
	va_end(ap);
	if (n < 0)
		oracle_die("out of memory");
	name = oracle_escape(path, strlen(path));
	if (r->json) {
		printf("%s\n  {\"kind\": \"%s\", \"path\": ", r->count > 1 ? "," : "", kind);
		json_string(name);
		printf(", \"detail\": ");
		json_string(detail);
		putchar('}');
	} else {
		printf("%s \"%s\": %s\n", kind, name, detail);
	}
	free(name);
	free(detail);
}

int oracle_report_end(struct oracle_report *r)
{
	if (r->json) {
		printf("%s], \"entries\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"count\": %" PRIu64
		       ", \"equal\": %s}\n", r->count ? "\n" : "", r->entries, r->bytes, r->count,
		       r->count ? "false" : "true");
	} else {
		if (r->count > r->max)
			printf("... and %" PRIu64 " more\n", r->count - r->max);
		printf("compared %" PRIu64 " entries, %" PRIu64 " bytes: %" PRIu64 " differences\n",
		       r->entries, r->bytes, r->count);
	}
	/* A verdict nobody could read is no verdict. */
	if (fflush(stdout) || ferror(stdout))
		oracle_die("cannot write the report");
	if (r->errors)
		return ORACLE_ERROR;
	return r->count ? ORACLE_DIFFERENT : ORACLE_EQUAL;
}
