/*
 * Reading replies in tests: every text is read whole, in bytes and in odd pieces,
 * and all must say the same, so that each test is also one of splitting.
 */
#ifndef PROVISO_TESTS_UNIT_PROVIDERS_REPLY_UNIT_H
#define PROVISO_TESTS_UNIT_PROVIDERS_REPLY_UNIT_H

#include "harness/base/json_write.h"
#include "providers/dialect/dialect.h"
#include "providers/reply/reply_reader.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static struct arena unit_arena; /* check forks: each test has its own */

static inline struct text written_reply(const struct chat_reply *reply)
{
	struct text_buf out;
	struct json_writer writer;

	text_buf_init(&out, 256 << 20);
	json_writer_init(&writer, &out, false);
	reply_write_json(reply, &writer, NULL, NULL);
	struct text written = text_copy(&unit_arena, text_buf_view(&out));
	text_buf_done(&out);
	return written;
}

static inline const struct chat_reply *read_pieces(const struct reply_context *context,
                                                   struct text bytes, size_t piece)
{
	struct reply_reader *reader = reply_reader_new(context, &unit_arena);

	for (size_t at = 0; at < bytes.len; at += piece)
		reply_reader_feed(reader, text_slice(bytes, at, at + piece), (int64_t)at);
	const struct chat_reply *reply = reply_reader_end(reader, context->cut);
	reply_reader_done(reader);
	return reply;
}

static inline const struct chat_reply *read_in(const struct reply_context *context,
                                               struct text bytes)
{
	static const size_t pieces[] = {1, 2, 3, 7, 61};
	const struct chat_reply *whole = reply_read(context, bytes, &unit_arena);
	struct text written = written_reply(whole);

	for (size_t i = 0; i < ARRAY_LENGTH(pieces); i++) {
		struct text again = written_reply(read_pieces(context, bytes, pieces[i]));
		ck_assert_msg(text_equal(written, again), "in pieces of %zu:\n%.*s\nwhole:\n%.*s",
		              pieces[i], TEXT_ARG(again), TEXT_ARG(written));
	}
	return whole;
}

/* Recognised from its bytes, nothing known of the request. */
static inline const struct chat_reply *read_text(const char *bytes)
{
	struct reply_context context = {0};

	return read_in(&context, text_of(bytes));
}

/* An answer to a request in the openai dialect. */
static inline const struct chat_reply *read_answer(enum endpoint endpoint, const char *request_body,
                                                   const char *bytes)
{
	struct chat_request *request = ARENA_NEW(&unit_arena, struct chat_request);

	request->endpoint = endpoint;
	request->body = text_of(request_body);
	request->streamed = strstr(request_body, "\"stream\":true") != NULL;
	request->usage_asked = strstr(request_body, "\"include_usage\":true") != NULL;
	struct reply_context context = {
	    .dialect = &dialect_openai, .request = request, .status = 200};
	return read_in(&context, text_of(bytes));
}

/* How many kept violations of that rule and grade have `part` in their detail. */
static inline unsigned count_violations(const struct chat_reply *reply, const char *rule,
                                        enum wire_grade grade, const char *part)
{
	unsigned count = 0;

	for (size_t i = 0; i < reply->violation_count; i++) {
		const struct chat_violation *violation = &reply->violations[i];
		if (strcmp(wire_rule_id(violation->rule), rule) == 0 && violation->grade == grade &&
		    text_find(violation->detail, text_of(part), 0) != TEXT_NOT_FOUND)
			count++;
	}
	return count;
}

#define assert_violates(reply, rule, grade, part)                                                  \
	ck_assert_msg(count_violations((reply), (rule), (grade), (part)) > 0,                      \
	              "no " rule " \"%s\" in %.*s", (part), TEXT_ARG(written_reply(reply)))

#define assert_keeps(reply, rule)                                                                  \
	do {                                                                                       \
		enum wire_rule rule_ = wire_rule_from_id(TEXT(rule));                              \
		ck_assert_msg((reply)->saw[rule_], rule " had no occasion");                       \
		ck_assert_msg(!(reply)->broken[rule_], rule " is broken: %.*s",                    \
		              TEXT_ARG(written_reply(reply)));                                     \
	} while (0)

#define assert_no_violation(reply)                                                                 \
	ck_assert_msg((reply)->violation_count == 0, "%.*s", TEXT_ARG(written_reply(reply)))

/* One chunk of a chat completion around its choices (and what may follow them). */
#define CHUNK(choices)                                                                             \
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\"," \
	"\"choices\":[" choices "]}\n\n"
#define DELTA(delta) CHUNK("{\"index\":0,\"delta\":{" delta "},\"finish_reason\":null}")
#define FINISH(reason) CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}")
#define ROLE DELTA("\"role\":\"assistant\",\"content\":\"\"")
#define SAY(text) DELTA("\"content\":\"" text "\"")
#define DONE "data: [DONE]\n\n"
#define CALLS(calls) DELTA("\"tool_calls\":[" calls "]")

#endif
