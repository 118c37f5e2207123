/*
 * What the simulator does when it is broken on purpose: names, counts and shares, and each
 * fault that belongs to no case. (Defects of cases are proven against the suite itself.)
 */
#include "tests/unit/providers/sim_desk.h"

#define HELLO "{'model':'sim-small','messages':[{'role':'user','content':'Hello there.'}]"
#define TOOLS                                                                                      \
	"'tools':[{'type':'function','function':{'name':'get_weather','parameters':{'type':"       \
	"'object','properties':{'city':{'type':'string'},'days':{'type':'integer'}},'required':["  \
	"'city','days'],'additionalProperties':false}}}]"
#define PARIS                                                                                      \
	"{'model':'sim-small','messages':[{'role':'user','content':'The weather in "               \
	"Paris?'}]," TOOLS
#define STREAM ",'stream':true,'stream_options':{'include_usage':true}}"
#define SCHEMA                                                                                     \
	",'response_format':{'type':'json_schema','json_schema':{'name':'x','schema':{'type':"     \
	"'object','properties':{'a':{'type':'integer'}},'required':['a'],'additionalProperties':"  \
	"false}}}"

static struct desk desk;

static void refused(const char *breaks, const char *says)
{
	struct sim_options options = sim_defaults;
	struct text name = text_of(breaks);
	struct sim_setup setup;
	struct fault fault;

	options.breaks = &name;
	options.break_count = 1;
	ck_assert(!sim_setup_init(&setup, &options, &fault));
	assert_fault_says(&fault, says);
	ck_assert_int_eq(fault.kind, FAULT_USAGE);
}

START_TEST(unknown_names_are_refused_and_the_nearest_is_offered)
{
	struct sim_options options = sim_defaults;
	struct sim_setup setup;
	struct fault fault;

	refused("TC-101", "the nearest is TC-");
	refused("storm-501", "the nearest is storm-50");
	refused("nonsense", "no defect \"nonsense\"");
	refused("TC-10:", "want NAME");
	refused("TC-10:0", "want NAME");
	refused("TC-10%101", "want NAME");
	options.profile = TEXT("drops-tool-indx");
	ck_assert(!sim_setup_init(&setup, &options, &fault));
	assert_fault_says(&fault, "the nearest is drops-tool-index");
}
END_TEST

START_TEST(every_profile_can_be_had)
{
	for (const struct sim_profile_info *row = sim_profiles; row->name != NULL; row++) {
		struct sim_options options = sim_defaults;
		struct sim_setup setup;
		struct fault fault;

		options.profile = text_of(row->name);
		ck_assert_msg(sim_setup_init(&setup, &options, &fault), "%s: %s", row->name,
		              fault.message);
		sim_setup_done(&setup);
		if (row > sim_profiles)
			ck_assert_int_lt(strcmp(row[-1].name, row->name), 0);
	}
}
END_TEST

START_TEST(the_tables_are_sorted_and_say_something)
{
	const struct sim_defect_info *const tables[] = {sim_defects, sim_faults,
	                                                sim_native_defects};

	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
		for (const struct sim_defect_info *row = tables[i]; row->id != NULL; row++) {
			ck_assert(strlen(row->does) > 10);
			if (row > tables[i])
				ck_assert_msg(strcmp(row[-1].id, row->id) < 0, "%s", row->id);
		}
}
END_TEST

START_TEST(a_count_limits_a_fault_to_the_first_requests)
{
	desk_open(&desk, "overload-503:2");
	for (int i = 1; i <= 4; i++) {
		desk_ask(&desk, HELLO "}");
		ck_assert_int_eq(desk.output.status, i <= 2 ? 503 : 200);
	}
	desk_close(&desk);
}
END_TEST

START_TEST(a_share_hits_about_so_many_requests_and_always_the_same)
{
	int failed = 0;

	desk_open(&desk, "overload-503%30");
	for (int i = 0; i < 300; i++) {
		const char *body = text_format(&desk.arena, HELLO ",'seed':%d}", i).data;
		desk_ask(&desk, body);
		int status = desk.output.status;
		failed += status == 503;
		desk_ask(&desk, body);
		ck_assert_int_eq(desk.output.status, status);
	}
	ck_assert_int_gt(failed, 60);
	ck_assert_int_lt(failed, 120);
	desk_close(&desk);
}
END_TEST

struct fault_row {
	const char *name;
	const char *body;
	int status;
	const char *has;     /* NULL: nothing in particular */
	const char *has_not; /* NULL: nothing in particular */
};

static const struct fault_row fault_rows[] = {
    {"comments", HELLO STREAM, 200, ": SIMULATOR PROCESSING\n\n", NULL},
    {"crlf", HELLO STREAM, 200, "\r\n\r\n", "}\n\n"},
    {"deny-401", HELLO "}", 401, "invalid_api_key", NULL},
    {"empty-success", HELLO "}", 200, "\"content\": \"\"", NULL},
    {"empty-success", PARIS STREAM, 200, "\"finish_reason\":\"stop\"", "tool_calls"},
    {"end-without-finish", HELLO STREAM, 200, "data: [DONE]\n\n", "\"finish_reason\":\"stop\""},
    {"error-200", HELLO "}", 200, "\"error\": {", "choices"},
    {"error-200", HELLO STREAM, 200, "\"error\": {", "data: "},
    {"filter-chunk-first", HELLO STREAM, 200, "data: {\"choices\":[],\"created\":0,\"id\":\"\"",
     NULL},
    {"finish-cut-as-stop", HELLO ",'max_tokens':2}", 200, "\"finish_reason\": \"stop\"", "length"},
    {"finish-stop-with-calls", PARIS "}", 200, "\"finish_reason\": \"stop\"", NULL},
    {"html-200", HELLO "}", 200, "<html>", NULL},
    {"ignore-schema", HELLO SCHEMA "}", 200, "in my own words", NULL},
    {"ignore-tool-choice", PARIS ",'tool_choice':'none'}", 200, "\"tool_calls\"", NULL},
    {"ignore-tool-choice", PARIS ",'tool_choice':'required'}", 200, "if you like", "tool_calls"},
    {"inband-error", HELLO STREAM, 200, "data: {\"error\":{", "[DONE]"},
    {"inband-error-done", HELLO STREAM, 200, "}}\n\ndata: [DONE]\n\n", "\"usage\":{"},
    {"inband-error-first", HELLO STREAM, 200, "data: {\"error\":{", "choices"},
    {"json-on-stream", HELLO STREAM, 200, "\"object\": \"chat.completion\"", "data: "},
    {"malformed-event", HELLO STREAM, 200, "\"delta\":{\"cont\n\n", NULL},
    {"overload-503", HELLO "}", 503, "overloaded", NULL},
    {"pay-402", HELLO "}", 402, "Insufficient balance", NULL},
    {"quota-429", HELLO "}", 429, "insufficient_quota", NULL},
    {"refuse-unknown", HELLO ",'enable_thinking':true}", 400, "enable_thinking", NULL},
    {"storm-429", HELLO "}", 429, "rate_limit_exceeded", NULL},
    {"storm-500", HELLO STREAM, 500, "server_error", NULL},
    {"tool-as-text", PARIS "}", 200, "<tool_call>", "\"tool_calls\": ["},
    {"tool-braces-prefix", PARIS STREAM, 200, "\"arguments\":\"{}\"", NULL},
    {"tool-empty-arguments", PARIS "}", 200, "\"arguments\": \"\"", NULL},
    {"tool-one-character", PARIS STREAM, 200, "\"arguments\":\"{\"}", NULL},
    {"tool-whole", PARIS STREAM, 200,
     "\"arguments\":\"{\\\"city\\\":\\\"Paris\\\",\\\"days\\\":1}\"", "\"arguments\":\"\""},
    {"usage-absent", HELLO "}", 200, NULL, "\"usage\""},
    {"usage-absent", HELLO STREAM, 200, "\"usage\":null", "\"usage\":{"},
    {"usage-cached-over-prompt", HELLO "}", 200, "\"cached_tokens\": 7", NULL},
    {"usage-output-tenfold", HELLO "}", 200, "\"completion_tokens\": 400", NULL},
    {"usage-with-choices", HELLO STREAM, 200,
     "\"delta\":{},\"logprobs\":null,\"finish_reason\":null}],\"usage\":{", "\"choices\":[]"},
    {"usage-zero", HELLO "}", 200, "\"total_tokens\": 0", NULL},
};

START_TEST(each_fault_does_what_its_row_says)
{
	const struct fault_row *row = &fault_rows[_i];

	desk_open(&desk, row->name);
	desk_ask(&desk, row->body);
	ck_assert_msg(desk.output.status == row->status, "%s: %d", row->name, desk.output.status);
	ck_assert_msg(row->has == NULL || desk_says(&desk, row->has), "%s: %.*s", row->name,
	              TEXT_ARG(desk.bytes));
	ck_assert_msg(row->has_not == NULL || !desk_says(&desk, row->has_not), "%s: %.*s",
	              row->name, TEXT_ARG(desk.bytes));
	desk_close(&desk);
	/* And nothing of the kind without it. */
	desk_open(&desk, NULL);
	desk_ask(&desk, row->body);
	bool changed = desk.output.status != row->status ||
	               (row->has != NULL && !desk_says(&desk, row->has)) ||
	               (row->has_not != NULL && desk_says(&desk, row->has_not)) ||
	               (row->has == NULL && row->has_not == NULL);
	ck_assert_msg(changed, "%s shows without it too", row->name);
	desk_close(&desk);
}
END_TEST

START_TEST(arguments_survive_every_way_of_cutting_them)
{
	static const char *const names[] = {
	    "tool-whole", "tool-one-character", "tool-changing-ids", "TS-01", "TS-02", "TS-03",
	    "TS-04"};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		desk_open(&desk, names[i]);
		desk_ask(&desk, PARIS STREAM);
		assert_text(desk_joined(&desk, "/choices/0/delta/tool_calls/0/function/arguments"),
		            "{\"city\":\"Paris\",\"days\":1}");
		assert_text(desk_joined(&desk, "/choices/0/delta/tool_calls/0/function/name"),
		            "get_weather");
		desk_close(&desk);
	}
}
END_TEST

START_TEST(usage_with_every_chunk_grows_to_the_whole)
{
	int64_t before = -1, last = -1;

	desk_open(&desk, "usage-every-chunk");
	desk_ask(&desk, HELLO STREAM);
	struct text rest = desk.bytes, line;
	while (text_next_field(&rest, '\n', &line)) {
		struct json *event;
		struct fault fault;

		if (!text_starts(line, TEXT("data: {")))
			continue;
		ck_assert(json_read_text(text_slice(line, 6, line.len), "event", &desk.arena,
		                         &event, &fault));
		ck_assert(json_node_integer(json_pointer(event, TEXT("/usage/completion_tokens")),
		                            0, 1000, &last));
		ck_assert_int_ge(last, before);
		before = last;
	}
	ck_assert_int_eq(last, desk.output.stream->completion.usage.completion);
	desk_close(&desk);
}
END_TEST

START_TEST(a_torn_character_is_torn_between_two_events)
{
	desk_open(&desk, "torn-utf8");
	desk_ask(&desk, HELLO STREAM);
	ck_assert(!text_is_utf8(desk.bytes));
	ck_assert(desk_says(&desk, "\"content\":\"\xe2\x82\""));
	ck_assert(desk_says(&desk, "\"content\":\"\xac\""));
	desk_close(&desk);
}
END_TEST

START_TEST(a_wait_is_told_in_every_form)
{
	static const struct {
		const char *name, *first, *second;
	} rows[] = {
	    {"retry-after-seconds", "1", "1"},
	    {"retry-after-huge", "8640000", "8640000"},
	    {"retry-after-negative", "-5", "-5"},
	    {"retry-after-changing", "1", "3"},
	    {"retry-after-date", "Sat, 21 Nov 2026 10:00:02 GMT", "Sat, 21 Nov 2026 10:00:02 GMT"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		desk_open(&desk, rows[i].name);
		desk_ask(&desk, HELLO "}");
		ck_assert_int_eq(desk.output.status, 429);
		assert_text(desk_header(&desk, "retry-after"), rows[i].first);
		desk_ask(&desk, HELLO "}");
		assert_text(desk_header(&desk, "retry-after"), rows[i].second);
		desk_close(&desk);
	}
}
END_TEST

START_TEST(two_calls_are_made_where_one_is_allowed)
{
	desk_open(&desk, "ignore-parallel");
	desk_ask(&desk, PARIS ",'parallel_tool_calls':false}");
	ck_assert_uint_eq(desk_count(&desk, "\"id\": \"call_"), 2);
	desk_close(&desk);
}
END_TEST

START_TEST(an_overlooked_seed_gives_another_answer_each_time)
{
	desk_open(&desk, "ignore-seed");
	desk_ask(&desk, HELLO ",'seed':1}");
	struct text first = desk_at(&desk, "/choices/0/message/content");
	desk_ask(&desk, HELLO ",'seed':1}");
	ck_assert(!text_equal(first, desk_at(&desk, "/choices/0/message/content")));
	desk_close(&desk);
}
END_TEST

START_TEST(short_ids_are_sent_by_who_wants_them_back)
{
	desk_open(&desk, "TR-03");
	desk_ask(&desk, PARIS "}");
	struct text id = desk_at(&desk, "/choices/0/message/tool_calls/0/id");
	ck_assert_uint_eq(id.len, 9);
	desk_ask(&desk,
	         text_format(&desk.arena,
	                     "{'model':'sim-small','messages':[{'role':'user','content':'a'},"
	                     "{'role':'assistant','tool_calls':[{'id':'%.*s','type':'function',"
	                     "'function':{'name':'f','arguments':'{}'}}]},{'role':'tool',"
	                     "'tool_call_id':'%.*s','content':'x'}]}",
	                     TEXT_ARG(id), TEXT_ARG(id))
	             .data);
	ck_assert_int_eq(desk.output.status, 200);
	desk_close(&desk);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, unknown_names_are_refused_and_the_nearest_is_offered);
	tcase_add_test(cases, every_profile_can_be_had);
	tcase_add_test(cases, the_tables_are_sorted_and_say_something);
	tcase_add_test(cases, a_count_limits_a_fault_to_the_first_requests);
	tcase_add_test(cases, a_share_hits_about_so_many_requests_and_always_the_same);
	tcase_add_loop_test(cases, each_fault_does_what_its_row_says, 0,
	                    (int)ARRAY_LENGTH(fault_rows));
	tcase_add_test(cases, arguments_survive_every_way_of_cutting_them);
	tcase_add_test(cases, usage_with_every_chunk_grows_to_the_whole);
	tcase_add_test(cases, a_torn_character_is_torn_between_two_events);
	tcase_add_test(cases, a_wait_is_told_in_every_form);
	tcase_add_test(cases, two_calls_are_made_where_one_is_allowed);
	tcase_add_test(cases, an_overlooked_seed_gives_another_answer_each_time);
	tcase_add_test(cases, short_ids_are_sent_by_who_wants_them_back);
}

int main(void)
{
	return unit_main("sim_faults", add);
}
