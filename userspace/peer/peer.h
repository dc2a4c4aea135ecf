/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/peer.h - connections between nodes: preamble, connect and listen, TLS 1.3, identity, the
 * link.
 *
 * The only user of OpenSSL's SSL. Split by who may do what:
 *	daemon	node key, sign, preamble, listen, connect (never TLS)
 *	worker	TLS, proof exchange, link (never the node key)
 */
#ifndef TM_PEER_PEER_H
#define TM_PEER_PEER_H

#include "wire/ctl.h"
#include "wire/link.h"
#include "wire/msg.h"

/* ---- daemon: node key ---- */

struct tm_node_key;

/*
 * Load STATE/node.key (PEM, Ed25519, mode 0600 or stricter: laxer is -EPERM), or make it. @statefd:
 * the state directory. Returns 0 or -errno.
 */
int tm_node_key_open(int statefd, struct tm_node_key **ret_k);
void tm_node_key_free(struct tm_node_key *k);
const uint8_t *tm_node_key_public(const struct tm_node_key *k); /* TM_KEY_LEN bytes */

#define TM_FINGERPRINT_LEN 65
/* SHA-256 of the public key, 64 lower-case hex digits. */
void tm_key_fingerprint(const uint8_t key[TM_KEY_LEN], char ret[TM_FINGERPRINT_LEN]);

/*
 * Sign an identity statement for a worker of this @role and @id (from the daemon's own table, never
 * from the worker): see PROTOCOL.md, "Identity".
 */
int tm_node_key_sign(const struct tm_node_key *k, enum tm_role role,
		     const uint8_t id[TM_POLICY_ID_LEN], const struct tm_ctl_sign *req,
		     struct tm_msg_proof *ret);

/* ---- daemon: preamble, sockets ---- */

#define TM_PREAMBLE_LEN 64

struct tm_preamble {
	uint16_t version;
	uint8_t id[TM_POLICY_ID_LEN];
	uint8_t nonce[16];
	uint8_t mac[16];
	uint8_t raw[48]; /* what the MAC covers */
};

int tm_preamble_put(uint8_t out[TM_PREAMBLE_LEN], const uint8_t id[TM_POLICY_ID_LEN],
		    const uint8_t *secret /* or NULL */);
/* Pure. Returns 0; -EBADMSG: not ours. */
int tm_preamble_get(const uint8_t in[TM_PREAMBLE_LEN], struct tm_preamble *ret);
/* Constant time. */
bool tm_preamble_check(const struct tm_preamble *p, const uint8_t secret[TM_SECRET_LEN]);

/* Non-blocking listening socket on "0.0.0.0", "::", an address or "". Returns it or -errno. */
int tm_peer_listen(const char *address, uint16_t port);
/*
 * Start a non-blocking connect to a numeric or named address. Name resolution may block for a
 * moment (documented: use addresses). Returns the socket (wait for POLLOUT, then
 * tm_peer_connected()), or -errno.
 */
int tm_peer_connect(const char *address, uint16_t port);
/* Result of the connect: 0 or -errno. */
int tm_peer_connected(int fd);
/* "192.0.2.7:3712" of the other end; returns buf. */
const char *tm_peer_name(int fd, char buf[80]);
/*
 * What a connection needs, accepted or connected: no delay, keepalive, 20 s until a dead peer is
 * noticed.
 */
int tm_peer_tune(int fd);

/* ---- worker: TLS, identity, link ---- */

struct tm_tls; /* the context: throw-away certificate; make it before seccomp */
int tm_tls_new(struct tm_tls **ret_t);
void tm_tls_free(struct tm_tls *t);

struct tm_peer_handshake {
	enum tm_role role;	   /* sources are TLS clients */
	const uint8_t *id;	   /* TM_POLICY_ID_LEN; zeros for pairing */
	const uint8_t *pinned_key; /* or NULL: any key (pairing) */
	const char *cluster;	   /* own name */
	uint32_t timeout_ms;	   /* for all of it */
	/* Ask the daemon to sign. 0 or -errno. */
	int (*sign)(void *arg, const struct tm_ctl_sign *req, struct tm_msg_proof *ret);
	/*
	 * Called by the link while it waits, at least twice a second: 0 go on, -ECANCELED stop.
	 * Must take what made poll_fd readable. May be NULL.
	 */
	int (*poll)(void *arg);
	int poll_fd; /* readable: call poll; -1: none */
	/* A NOTICE of the peer after the handshake; then recv never yields one. May be NULL. */
	void (*notice)(void *arg, const struct tm_msg_text *text);
	void *arg;
};

/*
 * TLS, both proofs, HELLO. Takes @sock (closed by tm_peer_close()). Returns 0 and a link;
 * -EKEYREJECTED: the proof does not verify or it is another key than the pinned one
 * (ret_authed->key tells which); -ETIMEDOUT; -EPROTO TLS failed; -EREMOTEIO the peer refused us
 * (*ret_text). *@ret_text always says it in words on failure.
 */
int tm_peer_handshake(struct tm_tls *t, int sock, const struct tm_peer_handshake *h,
		      struct tm_link **ret_l, struct tm_ctl_authed *ret_authed,
		      struct tm_msg_text *ret_text);
/* close_notify, close. NULL accepted. */
void tm_peer_close(struct tm_link *l);
/*
 * A frame that is already here: 0; -EAGAIN: none is complete yet; -errno. *@ret_payload as with
 * recv.
 */
int tm_peer_try_recv(struct tm_link *l, uint16_t *ret_type, const uint8_t **ret_payload,
		     uint32_t *ret_len);
/* The socket, for poll(2) between frames; look at tm_link_pending() first. */
int tm_peer_fd(const struct tm_link *l);
/*
 * May a frame be sent from inside the poll callback? True while the link waits to receive between
 * two frames of ours; false while it is in the middle of sending one.
 */
bool tm_peer_may_send(const struct tm_link *l);
/*
 * After the link failed: did the peer say why before it went? Looks at what has arrived already and
 * waits at most @wait_ms for more. True: an ERROR or NOTICE was there, *ret_text is it.
 */
bool tm_peer_last_words(struct tm_link *l, uint32_t wait_ms, struct tm_msg_text *ret_text);
/*
 * Bytes after which a fresh connection is due (AES-GCM's limit): true once more than 128 GiB went
 * either way.
 */
bool tm_peer_worn(const struct tm_link *l);

#endif
