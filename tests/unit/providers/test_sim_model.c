/* What the simulated model is made of: tokens, instances of schemas, echoes. */
#include "tests/unit/providers/sim_desk.h"

static struct arena arena;

static void finish(void)
{
	arena_done(&arena);
}

START_TEST(a_token_is_a_word_with_its_space_or_a_sign)
{
	static const struct {
		const char *text;
		int64_t count;
	} rows[] = {
	    {"", 0},
	    {"word", 1},
	    {" word", 1},
	    {"two words", 2},
	    {"two  words", 3},
	    {"Hello, world!", 4},
	    {"a\n\nb", 3},
	    {"snake_case9", 1},
	    {"\xe6\x97\xa5\xe6\x9c\xac", 2},
	    {"na\xc3\xafve", 1},
	    {"\xf0\x9f\x98\x80", 1},
	    {"\xff\xfe", 2},
	    {"123456789012345678901234567890123", 2},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		ck_assert_msg(sim_tokens_count(text_of(rows[i].text)) == rows[i].count,
		              "\"%s\": %lld", rows[i].text,
		              (long long)sim_tokens_count(text_of(rows[i].text)));
	ck_assert_uint_eq(sim_tokens_prefix(TEXT("one two three"), 2), 7);
	ck_assert_uint_eq(sim_tokens_prefix(TEXT("one"), 9), 3);
}
END_TEST

struct instance_row {
	const char *schema, *hint, *made;
};

static const struct instance_row instances[] = {
    {"{'type':'object'}", "", "{}"},
    {"{'properties':{'a':{'type':'boolean'}}}", "", "{\"a\":true}"},
    {"{'properties':{'a':{},'b':{}},'required':['b']}", "", "{\"b\":\"b\"}"},
    {"{'required':['c']}", "", "\"value\""},
    {"{'type':'object','required':['c']}", "", "{\"c\":\"c\"}"},
    {"{'type':'string'}", "Fly to Oslo now", "\"Oslo\""},
    {"{'type':'string'}", "Say \"yes sir\" to Oslo", "\"yes sir\""},
    {"{'type':'string','minLength':7}", "go to Oslo", "\"Osloxxx\""},
    {"{'type':'string','maxLength':2}", "go to Oslo", "\"Os\""},
    {"{'type':'string','format':'date'}", "", "\"2026-01-15\""},
    {"{'enum':['red','blue']}", "the BLUE one", "\"blue\""},
    {"{'enum':[3,null]}", "", "3"},
    {"{'const':{'x':1}}", "", "{\"x\":1}"},
    {"{'type':'integer','minimum':3}", "", "3"},
    {"{'type':'integer','minimum':3}", "take 17", "17"},
    {"{'type':'integer','maximum':9}", "take 17", "1"},
    {"{'type':'integer','exclusiveMinimum':3}", "", "4"},
    {"{'type':'integer','minimum':3,'multipleOf':5}", "", "5"},
    {"{'type':'number','exclusiveMinimum':0,'exclusiveMaximum':0.5}", "", "0.25"},
    {"{'type':['null','integer']}", "", "1"},
    {"{'type':'array','items':{'type':'integer'}}", "", "[1]"},
    {"{'type':'array','items':{'type':'integer'},'minItems':3}", "", "[1,2,3]"},
    {"{'type':'array','maxItems':0}", "", "[]"},
    {"{'type':'array','items':{'enum':['a','b']},'minItems':2}", "", "[\"a\",\"b\"]"},
    {"{'prefixItems':[{'type':'null'},{'type':'boolean'}]}", "", "[null,true]"},
    {"{'anyOf':[{'type':'null'},{'type':'integer'}]}", "", "1"},
    {"{'oneOf':[{'type':'object','properties':{'k':{'const':'a'}},'required':['k']}]}", "",
     "{\"k\":\"a\"}"},
    {"{'allOf':[{'properties':{'a':{'const':1}},'required':['a']},{'properties':{'b':{'const':2}},"
     "'required':['b']}]}",
     "", "{\"a\":1,\"b\":2}"},
    {"{'$defs':{'p':{'type':'integer'}},'type':'object','properties':{'a':{'$ref':'#/$defs/p'}},"
     "'required':['a']}",
     "", "{\"a\":1}"},
    {"{'$ref':'#'}", "", "\"value\""},
    {"'nothing'", "", "{}"},
};

static const struct json *read_single(const char *text)
{
	struct text copy = text_copy(&arena, text_of(text));
	char *bytes = arena_alloc_bytes(&arena, copy.len);
	struct json *root;
	struct fault fault;

	for (size_t i = 0; i < copy.len; i++)
		bytes[i] = copy.data[i] == '\'' ? '"' : copy.data[i];
	ck_assert_msg(
	    json_read_text((struct text){bytes, copy.len}, "schema", &arena, &root, &fault),
	    "%s: %s", text, fault.message);
	return root;
}

START_TEST(an_instance_keeps_its_schema)
{
	for (size_t i = 0; i < ARRAY_LENGTH(instances); i++) {
		struct text made = sim_instance(read_single(instances[i].schema),
		                                text_of(instances[i].hint), &arena);
		ck_assert_msg(text_is(made, instances[i].made), "%s: %.*s", instances[i].schema,
		              TEXT_ARG(made));
	}
	finish();
}
END_TEST

START_TEST(a_schema_without_end_ends)
{
	static const char *const endless[] = {
	    "{'type':'object','properties':{'a':{'$ref':'#'}},'required':['a']}",
	    "{'type':'array','items':{'$ref':'#'},'minItems':9}",
	    "{'anyOf':[{'anyOf':[{'$ref':'#'}]}]}",
	    ("{'type':'object','properties':{'a':{'$ref':'#'},'b':{'$ref':'#'},'c':{'$ref':'#'}},"
	     "'required':['a','b','c']}"),
	};

	for (size_t i = 0; i < ARRAY_LENGTH(endless); i++) {
		struct text made = sim_instance(read_single(endless[i]), TEXT(""), &arena);
		struct json *root;
		struct fault fault;
		ck_assert_uint_lt(made.len, 200000);
		ck_assert_msg(json_read_text(made, "made", &arena, &root, &fault), "%s: %s",
		              endless[i], fault.message);
	}
	finish();
}
END_TEST

static struct text reply_to(struct desk *desk, const char *prompt)
{
	desk_ask(desk,
	         text_format(&desk->arena,
	                     "{'model':'sim-small','messages':[{'role':'user','content':'%s'}]}",
	                     prompt)
	             .data);
	return desk_at(desk, "/choices/0/message/content");
}

START_TEST(what_is_to_be_repeated_is_repeated)
{
	struct desk desk;

	desk_open(&desk, NULL);
	assert_text(reply_to(&desk, "Reply with this word and nothing else: banana"), "banana");
	ck_assert(text_starts(reply_to(&desk, "My note: banana"), TEXT("This is a simulated")));
	ck_assert_int_eq(sim_tokens_count(reply_to(&desk, "Write 300 words")), 300);
	desk_close(&desk);
}
END_TEST

START_TEST(telling_parts_of_a_tool_name_mean_the_tool)
{
	static const struct {
		const char *tool, *said;
		bool called;
	} rows[] = {
	    {"get_weather", "how is the weather", true},
	    {"get_weather", "please get_weather now", true},
	    {"getStockPrice", "the stock of ACME", true},
	    {"get_weather", "get me a coffee", false},
	    {"search_data", "search the data", false},
	    {"add", "add two numbers", true},
	    {"send-mail", "write a mail to Ann", true},
	};
	struct desk desk;

	desk_open(&desk, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		desk_ask(&desk,
		         text_format(&desk.arena,
		                     "{'model':'sim-small','messages':[{'role':'user','content':"
		                     "'%s'}],'tools':[{'type':'function','function':{'name':"
		                     "'%s'}}]}",
		                     rows[i].said, rows[i].tool)
		             .data);
		ck_assert_msg(desk_says(&desk, "tool_calls") == rows[i].called, "%s: %s",
		              rows[i].tool, rows[i].said);
	}
	desk_close(&desk);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_token_is_a_word_with_its_space_or_a_sign);
	tcase_add_test(cases, an_instance_keeps_its_schema);
	tcase_add_test(cases, a_schema_without_end_ends);
	tcase_add_test(cases, what_is_to_be_repeated_is_repeated);
	tcase_add_test(cases, telling_parts_of_a_tool_name_mean_the_tool);
}

int main(void)
{
	return unit_main("sim_model", add);
}
