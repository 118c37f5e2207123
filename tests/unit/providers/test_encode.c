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
	{"\"logprobs\":true,\"top_logprobs\":2", "{\"responseLogprobs\":true,\"logprobs\":2}", NULL},
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
	{"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"1f\"}}]", "{\"name\":\"_x_1f\"}", NULL},
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
	 "\"parts\":[{\"text\":\"x\"}]", "messages.reasoning_content,messages.name"},
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

/* --- Anthropic ------------------------------------------------------------ */

#define ANTHROPIC(rest) "{\"model\":\"m\",\"max_tokens\":77,\"messages\":[{\"role\":\"user\",\"content\":" \
	"[{\"type\":\"text\",\"text\":\"hi\"}]}]" rest "}"

static const struct row anthropic_rows[] = {
	{"", ANTHROPIC(""), NULL},
	{"\"max_tokens\":5,\"max_completion_tokens\":6", "\"max_tokens\":6,", NULL},
	{"\"temperature\":0.5,\"top_p\":0.9", ANTHROPIC(",\"temperature\":0.5,\"top_p\":0.9"), NULL},
	{"\"temperature\":1.5", NULL, "temperature"},
	{"\"stop\":\"x\"", ANTHROPIC(",\"stop_sequences\":[\"x\"]"), NULL},
	{"\"stop\":[\"x\",\" \"]", ANTHROPIC(",\"stop_sequences\":[\"x\"]"), "stop"},
	{"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":"
	 "\"object\"}}}", "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"", NULL},
	{"\"response_format\":{\"type\":\"json_object\"}", NULL, "response_format json_object"},
	{"\"reasoning_effort\":\"high\"",
	 "\"output_config\":{\"effort\":\"high\"},\"thinking\":{\"type\":\"adaptive\"}", NULL},
	{"\"reasoning_effort\":\"none\"", "\"thinking\":{\"type\":\"disabled\"}", NULL},
	{"\"user\":\"u\"", "\"metadata\":{\"user_id\":\"u\"}", NULL},
	{"\"safety_identifier\":\"s\",\"user\":\"u\"", "\"metadata\":{\"user_id\":\"s\"}", NULL},
	{"\"n\":1", ANTHROPIC(""), NULL},
	{"\"n\":2", NULL, "n other than 1"},
	{"\"logprobs\":true", NULL, "logprobs"},
	{"\"top_logprobs\":2", NULL, "top_logprobs"},
	{"\"audio\":{}", NULL, "audio"},
	{"\"service_tier\":\"auto\",\"logit_bias\":{},\"seed\":1,\"presence_penalty\":0,\"frequency_penalty\":0,"
	 "\"prediction\":{},\"store\":true,\"metadata\":{},\"x_unheard_of\":1,\"stream_options\":{}", ANTHROPIC(""),
	 "service_tier,logit_bias,seed,presence_penalty,frequency_penalty,prediction,store,metadata,x_unheard_of"},
	{TOOL(",\"description\":\"d\",\"strict\":true,\"parameters\":{\"type\":\"object\"}"),
	 "\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"},\"strict\":true}]}", NULL},
	{TOOL(""), "\"input_schema\":{\"type\":\"object\",\"properties\":{}}", NULL},
	{TOOL("") ",\"tool_choice\":\"auto\"", "\"tool_choice\":{\"type\":\"auto\"}", NULL},
	{TOOL("") ",\"tool_choice\":\"required\"", "\"tool_choice\":{\"type\":\"any\"}", NULL},
	{TOOL("") ",\"tool_choice\":\"none\",\"parallel_tool_calls\":false", "\"tool_choice\":{\"type\":\"none\"}", NULL},
	{TOOL("") ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
	 "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}", NULL},
	{TOOL("") ",\"parallel_tool_calls\":false",
	 "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}", NULL},
	{TOOL("") ",\"tool_choice\":\"bogus\"", NULL, "tool_choice"},
};

#define ANTHROPIC_TWICE \
	"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}," \
	"{\"type\":\"text\",\"text\":\"hi\"}]}]"

static const struct row anthropic_messages[] = {
	{"{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"developer\",\"content\":\"d\"}," USER,
	 "\"system\":[{\"type\":\"text\",\"text\":\"s\"},{\"type\":\"text\",\"text\":\"d\"}],\"messages\":[{\"role\":\"user\"", NULL},
	{USER ",{\"role\":\"system\",\"content\":\"s\"}", NULL, "behind the first turn"},
	{"{\"role\":\"assistant\",\"content\":\"x\"}", NULL, "first message must be the user's"},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"},{\"type\":\"image_url\",\"image_url\":{"
	 "\"url\":\"data:image/png;base64,QUI=\",\"detail\":\"low\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":"
	 "\"https://x/y\"}},{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,QQ==\"}}]}",
	 "\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"QUI=\"}},"
	 "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y\"}},{\"type\":\"document\",\"source\":{"
	 "\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"QQ==\"}}]", "image_url.detail"},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{}}]}", NULL, "input_audio"},
	{USER "," CALLS("") "," RESULT("c2", "\"two\"") "," RESULT("c1", "\"one\"") "," USER,
	 "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":{\"a\":1}},"
	 "{\"type\":\"tool_use\",\"id\":\"c2\",\"name\":\"g\",\"input\":{}}]},{\"role\":\"user\",\"content\":["
	 "{\"type\":\"tool_result\",\"tool_use_id\":\"c2\",\"content\":[{\"type\":\"text\",\"text\":\"two\"}]},"
	 "{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":\"one\"}]},"
	 "{\"type\":\"text\",\"text\":\"hi\"}]}", NULL},
	{USER ",{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":\"no\",\"thinking_blocks\":[{\"type\":\"thinking\","
	 "\"thinking\":\"hm\",\"signature\":\"S\"},{\"type\":\"redacted_thinking\",\"data\":\"D\"}]}",
	 "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"S\"},{\"type\":\"redacted_thinking\","
	 "\"data\":\"D\"},{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"text\",\"text\":\"no\"}]", NULL},
	{USER ",{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_content\":\"hm\"}",
	 "\"content\":[{\"type\":\"text\",\"text\":\"x\"}]", "messages.reasoning_content"},
	/* an answer begun for the model may not end in white space */
	{USER ",{\"role\":\"assistant\",\"content\":\"{ \\t\\n\"}", "\"content\":[{\"type\":\"text\",\"text\":\"{\"}]", NULL},
	/* one that says nothing is no turn; what is lost with it is told, or refused */
	{USER ",{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[]}," USER, ANTHROPIC_TWICE, NULL},
	{USER ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\" \"}]}," USER, ANTHROPIC_TWICE, NULL},
	{USER ",{\"role\":\"assistant\",\"content\":\" \"}",
	 "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]", NULL},
	{"{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"hm\"}," USER,
	 "\"messages\":[{\"role\":\"user\"", "messages.reasoning_content"},
	{"{\"role\":\"assistant\",\"content\":null,\"audio\":{\"id\":\"a\"}}," USER, NULL, "audio in a message"},
	{USER ",{\"role\":\"assistant\",\"content\":null,\"audio\":{\"id\":\"a\"}}", NULL, "audio in a message"},
};

/* --- Cohere --------------------------------------------------------------- */

#define COHERE(rest) "{\"model\":\"m\",\"messages\":[" USER "]" rest ",\"stream\":false}"

static const struct row cohere_rows[] = {
	{"", COHERE(""), NULL},
	{"\"max_tokens\":5,\"max_completion_tokens\":6", COHERE(",\"max_tokens\":6"), NULL},
	{"\"max_tokens\":5", COHERE(",\"max_tokens\":5"), NULL},
	{"\"temperature\":0.5,\"top_p\":0.9,\"seed\":7,\"presence_penalty\":0.1,\"frequency_penalty\":0.2",
	 COHERE(",\"temperature\":0.5,\"p\":0.9,\"seed\":7,\"presence_penalty\":0.1,\"frequency_penalty\":0.2"), NULL},
	{"\"stop\":\"x\"", COHERE(",\"stop_sequences\":[\"x\"]"), NULL},
	{"\"response_format\":{\"type\":\"json_object\"}", COHERE(",\"response_format\":{\"type\":\"json_object\"}"), NULL},
	{"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}",
	 COHERE(",\"response_format\":{\"type\":\"json_object\",\"json_schema\":{\"type\":\"object\"}}"), NULL},
	{"\"response_format\":{\"type\":\"json_schema\"}", NULL, "no schema"},
	{"\"response_format\":{\"type\":\"bogus\"}", NULL, "response_format bogus"},
	{"\"reasoning_effort\":\"none\"", COHERE(",\"thinking\":{\"type\":\"disabled\"}"), NULL},
	{"\"reasoning_effort\":\"low\"", COHERE(",\"thinking\":{\"type\":\"enabled\"}"), NULL},
	{"\"n\":2", NULL, "n other than 1"},
	{"\"logprobs\":true", NULL, "logprobs"},
	{"\"user\":\"u\",\"parallel_tool_calls\":true", COHERE(""), "user,parallel_tool_calls"},
	{TOOL(",\"strict\":true"), COHERE(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
	 "{\"type\":\"object\",\"properties\":{}}}}],\"strict_tools\":true"), NULL},
	{TOOL("") ",\"tool_choice\":\"auto\"", "\"properties\":{}}}}],\"stream\":false}", NULL},
	{TOOL("") ",\"tool_choice\":\"required\"", "\"tool_choice\":\"REQUIRED\"", NULL},
	{TOOL("") ",\"tool_choice\":\"none\"", "\"tool_choice\":\"NONE\"", NULL},
	{TOOL("") ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", NULL, "tool_choice of one"},
};

static const struct row cohere_messages[] = {
	{"{\"role\":\"developer\",\"content\":\"d\"}," USER ",{\"role\":\"system\",\"content\":\"s\"}",
	 "[{\"role\":\"system\",\"content\":\"d\"}," USER ",{\"role\":\"system\",\"content\":\"s\"}]", NULL},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"image_url\",\"image_url\":{"
	 "\"url\":\"data:image/png;base64,QUI=\"}}]}",
	 "[{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QUI=\"}}]", NULL},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"file\"}]}", NULL, "type file"},
	{USER "," CALLS("") "," RESULT("c1", "\"sunny\""),
	 "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	 "\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\","
	 "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"sunny\"}", NULL},
	{USER ",{\"role\":\"assistant\",\"reasoning_content\":\"I will\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
	 "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}",
	 "{\"role\":\"assistant\",\"tool_plan\":\"I will\",\"tool_calls\"", NULL},
};

/* --- Ollama --------------------------------------------------------------- */

#define OLLAMA(rest) "{\"model\":\"m\",\"messages\":[" USER "]" rest ",\"stream\":false}"
#define OPTIONS(rest) OLLAMA(",\"options\":{" rest "}")

static const struct row ollama_rows[] = {
	{"", OPTIONS(""), NULL},
	{"\"max_tokens\":5,\"max_completion_tokens\":6", OPTIONS("\"num_predict\":6"), NULL},
	{"\"temperature\":0.5,\"top_p\":0.9,\"seed\":7,\"presence_penalty\":0.1,\"frequency_penalty\":0.2,\"stop\":\"x\"",
	 OPTIONS("\"temperature\":0.5,\"top_p\":0.9,\"seed\":7,\"presence_penalty\":0.1,\"frequency_penalty\":0.2,\"stop\":[\"x\"]"), NULL},
	{"\"response_format\":{\"type\":\"json_object\"}", OLLAMA(",\"format\":\"json\",\"options\":{}"), NULL},
	{"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}",
	 OLLAMA(",\"format\":{\"type\":\"object\"},\"options\":{}"), NULL},
	{"\"response_format\":{\"type\":\"bogus\"}", NULL, "response_format bogus"},
	{"\"reasoning_effort\":\"none\"", OLLAMA(",\"think\":false,\"options\":{}"), NULL},
	{"\"reasoning_effort\":\"high\"", OLLAMA(",\"think\":\"high\",\"options\":{}"), NULL},
	{"\"n\":2", NULL, "n other than 1"},
	{"\"logprobs\":true", NULL, "logprobs"},
	{"\"user\":\"u\",\"parallel_tool_calls\":true", OPTIONS(""), "user,parallel_tool_calls"},
	{TOOL(""), OLLAMA(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"options\":{}"), NULL},
	{TOOL("") ",\"tool_choice\":\"none\"", OPTIONS(""), "tools"},
	{TOOL("") ",\"tool_choice\":\"required\"", NULL, "tool_choice other than auto or none"},
	{TOOL(",\"strict\":true"), "\"tools\":", "tools.function.strict"},
};

static const struct row ollama_messages[] = {
	{"{\"role\":\"developer\",\"content\":\"d\"}," USER, "[{\"role\":\"system\",\"content\":\"d\"}," USER "]", NULL},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"image_url\",\"image_url\":{"
	 "\"url\":\"data:image/png;base64,QUI=\"}},{\"type\":\"text\",\"text\":\"u\"}]}",
	 "{\"role\":\"user\",\"content\":\"tu\",\"images\":[\"QUI=\"]}", NULL},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}}]}", NULL, "data URL"},
	{USER "," CALLS("") "," RESULT("c1", "\"sunny\""),
	 "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	 "\"arguments\":{\"a\":1}}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":{}}}]},"
	 "{\"role\":\"tool\",\"content\":\"sunny\",\"tool_name\":\"f\",\"tool_call_id\":\"c1\"}", NULL},
	{USER "," RESULT("lost", "\"x\""), NULL, "answers no call of the history"},
	{USER ",{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_content\":\"hm\"}",
	 "{\"role\":\"assistant\",\"content\":\"x\",\"thinking\":\"hm\"}", NULL},
};

static const struct {
	const struct dialect *dialect;
	const struct row *rows, *messages;
	size_t row_count, message_count;
} tables[] = {
#define TABLES(name) {&dialect_##name, name##_rows, name##_messages, ARRAY_LENGTH(name##_rows), ARRAY_LENGTH(name##_messages)}
	TABLES(gemini), TABLES(anthropic), TABLES(cohere), TABLES(ollama),
};

/* --- Azure ---------------------------------------------------------------- */

static const struct { const char *base, *version; enum endpoint endpoint; const char *url; } azure_urls[] = {
	{"https://r/openai/v1", NULL, ENDPOINT_CHAT, "https://r/openai/v1/chat/completions"},
	{"https://r/openai/v1", "preview", ENDPOINT_CHAT, "https://r/openai/v1/chat/completions?api-version=preview"},
	{"https://r/openai", "2024-10-21", ENDPOINT_CHAT,
	 "https://r/openai/deployments/m%2F1/chat/completions?api-version=2024-10-21"},
	{"https://r/openai", "2024-10-21", ENDPOINT_COMPLETIONS,
	 "https://r/openai/deployments/m%2F1/completions?api-version=2024-10-21"},
	{"https://r/openai", "2024-10-21", ENDPOINT_EMBEDDINGS,
	 "https://r/openai/deployments/m%2F1/embeddings?api-version=2024-10-21"},
	{"https://r/openai", "2024-10-21", ENDPOINT_RESPONSES, "https://r/openai/responses?api-version=2024-10-21"},
	{"https://r/openai", "2024-10-21", ENDPOINT_MODELS, "https://r/openai/models?api-version=2024-10-21"},
	{"https://r/openai/v1", NULL, ENDPOINT_MODELS, "https://r/openai/v1/models"},
	{"https://r/openai/v1", NULL, ENDPOINT_MESSAGES, NULL},
};
/* clang-format on */

START_TEST(azure_finds_the_deployment_in_both_its_apis)
{
	struct provider provider = {.name = TEXT_INIT("p"),
	                            .dialect = &dialect_azure,
	                            .base_url = text_of(azure_urls[_i].base)};
	struct chat_request request = {.endpoint = azure_urls[_i].endpoint,
	                               .body = TEXT_INIT("{ \"model\" : \"m/1\" }")};
	struct wire_request out;
	struct fault fault;

	if (azure_urls[_i].version != NULL)
		provider.api_version = text_of(azure_urls[_i].version);
	bool good = dialect_azure.encode(&provider, &request, &arena, &out, &fault);
	ck_assert_int_eq(good, azure_urls[_i].url != NULL);
	if (!good)
		return;
	ck_assert_str_eq(out.url, azure_urls[_i].url);
	ck_assert_str_eq(out.key_header, "api-key");
	ck_assert_str_eq(out.key_prefix, "");
	ck_assert_str_eq(out.method, request.endpoint == ENDPOINT_MODELS ? "GET" : "POST");
	assert_text(out.body, "{ \"model\" : \"m/1\" }");
}
END_TEST

START_TEST(each_member_is_carried_refused_or_told)
{
	for (size_t i = 0; i < tables[_i].row_count; i++)
		assert_row(tables[_i].dialect, &tables[_i].rows[i]);
}
END_TEST

START_TEST(each_kind_of_message_is_carried)
{
	for (size_t i = 0; i < tables[_i].message_count; i++)
		assert_messages(tables[_i].dialect, "m", &tables[_i].messages[i]);
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
	tcase_add_loop_test(cases, each_member_is_carried_refused_or_told, 0, ARRAY_LENGTH(tables));
	tcase_add_loop_test(cases, each_kind_of_message_is_carried, 0, ARRAY_LENGTH(tables));
	tcase_add_loop_test(cases, azure_finds_the_deployment_in_both_its_apis, 0,
	                    ARRAY_LENGTH(azure_urls));
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
