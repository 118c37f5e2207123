/* One call against a scripted provider, and what was seen of it. */
#ifndef PROVISO_TESTS_UNIT_PROVIDERS_CALL_RIG_H
#define PROVISO_TESTS_UNIT_PROVIDERS_CALL_RIG_H

#include "providers/wire/call.h"
#include "tests/unit/providers/script_server.h"

static struct loop *loop;
static struct caller *caller;
static struct script_server *server;
static struct arena arena;
static struct provider provider;
static struct provider_model model;
static struct target target;
static struct chat_request request;

enum { ATTEMPTS_SEEN_MAX = 16 };

struct seen {
	struct call *call;
	unsigned attempts, ends;
	int status[ATTEMPTS_SEEN_MAX];
	enum exchange_end attempt_end[ATTEMPTS_SEEN_MAX];
	unsigned finals;
	bool had_last, last_final;
	unsigned last_number;
	struct text message, body, content;
	size_t chunks;
	int64_t first_delta_us, head_us, end_us;
	bool reused;
	bool cancel_in_attempt;
};

static inline void saw_attempt(void *context, const struct call_attempt *attempt)
{
	struct seen *seen = context;

	ck_assert_uint_eq(seen->ends, 0);
	ck_assert_uint_lt(seen->attempts, ATTEMPTS_SEEN_MAX);
	ck_assert_uint_eq(seen->finals, 0);
	ck_assert_ptr_nonnull(attempt->reply);
	seen->status[seen->attempts] = attempt->exchange->status;
	seen->attempt_end[seen->attempts] = attempt->exchange->end;
	seen->attempts++;
	ck_assert_uint_eq(attempt->number, seen->attempts);
	seen->finals += attempt->final;
	if (seen->cancel_in_attempt)
		call_cancel(seen->call);
}

static inline void saw_end(void *context, const struct call_attempt *last,
                           const struct fault *fault)
{
	struct seen *seen = context;

	seen->ends++;
	ck_assert((last == NULL) == (fault != NULL));
	if (fault != NULL) {
		seen->message = text_copy(&arena, text_of(fault->message));
		return;
	}
	seen->had_last = true;
	seen->last_number = last->number;
	seen->last_final = last->final;
	seen->reused = last->exchange->reused;
	seen->body = text_copy(&arena, last->exchange->body);
	seen->chunks = last->exchange->chunk_count;
	for (size_t i = 0; i < seen->chunks; i++)
		ck_assert_uint_le(last->exchange->chunks[i].end, seen->body.len);
	if (seen->chunks > 0)
		ck_assert_uint_eq(last->exchange->chunks[seen->chunks - 1].end, seen->body.len);
	if (last->reply->choice_count > 0)
		seen->content = text_copy(&arena, last->reply->choices[0].content);
	seen->first_delta_us = last->reply->first_delta_us;
	seen->head_us = last->exchange->head_us;
	seen->end_us = last->exchange->end_us;
}

static struct call_options options;

static inline void begin(struct seen *seen)
{
	struct call_events events = {saw_attempt, saw_end, seen};

	seen->call = call_start(caller, &options, &events);
	ck_assert_uint_eq(seen->attempts + seen->ends, 0);
}

/*
 * On a fake clock: turns until the call has ended, moving the clock by `step_ms` whenever
 * the sockets are quiet. Everything is on this thread, so a few turns are enough.
 */
static inline void finish(struct seen *seen, int64_t step_ms)
{
	for (int rounds = 0; seen->ends == 0; rounds++) {
		ck_assert_int_lt(rounds, 20000);
		for (int i = 0; i < 8 && seen->ends == 0; i++)
			(void)loop_turn(loop, false);
		if (seen->ends == 0)
			loop_advance(loop, step_ms);
	}
	for (int i = 0; i < 8; i++)
		(void)loop_turn(loop, false);
	ck_assert_uint_eq(seen->ends, 1);
}

static inline void setup(void)
{
	struct fault fault;

	loop = loop_new();
	loop_fake_clock(loop, 0);
	ck_assert(caller_new(loop, &caller, &fault));
	server = script_server_new(loop);
	provider = (struct provider){
	    .name = TEXT("unit"),
	    .dialect = &dialect_openai,
	    .base_url = text_format(&arena, "http://127.0.0.1:%d/v1", server->port),
	    .limits = {.concurrency = 4},
	    .timeouts = {.connect_ms = 1000,
	                 .first_event_ms = 500,
	                 .idle_ms = 200,
	                 .total_ms = 5000},
	};
	model = (struct provider_model){.name = TEXT("m")};
	target = (struct target){&provider, &model, TEXT("unit/m")};
	request = (struct chat_request){
	    .endpoint = ENDPOINT_CHAT,
	    .body = TEXT("{\"model\":\"m\",\"messages\":[]}"),
	};
	options = (struct call_options){
	    .target = &target,
	    .request = &request,
	    .max_attempts = 3,
	    .deadline_ms = 60000,
	    .body_max_bytes = 1 << 20,
	};
}

static inline void teardown(void)
{
	caller_free(caller);
	script_server_free(server, loop);
	loop_free(loop);
	arena_done(&arena);
	secret_free(provider.key);
}

#define CHAT_BODY                                                                                  \
	"{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[" \
	"{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},"                    \
	"\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,"     \
	"\"total_tokens\":2}}"

static inline void answer(const char *head, const char *body, enum script_then then)
{
	struct text bytes =
	    text_format(&arena,
	                "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: "
	                "%zu\r\n\r\n%s",
	                head, strlen(body), body);

	script_server_answer(server, bytes, then);
}

static const struct {
	const char *head;
	const char *body;
} final[] = {
    {"400 Bad", "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\"}}"},
    {"401 No", "{}"},
    {"402 Pay", "{}"},
    {"403 No", "{}"},
    {"404 No", "{}"},
    {"422 No", "{}"},
    {"302 Found", ""},
    {"429 Spent", "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\",\"param\":null,"
                  "\"code\":\"insufficient_quota\"}}"},
    {"429 Spent", "{\"error\":{\"message\":\"x\",\"type\":\"t\",\"param\":null,"
                  "\"code\":\"credit_balance_exhausted\"}}"},
};

#endif
