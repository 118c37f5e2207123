/* A suite of cases for judging, answers as they came, and what is judged of them. */
#ifndef PROVISO_TESTS_JUDGE_RIG_H
#define PROVISO_TESTS_JUDGE_RIG_H

#include "harness/run/judge.h"

#include "harness/base/file.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <unistd.h>

static struct arena arena;
static struct suite suite;
static struct template_values values;

static const char own_suite[] =
    "capability: chat\n"
    "cases:\n"
    "  - id: CH-01\n"
    "    title: a greeting\n"
    "    class: deterministic\n"
    "    severity: gate\n"
    "    vouches: [chat]\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: \"say {{nonce}}\"}]}\n"
    "    expect: {status: 200, content: {contains: [\"{{nonce}}\"]}}\n"
    "    reference: {content: \"{{nonce}}\"}\n"
    "  - id: ER-04\n"
    "    title: broken JSON\n"
    "    class: negative\n"
    "    severity: gate\n"
    "    source: test\n"
    "    raw: '{'\n"
    "    expect: {status: 400}\n"
    "    reference: {error: {status: 400}}\n"
    "  - id: ER-01\n"
    "    title: a wrong key\n"
    "    class: negative\n"
    "    severity: gate\n"
    "    source: test\n"
    "    auth: wrong\n"
    "    request: {messages: [{role: user, content: hello}]}\n"
    "    expect: {status: 401}\n"
    "    reference: {error: {status: 401}}\n"
    "  - id: ER-19\n"
    "    title: asks for 402 with a good key\n"
    "    class: negative\n"
    "    severity: required\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: broke}]}\n"
    "    expect: {status: 402}\n"
    "    reference: {error: {status: 402}}\n"
    "  - id: TR-01\n"
    "    title: two steps\n"
    "    class: stochastic\n"
    "    severity: gate\n"
    "    vouches: [tools]\n"
    "    source: test\n"
    "    steps:\n"
    "      - request: {messages: [{role: user, content: first}]}\n"
    "        expect: {status: 200}\n"
    "        reference: {tool_calls: [{name: f, arguments: {}}]}\n"
    "      - request:\n"
    "          messages: [{role: user, content: \"{{steps.0.tool_calls.0.id}}\"}]\n"
    "        expect: {status: 200, content: {contains: [done]}}\n"
    "        reference: {content: done}\n"
    "  - id: EM-01\n"
    "    title: another endpoint\n"
    "    class: negative\n"
    "    severity: gate\n"
    "    source: test\n"
    "    endpoint: embeddings\n"
    "    request: {input: \"\"}\n"
    "    expect: {status: 4xx}\n"
    "    reference: {error: {status: 400}}\n"
    "  - id: PA-01\n"
    "    title: stop has a fate\n"
    "    class: deterministic\n"
    "    severity: gate\n"
    "    vouches: [stop]\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: hello}], stop: [x]}\n"
    "    expect: {fate: {parameter: stop, honoured: {content: {absent: [x]}}}}\n"
    "    reference: {content: a}\n"
    "  - id: PA-14\n"
    "    title: user is accepted\n"
    "    class: deterministic\n"
    "    severity: gate\n"
    "    vouches: [user]\n"
    "    source: test\n"
    "    steps:\n"
    "      - request: {messages: [{role: user, content: a}], user: u}\n"
    "        expect: {status: 200}\n"
    "        reference: {content: a}\n"
    "      - request: {messages: [{role: user, content: b}], user: u}\n"
    "        expect: {content: {contains: [done]}}\n"
    "        reference: {content: done}\n"
    "  - id: ER-20\n"
    "    title: waits for 402 or 429\n"
    "    class: negative\n"
    "    severity: required\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: hello}]}\n"
    "    expect: {occasion: [{status: 429}, {status: 402}], error: {machine_code: true}}\n"
    "    reference: {error: {status: 429, code: slow}}\n"
    "  - id: US-01\n"
    "    title: a text, and usage\n"
    "    class: deterministic\n"
    "    severity: gate\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: hello}]}\n"
    "    expect: {content: {contains: [done]}, usage: {input_min: 2}}\n"
    "    reference: {content: done}\n"
    "  - id: QU-01\n"
    "    title: graded twice\n"
    "    class: stochastic\n"
    "    severity: advisory\n"
    "    source: test\n"
    "    steps:\n"
    "      - request: {messages: [{role: user, content: a}]}\n"
    "        expect: {grade: {contains: [one, two]}}\n"
    "        reference: {content: one two}\n"
    "      - request: {messages: [{role: user, content: b}]}\n"
    "        expect: {grade: {contains: [one, two]}, times: {step: 0, slower: 10s}}\n"
    "        reference: {content: one two}\n"
    "  - id: QU-02\n"
    "    title: graded by a program that is not there\n"
    "    class: stochastic\n"
    "    severity: advisory\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: a}]}\n"
    "    expect: {grade: {command: [/nowhere/grader]}}\n"
    "    reference: {content: a}\n";

static void set_up(void)
{
	char path[] = "/tmp/proviso-test-XXXXXX.yaml";
	int fd = mkstemps(path, 5);
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct text name = text_of(path);
	struct text_list folders = {&name, 1};
	struct fault fault;

	(void)signal(SIGPIPE, SIG_IGN); /* as main does: a grader may be gone before it has read */
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert(file_replace(path, text_of(own_suite), 0600, &fault));
	bool good = suite_load(&suite, false, &folders, faults);
	fault_list_print(faults, stderr);
	ck_assert(good);
	memory_free(faults);
	(void)unlink(path);
	values = (struct template_values){.context_tokens = -1};
	values.nonces[0] = TEXT("baf2ced3");
}

static void tear_down(void)
{
	suite_done(&suite);
	arena_done(&arena);
}

/* A reply as it came; status 0: none did. */
static struct judged_step step_of(int status, enum exchange_end end, const char *body)
{
	static struct http_header json = {TEXT_INIT("content-type"), TEXT_INIT("application/json")};
	const struct chat_request request = {.endpoint = ENDPOINT_CHAT, .body = TEXT("{}")};
	struct exchange *exchange = ARENA_NEW(&arena, struct exchange);

	*exchange = (struct exchange){.status = status,
	                              .headers = &json,
	                              .header_count = status == 0 ? 0 : 1,
	                              .body = text_of(body),
	                              .end = end,
	                              .end_detail = TEXT("the wire says")};
	return (struct judged_step){
	    exchange, judge_reread(exchange, &dialect_openai, &request, &arena), NULL, NULL};
}

static const char *reply_saying(const char *content)
{
	return text_format(
		   &arena,
		   "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
		   "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
		   "\"%s\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
		   "\"completion_tokens\":1,\"total_tokens\":2}}",
		   content)
	    .data;
}

static const char *error_saying(const char *message, const char *code)
{
	return text_format(&arena,
	                   "{\"error\":{\"message\":\"%s\",\"type\":\"t\",\"param\":null,"
	                   "\"code\":\"%s\"}}",
	                   message, code)
	    .data;
}

static struct judgement judged(const char *id, const struct judged_step *steps, size_t count)
{
	const struct eval_case *eval_case = suite_find(&suite, text_of(id));

	ck_assert_ptr_nonnull(eval_case);
	for (size_t i = 0; i < count; i++)
		values.steps[i] = steps[i].reply;
	values.step_count = count;
	return judge_trial(eval_case, CASE_SYNC, steps, count, &values, &arena);
}

static struct judgement judge_one(const char *id, int status, enum exchange_end end,
                                  const char *body)
{
	struct judged_step step = step_of(status, end, body);

	return judged(id, &step, 1);
}

static void says(struct text text, const char *part)
{
	ck_assert_msg(text_find(text, text_of(part), 0) != TEXT_NOT_FOUND, "\"%.*s\", want \"%s\"",
	              TEXT_ARG(text), part);
}

#endif
