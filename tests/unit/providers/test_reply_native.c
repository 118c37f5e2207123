/* Responses, Anthropic, Gemini, Cohere and Ollama, whole and streamed, in neutral words. */
#include "tests/unit/providers/reply_unit.h"

/* A Responses event with its number. */
#define EVENT(number, type, members)                                                               \
	"event: " type "\ndata: {\"type\":\"" type "\",\"sequence_number\":1" number members "}\n" \
	"\n"
#define BEGIN EVENT("", "response.created", ",\"response\":{\"id\":\"r\",\"model\":\"m\"}")
#define CREATED BEGIN EVENT("0", "response.in_progress", ",\"response\":{\"id\":\"r\"}")
#define COMPLETED(number, output)                                                                  \
	EVENT(number, "response.completed",                                                        \
	      ",\"response\":{\"id\":\"r\",\"object\":\"response\",\"created_at\":1,\"model\":"    \
	      "\"m\","                                                                             \
	      "\"status\":"                                                                        \
	      "\"completed\",\"output\":[" output                                                  \
	      "],\"usage\":{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5,"            \
	      "\"output_tokens_details\":{\"reasoning_tokens\":1}}}")
#define TEXT_ITEM                                                                                  \
	EVENT("1", "response.output_item.added",                                                   \
	      ",\"output_index\":0,\"item\":{\"id\":\"i\",\"type\":\"message\",\"role\":"          \
	      "\"assistant\"}")                                                                    \
	EVENT("2", "response.content_part.added",                                                  \
	      ",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"part\":{}")
#define TEXT_DELTA(number, piece)                                                                  \
	EVENT(number, "response.output_text.delta",                                                \
	      ",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"" piece "\"")
#define TEXT_DONE(number, whole)                                                                   \
	EVENT(number, "response.output_text.done",                                                 \
	      ",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"text\":\"" whole "\"")
#define CALL_ITEM(number, index, id, name)                                                         \
	EVENT(number, "response.output_item.added",                                                \
	      ",\"output_index\":" index ",\"item\":{\"id\":\"" id                                 \
	      "\",\"type\":\"function_call\","                                                     \
	      "\"call_id\":\"call_" id "\",\"name\":\"" name "\",\"arguments\":\"\"}")
#define CALL_DELTA(number, index, id, piece)                                                       \
	EVENT(number, "response.function_call_arguments.delta",                                    \
	      ",\"item_id\":\"" id "\",\"output_index\":" index ",\"delta\":\"" piece "\"")
#define CALL_DONE(number, index, id, whole)                                                        \
	EVENT(number, "response.function_call_arguments.done",                                     \
	      ",\"item_id\":\"" id "\",\"output_index\":" index ",\"arguments\":\"" whole "\"")

#define MESSAGE                                                                                    \
	"{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"        \
	"\"output_text\","                                                                         \
	"\"text\":\"hey\"}]}"
#define CALL(id, name, arguments)                                                                  \
	"{\"id\":\"" id "\",\"type\":\"function_call\",\"call_id\":\"call_" id                     \
	"\",\"name\":\"" name "\",\"arguments\":\"" arguments "\"}"
#define PART_DONE(number)                                                                          \
	EVENT(number, "response.content_part.done",                                                \
	      ",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"part\":{}")
#define ITEM_DONE(number, index, item)                                                             \
	EVENT(number, "response.output_item.done", ",\"output_index\":" index ",\"item\":" item)

/* A proxy keeps the beginning of a text alone; what is said of the whole is said all the same. */
START_TEST(a_response_of_which_little_is_kept_is_judged_by_all_that_came)
{
	const struct reply_context context = {.text_kept_bytes = 2};
	const struct chat_reply *reply =
	    read_in(&context, TEXT(CREATED TEXT_ITEM TEXT_DELTA("3", "he") TEXT_DELTA("4", "y")
	                               TEXT_DONE("5", "hey") PART_DONE("6")
	                                   ITEM_DONE("7", "0", MESSAGE) COMPLETED("8", MESSAGE)));

	assert_no_violation(reply);
	assert_keeps(reply, "RS-05");
	assert_text(reply->choices[0].content, "he");
	ck_assert_int_eq(reply->text_bytes, 3);
	assert_violates(read_in(&context, TEXT(CREATED TEXT_ITEM TEXT_DELTA("3", "hey")
	                                           TEXT_DONE("4", "heyo"))),
	                "RS-05", WIRE_BREAKS,
	                "3 bytes of text deltas do not join to the 4 of done");
	assert_violates(
	    read_in(&context, TEXT(CREATED TEXT_ITEM TEXT_DELTA("3", "hey") TEXT_DONE("4", "why"))),
	    "RS-05", WIRE_BREAKS, "do not join");
}
END_TEST

START_TEST(a_streamed_response_in_order_breaks_no_rule)
{
	const struct chat_reply *reply = read_text(
	    CREATED TEXT_ITEM TEXT_DELTA("3", "he") TEXT_DELTA("4", "y") TEXT_DONE("5", "hey")
		PART_DONE("6") ITEM_DONE("7", "0", MESSAGE) COMPLETED("8", MESSAGE));

	assert_no_violation(reply);
	ck_assert_int_eq(reply->api, CHAT_API_RESPONSES);
	ck_assert(reply->complete);
	assert_text(reply->choices[0].content, "hey");
	assert_text(reply->choices[0].finish_reason, "stop");
	ck_assert_int_eq(reply->usage.reasoning, 1);
	assert_keeps(reply, "RS-01");
	assert_keeps(reply, "RS-03");
	assert_keeps(reply, "RS-04");
	assert_keeps(reply, "RS-05");
	assert_keeps(reply, "RS-06");
}
END_TEST

START_TEST(calls_of_a_streamed_response_are_folded_by_item)
{
	const struct chat_reply *reply = read_text(
	    CREATED CALL_ITEM("1", "0", "a", "f") CALL_ITEM("2", "1", "b", "g") CALL_DELTA(
		"3", "1", "b", "{}") CALL_DELTA("4", "0", "a", "{\\\"x\\\":")
		CALL_DELTA("5", "0", "a", "1}") CALL_DONE("6", "0", "a", "{\\\"x\\\":1}") CALL_DONE(
		    "7", "1", "b", "{}") ITEM_DONE("8", "0", CALL("a", "f", "{\\\"x\\\":1}"))
		    ITEM_DONE("9", "1", CALL("b", "g", "{}"))
			COMPLETED("91", CALL("a", "f", "{\\\"x\\\":1}") "," CALL("b", "g", "{}")));

	assert_no_violation(reply);
	assert_text(reply->choices[0].tool_calls[0].id, "call_a");
	assert_text(reply->choices[0].tool_calls[0].arguments, "{\"x\":1}");
	assert_text(reply->choices[0].tool_calls[1].arguments, "{}");
	assert_text(reply->choices[0].finish_reason, "tool_calls");
}
END_TEST

START_TEST(arguments_that_come_only_when_done_are_read_and_told)
{
	const struct chat_reply *reply = read_text(CREATED CALL_ITEM("1", "0", "a", "f") CALL_DONE(
	    "2", "0", "a", "{}") COMPLETED("3", "{}"));

	assert_text(reply->choices[0].tool_calls[0].arguments, "{}");
	assert_violates(reply, "RS-05", WIRE_DEVIATES, "0 bytes of argument deltas");
	reply = read_text(CREATED CALL_ITEM("1", "0", "a", "f") CALL_DELTA("2", "0", "a", "{")
	                      CALL_DONE("3", "0", "a", "{}") COMPLETED("4", "{}"));
	assert_text(reply->choices[0].tool_calls[0].arguments, "{");
	assert_violates(reply, "RS-05", WIRE_BREAKS, "1 bytes of argument deltas");
}
END_TEST

START_TEST(responses_out_of_order_are_told)
{
	assert_violates(read_text(TEXT_ITEM COMPLETED("3", "{}")), "RS-03", WIRE_BREAKS,
	                "comes before response.created");
	assert_violates(read_text(CREATED TEXT_DELTA("1", "x") COMPLETED("2", "")), "RS-03",
	                WIRE_BREAKS, "belongs to output 0, which was not added");
	const struct chat_reply *reply = read_text(CREATED TEXT_ITEM TEXT_DELTA("2", "x"));
	assert_violates(reply, "RS-04", WIRE_DEVIATES, "is 12 after 12");
	assert_violates(reply, "RS-03", WIRE_BREAKS, "no response.completed");
	assert_violates(reply, "ER-20", WIRE_BREAKS, "neither completes nor fails");
	ck_assert(!reply->complete);
	assert_violates(read_text(CREATED TEXT_ITEM COMPLETED("3", "")), "RS-06", WIRE_DEVIATES,
	                "full output");
	assert_violates(read_text("data: {\"type\":\"response.created\",\"response\":{}}\n\n"),
	                "RS-04", WIRE_DEVIATES, "no sequence_number");
}
END_TEST

START_TEST(a_failed_response_is_an_error)
{
	const struct chat_reply *reply =
	    read_text(CREATED EVENT("1", "response.failed",
	                            ",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
	                            "\"server_error\",\"message\":\"oh\"}}"));

	ck_assert(!reply->complete);
	assert_text(reply->errors[0].message, "oh");
	assert_keeps(reply, "RS-08");
	reply = read_text(CREATED "event: error\ndata: {\"type\":\"error\",\"sequence_number\":1,"
	                          "\"code\":\"x\",\"message\":\"oh\",\"param\":null}\n\n");
	assert_text(reply->errors[0].code, "x");
	ck_assert(!reply->complete);
}
END_TEST

START_TEST(a_whole_response_is_read)
{
	const struct chat_reply *reply = read_text(
	    "{\"id\":\"r\",\"object\":\"response\",\"created_at\":1,\"status\":\"completed\","
	    "\"model\":\"m\",\"error\":null,"
	    "\"output\":[{\"type\":\"reasoning\",\"summary\":[{\"text\":\"h\"},{\"text\":\"m\"}]},"
	    "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
	    "\"text\":\"x\"}]},{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
	    "\"arguments\":\"{}\"}],\"usage\":{\"input_tokens\":3,\"output_tokens\":2,"
	    "\"total_tokens\":5}}");

	assert_no_violation(reply);
	assert_text(reply->choices[0].reasoning, "hm");
	assert_text(reply->choices[0].content, "x");
	assert_text(reply->choices[0].tool_calls[0].id, "c");
	ck_assert_int_eq(reply->choices[0].tool_calls[0].index, 0);
	assert_text(reply->choices[0].finish_reason, "tool_calls");
	ck_assert(reply->complete);
	assert_keeps(reply, "RS-01");
	reply =
	    read_text("{\"object\":\"response\",\"status\":\"incomplete\",\"incomplete_details\":{"
	              "\"reason\":\"max_output_tokens\"},\"output\":[]}");
	assert_text(reply->choices[0].finish_reason, "length");
	assert_violates(reply, "RS-01", WIRE_DEVIATES, "id is missing");
}
END_TEST

START_TEST(items_that_lack_what_clients_read_are_told)
{
	static const struct {
		const char *output, *says;
	} known[] = {
	    {"{}", "output[0], a thing, has no type"},
	    {"{\"type\":\"message\",\"content\":[]}", "a message, has no role assistant"},
	    {"{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"x\"}",
	     "a message, has no list of content"},
	    {"{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"text\":\"x\"}]}",
	     "a message, has no type of a part"},
	    {"{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"{}\"}",
	     "a function_call, has no call_id"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		struct text body = text_format(
		    &unit_arena,
		    "{\"id\":\"r\",\"object\":\"response\",\"created_at\":1,\"model\":\"m\","
		    "\"status\":\"completed\",\"output\":[%s],\"usage\":{\"input_tokens\":1,"
		    "\"output_tokens\":1,\"total_tokens\":2}}",
		    known[i].output);
		assert_violates(read_text(body.data), "RS-01", WIRE_DEVIATES, known[i].says);
	}
	assert_violates(read_text("{\"object\":\"response\",\"output\":[],\"usage\":{}}"), "RS-01",
	                WIRE_DEVIATES, "usage has no input_tokens");
}
END_TEST

START_TEST(what_was_begun_in_a_response_is_ended)
{
	static const char no_progress[] = BEGIN TEXT_ITEM TEXT_DELTA("3", "x") TEXT_DONE("4", "x")
	    PART_DONE("5") ITEM_DONE("6", "0", MESSAGE) COMPLETED("7", MESSAGE);
	static const char no_text_done[] = CREATED TEXT_ITEM TEXT_DELTA("3", "x") PART_DONE("5")
	    ITEM_DONE("6", "0", MESSAGE) COMPLETED("7", MESSAGE);
	static const char no_part_done[] = CREATED TEXT_ITEM TEXT_DELTA("3", "x")
	    TEXT_DONE("4", "x") ITEM_DONE("6", "0", MESSAGE) COMPLETED("7", MESSAGE);
	static const char no_arguments_done[] =
	    CREATED CALL_ITEM("1", "0", "a", "f") CALL_DELTA("2", "0", "a", "{}")
		ITEM_DONE("3", "0", CALL("a", "f", "{}")) COMPLETED("4", CALL("a", "f", "{}"));

	assert_violates(read_text(no_progress), "RS-03", WIRE_DEVIATES,
	                "without response.in_progress");
	assert_violates(read_text(no_text_done), "RS-03", WIRE_DEVIATES,
	                "whose text no event ended");
	assert_violates(read_text(no_part_done), "RS-03", WIRE_DEVIATES,
	                "whose content part no event ended");
	assert_violates(read_text(no_arguments_done), "RS-05", WIRE_DEVIATES,
	                "whose arguments no event ended");
	assert_violates(
	    read_text(CREATED TEXT_ITEM EVENT("3", "response.output_text.delta",
	                                      ",\"item_id\":\"i\",\"output_index\":0,\"delta\":"
	                                      "\"x\"") COMPLETED("4", MESSAGE)),
	    "RS-05", WIRE_BREAKS, "has no content_index");
}
END_TEST

START_TEST(the_end_is_of_the_response_that_began_and_named_as_its_status_says)
{
#define END_OF(type, id, status)                                                                   \
	CREATED EVENT("3", type,                                                                   \
	              ",\"response\":{\"id\":\"" id "\",\"object\":\"response\",\"created_at\":1," \
	              "\"model\":\"m\",\"status\":\"" status "\",\"output\":[]}")
	assert_violates(read_text(END_OF("response.completed", "s", "completed")), "RS-06",
	                WIRE_DEVIATES, "another id");
	assert_keeps(read_text(END_OF("response.completed", "r", "completed")), "RS-06");
	assert_keeps(read_text(END_OF("response.incomplete", "r", "incomplete")), "RS-07");
	assert_violates(read_text(END_OF("response.completed", "r", "incomplete")), "RS-07",
	                WIRE_DEVIATES, "response.completed of event 3 ends");
	assert_violates(read_text(END_OF("response.incomplete", "r", "completed")), "RS-07",
	                WIRE_DEVIATES, "of status \"completed\"");
	ck_assert(!read_text(END_OF("response.completed", "r", "completed"))->saw[WIRE_RS_07]);
#undef END_OF
}
END_TEST

START_TEST(an_end_before_an_item_is_done_is_told)
{
	assert_violates(read_text(CREATED TEXT_ITEM TEXT_DELTA("3", "x") TEXT_DONE("4", "x")
	                              COMPLETED("5", MESSAGE)),
	                "RS-03", WIRE_DEVIATES, "comes before output 0 is done");
}
END_TEST

START_TEST(custom_calls_before_a_message_were_run_by_the_provider)
{
#define CUSTOM "{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"s\",\"input\":\"q\"}"
#define WHOLE(output)                                                                              \
	"{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\","          \
	"\"output\":[" output "]}"
	const struct chat_reply *reply =
	    read_text(WHOLE(CUSTOM ",{\"type\":\"message\",\"content\":[{\"text\":\"x\"}]}"));

	ck_assert_uint_eq(reply->choices[0].tool_call_count, 0);
	assert_text(reply->choices[0].finish_reason, "stop");
	reply = read_text(WHOLE("{\"type\":\"message\",\"content\":[{\"text\":\"x\"}]}," CUSTOM));
	ck_assert_uint_eq(reply->choices[0].tool_call_count, 1);
	assert_text(reply->choices[0].tool_calls[0].arguments, "q");
}
END_TEST

START_TEST(anthropic_messages_are_read)
{
	const struct chat_reply *reply =
	    read_text("{\"type\":\"message\",\"id\":\"msg\",\"role\":\"assistant\",\"model\":\"m\","
	              "\"content\":["
	              "{\"type\":\"thinking\",\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":"
	              "\"x\"},{\"type\":"
	              "\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}}],\"stop_"
	              "reason\":\"tool_use\","
	              "\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":10,"
	              "\"cache_creation_input_tokens\":20,\"output_tokens\":5}}");

	assert_no_violation(reply);
	ck_assert_int_eq(reply->api, CHAT_API_ANTHROPIC);
	assert_text(reply->choices[0].content, "x");
	assert_text(reply->choices[0].reasoning, "hm");
	assert_text(reply->choices[0].tool_calls[0].arguments, "{\"a\":1}");
	assert_text(reply->choices[0].finish_reason, "tool_calls");
	ck_assert_int_eq(reply->usage.input, 33);
	ck_assert_int_eq(reply->usage.cached_input, 10);
	ck_assert_int_eq(reply->usage.cache_write, 20);
	ck_assert_int_eq(reply->usage.total, 38);
}
END_TEST

#define ANTHROPIC_START                                                                            \
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg\","     \
	"\"role\":\"assistant\",\"model\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":"  \
	"1}}}\n\n"                                                                                 \
	"event: ping\ndata: {\"type\":\"ping\"}\n\n"
#define BLOCK(index, block)                                                                        \
	"data: {\"type\":\"content_block_start\",\"index\":" index ",\"content_block\":" block     \
	"  }\n\n"
#define PIECE(index, delta)                                                                        \
	"data: {\"type\":\"content_block_delta\",\"index\":" index ",\"delta\":" delta "}\n\n"
#define STOP(index) "data: {\"type\":\"content_block_stop\",\"index\":" index "}\n\n"
#define ANTHROPIC_END                                                                              \
	"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{"   \
	"\"input_tokens\":4,\"output_tokens\":9}}\n\ndata: {\"type\":\"message_stop\"}\n\n"

START_TEST(anthropic_streams_are_read_block_by_block)
{
	const struct chat_reply *reply = read_text(
	    ANTHROPIC_START BLOCK("0", "{\"type\":\"text\",\"text\":\"\"}")
		PIECE("0", "{\"type\":\"text_delta\",\"text\":\"x\"}") STOP("0") BLOCK(
		    "1", "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}")
		    PIECE("1", "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}") PIECE(
			"1", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}")
			STOP("1") BLOCK(
			    "2", "{\"type\":\"tool_use\",\"id\":\"u\",\"name\":\"g\",\"input\":{}}")
			    STOP("2") ANTHROPIC_END);

	assert_no_violation(reply);
	ck_assert(reply->complete);
	assert_text(reply->choices[0].content, "x");
	assert_text(reply->choices[0].tool_calls[0].arguments, "{\"a\":1}");
	assert_text(reply->choices[0].tool_calls[1].arguments, "{}");
	ck_assert_int_eq(reply->choices[0].tool_calls[1].index, 1);
	ck_assert_int_eq(reply->usage.input, 4);
	ck_assert_int_eq(reply->usage.output, 9);
	ck_assert_int_eq(reply->events, 13);
}
END_TEST

START_TEST(an_anthropic_error_within_the_stream_fails_it)
{
	const struct chat_reply *reply =
	    read_text(ANTHROPIC_START "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
	                              "\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n");

	ck_assert(!reply->complete);
	assert_text(reply->errors[0].type, "overloaded_error");
	assert_no_violation(reply);
	assert_violates(read_text(ANTHROPIC_START), "ST-06", WIRE_BREAKS, "no message_stop");
}
END_TEST

START_TEST(gemini_is_read_whole_streamed_and_as_one_array)
{
#define GEMINI_A                                                                                   \
	"{\"responseId\":\"r\",\"modelVersion\":\"m\",\"candidates\":[{\"content\":{\"parts\":[{"  \
	"\"text\":\"hm\",\"thought\":true},{\"text\":\"x\"}]}}]}"
#define GEMINI_B                                                                                   \
	"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{"   \
	"\"a\":1}}},{\"functionCall\":{\"name\":\"g\"}}]},\"finishReason\":\"STOP\"}],"            \
	"\"usageMetadata\":{\"promptTokenCount\":10,\"cachedContentTokenCount\":4,"                \
	"\"candidatesTokenCount\":5,\"thoughtsTokenCount\":6,\"totalTokenCount\":21}}"
	static const char *const forms[] = {"data: " GEMINI_A "\r\n\r\ndata: " GEMINI_B "\r\n\r\n",
	                                    "[" GEMINI_A "\n,\n" GEMINI_B "]"};

	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
		const struct chat_reply *reply = read_text(forms[i]);
		assert_no_violation(reply);
		ck_assert_int_eq(reply->api, CHAT_API_GEMINI);
		ck_assert(reply->complete);
		assert_text(reply->choices[0].content, "x");
		assert_text(reply->choices[0].reasoning, "hm");
		assert_text(reply->choices[0].finish_reason, "tool_calls");
		assert_text(reply->choices[0].tool_calls[0].arguments, "{\"a\":1}");
		assert_text(reply->choices[0].tool_calls[1].arguments, "{}");
		ck_assert_int_eq(reply->choices[0].tool_calls[1].index, 1);
		ck_assert_int_eq(reply->usage.input, 10);
		ck_assert_int_eq(reply->usage.output, 11);
		ck_assert_int_eq(reply->usage.reasoning, 6);
		ck_assert_int_eq(reply->usage.cached_input, 4);
	}
}
END_TEST

START_TEST(gemini_blocks_and_failures_are_no_normal_end)
{
	const struct chat_reply *reply =
	    read_text("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{}}");

	assert_text(reply->choices[0].finish_reason, "content_filter");
	reply = read_text("{\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}");
	assert_text(reply->errors[0].type, "MALFORMED_FUNCTION_CALL");
	ck_assert(!reply->complete);
	ck_assert(
	    !read_text("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}\n\n")
		 ->complete);
	assert_violates(
	    read_text("{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{"
	              "\"promptTokenCount\":1,\"totalTokenCount\":9}}"),
	    "US-02", WIRE_DEVIATES, "totalTokenCount is 9");
}
END_TEST

START_TEST(gemini_arguments_in_pieces_are_put_together)
{
#define PART(function)                                                                             \
	"data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":" function "}]}}]}\n\n"
	const struct chat_reply *reply = read_text(
	    PART("{\"name\":\"f\",\"willContinue\":true}") PART(
		"{\"partialArgs\":[{\"jsonPath\":\"$.a\",\"stringValue\":\"x\\\"\"}],"
		"\"willContinue\":true}")
		PART("{\"partialArgs\":[{\"jsonPath\":\"$.a\",\"stringValue\":\"y\"},{\"jsonPath\":"
	             "\"$.b\",\"stringValue\":\"z\"}],\"willContinue\":true}")
		    PART("{}") "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n");

	assert_text(reply->choices[0].tool_calls[0].arguments, "{\"a\":\"x\\\"y\",\"b\":\"z\"}");
}
END_TEST

START_TEST(cohere_is_read_whole_and_streamed)
{
	const struct chat_reply *reply =
	    read_text("{\"id\":\"i\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":"
	              "\"text\",\"text\":"
	              "\"x\"}],\"tool_calls\":[{\"id\":\"t\",\"type\":\"function\",\"function\":{"
	              "\"name\":\"f\","
	              "\"arguments\":\"null\"}}]},\"finish_reason\":\"TOOL_CALL\",\"usage\":{"
	              "\"billed_units\":{"
	              "\"input_tokens\":1,\"output_tokens\":2},\"tokens\":{\"input_tokens\":500,"
	              "\"output_tokens\":7}}}");

	assert_no_violation(reply);
	ck_assert_int_eq(reply->api, CHAT_API_COHERE);
	assert_text(reply->choices[0].tool_calls[0].arguments, "{}");
	ck_assert_int_eq(reply->usage.total, 3);
	reply = read_text(
	    "event: message-start\ndata: "
	    "{\"id\":\"i\",\"type\":\"message-start\",\"delta\":{\"message\":"
	    "{\"role\":\"assistant\"}}}\n\n"
	    "data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{"
	    "\"thinking\":\"hm\"}}}}\n\n"
	    "data: {\"type\":\"content-delta\",\"index\":1,\"delta\":{\"message\":{\"content\":{"
	    "\"text\":\"x\"}}}}\n\n"
	    "data: "
	    "{\"type\":\"tool-call-start\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{"
	    "\"id\":\"t\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}}}"
	    "}\n\n"
	    "data: "
	    "{\"type\":\"tool-call-delta\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{"
	    "\"function\":{\"arguments\":\"{}\"}}}}}\n\n"
	    "data: {\"type\":\"tool-call-end\",\"index\":0}\n\n"
	    "data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\",\"usage\":{"
	    "\"tokens\":{\"input_tokens\":5,\"output_tokens\":7}}}}\n\ndata: [DONE]\n\n");
	assert_no_violation(reply);
	ck_assert(reply->complete);
	assert_text(reply->choices[0].content, "x");
	assert_text(reply->choices[0].reasoning, "hm");
	assert_text(reply->choices[0].tool_calls[0].arguments, "{}");
	ck_assert_int_eq(reply->usage.input, 5);
}
END_TEST

START_TEST(ollama_is_read_whole_and_in_lines)
{
	const struct chat_reply *reply = read_text(
	    "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":"
	    "\"He\"},"
	    "\"done\":false}\n{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":"
	    "\"assistant\","
	    "\"content\":\"y\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":"
	    "1}}}]},"
	    "\"done\":false}\n\n{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":"
	    "\"assistant\","
	    "\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,"
	    "\"eval_count\":2}");

	assert_no_violation(reply);
	ck_assert_int_eq(reply->api, CHAT_API_OLLAMA);
	ck_assert(reply->complete && reply->streamed && reply_is_readable(reply));
	ck_assert_int_eq(reply->events, 3);
	assert_text(reply->choices[0].content, "Hey");
	assert_text(reply->choices[0].tool_calls[0].arguments, "{\"a\":1}");
	assert_text(reply->choices[0].finish_reason, "tool_calls");
	ck_assert_int_eq(reply->usage.total, 5);
	reply = read_text("{\"model\":\"m\",\"message\":{\"content\":\"x\",\"thinking\":\"hm\"},"
	                  "\"done\":true,\"done_reason\":\"length\"}\n");
	ck_assert(!reply->streamed && reply->complete);
	assert_text(reply->choices[0].finish_reason, "length");
	assert_text(reply->choices[0].reasoning, "hm");
	ck_assert(!read_text("{\"done\":false,\"message\":{\"content\":\"x\"}}\n"
	                     "{\"done\":false,\"message\":{\"content\":\"y\"}}\n")
	               ->complete);
}
END_TEST

START_TEST(lines_of_openai_chunks_are_read_and_told)
{
	const struct chat_reply *reply = read_text(
	    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n"
	    "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n");

	assert_text(reply->choices[0].content, "x");
	assert_violates(reply, "ST-01", WIRE_BREAKS, "lines of JSON instead of events");
}
END_TEST

static const char *const hollow[] = {
    "data: {\"type\":\"content_block_delta\",\"index\":0}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":0}\n\n",
    "data: "
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\"}}\n\n",
    "data: {\"type\":\"citation-start\",\"delta\":{\"message\":{}}}\n\n",
};

START_TEST(an_event_without_its_member_says_nothing)
{
	const struct chat_reply *reply = read_text(hollow[_i]);

	ck_assert(!reply->complete);
	ck_assert(reply->choice_count == 0 || reply->choices[0].part_count == 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_loop_test(cases, an_event_without_its_member_says_nothing, 0,
	                    (int)ARRAY_LENGTH(hollow));
	tcase_add_test(cases, a_response_of_which_little_is_kept_is_judged_by_all_that_came);
	tcase_add_test(cases, a_streamed_response_in_order_breaks_no_rule);
	tcase_add_test(cases, calls_of_a_streamed_response_are_folded_by_item);
	tcase_add_test(cases, arguments_that_come_only_when_done_are_read_and_told);
	tcase_add_test(cases, responses_out_of_order_are_told);
	tcase_add_test(cases, a_failed_response_is_an_error);
	tcase_add_test(cases, a_whole_response_is_read);
	tcase_add_test(cases, items_that_lack_what_clients_read_are_told);
	tcase_add_test(cases, what_was_begun_in_a_response_is_ended);
	tcase_add_test(cases, the_end_is_of_the_response_that_began_and_named_as_its_status_says);
	tcase_add_test(cases, an_end_before_an_item_is_done_is_told);
	tcase_add_test(cases, custom_calls_before_a_message_were_run_by_the_provider);
	tcase_add_test(cases, anthropic_messages_are_read);
	tcase_add_test(cases, anthropic_streams_are_read_block_by_block);
	tcase_add_test(cases, an_anthropic_error_within_the_stream_fails_it);
	tcase_add_test(cases, gemini_is_read_whole_streamed_and_as_one_array);
	tcase_add_test(cases, gemini_blocks_and_failures_are_no_normal_end);
	tcase_add_test(cases, gemini_arguments_in_pieces_are_put_together);
	tcase_add_test(cases, cohere_is_read_whole_and_streamed);
	tcase_add_test(cases, ollama_is_read_whole_and_in_lines);
	tcase_add_test(cases, lines_of_openai_chunks_are_read_and_told);
}

int main(void)
{
	return unit_main("reply_native", add);
}
