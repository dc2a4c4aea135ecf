/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/main.c - tidemark-worker: one end of one policy, or of one pairing.
 *
 * Started by tidemarkd with a socket as descriptor 3. Learns from START what it is, gives up
 * everything else, says READY and serves. It never reads a byte of a peer before it is confined.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "worker/confine.h"
#include "worker/worker.h"

#define START_TIMEOUT_MS 30000

/* Descriptors 0-2 exist and are no directories; nothing above the control socket is inherited. */
static int tidy_descriptors(void)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++) {
		int null;

		if (!fstat(fd, &st) && !S_ISDIR(st.st_mode))
			continue;
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0 || (null != fd && dup2(null, fd) < 0))
			return -errno;
		if (null != fd)
			close(null);
	}
	if (close_range(TM_CTL_FD + 1, ~0U, 0) < 0)
		return -errno;
	return tm_set_cloexec(TM_CTL_FD, true);
}

static int map_versions(struct tm_worker *w, int fd)
{
	size_t bytes = (size_t)w->start.n_versions * sizeof(struct tm_version);
	void *p;

	if (!(w->start.flags & TM_START_HAVE_VERSIONS))
		return 0;
	/* A power of two, as tm_version_slot() wants it. */
	if (fd < 0 || !w->start.n_versions || (w->start.n_versions & (w->start.n_versions - 1)))
		return -EBADMSG;
	p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	w->versions = p;
	return 0;
}

/* The first packet. */
static int receive_start(struct tm_worker *w)
{
	static uint8_t packet[TM_CTL_MAX];
	int fds[TM_FDS_MAX], r;
	size_t nfds = 0;
	struct tm_rd rd;
	uint16_t type;
	ssize_t n;

	r = tm_poll(w->ctl, 1 /* POLLIN */, START_TIMEOUT_MS);
	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	n = tm_recv_packet(w->ctl, packet, sizeof(packet), fds, &nfds);
	if (n <= 0)
		return n < 0 ? (int)n : -ECONNRESET;
	r = tm_ctl_open(packet, (size_t)n, &type, &rd);
	if (!r && type != TM_C_START)
		r = -EBADMSG;
	if (!r)
		r = tm_ctl_start_get(&rd, &w->start);
	if (!r)
		r = map_versions(w, nfds ? fds[0] : -EBADF);
	for (size_t i = 0; i < nfds; i++)
		tm_close(fds[i]);
	return r;
}

static void warn(void *arg, const char *text)
{
	tm_worker_log(arg, TM_LOG_WARNING, "%s", text);
}

/* Everything that opens files or asks the kernel for unusual things happens in here or before. */
static int confine(struct tm_worker *w)
{
	struct tm_confine c = {
		.role = w->start.role,
		.root = w->start.root,
		.root_dev = w->start.root_dev,
		.root_ino = w->start.root_ino,
		.uid = w->start.uid,
		.allow_devices = w->start.flags & TM_START_ALLOW_DEVICES,
		.warn = warn,
		.arg = w,
	};
	char why[TM_TEXT_LEN_MAX + 1] = "";
	int r = tm_tls_new(&w->tls);

	if (r < 0) {
		tm_worker_text(w, TM_C_FAILED, 0, r, "TLS cannot be set up");
		return r;
	}
	r = tm_confine(&c, &w->rootfd, why);
	if (r < 0)
		tm_worker_text(w, TM_C_FAILED, 0, r, "%s", why);
	return r;
}

static int serve(struct tm_worker *w)
{
	switch (w->start.role) {
	case TM_ROLE_SOURCE: return tm_source_role(w);
	case TM_ROLE_TARGET: return tm_target_role(w);
	default: return tm_pair_role(w);
	}
}

int main(int argc, char **argv)
{
	static struct tm_worker w;
	static const char *const names[] = { "?", "source", "target", "pair-source",
					     "pair-target" };
	char name[16];
	int r;

	if (argc > 1 && tm_streq(argv[1], "--self-test"))
		return tm_worker_selftest(argc - 2, argv + 2);
	/* Other arguments (role and policy) are for people who look at ps(1). */
	signal(SIGPIPE, SIG_IGN);
	w = (struct tm_worker){ .ctl = TM_CTL_FD, .conn = -EBADF, .rootfd = -EBADF };
	if (tidy_descriptors() < 0 || tm_set_nonblock(w.ctl, true) < 0) {
		fprintf(stderr, "tidemark-worker is started by tidemarkd (no control socket).\n");
		return 2;
	}
	r = receive_start(&w);
	if (r < 0) {
		tm_worker_text(&w, TM_C_FAILED, 0, r, "the daemon's START cannot be used: %s",
			       strerror(-r));
		return 1;
	}
	snprintf(name, sizeof(name), "tm-%s", names[w.start.role]);
	prctl(PR_SET_NAME, name, 0, 0, 0);
	if (confine(&w) < 0)
		return 1;
	/* No clean-up: what is ours is memory, and exit handlers may want calls that kill. */
	_exit(serve(&w));
}
