/* Nonces, filling, bodies, and the way back from a filled template. */
#include "cases/eval_case.h"
#include "cases/template.h"
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

static struct json *read_json(const char *body)
{
	struct json *root;
	struct fault fault;

	ck_assert_msg(json_read_text(text_of(body), "test", &arena, &root, &fault), "%s",
	              fault.message);
	return root;
}

static struct template_values values_of(const char *nonce)
{
	return (struct template_values){.nonces = {text_of(nonce)}, .context_tokens = -1};
}

static struct text fill(const char *text, const struct template_values *values)
{
	struct text out;
	struct fault fault;

	ck_assert_msg(template_fill_text(text_of(text), values, &arena, &out, &fault), "%s",
	              fault.message);
	return out;
}

static void assert_refused(const char *text, const struct template_values *values, const char *says)
{
	struct text out;
	struct fault fault;

	ck_assert(!template_fill_text(text_of(text), values, &arena, &out, &fault));
	assert_fault_says(&fault, says);
}

static struct template_values nonces(const char *seed, const char *target, const char *probe,
                                     int64_t trial)
{
	struct template_values values = {.context_tokens = -1};

	template_nonces(&values, text_of(seed), text_of(target), text_of(probe), trial, &arena);
	return values;
}

START_TEST(a_raw_body_can_name_the_model)
{
	struct template_values values = values_of("ab12cd34");

	assert_refused("{{model}}", &values, "{{model}} has no value here");
	values.model = TEXT("org/m-1");
	ck_assert(text_is(fill("{\"model\": \"{{model}}\", \"{{nonce}}\"", &values),
	                  "{\"model\": \"org/m-1\", \"ab12cd34\""));
}
END_TEST

/* --- nonces --- */

START_TEST(nonces_depend_on_what_they_are_made_from_and_on_nothing_else)
{
	struct template_values a = nonces("1", "p/m", "CH-03", 0);
	struct template_values b = nonces("1", "p/m", "CH-03", 0);

	for (size_t i = 0; i < TEMPLATE_NONCES; i++)
		ck_assert(text_equal(a.nonces[i], b.nonces[i]));
	ck_assert(!text_equal(a.nonces[0], nonces("2", "p/m", "CH-03", 0).nonces[0]));
	ck_assert(!text_equal(a.nonces[0], nonces("1", "p/n", "CH-03", 0).nonces[0]));
	ck_assert(!text_equal(a.nonces[0], nonces("1", "p/m", "CH-06", 0).nonces[0]));
	ck_assert(!text_equal(a.nonces[0], nonces("1", "p/m", "CH-03", 1).nonces[0]));
	/* Fields are kept apart: the same letters in other fields are another question. */
	ck_assert(
	    !text_equal(nonces("1p", "m", "x", 0).nonces[0], nonces("1", "pm", "x", 0).nonces[0]));
}
END_TEST

START_TEST(nonces_are_eight_small_letters_and_digits_and_differ)
{
	for (int64_t trial = 0; trial < 2000; trial++) {
		struct template_values values = nonces("seed", "target", "probe", trial);
		for (size_t i = 0; i < TEMPLATE_NONCES; i++) {
			struct text nonce = values.nonces[i];
			ck_assert_uint_eq(nonce.len, 8);
			ck_assert(nonce.data[0] >= 'a' && nonce.data[0] <= 'z');
			for (size_t j = 0; j < nonce.len; j++)
				ck_assert((nonce.data[j] >= 'a' && nonce.data[j] <= 'z') ||
				          (nonce.data[j] >= '0' && nonce.data[j] <= '9'));
			for (size_t j = 0; j < i; j++)
				ck_assert(!text_equal(nonce, values.nonces[j]));
		}
		arena_reset(&arena);
	}
}
END_TEST

/* --- filling --- */

START_TEST(placeholders_are_filled_wherever_they_stand)
{
	struct template_values values = values_of("xkcd4821");

	assert_text(fill("say {{nonce}}!", &values), "say xkcd4821!");
	assert_text(fill("{{ nonce }}{{nonce}}", &values), "xkcd4821xkcd4821");
	assert_text(fill("{{words:3}}.", &values), "one two three.");
	assert_text(fill("{{words:12}}", &values),
	            "one two three four five six seven eight nine ten one two");
}
END_TEST

START_TEST(braces_that_are_no_placeholder_stay_as_they_are)
{
	struct template_values values = values_of("xkcd4821");

	assert_text(fill("{\"a\":{\"b\":1}}", &values), "{\"a\":{\"b\":1}}");
	assert_text(fill("{{\"a\":1}}", &values), "{{\"a\":1}}");
	assert_text(fill("{{{nonce}}}", &values), "{xkcd4821}");
	assert_text(fill("}} {{", &values), "}} {{");
	assert_text(fill("", &values), "");
}
END_TEST

START_TEST(what_has_no_value_is_named)
{
	struct template_values values = values_of("xkcd4821");

	assert_refused("{{nonce2}}", &values, "{{nonce2}} has no value");
	assert_refused("{{steps.0.content}}", &values, "{{steps.0.content}} has no value");
	assert_refused("{{overflow}}", &values, "needs the model's context");
	assert_refused("{{nonsense}}", &values, "nonsense is no placeholder");
	assert_refused("a {{nonce", &values, "is no placeholder");
}
END_TEST

START_TEST(filled_values_are_not_filled_again)
{
	struct template_values values = values_of("{{nonce}}");

	assert_text(fill("{{nonce}}", &values), "{{nonce}}");
}
END_TEST

START_TEST(overflow_holds_more_words_than_the_context_has_tokens)
{
	struct template_values values = {.context_tokens = 8192};
	struct text text = fill("{{overflow}}", &values);
	size_t words = 1;

	for (size_t i = 0; i < text.len; i++)
		words += text.data[i] == ' ';
	ck_assert_uint_ge(words, 8192 * 13 / 10);
	ck_assert_uint_le(words, 8192 * 14 / 10);
	values.context_tokens = 0;
	ck_assert_uint_gt(fill("{{overflow}}", &values).len, 0);
}
END_TEST

START_TEST(a_window_is_filled_to_its_percent_word_by_word)
{
	struct template_values values = {.context_tokens = 8192};

	for (int64_t percent = 1; percent <= 100; percent += 33) {
		struct text text =
		    fill(text_format(&arena, "{{window:%lld}}", (long long)percent).data, &values);
		size_t words = 1;
		for (size_t i = 0; i < text.len; i++)
			words += text.data[i] == ' ';
		ck_assert_uint_eq(words, (size_t)(8192 * percent / 100));
	}
	values.context_tokens = -1;
	assert_refused("{{window:95}}", &values, "needs the model's context");
	values.context_tokens = INT64_MAX;
	assert_refused("{{window:95}}", &values, "would be over 8 MiB");
}
END_TEST

START_TEST(overflow_of_a_huge_context_is_refused_not_made)
{
	struct template_values values = {.context_tokens = 1000000};

	ck_assert_uint_le(fill("{{overflow}}", &values).len, 8 << 20);
	values.context_tokens = 2000000;
	assert_refused("{{overflow}}", &values, "would be over 8 MiB");
	values.context_tokens = INT64_MAX;
	assert_refused("{{overflow}}", &values, "would be over 8 MiB");
}
END_TEST

START_TEST(many_large_placeholders_hit_the_cap_of_a_body)
{
	struct json *node = read_json("[\"{{overflow}}\",\"{{overflow}}\",\"{{overflow}}\","
	                              "\"{{overflow}}\",\"{{overflow}}\",\"{{overflow}}\"]");
	struct template_values values = {.context_tokens = 1000000};
	struct json *out;
	struct fault fault;

	ck_assert(!template_fill(node, &values, &arena, &out, &fault));
	assert_fault_says(&fault, "over 32 MiB");
}
END_TEST

/* --- earlier steps --- */

static struct chat_tool_call one_call = {.index = 0,
                                         .id = TEXT_INIT("call_1"),
                                         .name = TEXT_INIT("get_gate"),
                                         .arguments = TEXT_INIT("{\"flight\":\"LX 318\"}")};
static struct chat_choice one_choice = {
    .content = TEXT_INIT("let me see"), .tool_calls = &one_call, .tool_call_count = 1};
static struct chat_reply one_reply = {.choices = &one_choice, .choice_count = 1};

START_TEST(parts_of_earlier_replies_are_filled_in)
{
	struct template_values values = {.steps = {&one_reply}, .step_count = 1};

	assert_text(fill("{{steps.0.content}}", &values), "let me see");
	assert_text(fill("{{steps.0.tool_calls.0.id}}", &values), "call_1");
	assert_text(fill("{{steps.0.tool_calls.0.name}}", &values), "get_gate");
	assert_text(fill("{{steps.0.tool_calls.0.arguments}}", &values), "{\"flight\":\"LX 318\"}");
	assert_refused("{{steps.0.tool_calls.1.id}}", &values, "steps.0.tool_calls.1.id");
	assert_refused("{{steps.0.reasoning}}", &values, "has no value");
	assert_refused("{{steps.1.content}}", &values, "has no value");
}
END_TEST

START_TEST(a_whole_message_of_a_stream_is_put_together)
{
	struct json *node = read_json("{\"messages\":[\"{{steps.0.message}}\"]}");
	struct template_values values = {.steps = {&one_reply}, .step_count = 1};
	struct json *out;
	struct fault fault;

	ck_assert(template_fill(node, &values, &arena, &out, &fault));
	assert_text(json_to_text(&arena, out),
	            "{\"messages\":[{\"role\":\"assistant\",\"content\":\"let me see\","
	            "\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":"
	            "{\"name\":\"get_gate\",\"arguments\":\"{\\\"flight\\\":\\\"LX "
	            "318\\\"}\"}}]}]}");
}
END_TEST

START_TEST(a_whole_message_that_was_sent_goes_back_verbatim)
{
	struct json *node = read_json("[\"{{steps.0.message}}\"]");
	struct chat_choice choice = {
	    .message = read_json("{\"role\":\"assistant\",\"content\":null,\"extra\":1.50}")};
	struct chat_reply reply = {.choices = &choice, .choice_count = 1};
	struct template_values values = {.steps = {&reply}, .step_count = 1};
	struct json *out;
	struct fault fault;

	ck_assert(template_fill(node, &values, &arena, &out, &fault));
	assert_text(json_to_text(&arena, out),
	            "[{\"role\":\"assistant\",\"content\":null,\"extra\":1.50}]");
}
END_TEST

START_TEST(a_message_nested_without_end_is_not_sent_back)
{
	struct text_buf deep;
	struct json *node = read_json("[\"{{steps.0.message}}\"]");
	struct json *out;
	struct fault fault;

	text_buf_init(&deep, 4096);
	text_buf_add_c(&deep, "{\"a\":");
	for (int i = 0; i < 100; i++)
		text_buf_byte(&deep, '[');
	for (int i = 0; i < 100; i++)
		text_buf_byte(&deep, ']');
	text_buf_byte(&deep, '}');
	struct chat_choice choice = {.message = read_json(text_buf_view(&deep).data)};
	struct chat_reply reply = {.choices = &choice, .choice_count = 1};
	struct template_values values = {.steps = {&reply}, .step_count = 1};
	ck_assert(!template_fill(node, &values, &arena, &out, &fault));
	assert_fault_says(&fault, "can't be sent back");
	text_buf_done(&deep);
}
END_TEST

/* --- bodies --- */

static struct text body_of(const char *request, bool streamed, bool usage_asked)
{
	struct template_values values = values_of("xkcd4821");
	struct template_target target = {TEXT("m1"), streamed, usage_asked};
	struct text body;
	struct fault fault;

	ck_assert_msg(template_body(read_json(request), &values, &target, &arena, &body, &fault),
	              "%s", fault.message);
	return body;
}

START_TEST(a_body_has_the_model_first_and_the_stream_last)
{
	assert_text(body_of("{\"messages\":[\"{{nonce}}\"],\"n\":1.0}", false, true),
	            "{\"model\":\"m1\",\"messages\":[\"xkcd4821\"],\"n\":1.0}");
	assert_text(body_of("{\"n\":2}", true, true),
	            "{\"model\":\"m1\",\"n\":2,\"stream\":true,"
	            "\"stream_options\":{\"include_usage\":true}}");
	assert_text(body_of("{\"n\":2}", true, false),
	            "{\"model\":\"m1\",\"n\":2,\"stream\":true}");
}
END_TEST

START_TEST(what_a_case_says_of_model_and_stream_itself_stands)
{
	assert_text(body_of("{\"model\":\"no-{{nonce}}\"}", false, true),
	            "{\"model\":\"no-xkcd4821\"}");
	assert_text(body_of("{\"stream\":false,\"stream_options\":null}", true, true),
	            "{\"model\":\"m1\",\"stream\":false,\"stream_options\":null}");
}
END_TEST

/* --- checks at loading --- */

static size_t check_says(const char *json, size_t steps_before, const char *says)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	bool good = template_check(read_json(json), steps_before, faults);
	size_t count = faults->count;

	ck_assert(good == (count == 0));
	if (count > 0)
		assert_fault_says(&faults->items[0], says);
	memory_free(faults);
	return count;
}

START_TEST(mistakes_in_placeholders_are_found_when_loading)
{
	ck_assert_uint_eq(check_says("[\"{{nonce}} {{nonce2}} {{words:10}}\"]", 0, ""), 0);
	ck_assert_uint_eq(check_says("[\"{{nonse}}\"]", 0, "did you mean {{nonce}}?"), 1);
	ck_assert_uint_eq(check_says("[\"{{nonce\"]", 0, "has no }}"), 1);
	ck_assert_uint_eq(check_says("[\"{{words:0}}\"]", 0, "no placeholder"), 1);
	ck_assert_uint_eq(check_says("[\"{{words:9999999}}\"]", 0, "no placeholder"), 1);
	ck_assert_uint_eq(check_says("[\"{{steps.0.content}}\"]", 0, "has not been yet"), 1);
	ck_assert_uint_eq(check_says("[\"{{steps.0.content}}\"]", 1, ""), 0);
	ck_assert_uint_eq(check_says("[\"{{steps.0.tool_calls.0.foo}}\"]", 1, "placeholder"), 1);
	ck_assert_uint_eq(check_says("[\"{{steps.0}}\"]", 1, "no placeholder"), 1);
	ck_assert_uint_eq(check_says("[\"{{image:nonce4}}\"]", 0, "no placeholder"), 1);
	ck_assert_uint_eq(check_says("[\"see {{image:nonce}}\"]", 0, "stand alone"), 1);
	ck_assert_uint_eq(check_says("[\"{{steps.0.message}}\"]", 1, ""), 0);
	ck_assert_uint_eq(check_says("[\"x {{steps.0.message}}\"]", 1, "can only stand alone"), 1);
	ck_assert_uint_eq(check_says("{\"a\":[\"{{x}}\",{\"b\":\"{{y}}\"}]}", 0, "{{x}}"), 2);
}
END_TEST

START_TEST(needs_are_read_from_the_placeholders)
{
	ck_assert_uint_eq(template_needs(read_json("[\"{{nonce}}\"]")), 0);
	ck_assert_uint_eq(template_needs(read_json("{\"a\":[\"x {{overflow}}\"]}")),
	                  CASE_NEEDS_CONTEXT);
}
END_TEST

START_TEST(what_is_filled_at_most_is_known_before_it_is_filled)
{
	ck_assert_int_eq(template_most_context(read_json("[\"{{words:9}} {{nonce}}\"]")),
	                 INT64_MAX);
	ck_assert_int_eq(template_most_context(read_json("{\"a\":[\"x {{window:95}}\"]}")),
	                 1500000);
	ck_assert_int_eq(
	    template_most_context(read_json("[\"{{window:9}}\",{\"b\":\"{{overflow}}\"}]")),
	    1153846);
}
END_TEST

/* --- matching --- */

static const char *const ignored[] = {"model", "stream", "stream_options", NULL};

static bool matches(const char *pattern, const char *actual, struct template_values *captured)
{
	*captured = (struct template_values){.context_tokens = -1};
	return template_matches(read_json(pattern), read_json(actual), ignored, &arena, captured);
}

START_TEST(a_filled_template_is_recognised_and_its_nonces_captured)
{
	struct template_values got;

	ck_assert(matches(
	    "{\"a\":\"say {{nonce}}, then {{nonce2}}.\"}",
	    "{\"model\":\"m\",\"a\":\"say ab12cd34, then zz99zz99.\",\"stream\":true}", &got));
	assert_text(got.nonces[0], "ab12cd34");
	assert_text(got.nonces[1], "zz99zz99");
	ck_assert_ptr_null(got.nonces[2].data);
}
END_TEST

START_TEST(a_nonce_must_be_the_same_everywhere)
{
	struct template_values got;
	const char *pattern = "{\"a\":\"{{nonce}}\",\"b\":[\"x{{nonce}}y\"]}";

	ck_assert(matches(pattern, "{\"b\":[\"xab12cd34y\"],\"a\":\"ab12cd34\"}", &got));
	ck_assert(!matches(pattern, "{\"a\":\"ab12cd34\",\"b\":[\"xab12cd35y\"]}", &got));
	ck_assert(!matches(pattern, "{\"a\":\"1b12cd34\",\"b\":[\"x1b12cd34y\"]}", &got));
	ck_assert(!matches(pattern, "{\"a\":\"AB12cd34\",\"b\":[\"xAB12cd34y\"]}", &got));
	ck_assert(!matches(pattern, "{\"a\":\"ab12cd3\",\"b\":[\"xab12cd3y\"]}", &got));
}
END_TEST

START_TEST(wildcards_match_anything_and_fixed_text_must_be_there)
{
	struct template_values got;
	const char *pattern = "{\"a\":\"<{{words:5}}> code {{nonce}} <{{overflow}}> end\"}";

	ck_assert(matches(pattern, "{\"a\":\"<one> code ab12cd34 <two> end\"}", &got));
	assert_text(got.nonces[0], "ab12cd34");
	ck_assert(matches(pattern, "{\"a\":\"<> code x> code ab12cd34 <a> end b> end\"}", &got));
	assert_text(got.nonces[0], "ab12cd34");
	ck_assert(!matches(pattern, "{\"a\":\"<one> code ab12cd34 <two> en\"}", &got));
	ck_assert(!matches(pattern, "{\"a\":\"<one> code ab12cd34 <two\"}", &got));
	ck_assert(!matches(pattern, "{\"a\":\"one> code ab12cd34 <two> end\"}", &got));
	ck_assert(matches("{\"a\":\"{{overflow}}\"}", "{\"a\":\"\"}", &got));
	ck_assert(!matches("{\"a\":\"{{overflow}}\"}", "{\"a\":1}", &got));
}
END_TEST

START_TEST(a_picture_is_filled_in_and_its_nonce_read_back)
{
	const char *pattern = "{\"a\":{\"url\":\"{{image:nonce2}}\"},\"b\":\"{{nonce2}}\"}";
	struct template_values values = {.nonces = {TEXT("no"), TEXT("baf2ced3")},
	                                 .context_tokens = -1};
	struct template_values got = {.context_tokens = -1};
	struct json *filled;
	struct fault fault;

	ck_assert(template_fill(read_json(pattern), &values, &arena, &filled, &fault));
	ck_assert(text_starts(json_string(json_member(filled, "a"), "url"),
	                      TEXT("data:image/png;base64,iVBORw0KGgo")));
	ck_assert(template_matches(read_json(pattern), filled, NULL, &arena, &got));
	assert_text(got.nonces[1], "baf2ced3");
	ck_assert(!matches(pattern, "{\"a\":{\"url\":\"baf2ced3\"},\"b\":\"baf2ced3\"}", &got));
	/* The picture of another nonce than the one that was said. */
	struct json *other = json_clone(&arena, filled);
	json_member(other, "b")->text = TEXT("baf2ced4");
	got = (struct template_values){.context_tokens = -1};
	ck_assert(!template_matches(read_json(pattern), other, NULL, &arena, &got));
}
END_TEST

START_TEST(a_message_of_an_earlier_step_matches_any_object)
{
	struct template_values got;

	ck_assert(matches("{\"m\":[\"{{steps.0.message}}\"]}", "{\"m\":[{\"x\":[1]}]}", &got));
	ck_assert(!matches("{\"m\":[\"{{steps.0.message}}\"]}", "{\"m\":[\"x\"]}", &got));
}
END_TEST

START_TEST(everything_else_must_be_equal)
{
	struct template_values got;

	ck_assert(
	    matches("{\"n\":2,\"t\":true,\"z\":null}", "{\"n\":2.0,\"z\":null,\"t\":true}", &got));
	ck_assert(!matches("{\"n\":2}", "{\"n\":3}", &got));
	ck_assert(!matches("{\"n\":2}", "{\"n\":\"2\"}", &got));
	ck_assert(!matches("{\"n\":2}", "{\"n\":2,\"x\":1}", &got));
	ck_assert(!matches("{\"n\":2,\"x\":1}", "{\"n\":2}", &got));
	ck_assert(!matches("{\"n\":[1,2]}", "{\"n\":[1]}", &got));
	ck_assert(!matches("{\"n\":{\"a\":1}}", "{\"n\":{\"a\":1,\"stream\":1}}", &got));
	ck_assert(!matches("{\"n\":{\"a\":1}}", "{\"n\":{\"a\":1,\"a\":1}}", &got));
	ck_assert(!matches("{\"n\":2}", "{\"n\":2,\"n\":2}", &got));
}
END_TEST

START_TEST(what_the_template_names_itself_is_not_ignored)
{
	struct template_values got;

	ck_assert(matches("{\"model\":\"no-{{nonce}}\"}", "{\"model\":\"no-ab12cd34\"}", &got));
	ck_assert(!matches("{\"model\":\"no-{{nonce}}\"}", "{\"model\":\"m1\"}", &got));
	ck_assert(!matches("{\"stream\":true}", "{\"model\":\"m1\"}", &got));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_raw_body_can_name_the_model);
	tcase_add_test(cases, nonces_depend_on_what_they_are_made_from_and_on_nothing_else);
	tcase_add_test(cases, nonces_are_eight_small_letters_and_digits_and_differ);
	tcase_add_test(cases, placeholders_are_filled_wherever_they_stand);
	tcase_add_test(cases, braces_that_are_no_placeholder_stay_as_they_are);
	tcase_add_test(cases, what_has_no_value_is_named);
	tcase_add_test(cases, filled_values_are_not_filled_again);
	tcase_add_test(cases, overflow_holds_more_words_than_the_context_has_tokens);
	tcase_add_test(cases, a_window_is_filled_to_its_percent_word_by_word);
	tcase_add_test(cases, overflow_of_a_huge_context_is_refused_not_made);
	tcase_add_test(cases, many_large_placeholders_hit_the_cap_of_a_body);
	tcase_add_test(cases, parts_of_earlier_replies_are_filled_in);
	tcase_add_test(cases, a_whole_message_of_a_stream_is_put_together);
	tcase_add_test(cases, a_whole_message_that_was_sent_goes_back_verbatim);
	tcase_add_test(cases, a_message_nested_without_end_is_not_sent_back);
	tcase_add_test(cases, a_body_has_the_model_first_and_the_stream_last);
	tcase_add_test(cases, what_a_case_says_of_model_and_stream_itself_stands);
	tcase_add_test(cases, mistakes_in_placeholders_are_found_when_loading);
	tcase_add_test(cases, needs_are_read_from_the_placeholders);
	tcase_add_test(cases, what_is_filled_at_most_is_known_before_it_is_filled);
	tcase_add_test(cases, a_filled_template_is_recognised_and_its_nonces_captured);
	tcase_add_test(cases, a_nonce_must_be_the_same_everywhere);
	tcase_add_test(cases, wildcards_match_anything_and_fixed_text_must_be_there);
	tcase_add_test(cases, a_picture_is_filled_in_and_its_nonce_read_back);
	tcase_add_test(cases, a_message_of_an_earlier_step_matches_any_object);
	tcase_add_test(cases, everything_else_must_be_equal);
	tcase_add_test(cases, what_the_template_names_itself_is_not_ignored);
}

int main(void)
{
	return unit_main("template", add);
}
