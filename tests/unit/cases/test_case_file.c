/* Case files: what is read, and every mistake with its place. */
#include "cases/case_file.h"
#include "cases/expect/expect.h"
#include "cases/resources.h"
#include "tests/unit/unit.h"

static struct arena arena;
static struct fault_list *faults;
static struct suite_resources *resources;

static void setup(void)
{
	arena = (struct arena){0};
	faults = memory_new(sizeof(*faults));
	resources = resources_new();
}

static void teardown(void)
{
	resources_free(resources);
	memory_free(faults);
	arena_done(&arena);
}

static const char *rows_body;

static bool open_rows(void *context, struct text name, struct source **out, struct fault *fault)
{
	(void)context;
	if (!text_is(name, "rows.csv"))
		return fault_set(fault, FAULT_INPUT, "no such file %.*s", TEXT_ARG(name));
	*out = ARENA_NEW(&arena, struct source);
	(*out)->name = TEXT("rows.csv");
	(*out)->body = text_of(rows_body);
	return true;
}

static struct case_reader read_file(const char *body, bool core)
{
	struct case_reader reader = {.arena = &arena,
	                             .resources = resources,
	                             .faults = faults,
	                             .core = core,
	                             .max_cases = 100,
	                             .open_rows = open_rows};
	struct source *source = ARENA_NEW(&arena, struct source);

	*faults = (struct fault_list){0};
	source->name = TEXT("cases.yaml");
	source->body = text_of(body);
	bool good = case_file_read(&reader, source);
	ck_assert(good == (faults->errors == 0));
	for (size_t i = 0; good && i < reader.count; i++)
		(void)!case_check(&reader.cases[i], &arena, faults);
	return reader;
}

static struct case_reader assert_reads(const char *body)
{
	struct case_reader reader = read_file(body, false);

	ck_assert_msg(faults->errors == 0, "%u:%u %s", faults->items[0].line,
	              faults->items[0].column, faults->items[0].message);
	return reader;
}

/* The first mistake is this one, on this line (0: wherever). */
static void assert_mistake(const char *body, unsigned line, const char *says)
{
	(void)read_file(body, false);
	ck_assert_msg(faults->errors > 0, "no mistake, want one that says \"%s\"", says);
	assert_fault_says(&faults->items[0], says);
	if (line != 0)
		ck_assert_uint_eq(faults->items[0].line, line);
}

#define HEAD "capability: tools\ncases:\n"
#define CASE                                                                                       \
	"  - id: a\n"                                                                              \
	"    title: t\n"                                                                           \
	"    class: deterministic\n"                                                               \
	"    severity: gate\n"
#define ASK "    request: {n: 1}\n"
#define WANT "    expect: {status: 200}\n"
#define ANSWER "    reference: {content: x}\n"
/* The first line behind CASE is the seventh. */

START_TEST(a_whole_case_is_read)
{
	struct case_reader reader =
	    assert_reads(HEAD "  - id: TC-10.x\n"
	                      "    title: a named tool_choice calls that function\n"
	                      "    class: stochastic\n"
	                      "    severity: required\n"
	                      "    critical: true\n"
	                      "    vouches: [tools, tool_choice.named]\n"
	                      "    variants: [sync, stream]\n"
	                      "    needs: [context]\n"
	                      "    source: \"API reference\"\n"
	                      "    endpoint: responses\n"
	                      "    method: PUT\n"
	                      "    auth: none\n"
	                      "    stream: true\n"
	                      "    usage_asked: false\n"
	                      "    request: {input: \"{{nonce}}\"}\n"
	                      "    expect: {status: 200}\n"
	                      "    reference: {content: \"{{nonce}}\"}\n");
	const struct eval_case *eval_case = &reader.cases[0];
	const struct case_step *step = &eval_case->steps[0];

	ck_assert_uint_eq(reader.count, 1);
	assert_text(eval_case->id, "TC-10.x");
	assert_text(eval_case->title, "a named tool_choice calls that function");
	assert_text(eval_case->capability, "tools");
	assert_text(eval_case->source, "API reference");
	ck_assert_int_eq(eval_case->class_, CASE_STOCHASTIC);
	ck_assert_int_eq(eval_case->severity, CASE_REQUIRED);
	ck_assert(eval_case->critical);
	ck_assert_uint_eq(eval_case->vouches.count, 2);
	assert_text(eval_case->vouches.items[1], "tool_choice.named");
	ck_assert(eval_case->variants[CASE_SYNC] && eval_case->variants[CASE_STREAM]);
	ck_assert_uint_eq(eval_case->needs, CASE_NEEDS_CONTEXT);
	ck_assert_ptr_null(eval_case->like.data);
	ck_assert_uint_eq(eval_case->step_count, 1);
	ck_assert_int_eq(step->endpoint, ENDPOINT_RESPONSES);
	ck_assert_str_eq(step->method, "PUT");
	ck_assert_int_eq(step->auth, AUTH_NONE);
	ck_assert_int_eq(step->streams, 1);
	ck_assert(!step->usage_asked);
	ck_assert_ptr_nonnull(step->request);
	ck_assert_ptr_null(step->raw.data);
	ck_assert_ptr_nonnull(step->expect);
	ck_assert_ptr_nonnull(step->reference);
}
END_TEST

START_TEST(what_is_not_said_has_its_default)
{
	struct case_reader reader = assert_reads(HEAD CASE ASK WANT "    reference: none\n");
	const struct eval_case *eval_case = &reader.cases[0];
	const struct case_step *step = &eval_case->steps[0];

	ck_assert(eval_case->variants[CASE_SYNC] && !eval_case->variants[CASE_STREAM]);
	ck_assert_int_eq(step->endpoint, ENDPOINT_CHAT);
	ck_assert_ptr_null(step->method);
	ck_assert_int_eq(step->auth, AUTH_KEY);
	ck_assert_int_eq(step->streams, -1);
	ck_assert(step->usage_asked);
	ck_assert_ptr_null(step->reference);
	ck_assert_uint_eq(eval_case->vouches.count, 0);
}
END_TEST

START_TEST(steps_are_read_in_order_and_have_their_own_defaults)
{
	struct case_reader reader = assert_reads(
	    HEAD CASE "    steps:\n"
		      "      - {raw: \"{x\", expect: {status: 400}, reference: none}\n"
		      "      - {request: {m: \"{{steps.0.content}}\"}, stream: false,\n"
		      "         expect: {status: 200}, reference: {content: x}}\n");
	const struct eval_case *eval_case = &reader.cases[0];

	ck_assert_uint_eq(eval_case->step_count, 2);
	assert_text(eval_case->steps[0].raw, "{x");
	ck_assert_ptr_null(eval_case->steps[0].request);
	ck_assert(eval_case->steps[1].usage_asked);
	ck_assert_int_eq(eval_case->steps[1].streams, 0);
}
END_TEST

START_TEST(a_list_of_models_needs_no_body)
{
	struct case_reader reader =
	    assert_reads(HEAD CASE "    endpoint: models\n" WANT "    reference: none\n");

	ck_assert_ptr_null(reader.cases[0].steps[0].request);
}
END_TEST

START_TEST(nothing_is_vacuous)
{
	assert_mistake(HEAD CASE "    accept_encoding: \"gzip\\r\\nX-Evil: y\"\n" ASK WANT ANSWER,
	               7, "no header has this value");
	assert_mistake(HEAD CASE WANT ANSWER, 3, "this case asks nothing");
	assert_mistake(HEAD CASE ASK ANSWER, 3, "this case expects nothing");
	assert_mistake(HEAD CASE ASK "    expect: {}\n" ANSWER, 8, "an empty expect says nothing");
	assert_mistake(HEAD CASE ASK WANT, 3, "this case has no reference");
	assert_mistake(HEAD CASE ASK WANT "    reference: {}\n", 9, "a reference says content");
	assert_mistake(HEAD CASE ASK "    expect: {content: {}}\n" ANSWER, 8, "says nothing");
	assert_mistake(HEAD CASE ASK "    expect: {wire: []}\n" ANSWER, 8, "empty list");
	assert_mistake(HEAD CASE ASK "    expect: {finish_reason: []}\n" ANSWER, 8, "empty list");
	assert_mistake(HEAD CASE ASK "    expect: {content: {contains: []}}\n" ANSWER, 8,
	               "empty list");
	assert_mistake(HEAD CASE ASK "    expect: {content: {contains: \"\"}}\n" ANSWER, 8,
	               "every text contains the empty string");
	assert_mistake(HEAD CASE ASK "    expect: {tool_calls: []}\n" ANSWER, 8,
	               "or the word none");
	assert_mistake(HEAD CASE ASK "    expect: {any_of: [{status: 200}]}\n" ANSWER, 8,
	               "at least two blocks");
	assert_mistake(HEAD CASE ASK "    expect: {usage: {}}\n" ANSWER, 8, "says nothing");
	assert_mistake(HEAD CASE ASK "    expect: {same: {step: 0}}\n" ANSWER, 8,
	               "compares nothing");
}
END_TEST

START_TEST(unknown_keys_are_named_with_the_nearest_known_one)
{
	assert_mistake(HEAD CASE "    expct: {status: 200}\n" ASK WANT ANSWER, 7,
	               "did you mean 'expect'?");
	assert_mistake(HEAD CASE ASK "    expect: {tool_cals: none}\n" ANSWER, 8,
	               "did you mean 'tool_calls'?");
	assert_mistake(HEAD CASE ASK "    expect: {content: {contain: x}}\n" ANSWER, 8,
	               "did you mean 'contains'?");
	assert_mistake(HEAD CASE ASK WANT "    reference: {contents: x}\n", 9,
	               "did you mean 'content'?");
	assert_mistake("capability: x\ncase: []\ncases: []\n", 2, "did you mean 'cases'?");
	assert_mistake(HEAD CASE ASK "    expect: {wire: [TS-1]}\n" ANSWER, 8,
	               "there is no such wire rule");
	assert_mistake(HEAD CASE "    vouches: [tols]\n" ASK WANT ANSWER, 7,
	               "no feature is called 'tols' (did you mean 'tools'?)");
}
END_TEST

START_TEST(all_mistakes_of_a_file_are_collected)
{
	(void)read_file(HEAD "  - id: \"a b\"\n    class: nonsense\n    severity: gate\n"
	                     "    variants: [sink]\n" ASK "    expect: {status: 99}\n" ANSWER
	                     "  - id: c\n    title: t\n    class: negative\n    severity: gate\n"
	                     "    request: [1]\n    expect: {content: {matches: \"/(/\"}}\n" ANSWER,
	                false);
	/* id, title, class, variant, status; request, pattern. */
	ck_assert_uint_eq(faults->errors, 7);
}
END_TEST

START_TEST(ids_are_as_the_catalogue_spells_them_or_plain)
{
	static const char *const core[] = {"TC-10", "TC-10.a_1"};
	static const char *const not_core[] = {"TC-1",    "TC-100", "tc-10", "TC-10.",
	                                       "TC-10.A", "T-10",   "TC10",  "TC-10~stream"};

	for (size_t i = 0; i < ARRAY_LENGTH(core) + ARRAY_LENGTH(not_core); i++) {
		bool good = i < ARRAY_LENGTH(core);
		const char *id = good ? core[i] : not_core[i - ARRAY_LENGTH(core)];
		struct text body =
		    text_format(&arena,
		                HEAD "  - id: \"%s\"\n    title: t\n    class: timing\n"
		                     "    severity: gate\n" ASK WANT ANSWER,
		                id);
		(void)read_file(body.data, true);
		ck_assert_msg((faults->errors == 0) == good, "%s", id);
	}
	static const char *const no_user[] = {"a~stream", "a/b", "..\\\\b", "a b",
	                                      "a'b",      "a;b", "\u00e4"};
	for (size_t i = 0; i < ARRAY_LENGTH(no_user); i++)
		assert_mistake(text_format(&arena,
		                           HEAD "  - id: \"%s\"\n    title: t\n    class: timing\n"
		                                "    severity: gate\n" ASK WANT ANSWER,
		                           no_user[i])
		                   .data,
		               3, "the id is \"");
	(void)assert_reads(HEAD "  - id: My.case_1-b\n    title: t\n    class: timing\n"
	                        "    severity: gate\n" ASK WANT ANSWER);
}
END_TEST

START_TEST(bodies_are_objects_or_raw_and_never_both)
{
	assert_mistake(HEAD CASE "    request: [1]\n" WANT ANSWER, 7,
	               "the request is an array; want an object");
	assert_mistake(HEAD CASE "    request: {n: 1}\n    raw: x\n" WANT ANSWER, 8, "not both");
	assert_mistake(HEAD CASE "    request: {n: \"{{nonse}}\"}\n" WANT ANSWER, 7,
	               "did you mean {{nonce}}?");
	assert_mistake(HEAD CASE "    raw: \"{{nonse}}\"\n" WANT ANSWER, 7,
	               "did you mean {{nonce}}?");
	assert_mistake(HEAD CASE ASK "    expect: {content: {contains: \"{{nonse}}\"}}\n" ANSWER, 8,
	               "did you mean {{nonce}}?");
	assert_mistake(HEAD CASE ASK WANT "    reference: {content: \"{{nonse}}\"}\n", 9,
	               "did you mean {{nonce}}?");
	assert_mistake(HEAD CASE "    method: get\n" ASK WANT ANSWER, 7, "in capitals");
	assert_mistake(HEAD CASE "    stream: 1\n" ASK WANT ANSWER, 7, "want true or false");
	assert_mistake(HEAD CASE "    endpoint: chats\n" ASK WANT ANSWER, 7,
	               "endpoint is \"chats\"");
	assert_mistake(HEAD CASE "    needs: [contxt]\n" ASK WANT ANSWER, 7, "want context");
	assert_mistake(HEAD CASE "    critical: true\n" ASK WANT ANSWER, 7,
	               "only a stochastic case");
}
END_TEST

START_TEST(keys_of_a_step_beside_steps_are_strays)
{
	assert_mistake(HEAD CASE ASK "    steps: [{request: {}, expect: {status: 200}, "
	                             "reference: none}]\n",
	               7, "a case with steps has its request in them");
	assert_mistake(HEAD CASE "    steps: []\n", 7, "want a list of 1 to 16 steps");
	assert_mistake(HEAD CASE "    steps: {}\n", 7, "want a list of 1 to 16 steps");
}
END_TEST

#define COPY                                                                                       \
	"{at_once: 4, request: {n: 1}, expect: {status: 200, group: {own: true}}, reference: "     \
	"none}"

START_TEST(a_step_asked_at_once_stands_there_as_often)
{
	struct case_reader reader = assert_reads(HEAD CASE "    steps: [" COPY ", " COPY "]\n");
	struct case_reader alone = assert_reads(HEAD CASE "    at_once: 3\n" ASK WANT ANSWER);

	ck_assert_uint_eq(reader.cases[0].step_count, 8);
	ck_assert_uint_eq(alone.cases[0].step_count, 3);
	for (size_t i = 0; i < 8; i++) {
		size_t first, end;
		case_group(&reader.cases[0], i, &first, &end);
		ck_assert_uint_eq(first, i / 4 * 4);
		ck_assert_uint_eq(end, first + 4);
	}
	assert_mistake(HEAD CASE "    at_once: 0\n" ASK WANT ANSWER, 7, "from 1 to 16");
	assert_mistake(HEAD CASE "    at_once: 17\n" ASK WANT ANSWER, 7, "from 1 to 16");
	assert_mistake(HEAD CASE "    steps: [" COPY ", " COPY ", " COPY ", " COPY ", " COPY "]\n",
	               7, "over 16 steps");
	/* What a copy is answered another one can't build on: they are under way together. */
	assert_mistake(HEAD CASE
	               "    at_once: 2\n    request: {n: \"{{steps.0.content}}\"}\n" WANT ANSWER,
	               8, "has not been yet");
	assert_mistake(HEAD CASE ASK "    expect: {group: {}}\n" ANSWER, 8, "says nothing");
}
END_TEST

START_TEST(a_case_like_another_has_only_expectations_of_its_own)
{
	struct case_reader reader = assert_reads(HEAD CASE "    like: b\n" WANT);

	assert_text(reader.cases[0].like, "b");
	assert_mistake(HEAD CASE "    like: b\n" ASK WANT, 8, "request comes from the case");
	assert_mistake(HEAD CASE "    like: b\n" WANT ANSWER, 9, "reference comes from the case");
	assert_mistake(HEAD CASE "    like: b\n", 3, "expects nothing");
}
END_TEST

START_TEST(variant_expectations_are_of_variants_that_are_asked)
{
	(void)assert_reads(HEAD CASE ASK WANT ANSWER
	                   "    variants: [sync, stream]\n"
	                   "    variant_expect: {stream: {wire: [ST-01]}, sync: {choices: 1}}\n");
	assert_mistake(HEAD CASE ASK WANT ANSWER "    variant_expect: {stream: {wire: ST-01}}\n",
	               10, "this case has no variant stream");
	assert_mistake(HEAD CASE ASK WANT ANSWER "    variant_expect: {both: {}}\n", 10,
	               "there is no variant 'both'");
	assert_mistake(HEAD CASE ASK WANT ANSWER "    variant_expect: [1]\n", 10,
	               "want an object with sync or stream");
}
END_TEST

START_TEST(json_pointers_are_not_for_streams)
{
	const char *says = "a stream has no body for json pointers";

	(void)assert_reads(HEAD CASE ASK "    expect: {json: [{at: /id}]}\n" ANSWER);
	assert_mistake(HEAD CASE "    variants: [sync, stream]\n" ASK
	                         "    expect: {json: [{at: /id}]}\n" ANSWER,
	               9, says);
	assert_mistake(
	    HEAD CASE "    stream: true\n" ASK "    expect: {json: [{at: /id}]}\n" ANSWER, 9, says);
	(void)assert_reads(HEAD CASE "    variants: [sync, stream]\n" ASK WANT
	                             "    variant_expect: {sync: {json: [{at: /id}]}}\n" ANSWER);
	assert_mistake(HEAD CASE "    variants: [sync, stream]\n" ASK WANT
	                         "    variant_expect: {stream: {json: [{at: /id}]}}\n" ANSWER,
	               10, says);
	/* The body of an error is JSON, whatever was asked for. */
	(void)assert_reads(HEAD CASE
	                   "    variants: [stream]\n" ASK
	                   "    expect: {status: 400, json: [{at: /error/code}]}\n" ANSWER);
}
END_TEST

START_TEST(expectations_fit_their_request)
{
	assert_mistake(HEAD CASE ASK "    expect: {tool_calls: {schema: tool}}\n" ANSWER, 8,
	               "needs tools in the request");
	assert_mistake(HEAD CASE ASK "    expect: {content: {schema: response_format}}\n" ANSWER, 8,
	               "no response_format");
	assert_mistake(HEAD CASE ASK
	               "    expect: {fate: {parameter: stop, honoured: {choices: 1}}}\n" ANSWER,
	               8, "the request has no stop");
	assert_mistake(HEAD CASE ASK "    expect: {same: {step: 0, content: true}}\n" ANSWER, 8,
	               "no step 0 before this one");
	assert_mistake(HEAD CASE "    request: {tools: [{type: function, function: {name: f}}]}\n"
	                         "    expect: {tool_calls: [{name: g}]}\n" ANSWER,
	               8, "the request offers no tool g");
}
END_TEST

START_TEST(a_file_that_is_no_case_file_is_refused)
{
	assert_mistake("", 0, "no 'capability'");
	assert_mistake("[1]\n", 1, "want an object");
	assert_mistake("capability: \"\"\ncases: []\n", 1, "the name of a capability");
	assert_mistake(
	    "capability: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\ncases: []\n",
	    1, "of 1 to 100 bytes");
	assert_mistake("capability: x\ncases: 3\n", 2, "want a list");
	assert_mistake("capability: x\ncases: []\n", 2, "cases is empty; want a list");
	assert_mistake("capability: x\ncases: [3]\n", 2, "want an object");
	assert_mistake("capability: x\ncases: [\n", 0, "");
	assert_mistake("capability: x\ncases:\n  - id: a\n    id: b\n", 4, "");
}
END_TEST

START_TEST(more_cases_than_a_suite_holds_are_refused)
{
	struct text_buf body;

	text_buf_init(&body, 1 << 20);
	text_buf_add_c(&body, HEAD);
	for (int i = 0; i < 101; i++)
		text_buf_format(
		    &body,
		    "  - {id: c%d, title: t, class: timing, severity: gate, request: {n: 1}, "
		    "expect: {status: 200}, reference: none}\n",
		    i);
	assert_mistake(text_buf_view(&body).data, 103, "a suite has at most 100 cases");
	text_buf_done(&body);
}
END_TEST

/* --- tables --- */

#define ROWS(id, rest)                                                                             \
	HEAD "  - " id "rows: rows.csv\n    title: \"about {{topic}}\"\n    class: timing\n"       \
	     "    severity: gate\n" rest

START_TEST(a_table_makes_one_case_a_row)
{
	rows_body = "name,topic,calls\r\n"
		    "one,\"say \"\"hi\"\"\",\"[{\"\"name\"\": \"\"f\"\"}]\"\r\n"
		    "two,{{nonce}},none\r\n";
	struct case_reader reader = assert_reads(
	    ROWS("id: \"T.{{name}}\"\n    ",
	         "    request: {messages: [{role: user, content: \"{{topic}} {{nonce}}\"}]}\n"
	         "    expect: {content: {contains: [\"{{topic}}\"]}}\n" ANSWER));

	ck_assert_uint_eq(reader.count, 2);
	assert_text(reader.cases[0].id, "T.one");
	assert_text(reader.cases[0].title, "about say \"hi\"");
	assert_text(
	    json_pointer(reader.cases[0].steps[0].request, TEXT("/messages/0/content"))->text,
	    "say \"hi\" {{nonce}}");
	assert_text(reader.cases[1].id, "T.two");
	assert_text(
	    json_pointer(reader.cases[1].steps[0].request, TEXT("/messages/0/content"))->text,
	    "{{nonce}} {{nonce}}");
}
END_TEST

START_TEST(a_field_may_be_taken_as_json)
{
	rows_body = "id,topic,n,stop\r\none,x,2,\"[\"\"a\"\"]\"\r\n";
	struct case_reader reader = assert_reads(
	    ROWS("", "    request: {n: \"{{n:json}}\", stop: \"{{stop:json}}\"}\n" WANT ANSWER));
	const struct json *request = reader.cases[0].steps[0].request;

	assert_text(reader.cases[0].id, "one");
	assert_text(json_to_text(&arena, request), "{\"n\":2,\"stop\":[\"a\"]}");
	rows_body = "id,topic,n,stop\r\none,x,2x,[]\r\n";
	assert_mistake(ROWS("", "    request: {n: \"{{n:json}}\"}\n" WANT ANSWER), 2,
	               "is wanted as JSON");
	ck_assert_str_eq(faults->items[0].name, "rows.csv");
}
END_TEST

START_TEST(the_id_of_a_row_comes_from_its_column)
{
	rows_body = "id,topic\r\none,x\r\ntwo,y\r\n";
	struct case_reader reader = assert_reads(ROWS("id: TC-01\n    ", ASK WANT ANSWER));

	assert_text(reader.cases[0].id, "TC-01.one");
	assert_text(reader.cases[1].id, "TC-01.two");
}
END_TEST

START_TEST(mistakes_of_a_table_are_said)
{
	rows_body = "name,topic\r\none,x\r\n";
	assert_mistake(ROWS("id: TC-01\n    ", ASK WANT ANSWER), 1, "needs a column id");
	rows_body = "id,topic,nonce\r\none,x,y\r\n";
	assert_mistake(ROWS("", ASK WANT ANSWER), 1, "a column can't be called nonce");
	rows_body = "id,topic\r\n";
	assert_mistake(ROWS("", ASK WANT ANSWER), 1, "no rows");
	rows_body = "id,topic\r\none\r\n";
	assert_mistake(ROWS("", ASK WANT ANSWER), 2, "");
	rows_body = "id,topic\r\none,x\r\n";
	assert_mistake(ROWS("", "    request: {n: \"{{subject}}\"}\n" WANT ANSWER), 7,
	               "{{subject}} is no placeholder");
	assert_mistake(HEAD "  - {rows: a/../rows.csv}\n", 3, "want the name of a CSV file");
	assert_mistake(HEAD "  - {rows: .rows.csv}\n", 3, "want the name of a CSV file");
	assert_mistake(HEAD "  - {rows: other.csv}\n", 3, "no such file other.csv");
}
END_TEST

/* A table of one field, of so many pieces and 1, that its case names so often. */
static void assert_grows(const char *open, const char *piece, int pieces, const char *close,
                         const char *name, int names, unsigned line, const char *says)
{
	struct text_buf csv, request;

	text_buf_init(&csv, 2 << 20);
	text_buf_add_c(&csv, "id,topic,field\r\none,x,");
	text_buf_add_c(&csv, open);
	for (int i = 0; i < pieces; i++)
		text_buf_add_c(&csv, piece);
	text_buf_add_c(&csv, close);
	text_buf_init(&request, 1 << 16);
	text_buf_add_c(&request, HEAD "  - rows: rows.csv\n    title: t\n    class: timing\n"
	                              "    severity: gate\n    request: {a: [");
	for (int i = 0; i < names; i++)
		text_buf_add_c(&request, name);
	text_buf_add_c(&request, "1]}\n" WANT ANSWER);
	rows_body = text_buf_view(&csv).data;
	assert_mistake(text_buf_view(&request).data, line, says);
	text_buf_done(&csv);
	text_buf_done(&request);
}

START_TEST(a_table_that_grows_without_end_is_refused)
{
	assert_grows("", "aaaaaaaaaa", 100000, "\r\n", "\"{{field}}\",", 100, 7,
	             "make more than 64 MiB of it");
	/* A megabyte of JSON, named two hundred times, came to eight gigabytes. */
	assert_grows("\"[", "1,", 100000, "1]\"\r\n", "\"{{field:json}}\",", 20, 2,
	             "is wanted as JSON: too many values");
}
END_TEST

START_TEST(how_a_step_travels_is_read_and_must_make_sense)
{
	struct case_reader reader = assert_reads(
	    HEAD CASE
	    "    variants: [stream]\n    accept_encoding: gzip\n    http: 2\n"
	    "    expect_continue: true\n    body_bytes: 1m\n    cancel_after: {events: 5}\n" ASK
		WANT ANSWER);
	const struct case_step *step = &reader.cases[0].steps[0];
	size_t padding;

	assert_text(step->wire.accept_encoding, "gzip");
	ck_assert(step->wire.http2 && step->wire.expect_continue && !step->wire.kept);
	ck_assert_int_eq(step->wire.leave_after_events, 5);
	struct text body = case_step_pad(step, TEXT("{\"n\":1}"), &arena, &padding);
	ck_assert_uint_eq(body.len, 1 << 20);
	ck_assert_uint_eq(padding, (1 << 20) - 7);
	ck_assert(text_ends(body, TEXT(" }")) && text_starts(body, TEXT("{\"n\":1 ")));

	assert_mistake(HEAD CASE "    connection: same\n" ASK WANT ANSWER, 7,
	               "no step before this one");
	assert_mistake(HEAD CASE "    connection: kept\n    http: 2\n" ASK WANT ANSWER, 8,
	               "a connection of its own");
	assert_mistake(HEAD CASE "    cancel_after: {events: 5}\n" ASK WANT ANSWER, 7,
	               "only a stream can be left");
	assert_mistake(HEAD CASE "    endpoint: models\n    body_bytes: 1m\n" WANT ANSWER, 8,
	               "has no body");
	assert_mistake(HEAD CASE "    cancel_after: {events: 0}\n" ASK WANT ANSWER, 7, "events");
	assert_mistake(HEAD CASE ASK "    expect: {occasion: []}\n" ANSWER, 8, "empty list");
	assert_mistake(HEAD CASE ASK "    expect: {occasion: {status: 200}}\n" ANSWER, 8, "status");
	assert_mistake(HEAD CASE "    http: 3\n" ASK WANT ANSWER, 7, "http");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, how_a_step_travels_is_read_and_must_make_sense);
	tcase_add_test(cases, a_whole_case_is_read);
	tcase_add_test(cases, what_is_not_said_has_its_default);
	tcase_add_test(cases, steps_are_read_in_order_and_have_their_own_defaults);
	tcase_add_test(cases, a_list_of_models_needs_no_body);
	tcase_add_test(cases, nothing_is_vacuous);
	tcase_add_test(cases, unknown_keys_are_named_with_the_nearest_known_one);
	tcase_add_test(cases, all_mistakes_of_a_file_are_collected);
	tcase_add_test(cases, ids_are_as_the_catalogue_spells_them_or_plain);
	tcase_add_test(cases, bodies_are_objects_or_raw_and_never_both);
	tcase_add_test(cases, keys_of_a_step_beside_steps_are_strays);
	tcase_add_test(cases, a_step_asked_at_once_stands_there_as_often);
	tcase_add_test(cases, a_case_like_another_has_only_expectations_of_its_own);
	tcase_add_test(cases, variant_expectations_are_of_variants_that_are_asked);
	tcase_add_test(cases, json_pointers_are_not_for_streams);
	tcase_add_test(cases, expectations_fit_their_request);
	tcase_add_test(cases, a_file_that_is_no_case_file_is_refused);
	tcase_add_test(cases, more_cases_than_a_suite_holds_are_refused);
	tcase_add_test(cases, a_table_makes_one_case_a_row);
	tcase_add_test(cases, a_field_may_be_taken_as_json);
	tcase_add_test(cases, the_id_of_a_row_comes_from_its_column);
	tcase_add_test(cases, mistakes_of_a_table_are_said);
	tcase_add_test(cases, a_table_that_grows_without_end_is_refused);
}

int main(void)
{
	return unit_main("case_file", add);
}
