/*
 * OpenAI's chat request as Anthropic's Messages (TRANSLATION.md A1 to A4; Anthropic API reference,
 * version 2023-06-01).
 */
#include "providers/dialect/encode_anthropic.h"

#include "harness/base/digest.h"
#include "providers/dialect/encode.h"

/* --- models ------------------------------------------------------------------------------- */

/* Versions by what changed with them (Anthropic's guides on thinking and on migrating). */
enum {
	CLAUDE_THINKS = 37,
	CLAUDE_ADAPTS = 46,    /* thinks as much as it takes; older ones by a budget */
	CLAUDE_UNSAMPLED = 47, /* refuses temperature, top_p and budgets */
	BUDGET_LEAST = 1024,
	BUDGET_MOST = 32000,
};

static int64_t version(const struct encoding *e)
{
	return encode_version(e, "claude");
}

enum thinking { THINKING_UNSAID, THINKING_NEVER, THINKING_OFF, THINKING_BUDGET, THINKING_ADAPTIVE };

/* How the model is told what reasoning_effort says; one that we don't know is a new one. */
static enum thinking thinking_of(const struct encoding *e)
{
	struct text effort = encode_effort(e);

	if (effort.data == NULL)
		return THINKING_UNSAID;
	if (version(e) > 0 && version(e) < CLAUDE_THINKS)
		return text_is(effort, "none") ? THINKING_UNSAID : THINKING_NEVER;
	if (text_is(effort, "none"))
		return THINKING_OFF;
	return version(e) > 0 && version(e) < CLAUDE_ADAPTS ? THINKING_BUDGET : THINKING_ADAPTIVE;
}

/* Required: what the request says, what the model can, or what is enough for most. */
static int64_t max_tokens_of(const struct encoding *e)
{
	int64_t most = encode_max_tokens(e);

	return most < 0 ? ENCODE_ANTHROPIC_MAX_TOKENS : most;
}

/* --- content ----------------------------------------------------------------------------- */

static void write_text_block(struct encoding *e, struct text text)
{
	/* Empty text blocks are refused. */
	if (text.len == 0)
		return;
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", "text");
	json_write_member(&e->json, "text", text);
	json_write_object_end(&e->json);
}

static void write_source(struct encoding *e, const char *block, struct text url, struct text title)
{
	struct text type, base64;
	bool inline_data = encode_data_url(url, &type, &base64);

	if (!inline_data && !text_starts(url, TEXT("http"))) {
		encode_refuse(e, "an image's URL is neither data nor http");
		return;
	}
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", block);
	json_write_key(&e->json, "source");
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", inline_data ? "base64" : "url");
	if (inline_data) {
		json_write_member(&e->json, "media_type", type);
		json_write_member(&e->json, "data", base64);
	} else {
		json_write_member(&e->json, "url", url);
	}
	json_write_object_end(&e->json);
	if (title.len > 0)
		json_write_member(&e->json, "title", title);
	json_write_object_end(&e->json);
}

static void write_image(struct encoding *e, const struct json *image)
{
	if (encode_field(image, "detail") != NULL)
		encode_drop(e, "image_url.detail");
	write_source(e, "image", json_string(image, "url"), TEXT(""));
}

static void write_file(struct encoding *e, const struct json *file)
{
	struct text data = json_string(file, "file_data");

	if (!text_starts(data, TEXT("data:application/pdf;base64,")))
		encode_refuse(e, "a file part must be a PDF in file_data");
	else
		write_source(e, "document", data, json_string(file, "filename"));
}

/* --- ids ---------------------------------------------------------------------------------- */

static bool is_allowed(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '-';
}

struct text encode_anthropic_id(struct encoding *encoding, struct text id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!is_allowed(id.data[i]))
			return text_format(encoding->arena, "call_%.*s",
			                   TEXT_ARG(digest_hex(encoding->arena, id, 24)));
	return id;
}

/* --- messages ----------------------------------------------------------------------------- */

static void write_tool_use(struct encoding *e, const struct json *call)
{
	const struct json *input = encode_arguments(e, call);

	if (input == NULL)
		return;
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", "tool_use");
	json_write_member(&e->json, "id", encode_anthropic_id(e, json_string(call, "id")));
	json_write_member(&e->json, "name", json_string(json_member(call, "function"), "name"));
	json_write_key(&e->json, "input");
	json_write_node(&e->json, input);
	json_write_object_end(&e->json);
}

static void begin_tool_result(struct encoding *e, const struct json *message)
{
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", "tool_result");
	json_write_member(&e->json, "tool_use_id",
	                  encode_anthropic_id(e, json_string(message, "tool_call_id")));
}

/* Signed thoughts go back as they came. */
static void write_thought(struct encoding *e, const struct json *block)
{
	json_write_node(&e->json, block);
}

static const struct encode_blocks blocks = {
    .text = write_text_block,
    .image = write_image,
    .file = write_file,
    .thought = write_thought,
    .call = write_tool_use,
    .begin_result = begin_tool_result,
    .result_depth = 1,
    .begun_is_trimmed = true,
};

/* --- tools -------------------------------------------------------------------------------- */

static void write_tool(struct encoding *e, const struct json *tool)
{
	const struct json *strict = encode_field(json_member(tool, "function"), "strict");

	json_write_object(&e->json);
	encode_function(e, tool, "input_schema");
	if (json_is(strict, JSON_BOOL))
		json_write_member_bool(&e->json, "strict", strict->truth);
	json_write_object_end(&e->json);
}

void encode_anthropic_check_choice(struct encoding *e, enum encode_choice choice)
{
	if (choice >= ENCODE_CHOICE_REQUIRED && thinking_of(e) == THINKING_BUDGET)
		encode_refuse(e, "tool_choice can't make this model call while it thinks");
}

static void write_choice(struct encoding *e)
{
	static const char *const types[] = {
	    [ENCODE_CHOICE_ABSENT] = "auto", [ENCODE_CHOICE_AUTO] = "auto",
	    [ENCODE_CHOICE_NONE] = "none",   [ENCODE_CHOICE_REQUIRED] = "any",
	    [ENCODE_CHOICE_NAMED] = "tool",
	};
	const struct json *parallel = encode_field(e->root, "parallel_tool_calls");
	bool one_only = json_is(parallel, JSON_BOOL) && !parallel->truth;
	struct text name;
	enum encode_choice choice = encode_choice_of(e, &name);

	if (choice == ENCODE_CHOICE_ABSENT && !one_only)
		return;
	encode_anthropic_check_choice(e, choice);
	json_write_key(&e->json, "tool_choice");
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", types[choice]);
	if (choice == ENCODE_CHOICE_NAMED)
		json_write_member(&e->json, "name", name);
	if (one_only && choice != ENCODE_CHOICE_NONE)
		json_write_member_bool(&e->json, "disable_parallel_tool_use", true);
	json_write_object_end(&e->json);
}

static void write_tools(struct encoding *e)
{
	bool strict;
	const struct json *tools = encode_tools(e, &strict);

	if (tools == NULL)
		return;
	json_write_key(&e->json, "tools");
	json_write_array(&e->json);
	JSON_EACH(tool, tools)
	{
		write_tool(e, tool);
	}
	json_write_array_end(&e->json);
	write_choice(e);
}

/* --- parameters --------------------------------------------------------------------------- */

static void write_stop(struct encoding *e)
{
	const struct json *stop = encode_field(e->root, "stop");

	if (stop == NULL)
		return;
	json_write_key(&e->json, "stop_sequences");
	json_write_array(&e->json);
	if (json_is(stop, JSON_STRING))
		json_write_string(&e->json, stop->text);
	JSON_EACH(word, json_is(stop, JSON_ARRAY) ? stop : NULL)
	{
		/* White space alone is refused. */
		if (text_trim(word->text).len > 0)
			json_write_string(&e->json, word->text);
		else
			encode_drop(e, "stop");
	}
	json_write_array_end(&e->json);
}

bool encode_anthropic_samples(const struct encoding *e)
{
	return version(e) < CLAUDE_UNSAMPLED;
}

static void write_temperature(struct encoding *e)
{
	const struct json *temperature = encode_field(e->root, "temperature");
	double value;

	if (temperature == NULL)
		return;
	if (!encode_anthropic_samples(e)) {
		encode_drop(e, "temperature");
		return;
	}
	/* Clamped it would be another request. */
	if (!text_to_double(temperature->text, &value) || value < 0 || value > 1)
		encode_refuse(e, "temperature must be from 0 to 1 for this provider");
	encode_copy(e, "temperature", "temperature");
}

static void write_top_p(struct encoding *e)
{
	if (encode_anthropic_samples(e))
		encode_copy(e, "top_p", "top_p");
	else if (encode_field(e->root, "top_p") != NULL)
		encode_drop(e, "top_p");
}

struct text encode_anthropic_effort(const struct encoding *e)
{
	struct text effort = encode_effort(e);

	if (thinking_of(e) != THINKING_ADAPTIVE)
		return (struct text){NULL, 0};
	return text_is(effort, "minimal") ? TEXT("low") : effort;
}

static void write_format(struct encoding *e)
{
	struct text effort = encode_anthropic_effort(e);
	const struct json *schema;

	if (encode_format_of(e, &schema) == ENCODE_FORMAT_JSON)
		encode_refuse(e, "response_format json_object can't be carried");
	if (schema == NULL && effort.data == NULL)
		return;
	json_write_key(&e->json, "output_config");
	json_write_object(&e->json);
	if (schema != NULL) {
		json_write_key(&e->json, "format");
		json_write_object(&e->json);
		json_write_member_c(&e->json, "type", "json_schema");
		json_write_key(&e->json, "schema");
		encode_anthropic_schema(e, schema);
		json_write_object_end(&e->json);
	}
	if (effort.data != NULL)
		json_write_member(&e->json, "effort", effort);
	json_write_object_end(&e->json);
}

/* A part of all tokens, which leaves the rest to the answer (OpenRouter's page on reasoning). */
static int64_t budget_of(struct encoding *e)
{
	static const struct {
		const char *effort;
		int64_t percent;
	} shares[] = {{"minimal", 10}, {"low", 20},   {"medium", 50},
	              {"high", 80},    {"xhigh", 95}, {"max", 95}};
	struct text effort = encode_effort(e);
	int64_t most = max_tokens_of(e);
	int64_t budget = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(shares); i++)
		if (text_is(effort, shares[i].effort))
			budget = most * shares[i].percent / 100;
	if (budget == 0)
		encode_refuse(e, "reasoning_effort '%.*s' can't be had with this model",
		              TEXT_ARG(text_visible(e->arena, effort, 40)));
	if (most <= BUDGET_LEAST)
		encode_refuse(e, "this model needs max_tokens above %d to think", BUDGET_LEAST);
	return int64_max(BUDGET_LEAST, int64_min(budget, BUDGET_MOST));
}

void encode_anthropic_thinking(struct encoding *e)
{
	static const char *const types[] = {[THINKING_OFF] = "disabled",
	                                    [THINKING_BUDGET] = "enabled",
	                                    [THINKING_ADAPTIVE] = "adaptive"};
	enum thinking thinking = thinking_of(e);

	if (thinking == THINKING_NEVER)
		encode_refuse(e, "reasoning_effort can't be had with this model");
	if (thinking <= THINKING_NEVER)
		return;
	json_write_key(&e->json, "thinking");
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", types[thinking]);
	if (thinking == THINKING_BUDGET)
		json_write_member_int(&e->json, "budget_tokens", budget_of(e));
	json_write_object_end(&e->json);
}

static void write_user(struct encoding *e)
{
	struct text user = json_string(e->root, "safety_identifier");

	if (user.data == NULL)
		user = json_string(e->root, "user");
	if (user.data == NULL)
		return;
	json_write_key(&e->json, "metadata");
	json_write_object(&e->json);
	json_write_member(&e->json, "user_id", user);
	json_write_object_end(&e->json);
}

bool encode_anthropic(const struct provider *provider, const struct chat_request *request,
                      struct arena *arena, struct wire_request *out, struct fault *fault)
{
	static const struct http_header version[] = {
	    {TEXT_INIT("anthropic-version"), TEXT_INIT("2023-06-01")}};
	static const struct encode_door door = {"x-api-key", "", version, ARRAY_LENGTH(version)};
	static const char *const carried[] = {"parallel_tool_calls", "user", "safety_identifier",
	                                      NULL};
	struct encoding encoding;
	struct encoding *e = &encoding;

	/* A client that speaks the format itself: nothing is put into another one. */
	if (request->endpoint == ENDPOINT_MESSAGES) {
		encoding = (struct encoding){
		    .provider = provider, .request = request, .arena = arena, .fault = fault};
		bool sent = encode_wire(e, &door, TEXT("/messages"), out);
		out->body = request->body;
		return sent;
	}
	if (!encode_begin(e, provider, request, carried, arena, fault))
		return false;
	encode_copy(e, "model", "model");
	json_write_member_int(&e->json, "max_tokens", max_tokens_of(e));
	encode_turns(e, &blocks);
	write_tools(e);
	write_temperature(e);
	write_top_p(e);
	write_stop(e);
	write_format(e);
	encode_anthropic_thinking(e);
	write_user(e);
	if (request->streamed)
		json_write_member_bool(&e->json, "stream", true);
	return encode_end(e, &door, TEXT("/messages"), out);
}
