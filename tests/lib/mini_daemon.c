/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/mini_daemon.c - see mini_daemon.h.
 */
#include "tests/lib/mini_daemon.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "changes/change.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define MINI_UID 64713

const char *mini_worker_path(void)
{
	static char path[4096];
	const char *env = getenv("TM_WORKER");
	ssize_t n;

	if (env) {
		snprintf(path, sizeof(path), "%s", env);
	} else {
		n = readlink("/proc/self/exe", path, sizeof(path) - 32);
		path[n > 0 ? n : 0] = 0;
		for (int up = 0; up < 3 && strrchr(path, '/'); up++)
			*strrchr(path, '/') = 0;
		strcat(path, "/tidemark-worker");
	}
	return access(path, X_OK) ? NULL : path;
}

int mini_key(struct tm_node_key **ret_k)
{
	char dir[] = "/tmp/tm-mini-XXXXXX";
	_cleanup_close_ int fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r = fd < 0 ? -errno : tm_node_key_open(fd, ret_k);

	unlinkat(fd, "node.key", 0);
	rmdir(dir);
	return r;
}

int mini_tcp_pair(int ret[2])
{
	_cleanup_close_ int l = tm_peer_listen("127.0.0.1", 0);
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	if (l < 0 || getsockname(l, (struct sockaddr *)&in, &len) < 0)
		return -errno;
	ret[0] = tm_peer_connect("127.0.0.1", ntohs(in.sin_port));
	if (ret[0] < 0 || tm_poll(l, POLLIN, 2000) <= 0)
		return -ECONNREFUSED;
	ret[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	if (ret[1] < 0)
		return -errno;
	return tm_poll(ret[0], POLLOUT, 2000) > 0 ? tm_peer_connected(ret[0]) : -ETIMEDOUT;
}

struct tm_ctl_start mini_start(enum tm_role role, const char *root, const struct tm_node_key *own,
			       const struct tm_node_key *peer)
{
	struct tm_ctl_start s = {
		.role = role,
		.log_level = 7,
		.id = "mini-policy-0001",
		.uid = MINI_UID,
		.handshake_timeout_ms = 20000,
		.brake_percent = 50,
		.brake_objects = 10000,
	};

	memcpy(s.own_key, tm_node_key_public(own), TM_KEY_LEN);
	if (peer)
		memcpy(s.peer_key, tm_node_key_public(peer), TM_KEY_LEN);
	snprintf(s.name, sizeof(s.name), "mini");
	snprintf(s.cluster, sizeof(s.cluster), role & 1 ? "north" : "south");
	snprintf(s.root, sizeof(s.root), "%s", root);
	return s;
}

int mini_send(struct mini_worker *w, uint16_t type, const struct tm_buf *payload, int fd)
{
	struct tm_buf b;
	int r;

	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, type);
	if (payload)
		tm_put_raw(&b, payload->data, payload->len);
	r = tm_buf_error(&b);
	if (!r)
		r = tm_send_packet(w->ctl, b.data, b.len, fd >= 0 ? &fd : NULL, fd >= 0);
	tm_buf_free(&b);
	return r;
}

int mini_send_text(struct mini_worker *w, uint16_t type, uint32_t code, const char *text)
{
	struct tm_msg_text m = { .code = code };
	struct tm_buf b;
	int r;

	snprintf(m.text, sizeof(m.text), "%s", text);
	tm_buf_init(&b, 0);
	tm_msg_text_put(&b, &m);
	r = mini_send(w, type, &b, -1);
	tm_buf_free(&b);
	return r;
}

int mini_send_conn(struct mini_worker *w, int sock, uint64_t fence)
{
	struct tm_buf b;
	int r;

	tm_buf_init(&b, 0);
	tm_put_u64(&b, fence);
	r = mini_send(w, TM_C_CONN, &b, sock);
	tm_buf_free(&b);
	close(sock);
	return r;
}

int mini_send_all(struct mini_worker *w, uint64_t set_id)
{
	struct tm_change all = { .kind = TM_CHANGE_ALL };
	struct tm_ctl_set set = { .set_id = set_id, .taken_ns = tm_wall_ns() };
	struct tm_buf b;
	int r;

	tm_buf_init(&b, 0);
	tm_change_put(&b, &all);
	r = mini_send(w, TM_C_CHANGES, &b, -1);
	tm_buf_reset(&b);
	tm_ctl_set_put(&b, &set);
	if (!r)
		r = mini_send(w, TM_C_CHANGES_END, &b, -1);
	tm_buf_free(&b);
	return r;
}

int mini_worker_start(struct mini_worker *w, const struct tm_ctl_start *start,
		      const struct tm_node_key *key)
{
	struct tm_buf b;
	int sv[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	*w = (struct mini_worker){ .ctl = sv[0], .start = *start, .key = key };
	fflush(stdout);
	w->pid = fork();
	if (!w->pid) {
		dup2(2, 1);
		if (sv[1] == TM_CTL_FD)
			fcntl(TM_CTL_FD, F_SETFD, 0);
		else
			dup2(sv[1], TM_CTL_FD);
		execl(mini_worker_path(), "tidemark-worker", "mini", NULL);
		_exit(127);
	}
	close(sv[1]);
	tm_buf_init(&b, 0);
	tm_ctl_start_put(&b, start);
	r = tm_buf_error(&b);
	if (!r)
		r = mini_send(w, TM_C_START, &b, -1);
	tm_buf_free(&b);
	return r;
}

void mini_worker_end(struct mini_worker *w)
{
	if (w->ctl >= 0)
		close(w->ctl);
	w->ctl = -1;
	if (w->ended || w->pid <= 0)
		return;
	for (int i = 0; i < 300; i++) {
		if (waitpid(w->pid, &w->status, WNOHANG) == w->pid) {
			w->ended = true;
			return;
		}
		usleep(10000);
	}
	kill(w->pid, SIGKILL);
	waitpid(w->pid, &w->status, 0);
	w->ended = true;
}

static void sign(struct mini_worker *w, struct tm_rd *r)
{
	struct tm_ctl_sign req;
	struct tm_msg_proof proof;
	struct tm_buf b;

	if (tm_ctl_sign_get(r, &req) < 0 ||
	    tm_node_key_sign(w->key, w->start.role, w->start.id, &req, &proof) < 0)
		return;
	tm_buf_init(&b, 0);
	tm_msg_proof_put(&b, &proof);
	mini_send(w, TM_C_SIGNED, &b, -1);
	tm_buf_free(&b);
}

static void remember(struct mini_worker *w, uint16_t type, struct tm_rd *r)
{
	struct tm_msg_text text;
	struct tm_ctl_file_failed ff;

	w->seen[type & 255]++;
	switch (type) {
	case TM_C_SIGN: sign(w, r); break;
	case TM_C_FAILED: tm_msg_text_get(r, &w->failed); break;
	case TM_C_CLOSED: tm_msg_text_get(r, &w->closed); break;
	case TM_C_NOTICED: tm_msg_text_get(r, &w->noticed); break;
	case TM_C_LOG:
		if (!tm_msg_text_get(r, &text))
			fprintf(stderr, "# worker %d: %s\n", w->pid, text.text);
		break;
	case TM_C_AUTHED: tm_ctl_authed_get(r, &w->authed); break;
	case TM_C_IDLE: tm_msg_ready_get(r, &w->idle); break;
	case TM_C_PROGRESS: tm_ctl_progress_get(r, &w->progress); break;
	case TM_C_DONE: tm_ctl_done_get(r, &w->done); break;
	case TM_C_STOPPED: tm_msg_stop_get(r, &w->stopped); break;
	case TM_C_REQUEUE: w->requeue_bytes += r->len; break;
	case TM_C_PAIR_REQUESTED: tm_msg_pair_request_get(r, &w->requested); break;
	case TM_C_PAIR_STATED: tm_msg_pair_state_get(r, &w->stated); break;
	case TM_C_FILE_FAILED:
		w->files_failed++;
		if (!tm_ctl_file_failed_get(r, &ff))
			fprintf(stderr, "# worker %d: file failed: op %u, %s: %s\n", w->pid, ff.op,
				ff.path, strerror(ff.err));
		break;
	}
}

static void serve(struct mini_worker *w)
{
	static uint8_t packet[TM_CTL_MAX];
	int fds[TM_FDS_MAX];
	size_t nfds = 0;
	struct tm_rd r;
	uint16_t type;
	ssize_t n = tm_recv_packet(w->ctl, packet, sizeof(packet), fds, &nfds);

	/* A worker has no business sending descriptors. */
	for (size_t i = 0; n > 0 && i < nfds; i++)
		close(fds[i]);
	if (n > 0 && !tm_ctl_open(packet, (size_t)n, &type, &r)) {
		remember(w, type, &r);
		return;
	}
	close(w->ctl);
	w->ctl = -1;
	waitpid(w->pid, &w->status, 0);
	w->ended = true;
}

static int serve_until(struct mini_worker *const *all, size_t n, struct mini_worker *w, int type,
		       unsigned int count, int timeout_ms)
{
	uint64_t give_up = tm_mono_ms() + (uint64_t)timeout_ms;
	struct pollfd fds[8];

	for (;;) {
		uint64_t now = tm_mono_ms();

		if (type >= 0 && w->seen[type & 255] >= count)
			return 0;
		if (w->ended)
			return type < 0 ? 0 : -ECHILD;
		if (now >= give_up)
			return -ETIMEDOUT;
		for (size_t i = 0; i < n; i++)
			fds[i] = (struct pollfd){ .fd = all[i]->ctl, .events = POLLIN };
		if (poll(fds, n, (int)(give_up - now)) <= 0)
			continue;
		for (size_t i = 0; i < n; i++)
			if (fds[i].revents)
				serve(all[i]);
	}
}

int mini_until(struct mini_worker *const *all, size_t n, struct mini_worker *w, uint16_t type,
	       unsigned int count, int timeout_ms)
{
	return serve_until(all, n, w, type, count, timeout_ms);
}

int mini_until_ended(struct mini_worker *const *all, size_t n, struct mini_worker *w,
		     int timeout_ms)
{
	return serve_until(all, n, w, -1, 0, timeout_ms);
}
