// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * prefix_main.c - oracle-prefix-check: which of the states that were written
 * down is this tree in? After a crash the target must be in exactly one that
 * some batch described, never between two.
 */
#include <inttypes.h>
#include <string.h>

#include "manifest.h"
#include "util.h"

#define SHOWN	20

/* The tree is read once per set of flags seen among the manifests. */
struct seen {
	bool made;
	struct oracle_manifest m;
};

static const struct oracle_manifest *tree_for(const char *dir, unsigned int flags)
{
	static struct seen seen[ORACLE_MF_KNOWN + 1];
	struct seen *s = &seen[flags];

	if (!s->made) {
		int err = oracle_manifest_make(dir, flags, &s->m);

		if (err)
			oracle_die("%s: cannot tell: %s", dir, strerror(-err));
		s->made = true;
	}
	return &s->m;
}

int main(int argc, char **argv)
{
	size_t nearest = SIZE_MAX;
	const char *nearest_file = NULL;
	bool equal = false;

	oracle_init("oracle-prefix-check");
	if (argc < 3 || argv[1][0] == '-') {
		fputs("usage: oracle-prefix-check DIR MANIFEST...\n"
		      "Prints the name and number (from 1) of each manifest that equals DIR.\n"
		      "Exit status: 0 one does, 1 none does, 2 could not tell.\n", stderr);
		return ORACLE_ERROR;
	}
	for (int i = 2; i < argc; i++) {
		struct oracle_manifest m;
		size_t n;

		oracle_manifest_read(argv[i], &m);
		n = oracle_manifest_diff(&m, tree_for(argv[1], m.flags), 0);
		if (!n) {
			printf("equal %d %s\n", i - 1, argv[i]);
			equal = true;
		} else if (n < nearest) {
			nearest = n;
			nearest_file = argv[i];
		}
		oracle_manifest_done(&m);
	}
	if (!equal) {
		struct oracle_manifest m;

		printf("none of %d; nearest %s, %zu lines differ:\n", argc - 2, nearest_file, nearest);
		oracle_manifest_read(nearest_file, &m);
		oracle_manifest_diff(&m, tree_for(argv[1], m.flags), SHOWN);
		oracle_manifest_done(&m);
	}
	if (fflush(stdout) || ferror(stdout))
		oracle_die("cannot write the verdict");
	return equal ? ORACLE_EQUAL : ORACLE_DIFFERENT;
}
