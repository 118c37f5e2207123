/*
 * Repairs: each mends its deviation, in streams cut at every byte and in plain bodies; what is
 * right passes byte for byte, and what broke off is not made to look whole.
 */
#include "providers/repair/repair.h"
#include "tests/unit/unit.h"

static struct arena arena;

static void setup(void)
{
	arena = (struct arena){0};
}

static void teardown(void)
{
	arena_done(&arena);
}

struct passed {
	struct text bytes;
	repair_bits applied;
};

/* In pieces of `size` bytes; 0: all at once. */
static struct passed pass(const struct repairer_options *options, const char *reply, size_t size,
                          bool cut)
{
	struct repairer *repairer = repairer_new(options);
	struct text rest = text_of(reply);
	struct text_buf out;
	struct passed passed;

	text_buf_init(&out, 1 << 20);
	while (rest.len > 0) {
		size_t piece = size == 0 ? rest.len : size_min(size, rest.len);
		repairer_feed(repairer, text_slice(rest, 0, piece), &out);
		rest = text_slice(rest, piece, rest.len);
	}
	repairer_end(repairer, cut, &out);
	passed.bytes = text_copy(&arena, text_buf_view(&out));
	passed.applied = repairer_applied(repairer);
	text_buf_done(&out);
	repairer_free(repairer);
	return passed;
}

/* clang-format off */
#define CHUNK(choice) \
	"data: {\"id\":\"c\",\"created\":1,\"model\":\"m\",\"choices\":[" choice "]}\n\n"
/* One that a repair puts in. */
#define MADE(choice) \
	"data: {\"id\":\"c\",\"created\":1,\"model\":\"m\",\"object\":\"chat.completion.chunk\"," \
	"\"choices\":[" choice "]}\n\n"
#define CALLS_OF(index, fragments) \
	CHUNK("{\"index\":" index ",\"delta\":{\"tool_calls\":[" fragments "]},\"finish_reason\":null}")
#define CALLS(fragments) CALLS_OF("0", fragments)
#define FINISH_OF(index, reason) \
	CHUNK("{\"index\":" index ",\"delta\":{},\"finish_reason\":\"" reason "\"}")
#define FINISH(reason) FINISH_OF("0", reason)
#define DONE "data: [DONE]\n\n"
#define MESSAGE(call, reason) \
	"{\"choices\":[{\"index\":0,\"message\":{\"tool_calls\":[" call "]},\"finish_reason\":\"" reason "\"}]}"
#define ARGUMENTS(json) "\"function\":{\"arguments\":\"" json "\"}"
#define NAMED "\"function\":{\"name\":\"f\"}"

static const struct {
	bool streamed;
	repair_bits applied;
	const char *sent, *want;
} replies[] = {
    /* An index is put where none came: a new id is a new call, none goes on with the last. */
    {true, REPAIR_BIT(REPAIR_TS_01),
     CALLS("{\"id\":\"a\"," ARGUMENTS("{") "}") CALLS("{" ARGUMENTS("}") "}")
     CALLS("{\"id\":\"b\",\"index\":null," ARGUMENTS("{}") "}") FINISH("tool_calls") DONE,
     CALLS("{\"index\":0,\"id\":\"a\"," ARGUMENTS("{") "}") CALLS("{\"index\":0," ARGUMENTS("}") "}")
     CALLS("{\"id\":\"b\",\"index\":1," ARGUMENTS("{}") "}") FINISH("tool_calls") DONE},
    /* The last of its own choice: two answers may come side by side. */
    {true, REPAIR_BIT(REPAIR_TS_01),
     CALLS_OF("1", "{\"id\":\"a\"," ARGUMENTS("{") "}") CALLS_OF("0", "{\"id\":\"b\"," ARGUMENTS("{") "}")
     CALLS_OF("1", "{" ARGUMENTS("}") "}") CALLS_OF("0", "{" ARGUMENTS("}") "}")
     FINISH_OF("1", "tool_calls") FINISH("tool_calls"),
     CALLS_OF("1", "{\"index\":0,\"id\":\"a\"," ARGUMENTS("{") "}")
     CALLS_OF("0", "{\"index\":0,\"id\":\"b\"," ARGUMENTS("{") "}")
     CALLS_OF("1", "{\"index\":0," ARGUMENTS("}") "}") CALLS_OF("0", "{\"index\":0," ARGUMENTS("}") "}")
     FINISH_OF("1", "tool_calls") FINISH("tool_calls")},
    {true, REPAIR_BIT(REPAIR_TS_02),
     CALLS("{\"index\":0,\"id\":\"a\"," ARGUMENTS("{}") "}") CALLS("{\"index\":0,\"id\":\"b\"," ARGUMENTS("{}") "}")
     FINISH("tool_calls"),
     CALLS("{\"index\":0,\"id\":\"a\"," ARGUMENTS("{}") "}") CALLS("{\"index\":1,\"id\":\"b\"," ARGUMENTS("{}") "}")
     FINISH("tool_calls")},
    /* An index that is nobody else's stays, whatever it is. */
    {true, 0,
     CALLS("{\"index\":5,\"id\":\"a\"," ARGUMENTS("{}") "}") CALLS("{\"index\":7,\"id\":\"b\"," ARGUMENTS("{}") "}")
     FINISH("tool_calls"),
     CALLS("{\"index\":5,\"id\":\"a\"," ARGUMENTS("{}") "}") CALLS("{\"index\":7,\"id\":\"b\"," ARGUMENTS("{}") "}")
     FINISH("tool_calls")},
    {true, REPAIR_BIT(REPAIR_TC_03),
     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":{\"x\":\"y\"}}}") FINISH("tool_calls"),
     CALLS("{\"index\":0,\"id\":\"a\"," ARGUMENTS("{\\\"x\\\":\\\"y\\\"}") "}") FINISH("tool_calls")},
    {true, REPAIR_BIT(REPAIR_TC_08) | REPAIR_BIT(REPAIR_TC_20),
     CALLS("{\"index\":0,\"id\":\"a\"," ARGUMENTS("") "}") FINISH("stop"),
     CALLS("{\"index\":0,\"id\":\"a\"," ARGUMENTS("") "}")
     MADE("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0," ARGUMENTS("{}") "}]},\"finish_reason\":null}")
     FINISH("tool_calls")},
    /* A call that begins and ends in one chunk is mended there: nothing may stand before it. */
    {true, REPAIR_BIT(REPAIR_TC_08),
     CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\"," NAMED "}]},\"finish_reason\":\"tool_calls\"}"),
     CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"{}\",\"name\":\"f\"}}]},"
           "\"finish_reason\":\"tool_calls\"}")},
    /* What is said at the end does not run into an event that never ended. */
    {true, REPAIR_BIT(REPAIR_SU_01),
     "data: {\"x_groq\":{\"usage\":{\"a\":1}}}\n\ndata: [DO",
     "data: {\"x_groq\":{\"usage\":{\"a\":1}}}\n\n"
     "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"a\":1}}\n\ndata: [DO"},
    {true, REPAIR_BIT(REPAIR_SU_01),
     "data: "
     "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{"
     "\"total_tokens\":3}}\n\n" DONE,
     "data: "
     "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":"
     "null}\n\n"
     "data: "
     "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"total_"
     "tokens\":3}}\n\n" DONE},
    {true, REPAIR_BIT(REPAIR_SU_01), "data: {\"usage\":{\"total_tokens\":3}}\n\n" DONE,
     "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n" DONE},
    {false, REPAIR_BIT(REPAIR_TC_03) | REPAIR_BIT(REPAIR_TC_20),
     MESSAGE("{\"id\":\"a\",\"function\":{\"arguments\":{\"x\":1}}}", "stop"),
     MESSAGE("{\"id\":\"a\",\"function\":{\"arguments\":\"{\\\"x\\\":1}\"}}", "tool_calls")},
    {false, REPAIR_BIT(REPAIR_TC_08),
     MESSAGE("{\"function\":{\"name\":\"f\"}},{\"function\":{\"arguments\":\"\"}}", "tool_calls"),
     MESSAGE("{\"function\":{\"arguments\":\"{}\",\"name\":\"f\"}},{\"function\":{\"arguments\":\"{"
             "}\"}}",
             "tool_calls")},
    /* Of a mended event all but its data stays: other fields, comments, line ends. */
    {true, REPAIR_BIT(REPAIR_TC_20),
     ": ping\r\nid: 7\r\nevent: "
     "x\r\ndata:{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{"
     "\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}]}\r\n\r\n",
     ": ping\r\nid: 7\r\nevent: "
     "x\r\ndata:{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{"
     "\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\r\n\r\n"},
    /* Data in several lines is read and not mended; lone CRs end all mending, and lose nothing. */
    {true, REPAIR_BIT(REPAIR_SU_01), "data: {\"usage\":\ndata: {\"a\":1}}\n\n",
     "data: {\"usage\":\ndata: {\"a\":1}}\n\n"},
    {true, 0,
     "data: {\"usage\":{\"a\":1}}\r\rdata: {\"usage\":{\"a\":2}}\r\r\ndata: {\"usage\":{}}\n\n",
     "data: {\"usage\":{\"a\":1}}\r\rdata: {\"usage\":{\"a\":2}}\r\r\ndata: {\"usage\":{}}\n\n"},
    /* What is right stays, in every byte. */
    {true, 0,
     ": hello\r\n\r\nevent: x\r\ndata:  { \"choices\" : [ ] }\r\n\r\n" CALLS(
	 "{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"{}\"}}") FINISH("tool_calls")
         DONE,
     ": hello\r\n\r\nevent: x\r\ndata:  { \"choices\" : [ ] }\r\n\r\n" CALLS(
	 "{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"{}\"}}") FINISH("tool_calls")
         DONE},
    {true, 0, "data: no json\n\ndata: {\"choices\":7}\n\nnot closed",
     "data: no json\n\ndata: {\"choices\":7}\n\nnot closed"},
    {false, 0, "<html>", "<html>"},
    {false, 0, MESSAGE("", "stop"), MESSAGE("", "stop")},
};
/* clang-format on */

START_TEST(a_reply_is_mended_and_no_more)
{
	struct repairer_options all = {REPAIR_REPLIES, replies[_i].streamed, true};
	struct repairer_options none = {0, replies[_i].streamed, true};

	for (size_t size = 0; size < 70; size++) {
		struct passed passed = pass(&all, replies[_i].sent, size, false);
		assert_text(passed.bytes, replies[_i].want);
		ck_assert_uint_eq(passed.applied, replies[_i].applied);
		passed = pass(&none, replies[_i].sent, size, false);
		assert_text(passed.bytes, replies[_i].sent);
		ck_assert_uint_eq(passed.applied, 0);
	}
}
END_TEST

START_TEST(what_broke_off_gets_no_end)
{
	static const char usage[] =
	    "data: {\"choices\":[{\"index\":0}],\"usage\":{\"total_tokens\":3}}\n\n";
	struct repairer_options stream = {REPAIR_REPLIES, true, true};
	struct repairer_options body = {REPAIR_REPLIES, false, true};

	ck_assert(text_find(pass(&stream, usage, 0, true).bytes, TEXT("total_tokens"), 0) ==
	          TEXT_NOT_FOUND);
	assert_text(pass(&body, "{\"choices\":[", 0, true).bytes, "{\"choices\":[");
	/* Whole as it looks, its end was not seen. */
	assert_text(pass(&body, MESSAGE("{\"function\":{}}", "stop"), 0, true).bytes,
	            MESSAGE("{\"function\":{}}", "stop"));
	stream.usage_asked = false;
	assert_text(pass(&stream, usage, 0, false).bytes, usage);
}
END_TEST

/* What a call lacks is said of it by its index: without one it would be said of another. */
START_TEST(arguments_are_put_in_only_where_the_call_has_an_index)
{
	static const char with[] = CALLS("{\"index\":0,\"id\":\"a\"," NAMED "}");
	static const char without[] = CALLS("{\"id\":\"a\"," NAMED "}") FINISH("tool_calls");
	struct repairer_options options = {REPAIR_BIT(REPAIR_TC_08), true, true};
	struct text mended =
	    pass(&options, CALLS("{\"index\":0,\"id\":\"a\"," NAMED "}") FINISH("stop"), 0, false)
		.bytes;

	ck_assert(text_starts(mended, text_of(with)));
	ck_assert_uint_ne(text_find(mended, TEXT(ARGUMENTS("{}")), 0), TEXT_NOT_FOUND);
	assert_text(pass(&options, without, 0, false).bytes, without);
}
END_TEST

static struct exchange recorded(const char *body, enum exchange_end end)
{
	return (struct exchange){.status = 200, .body = text_of(body), .end = end, .end_us = 900};
}

START_TEST(a_recorded_reply_is_mended_piece_by_piece)
{
	static const char bytes[] = FINISH("stop")
	    CALLS("{\"index\":0,\"id\":\"a\"," ARGUMENTS("{}") "}") FINISH("stop") DONE;
	const size_t first = sizeof(FINISH("stop")) - 1;
	struct exchange_chunk chunks[] = {{100, first}, {200, sizeof(bytes) - sizeof(DONE)}};
	struct repairer_options options = {REPAIR_REPLIES, true, true};
	struct exchange exchange = recorded(bytes, EXCHANGE_COMPLETE);
	repair_bits applied;

	exchange.chunks = chunks;
	exchange.chunk_count = 2; /* what stands behind the last is not lost */
	const struct exchange *mended = repair_exchange(&exchange, &options, &arena, &applied);
	ck_assert_uint_eq(applied, REPAIR_BIT(REPAIR_TC_20));
	assert_text(mended->body,
	            FINISH("stop") CALLS("{\"index\":0,\"id\":\"a\"," ARGUMENTS("{}") "}")
	                FINISH("tool_calls") DONE);
	ck_assert_int_eq(mended->status, 200);
	ck_assert_uint_eq(mended->chunk_count, 3);
	ck_assert_int_eq(mended->chunks[0].at_us, 100);
	ck_assert_uint_eq(mended->chunks[0].end, first);
	ck_assert_int_eq(mended->chunks[1].at_us, 200);
	ck_assert_int_eq(mended->chunks[2].at_us, 200);
	ck_assert_uint_eq(mended->chunks[2].end, mended->body.len);
	options.repairs = 0;
	ck_assert_ptr_eq(repair_exchange(&exchange, &options, &arena, &applied), &exchange);
	ck_assert_uint_eq(applied, 0);
}
END_TEST

START_TEST(a_recorded_reply_that_broke_off_gets_no_end)
{
	static const char usage[] = "data: {\"choices\":[{\"index\":0}],\"usage\":{\"a\":1}}\n\n";
	struct repairer_options options = {REPAIR_REPLIES, true, true};
	struct exchange whole = recorded(usage, EXCHANGE_COMPLETE),
			cut = recorded(usage, EXCHANGE_CUT);
	repair_bits applied;

	ck_assert_uint_ne(text_find(repair_exchange(&whole, &options, &arena, &applied)->body,
	                            TEXT("{\"a\":1}"), 0),
	                  TEXT_NOT_FOUND);
	ck_assert_uint_eq(text_find(repair_exchange(&cut, &options, &arena, &applied)->body,
	                            TEXT("{\"a\":1}"), 0),
	                  TEXT_NOT_FOUND);
}
END_TEST

/* What keeps a connection alive is of use only where it goes on at once. */
START_TEST(whole_events_and_comments_go_on_at_once)
{
	static const char *const pieces[] = {": ping\n\n", FINISH("stop"), ": ping\r\n\r\n", DONE};
	struct repairer_options options = {REPAIR_REPLIES, true, true};
	struct repairer *repairer = repairer_new(&options);
	struct text_buf out;

	text_buf_init(&out, 1 << 16);
	for (size_t i = 0; i < ARRAY_LENGTH(pieces); i++) {
		text_buf_reset(&out);
		repairer_feed(repairer, text_of(pieces[i]), &out);
		assert_text(text_buf_view(&out), pieces[i]);
	}
	text_buf_done(&out);
	repairer_free(repairer);
}
END_TEST

static const struct {
	repair_bits repairs, applied;
	const char *sent, *want;
} requests[] = {
    {REPAIR_ALL, REPAIR_BIT(REPAIR_PA_01), "{ \"max_tokens\" : 5 }",
     "{ \"max_completion_tokens\" : 5 }"},
    {REPAIR_BIT(REPAIR_PA_02), REPAIR_BIT(REPAIR_PA_02), "{\"max_completion_tokens\":5}",
     "{\"max_tokens\":5}"},
    {REPAIR_ALL, 0, "{\"max_completion_tokens\":5,\"max_tokens\":5}",
     "{\"max_completion_tokens\":5,\"max_tokens\":5}"},
    {REPAIR_BIT(REPAIR_PA_02), 0, "{\"max_tokens\":5}", "{\"max_tokens\":5}"},
    {REPAIR_BIT(REPAIR_TR_03), REPAIR_BIT(REPAIR_TR_03),
     "{\"messages\":[{\"tool_calls\":[{\"id\":\"call_1\"},{\"id\":\"abcdefgh9\"}]},{\"tool_call_"
     "id\":\"call_1\"}]}",
     "{\"messages\":[{\"tool_calls\":[{\"id\":\"74196fe72\"},{\"id\":\"abcdefgh9\"}]},{\"tool_call_"
     "id\":\"74196fe72\"}]}"},
};

START_TEST(a_request_is_respelt)
{
	struct text body = text_of(requests[_i].sent);
	struct json *root;
	struct fault fault;
	repair_bits applied;

	ck_assert(json_read_text(body, "request", &arena, &root, &fault));
	assert_text(repair_request(requests[_i].repairs, body, root, &arena, &applied),
	            requests[_i].want);
	ck_assert_uint_eq(applied, requests[_i].applied);
}
END_TEST

START_TEST(names_go_both_ways)
{
	struct text bad;
	repair_bits bits;

	ck_assert(repair_bits_from_names(repair_names(REPAIR_ALL, &arena), &bits, &bad));
	ck_assert_uint_eq(bits, REPAIR_ALL);
	ck_assert(!repair_bits_from_names(TEXT("TS-01 TS-99"), &bits, &bad));
	assert_text(bad, "TS-99");
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, a_reply_is_mended_and_no_more, 0, ARRAY_LENGTH(replies));
	tcase_add_test(cases, what_broke_off_gets_no_end);
	tcase_add_test(cases, arguments_are_put_in_only_where_the_call_has_an_index);
	tcase_add_test(cases, a_recorded_reply_is_mended_piece_by_piece);
	tcase_add_test(cases, a_recorded_reply_that_broke_off_gets_no_end);
	tcase_add_test(cases, whole_events_and_comments_go_on_at_once);
	tcase_add_loop_test(cases, a_request_is_respelt, 0, ARRAY_LENGTH(requests));
	tcase_add_test(cases, names_go_both_ways);
}

int main(void)
{
	return unit_main("repair", add_tests);
}
