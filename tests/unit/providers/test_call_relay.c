/* A call as a relay makes it: pieces as they come, one attempt, headers and clocks of its own. */
#include "providers/wire/call.h"

#include "tests/unit/providers/script_server.h"

static struct loop *loop;
static struct arena arena;
static struct caller *caller;
static struct script_server *server;
static struct provider provider;
static struct provider_model model;
static struct target target;
static struct chat_request request;
static struct call_options options;
static struct provider_timeouts timeouts;
static struct call_relay relay;

static struct {
	struct call *call;
	int status;
	struct text_buf body;
	size_t pieces, attempts, ends, kept_body;
	enum exchange_end end;
	size_t content_bytes;
	int64_t text_bytes, first_delta_us;
	bool complete, pause_at_first;
	struct text message;
} seen;

static void saw_head(void *context UNUSED, const struct exchange *exchange)
{
	seen.status = exchange->status;
}

static void saw_body(void *context UNUSED, struct text bytes, const struct reply_reader *reader)
{
	ck_assert_int_ne(seen.status, 0); /* the head comes first */
	(void)text_buf_add(&seen.body, bytes);
	seen.first_delta_us = reply_reader_reply(reader)->first_delta_us;
	if (seen.pieces++ == 0 && seen.pause_at_first)
		call_pause(seen.call);
}

static void saw_attempt(void *context UNUSED, const struct call_attempt *attempt)
{
	seen.attempts++;
	ck_assert(attempt->final);
}

static void saw_end(void *context UNUSED, const struct call_attempt *last,
                    const struct fault *fault)
{
	seen.ends++;
	if (last == NULL) {
		seen.message = text_copy(&arena, text_of(fault->message));
		return;
	}
	seen.end = last->exchange->end;
	seen.kept_body = last->exchange->body.len;
	seen.complete = last->reply->complete;
	seen.text_bytes = last->reply->text_bytes;
	if (last->reply->choice_count > 0)
		seen.content_bytes = last->reply->choices[0].content.len;
}

static void setup(void)
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
	    .limits = {.concurrency = 1},
	    .timeouts = {.connect_ms = 1000, .first_event_ms = 500, .idle_ms = 200},
	};
	model = (struct provider_model){.name = TEXT("m")};
	target = (struct target){&provider, &model, TEXT("unit/m")};
	request = (struct chat_request){
	    .endpoint = ENDPOINT_CHAT, .body = TEXT("{\"model\":\"m\"}"), .streamed = true};
	timeouts = provider.timeouts;
	relay = (struct call_relay){
	    .timeouts = &timeouts, .body_dropped = true, .head = saw_head, .body = saw_body};
	options = (struct call_options){
	    .target = &target,
	    .request = &request,
	    .max_attempts = 1,
	    .deadline_ms = 60000,
	    .body_max_bytes = 16 << 20,
	    .relay = &relay,
	};
	memset(&seen, 0, sizeof(seen));
	text_buf_init(&seen.body, 16 << 20);
}

static void teardown(void)
{
	caller_free(caller);
	script_server_free(server, loop);
	loop_free(loop);
	text_buf_done(&seen.body);
	arena_done(&arena);
}

static void begin(void)
{
	const struct call_events events = {.attempt = saw_attempt, .end = saw_end};

	seen.call = call_start(caller, &options, &events);
	ck_assert_uint_eq(seen.attempts + seen.ends, 0);
}

static void turns(int count)
{
	for (int i = 0; i < count; i++)
		(void)loop_turn(loop, false);
}

/* Sockets first; the clock moves only where they are quiet. */
static void finish(int64_t step_ms)
{
	for (int rounds = 0; seen.ends == 0; rounds++) {
		ck_assert_int_lt(rounds, 20000);
		turns(8);
		if (seen.ends == 0)
			loop_advance(loop, step_ms);
	}
	turns(8);
	ck_assert_uint_eq(seen.ends, 1);
}

/* A stream with so many bytes of content. */
static struct text stream_of(size_t content_bytes)
{
	char *content = memory_new(content_bytes + 1);

	memset(content, 'x', content_bytes);
	struct text body = text_format(
	    &arena,
	    "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{"
	    "\"content\":\"%s\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
	    content);
	memory_free(content);
	return body;
}

static void answer(const char *status, struct text body, enum script_then then)
{
	script_server_answer(server,
	                     text_format(&arena,
	                                 "HTTP/1.1 %s\r\nContent-Type: text/event-stream\r\n"
	                                 "Content-Length: %zu\r\n\r\n%.*s",
	                                 status, body.len, TEXT_ARG(body)),
	                     then);
}

START_TEST(pieces_come_as_they_are_and_nothing_of_them_is_kept)
{
	struct text body = stream_of(100000);

	answer("200 OK", body, SCRIPT_KEEP);
	begin();
	finish(10);
	ck_assert(text_equal(text_buf_view(&seen.body), body));
	ck_assert_uint_gt(seen.pieces, 1);
	ck_assert_uint_eq(seen.kept_body, 0);
	ck_assert(seen.complete && seen.first_delta_us >= 0);
	/* Read, counted, and let go. */
	ck_assert_int_eq(seen.text_bytes, 100000);
	ck_assert_uint_lt(seen.content_bytes, 1000);
	ck_assert_uint_gt(seen.content_bytes, 0); /* that there was some is not forgotten */
}
END_TEST

START_TEST(a_body_may_be_kept_all_the_same)
{
	struct text body = stream_of(1000);

	relay.body_dropped = false;
	answer("200 OK", body, SCRIPT_KEEP);
	begin();
	finish(10);
	ck_assert_uint_eq(seen.kept_body, body.len);
	ck_assert_uint_eq(seen.content_bytes, 1000);
}
END_TEST

START_TEST(headers_of_the_relay_go_beside_those_of_the_dialect)
{
	const struct http_header headers[] = {{TEXT("traceparent"), TEXT("00-1-2-01")}};

	relay.headers = headers;
	relay.header_count = 1;
	answer("200 OK", stream_of(1), SCRIPT_KEEP);
	begin();
	finish(10);
	ck_assert_uint_ne(text_find(server->requests[0], TEXT("traceparent: 00-1-2-01\r\n"), 0),
	                  TEXT_NOT_FOUND);
	ck_assert_uint_ne(text_find(server->requests[0], TEXT("Accept: text/event-stream\r\n"), 0),
	                  TEXT_NOT_FOUND);
}
END_TEST

START_TEST(a_failure_is_told_and_not_asked_again)
{
	answer("503 Service Unavailable", TEXT("{}"), SCRIPT_KEEP);
	begin();
	finish(10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_uint_eq(server->request_count, 1);
	/* Nor is the provider held for whoever asks next, as a runner's call would hold it. */
	text_buf_done(&seen.body);
	memset(&seen, 0, sizeof(seen));
	text_buf_init(&seen.body, 16 << 20);
	answer("200 OK", stream_of(1), SCRIPT_KEEP);
	begin();
	turns(50);
	ck_assert_uint_eq(seen.ends, 1);
}
END_TEST

START_TEST(the_clocks_are_the_relays)
{
	timeouts.first_event_ms = 5000;
	script_server_answer(server, TEXT(""), SCRIPT_HANG);
	begin();
	finish(100);
	ck_assert_int_eq(seen.end, EXCHANGE_FIRST_TIMEOUT);
	ck_assert_int_ge(loop_now_ms(loop), 5000);
}
END_TEST

START_TEST(a_paused_call_says_nothing_until_it_is_resumed)
{
	struct text body = stream_of(1000000);

	seen.pause_at_first = true;
	answer("200 OK", body, SCRIPT_KEEP);
	begin();
	turns(200);
	loop_advance(loop, 10000); /* far beyond the idle time */
	turns(50);
	ck_assert_uint_eq(seen.pieces, 1);
	ck_assert_uint_eq(seen.ends, 0);
	call_resume(seen.call);
	finish(10);
	ck_assert(text_equal(text_buf_view(&seen.body), body));
}
END_TEST

START_TEST(a_request_that_cant_be_sent_is_told_from_the_loop)
{
	provider.key_ref = TEXT("env:NONE");
	begin();
	finish(1);
	ck_assert_uint_eq(seen.attempts, 0);
	ck_assert_uint_ne(text_find(seen.message, TEXT("key"), 0), TEXT_NOT_FOUND);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, pieces_come_as_they_are_and_nothing_of_them_is_kept);
	tcase_add_test(cases, a_body_may_be_kept_all_the_same);
	tcase_add_test(cases, headers_of_the_relay_go_beside_those_of_the_dialect);
	tcase_add_test(cases, a_failure_is_told_and_not_asked_again);
	tcase_add_test(cases, the_clocks_are_the_relays);
	tcase_add_test(cases, a_paused_call_says_nothing_until_it_is_resumed);
	tcase_add_test(cases, a_request_that_cant_be_sent_is_told_from_the_loop);
}

int main(void)
{
	return unit_main("call_relay", add);
}
