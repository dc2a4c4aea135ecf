// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/limit.c - see limit.h. A hash table of small buckets: a key lives in one of the places of
 * its bucket.
 */
#include "web/limit.h"

#include <netinet/in.h>

#define WAYS 8

struct entry {
	uint64_t hash; /* 0: free */
	uint64_t last_ms, until_ms;
	uint32_t fails;
};

struct tm_limit {
	uint64_t seed;
	struct entry e[TM_LIMIT_KEYS];
};

struct tm_limit *tm_limit_new(uint64_t seed)
{
	struct tm_limit *l = calloc(1, sizeof(*l));

	if (l)
		l->seed = seed;
	return l;
}

void tm_limit_free(struct tm_limit *l)
{
	free(l);
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ (h >> 33);
}

static uint64_t hash(const struct tm_limit *l, uint64_t kind, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = mix(l->seed ^ kind);

	for (size_t i = 0; i < n; i++)
		h = mix(h ^ b[i]);
	return h ? h : 1;
}

struct tm_limit_key tm_limit_name(const struct tm_limit *l, const char *name)
{
	return (struct tm_limit_key){ hash(l, 1, name, strlen(name)), TM_LIMIT_NAME_MS };
}

struct tm_limit_key tm_limit_address(const struct tm_limit *l, const struct sockaddr *sa)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	uint64_t h;

	if (sa->sa_family == AF_INET)
		h = hash(l, 4, &v4->sin_addr, 4);
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		h = hash(l, 4, &v6->sin6_addr.s6_addr[12], 4);
	else if (sa->sa_family == AF_INET6)
		h = hash(l, 6, &v6->sin6_addr, 8);
	else
		h = hash(l, 9, "", 0);
	return (struct tm_limit_key){ h, TM_LIMIT_ADDRESS_MS };
}

static struct entry *bucket(const struct tm_limit *l, uint64_t h)
{
	return (struct entry *)&l->e[h % (TM_LIMIT_KEYS / WAYS) * WAYS];
}

static struct entry *find(const struct tm_limit *l, uint64_t h)
{
	struct entry *b = bucket(l, h);

	for (size_t i = 0; i < WAYS; i++)
		if (b[i].hash == h)
			return &b[i];
	return NULL;
}

static bool forgotten(const struct entry *e, uint64_t now_ms)
{
	return now_ms - e->last_ms >= TM_LIMIT_FORGET_MS;
}

uint64_t tm_limit_wait_ms(const struct tm_limit *l, struct tm_limit_key k, uint64_t now_ms)
{
	const struct entry *e = find(l, k.hash);

	if (!e || forgotten(e, now_ms) || e->until_ms <= now_ms)
		return 0;
	return e->until_ms - now_ms;
}

/* A free place of the bucket, else the one with the fewest failures, and of those the oldest. */
static struct entry *make_room(struct tm_limit *l, uint64_t h, uint64_t now_ms)
{
	struct entry *b = bucket(l, h), *least = b;

	for (size_t i = 0; i < WAYS; i++) {
		struct entry *e = &b[i];

		if (!e->hash || forgotten(e, now_ms))
			return e;
		if (e->fails < least->fails ||
		    (e->fails == least->fails && e->last_ms < least->last_ms))
			least = e;
	}
	return least;
}

void tm_limit_charge(struct tm_limit *l, struct tm_limit_key k, uint64_t now_ms)
{
	struct entry *e = find(l, k.hash);
	uint64_t pause = 1000;

	if (!e || forgotten(e, now_ms)) {
		e = e ? e : make_room(l, k.hash, now_ms);
		*e = (struct entry){ .hash = k.hash };
	}
	e->fails += e->fails < 1000;
	e->last_ms = now_ms;
	if (e->fails < TM_LIMIT_FREE)
		return;
	for (uint32_t i = TM_LIMIT_FREE; i < e->fails && pause < k.max_ms; i++)
		pause *= 2;
	e->until_ms = now_ms + TM_MIN(pause, k.max_ms);
}

void tm_limit_clear(struct tm_limit *l, struct tm_limit_key k)
{
	struct entry *e = find(l, k.hash);

	if (e)
		*e = (struct entry){ 0 };
}

void tm_limit_refund(struct tm_limit *l, struct tm_limit_key k)
{
	struct entry *e = find(l, k.hash);

	if (!e)
		return;
	if (e->fails > 1)
		e->fails--;
	else
		*e = (struct entry){ 0 };
	e->until_ms = 0;
}
