// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/listen.c - see listen.h.
 */
#include "web/listen.h"

#include "lib/fd.h"
#include "lib/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#define BACKLOG 128

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse(const char *text, uint16_t port, union address *a, socklen_t *ret_len)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		*ret_len = sizeof(a->v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		*ret_len = sizeof(a->v6);
		return 0;
	}
	return -EINVAL;
}

static int make(const union address *a, socklen_t len)
{
	_cleanup_close_ int fd =
		socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int one = 1, zero = 0;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (a->sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) < 0)
		return -errno;
	if (bind(fd, &a->sa, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return tm_take_fd(fd);
}

static int from_systemd(void)
{
	int n = sd_listen_fds(1), fd = SD_LISTEN_FDS_START;

	if (n <= 0)
		return -ENOENT;
	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
		tm_err("what systemd passed is no listening stream socket");
		return -EINVAL;
	}
	(void)tm_set_nonblock(fd, true);
	return fd;
}

int tm_listen(const char *address, uint16_t port, uint16_t *ret_port)
{
	_cleanup_close_ int fd = from_systemd();
	union address a;
	socklen_t len;

	if (fd == -EINVAL)
		return fd;
	if (fd < 0) {
		if (parse(address, port, &a, &len) < 0) {
			tm_err("web.listen.address: '%s' is no IPv4 or IPv6 address", address);
			return -EINVAL;
		}
		fd = make(&a, len);
		if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) &&
		    IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr) && a.sa.sa_family == AF_INET6 &&
		    parse("0.0.0.0", port, &a, &len) == 0)
			fd = make(&a, len);
	}
	if (fd < 0) {
		tm_err("cannot listen on %s port %u: %s", address, port, strerror(-fd));
		return fd;
	}
	len = sizeof(a);
	*ret_port = port;
	if (getsockname(fd, &a.sa, &len) == 0)
		*ret_port = ntohs(a.sa.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
	return tm_take_fd(fd);
}
