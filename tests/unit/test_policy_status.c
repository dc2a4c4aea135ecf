// SPDX-License-Identifier: GPL-2.0-or-later
/* tests/unit/test_policy_status.c - the table of shown statuses. */
#include "policy/status.h"

#include "tap.h"

#define S  TM_REC_SOURCE
#define T  TM_REC_TARGET
#define OK .auth = TM_REC_AUTHORIZED, .enabled = true

static const struct {
	const char *what;
	struct tm_status_in in;
	enum tm_status want;
} table[] = {
	{ "target while its source stopped",
	  { .role = T, OK, .connected = true, .finished = true, .peer_known = true,
	    .peer = TM_STATUS_STOPPED },
	  TM_STATUS_STOPPED },
	{ "target whose source stopped and went",
	  { .role = T, OK, .lost = true, .finished = true, .peer_known = true,
	    .peer = TM_STATUS_STOPPED },
	  TM_STATUS_STOPPED },
	{ "target whose source heals",
	  { .role = T, OK, .connected = true, .finished = true, .peer_known = true,
	    .peer = TM_STATUS_INCOMPLETE },
	  TM_STATUS_INCOMPLETE },
	{ "target between two batches of a run",
	  { .role = T, OK, .connected = true, .finished = true, .peer_known = true,
	    .peer = TM_STATUS_REPLICATING },
	  TM_STATUS_REPLICATING },
	{ "target whose source replicated and was lost",
	  { .role = T, OK, .lost = true, .finished = true, .peer_known = true,
	    .peer = TM_STATUS_REPLICATING },
	  TM_STATUS_DISCONNECTED },
	{ "target that takes a batch before it hears of it",
	  { .role = T, OK, .connected = true, .finished = true, .in_work = true, .peer_known = true,
	    .peer = TM_STATUS_FINISHED },
	  TM_STATUS_REPLICATING },
	{ "source whose target is disabled",
	  { .role = S, OK, .lost = true, .finished = true, .tracked = true, .peer_known = true,
	    .peer = TM_STATUS_DISABLED },
	  TM_STATUS_DISABLED },
	{ "source whose target stopped",
	  { .role = S, OK, .lost = true, .finished = true, .tracked = true, .peer_known = true,
	    .peer = TM_STATUS_STOPPED },
	  TM_STATUS_DISCONNECTED },
	{ "own hold goes before what the peer says",
	  { .role = T, OK, .connected = true, .hold = TM_REC_HOLD_STOPPED, .peer_known = true,
	    .peer = TM_STATUS_REPLICATING },
	  TM_STATUS_STOPPED },
	{ "request", { .role = T, .auth = TM_REC_AWAITING, .enabled = true }, TM_STATUS_AWAITING },
	{ "rejected", { .role = S, .auth = TM_REC_REJECTED, .enabled = true }, TM_STATUS_REJECTED },
	{ "rejected and disabled", { .role = S, .auth = TM_REC_REJECTED }, TM_STATUS_REJECTED },
	{ "deleted there",
	  { .role = S,
	    .auth = TM_REC_DELETED,
	    .enabled = true,
	    .finished = true,
	    .first_done = true },
	  TM_STATUS_FAILED },
	{ "fresh",
	  { .role = S, OK, .tracked = true, .connected = true, .dirty = true },
	  TM_STATUS_AUTHORIZED },
	{ "fresh continuous",
	  { .role = S, OK, .continuous = true, .tracked = true, .connected = true, .dirty = true },
	  TM_STATUS_REPLICATING },
	{ "fresh continuous, not yet dialled",
	  { .role = S, OK, .continuous = true, .dirty = true },
	  TM_STATUS_AUTHORIZED },
	{ "asked for",
	  { .role = S, OK, .tracked = true, .connected = true, .wanted = true },
	  TM_STATUS_REPLICATING },
	{ "first sync heals nothing",
	  { .role = S, OK, .connected = true, .in_work = true, .incomplete = true },
	  TM_STATUS_REPLICATING },
	{ "healing",
	  { .role = S,
	    OK,
	    .connected = true,
	    .in_work = true,
	    .incomplete = true,
	    .first_done = true },
	  TM_STATUS_INCOMPLETE },
	{ "broken tracking, idle manual",
	  { .role = S,
	    OK,
	    .connected = true,
	    .incomplete = true,
	    .first_done = true,
	    .finished = true },
	  TM_STATUS_INCOMPLETE },
	{ "in sync",
	  { .role = S,
	    OK,
	    .continuous = true,
	    .connected = true,
	    .tracked = true,
	    .first_done = true,
	    .finished = true },
	  TM_STATUS_FINISHED },
	{ "behind",
	  { .role = S,
	    OK,
	    .continuous = true,
	    .connected = true,
	    .tracked = true,
	    .first_done = true,
	    .finished = true,
	    .dirty = true },
	  TM_STATUS_REPLICATING },
	{ "nobody watches",
	  { .role = S,
	    OK,
	    .continuous = true,
	    .connected = true,
	    .first_done = true,
	    .finished = true },
	  TM_STATUS_REPLICATING },
	{ "manual with later changes",
	  { .role = S,
	    OK,
	    .connected = true,
	    .tracked = true,
	    .first_done = true,
	    .finished = true,
	    .dirty = true },
	  TM_STATUS_FINISHED },
	{ "target down in a run",
	  { .role = S, OK, .lost = true, .wanted = true, .first_done = true },
	  TM_STATUS_DISCONNECTED },
	{ "target down, incomplete",
	  { .role = S, OK, .lost = true, .incomplete = true, .first_done = true },
	  TM_STATUS_DISCONNECTED },
	{ "stopped",
	  { .role = S, OK, .connected = true, .hold = TM_REC_HOLD_STOPPED, .finished = true },
	  TM_STATUS_STOPPED },
	{ "aborted",
	  { .role = S, OK, .connected = true, .hold = TM_REC_HOLD_ABORTED, .finished = true },
	  TM_STATUS_FAILED },
	{ "disabled outranks a hold",
	  { .role = S, .auth = TM_REC_AUTHORIZED, .hold = TM_REC_HOLD_STOPPED },
	  TM_STATUS_DISABLED },
	{ "worker cannot work",
	  { .role = S, OK, .broken = true, .first_done = true, .finished = true },
	  TM_STATUS_FAILED },
	{ "target accepted", { .role = T, OK }, TM_STATUS_AUTHORIZED },
	{ "target takes a batch",
	  { .role = T, OK, .connected = true, .in_work = true, .finished = true },
	  TM_STATUS_REPLICATING },
	{ "target idle",
	  { .role = T, OK, .connected = true, .finished = true },
	  TM_STATUS_FINISHED },
	{ "source away",
	  { .role = T, OK, .lost = true, .finished = true },
	  TM_STATUS_DISCONNECTED },
};

TEST(each_state_has_the_word_the_table_says)
{
	for (unsigned int i = 0; i < TM_ARRAY_SIZE(table); i++) {
		const char *got = tm_status_name(tm_status_derive(&table[i].in));
		char line[256];

		snprintf(line, sizeof(line), "%s: %s", table[i].what, got);
		char want[256];

		snprintf(want, sizeof(want), "%s: %s", table[i].what,
			 tm_status_name(table[i].want));
		CHECK_STR(line, want);
	}
}

/* Walk all combinations of the flags: P9 as a law instead of examples. */
TEST(finished_is_never_shown_while_something_is_in_work_or_broken)
{
	for (unsigned int bits = 0; bits < 1u << 13; bits++) {
		struct tm_status_in in = {
			.role = bits & 1 ? S : T,
			.auth = TM_REC_AUTHORIZED,
			.enabled = bits & 2,
			.continuous = bits & 4,
			.first_done = bits & 8,
			.finished = bits & 16,
			.incomplete = bits & 32,
			.connected = bits & 64,
			.lost = bits & 128,
			.broken = bits & 256,
			.in_work = bits & 512,
			.wanted = bits & 1024,
			.dirty = bits & 2048,
			.tracked = bits & 4096,
		};

		if (tm_status_derive(&in) == TM_STATUS_FINISHED) {
			CHECK(in.finished && in.enabled && !in.broken && !in.in_work && !in.wanted);
			CHECK(!(in.incomplete && in.first_done));
			CHECK(!(in.role == S && in.continuous && (in.dirty || !in.tracked)));
		}
		if (tm_status_in_sync(&in))
			CHECK(!in.dirty && !in.in_work && !in.incomplete && in.tracked &&
			      in.finished);
	}
}

TEST(the_words_are_those_of_the_tutorial)
{
	CHECK_STR(tm_status_name(TM_STATUS_AWAITING), "Awaiting Authorization");
	CHECK_STR(tm_status_name(TM_STATUS_AUTHORIZED), "Authorized");
	CHECK_STR(tm_status_name(TM_STATUS_REPLICATING), "Replicating");
	CHECK_STR(tm_status_name(TM_STATUS_FINISHED), "Finished");
	CHECK_STR(tm_status_name(TM_STATUS_DISCONNECTED), "Disconnected");
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
