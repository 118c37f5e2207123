/*
 * Requests in OpenAI's format as each native dialect sends them: a row of the tables of translation
 * each. Lost here, a field would make a case pass, or a client's request mean something else.
 */
#include "harness/base/http_parse.h"
#include "providers/provider.h"
#include "tests/unit/unit.h"

static struct arena arena;

/* The members of a request beside model and messages, and of what goes out all or a part. */
struct row {
	const char *members; /* of the request */
	const char *want;    /* stands in the native body as it is; NULL: refused */
	const char *other;   /* dropped, comma separated; or what the refusal says; NULL: nothing */
};

static struct provider_model models[] = {{.name = TEXT_INIT("m"), .max_output = 77}};

static bool encode(const struct dialect *dialect, const char *base, const char *body, bool streamed,
                   struct wire_request *out, struct fault *fault)
{
	struct provider provider = {.name = TEXT_INIT("p"),
	                            .dialect = dialect,
	                            .base_url = text_of(base),
	                            .models = models,
	                            .model_count = 1};
	struct chat_request request = {
	    .endpoint = ENDPOINT_CHAT, .body = text_of(body), .streamed = streamed};

	return dialect->encode(&provider, &request, &arena, out, fault);
}

static struct text dropped_of(const struct wire_request *out)
{
	struct text all = TEXT("");

	for (size_t i = 0; i < out->dropped.count; i++)
		all = text_format(&arena, "%.*s%s%.*s", TEXT_ARG(all), i > 0 ? "," : "",
		                  TEXT_ARG(out->dropped.items[i]));
	return all;
}

/* `body` is the whole request. */
static void assert_encodes(const struct dialect *dialect, const char *body, const struct row *row)
{
	struct wire_request out = {0};
	struct fault fault = {0};
	bool good = encode(dialect, "http://host/v1", body, false, &out, &fault);

	if (row->want == NULL) {
		ck_assert_msg(!good, "%s: not refused", row->members);
		ck_assert_int_eq(fault.kind, FAULT_REFUSED);
		assert_fault_says(&fault, row->other);
		return;
	}
	ck_assert_msg(good, "%s: %s", row->members, fault.message);
	ck_assert_msg(text_find(out.body, text_of(row->want), 0) != TEXT_NOT_FOUND,
	              "%s became\n%.*s, want\n%s", row->members, TEXT_ARG(out.body), row->want);
	assert_text(dropped_of(&out), row->other == NULL ? "" : row->other);
}

static void assert_row(const struct dialect *dialect, const struct row *row)
{
	struct text body = text_format(
	    &arena, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]%s%s}",
	    *row->members == '\0' ? "" : ",", row->members);

	assert_encodes(dialect, text_c(&arena, body), row);
}

/* The same with messages instead of other members. */
static void assert_messages(const struct dialect *dialect, const char *model, const struct row *row)
{
	struct text body =
	    text_format(&arena, "{\"model\":\"%s\",\"messages\":[%s]}", model, row->members);

	assert_encodes(dialect, text_c(&arena, body), row);
}

/* clang-format off */
#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
#define CALLS(extra) \
	"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" \
	"{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}" extra "}," \
	"{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]}"
#define RESULT(id, content) \
	"{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":" content "}"
#define TOOL(rest) \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"" rest "}}]"
#define SCHEMA(schema) TOOL(",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":" schema "}}")
#define PROPERTY(schema) \
	"\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":" schema "}}"

/* --- Gemini --------------------------------------------------------------- */

static const struct row gemini_rows[] = {
	{"", "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{}}", NULL},
	{"\"max_tokens\":5", "{\"maxOutputTokens\":5}", NULL},
	{"\"max_tokens\":5,\"max_completion_tokens\":6", "{\"maxOutputTokens\":6}", NULL},
	{"\"temperature\":1.5,\"top_p\":0.5", "{\"temperature\":1.5,\"topP\":0.5}", NULL},
	{"\"n\":2", "{\"candidateCount\":2}", NULL},
	{"\"stop\":\"x\"", "{\"stopSequences\":[\"x\"]}", NULL},
	{"\"stop\":[\"x\",\"y\"]", "{\"stopSequences\":[\"x\",\"y\"]}", NULL},
	{"\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]", NULL, "more than 5 stop"},
	{"\"seed\":7", "{\"seed\":7}", NULL},
	{"\"presence_penalty\":0.1,\"frequency_penalty\":-0.2",
	 "{\"presencePenalty\":0.1,\"frequencyPenalty\":-0.2}", NULL},
	{"\"response_format\":{\"type\":\"json_object\"}",
	 "{\"responseMimeType\":\"application/json\"}", NULL},
	{"\"response_format\":{\"type\":\"text\"}", "\"generationConfig\":{}", NULL},
	{"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,"
	 "\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"
	 "\"additionalProperties\":false}}}",
	 "\"responseSchema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
	 "\"required\":[\"a\"]}", "schema.additionalProperties"},
	{"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\"}}", NULL, "no schema"},
	{"\"response_format\":{\"type\":\"bogus\"}", NULL, "response_format bogus"},
	{"\"modalities\":[\"text\"]", "\"responseModalities\":[\"TEXT\"]", NULL},
	{"\"modalities\":[\"text\",\"audio\"]", NULL, "only text"},
	{"\"service_tier\":\"flex\"", "\"serviceTier\":\"flex\"", NULL},
	{"\"service_tier\":\"auto\"", "\"generationConfig\":{}}", "service_tier"},
	{"\"user\":\"u\",\"logit_bias\":{},\"metadata\":{},\"store\":true,\"parallel_tool_calls\":false,"
	 "\"x_unheard_of\":1,\"stream_options\":{\"include_usage\":true},\"prediction\":null",
	 "\"generationConfig\":{}}", "user,logit_bias,metadata,store,parallel_tool_calls,x_unheard_of"},
	{"\"logprobs\":true", NULL, "logprobs"},
	{"\"logprobs\":false", "\"generationConfig\":{}}", NULL},
	{"\"audio\":{}", NULL, "audio"},
	{"\"functions\":[]", NULL, "functions"},
	/* --- tools */
	{TOOL(",\"description\":\"d\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
	 "\"integer\"}}}"),
	 "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
	 "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}}]}],\"generationConfig\"", NULL},
	{TOOL(",\"parameters\":{\"type\":\"object\",\"properties\":{}}"),
	 "\"functionDeclarations\":[{\"name\":\"f\"}]", NULL},
	{"\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}]", NULL, "type function"},
	{"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"1f\"}}]", NULL, "begin with a letter"},
	{TOOL("") ",\"tool_choice\":\"auto\"", "{\"mode\":\"AUTO\"}", NULL},
	{TOOL("") ",\"tool_choice\":\"none\"", "{\"mode\":\"NONE\"}", NULL},
	{TOOL("") ",\"tool_choice\":\"required\"", "{\"mode\":\"ANY\"}", NULL},
	{TOOL("") ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
	 "{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]}", NULL},
	{TOOL("") ",\"tool_choice\":\"bogus\"", NULL, "tool_choice is none of"},
	{TOOL(",\"strict\":true"), "{\"mode\":\"VALIDATED\"}", NULL},
	/* --- schemas */
	{SCHEMA("{\"type\":[\"string\",\"null\"]}"), PROPERTY("{\"type\":\"string\",\"nullable\":true}"), NULL},
	{SCHEMA("{\"type\":[\"string\",\"integer\",\"null\"]}"),
	 PROPERTY("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}],\"nullable\":true}"), NULL},
	{SCHEMA("{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"description\":\"d\"}"),
	 PROPERTY("{\"type\":\"integer\",\"description\":\"d\",\"nullable\":true}"), NULL},
	{SCHEMA("{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}"),
	 PROPERTY("{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}"), NULL},
	{SCHEMA("{\"const\":\"v\"}"), PROPERTY("{\"type\":\"string\",\"enum\":[\"v\"]}"), NULL},
	{SCHEMA("{\"const\":3}"), PROPERTY("{}"), "schema.const"},
	{SCHEMA("{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}"),
	 PROPERTY("{\"type\":\"string\",\"description\":\"d\",\"enum\":[\"a\",\"b\"]}"), NULL},
	{SCHEMA("{\"enum\":[\"a\",null]}"), PROPERTY("{\"type\":\"string\",\"enum\":[\"a\"],\"nullable\":true}"), NULL},
	{SCHEMA("{\"type\":\"integer\",\"enum\":[1,2]}"), PROPERTY("{\"type\":\"integer\"}"), "schema.enum"},
	{SCHEMA("{\"type\":\"number\",\"minimum\":1,\"maximum\":2,\"exclusiveMinimum\":0}"),
	 PROPERTY("{\"type\":\"number\",\"minimum\":1,\"maximum\":2}"), "schema.exclusiveMinimum"},
	{SCHEMA("{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1,\"uniqueItems\":true}"),
	 PROPERTY("{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1}"), "schema.uniqueItems"},
	{SCHEMA("{\"type\":\"array\"}"), PROPERTY("{\"type\":\"array\",\"items\":{}}"), NULL},
	{SCHEMA("{\"type\":\"string\",\"format\":\"date-time\"}"),
	 PROPERTY("{\"type\":\"string\",\"format\":\"date-time\"}"), NULL},
	{SCHEMA("{\"type\":\"string\",\"format\":\"uri\",\"default\":\"x\",\"$id\":\"y\",\"$schema\":\"z\"}"),
	 PROPERTY("{\"type\":\"string\"}"), "schema.format,schema.default,schema.$id,schema.$schema"},
	{SCHEMA("{\"type\":\"object\",\"patternProperties\":{},\"additionalProperties\":false}"),
	 PROPERTY("{\"type\":\"object\"}"), "schema.patternProperties,schema.additionalProperties"},
	{SCHEMA("true"), PROPERTY("{}"), NULL},
	{SCHEMA("false"), PROPERTY("{}"), "schema.false"},
	{SCHEMA("3"), NULL, "a schema is no object"},
	{TOOL(",\"parameters\":{\"$defs\":{\"T\":{\"type\":\"string\",\"description\":\"own\"}},\"type\":\"object\","
	 "\"properties\":{\"a\":{\"$ref\":\"#/$defs/T\"},\"b\":{\"$ref\":\"#/$defs/T\",\"description\":\"mine\"}}}"),
	 "\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"description\":\"own\"},"
	 "\"b\":{\"type\":\"string\",\"description\":\"mine\"}}}", NULL},
	{TOOL(",\"parameters\":{\"$ref\":\"#/definitions/T\",\"definitions\":{\"T\":{\"type\":\"object\","
	 "\"properties\":{\"a\":{\"type\":\"null\"}}}}}"),
	 "\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"}}}", NULL},
	{TOOL(",\"parameters\":{\"$defs\":{\"T\":{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":"
	 "\"#/$defs/T\"}}}},\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/T\"}}}"),
	 NULL, "contains itself"},
	{SCHEMA("{\"$ref\":\"https://example.com/s.json\"}"), NULL, "refers to what is not in it"},
	{SCHEMA("{\"allOf\":[{\"type\":\"string\"}]}"), PROPERTY("{\"type\":\"string\"}"), NULL},
	{SCHEMA("{\"allOf\":[{\"type\":\"string\"},{\"minLength\":1}]}"), PROPERTY("{}"), "schema.allOf"},
};

static const struct row gemini_messages[] = {
	{"{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":"
	 "\"d\"}]}," USER,
	 "{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"},{\"text\":\"d\"}]},\"contents\":[{\"role\":\"user\"", NULL},
	{USER ",{\"role\":\"system\",\"content\":\"s\"}", NULL, "behind the first turn"},
	{USER "," USER ",{\"role\":\"assistant\",\"content\":\"yes\"}",
	 "[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"},{\"text\":\"hi\"}]},"
	 "{\"role\":\"model\",\"parts\":[{\"text\":\"yes\"}]}]", NULL},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"image_url\",\"image_url\":"
	 "{\"url\":\"data:image/png;base64,QUI=\",\"detail\":\"low\"}}]}",
	 "[{\"text\":\"t\"},{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"QUI=\"}}]", "image_url.detail"},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]}",
	 NULL, "an image must be a data URL"},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"gs://b/y.png\"}}]}",
	 "{\"fileData\":{\"fileUri\":\"gs://b/y.png\"}}", NULL},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ==\",\"format\":"
	 "\"mp3\"}}]}", "{\"inlineData\":{\"mimeType\":\"audio/mp3\",\"data\":\"QQ==\"}}", NULL},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;"
	 "base64,QQ==\"}}]}", "{\"inlineData\":{\"mimeType\":\"application/pdf\",\"data\":\"QQ==\"}}", NULL},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"bogus\"}]}", NULL, "type bogus"},
	{"{\"role\":\"bogus\",\"content\":\"x\"}", NULL, "role 'bogus'"},
	{"{\"role\":\"user\",\"content\":\"\"}", "\"parts\":[{\"text\":\"\"}]", NULL},
	/* Results in the order of the calls, whatever theirs is; an object as it is, text as one. */
	{USER "," CALLS("") "," RESULT("c2", "\"{\\\"b\\\":2}\"") "," RESULT("c1", "\"sunny\"") "," USER,
	 "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{\"a\":1}}},"
	 "{\"functionCall\":{\"id\":\"c2\",\"name\":\"g\",\"args\":{}}}]},"
	 "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"c1\",\"name\":\"f\",\"response\":"
	 "{\"result\":\"sunny\"}}},{\"functionResponse\":{\"id\":\"c2\",\"name\":\"g\",\"response\":{\"b\":2}}},"
	 "{\"text\":\"hi\"}]}", NULL},
	{USER "," RESULT("lost", "\"x\""), NULL, "answers no call of the history: lost"},
	{USER ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":"
	 "\"f\",\"arguments\":\"[1\"}}]}", NULL, "no JSON object"},
	{USER "," CALLS(",\"extra_content\":{\"google\":{\"thought_signature\":\"SIG\"}}"),
	 "\"args\":{\"a\":1}},\"thoughtSignature\":\"SIG\"}", NULL},
	{USER ",{\"role\":\"assistant\",\"content\":\"x\",\"extra_content\":{\"google\":{\"thought_signature\":"
	 "\"SIG\"}}}", "{\"text\":\"x\",\"thoughtSignature\":\"SIG\"}", NULL},
	{USER ",{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_content\":\"hm\",\"name\":\"n\"}",
	 "\"parts\":[{\"text\":\"x\"}]", "messages.name,messages.reasoning_content"},
};

static const struct { const char *model, *effort, *want; } gemini_efforts[] = {
	{"gemini-3-pro-preview", "high", "{\"thinkingLevel\":\"high\",\"includeThoughts\":true}"},
	{"gemini-3.5-flash", "minimal", "{\"thinkingLevel\":\"minimal\",\"includeThoughts\":true}"},
	{"gemini-3-pro-preview", "none", NULL},
	{"gemini-2.5-flash", "none", "{\"thinkingBudget\":0}"},
	{"gemini-2.5-flash", "low", "{\"thinkingBudget\":1024,\"includeThoughts\":true}"},
	{"gemini-2.5-flash", "medium", "{\"thinkingBudget\":8192,\"includeThoughts\":true}"},
	{"gemini-2.5-flash", "high", "{\"thinkingBudget\":24576,\"includeThoughts\":true}"},
	{"gemini-2.5-flash", "bogus", NULL},
};
/* clang-format on */

START_TEST(gemini_carries_refuses_or_tells_each_member)
{
	assert_row(&dialect_gemini, &gemini_rows[_i]);
}
END_TEST

START_TEST(gemini_takes_each_kind_of_message)
{
	assert_messages(&dialect_gemini, "m", &gemini_messages[_i]);
}
END_TEST

START_TEST(gemini_thinks_as_its_generation_is_told_to)
{
	const char *want = gemini_efforts[_i].want;
	struct row row = {.members = gemini_efforts[_i].effort,
	                  .want = want,
	                  .other = want == NULL ? "reasoning_effort" : NULL};
	struct text body = text_format(
	    &arena, "{\"model\":\"%s\",\"messages\":[" USER "],\"reasoning_effort\":\"%s\"}",
	    gemini_efforts[_i].model, gemini_efforts[_i].effort);

	assert_encodes(&dialect_gemini, text_c(&arena, body), &row);
}
END_TEST

START_TEST(gemini_3_takes_a_history_whose_signatures_are_lost)
{
	static const struct row row = {
	    USER "," CALLS(""),
	    "\"args\":{\"a\":1}},\"thoughtSignature\":\"skip_thought_signature_validator\"},"
	    "{\"functionCall\":{\"id\":\"c2\",\"name\":\"g\",\"args\":{}}}]}",
	    "tool_calls.extra_content.google.thought_signature"};

	assert_messages(&dialect_gemini, "gemini-3-flash", &row);
}
END_TEST

static const char *header(const struct wire_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (text_is(request->headers[i].name, name))
			return text_c(&arena, request->headers[i].value);
	return NULL;
}

START_TEST(geminis_model_and_stream_stand_in_the_path)
{
	static const char base[] = "https://host/v1beta";
	struct wire_request out;
	struct fault fault;

	ck_assert(encode(&dialect_gemini, base, "{\"model\":\"gemini-2.5-pro\",\"messages\":[]}",
	                 false, &out, &fault));
	ck_assert_str_eq(out.url, "https://host/v1beta/models/gemini-2.5-pro:generateContent");
	ck_assert_str_eq(out.key_header, "x-goog-api-key");
	ck_assert_str_eq(out.key_prefix, "");
	ck_assert_str_eq(header(&out, "Accept"), "application/json");
	ck_assert(encode(&dialect_gemini, base, "{\"model\":\"tunedModels/a b?\",\"messages\":[]}",
	                 true, &out, &fault));
	ck_assert_str_eq(out.url,
	                 "https://host/v1beta/tunedModels/a%20b%3F:streamGenerateContent?alt=sse");
	ck_assert(!encode(&dialect_gemini, base, "{\"model\":\"models/../x\",\"messages\":[]}",
	                  true, &out, &fault));
	ck_assert(!encode(&dialect_gemini, base, "{\"messages\":[]}", true, &out, &fault));
	assert_fault_says(&fault, "names no model");
}
END_TEST

/* Each level refers to the one below twice: 2^40 nodes if nobody counted. */
START_TEST(a_schema_that_explodes_is_refused)
{
	struct text definitions = TEXT("\"T0\":{\"type\":\"string\"}");
	struct wire_request out;
	struct fault fault;

	for (int i = 1; i < 40; i++)
		definitions = text_format(
		    &arena,
		    "%.*s,\"T%d\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/"
		    "T%d\"},\"b\":{\"$ref\":\"#/$defs/T%d\"}}}",
		    TEXT_ARG(definitions), i, i - 1, i - 1);
	struct text body = text_format(
	    &arena,
	    "{\"model\":\"m\",\"messages\":[],\"tools\":[{\"type\":\"function\",\"function\":{"
	    "\"name\":\"f\",\"parameters\":{\"$defs\":{%.*s},\"$ref\":\"#/$defs/T20\"}}}]}",
	    TEXT_ARG(definitions));
	ck_assert(
	    !encode(&dialect_gemini, "http://host", text_c(&arena, body), false, &out, &fault));
	assert_fault_says(&fault, "too large or too deep");
}
END_TEST

START_TEST(what_is_no_chat_request_is_refused)
{
	static const char *const bodies[] = {"[]", "3", "{", "\"x\""};
	struct wire_request out;
	struct fault fault;

	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++)
		for (size_t k = 0; dialect_names[k] != NULL; k++) {
			const struct dialect *dialect =
			    dialect_from_name(text_of(dialect_names[k]));
			ck_assert_str_eq(dialect->name, dialect_names[k]);
			if (!dialect->openai_replies)
				ck_assert(!encode(dialect, "http://host", bodies[i], false, &out,
				                  &fault));
		}
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_loop_test(cases, gemini_carries_refuses_or_tells_each_member, 0,
	                    ARRAY_LENGTH(gemini_rows));
	tcase_add_loop_test(cases, gemini_takes_each_kind_of_message, 0,
	                    ARRAY_LENGTH(gemini_messages));
	tcase_add_loop_test(cases, gemini_thinks_as_its_generation_is_told_to, 0,
	                    ARRAY_LENGTH(gemini_efforts));
	tcase_add_test(cases, gemini_3_takes_a_history_whose_signatures_are_lost);
	tcase_add_test(cases, geminis_model_and_stream_stand_in_the_path);
	tcase_add_test(cases, a_schema_that_explodes_is_refused);
	tcase_add_test(cases, what_is_no_chat_request_is_refused);
}

int main(void)
{
	return unit_main("encode", add_tests);
}
