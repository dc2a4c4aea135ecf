// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * netmon/netmon.c - a route netlink socket in two multicast groups.
 */
#include "netmon/netmon.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

struct tm_netmon {
	struct nl_sock *s;
	int useful;
};

static int from_nl(int r)
{
	switch (-r) {
	case NLE_NOMEM: return -ENOMEM;
	case NLE_PERM: return -EPERM;
	case NLE_AGAIN: return -EAGAIN;
	default: return r < 0 ? -EIO : r;
	}
}

/* An address that came, or a link that carries: a peer may be reachable now. */
static int on_message(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);
	struct tm_netmon *m = arg;

	if (h->nlmsg_type == RTM_NEWADDR) {
		m->useful++;
	} else if (h->nlmsg_type == RTM_NEWLINK && nlmsg_valid_hdr(h, sizeof(struct ifinfomsg))) {
		const struct ifinfomsg *i = nlmsg_data(h);

		m->useful += (i->ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	}
	return NL_OK;
}

int tm_netmon_open(struct tm_netmon **ret_m)
{
	struct tm_netmon *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->s = nl_socket_alloc();
	if (!m->s) {
		free(m);
		return -ENOMEM;
	}
	/* News have no sequence of ours. */
	nl_socket_disable_seq_check(m->s);
	r = nl_socket_modify_cb(m->s, NL_CB_VALID, NL_CB_CUSTOM, on_message, m);
	if (r == 0)
		r = nl_connect(m->s, NETLINK_ROUTE);
	if (r == 0)
		r = nl_socket_add_memberships(m->s, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					      RTNLGRP_IPV6_IFADDR, 0);
	if (r == 0)
		r = nl_socket_set_nonblocking(m->s);
	if (r < 0) {
		tm_netmon_close(m);
		return from_nl(r);
	}
	*ret_m = m;
	return 0;
}

void tm_netmon_close(struct tm_netmon *m)
{
	if (!m)
		return;
	nl_socket_free(m->s);
	free(m);
}

int tm_netmon_fd(const struct tm_netmon *m)
{
	return nl_socket_get_fd(m->s);
}

int tm_netmon_read(struct tm_netmon *m)
{
	int r;

	m->useful = 0;
	do
		r = nl_recvmsgs_default(m->s);
	while (r == 0);
	if (r == -NLE_NOMEM)
		m->useful++; /* the socket overflowed: something happened, whatever it was */
	else if (r != -NLE_AGAIN && !m->useful)
		return from_nl(r);
	return m->useful;
}
