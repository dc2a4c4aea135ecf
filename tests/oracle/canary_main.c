// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * canary_main.c - oracle-canary: has anybody touched this tree?
 *
 * For trees outside every policy root: content, all metadata, every
 * attribute, and ctime, which nobody can set back.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "manifest.h"
#include "util.h"

#define SHOWN	100
#define FLAGS	(ORACLE_MF_ALL_XATTRS | ORACLE_MF_RESERVED | ORACLE_MF_CTIME)

static const char usage[] =
"usage: oracle-canary [--atime] create|check DIR MANIFEST\n"
"  create writes MANIFEST (not below DIR); check compares DIR with it.\n"
"  --atime   with create: access times of files and directories count too\n"
"Exit status: 0 untouched, 1 touched, 2 could not tell.\n";

static void create(const char *dir, const char *file, unsigned int flags)
{
	struct oracle_manifest m;
	int err = oracle_manifest_make(dir, flags, &m);
	FILE *f;

	if (err)
		oracle_die("%s: no canary: %s", dir, strerror(-err));
	f = fopen(file, "we");
	if (!f)
		oracle_die("%s: %s", file, strerror(errno));
	oracle_manifest_write(&m, f, file);
	if (fclose(f))
		oracle_die("%s: %s", file, strerror(errno));
	oracle_manifest_done(&m);
}

static int check(const char *dir, const char *file)
{
	struct oracle_manifest want, have;
	size_t n;
	int err;

	oracle_manifest_read(file, &want);
	err = oracle_manifest_make(dir, want.flags, &have);
	if (err)
		oracle_die("%s: cannot tell: %s", dir, strerror(-err));
	n = oracle_manifest_diff(&want, &have, SHOWN);
	if (n)
		printf("canary %s: touched, %zu lines differ\n", dir, n);
	else
		printf("canary %s: %zu entries untouched\n", dir, have.n);
	if (fflush(stdout) || ferror(stdout))
		oracle_die("cannot write the verdict");
	oracle_manifest_done(&want);
	oracle_manifest_done(&have);
	return n ? ORACLE_DIFFERENT : ORACLE_EQUAL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "atime", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	unsigned int flags = FLAGS;
	int o;

	oracle_init("oracle-canary");
	while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (o) {
		case 'a': flags |= ORACLE_MF_ATIME; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return ORACLE_ERROR;
		}
	}
	if (argc - optind == 3 && !strcmp(argv[optind], "create")) {
		create(argv[optind + 1], argv[optind + 2], flags);
		return 0;
	}
	if (argc - optind == 3 && !strcmp(argv[optind], "check"))
		return check(argv[optind + 1], argv[optind + 2]);
	fputs(usage, stderr);
	return ORACLE_ERROR;
}
