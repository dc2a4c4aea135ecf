/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_lib_map.c - the table against an array that cannot be wrong.
 */
#include "lib/map.h"

#include "tap.h"

#define KEYS 700

TEST(a_random_history_matches_a_plain_array)
{
	static long model[KEYS]; /* 0: absent */
	struct tm_map *m = tm_map_new();
	unsigned int seed = 3712;
	size_t live = 0;

	CHECK(m);
	memset(model, 0, sizeof(model));
	for (long i = 1; i <= 200000; i++) {
		uint32_t k = (uint32_t)rand_r(&seed) % KEYS;
		void *old = (void *)-1L;

		switch (rand_r(&seed) % 3) {
		case 0:
			CHECK_EQ(tm_map_put(m, &k, sizeof(k), (void *)i, &old), 0);
			CHECK((long)old == model[k]);
			live += !model[k];
			model[k] = i;
			break;
		case 1:
			CHECK((long)tm_map_del(m, &k, sizeof(k)) == model[k]);
			live -= !!model[k];
			model[k] = 0;
			break;
		default: CHECK((long)tm_map_get(m, &k, sizeof(k)) == model[k]);
		}
		CHECK_EQ(tm_map_size(m), live);
	}
	tm_map_free(m, NULL);
}

TEST(keys_differ_by_length_and_by_every_byte)
{
	static const char zeros[20];
	struct tm_map *m = tm_map_new();
	char key[20];

	for (long n = 0; n <= 20; n++)
		CHECK_EQ(tm_map_put(m, zeros, (size_t)n, (void *)(n + 1), NULL), 0);
	CHECK_EQ(tm_map_size(m), 21);
	for (long n = 0; n <= 20; n++)
		CHECK((long)tm_map_get(m, zeros, (size_t)n) == n + 1);
	for (size_t i = 0; i < sizeof(key); i++) {
		memset(key, 0, sizeof(key));
		key[i] = 1;
		CHECK(!tm_map_get(m, key, sizeof(key)));
	}
	tm_map_free(m, NULL);
}

TEST(the_key_is_copied)
{
	struct tm_map *m = tm_map_new();
	char key[4] = "abc", value[2] = "v";

	tm_map_put(m, key, 3, value, NULL);
	key[0] = 'x';
	CHECK(!tm_map_get(m, "xbc", 3));
	CHECK_STR(tm_map_get(m, "abc", 3), "v");
	tm_map_free(m, NULL);
}

TEST(iterating_visits_each_once_and_may_delete_what_it_saw)
{
	struct tm_map *m = tm_map_new();
	static uint8_t seen[1000];
	const void *key;
	void *value;
	size_t pos = 0, len, n = 0;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < 1000; i++)
		CHECK_EQ(tm_map_put(m, &i, sizeof(i), (void *)(uintptr_t)(i + 1), NULL), 0);
	while (tm_map_next(m, &pos, &key, &len, &value)) {
		uint32_t i;

		CHECK_EQ(len, sizeof(i));
		memcpy(&i, key, sizeof(i));
		CHECK((uintptr_t)value == i + 1);
		CHECK(!seen[i]);
		seen[i] = 1;
		n++;
		if (i % 2)
			CHECK(tm_map_del(m, key, len) == value);
	}
	CHECK_EQ(n, 1000);
	CHECK_EQ(tm_map_size(m), 500);
	tm_map_free(m, NULL);
}

static int freed;
static void count_free(void *p)
{
	free(p);
	freed++;
}

TEST(freeing_releases_every_value_once)
{
	struct tm_map *m = tm_map_new();

	freed = 0;
	for (int i = 0; i < 100; i++)
		tm_map_put(m, &i, sizeof(i), malloc(8), NULL);
	for (int i = 0; i < 40; i++)
		free(tm_map_del(m, &i, sizeof(i)));
	tm_map_free(m, count_free);
	CHECK_EQ(freed, 60);
	tm_map_free(NULL, count_free);
	CHECK_EQ(freed, 60);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
