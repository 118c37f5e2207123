/* A native reply, translated and read again, and held against the original. */
#ifndef PROVISO_TESTS_UNIT_PROVIDERS_TRANSLATE_RIG_H
#define PROVISO_TESTS_UNIT_PROVIDERS_TRANSLATE_RIG_H

#include "harness/base/file.h"
#include "providers/client/translate.h"
#include "tests/unit/providers/reply_unit.h"

#include <dirent.h>

static const struct chat_request asked = {.endpoint = ENDPOINT_CHAT,
                                          .body = TEXT_INIT("{\"model\":\"asked\"}")};
static const struct chat_request asked_streamed = {.endpoint = ENDPOINT_CHAT,
                                                   .body = TEXT_INIT("{\"model\":\"asked\"}"),
                                                   .streamed = true,
                                                   .usage_asked = true};

/* The exchange that brought these bytes in pieces of that size, one a millisecond; 0: in one. */
static inline struct exchange exchange_of(struct text body, int status, size_t piece)
{
	size_t count = piece == 0 ? 1 : body.len / piece + 1;
	struct exchange exchange = {
	    .status = status,
	    .body = body,
	    .request_body = TEXT("{}"),
	    .started_wall_ms = 1700000000000,
	    .chunks = ARENA_NEW_ARRAY(&unit_arena, struct exchange_chunk, count),
	};

	for (size_t i = 0; i < count; i++)
		exchange.chunks[exchange.chunk_count++] = (struct exchange_chunk){
		    (int64_t)(i + 1) * 1000,
		    piece == 0 ? body.len : size_min((i + 1) * piece, body.len)};
	return exchange;
}

static inline const struct exchange *translate(const struct dialect *dialect, struct text body,
                                               int status, size_t piece,
                                               const struct chat_request *request)
{
	struct exchange *exchange = ARENA_NEW(&unit_arena, struct exchange);

	*exchange = exchange_of(body, status, piece);
	return translate_exchange(exchange, dialect, request, &unit_arena);
}

static inline const struct chat_reply *read_as(const struct exchange *exchange,
                                               const struct dialect *dialect,
                                               const struct chat_request *request)
{
	const struct reply_context context = {
	    .dialect = dialect,
	    .request = request,
	    .status = exchange->status,
	    .content_type = exchange_header(exchange, "content-type"),
	};

	return reply_read(&context, exchange->body, &unit_arena);
}

static inline void assert_same_text(const char *what, struct text a, struct text b)
{
	ck_assert_msg(text_equal(a, b), "%s: \"%.*s\" became \"%.*s\"", what, TEXT_ARG(a),
	              TEXT_ARG(b));
}

static inline void assert_same_choice(const struct chat_choice *a, const struct chat_choice *b)
{
	assert_same_text("content", a->content, b->content);
	assert_same_text("reasoning", a->reasoning, b->reasoning);
	/* Some whole replies do not say why they end. */
	assert_same_text("finish_reason",
	                 a->finish_reason.len == 0 ? TEXT("stop") : a->finish_reason,
	                 b->finish_reason);
	ck_assert_uint_eq(a->tool_call_count, b->tool_call_count);
	for (size_t i = 0; i < a->tool_call_count; i++) {
		/* Where the provider gives none, one is made. */
		if (a->tool_calls[i].id.len > 0)
			assert_same_text("id", a->tool_calls[i].id, b->tool_calls[i].id);
		ck_assert_uint_gt(b->tool_calls[i].id.len, 0);
		assert_same_text("name", a->tool_calls[i].name, b->tool_calls[i].name);
		assert_same_text("arguments", a->tool_calls[i].arguments,
		                 b->tool_calls[i].arguments);
		assert_same_text("extra", a->tool_calls[i].extra, b->tool_calls[i].extra);
	}
	assert_same_text("extra", a->extra, b->extra);
	ck_assert_uint_eq(a->thinking_block_count, b->thinking_block_count);
	for (size_t i = 0; i < a->thinking_block_count; i++)
		assert_same_text("thinking block", a->thinking_blocks[i], b->thinking_blocks[i]);
}

static inline void assert_same_usage(const struct chat_usage *a, const struct chat_usage *b)
{
	ck_assert_int_eq(a->present, b->present);
	ck_assert_int_eq(a->input, b->input);
	ck_assert_int_eq(a->output, b->output);
	ck_assert_int_eq(a->cached_input, b->cached_input);
	ck_assert_int_eq(a->cache_write, b->cache_write);
	ck_assert_int_eq(a->reasoning, b->reasoning);
}

static inline void assert_breaks_nothing(const struct chat_reply *reply)
{
	for (size_t i = 0; i < reply->violation_count; i++)
		ck_assert_msg(reply->violations[i].grade == WIRE_HARMLESS, "%s: %.*s",
		              wire_rule_id(reply->violations[i].rule),
		              TEXT_ARG(reply->violations[i].detail));
}

/* However it came, the same bytes; and read, the same reply. */
static inline void assert_translated(const struct dialect *dialect, struct text body,
                                     const struct chat_request *request)
{
	static const size_t pieces[] = {1, 3, 61};
	const struct exchange *whole = translate(dialect, body, 200, 0, request);
	struct exchange native = exchange_of(body, 200, 0);
	const struct chat_reply *from = read_as(&native, dialect, request);
	const struct chat_reply *to = read_as(whole, &dialect_openai, request);

	ck_assert_int_eq(from->complete, to->complete);
	ck_assert_int_eq(to->streamed, request->streamed);
	assert_breaks_nothing(to);
	ck_assert_uint_eq(from->choice_count, to->choice_count);
	for (size_t i = 0; i < from->choice_count; i++)
		assert_same_choice(&from->choices[i], &to->choices[i]);
	assert_same_usage(&from->usage, &to->usage);
	for (size_t i = 0; i < ARRAY_LENGTH(pieces) && body.len < 20000; i++) {
		/* Where it is cut says where chunks begin, and nothing else. */
		const struct chat_reply *again = read_as(
		    translate(dialect, body, 200, pieces[i], request), &dialect_openai, request);
		for (size_t c = 0; c < to->choice_count; c++)
			assert_same_choice(&to->choices[c], &again->choices[c]);
		assert_breaks_nothing(again);
	}
}

/* clang-format off */
#define EVENT(type, rest)                                                                          \
	"event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define STOP(index) EVENT("content_block_stop", ",\"index\":" index)

#endif
