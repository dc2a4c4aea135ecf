/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/limit.h - how often a password may be tried: per address and per name. Pure: no clock.
 *
 * The first TM_LIMIT_FREE failures of a key cost nothing but themselves; from then on each
 * doubles the pause before the next try, from one second up to the limit of that kind of key. A
 * name's limit is low, because everybody on the network can make a name fail; an address's is
 * high. A key that was left alone for TM_LIMIT_FORGET_MS starts anew.
 *
 * A try is counted as failed when it begins and taken back when it succeeds, so that many at once
 * gain nothing. The table is bounded; when it is full, the key that matters least makes room.
 */
#ifndef TM_WEB_LIMIT_H
#define TM_WEB_LIMIT_H

#include "lib/base.h"

#include <sys/socket.h>

#define TM_LIMIT_KEYS	    4096
#define TM_LIMIT_FREE	    5
#define TM_LIMIT_FORGET_MS  ((uint64_t)3600 * 1000)
#define TM_LIMIT_ADDRESS_MS ((uint64_t)900 * 1000)
#define TM_LIMIT_NAME_MS    ((uint64_t)30 * 1000)

struct tm_limit;

struct tm_limit_key {
	uint64_t hash;
	uint64_t max_ms; /* longest pause */
};

/* @seed: random, so that nobody can choose names whose hashes meet. NULL: no memory. */
struct tm_limit *tm_limit_new(uint64_t seed);
void tm_limit_free(struct tm_limit *l);

struct tm_limit_key tm_limit_name(const struct tm_limit *l, const char *name);
/* IPv4: the address; IPv6: its /64, which is what one customer gets. */
struct tm_limit_key tm_limit_address(const struct tm_limit *l, const struct sockaddr *sa);

/* May one be tried now? 0, or the milliseconds to wait. Looks only. */
uint64_t tm_limit_wait_ms(const struct tm_limit *l, struct tm_limit_key k, uint64_t now_ms);
/* A try begins. */
void tm_limit_charge(struct tm_limit *l, struct tm_limit_key k, uint64_t now_ms);
/* It succeeded: forget the key's failures. */
void tm_limit_clear(struct tm_limit *l, struct tm_limit_key k);
/* It was neither right nor wrong (the daemon was away): as if it had not been. */
void tm_limit_refund(struct tm_limit *l, struct tm_limit_key k);

#endif
