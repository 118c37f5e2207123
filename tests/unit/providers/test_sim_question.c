/* What the simulator refuses, and in which words: status, param and code as OpenAI has them. */
#include "tests/unit/providers/sim_desk.h"

#define MODEL "{'model':'sim-small',"
#define HELLO MODEL "'messages':[{'role':'user','content':'Hello'}]"
#define TOOL(name) "{'type':'function','function':{'name':'" name "'}}"
#define CALL(id) "{'id':'" id "','type':'function','function':{'name':'f','arguments':'{}'}}"
#define SCHEMA(inner) HELLO ",'response_format':{'type':'json_schema','json_schema':{" inner "}}}"

struct refusal {
	const char *body;
	int status;
	const char *param; /* NULL: null */
	const char *code;
};

static const struct refusal refusals[] = {
    {"{'messages':[]}", 400, NULL, NULL},
    {"{'model':'gpt-99','messages':[]}", 404, NULL, "model_not_found"},
    {"{'model':7,'messages':[]}", 400, "model", "invalid_type"},
    {MODEL "'n':1}", 400, "messages", "missing_required_parameter"},
    {MODEL "'messages':null}", 400, "messages", "invalid_type"},
    {MODEL "'messages':'hi'}", 400, "messages", "invalid_type"},
    {MODEL "'messages':[]}", 400, "messages", "empty_array"},
    {MODEL "'messages':[{}]}", 400, "messages[0].role", "missing_required_parameter"},
    {MODEL "'messages':['hi']}", 400, "messages[0]", "invalid_type"},
    {MODEL "'messages':[{'role':'robot','content':'x'}]}", 400, "messages[0].role",
     "invalid_value"},
    {MODEL "'messages':[{'role':'user'}]}", 400, "messages[0].content",
     "missing_required_parameter"},
    {MODEL "'messages':[{'role':'user','content':null}]}", 400, "messages[0].content",
     "invalid_type"},
    {MODEL "'messages':[{'role':'user','content':[{'type':'text'}]}]}", 400,
     "messages[0].content[0].text", "invalid_type"},
    {MODEL "'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':"
           "'data:image/png;base64,AAAA'}}]}]}",
     400, NULL, "invalid_image_format"},
    {MODEL "'messages':[{'role':'tool','tool_call_id':'x','content':'y'}]}", 400,
     "messages[0].role", NULL},
    {MODEL "'messages':[{'role':'user','content':'a'},{'role':'assistant','tool_calls':[" CALL(
	 "a") "," CALL("b") "]},{'role':'tool','tool_call_id':'a','content':'y'}]}",
     400, "messages[3].role", NULL},
    {MODEL "'messages':[{'role':'user','content':'a'},{'role':'assistant','tool_calls':[" CALL(
	 "a") "]},{'role':'user','content':'y'}]}",
     400, "messages[2].role", NULL},
    {MODEL "'messages':[{'role':'user','role':'system','content':'a'}]}", 400, "messages[0]",
     "duplicate_parameter"},
    {HELLO ",'temperature':9}", 400, "temperature", "decimal_above_max_value"},
    {HELLO ",'temperature':-0.1}", 400, "temperature", "decimal_below_min_value"},
    {HELLO ",'temperature':'hot'}", 400, "temperature", "invalid_type"},
    {HELLO ",'n':0}", 400, "n", "integer_below_min_value"},
    {HELLO ",'n':129}", 400, "n", "integer_above_max_value"},
    {HELLO ",'n':1.5}", 400, "n", "invalid_type"},
    {HELLO ",'max_tokens':0}", 400, "max_tokens", "integer_below_min_value"},
    {HELLO ",'max_tokens':1,'max_completion_tokens':1}", 400, "max_tokens",
     "invalid_parameter_combination"},
    {HELLO ",'stop':['a','b','c','d','e']}", 400, "stop", "array_above_max_length"},
    {HELLO ",'stop':7}", 400, "stop", "invalid_type"},
    {HELLO ",'stream':'yes'}", 400, "stream", "invalid_type"},
    {HELLO ",'stream_options':{'include_usage':true}}", 400, "stream_options", NULL},
    {HELLO ",'top_logprobs':2}", 400, "top_logprobs", NULL},
    {HELLO ",'top_logprobs':21,'logprobs':true}", 400, "top_logprobs", "integer_above_max_value"},
    {HELLO ",'n':1,'n':2}", 400, "n", "duplicate_parameter"},
    {HELLO ",'tools':[]}", 400, "tools", "empty_array"},
    {HELLO ",'tools':[{}]}", 400, "tools[0].type", "missing_required_parameter"},
    {HELLO ",'tools':[{'type':'function'}]}", 400, "tools[0].function",
     "missing_required_parameter"},
    {HELLO ",'tools':[" TOOL("get weather") "]}", 400, "tools[0].function.name", "invalid_value"},
    {HELLO ",'tools':[" TOOL("a23456789012345678901234567890123456789012345678901234567890"
                             "12345") "]}",
     400, "tools[0].function.name", "string_above_max_length"},
    {HELLO ",'tools':[" TOOL("f") "," TOOL("f") "]}", 400, "tools[1].function.name",
     "invalid_value"},
    {HELLO ",'tool_choice':'bogus','tools':[" TOOL("f") "]}", 400, "tool_choice", "invalid_value"},
    {HELLO ",'tool_choice':'required'}", 400, "tool_choice", NULL},
    {HELLO ",'tool_choice':{'type':'function','function':{'name':'g'}},'tools':[" TOOL("f") "]}",
     400, "tool_choice", NULL},
    {HELLO ",'response_format':{'type':'bogus'}}", 400, "response_format.type", "invalid_value"},
    {HELLO ",'response_format':{'type':'json_object'}}", 400, "messages", NULL},
    {HELLO ",'response_format':{'type':'json_schema'}}", 400, "response_format.json_schema",
     "missing_required_parameter"},
    {SCHEMA("'schema':{'type':'object'}"), 400, "response_format.json_schema.name",
     "missing_required_parameter"},
    {SCHEMA("'name':'x'"), 400, "response_format.json_schema.schema", "missing_required_parameter"},
    {SCHEMA("'name':'x','strict':'yes','schema':{'type':'object'}"), 400,
     "response_format.json_schema.strict", "invalid_type"},
    {SCHEMA("'name':'x','schema':'object'"), 400, "response_format.json_schema.schema",
     "invalid_type"},
    {SCHEMA("'name':'x','schema':{'type':'string'}"), 400, "response_format", NULL},
    {SCHEMA("'name':'x','strict':true,'schema':{'type':'object','properties':{'a':{}},"
            "'required':['a']}"),
     400, "response_format", NULL},
    {SCHEMA("'name':'x','strict':true,'schema':{'type':'object','properties':{'a':{}},"
            "'additionalProperties':false}"),
     400, "response_format", NULL},
};

static void assert_member(const struct desk *desk, const char *pointer, const char *want)
{
	const struct json *node = json_pointer(desk->body, text_of(pointer));

	ck_assert_ptr_nonnull(node);
	if (want == NULL)
		ck_assert_msg(node->type == JSON_NULL, "%s is %.*s", pointer, TEXT_ARG(node->text));
	else
		assert_text(node->text, want);
}

START_TEST(what_is_wrong_is_refused_with_its_param_and_code)
{
	struct desk desk;

	desk_open(&desk, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
		desk_ask(&desk, refusals[i].body);
		ck_assert_msg(desk.output.status == refusals[i].status, "%d for %s: %.*s",
		              desk.output.status, refusals[i].body, TEXT_ARG(desk.bytes));
		assert_member(&desk, "/error/type", "invalid_request_error");
		assert_member(&desk, "/error/param", refusals[i].param);
		assert_member(&desk, "/error/code", refusals[i].code);
		ck_assert(desk_at(&desk, "/error/message").len > 0);
	}
	desk_close(&desk);
}
END_TEST

static const char *const accepted[] = {
    HELLO ",'temperature':2,'top_p':1,'presence_penalty':-2,'frequency_penalty':2.0}",
    HELLO ",'stop':null,'tools':null,'tool_choice':null,'n':null,'stream':null}",
    HELLO ",'user':'me','metadata':{'a':'b'},'store':false,'service_tier':'auto','seed':-1}",
    HELLO ",'field_of_tomorrow':{'x':1}}",
    HELLO ",'tool_choice':'auto'}",
    HELLO ",'tool_choice':'none'}",
    HELLO ",'stop':['a','b','c','d']}",
    HELLO
    ",'tools':[" TOOL("a234567890123456789012345678901234567890123456789012345678901234") "]}",
    MODEL "'messages':[{'role':'developer','content':'Be brief.'},{'role':'user','content':'a'},"
	  "{'role':'assistant','content':''},{'role':'assistant','content':null},"
	  "{'role':'system','content':[{'type':'text','text':'x'}],'name':'y'},"
	  "{'role':'user','content':[{'type':'text','text':'b'}]}]}",
    MODEL "'messages':[{'role':'user','content':'a'},{'role':'assistant','content':'','tool_calls'"
	  ":[" CALL("call_123456789012345678901234") "," CALL(
	      "b") "]},{'role':'tool',"
		   "'tool_call_id':'b','content':''},{'role':'tool','tool_call_id':"
		   "'call_123456789012345678901234','content':[{'type':'text','text':'y'}]}]}",
    SCHEMA("'name':'x','strict':false,'schema':{'type':'object'}"),
};

START_TEST(what_is_right_is_answered)
{
	struct desk desk;

	desk_open(&desk, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(accepted); i++) {
		desk_ask(&desk, accepted[i]);
		ck_assert_msg(desk.output.status == 200, "%d for %s: %.*s", desk.output.status,
		              accepted[i], TEXT_ARG(desk.bytes));
	}
	desk_close(&desk);
}
END_TEST

START_TEST(broken_json_is_refused)
{
	static const char *const bodies[] = {
	    "",      "{",
	    "[]",    "null",
	    "\"x\"", "{'model':}",
	    "{} {}", MODEL "'messages':[{'role':'user','content':'\\ud83d'}]}"};
	struct desk desk;

	desk_open(&desk, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		desk_ask(&desk, bodies[i]);
		ck_assert_int_eq(desk.output.status, 400);
		assert_member(&desk, "/error/code", NULL);
	}
	desk_close(&desk);
}
END_TEST

START_TEST(a_prompt_over_the_context_is_refused_also_when_streamed)
{
	struct sim_options small = sim_defaults;
	struct desk desk;

	small.context = 20;
	desk_open_with(&desk, &small, NULL);
	desk_ask(&desk, HELLO "}");
	ck_assert_int_eq(desk.output.status, 200);
	desk_ask(&desk,
	         MODEL "'stream':true,'messages':[{'role':'user','content':'one two three four "
	               "five six seven eight nine ten eleven twelve thirteen fourteen'}]}");
	ck_assert_int_eq(desk.output.status, 400);
	ck_assert_ptr_null(desk.output.stream);
	assert_member(&desk, "/error/code", "context_length_exceeded");
	assert_member(&desk, "/error/param", "messages");
	desk_close(&desk);
}
END_TEST

START_TEST(only_the_right_key_opens)
{
	struct desk desk;
	struct text body = TEXT("{}");

	desk_open(&desk, NULL);
	desk_send(&desk, "POST", "/v1/chat/completions", "Bearer wrong", body);
	ck_assert_int_eq(desk.output.status, 401);
	assert_member(&desk, "/error/code", "invalid_api_key");
	ck_assert(!desk_says(&desk, "wrong"));
	desk_send(&desk, "POST", "/v1/chat/completions", NULL, body);
	ck_assert_int_eq(desk.output.status, 401);
	assert_member(&desk, "/error/code", NULL);
	desk_send(&desk, "POST", "/v1/chat/completions", "Basic sim-key", body);
	ck_assert_int_eq(desk.output.status, 401);
	desk_send(&desk, "POST", "/v1/chat/completions", "bearer sim-key", body);
	ck_assert_int_eq(desk.output.status, 400);
	desk_close(&desk);
}
END_TEST

START_TEST(other_paths_and_methods_are_refused)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_send(&desk, "GET", "/v1/chat/completions", "Bearer sim-key", TEXT(""));
	ck_assert_int_eq(desk.output.status, 405);
	desk_send(&desk, "POST", "/v1/models", "Bearer sim-key", TEXT("{}"));
	ck_assert_int_eq(desk.output.status, 405);
	desk_send(&desk, "POST", "/v1/moderations", "Bearer sim-key", TEXT("{}"));
	ck_assert_int_eq(desk.output.status, 404);
	assert_member(&desk, "/error/code", "unknown_url");
	desk_close(&desk);
}
END_TEST

START_TEST(embeddings_are_checked_too)
{
	static const char *const bodies[] = {
	    "{\"model\":\"sim-small\"}",
	    "{\"model\":\"sim-small\",\"input\":\"\"}",
	    "{\"model\":\"sim-small\",\"input\":[]}",
	    "{\"model\":\"sim-small\",\"input\":[\"a\",7]}",
	    "{\"model\":\"sim-small\",\"input\":\"a\",\"dimensions\":-1}",
	    "{\"model\":\"sim-small\",\"input\":\"a\",\"encoding_format\":\"invalid\"}",
	};
	struct desk desk;

	desk_open(&desk, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		desk_send(&desk, "POST", "/v1/embeddings", "Bearer sim-key", text_of(bodies[i]));
		ck_assert_msg(desk.output.status == 400, "%s", bodies[i]);
	}
	desk_send(&desk, "POST", "/v1/embeddings", "Bearer sim-key",
	          TEXT("{\"model\":\"x\",\"input\":\"a\"}"));
	ck_assert_int_eq(desk.output.status, 404);
	desk_close(&desk);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, what_is_wrong_is_refused_with_its_param_and_code);
	tcase_add_test(cases, what_is_right_is_answered);
	tcase_add_test(cases, broken_json_is_refused);
	tcase_add_test(cases, a_prompt_over_the_context_is_refused_also_when_streamed);
	tcase_add_test(cases, only_the_right_key_opens);
	tcase_add_test(cases, other_paths_and_methods_are_refused);
	tcase_add_test(cases, embeddings_are_checked_too);
}

int main(void)
{
	return unit_main("sim_question", add);
}
