/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/rest_int.h - one HTTP server and one call, as the rest_* files of the transport see them.
 *
 *	rest.c		libmicrohttpd in the event loop, answers now and later
 *	rest_socket.c	api.sock and web.sock
 *	rest_who.c	who asks, and what that one may do
 *	rest_stream.c	answers without an end (GET /v1/events)
 */
#ifndef TM_DAEMON_REST_INT_H
#define TM_DAEMON_REST_INT_H

#include "daemon/rest.h"

#include <microhttpd.h>
#include <sys/socket.h>

/* One socket and who may come through it. */
struct tm_rest {
	struct tm_daemon *d;
	bool web; /* web.sock: the caller speaks for people who logged in */
	struct MHD_Daemon *mhd;
	int listen_fd;
	sd_event_source *io, *timer, *resume;
	gid_t group; /* api.sock: may change things, as root may */
	bool have_group;
	uid_t owner; /* web.sock: who may connect besides root */
};

struct tm_call {
	struct tm_rest *r;
	struct MHD_Connection *con;
	struct ucred cred;
	enum tm_access access;
	bool root;	/* uid 0 on api.sock */
	bool nobody;	/* web.sock without a user */
	char user[TM_REC_NAME_MAX + 1]; /* web.sock: who logged in */
	char who[128];
	char *body;
	size_t len;
	bool too_large, routed, deferred, done;
	void (*gone)(struct tm_call *c, void *arg); /* of a deferred call */
	void *gone_arg;
	sd_event_source *hup;
	struct tm_stream *stream; /* instead of an answer */
	unsigned int status;
	char *answer;
	bool problem;
	char etag[48]; /* "": none */
};

/* Make and bind the socket: 0, -ENOENT when there is no user for web.sock (told), -errno. */
int tm_rest_socket(struct tm_rest *r);
void tm_rest_socket_remove(struct tm_rest *r);

/* Fill cred, access, who. */
void tm_call_identify(struct tm_call *c);

/* Let libmicrohttpd run soon: not from deep inside somebody else's work. */
void tm_rest_wake(struct tm_rest *r);
/* The descriptor of a call's connection, or -1. */
int tm_call_fd(const struct tm_call *c);

/* rest_stream.c: the response of a call that became a stream; NULL: no memory. */
struct MHD_Response *tm_stream_response(struct tm_call *c);

#endif
