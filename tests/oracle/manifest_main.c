// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * manifest_main.c - oracle-manifest: print the manifest of a tree.
 */
#include <getopt.h>
#include <string.h>

#include "manifest.h"
#include "util.h"

static const char usage[] =
"usage: oracle-manifest [OPTION]... DIR > FILE\n"
"Exit status: 0 printed, 2 something could not be read or moved meanwhile.\n"
"  --no-times     leave out mtime\n"
"  --no-owner     leave out uid and gid\n"
"  --all-xattrs   all attributes, not only user.* and ACLs\n"
"  --hash         print the tree's hash only\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "no-times", no_argument, NULL, 't' },
		{ "no-owner", no_argument, NULL, 'o' },
		{ "all-xattrs", no_argument, NULL, 'x' },
		{ "hash", no_argument, NULL, 'H' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct oracle_manifest m;
	unsigned int flags = 0;
	bool hash = false;
	int o, err;

	oracle_init("oracle-manifest");
	while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (o) {
		case 't': flags |= ORACLE_MF_NO_TIMES; break;
		case 'o': flags |= ORACLE_MF_NO_OWNER; break;
		case 'x': flags |= ORACLE_MF_ALL_XATTRS; break;
		case 'H': hash = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return ORACLE_ERROR;
		}
	}
	if (argc - optind != 1) {
		fputs(usage, stderr);
		return ORACLE_ERROR;
	}
	err = oracle_manifest_make(argv[optind], flags, &m);
	if (err)
		oracle_die("%s: no manifest: %s", argv[optind], strerror(-err));
	if (hash)
		printf("%s\n", m.tree);
	else
		oracle_manifest_write(&m, stdout, "stdout");
	if (fflush(stdout) || ferror(stdout))
		oracle_die("cannot write");
	oracle_manifest_done(&m);
	return 0;
}
