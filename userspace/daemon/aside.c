// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/aside.c - threads for jobs that look through directories.
 */
#include "daemon/aside.h"
#include "lib/fd.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (512 * 1024)
#define END_MS	    3000

struct aside {
	bool used;
	struct tm_daemon *d;
	const struct tm_aside_ops *ops;
	void *job;
	pthread_t thread;
	int fd; /* the thread's word that it is through */
	sd_event_source *io;
};

struct tm_asides {
	struct aside slot[TM_ASIDES_MAX];
};

static void *thread_main(void *arg)
{
	struct aside *a = arg;
	uint64_t one = 1;

	a->ops->work(a->job);
	(void)tm_write_full(a->fd, &one, sizeof(one));
	return NULL;
}

static void aside_over(struct aside *a, bool stuck)
{
	const struct tm_aside_ops *ops = a->ops;
	void *job = a->job;

	a->io = sd_event_source_disable_unref(a->io);
	if (!stuck) {
		a->fd = tm_close(a->fd);
		a->used = false;
	}
	ops->done(job, stuck);
}

static int on_through(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct aside *a = arg;

	(void)s;
	(void)fd;
	(void)revents;
	pthread_join(a->thread, NULL);
	aside_over(a, false);
	return 0;
}

static int thread_start(struct aside *a)
{
	pthread_attr_t attr;
	int r = pthread_attr_init(&attr);

	if (r)
		return -r;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	/* Signals are blocked in every thread: the loop reads them. */
	r = pthread_create(&a->thread, &attr, thread_main, a);
	pthread_attr_destroy(&attr);
	return -r;
}

int tm_aside_run(struct tm_daemon *d, const struct tm_aside_ops *ops, void *job)
{
	struct aside *a = NULL;
	int r;

	if (!d->asides)
		d->asides = calloc(1, sizeof(*d->asides));
	if (!d->asides)
		return -ENOMEM;
	for (int i = 0; i < TM_ASIDES_MAX && !a; i++)
		if (!d->asides->slot[i].used)
			a = &d->asides->slot[i];
	if (!a || d->stopping)
		return -EBUSY;
	*a = (struct aside){ .used = true, .d = d, .ops = ops, .job = job };
	a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = a->fd < 0 ? -errno : sd_event_add_io(d->ev, &a->io, a->fd, EPOLLIN, on_through, a);
	if (r >= 0)
		r = thread_start(a);
	if (r < 0) {
		a->io = sd_event_source_disable_unref(a->io);
		a->fd = tm_close(a->fd);
		a->used = false;
	}
	return r < 0 ? r : 0;
}

void tm_asides_free(struct tm_daemon *d)
{
	struct timespec until;
	bool stuck = false;

	if (!d->asides)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_MS / 1000;
	for (int i = 0; i < TM_ASIDES_MAX; i++) {
		struct aside *a = &d->asides->slot[i];
		bool late = a->used && pthread_timedjoin_np(a->thread, NULL, &until);

		if (a->used)
			aside_over(a, late);
		stuck = stuck || late;
	}
	/* A thread that hangs still reads its slot: it ends with the process. */
	if (!stuck)
		free(d->asides);
	d->asides = NULL;
}
