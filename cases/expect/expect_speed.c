/* How fast a long stream comes, by the times at which its pieces were read. */
#include "cases/expect/expect_private.h"

enum {
	BURST_US = 1000,     /* a stream that came within this came in one piece */
	BYTES_PER_TOKEN = 6, /* more than any tokenizer packs into one of plain words */
};

struct expect_speed {
	int64_t tokens;     /* a stream that is shorter says little */
	int64_t per_second; /* at least */
};

/* clang-format off */
static const struct setting speed_rows[] = {
	{.name = "tokens", .type = SETTING_INT, .offset = offsetof(struct expect_speed, tokens),
	 .min = 2, .max = 1000000, .flags = SETTING_REQUIRED,
	 .doc = "completion tokens that the stream has at least"},
	{.name = "per_second", .type = SETTING_INT,
	 .offset = offsetof(struct expect_speed, per_second),
	 .min = 1, .max = 1000000, .flags = SETTING_REQUIRED, .doc = "tokens a second, at least"},
};
/* clang-format on */

static const struct setting_table speed_table = {
    .what = "expectation of speed", .rows = speed_rows, .count = ARRAY_LENGTH(speed_rows)};

bool expect_read_speed(struct expect_reader *reader, const struct json *node,
                       const struct expect_speed **out)
{
	struct expect_speed *expect = ARENA_NEW(reader->arena, struct expect_speed);

	*out = expect;
	return settings_read(&speed_table, node, expect, reader->arena, reader->faults);
}

/*
 * From the first token to the last piece. Of what came in one piece that says nothing: then the
 * whole wait counts, which is what the reader had of it.
 */
static int64_t duration_us(const struct observation *seen)
{
	const struct exchange *exchange = seen->exchange;
	int64_t last_us = exchange->chunk_count == 0
	                      ? int64_max(exchange->end_us, 0)
	                      : exchange->chunks[exchange->chunk_count - 1].at_us;
	int64_t taken_us = last_us - int64_max(seen->reply->first_delta_us, 0);

	return int64_max(taken_us < BURST_US ? last_us : taken_us, 1);
}

/* As told; or by its bytes, where nothing or too little is told. That is another case's matter. */
static int64_t count_tokens(const struct judgement *judgement)
{
	const struct chat_choice *choice = judgement->choice;
	size_t bytes = choice == NULL ? 0 : choice->content.len + choice->reasoning.len;

	return int64_max(judgement->seen->reply->usage.output, (int64_t)(bytes / BYTES_PER_TOKEN));
}

void expect_check_speed(const struct expect_speed *expect, const struct judgement *judgement)
{
	int64_t tokens = count_tokens(judgement);
	int64_t taken_us = duration_us(judgement->seen);

	if (tokens < expect->tokens) {
		judge(judgement, FINDING_MISS,
		      "the stream has %lld tokens: want at least %lld to tell its speed",
		      (long long)tokens, (long long)expect->tokens);
		return;
	}
	/* The first token begins the time that the others take. */
	double per_second = (double)(tokens - 1) * 1e6 / (double)taken_us;
	if (per_second < (double)expect->per_second)
		judge(judgement, FINDING_VIOLATION,
		      "%lld tokens came at %.1f a second, want at least %lld", (long long)tokens,
		      per_second, (long long)expect->per_second);
}
