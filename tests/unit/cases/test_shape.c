/*
 * Shapes: what each field of a request makes it use, what can't be acted on, and that every case
 * of the suite asks what it vouches for.
 */
#include "cases/shape.h"
#include "cases/suite.h"
#include "cases/template.h"
#include "harness/base/json_write.h"
#include "tests/unit/unit.h"

static struct arena arena;
static struct shape shape;
static struct shape_fault fault;

static void setup(void)
{
	arena = (struct arena){0};
	fault = (struct shape_fault){0};
}

static void teardown(void)
{
	arena_done(&arena);
}

static struct json *parse(const char *body)
{
	struct json *root;
	struct fault bad;

	ck_assert_msg(json_read_text(text_of(body), "request", &arena, &root, &bad), "%s",
	              bad.message);
	return root;
}

static bool read(enum endpoint endpoint, const char *body)
{
	return shape_read(endpoint, parse(body), &arena, &shape, &fault);
}

/* The names joined by spaces. */
static struct text names_of(const struct shape *of)
{
	struct text_list names = shape_names(of, &arena);
	struct text_buf out;

	text_buf_init(&out, 1 << 16);
	for (size_t i = 0; i < names.count; i++) {
		if (i > 0)
			text_buf_byte(&out, ' ');
		text_buf_add(&out, names.items[i]);
	}
	struct text joined = text_copy(&arena, text_buf_view(&out));
	text_buf_done(&out);
	return joined;
}

#define CHAT(members)                                                                              \
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" members "}"
#define MESSAGE(message) "{\"model\":\"m\",\"messages\":[" message "]}"

static const struct {
	const char *body;
	const char *names;
} chats[] = {
    {CHAT(""), "chat"},
    {CHAT(",\"stream\":true"), "chat stream"},
    {CHAT(",\"stream\":false,\"n\":1,\"logprobs\":false"), "chat"},
    {CHAT(",\"stop\":null,\"tools\":null,\"tool_choice\":null,\"x\":null"), "chat"},
    {CHAT(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"),
     "chat stream stream_options.include_usage"},
    {CHAT(",\"n\":2,\"seed\":7,\"stop\":[\"a\"]"), "chat n stop seed"},
    {CHAT(",\"max_tokens\":5,\"max_completion_tokens\":6"),
     "chat max_tokens max_completion_tokens"},
    {CHAT(",\"temperature\":0,\"top_p\":1,\"presence_penalty\":0,\"frequency_penalty\":0"),
     "chat temperature top_p presence_penalty frequency_penalty"},
    {CHAT(",\"logprobs\":true"), "chat logprobs"},
    {CHAT(",\"top_logprobs\":2"), "chat logprobs"},
    {CHAT(",\"user\":\"u\",\"store\":true,\"service_tier\":\"auto\""),
     "chat user store service_tier"},
    {CHAT(",\"reasoning_effort\":\"low\",\"logit_bias\":{},\"prediction\":{}"),
     "chat logit_bias reasoning_effort prediction"},
    {CHAT(",\"modalities\":[\"text\"]"), "chat"},
    {CHAT(",\"modalities\":[\"text\",\"audio\"]"), "chat modalities"},
    {CHAT(",\"top_k\":5,\"min_p\":0.1"), "chat field.top_k field.min_p"},
    {CHAT(",\"provider\":{\"only\":[\"a\"]}"), "chat"},
    {CHAT(",\"response_format\":{\"type\":\"text\"}"), "chat"},
    {CHAT(",\"response_format\":{\"type\":\"json_object\"}"), "chat response_format.json_object"},
    {CHAT(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\","
          "\"schema\":{}}}"),
     "chat response_format.json_schema"},
    {CHAT(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"strict\":true}}"),
     "chat response_format.json_schema response_format.strict"},
    {CHAT(",\"functions\":[{\"name\":\"f\"}]"), "chat functions"},
    {CHAT(",\"tools\":[]"), "chat"},
    {CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
          "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}}]"),
     "chat tools"},
    {CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,"
          "\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[1]}}}}}],"
          "\"parallel_tool_calls\":false"),
     "chat tools tools.strict tools.loose_schema parallel_tool_calls "
     "parallel_tool_calls.false"},
    {CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"),
     "chat tools tools.no_parameters tools.loose_schema"},
    {CHAT(",\"parallel_tool_calls\":true"), "chat parallel_tool_calls"},
    {CHAT(",\"tool_choice\":\"auto\""), "chat tool_choice.auto"},
    {CHAT(",\"tool_choice\":\"none\""), "chat tool_choice.none"},
    {CHAT(",\"tool_choice\":\"required\""), "chat tool_choice.required"},
    {CHAT(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"),
     "chat tool_choice.named"},
    {MESSAGE("{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"developer\",\"content\":\"b\"}"),
     "chat system developer"},
    {MESSAGE("{\"role\":\"user\",\"name\":\"Ann\",\"content\":\"a\"}"), "chat message_name"},
    {MESSAGE("{\"role\":\"user\",\"content\":\"\\u00e4\"}"), "chat unicode"},
    {MESSAGE("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}"),
     "chat content_parts"},
    {MESSAGE("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
             "\"data:\"}},{\"type\":\"input_audio\"},{\"type\":\"file\"}]}"),
     "chat content_parts images audio files"},
    {MESSAGE("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
             "\"https://x/a.png\"}}]}"),
     "chat content_parts images images.url"},
    {MESSAGE("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"b\"}"),
     "chat multi_turn reasoning_history"},
    {MESSAGE("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"
             "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]},{\"role\":\"tool\","
             "\"tool_call_id\":\"1\",\"content\":\"x\"}"),
     "chat multi_turn tool_messages tool_messages.empty_arguments"},
};

START_TEST(each_field_is_its_feature)
{
	ck_assert_msg(read(ENDPOINT_CHAT, chats[_i].body), "%s", fault.message);
	assert_text(names_of(&shape), chats[_i].names);
}
END_TEST

static const struct {
	enum endpoint endpoint;
	const char *body;
	const char *names;
} others[] = {
    {ENDPOINT_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"a\",\"max_tokens\":3,\"echo\":true}",
     "completions max_tokens field.echo"},
    {ENDPOINT_EMBEDDINGS,
     "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"dimensions\":3,\"encoding_format\":\"base64\"}",
     "embeddings dimensions encoding_format.base64"},
    {ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"float\"}",
     "embeddings"},
    {ENDPOINT_RESPONSES,
     "{\"model\":\"m\",\"input\":\"a\",\"instructions\":\"b\",\"max_output_tokens\":3,"
     "\"reasoning\":{\"effort\":\"low\"},\"text\":{\"format\":{\"type\":\"json_schema\","
     "\"name\":\"n\",\"strict\":true,\"schema\":{}}},\"previous_response_id\":\"r\"}",
     "responses system response_format.json_schema response_format.strict max_output_tokens "
     "reasoning_effort previous_response_id"},
    {ENDPOINT_RESPONSES,
     "{\"model\":\"m\",\"stream\":true,\"input\":[{\"type\":\"function_call\",\"name\":\"f\","
     "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"output\":\"x\"}],"
     "\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}}",
     "responses stream tool_choice.named tool_messages"},
    {ENDPOINT_MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":9,\"system\":\"s\",\"stop_sequences\":[\"a\"],\"thinking\":{"
     "\"type\":\"enabled\"},\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"},{"
     "\"type\":\"tool_result\",\"content\":\"r\"}]}],\"tool_choice\":{\"type\":\"any\"}}",
     "messages system content_parts images tool_choice.required tool_messages stop max_tokens "
     "reasoning_effort"},
};

START_TEST(other_endpoints_have_fields_of_their_own)
{
	ck_assert_msg(read(others[_i].endpoint, others[_i].body), "%s", fault.message);
	assert_text(names_of(&shape), others[_i].names);
}
END_TEST

START_TEST(facts_are_read_beside_the_features)
{
	ck_assert(
	    read(ENDPOINT_CHAT, CHAT(",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
	                             "\"n\":3,\"max_tokens\":50,\"max_completion_tokens\":20")));
	assert_text(shape.model, "m");
	ck_assert_int_eq(shape.model_node->begin, 9);
	ck_assert(shape.streamed && shape.usage_asked);
	ck_assert_int_eq(shape.max_output, 20);
	ck_assert(read(ENDPOINT_CHAT, CHAT(",\"max_tokens\":20,\"max_completion_tokens\":50")));
	ck_assert_int_eq(shape.max_output, 20);
	ck_assert(
	    read(ENDPOINT_CHAT,
	         CHAT(",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"n\":3")));
	ck_assert_int_eq(shape.choices, 3);
	ck_assert_int_eq(shape.prompt_bytes, 2);
	ck_assert(read(ENDPOINT_CHAT, CHAT("")));
	ck_assert_int_eq(shape.max_output, -1);
	ck_assert_int_eq(shape.choices, 1);
	ck_assert(!shape.streamed && !shape.usage_asked);
}
END_TEST

static const struct {
	const char *body;
	const char *param; /* NULL: the whole */
	const char *says;
} refused[] = {
    {"[]", NULL, "JSON object"},
    {"{\"messages\":[]}", "model", "provide a model"},
    {"{\"model\":7}", "model", "string"},
    {"{\"model\":\"\"}", "model", "not empty"},
    {"{\"model\":null}", "model", "string"},
    {CHAT(",\"stream\":\"yes\""), "stream", "true or false"},
    {CHAT(",\"stream_options\":[]"), "stream_options", "object"},
    {CHAT(",\"model\":\"other\""), "model", "twice"},
    {CHAT(",\"stream\":true,\"stream\":false"), "stream", "twice"},
    {CHAT(",\"stream\":true,\"str\\u0065am\":false"), "stream", "twice"},
    {CHAT(",\"unheard\":1,\"unheard\":2"), NULL, "'unheard'"},
    {CHAT(",\"stream_options\":{\"include_usage\":true,\"include_usage\":false}"), "stream_options",
     "twice"},
};

START_TEST(what_is_ambiguous_is_refused)
{
	ck_assert(!read(ENDPOINT_CHAT, refused[_i].body));
	if (refused[_i].param == NULL)
		ck_assert_ptr_null(fault.param);
	else
		ck_assert_str_eq(fault.param, refused[_i].param);
	ck_assert_msg(strstr(fault.message, refused[_i].says) != NULL, "%s", fault.message);
}
END_TEST

/* A typed enum is no loose schema. */
#define TOOL                                                                                       \
	"{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{"     \
	"\"a\":{\"type\":\"string\",\"enum\":[\"x\"]}}}}}"

START_TEST(many_tools_are_a_feature_of_their_own)
{
	struct text_buf tools;

	text_buf_init(&tools, 1 << 16);
	text_buf_add_c(&tools, TOOL);
	for (int i = 1; i < SHAPE_MANY_TOOLS; i++)
		text_buf_add_c(&tools, "," TOOL);
	struct text list = text_buf_view(&tools);
	ck_assert(read(ENDPOINT_CHAT,
	               text_format(&arena, CHAT(",\"tools\":[%.*s]"), TEXT_ARG(list)).data));
	assert_text(names_of(&shape), "chat tools");
	ck_assert(
	    read(ENDPOINT_CHAT,
	         text_format(&arena, CHAT(",\"tools\":[%.*s," TOOL "]"), TEXT_ARG(list)).data));
	assert_text(names_of(&shape), "chat tools tools.many");
	text_buf_done(&tools);
}
END_TEST

START_TEST(too_many_unknown_fields_are_refused)
{
	struct text_buf body;

	text_buf_init(&body, 1 << 16);
	text_buf_add_c(&body, "{\"model\":\"m\"");
	for (int i = 0; i < SHAPE_MAX_FIELDS; i++)
		text_buf_format(&body, ",\"x%d\":1", i);
	struct text most = text_format(&arena, "%.*s}", TEXT_ARG(text_buf_view(&body)));
	ck_assert(read(ENDPOINT_CHAT, most.data));
	ck_assert_uint_eq(shape.fields.count, SHAPE_MAX_FIELDS);
	struct text more = text_format(&arena, "%.*s,\"y\":1}", TEXT_ARG(text_buf_view(&body)));
	ck_assert(!read(ENDPOINT_CHAT, more.data));
	ck_assert_ptr_nonnull(strstr(fault.message, "'y'"));
	text_buf_done(&body);
}
END_TEST

START_TEST(a_shape_comes_back_from_its_names)
{
	struct shape again;
	struct text bad;
	struct text wrong[] = {TEXT_INIT("chat"), TEXT_INIT("telepathy")};
	struct text_list list = {wrong, 2};

	for (size_t i = 0; i < ARRAY_LENGTH(chats); i++) {
		ck_assert(read(ENDPOINT_CHAT, chats[i].body));
		struct text_list names = shape_names(&shape, &arena);
		ck_assert(shape_from_names(&names, &arena, &again, &bad));
		assert_text(names_of(&again), chats[i].names);
		ck_assert(again.streamed == shape.streamed);
	}
	ck_assert(!shape_from_names(&list, &arena, &again, &bad));
	assert_text(bad, "telepathy");
	list.count = 0;
	ck_assert(shape_from_names(&list, &arena, &again, &bad));
	assert_text(names_of(&again), "chat");
}
END_TEST

/* --- the suite ------------------------------------------------------------------------ */

/* The features of one step as it is asked, added to `all`. */
static void add_step(const struct eval_case *eval_case, const struct case_step *step,
                     struct shape *all)
{
	struct shape one;

	if (step->request == NULL || step->endpoint == ENDPOINT_MODELS)
		return;
	struct text body = json_to_text(&arena, step->request);
	if (json_member(step->request, "model") != NULL)
		return; /* one that asks for another model than the target's vouches for nothing */
	struct text with_model =
	    text_format(&arena, "{\"model\":\"m\"%s%.*s", body.len > 2 ? "," : "",
	                (int)(body.len - 1), body.data + 1);
	struct json *root = parse(with_model.data);
	ck_assert_msg(shape_read(step->endpoint, root, &arena, &one, &fault), "%.*s: %s",
	              TEXT_ARG(eval_case->id), fault.message);
	for (int i = 0; i < FEATURE_WORDS; i++)
		all->features.words[i] |= one.features.words[i];
}

static bool asks(const struct eval_case *eval_case, const struct shape *all, enum feature feature)
{
	/* The runner puts these in, and how long a prompt is depends on the model. */
	if (feature == FEATURE_STREAM)
		return eval_case->variants[CASE_STREAM];
	return feature == FEATURE_LONG_CONTEXT || feature == FEATURE_STREAM_OPTIONS_INCLUDE_USAGE ||
	       feature_has(&all->features, feature);
}

/*
 * A gate case that vouched for what it does not ask would let untested requests pass. Others may
 * speak for a relative: TC-13 shows parallel calls, which are the default, and so vouches for
 * requests that name the parameter.
 */
START_TEST(every_gate_case_asks_what_it_vouches_for)
{
	static struct suite suite;
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct text_list none = {0};

	ck_assert(suite_load(&suite, true, &none, faults));
	for (size_t i = 0; i < suite.count; i++) {
		const struct eval_case *eval_case = &suite.cases[i];
		struct shape all = {0};
		if (eval_case->severity != CASE_GATE)
			continue;
		for (size_t s = 0; eval_case->vouches.count > 0 && s < eval_case->step_count; s++)
			add_step(eval_case, &eval_case->steps[s], &all);
		for (size_t v = 0; v < eval_case->vouches.count; v++) {
			struct text name = eval_case->vouches.items[v];
			enum feature feature = feature_from_name(name);
			if (feature == FEATURE_COUNT)
				continue;
			ck_assert_msg(asks(eval_case, &all, feature),
			              "%.*s vouches for %.*s and does not ask it",
			              TEXT_ARG(eval_case->id), TEXT_ARG(name));
		}
	}
	suite_done(&suite);
	memory_free(faults);
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, each_field_is_its_feature, 0, ARRAY_LENGTH(chats));
	tcase_add_loop_test(cases, other_endpoints_have_fields_of_their_own, 0,
	                    ARRAY_LENGTH(others));
	tcase_add_test(cases, facts_are_read_beside_the_features);
	tcase_add_loop_test(cases, what_is_ambiguous_is_refused, 0, ARRAY_LENGTH(refused));
	tcase_add_test(cases, many_tools_are_a_feature_of_their_own);
	tcase_add_test(cases, too_many_unknown_fields_are_refused);
	tcase_add_test(cases, a_shape_comes_back_from_its_names);
	tcase_add_test(cases, every_gate_case_asks_what_it_vouches_for);
}

int main(void)
{
	return unit_main("shape", add_tests);
}
