// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/estimate.c - a bounded walk over a source directory.
 */
#include "daemon/estimate.h"
#include "daemon/aside.h"
#include "daemon/tree.h"
#include "lib/beneath.h"
#include "lib/fd.h"

#define ENTRIES_MAX 100000
#define WALK_MS	    2000

struct tm_estimate {
	struct tm_policy *p; /* the loop's; NULL: forgotten */
	void (*ready)(struct tm_policy *p);
	char path[TM_REC_PATH_MAX];
	struct tm_tree_sum sum; /* the thread's until it is through */
};

static void work(void *job)
{
	struct tm_estimate *e = job;
	_cleanup_close_ int fd = tm_open_admin_dir(e->path);

	if (fd < 0 || tm_tree_sum(fd, ENTRIES_MAX, WALK_MS, NULL, NULL, &e->sum) < 0)
		e->sum.whole = false;
}

static void done(void *job, bool stuck)
{
	struct tm_estimate *e = job;
	struct tm_policy *p = e->p;

	e->p = NULL;
	if (p)
		p->estimate = NULL;
	if (p && !stuck) {
		p->rec.est_files = e->sum.whole ? e->sum.files : 0;
		p->rec.est_bytes = e->sum.whole ? e->sum.bytes : 0;
		e->ready(p);
	}
	if (!stuck)
		free(e);
}

int tm_estimate_start(struct tm_policy *p, void (*ready)(struct tm_policy *p))
{
	static const struct tm_aside_ops ops = { .work = work, .done = done };
	struct tm_estimate *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->p = p;
	e->ready = ready;
	strcpy(e->path, p->rec.source_dir);
	r = tm_aside_run(p->d, &ops, e);
	if (r < 0) {
		free(e);
		return r;
	}
	p->estimate = e;
	return 0;
}

bool tm_estimate_busy(const struct tm_policy *p)
{
	return p->estimate;
}

void tm_estimate_forget(struct tm_policy *p)
{
	if (p->estimate)
		p->estimate->p = NULL;
	p->estimate = NULL;
}
