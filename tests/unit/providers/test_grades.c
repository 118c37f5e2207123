/*
 * What each breach of a rule is worth: what clients break on fails a check, what they cope with is
 * told, what OpenAI does itself is harmless. One answer for each, and how it must be told.
 */
#include "tests/unit/providers/reply_unit.h"

/* clang-format off */
#define BODY(members) "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[" members "]," \
	"\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}"
#define MESSAGE(members, reason) \
	"{\"index\":0,\"message\":{\"role\":\"assistant\"," members "},\"finish_reason\":\"" reason "\"}"
#define HI MESSAGE("\"content\":\"hi\"", "stop")
#define CALL(members) "{\"index\":0," members "}"
#define NAMED "\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}"
#define USAGE_ONLY "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[]," \
	"\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n"
#define TEXT_BODY(head, choice) "{" head "\"choices\":[" choice "]}"
#define TEXT_HEAD "\"id\":\"c\",\"object\":\"text_completion\","
#define VECTORS(head, vector) "{" head "\"data\":[{\"object\":\"embedding\",\"index\":0," vector "}]"
#define EVENT(type, members) "data: {\"type\":\"" type "\"," members "}\n\n"
#define CREATED EVENT("response.created", "\"sequence_number\":0,\"response\":{\"id\":\"r\",\"model\":\"m\"}")
#define ITEM EVENT("response.output_item.added", "\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\"}")
#define PART EVENT("response.content_part.added", "\"sequence_number\":2,\"output_index\":0,\"content_index\":0")
#define SAID(members) EVENT("response.output_text.delta", "\"sequence_number\":3," members ",\"delta\":\"he\"")
#define SAID_ALL(text) EVENT("response.output_text.done", "\"sequence_number\":4,\"output_index\":0,\"content_index\":0,\"text\":\"" text "\"")
#define OVER(members) EVENT("response.completed", "\"sequence_number\":5,\"response\":{\"status\":\"completed\"," members "}")
#define RESPONSE(members) "{\"id\":\"r\",\"status\":\"completed\",\"model\":\"m\"," members "}"

static const char streamed[] = "{\"stream\":true}";
static const char asks_usage[] = "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}";

static const struct {
	enum endpoint endpoint;
	const char *request, *answer;
	const char *told; /* rule, grade, how the detail begins */
} rows[] = {
	/* errors */
	{ENDPOINT_CHAT, "{}", "{\"error\":{\"type\":\"t\",\"param\":null,\"code\":\"c\"}}", "ER-05 breaks error.message is nothing, no string"},
	{ENDPOINT_CHAT, "{}", "[{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":null,\"code\":\"c\"}}]", "ER-05 deviates the error stands in an array"},
	{ENDPOINT_CHAT, streamed, ROLE "event: error\ndata: overloaded\n\n", "ER-05 deviates the error of event 2 is bare text"},
	{ENDPOINT_CHAT, "{}", "<html>", "ER-05 deviates the body is no JSON"},
	{ENDPOINT_CHAT, "{}", "<html>", "HT-01 breaks want a JSON value"},
	/* whole chat completions */
	{ENDPOINT_CHAT, "{}", "{\"id\":\"c\",\"created\":1,\"choices\":[" HI "]}", "CH-01 deviates model is missing"},
	{ENDPOINT_CHAT, "{}", "{\"id\":\"c\",\"created\":1,\"choices\":[" HI "]}", "CH-01 deviates object is \"\", not chat.completion"},
	{ENDPOINT_CHAT, "{}", BODY(MESSAGE("\"tool_calls\":[{\"id\":\"a\",\"type\":\"tool\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]", "tool_calls")),
	 "TC-03 deviates choices[0].message.tool_calls[0] has a type that is not function"},
	{ENDPOINT_CHAT, "{}", BODY(MESSAGE("\"tool_calls\":{" NAMED "}", "tool_calls")),
	 "TC-03 breaks choices[0].message.tool_calls[0] stands without its array"},
	{ENDPOINT_CHAT, "{\"max_tokens\":2}", BODY(HI), "JS-14 harmless 2 tokens of 2 allowed, and finish_reason is stop"},
	{ENDPOINT_CHAT, "{\"max_tokens\":1}", BODY(HI), "JS-14 deviates 2 tokens of 1 allowed, and finish_reason is stop"},
	/* streamed ones */
	{ENDPOINT_CHAT, streamed, "data: {\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[]}\n\n",
	 "ST-03 deviates the chunk of event 1 has no id"},
	{ENDPOINT_CHAT, streamed, "data: {\"id\":\"c\",\"created\":1,\"model\":\"m\",\"choices\":[]}\n\n",
	 "ST-03 deviates object of event 1 is \"\", not chat.completion.chunk"},
	{ENDPOINT_CHAT, streamed, ROLE CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":7}"), "ST-05 deviates choices[0].finish_reason of event 2 is a number"},
	{ENDPOINT_CHAT, streamed, ROLE DELTA("\"role\":null,\"content\":\"x\""), "ST-04 harmless a later delta of choice 0 has a role of no meaning of event 2"},
	{ENDPOINT_CHAT, streamed, ROLE DELTA("\"tool_calls\":" CALL(NAMED)), "TS-01 breaks choices[0].delta.tool_calls of event 2 is an object, no array"},
	{ENDPOINT_CHAT, streamed, ROLE SAY("x") FINISH("stop") SAY("y") DONE, "ST-06 deviates content of choice 0 comes after its finish of event 4"},
	{ENDPOINT_CHAT, streamed, CHUNK("{\"delta\":{\"content\":\"x\"},\"finish_reason\":null}"), "ST-08 breaks choices[0] of event 1 has no index"},
	{ENDPOINT_CHAT, streamed, ROLE CALLS(CALL(NAMED)) USAGE_ONLY FINISH("tool_calls"), "TS-07 deviates usage of event 3 comes before choice 0 finishes"},
	{ENDPOINT_CHAT, streamed, "event: x\n\n" ROLE, "ST-01 deviates 1 blocks of fields have no data"},
	{ENDPOINT_CHAT, streamed, "event: chunk\n" ROLE, "ST-01 deviates an event: line names the chunk of event 1 \"chunk\""},
	{ENDPOINT_CHAT, asks_usage, ROLE FINISH("stop") USAGE_ONLY USAGE_ONLY DONE, "SU-01 deviates 2 chunks bring usage alone"},
	{ENDPOINT_CHAT, asks_usage, ROLE FINISH("stop") DONE USAGE_ONLY, "SU-01 deviates usage came after [DONE]"},
	{ENDPOINT_CHAT, streamed, ROLE "data: 7\n\n", "ST-01 breaks the data of event 2 is a number, no object"},
	{ENDPOINT_CHAT, streamed, ROLE CALLS(CALL("\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")) FINISH("tool_calls"),
	 "TS-03 deviates choices[0].delta.tool_calls[0] of event 2 begins a call without type"},
	{ENDPOINT_CHAT, streamed, ROLE CALLS(CALL("\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")) FINISH("tool_calls"),
	 "TC-03 breaks tool call 0 never got a type"},
	{ENDPOINT_CHAT, streamed, ROLE CALLS(CALL("\"id\":\"a\",\"type\":\"function\",\"function\":{\"arguments\":\"{}\"}")),
	 "TS-03 deviates choices[0].delta.tool_calls[0] of event 2 begins a call without name"},
	{ENDPOINT_CHAT, streamed, ROLE CALLS(CALL(NAMED)) CALLS(CALL("\"id\":\"a\",\"function\":{\"name\":\"g\"}")),
	 "TS-03 breaks choices[0].delta.tool_calls[0] of event 3 changes the call's name"},
	{ENDPOINT_CHAT, streamed, ROLE CALLS(CALL("\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":null}")),
	 "TS-04 deviates choices[0].delta.tool_calls[0] of event 2 has null as arguments"},
	/* legacy completions */
	{ENDPOINT_COMPLETIONS, "{}", TEXT_BODY(TEXT_HEAD, "{\"text\":\"x\",\"finish_reason\":\"stop\"}"), "CP-01 deviates choices[0] has no index"},
	{ENDPOINT_COMPLETIONS, "{}", TEXT_BODY("", "{\"index\":0,\"text\":\"x\"}"), "CP-01 deviates id is missing"},
	{ENDPOINT_COMPLETIONS, "{}", TEXT_BODY("", "{\"index\":0,\"text\":\"x\"}"), "CP-01 deviates object is \"\", not text_completion"},
	{ENDPOINT_COMPLETIONS, "{}", TEXT_BODY("", "{\"index\":0,\"text\":\"x\"}"), "US-01 deviates usage is nothing"},
	{ENDPOINT_COMPLETIONS, "{}", "{" TEXT_HEAD "\"choices\":7}", "CP-01 breaks choices is a number"},
	{ENDPOINT_COMPLETIONS, streamed, "data: " TEXT_BODY(TEXT_HEAD, "{\"index\":0,\"text\":\"x\"}") "\n\n", "ST-02 deviates no [DONE] ends the stream"},
	{ENDPOINT_COMPLETIONS, streamed, "data: " TEXT_BODY(TEXT_HEAD, "{\"index\":0,\"text\":\"x\"}") "\n\n", "ST-06 breaks some choice never finishes"},
	/* embeddings and models */
	{ENDPOINT_EMBEDDINGS, "{}", VECTORS("\"object\":\"list\",", "\"embedding\":[]") "}", "EM-01 breaks data[0] has no embedding"},
	{ENDPOINT_EMBEDDINGS, "{}", VECTORS("\"object\":\"list\",", "\"embedding\":null") "}", "EM-01 breaks data[0] has no embedding"},
	{ENDPOINT_EMBEDDINGS, "{}", VECTORS("\"object\":\"list\",", "\"embedding\":\"\"") "}", "EM-01 breaks data[0] has no embedding"},
	{ENDPOINT_EMBEDDINGS, "{}", VECTORS("", "\"embedding\":[1]") "}", "EM-01 deviates object is not list"},
	{ENDPOINT_EMBEDDINGS, "{}", VECTORS("", "\"embedding\":[1]") "}", "EM-01 deviates usage is nothing"},
	{ENDPOINT_MODELS, "{}", "{\"object\":\"list\",\"data\":7}", "MO-01 breaks data is a number"},
	{ENDPOINT_MODELS, "{}", "{\"object\":\"list\",\"data\":[{\"id\":\"m\"},{}]}", "MO-01 breaks data[1] has no id"},
	/* responses */
	{ENDPOINT_RESPONSES, "{}", RESPONSE("\"output\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":{}}]"),
	 "TC-03 breaks arguments of a function_call are an object, no string"},
	{ENDPOINT_RESPONSES, "{}", RESPONSE("\"output\":[]"), "RS-01 deviates created_at is nothing"},
	{ENDPOINT_RESPONSES, "{}", RESPONSE("\"output\":[]"), "RS-01 deviates object is not response"},
	{ENDPOINT_RESPONSES, "{}", RESPONSE("\"output\":[]"), "US-01 deviates usage is nothing"},
	{ENDPOINT_RESPONSES, "{}", RESPONSE("\"object\":\"response\""), "RS-01 breaks output is nothing"},
	{ENDPOINT_RESPONSES, streamed, CREATED "event: x\n" ITEM, "RS-03 deviates the event: line of event 2 differs from the type"},
	{ENDPOINT_RESPONSES, streamed, CREATED OVER("\"output\":[]") ITEM, "RS-03 deviates response.output_item.added of event 3 comes after the end"},
	{ENDPOINT_RESPONSES, streamed, CREATED ITEM PART SAID("\"content_index\":0"), "RS-05 breaks the delta of event 4 has no output_index"},
	{ENDPOINT_RESPONSES, streamed, CREATED ITEM PART SAID("\"output_index\":0,\"content_index\":0,\"item_id\":\"j\""), "RS-05 deviates item_id of event 4 is not that of output 0"},
	{ENDPOINT_RESPONSES, streamed, CREATED ITEM SAID("\"output_index\":0,\"content_index\":0,\"item_id\":\"i\""), "RS-03 breaks the delta of event 3 belongs to a content part that was not added"},
	{ENDPOINT_RESPONSES, streamed, CREATED ITEM PART SAID_ALL("hey"), "RS-05 deviates 0 bytes of text deltas do not join to the 3 of done of event 4"},
	{ENDPOINT_RESPONSES, streamed, CREATED ITEM PART SAID("\"output_index\":0,\"content_index\":0,\"item_id\":\"i\"") SAID_ALL("hey"),
	 "RS-05 breaks 2 bytes of text deltas do not join to the 3 of done of event 5"},
	{ENDPOINT_RESPONSES, streamed, CREATED OVER("\"output\":[]"), "RS-06 deviates the end of event 2 has no id or no model"},
	{ENDPOINT_RESPONSES, streamed, CREATED "data: {\"a\":1}\n\n", "RS-03 breaks the data of event 2 has no type"},
};
/* clang-format on */

static bool is_told(const struct chat_reply *reply, const char *told)
{
	for (size_t i = 0; i < reply->violation_count; i++) {
		const struct chat_violation *violation = &reply->violations[i];
		struct text line =
		    text_format(&unit_arena, "%s %s %.*s", wire_rule_id(violation->rule),
		                wire_grade_name(violation->grade), TEXT_ARG(violation->detail));
		if (text_starts(line, text_of(told)))
			return true;
	}
	return false;
}

START_TEST(each_breach_is_told_with_its_grade)
{
	const struct chat_reply *reply =
	    read_answer(rows[_i].endpoint, rows[_i].request, rows[_i].answer);

	ck_assert_msg(is_told(reply, rows[_i].told), "no \"%s\" in %.*s", rows[_i].told,
	              TEXT_ARG(written_reply(reply)));
	/* A harmless one is told and breaks nothing; read on its own it leaves the rule kept. */
	enum wire_rule rule = wire_rule_from_id(text_slice(text_of(rows[_i].told), 0, 5));
	ck_assert_int_ne(rule, WIRE_RULE_COUNT);
	ck_assert(reply->saw[rule]);
	ck_assert(reply->broken[rule] == (strstr(rows[_i].told, " harmless ") == NULL));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_loop_test(cases, each_breach_is_told_with_its_grade, 0, ARRAY_LENGTH(rows));
}

int main(void)
{
	return unit_main("grades", add);
}
