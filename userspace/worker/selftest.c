/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/selftest.c - `tidemark-worker --self-test ROLE ROOT`: prove the confinement from inside.
 *
 * For every question a child confines itself exactly as a worker does and then tries one thing:
 * forking inside is not possible, as it should be. Needs root. TAP on stdout; exit status 0, or 1
 * when anything is possible that must not be. ROLE: source, target, pair. Never run by the daemon.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"
#include "worker/selftest.h"
#include "worker/worker.h"

#define CONFINE_FAILED 250

/* In the child: confine, try, report the errno as exit status. */
static void child(struct room *r, const struct probe *p, int why_fd)
{
	char why[TM_TEXT_LEN_MAX + 1] = "";
	struct tm_tls *tls = NULL;
	int err = tm_tls_new(&tls);

	if (!err)
		err = tm_confine(&r->conf, &r->rootfd, why);
	if (err < 0) {
		if (write(why_fd, why, strlen(why)) < 0)
			err = -errno;
		_exit(CONFINE_FAILED);
	}
	errno = 0;
	_exit(p->run(r));
}

static bool ask(struct room *r, const struct probe *p, char note[TM_TEXT_LEN_MAX + 64])
{
	int status, got, pipes[2];
	char why[TM_TEXT_LEN_MAX + 1] = "";
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* As in a worker: nothing inherited but 0-2 and one more. */
		if (dup2(pipes[1], TM_CTL_FD) < 0 || close_range(TM_CTL_FD + 1, ~0U, 0) < 0)
			_exit(CONFINE_FAILED);
		child(r, p, TM_CTL_FD);
	}
	close(pipes[1]);
	if (pid > 0 && read(pipes[0], why, sizeof(why) - 1) < 0)
		why[0] = 0;
	close(pipes[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	got = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? KILLED
	      : WIFSIGNALED(status)				? -WTERMSIG(status)
								: WEXITSTATUS(status);
	if (got == CONFINE_FAILED)
		snprintf(note, TM_TEXT_LEN_MAX + 64, "confinement failed: %s", why);
	else if (got == KILLED)
		snprintf(note, TM_TEXT_LEN_MAX + 64, "killed");
	else if (got < 0)
		snprintf(note, TM_TEXT_LEN_MAX + 64, "died of signal %d", -got);
	else
		snprintf(note, TM_TEXT_LEN_MAX + 64, "%s", got ? strerror(got) : "it worked");
	/*
	 * mkdir and device calls may be stopped by Landlock or by the mount, whichever is asked
	 * first.
	 */
	if (p->want == EPERM && (got == EACCES || got == EROFS))
		return true;
	return got == p->want;
}

/*
 * What the probes need in and next to the root, made with plain calls before anything is confined.
 */
static int furnish(struct room *r, const char *root, char outside[TM_PATH_LEN_MAX])
{
	_cleanup_close_ int fd = tm_open_admin_dir(root), f = -EBADF, s = -EBADF;
	int mount_id;

	if (fd < 0)
		return fd;
	f = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	s = openat(fd, "secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	/* Writable by everyone, so that only the mount can refuse it. */
	if (f < 0 || s < 0 || fchmod(f, 0666) < 0 || write(s, "s", 1) != 1)
		return -errno;
	snprintf(outside, TM_PATH_LEN_MAX, "%s.outside", root);
	close(open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
	unlinkat(fd, "link-to-outside", 0);
	if (symlinkat(outside, fd, "link-to-outside") < 0)
		return -errno;
	r->handle = calloc(1, sizeof(*r->handle) + MAX_HANDLE_SZ);
	if (!r->handle)
		return -ENOMEM;
	r->handle->handle_bytes = MAX_HANDLE_SZ;
	/* Overlay file systems may have none; the call must kill whatever it is given. */
	name_to_handle_at(AT_FDCWD, outside, r->handle, &mount_id, 0);
	return 0;
}

int tm_worker_selftest(int argc, char **argv)
{
	static char outside[TM_PATH_LEN_MAX];
	struct room r = { .rootfd = -EBADF, .outside = outside };
	char note[TM_TEXT_LEN_MAX + 64] = "";
	unsigned int role, n = 0, total = 0, bad = 0;
	int err;

	if (argc != 2 || argv[1][0] != '/') {
		fprintf(stderr, "usage: tidemark-worker --self-test source|target|pair ROOT\n");
		return 2;
	}
	role = tm_streq(argv[0], "source") ? SRC : tm_streq(argv[0], "target") ? TGT : PAIR;
	r.conf = (struct tm_confine){
		.role = role == SRC   ? TM_ROLE_SOURCE
			: role == TGT ? TM_ROLE_TARGET
				      : TM_ROLE_PAIR_TARGET,
		.root = role == PAIR ? "" : argv[1],
		.uid = 64712,
	};
	for (size_t i = 0; i < tm_n_probes; i++)
		total += (tm_probes[i].roles & role) != 0;
	printf("TAP version 13\n");
	if (geteuid()) {
		printf("1..0 # SKIP needs root\n");
		return 4;
	}
	printf("1..%u\n", total);
	err = furnish(&r, argv[1], outside);
	if (err < 0) {
		printf("Bail out! %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	for (size_t i = 0; i < tm_n_probes; i++) {
		bool ok;

		if (!(tm_probes[i].roles & role))
			continue;
		ok = ask(&r, &tm_probes[i], note);
		bad += !ok;
		if (!ok)
			printf("# %s\n", note);
		printf("%s %u %s: %s\n", ok ? "ok" : "not ok", ++n, argv[0], tm_probes[i].name);
	}
	free(r.handle);
	unlink(outside);
	return bad != 0;
}
