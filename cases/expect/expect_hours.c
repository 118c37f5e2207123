/*
 * How long the same question takes at other times of day: each run adds what it saw to what was
 * recorded, and once there is enough of it the slowest is held against the fastest.
 *
 * The record is one line: "hours 2026-11-28T08:00:00Z 812 ms, 2026-11-28T14:00:00Z 930 ms".
 */
#include "cases/expect/expect_private.h"

#include "harness/base/loop.h"

enum {
	HOURS_WANTED = 3,                 /* moments, this one among them */
	HOURS_KEPT = 12,                  /* the newest */
	HOURS_APART_MS = 4 * 3600 * 1000, /* closer ones are one time of day */
	HOURS_SLOWER_TIMES = 3,           /* as long as the fastest, */
	HOURS_SLOWER_MS = 1000,           /* and so much longer: what is quick anyway may differ */
};

struct moment {
	int64_t wall_ms, took_ms;
};

struct moments {
	struct moment items[HOURS_KEPT + 1];
	size_t count;
};

static const char prefix[] = "hours ";

/* What can't be read is left out: the record is told anew, and a person may have touched it. */
static void read_moments(struct text record, struct moments *out)
{
	struct text rest = record, item;

	if (!text_starts(record, text_of(prefix)))
		return;
	rest = text_slice(record, sizeof(prefix) - 1, record.len);
	while (out->count < HOURS_KEPT && text_next_field(&rest, ',', &item)) {
		struct moment *moment = &out->items[out->count];
		item = text_trim(item);
		size_t blank = text_find_byte(item, ' ', 0);
		struct text took = text_slice(item, size_min(blank, item.len - 1) + 1, item.len);
		if (blank != TEXT_NOT_FOUND && text_ends(took, TEXT(" ms")) &&
		    wall_parse(text_slice(item, 0, blank), &moment->wall_ms) &&
		    text_to_int64(text_slice(took, 0, took.len - 3), 0, INT32_MAX,
		                  &moment->took_ms))
			out->count++;
	}
}

/* To the end of the answer; where that was not noted, to its last piece. */
static int64_t took_ms_of(const struct exchange *exchange)
{
	int64_t last_us =
	    exchange->chunk_count > 0 ? exchange->chunks[exchange->chunk_count - 1].at_us : 0;

	return int64_max(exchange->end_us, last_us) / 1000;
}

static void add_now(const struct exchange *exchange, struct moments *moments)
{
	size_t count = moments->count;

	if (count > 0 &&
	    exchange->started_wall_ms - moments->items[count - 1].wall_ms < HOURS_APART_MS)
		return;
	if (count == HOURS_KEPT)
		memmove(&moments->items[0], &moments->items[1],
		        --count * sizeof(moments->items[0]));
	moments->items[count] = (struct moment){exchange->started_wall_ms, took_ms_of(exchange)};
	moments->count = count + 1;
}

static struct text tell_moments(const struct moments *moments, struct arena *arena)
{
	struct text told = text_of(prefix);

	for (size_t i = 0; i < moments->count; i++) {
		const struct moment *moment = &moments->items[i];
		struct text when = wall_format(arena, moment->wall_ms, false);
		told = text_format(arena, "%.*s%s%.*s %lld ms", TEXT_ARG(told), i == 0 ? "" : ", ",
		                   TEXT_ARG(when), (long long)moment->took_ms);
	}
	return told;
}

void expect_check_hours(const struct judgement *judgement)
{
	const struct exchange *exchange = judgement->seen->exchange;
	struct moments moments = {.count = 0};
	int64_t now_ms = took_ms_of(exchange);
	int64_t fastest_ms = now_ms, slowest_ms = now_ms;

	read_moments(judgement->seen->values->hours, &moments);
	add_now(exchange, &moments);
	judgement->findings->fates = tell_moments(&moments, judgement->arena);
	for (size_t i = 0; i < moments.count; i++) {
		fastest_ms = int64_min(fastest_ms, moments.items[i].took_ms);
		slowest_ms = int64_max(slowest_ms, moments.items[i].took_ms);
	}
	if (moments.count < HOURS_WANTED)
		judge(judgement, FINDING_REFUSED,
		      "nothing to judge yet: seen at %zu of %d times at least 4 hours apart",
		      moments.count, HOURS_WANTED);
	else if (slowest_ms > fastest_ms * HOURS_SLOWER_TIMES &&
	         slowest_ms - fastest_ms > HOURS_SLOWER_MS)
		judge(judgement, FINDING_MISS,
		      "takes %lld ms at one time of day and %lld ms at another",
		      (long long)slowest_ms, (long long)fastest_ms);
}
