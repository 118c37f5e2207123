/* What the simulator answers when nothing is broken: plain and streamed bytes, limits, tools. */
#include "tests/unit/providers/sim_desk.h"

#define HELLO "{'model':'sim-small','messages':[{'role':'user','content':'Hello there.'}]"
#define WEATHER                                                                                    \
	"'tools':[{'type':'function','function':{'name':'get_weather','parameters':{'type':"       \
	"'object','properties':{'city':{'type':'string'}},'required':['city']}}},"                 \
	"{'type':'function','function':{'name':'book_hotel','parameters':{'type':'object',"        \
	"'properties':{'nights':{'type':'integer','minimum':1}},'required':['nights']}}}]"
#define PARIS                                                                                      \
	"{'model':'sim-small','messages':[{'role':'user','content':"                               \
	"'How is the weather in Paris?'}]," WEATHER

static int64_t number_at(const struct desk *desk, const char *pointer)
{
	int64_t value = -1;

	ck_assert_msg(
	    json_node_integer(json_pointer(desk->body, text_of(pointer)), 0, INT32_MAX, &value),
	    "no number at %s", pointer);
	return value;
}

START_TEST(a_plain_reply_has_everything_that_openai_sends)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, HELLO "}");
	ck_assert_int_eq(desk.output.status, 200);
	assert_text(desk_header(&desk, "content-type"), "application/json");
	ck_assert(text_starts(desk_header(&desk, "x-request-id"), TEXT("req_")));
	ck_assert(text_starts(desk_at(&desk, "/id"), TEXT("chatcmpl-")));
	assert_text(desk_at(&desk, "/object"), "chat.completion");
	ck_assert_int_eq(number_at(&desk, "/created"), 1795255200);
	assert_text(desk_at(&desk, "/model"), "sim-small");
	assert_text(desk_at(&desk, "/choices/0/message/role"), "assistant");
	ck_assert(json_is(json_pointer(desk.body, TEXT("/choices/0/message/refusal")), JSON_NULL));
	ck_assert(json_is(json_pointer(desk.body, TEXT("/choices/0/logprobs")), JSON_NULL));
	assert_text(desk_at(&desk, "/choices/0/finish_reason"), "stop");
	ck_assert_int_eq(number_at(&desk, "/usage/prompt_tokens") +
	                     number_at(&desk, "/usage/completion_tokens"),
	                 number_at(&desk, "/usage/total_tokens"));
	ck_assert_int_eq(number_at(&desk, "/usage/completion_tokens"),
	                 sim_tokens_count(desk_at(&desk, "/choices/0/message/content")));
	ck_assert_int_eq(number_at(&desk, "/usage/prompt_tokens_details/cached_tokens"), 0);
	desk_close(&desk);
}
END_TEST

START_TEST(the_same_request_has_the_same_answer_and_another_seed_another)
{
	struct desk one, two, other;
	struct sim_options seeded = sim_defaults;

	seeded.seed = 7;
	desk_open(&one, NULL);
	desk_open(&two, NULL);
	desk_open_with(&other, &seeded, NULL);
	desk_ask(&one, HELLO "}");
	desk_ask(&two, HELLO "}");
	desk_ask(&other, HELLO "}");
	ck_assert(text_equal(one.bytes, two.bytes));
	ck_assert(!text_equal(one.bytes, other.bytes));
	struct text plain = desk_at(&one, "/choices/0/message/content");
	desk_ask(&two, HELLO ",'stream':true}");
	ck_assert(text_equal(plain, desk_joined(&two, "/choices/0/delta/content")));
	desk_close(&one);
	desk_close(&two);
	desk_close(&other);
}
END_TEST

START_TEST(a_stream_begins_with_the_role_and_ends_with_done)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, HELLO ",'stream':true}");
	ck_assert_int_eq(desk.output.status, 200);
	assert_text(desk_header(&desk, "content-type"), "text/event-stream; charset=utf-8");
	ck_assert(text_starts(desk.bytes, TEXT("data: {\"id\":\"chatcmpl-")));
	ck_assert(text_ends(desk.bytes, TEXT("\n\ndata: [DONE]\n\n")));
	ck_assert_uint_eq(desk_count(&desk, "\"role\":\"assistant\",\"content\":\"\""), 1);
	ck_assert_uint_eq(
	    desk_count(&desk, "\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\""), 1);
	ck_assert_uint_eq(desk_count(&desk, "\"usage\""), 0);
	ck_assert_uint_gt(desk_count(&desk, "\"delta\":{\"content\":"), 10);
	desk_close(&desk);
}
END_TEST

START_TEST(usage_comes_in_a_last_chunk_where_it_is_asked_for)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, HELLO "}");
	struct text usage = text_format(&desk.arena, "\"prompt_tokens\":%lld,",
	                                (long long)number_at(&desk, "/usage/prompt_tokens"));
	desk_ask(&desk, HELLO ",'stream':true,'stream_options':{'include_usage':true}}");
	ck_assert_uint_eq(desk_count(&desk, "\"choices\":[],\"usage\":{"), 1);
	ck_assert(desk_says(&desk, usage.data));
	ck_assert_uint_eq(desk_count(&desk, "\"usage\":null") + 2, desk_count(&desk, "data: "));
	desk_close(&desk);
}
END_TEST

START_TEST(a_cut_reply_says_length_and_keeps_the_cap)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, HELLO ",'max_tokens':5}");
	assert_text(desk_at(&desk, "/choices/0/finish_reason"), "length");
	ck_assert_int_eq(number_at(&desk, "/usage/completion_tokens"), 5);
	desk_ask(&desk, HELLO ",'max_completion_tokens':3,'stream':true}");
	ck_assert(desk_says(&desk, "\"finish_reason\":\"length\""));
	ck_assert_int_eq(sim_tokens_count(desk_joined(&desk, "/choices/0/delta/content")), 3);
	desk_ask(&desk, PARIS ",'max_tokens':7}");
	assert_text(desk_at(&desk, "/choices/0/finish_reason"), "length");
	ck_assert_int_eq(number_at(&desk, "/usage/completion_tokens"), 7);
	desk_close(&desk);
}
END_TEST

START_TEST(text_ends_before_a_stop)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, "{'model':'sim-small','stop':['reply','never'],'messages':[{'role':'user',"
	                "'content':'Hello'}]}");
	assert_text(desk_at(&desk, "/choices/0/message/content"), "This is a simulated ");
	assert_text(desk_at(&desk, "/choices/0/finish_reason"), "stop");
	desk_close(&desk);
}
END_TEST

START_TEST(several_choices_come_with_their_own_index_and_interleave)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, HELLO ",'n':3,'max_tokens':4}");
	ck_assert_int_eq(number_at(&desk, "/choices/2/index"), 2);
	ck_assert_ptr_null(json_pointer(desk.body, TEXT("/choices/3")));
	ck_assert_int_eq(number_at(&desk, "/usage/completion_tokens"), 12);
	desk_ask(&desk, HELLO ",'n':2,'max_tokens':4,'stream':true}");
	size_t second = text_find(desk.bytes, TEXT("\"index\":1"), 0);
	size_t first = text_find(desk.bytes, TEXT("\"index\":0"), second);
	ck_assert(second != TEXT_NOT_FOUND && first != TEXT_NOT_FOUND);
	ck_assert_uint_eq(desk_count(&desk, "\"finish_reason\":\"length\""), 2);
	desk_close(&desk);
}
END_TEST

START_TEST(logprobs_join_to_the_content)
{
	struct desk desk;
	struct text_buf joined;

	desk_open(&desk, NULL);
	desk_ask(&desk, HELLO ",'logprobs':true,'top_logprobs':2}");
	text_buf_init(&joined, 1 << 16);
	JSON_EACH(token, json_pointer(desk.body, TEXT("/choices/0/logprobs/content")))
	{
		double logprob = 1;

		text_buf_add(&joined, json_string(token, "token"));
		ck_assert(text_to_double(json_member(token, "logprob")->text, &logprob));
		ck_assert(logprob <= 0);
		ck_assert_uint_eq(json_member(token, "top_logprobs")->count, 2);
	}
	ck_assert(text_equal(text_buf_view(&joined), desk_at(&desk, "/choices/0/message/content")));
	text_buf_done(&joined);
	desk_close(&desk);
}
END_TEST

START_TEST(a_tool_is_called_when_the_user_means_it)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, PARIS "}");
	assert_text(desk_at(&desk, "/choices/0/finish_reason"), "tool_calls");
	assert_text(desk_at(&desk, "/choices/0/message/tool_calls/0/function/name"), "get_weather");
	assert_text(desk_at(&desk, "/choices/0/message/tool_calls/0/function/arguments"),
	            "{\"city\":\"Paris\"}");
	assert_text(desk_at(&desk, "/choices/0/message/tool_calls/0/type"), "function");
	ck_assert_uint_eq(desk_at(&desk, "/choices/0/message/tool_calls/0/id").len, 29);
	ck_assert(json_is(json_pointer(desk.body, TEXT("/choices/0/message/content")), JSON_NULL));
	desk_ask(&desk, HELLO "," WEATHER "}");
	ck_assert_ptr_null(json_pointer(desk.body, TEXT("/choices/0/message/tool_calls")));
	desk_close(&desk);
}
END_TEST

START_TEST(tool_choice_is_obeyed)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, PARIS ",'tool_choice':'none'}");
	assert_text(desk_at(&desk, "/choices/0/finish_reason"), "stop");
	ck_assert(desk_at(&desk, "/choices/0/message/content").len > 0);
	desk_ask(&desk, HELLO "," WEATHER ",'tool_choice':'required'}");
	assert_text(desk_at(&desk, "/choices/0/message/tool_calls/0/function/name"), "get_weather");
	desk_ask(&desk, HELLO "," WEATHER ",'tool_choice':{'type':'function','function':"
	                      "{'name':'book_hotel'}}}");
	assert_text(desk_at(&desk, "/choices/0/message/tool_calls/0/function/name"), "book_hotel");
	assert_text(desk_at(&desk, "/choices/0/message/tool_calls/0/function/arguments"),
	            "{\"nights\":1}");
	assert_text(desk_at(&desk, "/choices/0/finish_reason"), "stop");
	ck_assert_ptr_null(json_pointer(desk.body, TEXT("/choices/0/message/tool_calls/1")));
	desk_close(&desk);
}
END_TEST

START_TEST(two_tools_are_called_at_once_unless_that_is_forbidden)
{
	static const char both[] = "{'model':'sim-small','messages':[{'role':'user','content':"
				   "'The weather in Rome, and a hotel please'}]," WEATHER;
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, text_format(&desk.arena, "%s}", both).data);
	ck_assert(desk_at(&desk, "/choices/0/message/tool_calls/1/id").len > 0);
	ck_assert(!text_equal(desk_at(&desk, "/choices/0/message/tool_calls/0/id"),
	                      desk_at(&desk, "/choices/0/message/tool_calls/1/id")));
	desk_ask(&desk, text_format(&desk.arena, "%s,'parallel_tool_calls':false}", both).data);
	ck_assert_ptr_null(json_pointer(desk.body, TEXT("/choices/0/message/tool_calls/1")));
	desk_close(&desk);
}
END_TEST

START_TEST(a_streamed_call_comes_in_fragments)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, PARIS ",'stream':true}");
	ck_assert_uint_eq(desk_count(&desk, "\"type\":\"function\",\"function\":{\"name\":"
	                                    "\"get_weather\",\"arguments\":\"\"}"),
	                  1);
	ck_assert_uint_gt(desk_count(&desk, "[{\"index\":0,\"function\":{\"arguments\":"), 1);
	assert_text(desk_joined(&desk, "/choices/0/delta/tool_calls/0/function/arguments"),
	            "{\"city\":\"Paris\"}");
	ck_assert(
	    desk_says(&desk, "\"delta\":{},\"logprobs\":null,\"finish_reason\":\"tool_calls\""));
	desk_close(&desk);
}
END_TEST

START_TEST(a_tool_result_is_told)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, "{'model':'sim-small','messages':[{'role':'user','content':'weather?'},"
	                "{'role':'assistant','content':null,'tool_calls':[{'id':'x1','type':"
	                "'function','function':{'name':'get_weather','arguments':'{}'}}]},"
	                "{'role':'tool','tool_call_id':'x1','content':'17 degrees'}]," WEATHER "}");
	assert_text(desk_at(&desk, "/choices/0/message/content"), "The tools returned: 17 degrees");
	desk_close(&desk);
}
END_TEST

START_TEST(a_schema_is_kept)
{
	struct desk desk;
	struct json *made;
	struct fault fault;

	desk_open(&desk, NULL);
	desk_ask(&desk, HELLO
	         ",'response_format':{'type':'json_schema','json_schema':{'name':'x','strict':true,"
	         "'schema':{'type':'object','additionalProperties':false,'required':['kind','many',"
	         "'next'],'properties':{'kind':{'enum':['red','blue']},'many':{'type':'array',"
	         "'minItems':2,'items':{'type':'integer','minimum':3,'maximum':9}},'next':{'anyOf':"
	         "[{'type':'null'},{'$ref':'#'}]}}}}}}");
	ck_assert_int_eq(desk.output.status, 200);
	struct text content = desk_at(&desk, "/choices/0/message/content");
	ck_assert(json_read_text(content, "content", &desk.arena, &made, &fault));
	assert_text(json_string(made, "kind"), "red");
	ck_assert_uint_eq(json_member(made, "many")->count, 2);
	ck_assert(json_is(json_pointer(made, TEXT("/next/next")), JSON_OBJECT));
	ck_assert(text_find(content, TEXT("null"), 0) != TEXT_NOT_FOUND);
	desk_close(&desk);
}
END_TEST

START_TEST(json_mode_gives_an_object)
{
	struct desk desk;
	struct json *made;
	struct fault fault;

	desk_open(&desk, NULL);
	desk_ask(&desk, "{'model':'sim-small','response_format':{'type':'json_object'},'messages':["
	                "{'role':'user','content':'Some JSON, please: \\u2028'}]}");
	ck_assert(json_read_text(desk_at(&desk, "/choices/0/message/content"), "content",
	                         &desk.arena, &made, &fault));
	ck_assert(json_is(made, JSON_OBJECT));
	desk_close(&desk);
}
END_TEST

START_TEST(no_character_is_torn_by_a_stream)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_ask(&desk, "{'model':'sim-small','stream':true,'messages':[{'role':'user','content':"
	                "'Repeat \\\"\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x91\xa9\xe2\x80\x8d"
	                "\xf0\x9f\x92\xbb e\xcc\x81\\\"'}]}");
	assert_text(desk_joined(&desk, "/choices/0/delta/content"),
	            "\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb "
	            "e\xcc\x81");
	ck_assert(text_is_utf8(desk.bytes));
	desk_close(&desk);
}
END_TEST

START_TEST(the_old_endpoint_answers_in_its_own_form)
{
	struct desk desk;
	struct text body = TEXT("{\"model\":\"sim-small\",\"prompt\":\"Once\",\"logprobs\":1}");

	desk_open(&desk, NULL);
	desk_send(&desk, "POST", "/v1/completions", "Bearer sim-key", body);
	ck_assert_int_eq(desk.output.status, 200);
	assert_text(desk_at(&desk, "/object"), "text_completion");
	ck_assert(text_starts(desk_at(&desk, "/id"), TEXT("cmpl-")));
	ck_assert_int_eq(number_at(&desk, "/usage/completion_tokens"), 16);
	ck_assert_uint_eq(json_pointer(desk.body, TEXT("/choices/0/logprobs/tokens"))->count, 16);
	struct text text = desk_at(&desk, "/choices/0/text");
	body = TEXT("{\"model\":\"sim-small\",\"prompt\":\"Once\",\"logprobs\":1,\"stream\":true}");
	desk_send(&desk, "POST", "/v1/completions", "Bearer sim-key", body);
	ck_assert(text_equal(desk_joined(&desk, "/choices/0/text"), text));
	ck_assert(text_ends(desk.bytes, TEXT("data: [DONE]\n\n")));
	desk_close(&desk);
}
END_TEST

START_TEST(embeddings_are_unit_vectors_in_order)
{
	struct desk desk;
	struct text body =
	    TEXT("{\"model\":\"sim-small\",\"input\":[\"a cat\",\"a dog\",\"a cat\"],"
	         "\"dimensions\":8}");
	double square = 0;

	desk_open(&desk, NULL);
	desk_send(&desk, "POST", "/v1/embeddings", "Bearer sim-key", body);
	ck_assert_int_eq(desk.output.status, 200);
	ck_assert_int_eq(number_at(&desk, "/data/2/index"), 2);
	ck_assert_int_eq(number_at(&desk, "/usage/total_tokens"), 6);
	const struct json *first = json_pointer(desk.body, TEXT("/data/0/embedding"));
	ck_assert_uint_eq(first->count, 8);
	ck_assert(json_equal(first, json_pointer(desk.body, TEXT("/data/2/embedding"))));
	ck_assert(!json_equal(first, json_pointer(desk.body, TEXT("/data/1/embedding"))));
	JSON_EACH(number, first)
	{
		double value;

		ck_assert(text_to_double(number->text, &value));
		square += value * value;
	}
	ck_assert(square > 0.9999 && square < 1.0001);
	desk_close(&desk);
}
END_TEST

START_TEST(base64_embeddings_are_little_endian_floats)
{
	struct desk desk;
	struct text body = TEXT("{\"model\":\"sim-small\",\"input\":\"one\",\"dimensions\":1,"
	                        "\"encoding_format\":\"base64\"}");

	desk_open(&desk, NULL);
	desk_send(&desk, "POST", "/v1/embeddings", "Bearer sim-key", body);
	struct text coded = desk_at(&desk, "/data/0/embedding");
	/* one dimension, normalised: 1.0f or -1.0f, 00 00 80 3f or bf */
	ck_assert_msg(text_is(coded, "AACAPw==") || text_is(coded, "AACAvw=="), "got %.*s",
	              TEXT_ARG(coded));
	desk_close(&desk);
}
END_TEST

START_TEST(models_are_listed_with_their_context)
{
	struct desk desk;

	desk_open(&desk, NULL);
	desk_send(&desk, "GET", "/v1/models", "Bearer sim-key", (struct text){0});
	assert_text(desk_at(&desk, "/object"), "list");
	assert_text(desk_at(&desk, "/data/1/id"), "sim-large");
	ck_assert_int_eq(number_at(&desk, "/data/0/context_length"), 8192);
	desk_send(&desk, "GET", "/v1/models/sim-large", "Bearer sim-key", (struct text){0});
	assert_text(desk_at(&desk, "/id"), "sim-large");
	desk_send(&desk, "GET", "/v1/models/none", "Bearer sim-key", (struct text){0});
	ck_assert_int_eq(desk.output.status, 404);
	desk_close(&desk);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_plain_reply_has_everything_that_openai_sends);
	tcase_add_test(cases, the_same_request_has_the_same_answer_and_another_seed_another);
	tcase_add_test(cases, a_stream_begins_with_the_role_and_ends_with_done);
	tcase_add_test(cases, usage_comes_in_a_last_chunk_where_it_is_asked_for);
	tcase_add_test(cases, a_cut_reply_says_length_and_keeps_the_cap);
	tcase_add_test(cases, text_ends_before_a_stop);
	tcase_add_test(cases, several_choices_come_with_their_own_index_and_interleave);
	tcase_add_test(cases, logprobs_join_to_the_content);
	tcase_add_test(cases, a_tool_is_called_when_the_user_means_it);
	tcase_add_test(cases, tool_choice_is_obeyed);
	tcase_add_test(cases, two_tools_are_called_at_once_unless_that_is_forbidden);
	tcase_add_test(cases, a_streamed_call_comes_in_fragments);
	tcase_add_test(cases, a_tool_result_is_told);
	tcase_add_test(cases, a_schema_is_kept);
	tcase_add_test(cases, json_mode_gives_an_object);
	tcase_add_test(cases, no_character_is_torn_by_a_stream);
	tcase_add_test(cases, the_old_endpoint_answers_in_its_own_form);
	tcase_add_test(cases, embeddings_are_unit_vectors_in_order);
	tcase_add_test(cases, base64_embeddings_are_little_endian_floats);
	tcase_add_test(cases, models_are_listed_with_their_context);
}

int main(void)
{
	return unit_main("sim_reply", add);
}
