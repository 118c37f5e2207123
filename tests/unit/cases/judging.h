/*
 * For tests of expectations: a reply from bytes, as a provider sends them, judged by an
 * expectation written as JSON.
 */
#ifndef PROVISO_TESTS_UNIT_CASES_JUDGING_H
#define PROVISO_TESTS_UNIT_CASES_JUDGING_H

#include "cases/expect/expect.h"
#include "cases/resources.h"
#include "harness/base/settings.h"
#include "providers/dialect/dialect.h"
#include "providers/reply/reply_reader.h"
#include "tests/unit/unit.h"

/* What is judged; fresh for each test. */
static struct {
	struct arena arena;
	struct suite_resources *resources;
	struct exchange exchange;
	struct observation seen;
	struct template_values values;
	struct text_list features;
} judging UNUSED;

static inline void judging_setup(void)
{
	memset(&judging, 0, sizeof(judging));
	judging.resources = resources_new();
	judging.values.context_tokens = -1;
	judging.values.nonces[0] = TEXT("xkcd4821");
	judging.seen.values = &judging.values;
	judging.seen.exchange = &judging.exchange;
	judging.seen.features = &judging.features;
}

static inline void judging_teardown(void)
{
	resources_free(judging.resources);
	arena_done(&judging.arena);
}

static inline struct json *judging_json(const char *body)
{
	struct json *root;
	struct fault fault;

	ck_assert_msg(json_read_text(text_of(body), "test", &judging.arena, &root, &fault), "%s",
	              fault.message);
	return root;
}

/* The request as sent. */
static inline void judging_asked(const char *request)
{
	judging.seen.request = judging_json(request);
	judging.seen.streamed = json_truth(judging.seen.request, "stream", false);
}

/* The whole answer. */
static inline void judging_answered(int status, const char *content_type, const char *body)
{
	static struct http_header header;
	struct reply_context context = {
	    .dialect = &dialect_openai, .status = status, .content_type = text_of(content_type)};

	header = (struct http_header){.name = TEXT("Content-Type"), .value = text_of(content_type)};
	judging.exchange = (struct exchange){.status = status,
	                                     .body = text_of(body),
	                                     .headers = &header,
	                                     .header_count = 1,
	                                     .end = EXCHANGE_COMPLETE};
	judging.seen.reply = reply_read(&context, text_of(body), &judging.arena);
}

/* A good plain reply around this message and finish reason. */
static inline void judging_said(const char *message, const char *finish_reason)
{
	struct text body = text_format(
	    &judging.arena,
	    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":[{\"index\":0,\"message\":%s,\"finish_reason\":\"%s\"}],\"usage\":"
	    "{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12}}",
	    message, finish_reason);

	judging_answered(200, "application/json", body.data);
}

static inline void judging_content(const char *content)
{
	struct text_buf message;

	text_buf_init(&message, 1 << 20);
	text_buf_add_c(&message, "{\"role\":\"assistant\",\"content\":");
	json_quote(&message, text_of(content));
	text_buf_byte(&message, '}');
	judging_said(text_c(&judging.arena, text_buf_view(&message)), "stop");
	text_buf_done(&message);
}

static inline struct findings *judging_findings(const char *expect)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct findings *findings = ARENA_NEW(&judging.arena, struct findings);
	struct expectation *expectation;
	bool good = expect_read(judging_json(expect), &judging.arena, judging.resources,
	                        &expectation, faults);

	ck_assert_msg(good, "%s", faults->items[0].message);
	memory_free(faults);
	expect_check(expectation, &judging.seen, &judging.arena, findings);
	return findings;
}

/* Nothing is found. */
#define assert_holds(expect)                                                                       \
	do {                                                                                       \
		struct findings *found_ = judging_findings(expect);                                \
		ck_assert_msg(found_->gravest == FINDING_NONE, "%s finds %.*s", expect,            \
		              TEXT_ARG(found_->items[0].text));                                    \
	} while (0)

/* Exactly one thing is found, of this kind, and it says this. */
#define assert_finds(expect, wanted_kind, says)                                                    \
	do {                                                                                       \
		struct findings *found_ = judging_findings(expect);                                \
		ck_assert_msg(found_->count == 1, "%s finds %zu", expect, found_->count);          \
		struct finding one_ = found_->items[0];                                            \
		ck_assert_msg(one_.kind == (wanted_kind) && found_->gravest == (wanted_kind),      \
		              "%s finds kind %d: %.*s", expect, one_.kind, TEXT_ARG(one_.text));   \
		ck_assert_msg(text_find(one_.text, text_of(says), 0) != TEXT_NOT_FOUND,            \
		              "%s finds \"%.*s\", want \"%s\"", expect, TEXT_ARG(one_.text),       \
		              says);                                                               \
	} while (0)

#endif
