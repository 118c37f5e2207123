/* From an exchange to what follows: each row of the table of failures, without a socket. */
#include "proxy/relay/relay_judge.h"

#include "providers/dialect/dialect.h"

#include "tests/unit/unit.h"

static struct arena arena;

struct row {
	int status; /* 0: no head came */
	enum exchange_end end;
	const char *body;
	bool streamed;
	/* wanted */
	enum ending ending;
	enum relay_next next;
	enum refusal_code code;
	bool blames, key;
};

#define PLAIN                                                                                      \
	"{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"         \
	"\"assistant\",\"content\":\"x\"},\"finish_reason\":\"stop\"}]}"
#define EMPTY                                                                                      \
	"{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"         \
	"\"assistant\",\"content\":\"\"},\"finish_reason\":\"stop\"}]}"
#define CUT_EMPTY                                                                                  \
	"{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"         \
	"\"assistant\",\"content\":\"\"},\"finish_reason\":\"length\"}]}"
#define STREAM(finish)                                                                             \
	"data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{"        \
	"\"content\":\"x\"},\"finish_reason\":" finish "}]}\n\ndata: [DONE]\n\n"
#define RESPONSE                                                                                   \
	"{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"output\":[{\"type\":"    \
	"\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"x\"}]}]}"
#define MODELS "{\"object\":\"list\",\"data\":[]}"
#define ERROR(code) "{\"error\":{\"message\":\"no\",\"type\":\"x\",\"code\":\"" code "\"}}"

static void judge(const struct row *row, const struct http_header *headers, size_t header_count,
                  struct relay_judgement *out)
{
	struct chat_request request = {.endpoint = ENDPOINT_CHAT, .streamed = row->streamed};
	struct reply_context context = {
	    .dialect = &dialect_openai,
	    .request = &request,
	    .status = row->status,
	    .cut = row->end != EXCHANGE_COMPLETE,
	};
	struct exchange exchange = {
	    .status = row->status,
	    .end = row->end,
	    .body = text_of(row->body),
	    .headers = (struct http_header *)(uintptr_t)headers,
	    .header_count = header_count,
	};
	struct relay_case asked = {
	    .exchange = &exchange,
	    .reply = reply_read(&context, text_of(row->body == NULL ? "" : row->body), &arena),
	    .endpoint = ENDPOINT_CHAT,
	    .streamed = row->streamed,
	};

	relay_judge(&asked, out);
}

static const struct row rows[] = {
    {200, EXCHANGE_COMPLETE, PLAIN, false, ENDING_OK, RELAY_NEXT_NONE, 0, false, false},
    {200, EXCHANGE_COMPLETE, CUT_EMPTY, false, ENDING_OK, RELAY_NEXT_NONE, 0, false, false},
    {200, EXCHANGE_COMPLETE, STREAM("\"stop\""), true, ENDING_OK, RELAY_NEXT_NONE, 0, false, false},
    {200, EXCHANGE_COMPLETE, STREAM("null"), true, ENDING_CUT, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {200, EXCHANGE_CUT, STREAM("\"stop\""), true, ENDING_CUT, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {200, EXCHANGE_COMPLETE, RESPONSE, false, ENDING_MALFORMED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {200, EXCHANGE_COMPLETE, MODELS, false, ENDING_MALFORMED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {200, EXCHANGE_COMPLETE, EMPTY, false, ENDING_MALFORMED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {200, EXCHANGE_COMPLETE, PLAIN, true, ENDING_MALFORMED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {200, EXCHANGE_COMPLETE, STREAM("\"stop\""), false, ENDING_MALFORMED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {200, EXCHANGE_COMPLETE, "<html>", false, ENDING_MALFORMED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {200, EXCHANGE_COMPLETE, ERROR("x"), false, ENDING_ERROR, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {0, EXCHANGE_CONNECT_FAILED, NULL, false, ENDING_ERROR, RELAY_NEXT_SAME_FIRST,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {0, EXCHANGE_TLS_FAILED, NULL, false, ENDING_ERROR, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_ERROR,
     true, false},
    {0, EXCHANGE_CONNECT_TIMEOUT, NULL, false, ENDING_TIMEOUT, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_TIMEOUT, true, false},
    {200, EXCHANGE_FIRST_TIMEOUT, NULL, false, ENDING_TIMEOUT, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_TIMEOUT, true, false},
    {200, EXCHANGE_BAD_HTTP, NULL, false, ENDING_MALFORMED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {429, EXCHANGE_COMPLETE, ERROR("rate_limit_exceeded"), false, ENDING_ERROR,
     RELAY_NEXT_SAME_FIRST, REFUSAL_RATE_LIMITED, true, false},
    {429, EXCHANGE_COMPLETE, ERROR("insufficient_quota"), false, ENDING_REFUSED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, false, true},
    {503, EXCHANGE_COMPLETE, ERROR("x"), false, ENDING_ERROR, RELAY_NEXT_SAME_FIRST,
     REFUSAL_UPSTREAM_ERROR, true, false},
    {500, EXCHANGE_CUT, "oops", true, ENDING_ERROR, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_ERROR, true,
     false},
    {501, EXCHANGE_COMPLETE, ERROR("x"), false, ENDING_REFUSED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, false, false},
    {504, EXCHANGE_COMPLETE, "", false, ENDING_ERROR, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_TIMEOUT,
     true, false},
    {401, EXCHANGE_COMPLETE, ERROR("invalid_api_key"), false, ENDING_REFUSED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, false, true},
    {402, EXCHANGE_COMPLETE, "", false, ENDING_REFUSED, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_ERROR,
     false, true},
    {404, EXCHANGE_COMPLETE, ERROR("model_not_found"), false, ENDING_REFUSED, RELAY_NEXT_OTHER,
     REFUSAL_UPSTREAM_ERROR, false, false},
    {400, EXCHANGE_COMPLETE, ERROR("x"), true, ENDING_REFUSED, RELAY_NEXT_TELL,
     REFUSAL_INVALID_REQUEST, false, false},
    {400, EXCHANGE_COMPLETE, ERROR("context_length_exceeded"), true, ENDING_REFUSED,
     RELAY_NEXT_LARGER, REFUSAL_INVALID_REQUEST, false, false},
    {302, EXCHANGE_COMPLETE, "", false, ENDING_MALFORMED, RELAY_NEXT_OTHER, REFUSAL_UPSTREAM_ERROR,
     true, false},
};

START_TEST(each_end_has_its_consequence)
{
	const struct row *row = &rows[_i];
	struct relay_judgement judgement;

	judge(row, NULL, 0, &judgement);
	ck_assert_int_eq(judgement.good, row->ending == ENDING_OK);
	ck_assert_int_eq(judgement.ending, row->ending);
	ck_assert_int_eq(judgement.next, row->next);
	ck_assert_int_eq(judgement.code, row->code);
	ck_assert_int_eq(judgement.blames_target, row->blames);
	ck_assert_int_eq(judgement.key_refused, row->key);
}
END_TEST

START_TEST(a_pause_is_taken_from_whoever_names_it)
{
	const struct http_header after[] = {{TEXT("Retry-After"), TEXT("7")}};
	const struct http_header reset[] = {{TEXT("x-ratelimit-reset-requests"), TEXT("9s")}};
	const struct row limited = {429, EXCHANGE_COMPLETE, "", false, 0, 0, 0, 0, 0};
	const struct row failed = {500, EXCHANGE_COMPLETE, "", false, 0, 0, 0, 0, 0};
	struct relay_judgement judgement;

	judge(&limited, after, 1, &judgement);
	ck_assert_int_eq(judgement.wait_ms, 7000);
	judge(&failed, after, 1, &judgement);
	ck_assert_int_eq(judgement.wait_ms, 7000);
	judge(&limited, reset, 1, &judgement);
	ck_assert_int_eq(judgement.wait_ms, 9000);
	/* Limits that were not hit name their resets as well. */
	judge(&failed, reset, 1, &judgement);
	ck_assert_int_eq(judgement.wait_ms, -1);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_loop_test(cases, each_end_has_its_consequence, 0, (int)ARRAY_LENGTH(rows));
	tcase_add_test(cases, a_pause_is_taken_from_whoever_names_it);
}

int main(void)
{
	int code = unit_main("relay_judge", add);

	arena_done(&arena);
	return code;
}
