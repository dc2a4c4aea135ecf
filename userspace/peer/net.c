/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/net.c - TCP: listen, connect, and the options every connection gets. Daemon only, except
 * tm_peer_tune().
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "peer/peer.h"

#define BACKLOG		64
#define USER_TIMEOUT_MS 20000

static void addrinfo_freep(struct addrinfo **ai)
{
	if (*ai)
		freeaddrinfo(*ai);
}

static int from_gai(int r)
{
	switch (r) {
	case 0: return 0;
	case EAI_SYSTEM: return errno ? -errno : -EIO;
	case EAI_MEMORY: return -ENOMEM;
	case EAI_AGAIN: return -EAGAIN;
	case EAI_FAMILY: return -EAFNOSUPPORT;
	default: return -EADDRNOTAVAIL;
	}
}

int tm_peer_tune(int fd)
{
	static const struct {
		int level, name, value;
	} opts[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 10 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 3 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
	};

	for (size_t i = 0; i < TM_ARRAY_SIZE(opts); i++)
		/* A socket pair (tests) has none of these, and works. */
		if (setsockopt(fd, opts[i].level, opts[i].name, &opts[i].value, sizeof(int)) < 0 &&
		    errno != EOPNOTSUPP && errno != ENOPROTOOPT)
			return -errno;
	return 0;
}

static int listen_on(const struct addrinfo *ai, bool dual)
{
	_cleanup_close_ int fd = -EBADF;
	int one = 1, only = !dual;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	if (ai->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0)
		return -errno;
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return tm_take_fd(fd);
}

static int listen_at(const char *address, uint16_t port, bool dual)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	_cleanup_(addrinfo_freep) struct addrinfo *ai = NULL;
	char service[8];
	int r;

	snprintf(service, sizeof(service), "%u", port);
	r = from_gai(getaddrinfo(address, service, &hints, &ai));
	return r < 0 ? r : listen_on(ai, dual);
}

int tm_peer_listen(const char *address, uint16_t port)
{
	bool any = !address || !address[0] || tm_streq(address, "::");
	int r = listen_at(any ? "::" : address, port, any);

	/* A kernel without IPv6 is still a node. */
	if (r == -EAFNOSUPPORT && any)
		r = listen_at("0.0.0.0", port, false);
	return r;
}

static int connect_to(const struct addrinfo *ai)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = tm_peer_tune(fd);
	if (r < 0)
		return r;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 && errno != EINPROGRESS)
		return -errno;
	return tm_take_fd(fd);
}

int tm_peer_connect(const char *address, uint16_t port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG,
				  .ai_socktype = SOCK_STREAM };
	_cleanup_(addrinfo_freep) struct addrinfo *ai = NULL;
	char service[8];
	int r;

	snprintf(service, sizeof(service), "%u", port);
	/*
	 * AI_ADDRCONFIG does not count loopback, so numeric addresses are taken without it first.
	 */
	hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
	r = getaddrinfo(address, service, &hints, &ai);
	if (r == EAI_NONAME) {
		hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
		r = getaddrinfo(address, service, &hints, &ai);
	}
	r = from_gai(r);
	for (const struct addrinfo *a = ai; !r && a; a = a->ai_next) {
		int fd = connect_to(a);

		if (fd >= 0 || !a->ai_next)
			return fd;
	}
	return r < 0 ? r : -EADDRNOTAVAIL;
}

int tm_peer_connected(int fd)
{
	socklen_t n = sizeof(int);
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
		return -errno;
	return -err;
}

const char *tm_peer_name(int fd, char buf[80])
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	char host[64], service[8];

	if (getpeername(fd, (struct sockaddr *)&ss, &n) < 0 ||
	    getnameinfo((struct sockaddr *)&ss, n, host, sizeof(host), service, sizeof(service),
			NI_NUMERICHOST | NI_NUMERICSERV)) {
		snprintf(buf, 80, "?");
		return buf;
	}
	/* IPv4 that came in through a dual-stack socket is shown as what it is. */
	if (!strncmp(host, "::ffff:", 7) && strchr(host, '.'))
		snprintf(buf, 80, "%s:%s", host + 7, service);
	else
		snprintf(buf, 80, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, service);
	return buf;
}
