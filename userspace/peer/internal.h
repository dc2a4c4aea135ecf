/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/internal.h - what the files of this room share and nobody else may see.
 */
#ifndef TM_PEER_INTERNAL_H
#define TM_PEER_INTERNAL_H

#include <openssl/ssl.h>

#include "peer/peer.h"

#define TM_PEER_TIMEOUT_MS 60000 /* of one receive or send without any progress */
#define TM_PEER_SLICE_MS   500	 /* the poll callback is called at least this often while waiting */
#define TM_PEER_WBUF	   ((size_t)256 << 10)
#define TM_PEER_RBUF	   ((size_t)TM_FRAME_MAX + TM_FRAME_HEADER + (64 << 10))
#define TM_PEER_WORN_BYTES ((uint64_t)128 << 30)

struct tm_tls {
	SSL_CTX *ctx;
	uint8_t fingerprint[32]; /* SHA-256 of our certificate, DER */
};

/* The tm_link of this room. */
struct tm_peer_link {
	struct tm_link link; /* first: the interface */
	SSL *ssl;	     /* owned */
	int fd;		     /* owned */
	int (*poll)(void *arg);
	int poll_fd;
	void (*notice)(void *arg, const struct tm_msg_text *text);
	void *arg;
	uint32_t timeout_ms;
	uint64_t deadline_ms; /* absolute limit on top (handshake); 0: none */
	uint8_t *wbuf;	      /* TM_PEER_WBUF */
	size_t wlen;
	uint8_t *rbuf; /* TM_PEER_RBUF: bytes [rpos, rlen) are not yet handed out */
	size_t rpos, rlen;
	uint64_t sent, received; /* plaintext: for tm_peer_worn() */
	uint64_t sendfile_ktls;	 /* of sent: what the BIO does not count */
	int error;		 /* sticky */
	bool ktls;
	bool in_poll;	/* inside the poll callback: no second one */
	bool receiving; /* waiting in recv with nothing of ours half sent */
};

/* Wrap a fresh SSL on @fd (both taken, also on failure). 0 or -errno. */
int tm_peer_link_new(SSL *ssl, int fd, const struct tm_peer_handshake *h,
		     struct tm_peer_link **ret_l);
/* Drive SSL_do_handshake() to its end. 0 or -errno. */
int tm_peer_link_tls(struct tm_peer_link *l);
/*
 * After an SSL call returned @ret <= 0: wait for what it wants. 0: call again; else the error the
 * connection died of.
 */
int tm_peer_link_want(struct tm_peer_link *l, int ret, uint64_t give_up_ms);

/* Wait until the socket is ready for @events, or until @give_up_ms (monotonic). 0 or -errno. */
int tm_peer_link_wait(struct tm_peer_link *l, short events, uint64_t give_up_ms);
/* What an SSL error (SSL_get_error(), errno then) means to the engine. */
int tm_peer_link_errno(int why, int saved);

/* send.c and recv.c: the calls of struct tm_link_ops. */
int tm_peer_link_send(struct tm_link *tl, uint16_t type, const void *payload, uint32_t len);
int tm_peer_link_send_file(struct tm_link *tl, uint64_t label, int fd, uint64_t off, uint32_t n,
			   bool *ret_short, int *ret_read_err);
int tm_peer_link_flush(struct tm_link *tl);
int tm_peer_link_recv(struct tm_link *tl, uint16_t *ret_type, const uint8_t **ret_payload,
		      uint32_t *ret_len, int timeout_ms);
bool tm_peer_link_pending(struct tm_link *tl);

static inline struct tm_peer_link *tm_peer_of(struct tm_link *tl)
{
	return (struct tm_peer_link *)tl;
}

/*
 * Bytes on the wire: what the BIO counted, and what sendfile carried past it (without record
 * heads).
 */
static inline void tm_peer_count(struct tm_peer_link *l)
{
	l->link.counters.wire_bytes = BIO_number_written(SSL_get_wbio(l->ssl)) +
				      BIO_number_read(SSL_get_rbio(l->ssl)) + l->sendfile_ktls;
}

/* The bytes an identity signature covers; see PROTOCOL.md. */
#define TM_STATEMENT_LEN (21 + 2 + TM_POLICY_ID_LEN + 32 + 32 + 32)
void tm_identity_statement(uint8_t out[TM_STATEMENT_LEN], enum tm_role signer,
			   const uint8_t id[TM_POLICY_ID_LEN], const uint8_t self_fp[32],
			   const uint8_t peer_fp[32], const uint8_t exporter[32]);
/* Proofs and HELLO over an established channel. As tm_peer_handshake(). */
int tm_identity_exchange(struct tm_peer_link *l, const struct tm_tls *t,
			 const struct tm_peer_handshake *h, struct tm_ctl_authed *ret_authed,
			 struct tm_msg_text *ret_text);

static inline bool tm_role_is_source(enum tm_role r)
{
	return r == TM_ROLE_SOURCE || r == TM_ROLE_PAIR_SOURCE;
}

static inline bool tm_role_is_pair(enum tm_role r)
{
	return r == TM_ROLE_PAIR_SOURCE || r == TM_ROLE_PAIR_TARGET;
}

#endif
