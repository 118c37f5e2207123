/* The simulator's Responses endpoint: items in and out, events, what is stored, what is refused. */
#include "tests/unit/providers/sim_desk.h"

#include "providers/sim/sim_memory.h"

/* In `body` a single quote stands for a double one. */
static void ask(struct desk *desk, const char *body)
{
	struct text json = text_copy(&desk->arena, text_of(body));
	char *bytes = arena_alloc_bytes(&desk->arena, json.len + 1);

	for (size_t i = 0; i < json.len; i++)
		bytes[i] = json.data[i] == '\'' ? '"' : json.data[i];
	desk_send(desk, "POST", "/v1/responses", "Bearer sim-key", (struct text){bytes, json.len});
}

START_TEST(a_text_is_answered_by_a_message)
{
	struct desk desk;

	desk_open(&desk, NULL);
	ask(&desk, "{'model':'sim-small','input':'Say: good day','temperature':0.5}");
	ck_assert_int_eq(desk.output.status, 200);
	assert_text(desk_at(&desk, "/object"), "response");
	assert_text(desk_at(&desk, "/status"), "completed");
	assert_text(desk_at(&desk, "/output/0/type"), "message");
	assert_text(desk_at(&desk, "/output/0/role"), "assistant");
	assert_text(desk_at(&desk, "/output/0/content/0/type"), "output_text");
	assert_text(desk_at(&desk, "/output/0/content/0/text"), "good day");
	assert_text(desk_at(&desk, "/temperature"), "0.5");
	assert_text(desk_at(&desk, "/text/format/type"), "text");
	ck_assert(json_is(json_pointer(desk.body, TEXT("/incomplete_details")), JSON_NULL));
	assert_text(desk_at(&desk, "/usage/output_tokens"), "2");
	desk_close(&desk);
}
END_TEST

START_TEST(events_come_in_the_documented_order_and_are_numbered)
{
	static const char *const order[] = {
	    "response.created",           "response.in_progress",
	    "response.output_item.added", "response.content_part.added",
	    "response.output_text.delta", "response.output_text.done",
	    "response.content_part.done", "response.output_item.done",
	    "response.completed"};
	struct desk desk;
	size_t at = 0;

	desk_open(&desk, NULL);
	ask(&desk, "{'model':'sim-small','input':'Say: one two three','stream':true}");
	assert_text(desk_header(&desk, "content-type"), "text/event-stream; charset=utf-8");
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		at = text_find(desk.bytes, text_of(order[i]), at);
		ck_assert_msg(at != TEXT_NOT_FOUND, "%s is not where it should be", order[i]);
	}
	assert_text(desk_joined(&desk, "/delta"), "one two three");
	assert_text(desk_joined(&desk, "/text"), "one two three");
	ck_assert_uint_eq(desk_count(&desk, "\"sequence_number\":0,"), 1);
	ck_assert_uint_eq(desk_count(&desk, "\"sequence_number\":10,"), 1);
	ck_assert_uint_eq(desk_count(&desk, "[DONE]"), 0);
	desk_close(&desk);
}
END_TEST

#define TOOL                                                                                       \
	"'tools':[{'type':'function','name':'get_tide','parameters':{'type':'object',"             \
	"'properties':{'port':{'type':'string'}},'required':['port'],'additionalProperties':"      \
	"false}}]"

START_TEST(a_call_is_an_item_and_its_result_goes_back_by_call_id)
{
	struct desk desk;

	desk_open(&desk, NULL);
	ask(&desk, "{'model':'sim-small','input':'Sail to Brest now'," TOOL
	           ",'tool_choice':{'type':'function','name':'get_tide'}}");
	assert_text(desk_at(&desk, "/output/0/type"), "function_call");
	assert_text(desk_at(&desk, "/output/0/name"), "get_tide");
	assert_text(desk_at(&desk, "/output/0/arguments"), "{\"port\":\"Brest\"}");
	ck_assert(text_starts(desk_at(&desk, "/output/0/call_id"), TEXT("call_")));
	ask(&desk,
	    "{'model':'sim-small','input':[{'role':'user','content':[{'type':'input_text','text':"
	    "'Sail to Brest now'}]},{'type':'function_call','call_id':'c1','name':'get_tide',"
	    "'arguments':'{}'},{'type':'function_call','call_id':'c2','name':'get_tide',"
	    "'arguments':'{}'},{'type':'function_call_output','call_id':'c2','output':'ebb'},"
	    "{'type':'function_call_output','call_id':'c1','output':'flood'}]," TOOL "}");
	ck_assert_int_eq(desk.output.status, 200);
	assert_text(desk_at(&desk, "/output/0/content/0/text"), "The tools returned: ebb flood");
	desk_close(&desk);
}
END_TEST

START_TEST(a_limit_makes_it_incomplete_and_a_schema_makes_it_json)
{
	struct desk desk;

	desk_open(&desk, NULL);
	ask(&desk, "{'model':'sim-small','input':'Write 50 words','max_output_tokens':5}");
	assert_text(desk_at(&desk, "/status"), "incomplete");
	assert_text(desk_at(&desk, "/incomplete_details/reason"), "max_output_tokens");
	assert_text(desk_at(&desk, "/usage/output_tokens"), "5");
	ask(&desk, "{'model':'sim-small','input':'Write 50 words','max_output_tokens':5,"
	           "'stream':true}");
	ck_assert_uint_eq(desk_count(&desk, "event: response.incomplete\n"), 1);
	ck_assert_uint_eq(desk_count(&desk, "event: response.completed\n"), 0);
	ask(&desk, "{'model':'sim-small','input':'go','text':{'format':{'type':'json_schema',"
	           "'name':'n','schema':{'type':'object','properties':{'a':{'type':'boolean'}},"
	           "'required':['a']}}}}");
	assert_text(desk_at(&desk, "/output/0/content/0/text"), "{\"a\":true}");
	assert_text(desk_at(&desk, "/text/format/name"), "n");
	desk_close(&desk);
}
END_TEST

START_TEST(a_stored_response_is_gone_on_with_and_can_be_fetched)
{
	struct desk desk;

	desk_open(&desk, NULL);
	ask(&desk, "{'model':'sim-small','input':'The password is swordfish.'}");
	struct text id = text_copy(&desk.arena, desk_at(&desk, "/id"));
	struct text path = text_format(&desk.arena, "/v1/responses/%.*s", TEXT_ARG(id));
	ask(&desk, text_format(&desk.arena,
	                       "{'model':'sim-small','input':'Repeat my previous message.',"
	                       "'previous_response_id':'%.*s'}",
	                       TEXT_ARG(id))
	               .data);
	assert_text(desk_at(&desk, "/output/0/content/0/text"), "The password is swordfish.");
	assert_text(desk_at(&desk, "/previous_response_id"), id.data);
	desk_send(&desk, "GET", path.data, "Bearer sim-key", TEXT(""));
	assert_text(desk_at(&desk, "/id"), id.data);
	desk_send(&desk, "GET", path.data, "Bearer wrong", TEXT(""));
	ck_assert_int_eq(desk.output.status, 401);
	ask(&desk, "{'model':'sim-small','input':'Not kept.','store':false}");
	path = text_format(&desk.arena, "/v1/responses/%.*s", TEXT_ARG(desk_at(&desk, "/id")));
	desk_send(&desk, "GET", path.data, "Bearer sim-key", TEXT(""));
	ck_assert_int_eq(desk.output.status, 404);
	desk_close(&desk);
}
END_TEST

START_TEST(what_is_wrong_is_refused_by_the_names_of_this_endpoint)
{
	static const struct {
		const char *members, *param, *code;
	} known[] = {
	    {"'a':1", "input", "missing_required_parameter"},
	    {"'input':7", "input", "invalid_type"},
	    {"'input':[]", "input", "empty_array"},
	    {"'input':[{'type':'telepathy'}]", "input[0].type", "invalid_value"},
	    {"'input':[{'role':'narrator','content':'x'}]", "input[0].role", "invalid_value"},
	    {"'input':[{'role':'user'}]", "input[0].content", "missing_required_parameter"},
	    {"'input':[{'role':'user','content':[{'type':'text','text':'x'}]}]",
	     "input[0].content[0].type", "invalid_value"},
	    {"'input':[{'type':'function_call','call_id':'c','name':'f'}]", "input[0].arguments",
	     "missing_required_parameter"},
	    {"'input':'x','previous_response_id':'resp_no'", "previous_response_id",
	     "previous_response_not_found"},
	    {"'input':'x','max_output_tokens':0", "max_output_tokens", "integer_below_min_value"},
	    {"'input':'x','temperature':3", "temperature", "decimal_above_max_value"},
	    {"'input':'x','text':{'format':{'type':'yaml'}}", "text.format.type", "invalid_value"},
	    {"'input':'x','stream':true,'stream_options':{'include_usage':true}",
	     "stream_options.include_usage", "unknown_parameter"},
	};
	struct desk desk;

	desk_open(&desk, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		ask(&desk,
		    text_format(&desk.arena, "{'model':'sim-small',%s}", known[i].members).data);
		ck_assert_msg(desk.output.status == 400, "%s", known[i].members);
		assert_text(desk_at(&desk, "/error/param"), known[i].param);
		assert_text(desk_at(&desk, "/error/code"), known[i].code);
	}
	ask(&desk, "{'model':'nobody','input':'x'}");
	ck_assert_int_eq(desk.output.status, 404);
	desk_close(&desk);
}
END_TEST

START_TEST(a_failure_is_an_event)
{
	struct desk desk;

	desk_open(&desk, "inband-error");
	ask(&desk, "{'model':'sim-small','input':'Say: one two three','stream':true}");
	ck_assert_uint_eq(desk_count(&desk, "event: response.failed\n"), 1);
	ck_assert_uint_eq(desk_count(&desk, "\"status\":\"failed\""), 1);
	ck_assert_uint_eq(desk_count(&desk, "event: response.completed\n"), 0);
	desk_close(&desk);
	desk_open(&desk, "inband-error-first");
	ask(&desk, "{'model':'sim-small','input':'Say: one two three','stream':true}");
	ck_assert_uint_eq(desk_count(&desk, "event: "), 2);
	ck_assert_uint_eq(desk_count(&desk, "event: error\n"), 1);
	desk_close(&desk);
}
END_TEST

START_TEST(the_memory_is_bounded)
{
	struct sim_memory *memory = sim_memory_new();
	struct arena arena = {0};

	for (int i = 0; i <= SIM_MEMORY_ENTRIES; i++) {
		struct text id = text_format(&arena, "resp_%d", i);
		sim_memory_keep(memory, &(struct sim_memory_entry){id, TEXT("{}"), TEXT("{}")});
	}
	ck_assert_ptr_null(sim_memory_find(memory, TEXT("resp_0")));
	ck_assert_ptr_nonnull(sim_memory_find(memory, TEXT("resp_1")));
	sim_memory_keep(memory,
	                &(struct sim_memory_entry){TEXT("resp_9"), TEXT("again"), TEXT("{}")});
	assert_text(sim_memory_find(memory, TEXT("resp_9"))->messages, "again");
	ck_assert_ptr_nonnull(sim_memory_find(memory, TEXT("resp_1"))); /* nothing made room */
	struct text large = {arena_alloc_bytes(&arena, SIM_MEMORY_MAX_BYTES), SIM_MEMORY_MAX_BYTES};
	memset((void *)(uintptr_t)large.data, 'x', large.len);
	sim_memory_keep(memory, &(struct sim_memory_entry){TEXT("resp_l"), large, TEXT("{}")});
	ck_assert_ptr_null(sim_memory_find(memory, TEXT("resp_l")));
	sim_memory_free(memory);
	arena_done(&arena);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_text_is_answered_by_a_message);
	tcase_add_test(cases, events_come_in_the_documented_order_and_are_numbered);
	tcase_add_test(cases, a_call_is_an_item_and_its_result_goes_back_by_call_id);
	tcase_add_test(cases, a_limit_makes_it_incomplete_and_a_schema_makes_it_json);
	tcase_add_test(cases, a_stored_response_is_gone_on_with_and_can_be_fetched);
	tcase_add_test(cases, what_is_wrong_is_refused_by_the_names_of_this_endpoint);
	tcase_add_test(cases, a_failure_is_an_event);
	tcase_add_test(cases, the_memory_is_bounded);
}

int main(void)
{
	return unit_main("sim_responses", add);
}
