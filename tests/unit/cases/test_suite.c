/* The suite as a whole: loading, `like`, hashes, and recognising its own questions. */
#include "cases/expect/expect.h"
#include "cases/suite.h"
#include "cases/template.h"
#include "harness/base/file.h"
#include "tests/unit/unit.h"

#include <unistd.h>

static struct arena arena;
static struct fault_list *faults;
static char folder[64];

static void setup(void)
{
	arena = (struct arena){0};
	faults = memory_new(sizeof(*faults));
	memcpy(folder, "/tmp/proviso-suite-XXXXXX", 26);
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
	struct text *names;
	struct fault fault;
	size_t count;

	ck_assert(file_list(folder, &arena, &names, &count, &fault));
	for (size_t i = 0; i < count; i++)
		(void)unlink(file_join(&arena, folder, text_c(&arena, names[i])));
	(void)rmdir(folder);
	memory_free(faults);
	arena_done(&arena);
}

static void put(const char *name, const char *body)
{
	struct fault fault;

	ck_assert(file_replace(file_join(&arena, folder, name), text_of(body), 0644, &fault));
}

static bool load(struct suite *suite)
{
	struct text path = text_of(folder);
	struct text_list folders = {&path, 1};

	*faults = (struct fault_list){0};
	return suite_load(suite, false, &folders, faults);
}

static void assert_loads(struct suite *suite)
{
	bool good = load(suite);

	ck_assert_msg(good, "%s", faults->count > 0 ? faults->items[0].message : "?");
}

static void assert_refused(const char *says)
{
	struct suite suite;
	bool found = false;

	ck_assert(!load(&suite));
	for (size_t i = 0; i < faults->count; i++)
		found = found || strstr(faults->items[i].message, says) != NULL;
	ck_assert_msg(found, "no fault says \"%s\"; the first is \"%s\"", says,
	              faults->count > 0 ? faults->items[0].message : "?");
	suite_done(&suite);
}

/* A case with what every case needs; `rest` is the lines that make it special. */
static const char *a_case(const char *id, const char *rest)
{
	return text_format(&arena,
	                   "  - id: %s\n    title: t\n    class: deterministic\n"
	                   "    severity: gate\n%s",
	                   id, rest)
	    .data;
}

static const char *file_of(const char *first, const char *second)
{
	return text_format(&arena, "capability: x\ncases:\n%s%s", first, second).data;
}

#define ASKS                                                                                       \
	"    variants: [sync, stream]\n"                                                           \
	"    request: {messages: [{role: user, content: \"Please echo {{nonce}}\"}]}\n"            \
	"    expect: {content: {contains: \"{{nonce}}\"}}\n"                                       \
	"    reference: {content: \"{{nonce}}\"}\n"
#define LIKE_A "    like: a\n    expect: {status: 200}\n"

/* --- the core suite --- */

START_TEST(the_core_suite_has_no_mistake)
{
	struct suite suite;
	bool good = suite_load(&suite, true, NULL, faults);

	for (size_t i = 0; i < faults->count; i++)
		fault_print(&faults->items[i], stderr);
	ck_assert(good);
	ck_assert_uint_gt(suite.count, 0);
	ck_assert_uint_eq(strlen(suite.hash), 12);
	suite_done(&suite);
}
END_TEST

/* The body of a step, filled; earlier replies stand in for themselves as plain ones. */
static struct json *ask(const struct case_step *step, const struct template_values *values)
{
	struct template_target target = {TEXT("some-model"), true, true};
	struct json *root;
	struct text body;
	struct fault fault;

	ck_assert_msg(template_body(step->request, values, &target, &arena, &body, &fault), "%s",
	              fault.message);
	ck_assert(json_read_text(body, "body", &arena, &root, &fault));
	return root;
}

START_TEST(every_question_of_the_core_suite_is_recognised)
{
	struct suite suite;
	struct chat_tool_call call = {
	    .id = TEXT("call_9"), .name = TEXT("f"), .arguments = TEXT("{}")};
	struct chat_choice choice = {
	    .content = TEXT("hm"), .tool_calls = &call, .tool_call_count = 1};
	struct text id = TEXT("resp_9");
	struct chat_reply reply = {
	    .choices = &choice, .choice_count = 1, .ids = &id, .id_count = 1};

	ck_assert(suite_load(&suite, true, NULL, faults));
	for (size_t i = 0; i < suite.count; i++) {
		const struct eval_case *eval_case = &suite.cases[i];
		struct template_values values = {.context_tokens = 1000};
		template_nonces(&values, TEXT("s"), TEXT("t"), eval_case->id, 0, &arena);
		for (size_t step = 0; step < eval_case->step_count; step++) {
			const struct case_step *asked = &eval_case->steps[step];
			struct suite_match match;
			values.steps[step] = &reply;
			values.step_count = step;
			if (asked->request == NULL)
				continue;
			bool known = suite_recognise(&suite, asked->endpoint, ask(asked, &values),
			                             &arena, &match);
			ck_assert_msg(known, "%.*s step %zu", TEXT_ARG(eval_case->id), step);
			/* A step may ask again what an earlier one of its case asked. */
			bool same =
			    match.step == step ||
			    json_equal(asked->request, match.eval_case->steps[match.step].request);
			ck_assert_msg(match.eval_case == &suite.cases[eval_case->probe] && same,
			              "%.*s step %zu is taken for %.*s step %zu",
			              TEXT_ARG(eval_case->id), step, TEXT_ARG(match.eval_case->id),
			              match.step);
			for (size_t j = 0; j < TEMPLATE_NONCES; j++)
				ck_assert(match.values->nonces[j].data == NULL ||
				          text_equal(match.values->nonces[j], values.nonces[j]));
		}
	}
	suite_done(&suite);
}
END_TEST

static const char *const through_a_dialect[] = {"max_tokens",
                                                "temperature",
                                                "top_p",
                                                "stop",
                                                "tools",
                                                "tool_choice",
                                                "response_format",
                                                "parallel_tool_calls",
                                                "reasoning_effort",
                                                NULL};

/* Else a simulator that speaks another dialect would answer it as nobody's question. */
START_TEST(every_chat_question_is_recognised_behind_a_translation)
{
	struct suite suite;
	struct chat_tool_call call = {
	    .id = TEXT("call_9"), .name = TEXT("f"), .arguments = TEXT("{}")};
	struct chat_choice choice = {
	    .content = TEXT("hm"), .tool_calls = &call, .tool_call_count = 1};
	struct chat_reply reply = {.choices = &choice, .choice_count = 1};
	size_t asked_count = 0;

	ck_assert(suite_load(&suite, true, NULL, faults));
	for (size_t i = 0; i < suite.count; i++) {
		const struct eval_case *eval_case = &suite.cases[i];
		struct template_values values = {.context_tokens = 1000};
		template_nonces(&values, TEXT("s"), TEXT("t"), eval_case->id, 0, &arena);
		for (size_t step = 0; step < eval_case->step_count; step++) {
			const struct case_step *asked = &eval_case->steps[step];
			struct suite_match match;
			values.steps[step] = &reply;
			values.step_count = step;
			if (asked->endpoint != ENDPOINT_CHAT ||
			    !json_is(json_member(asked->request, "messages"), JSON_ARRAY) ||
			    json_member(asked->request, "max_completion_tokens") != NULL)
				continue;
			bool known = suite_recognise_carried(&suite, ask(asked, &values),
			                                     through_a_dialect, &arena, &match);
			ck_assert_msg(known, "%.*s step %zu", TEXT_ARG(eval_case->id), step);
			const struct json *meant = match.eval_case->steps[match.step].request;
			/* Where what was lost is all that differed, the messages are the same. */
			ck_assert_msg(match.eval_case == &suite.cases[eval_case->probe] ||
			                  json_equal(json_member(asked->request, "messages"),
			                             json_member(meant, "messages")),
			              "%.*s step %zu is taken for %.*s step %zu",
			              TEXT_ARG(eval_case->id), step, TEXT_ARG(match.eval_case->id),
			              match.step);
			asked_count++;
		}
	}
	ck_assert_uint_gt(asked_count, 150);
	suite_done(&suite);
}
END_TEST

/* --- folders and ids --- */

START_TEST(files_of_a_folder_are_read_in_order_of_their_names)
{
	struct suite suite;

	put("2.yaml", file_of(a_case("b", ASKS), ""));
	put("1.yml", file_of(a_case("a", ASKS), ""));
	put("notes.txt", "no case file");
	assert_loads(&suite);
	ck_assert_uint_eq(suite.count, 2);
	assert_text(suite.cases[0].id, "a");
	ck_assert_ptr_eq(suite_find(&suite, TEXT("b")), &suite.cases[1]);
	ck_assert_ptr_null(suite_find(&suite, TEXT("c")));
	suite_done(&suite);
}
END_TEST

START_TEST(a_folder_may_hold_suites_as_ours_does)
{
	struct suite suite;
	struct fault fault;

	ck_assert(file_make_directories(file_join(&arena, folder, "mine"), &fault));
	ck_assert(file_make_directories(file_join(&arena, folder, ".git"), &fault));
	put("mine/tools.yaml", file_of(a_case("b", ASKS), ""));
	put(".git/tools.yaml", file_of(a_case("c", ASKS), ""));
	put("1.yaml", file_of(a_case("a", ASKS), ""));
	assert_loads(&suite);
	ck_assert_uint_eq(suite.count, 2);
	assert_text(suite.cases[1].id, "b");
	suite_done(&suite);
}
END_TEST

START_TEST(a_single_file_may_be_named)
{
	struct suite suite;
	struct text path = text_of(file_join(&arena, folder, "one.yaml"));
	struct text_list files = {&path, 1};

	put("one.yaml", file_of(a_case("a", ASKS), ""));
	ck_assert(suite_load(&suite, false, &files, faults));
	ck_assert_uint_eq(suite.count, 1);
	suite_done(&suite);
}
END_TEST

START_TEST(a_folder_without_case_files_is_a_mistake)
{
	assert_refused("there is no case file");
}
END_TEST

START_TEST(an_id_taken_twice_names_the_first_place)
{
	put("1.yaml", file_of(a_case("a", ASKS), ""));
	put("2.yaml", file_of(a_case("b", ASKS), a_case("a", ASKS)));
	assert_refused("the id a is taken already: ");
	ck_assert(strstr(faults->items[0].name, "2.yaml") != NULL);
	ck_assert(strstr(faults->items[0].message, "1.yaml:3") != NULL);
}
END_TEST

/* --- like --- */

START_TEST(like_takes_the_question_and_keeps_its_own_expectation)
{
	struct suite suite;

	put("1.yaml", file_of(a_case("b", LIKE_A), a_case("a", ASKS)));
	assert_loads(&suite);
	const struct eval_case *a = suite_find(&suite, TEXT("a"));
	const struct eval_case *b = suite_find(&suite, TEXT("b"));
	ck_assert_uint_eq(b->probe, a->probe);
	ck_assert_ptr_eq(b->steps[0].request, a->steps[0].request);
	ck_assert_ptr_eq(b->steps[0].reference, a->steps[0].reference);
	ck_assert_ptr_ne(b->steps[0].expect, a->steps[0].expect);
	ck_assert_str_ne(b->hash, a->hash);
	suite_done(&suite);
}
END_TEST

START_TEST(like_must_name_a_case_that_asks_itself)
{
	put("1.yaml", file_of(a_case("b", "    like: nobody\n    expect: {status: 200}\n"), ""));
	assert_refused("there is no case nobody");
	put("1.yaml", file_of(a_case("a", "    like: b\n    expect: {status: 200}\n"),
	                      a_case("b", "    like: a\n    expect: {status: 200}\n")));
	assert_refused("is itself like another");
}
END_TEST

START_TEST(like_is_asked_only_in_variants_of_the_other)
{
	put("1.yaml", file_of(a_case("a", "    request: {messages: []}\n    expect: {status: 200}\n"
	                                  "    reference: none\n"),
	                      a_case("b", "    variants: [stream]\n" LIKE_A)));
	assert_refused("a is not asked in the variant stream");
}
END_TEST

START_TEST(like_must_have_as_many_steps)
{
	put("1.yaml", file_of(a_case("a", "    steps:\n"
	                                  "      - {request: {n: 1}, expect: {status: 200}, "
	                                  "reference: none}\n"
	                                  "      - {request: {n: 2}, expect: {status: 200}, "
	                                  "reference: none}\n"),
	                      a_case("b", LIKE_A)));
	assert_refused("a has 2 steps");
}
END_TEST

/* --- hashes --- */

static struct text hash_of(const char *rest, bool whole)
{
	struct suite suite;

	put("1.yaml", file_of(a_case("a", rest), ""));
	assert_loads(&suite);
	struct text hash = text_copy(&arena, text_of(whole ? suite.hash : suite.cases[0].hash));
	suite_done(&suite);
	return hash;
}

#define REQUEST(body) "    request: " body "\n"
#define EXPECT(body) "    expect: " body "\n"
#define REFERENCE "    reference: {content: x}\n"

START_TEST(the_hash_of_a_case_is_of_what_decides_its_verdict)
{
	struct text base =
	    hash_of(REQUEST("{a: 1, b: 2}") EXPECT("{status: 200}") REFERENCE, false);

	ck_assert_uint_eq(base.len, 12);
	/* The order of members, the source and the reference do not count. */
	ck_assert(text_equal(
	    base, hash_of("    source: else\n" REQUEST("{b: 2, a: 1}") EXPECT(
			      "{status: 200}") "    reference: {content: y}\n    vouches: [chat]\n",
	                  false)));
	ck_assert(!text_equal(
	    base, hash_of(REQUEST("{a: 1, b: 3}") EXPECT("{status: 200}") REFERENCE, false)));
	ck_assert(!text_equal(
	    base, hash_of(REQUEST("{a: 1, b: 2}") EXPECT("{status: 400}") REFERENCE, false)));
	ck_assert(!text_equal(base, hash_of("    auth: wrong\n" REQUEST("{a: 1, b: 2}")
	                                        EXPECT("{status: 200}") REFERENCE,
	                                    false)));
	ck_assert(!text_equal(base, hash_of("    variants: [stream]\n" REQUEST("{a: 1, b: 2}")
	                                        EXPECT("{status: 200}") REFERENCE,
	                                    false)));
	ck_assert(!text_equal(base, hash_of("    variant_expect: {sync: {choices: 1}}\n" REQUEST(
						"{a: 1, b: 2}") EXPECT("{status: 200}") REFERENCE,
	                                    false)));
}
END_TEST

START_TEST(the_hash_of_a_case_is_of_the_rate_it_is_held_to)
{
	struct suite suite;

	put("1.yaml",
	    file_of(a_case("a", REQUEST("{n: 1}") EXPECT("{status: 200}") REFERENCE), ""));
	assert_loads(&suite);
	struct eval_case critical = suite.cases[0];
	critical.critical = true;
	case_hash(&critical, &arena);
	ck_assert_str_ne(critical.hash, suite.cases[0].hash);
	suite_done(&suite);
}
END_TEST

START_TEST(the_hash_of_the_suite_is_also_of_what_cases_vouch_for)
{
#define REST REQUEST("{a: 1}") EXPECT("{status: 200}") REFERENCE
	struct text base = hash_of(REST, true);

	ck_assert(text_equal(base, hash_of("    source: else\n" REST, true)));
	ck_assert(!text_equal(base, hash_of("    vouches: [chat]\n" REST, true)));
	ck_assert(!text_equal(base, hash_of("    usage_asked: false\n" REST, true)));
#undef REST
}
END_TEST

/* --- recognising --- */

static const struct eval_case *recognise(const struct suite *suite, const char *body)
{
	struct suite_match match;
	struct json *root;
	struct fault fault;

	ck_assert(json_read_text(text_of(body), "body", &arena, &root, &fault));
	if (!suite_recognise(suite, ENDPOINT_CHAT, root, &arena, &match))
		return NULL;
	return match.eval_case;
}

static const struct eval_case *recognise_carried(const struct suite *suite, const char *body)
{
	struct text json = text_copy(&arena, text_of(body));
	char *bytes = arena_alloc_bytes(&arena, json.len + 1);
	struct suite_match match;
	struct json *root;
	struct fault fault;

	for (size_t i = 0; i < json.len; i++)
		bytes[i] = json.data[i] == '\'' ? '"' : json.data[i];
	ck_assert(json_read_text((struct text){bytes, json.len}, "body", &arena, &root, &fault));
	if (!suite_recognise_carried(suite, root, through_a_dialect, &arena, &match))
		return NULL;
	return match.eval_case;
}

START_TEST(behind_a_translation_what_was_said_and_what_came_through_tell_a_question)
{
#define CALLED(id, name)                                                                           \
	"{id: " id ", type: function, function: {name: " name ", arguments: \"{}\"}}"
	const char *history = a_case(
	    "h",
	    REQUEST(
		"{seed: 7, messages: [{role: developer, content: Be brief.}, {role: user, "
		"content: \"Look, {{nonce}}.\"}, {role: assistant, content: null, "
		"tool_calls: [" CALLED("a", "f") ", " CALLED(
		    "b",
		    "g") "]}, {role: tool, "
			 "tool_call_id: b, content: two}, {role: tool, tool_call_id: a, content: "
			 "\"{\\\"x\\\": 1}\"}, {role: user, content: And now?}]}")
		EXPECT("{status: 200}") REFERENCE);
	const char *forced = a_case("f", REQUEST("{messages: [{role: user, content: Say hello.}], "
	                                         "stop: END, tools: [{type: function, function: "
	                                         "{name: f}}], tool_choice: required}")
	                                     EXPECT("{status: 200}") REFERENCE);
	struct suite suite;

	put("1.yaml", file_of(history, forced));
	assert_loads(&suite);
/* Roles renamed, parts for strings, ids and the order of results lost, JSON in another spelling. */
#define TURNS(second)                                                                              \
	"{'messages':[{'role':'system','content':[{'type':'text','text':'Be brief.'}]},{'role':"   \
	"'user','content':[{'type':'text','text':'Look, '},{'type':'text','text':'abcd1234.'}]},"  \
	"{'role':'assistant','content':[],'tool_calls':[{'id':'1','function':{'name':'f'}},{'id':" \
	"'2','function':{'name':'g'}}]},{'role':'tool','tool_call_id':'1','content':"              \
	"'{\\u0022x\\u0022:1}'},{'role':'tool','tool_call_id':'2','content':'" second              \
	"'},{'role':'user','content':'And now?'}],'max_tokens':4096}"
	const struct eval_case *found = recognise_carried(&suite, TURNS("two"));
	ck_assert_ptr_nonnull(found);
	assert_text(found->id, "h");
	ck_assert_ptr_null(recognise_carried(&suite, TURNS("three")));
#define HELLO "{'messages':[{'role':'user','content':'Say hello.'}]"
#define F ",'tools':[{'function':{'name':'f'}}]"
	ck_assert_ptr_nonnull(
	    recognise_carried(&suite, HELLO ",'stop':['END'],'tool_choice':'required'" F "}"));
	ck_assert_ptr_null(recognise_carried(&suite, HELLO ",'stop':['END']" F "}"));
	ck_assert_ptr_null(recognise_carried(&suite, HELLO ",'tool_choice':'required'" F "}"));
	ck_assert_ptr_null(
	    recognise_carried(&suite, HELLO ",'stop':'END','tool_choice':'required'}"));
	suite_done(&suite);
#undef HELLO
#undef F
#undef TURNS
#undef CALLED
}
END_TEST

START_TEST(of_two_that_match_the_one_that_says_more_is_meant)
{
	const char *plain =
	    a_case("a", REQUEST("{messages: [{role: user, content: \"Say hello.\"}]}")
	                    EXPECT("{status: 200}") REFERENCE);
	const char *more = a_case(
	    "b",
	    REQUEST("{model: \"no-{{nonce}}\", messages: [{role: user, content: \"Say hello.\"}]}")
		EXPECT("{status: 404}") REFERENCE);
	struct suite suite;

	for (int order = 0; order < 2; order++) {
		put("1.yaml", order == 0 ? file_of(plain, more) : file_of(more, plain));
		assert_loads(&suite);
#define BODY "\"messages\":[{\"role\":\"user\",\"content\":\"Say hello.\"}]"
		assert_text(recognise(&suite, "{\"model\":\"m\"," BODY "}")->id, "a");
		assert_text(recognise(&suite, "{\"model\":\"no-ab12cd34\"," BODY "}")->id, "b");
		ck_assert_ptr_null(recognise(&suite, "{\"model\":\"m\",\"n\":2," BODY "}"));
#undef BODY
		suite_done(&suite);
	}
}
END_TEST

START_TEST(texts_that_begin_with_a_placeholder_are_found_too)
{
	struct suite suite;

	put("1.yaml",
	    file_of(a_case("a",
	                   REQUEST("{messages: [{role: user, content: \"{{nonce}} is a code\"}]}")
	                       EXPECT("{status: 200}") REFERENCE),
	            a_case("b", REQUEST("{messages: [{role: user, content: [{type: text, text: "
	                                "\"Parts of {{nonce}}\"}]}]}") EXPECT("{status: 200}")
	                            REFERENCE)));
	assert_loads(&suite);
	ck_assert_ptr_eq(
	    recognise(&suite,
	              "{\"messages\":[{\"role\":\"user\",\"content\":\"ab12cd34 is a code\"}]}"),
	    &suite.cases[0]);
	ck_assert_ptr_eq(recognise(&suite,
	                           "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
	                           "\"text\",\"text\":\"Parts of ab12cd34\"}]}]}"),
	                 &suite.cases[1]);
	ck_assert_ptr_null(recognise(
	    &suite, "{\"messages\":[{\"role\":\"user\",\"content\":\"something else\"}]}"));
	ck_assert_ptr_null(recognise(&suite, "[]"));
	suite_done(&suite);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, the_core_suite_has_no_mistake);
	tcase_add_test(cases, every_question_of_the_core_suite_is_recognised);
	tcase_add_test(cases, every_chat_question_is_recognised_behind_a_translation);
	tcase_add_test(cases,
	               behind_a_translation_what_was_said_and_what_came_through_tell_a_question);
	tcase_add_test(cases, files_of_a_folder_are_read_in_order_of_their_names);
	tcase_add_test(cases, a_folder_may_hold_suites_as_ours_does);
	tcase_add_test(cases, a_single_file_may_be_named);
	tcase_add_test(cases, a_folder_without_case_files_is_a_mistake);
	tcase_add_test(cases, an_id_taken_twice_names_the_first_place);
	tcase_add_test(cases, like_takes_the_question_and_keeps_its_own_expectation);
	tcase_add_test(cases, like_must_name_a_case_that_asks_itself);
	tcase_add_test(cases, like_is_asked_only_in_variants_of_the_other);
	tcase_add_test(cases, like_must_have_as_many_steps);
	tcase_add_test(cases, the_hash_of_a_case_is_of_what_decides_its_verdict);
	tcase_add_test(cases, the_hash_of_a_case_is_of_the_rate_it_is_held_to);
	tcase_add_test(cases, the_hash_of_the_suite_is_also_of_what_cases_vouch_for);
	tcase_add_test(cases, of_two_that_match_the_one_that_says_more_is_meant);
	tcase_add_test(cases, texts_that_begin_with_a_placeholder_are_found_too);
}

int main(void)
{
	return unit_main("suite", add);
}
