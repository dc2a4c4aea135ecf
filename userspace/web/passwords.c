// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/passwords.c - see passwords.h.
 */
#include "web/passwords.h"

#include "lib/fd.h"
#include "lib/text.h"

#include <crypt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

_Static_assert(TM_VERIFIER_MAX == CRYPT_OUTPUT_SIZE, "a verifier holds whatever crypt(3) writes");
_Static_assert(TM_PASSWORD_MAX < CRYPT_MAX_PASSPHRASE_SIZE, "a password is not cut");

struct job {
	struct job *next;
	bool make;
	char password[TM_PASSWORD_MAX + 1];
	char verifier[TM_VERIFIER_MAX];
	bool unknown; /* no such account: the answer is no */
	struct tm_password_result result;
	tm_password_fn fn;
	void *arg;
};

struct tm_passwords {
	sd_event_source *io;
	int efd;
	pthread_t threads[TM_PASSWORD_THREADS];
	unsigned int n_threads;
	pthread_mutex_t
		lock; /* over the two lists and stop; jobs are their thread's alone while they run */
	pthread_cond_t more;
	struct job *todo, **todo_end, *finished;
	bool stop;

	/* the loop's alone */
	struct job *all[TM_PASSWORD_QUEUE + TM_PASSWORD_THREADS];
	unsigned int n;
	char stranger[TM_VERIFIER_MAX]; /* what an unknown account is compared with */
};

static void job_free(struct job *j)
{
	if (j)
		explicit_bzero(j, sizeof(*j));
	free(j);
}

/* ---- threads */

static bool same(const char *a, const char *b)
{
	size_t n = strlen(a);
	uint8_t diff = 0;

	if (strlen(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		diff |= (uint8_t)(a[i] ^ b[i]);
	return diff == 0;
}

static void work(struct job *j, struct crypt_data *data)
{
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *setting = j->verifier, *got;

	explicit_bzero(data, sizeof(*data));
	if (j->make)
		setting = crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt));
	got = setting ? crypt_rn(j->password, setting, data, sizeof(*data)) : NULL;
	/* "*0" is how crypt(3) says no. */
	if (got && got[0] != '*') {
		if (j->make)
			snprintf(j->result.verifier, sizeof(j->result.verifier), "%s", got);
		j->result.ok = j->make || (same(got, j->verifier) && !j->unknown);
	}
	explicit_bzero(data, sizeof(*data));
	explicit_bzero(j->password, sizeof(j->password));
}

static void *thread_main(void *arg)
{
	struct tm_passwords *p = arg;
	struct crypt_data *data = calloc(1, sizeof(*data));
	const uint64_t one = 1;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct job *j = p->todo;

		if (!j) {
			pthread_cond_wait(&p->more, &p->lock);
			continue;
		}
		p->todo = j->next;
		if (!p->todo)
			p->todo_end = &p->todo;
		pthread_mutex_unlock(&p->lock);
		if (data)
			work(j, data);
		pthread_mutex_lock(&p->lock);
		j->next = p->finished;
		p->finished = j;
		(void)tm_write_full(p->efd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&p->lock);
	free(data);
	return NULL;
}

/* ---- the loop */

static void leave(struct tm_passwords *p, struct job *j)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->all[i] == j) {
			p->all[i] = p->all[--p->n];
			return;
		}
	}
}

static int on_finished(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_passwords *p = arg;
	struct job *list, *j;
	uint64_t n;

	(void)s;
	(void)revents;
	(void)tm_read_full(fd, &n, sizeof(n));
	pthread_mutex_lock(&p->lock);
	list = p->finished;
	p->finished = NULL;
	pthread_mutex_unlock(&p->lock);
	while ((j = list)) {
		list = j->next;
		leave(p, j);
		if (j->fn)
			j->fn(j->arg, &j->result);
		job_free(j);
	}
	return 0;
}

static int submit(struct tm_passwords *p, const char *password, struct job *j, tm_password_fn fn,
		  void *arg)
{
	if (!j)
		return -ENOMEM;
	if (p->n == TM_ARRAY_SIZE(p->all)) {
		job_free(j);
		return -EBUSY;
	}
	/* A longer one matches nothing, and takes as long to say so. */
	if (strlen(password) > TM_PASSWORD_MAX)
		j->unknown = true;
	snprintf(j->password, sizeof(j->password), "%s", password);
	j->fn = fn;
	j->arg = arg;
	p->all[p->n++] = j;
	pthread_mutex_lock(&p->lock);
	*p->todo_end = j;
	p->todo_end = &j->next;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

int tm_password_check(struct tm_passwords *p, const char *password, const char *verifier,
		      tm_password_fn fn, void *arg)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j) {
		j->unknown = !verifier || strlen(verifier) >= sizeof(j->verifier);
		snprintf(j->verifier, sizeof(j->verifier), "%s",
			 j->unknown ? p->stranger : verifier);
	}
	return submit(p, password, j, fn, arg);
}

int tm_password_make(struct tm_passwords *p, const char *password, tm_password_fn fn, void *arg)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j)
		j->make = true;
	return submit(p, password, j, fn, arg);
}

void tm_password_forget(struct tm_passwords *p, void *arg)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->all[i]->arg == arg)
			p->all[i]->fn = NULL;
}

const char *tm_password_wrong(const char *password)
{
	size_t n = strlen(password);

	if (!tm_utf8_valid(password, n))
		return "the new password is not valid text";
	if (n > TM_PASSWORD_MAX)
		return "the new password is longer than 511 bytes";
	if (n < TM_PASSWORD_MIN)
		return "the new password has less than 10 characters";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)password[i] < ' ' || password[i] == 0x7f)
			return "the new password has a control character in it";
	return NULL;
}

/* ---- life */

static int make_stranger(struct tm_passwords *p)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	struct job *j = calloc(1, sizeof(*j));
	int r = -ENOMEM;

	if (data && j) {
		j->make = true;
		snprintf(j->password, sizeof(j->password), "nobody has this password");
		work(j, data);
		snprintf(p->stranger, sizeof(p->stranger), "%s", j->result.verifier);
		r = j->result.ok ? 0 : -EOPNOTSUPP;
	}
	free(data);
	job_free(j);
	return r;
}

static int start_threads(struct tm_passwords *p)
{
	sigset_t all, old;
	int r = 0;

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && p->n_threads < TM_PASSWORD_THREADS) {
		r = -pthread_create(&p->threads[p->n_threads], NULL, thread_main, p);
		p->n_threads += r == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

int tm_passwords_new(sd_event *ev, struct tm_passwords **ret)
{
	struct tm_passwords *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	p->todo_end = &p->todo;
	p->efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = p->efd < 0 ? -errno : make_stranger(p);
	if (r == 0)
		r = sd_event_add_io(ev, &p->io, p->efd, EPOLLIN, on_finished, p);
	if (r >= 0)
		r = start_threads(p);
	if (r < 0) {
		tm_passwords_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void tm_passwords_free(struct tm_passwords *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned int i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	sd_event_source_disable_unref(p->io);
	tm_close(p->efd);
	for (unsigned int i = 0; i < p->n; i++)
		job_free(p->all[i]);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
